# SPDX-License-Identifier: MIT
"""Start and end: the configuration's errors, the socket, SIGTERM, and daemons one after the other."""

import grp
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest

import harness
from board import A, B
from harness import BACKEND, BUILD, BUTTONS_AND_LEDS, PATIENCE, TIMEOUT, WRAPPER, Daemon, TestCase, only, wait_until


class End(TestCase):
    CONFIG = BUTTONS_AND_LEDS + """
[line on]
line = FREE0
direction = output
initial = 0
on-exit = 1

[line off]
line = FREE1
direction = output
initial = 1
on-exit = 0

[line input]
line = FREE2
direction = output
initial = 1
on-exit = input
"""

    def test_subscribers_are_told_of_the_end(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.daemon.stop()
        client.wait_for(event="shutdown")
        client.expect_end()

    def test_sighup_moves_nothing(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.daemon.process.send_signal(signal.SIGHUP)
        self.barrier(client)
        client.request("ping")
        client.expect_nothing()

    def test_sigint_ends_it_too(self):
        self.daemon.signal(signal.SIGINT)
        self.assertEqual(0, self.daemon.wait_end())

    def test_outputs_take_their_on_exit_values_before_the_end_is_told(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.daemon.signal(signal.SIGTERM)
        events = [client.event()]
        while events[-1]["event"] != "shutdown":
            events.append(client.event())
        outputs = {event["line"]: (event["value"], event["cause"]) for event in events if event["event"] == "output"}
        self.assertEqual({"on": (1, "exit"), "off": (0, "exit")}, outputs)
        changed = [event for event in events if event["event"] == "line"]
        self.assertEqual([("input", "reconfigured", "input")],
                         [(event["line"], event["change"], event["info"]["direction"]) for event in changed])
        self.assertEqual(0, self.daemon.wait_end())

    def test_it_ends_within_two_seconds_though_readers_are_stuck(self):
        stuck = [self.connect() for _ in range(5)]
        for client in stuck:
            client.request("subscribe", lines="*")
            client.send_until_stuck(b'{"op":"lines"}\n' * 100, 0.1)
        writer = self.connect()
        writer.pipeline([("toggle", {"line": "led"}) for _ in range(5000)])
        begin = time.monotonic()
        self.daemon.stop()
        self.assertLess(time.monotonic() - begin, 2 * PATIENCE)

    # While the last events were sent, for up to a second, timers and clients went on writing: a line was
    # then left at another value than the configuration says.
    def test_nothing_writes_a_line_after_its_on_exit_value(self):
        client, writer = self.connect(), self.connect()
        self.stuck_reader(writer, lines="*")
        client.request("subscribe", lines=["on", "off"])
        client.request("arm", timer="t", every="10ms", values={"on": 0}, notify=False)
        client.request("set", line="off", value=0, pulse="200ms")
        self.daemon.signal(signal.SIGTERM)
        events = [client.event()]
        while events[-1] is not None:
            events.append(client.message())
        events.pop()
        outputs = [(event["line"], event["value"], event["cause"]) for event in events if event["event"] == "output"]
        self.assertEqual(("on", 1, "exit"), outputs[-1])
        self.assertEqual("shutdown", events[-1]["event"])
        self.assertEqual(0, self.daemon.wait_end())

    # The hang-up of a client that left meanwhile was reported again and again.
    def test_waiting_for_stuck_readers_at_the_end_costs_no_time(self):
        writer, leaver = self.connect(), self.connect()
        self.stuck_reader(writer, line="led")
        leaver.request("subscribe", line="relay")
        self.daemon.signal(signal.SIGTERM)
        leaver.expect(event="shutdown")
        leaver.close()
        self.assert_idle()
        self.assertEqual(0, self.daemon.wait_end())

    def test_the_socket_is_gone_afterwards(self):
        self.board.detach()
        directory = self.daemon.directory
        self.daemon.owns_directory = False
        self.daemon.stop()
        self.assertFalse(os.path.exists(self.daemon.socket_path))
        self.assertEqual({"gpioeventd.conf", "stderr", "notify"}, set(os.listdir(directory)) & {"gpioeventd.conf", "stderr", "notify", "socket"})

    def test_pulses_and_timers_do_not_hold_up_the_end(self):
        client = self.connect()
        client.request("set", line="led", value=1, pulse="1h")
        client.request("arm", timer="t", every="1ms", keep=True)
        begin = time.monotonic()
        self.daemon.stop()
        self.assertLess(time.monotonic() - begin, 2 * PATIENCE)


class Start(TestCase):
    CONFIG = None

    def config(self, lines=BUTTONS_AND_LEDS, daemon=""):
        return "[daemon]\n%s\n%s\n%s" % (daemon, self.board.config(), lines)

    def start_in(self, directory, **settings):
        daemon = Daemon(self.config(), directory=directory, **settings)
        self.daemons.append(daemon)
        return daemon

    def run_daemon(self, *args, backend=BACKEND):
        done = subprocess.run(WRAPPER + [os.path.join(BUILD, "gpioeventd")] + list(args), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
        return done.returncode, done.stdout, done.stderr

    def check(self, text):
        path = os.path.join(self.directory(), "checked.conf")
        with open(path, "w") as f:
            f.write(text)
        return self.run_daemon("--check", "--backend", BACKEND, "--config", path) + (path,)

    def directory(self):
        if not hasattr(self, "_directory"):
            import tempfile
            self._directory = tempfile.mkdtemp(prefix="gpioeventd-")
            self.addCleanup(shutil.rmtree, self._directory)
        return self._directory

    def test_a_daemon_starts_on_the_socket_file_that_a_killed_one_left(self):
        directory = self.directory()
        first = self.start_in(directory)
        self.daemons.remove(first)
        first.kill()
        self.assertTrue(os.path.exists(first.socket_path))
        second = self.start_in(directory)
        self.connect(second).request("ping")

    def test_a_second_daemon_on_the_same_socket_is_refused_and_the_first_goes_on(self):
        directory = self.directory()
        first = self.start_in(directory)
        client = self.connect(first)
        with open(os.path.join(directory, "second.conf"), "w") as f:
            f.write("[daemon]\n")
        status, _, stderr = self.run_daemon("--backend", "sim", "--config", os.path.join(directory, "second.conf"),
                                            "--socket", first.socket_path)
        self.assertNotEqual(0, status)
        self.assertIn(first.socket_path, stderr)
        client.request("ping")
        self.connect(first).request("ping")

    def test_a_file_that_is_no_socket_is_left_alone(self):
        path = os.path.join(self.directory(), "precious")
        with open(path, "w") as f:
            f.write("data")
        with open(os.path.join(self.directory(), "empty.conf"), "w") as f:
            f.write("[daemon]\n")
        status, _, stderr = self.run_daemon("--backend", "sim", "--config", os.path.join(self.directory(), "empty.conf"),
                                            "--socket", path)
        self.assertNotEqual(0, status)
        self.assertIn(path, stderr)
        with open(path) as f:
            self.assertEqual("data", f.read())

    def test_each_run_has_its_own_instance_and_counts_from_the_beginning(self):
        directory = self.directory()
        seen = set()
        for _ in range(2):
            daemon = self.start_in(directory)
            client = self.connect(daemon)
            hello = client.request("hello")
            seen.add(hello["instance"])
            self.assertLess(hello["seq"], 100)
            client.request("set", line="led", value=1)
            daemon.stop()
        self.assertEqual(2, len(seen))

    def test_a_client_that_comes_back_to_another_run_is_told(self):
        directory = self.directory()
        first = self.start_in(directory)
        client = self.connect(first)
        reply = client.request("subscribe", line="led")
        first.stop()
        second = self.start_in(directory)
        client = self.connect(second)
        self.assertFalse(client.request("subscribe", line="led", since=reply["seq"], instance=reply["instance"])["resumed"])
        client.expect(event="lost", reason="restart")

    def test_the_socket_has_the_permissions_of_the_configuration(self):
        for text, mode in (("", 0o660), ("socket-mode = 0600", 0o600), ("socket-mode = 0666", 0o666)):
            daemon = self.start(BUTTONS_AND_LEDS, text)
            self.assertEqual(mode, stat.S_IMODE(os.stat(daemon.socket_path).st_mode))
            self.board.detach()
            daemon.stop()

    @unittest.skipUnless(os.getuid() == 0, "only root may give a file to any group")
    def test_the_socket_belongs_to_the_group_of_the_configuration(self):
        others = [entry for entry in grp.getgrall() if entry.gr_gid != os.getgid()]
        daemon = self.start(BUTTONS_AND_LEDS, "socket-group = " + others[0].gr_name)
        status = os.stat(daemon.socket_path)
        self.assertEqual((others[0].gr_gid, 0o660), (status.st_gid, stat.S_IMODE(status.st_mode)))

    # The default must not warn everybody who tries the daemon without being root.
    @unittest.skipUnless(os.getuid() == 0 and shutil.which("setpriv"), "only root can become another user")
    def test_who_may_not_choose_the_group_is_warned_only_when_the_configuration_names_one(self):
        directory = self.directory()
        os.chmod(directory, 0o777)
        program = os.path.join(directory, "gpioeventd")
        shutil.copy(os.path.join(BUILD, "gpioeventd"), program)
        path = os.path.join(directory, "gpioeventd.conf")
        for number, (text, warned) in enumerate((("", False), ("socket-group = root\n", True))):
            with open(path, "w") as f:
                f.write("[daemon]\n" + text)
            os.chmod(path, 0o644)
            socket_path = os.path.join(directory, "socket%d" % number)
            process = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program,
                                        "--backend", "sim", "--config", path, "--socket", socket_path],
                                       stderr=subprocess.PIPE, text=True)
            try:
                wait_until(lambda: os.path.exists(socket_path) and os.stat(socket_path).st_mode & 0o660 == 0o660,
                           "the socket")
            finally:
                process.terminate()
                stderr = process.communicate(timeout=TIMEOUT)[1]
            self.assertEqual(warned, "%s cannot be given to the group root" % socket_path in stderr, stderr)

    def test_without_a_group_in_the_configuration_the_socket_belongs_to_gpio_or_to_the_daemon(self):
        daemon = self.start(BUTTONS_AND_LEDS)
        wanted = [entry.gr_gid for entry in grp.getgrall() if entry.gr_name == "gpio"] or [os.getgid()]
        if os.getuid() == 0:
            self.assertEqual(wanted[0], os.stat(daemon.socket_path).st_gid)
        self.assertNotIn("group", daemon.stderr())

    def test_outputs_begin_with_their_initial_values(self):
        self.start("""
[line one]
line = OUT0
direction = output
initial = 1

[line low]
line = OUT1
direction = output
active-low = yes
initial = 1
""")
        client = self.connect()
        self.assertEqual({"one": 1, "low": 1}, client.request("get", lines=["one", "low"])["values"])
        self.assertEqual((1, 0), (self.board.output_level("OUT0"), self.board.output_level("OUT1")))

    def test_a_line_that_is_not_there_does_not_keep_the_others_from_working(self):
        self.start(BUTTONS_AND_LEDS + "[line ghost]\nline = nowhere:3\n")
        client = self.connect()
        self.assertEqual({"ghost": None, "button": 1}, client.request("get", lines=["ghost", "button"])["values"])
        client.refuse("set", "unavailable", line="ghost", value=1)
        info = client.request("lines", line="ghost")["lines"][0]
        self.assertEqual((False, None), (info.get("available"), info["value"]))
        self.assertEqual({"ghost": None}, client.request("subscribe", line="ghost")["values"])
        self.assertIn("ghost", self.daemon.stderr())
        self.daemon.stop(errors_allowed=True)

    @only("gpiod", "the simulated lines have no other process that could hold them")
    def test_a_busy_line_is_reported_with_its_holder_and_taken_when_it_is_free(self):
        with self.board.taken("IN0", "elsewhere"):
            self.start(BUTTONS_AND_LEDS)
            client = self.connect()
            client.request("subscribe", lines="*")
            self.assertIn("elsewhere", self.daemon.stderr())
            self.assertEqual({"button": None}, client.request("get", line="button")["values"])
        client.wait_for(event="line", line="button", change="available")
        self.board.press("IN0", 0)
        client.wait_for(event="edge", line="button", value=0)
        self.daemon.stop(errors_allowed=True)

    @only("gpiod", "a simulated chip cannot appear that was not there at the start")
    def test_a_line_whose_chip_comes_later_is_taken_then(self):
        self.board.remove_chip()
        self.start(BUTTONS_AND_LEDS)
        client = self.connect()
        client.request("subscribe", lines="*")
        self.assertEqual({"button": None}, client.request("get", line="button")["values"])
        self.board.restore_chip()
        client.wait_for(event="line", line="button", change="available")
        self.board.press("IN0", 0)
        client.wait_for(event="edge", line="button", value=0)
        self.daemon.stop(errors_allowed=True)

    # A name that two new chips' lines have is an error of the configuration; it ended the search for all
    # that was missing.
    @only("gpiod", "a simulated chip cannot appear that was not there at the start")
    def test_a_name_that_becomes_ambiguous_does_not_keep_others_from_being_taken(self):
        import gpiosim
        self.start(BUTTONS_AND_LEDS + "[line twin]\nline = TWIN\n[line late]\nline = LATE\n")
        client = self.connect()
        client.request("subscribe", lines="*")
        self.addCleanup(gpiosim.Chip("board-twins", 4, {0: "TWIN", 1: "TWIN"}).remove)
        wait_until(lambda: "board-twins" in [chip["label"] for chip in client.request("chips")["chips"]], "the twins")
        self.addCleanup(gpiosim.Chip("board-late", 4, {0: "LATE"}).remove)
        client.wait_for(event="line", line="late", change="available")
        self.assertEqual({"twin": None, "late": 0}, client.request("get", lines=["twin", "late"])["values"])
        self.daemon.stop(errors_allowed=True)

    # A chip may come back under the name by which the configuration waits for a line: the line was then taken
    # away from the clients that used it, and they never heard of it again.
    @only("gpiod", "simulated chips keep their names")
    def test_a_line_in_use_is_not_taken_from_its_users_by_a_name(self):
        import gpiosim
        name = "gpiochip%d" % (1 + max(int(self.board.chip_name(chip)[len("gpiochip"):]) for chip in (A, B)))
        self.start("[line late]\nline = %s:1\n" % name)
        client = self.connect()
        client.request("subscribe", line="B1")
        self.board.remove_chip(B)
        client.wait_for(event="line", line="B1", change="gone")
        self.addCleanup(gpiosim.Chip("board-other").remove)
        self.board.restore_chip(B)
        self.assertEqual(name, self.board.chip_name(B))
        client.wait_for(event="line", line="B1", change="available")
        self.board.press("B1", 1, B)
        client.expect(event="edge", line="B1", value=1)
        self.assertEqual({"late": None}, client.request("get", line="late")["values"])
        self.daemon.stop(errors_allowed=True)

    def test_a_good_configuration_passes_the_check(self):
        status, stdout, stderr, path = self.check(self.config())
        self.assertEqual((0, ""), (status, stderr))
        self.assertEqual("%s: 6 lines: nothing wrong\n" % path, stdout)
        status, stdout, _, path = self.check("[line a]\nline = GPIO1\ngroup = g\n[line b]\nline = GPIO2\ngroup = g\n")
        self.assertEqual((0, "%s: 2 lines, 1 group: nothing wrong\n" % path), (status, stdout))
        os.mkdir(path + ".d")
        with open(os.path.join(path + ".d", "one.conf"), "w") as f:
            f.write("[line c]\nline = GPIO3\n")
        self.assertEqual(path + " and 1 more file: 3 lines, 1 group: nothing wrong\n",
                         self.run_daemon("--check", "--config", path, "--backend", BACKEND)[1])

    def refused(self, text, *wanted, options=()):
        """Exactly these problems, each by its line and how it begins."""
        path = os.path.join(self.directory(), "wrong.conf")
        with open(path, "w") as f:
            f.write(text)
        status, stdout, stderr = self.run_daemon("--check", "--config", path, *options)
        self.assertEqual((2, ""), (status, stdout))
        rows = stderr.splitlines()
        self.assertEqual(len(wanted), len(rows), stderr)
        for (line, begins), row in zip(wanted, rows):
            self.assertIn("%s:%d: %s" % (path, line, begins), row)

    # All simulated lines are known without a start: the check was silent about them.
    def test_the_check_looks_for_simulated_lines(self):
        sim = "[daemon]\nbackend = sim\n"
        self.refused(sim + "[line a]\nline = GPIO99\n[line b]\nline = gpiochip0:77\n[line c]\nline = GPOI5\n",
                     (3, "[line a] line: no line \"GPIO99\"; did you mean \"GPIO9\"?"),
                     (5, "[line b] line: no line \"gpiochip0:77\": gpiochip0 has 28 lines"),
                     (7, "[line c] line: no line \"GPOI5\"; did you mean \"GPIO5\"?"))
        self.refused("[line a]\nline = GPIO17\n[line b]\nline = BCM17\n",
                     (3, "[line b] line: BCM17 is gpiochip0:17, which is taken by [line a] already"),
                     options=("--backend", "sim"))
        self.refused(sim + "[chip a]\nlines = 2\nnames = 0=X\n[chip b]\nlines = 2\nnames = 0=Y\n"
                     "[line x]\nline = X\ngroup = g\n[line y]\nline = Y\ngroup = g\n",
                     (12, "[line y] group: [line x] of the same group is on another chip, a and not b"))

    def test_the_check_looks_for_the_lines_of_rules(self):
        self.refused("[daemon]\nbackend = sim\n[line led]\nline = GPIO3\n[access a]\nusers = *\n"
                     "lines = led GPIO4 gpiochip0:5 BCM6 x* lad, GPIO99\nverbs = see\n",
                     (5, "[access a] lines: no line \"lad\"; did you mean \"led\"?"),
                     (5, "[access a] lines: no line \"GPIO99\"; did you mean \"GPIO9\"?"))

    def test_a_simulated_chip_needs_the_simulated_backend(self):
        text = "[daemon]\n[chip a]\nlines = 2\n"
        self.refused(text, (2, "[chip a]: the chip is a simulated one; write backend = sim"))
        self.assertEqual(0, self.check("[chip a]\nlines = 2\n")[0] if BACKEND == "sim" else 0)

    def test_a_board_map_that_is_not_there_is_told_with_those_that_are(self):
        text = "[daemon]\nbackend = sim\nboard = nosuch\n"
        self.refused(text, (3, "[daemon] board: there is no board map \"nosuch\"; there are "))
        stderr = self.check(text)[2]
        self.assertIn("raspberry-pi-40", stderr)
        self.assertEqual(0, self.check("[daemon]\nboard = raspberry-pi-40\n")[0])
        self.assertEqual(0, self.check("[daemon]\nboard = none\n")[0])

    # It was taken in two calls, one a chip, as if they were one.
    def test_a_group_of_two_chips_is_told_at_the_start_and_not_taken(self):
        lines = "".join("[line %s]\nline = %s\ndirection = output\ngroup = pair\n" % line
                        for line in (("one", "FREE0"), ("two", "B1")))
        daemon = self.start(BUTTONS_AND_LEDS + lines)
        client = self.connect()
        self.assertEqual({"one": None, "two": None}, client.request("get", lines=["one", "two"])["values"])
        self.assertEqual("the lines of its group are on several chips",
                         client.request("lines", line="one")["lines"][0]["why"])
        client.request("set", line="led", value=1)
        rows = [row for row in daemon.stderr().splitlines() if "of the same group is on another chip" in row]
        self.assertEqual(1, len(rows), rows)
        self.assertRegex(rows[0], r"gpioeventd.conf:\d+: \[line (one|two)\] group: ")
        daemon.stop(errors_allowed=True)

    def test_every_error_of_a_configuration_is_told_with_file_and_line(self):
        text = "[daemon]\nlog-size = 5\nconections = 7\n[line a]\nline = IN0\nbias = sideways\n[line b]\n[nonsense]\n"
        status, _, stderr, path = self.check(text)
        self.assertEqual(2, status)
        for line, word in ((2, "log-size"), (3, "conections"), (6, "bias"), (7, "line"), (8, "nonsense")):
            rows = [row for row in stderr.splitlines() if "%s:%d:" % (path, line) in row]
            self.assertTrue(rows, (line, stderr))
            self.assertTrue(any(word in row for row in rows), (word, rows))

    def test_the_daemon_does_not_start_with_what_the_check_refuses(self):
        text = "[daemon]\nlog-size = 5\n"
        status, _, wanted, path = self.check(text)
        again = self.run_daemon("--backend", BACKEND, "--config", path, "--socket", os.path.join(self.directory(), "s"))
        self.assertEqual((2, wanted), (again[0], again[2]))

    def test_a_configuration_that_is_not_there_is_an_error_when_it_was_named(self):
        for args in ((), ("--check",)):
            status, _, stderr = self.run_daemon("--config", "/nonexistent/gpioeventd.conf", "--backend", "sim",
                                                "--socket", os.path.join(self.directory(), "s"), *args)
            self.assertNotEqual(0, status)
            self.assertIn("/nonexistent/gpioeventd.conf", stderr)

    def test_the_printed_configuration_is_a_configuration(self):
        path = os.path.join(self.directory(), "one.conf")
        with open(path, "w") as f:
            f.write(self.config(daemon="log-size = 64K\nconnections = 33\nconnections-per-uid = 9"))
        status, printed, stderr = self.run_daemon("--print-config", "--backend", BACKEND, "--config", path)
        self.assertEqual((0, ""), (status, stderr))
        for text in ("log-size = 64K", "connections = 33", "[line button]", "line = IN0", "bias = pull-up"):
            self.assertIn(text, printed)
        status, _, stderr, _ = self.check(printed)
        self.assertEqual((0, ""), (status, stderr))

    def test_version_and_help(self):
        for option, word in (("--version", "gpioeventd"), ("--help", "--socket"), ("-h", "--socket")):
            status, stdout, stderr = self.run_daemon(option)
            self.assertEqual((0, ""), (status, stderr))
            self.assertIn(word, stdout)

    def test_a_wrong_option_is_refused_with_what_is_right(self):
        for args in (("--nonsense",), ("extra",), ("--backend", "nonsense"), ("--config",)):
            status, stdout, stderr = self.run_daemon(*args)
            self.assertEqual((2, ""), (status, stdout), args)
            self.assertTrue(stderr, args)

    def test_a_socket_path_that_is_too_long_is_refused(self):
        status, _, stderr = self.run_daemon("--backend", "sim", "--socket", "/tmp/" + "x" * 200)
        self.assertNotEqual(0, status)
        self.assertIn("x" * 20, stderr)

    def test_a_socket_in_a_directory_that_is_not_there_is_refused(self):
        status, _, stderr = self.run_daemon("--backend", "sim", "--socket", "/nonexistent/socket")
        self.assertNotEqual(0, status)
        self.assertIn("folder /nonexistent is missing; make it with mkdir -p /nonexistent,", stderr)
        self.assertNotIn(".lock", stderr)

    # /run is empty after each boot, so that nobody could start the daemon as the documents say.
    @unittest.skipUnless(shutil.which("unshare"), "needs a mount namespace")
    def test_the_folder_of_the_default_socket_is_made(self):
        script = ("mount -t tmpfs none /run && umask 077 && cd / && { %s --backend sim --config %s & } &&"
                  "while ! [ -S /run/gpioeventd/gpioeventd.sock ] && kill -0 $!; do sleep 0.05; done;"
                  "stat -c %%a /run/gpioeventd; kill $!; wait $!")
        path = os.path.join(self.directory(), "empty.conf")
        with open(path, "w") as f:
            f.write("[daemon]\n")
        unshare = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        if subprocess.run(unshare + ["mount", "-t", "tmpfs", "none", "/run"], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no mount namespace here")
        done = subprocess.run(unshare + ["sh", "-c", script % (os.path.join(os.path.abspath(BUILD), "gpioeventd"), path)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
        self.assertEqual("755\n", done.stdout, done.stderr)

    def test_a_relative_path_is_refused_as_in_the_configuration(self):
        status, _, stderr = self.run_daemon("--backend", "sim", "--socket", "gpio.sock")
        self.assertEqual(2, status)
        self.assertIn("--socket gpio.sock: the path must be absolute", stderr)

    def test_it_needs_no_systemd_around_it(self):
        path = os.path.join(self.directory(), "empty.conf")
        with open(path, "w") as f:
            f.write("[daemon]\n")
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        socket_path = os.path.join(self.directory(), "s")
        process = subprocess.Popen(WRAPPER + [os.path.join(BUILD, "gpioeventd"), "--backend", "sim", "--config", path,
                                              "--socket", socket_path], env=environment, stderr=subprocess.DEVNULL)
        try:
            def accepts():
                with socket.socket(socket.AF_UNIX) as s:
                    return s.connect_ex(socket_path) == 0
            wait_until(accepts, "the daemon accepts connections")
        finally:
            process.terminate()
        self.assertEqual(0, process.wait(TIMEOUT))
