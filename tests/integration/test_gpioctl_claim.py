# SPDX-License-Identifier: MIT
"""gpioctl claim: holds a claim while a command runs, or as long as something comes in."""

import os
import signal
import subprocess

from harness import PATIENCE, TIMEOUT, wait_until
from test_claims import MOTOR, ms
from test_gpioctl import BUSY, GPIOCTL, NOT_FOUND, OK, USAGE, Case

SHORT = 0.3 * PATIENCE


class ClaimTest(Case):
    CONFIG = MOTOR

    def setUp(self):
        super().setUp()
        self.watcher = self.connect()
        self.watcher.request("subscribe", lines="*")

    def claim(self, *args, stdin=subprocess.PIPE):
        """Starts gpioctl claim, and returns when it has its first line."""
        process = subprocess.Popen([GPIOCTL, "claim"] + list(args), stdin=stdin, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True,
                                   env=dict(os.environ, GPIOEVENTD_SOCKET=self.daemon.socket_path))
        self.addCleanup(self.finish, process)
        self.watcher.wait_for(event="line", change="claimed")
        return process

    def finish(self, process, number=signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, out, err

    def set(self, **values):
        with self.daemon.connect() as client:
            client.request("set", values=values)

    def test_a_command_runs_under_the_claim_which_ends_with_it(self):
        self.set(motor=1)
        status, out, err = self.gpioctl("claim", "motor", "--", GPIOCTL, "set", "motor=0")
        self.assertEqual((BUSY, ""), (status, out))
        self.assertIn("motor is claimed by gpioctl", err)
        self.watcher.wait_for(event="line", change="unclaimed", reason="disconnect")
        self.assertEqual({"motor": 0}, self.watcher.request("get", line="motor")["values"])

    def test_the_status_is_the_commands(self):
        for command, status in ((["sh", "-c", "exit 3"], 3), (["true"], OK), (["sh", "-c", "kill -9 $$"], 128 + 9),
                                (["/nonexistent/command"], 127), (["/"], 126)):
            self.assertEqual(status, self.gpioctl("claim", "motor", "--", *command)[0])

    def test_a_command_gets_its_arguments_as_they_are(self):
        self.assertEqual("--json -- a b\n", self.succeed("claim", "motor", "--", "echo", "--json", "--", "a b"))

    def test_words_that_come_in_are_set_and_the_end_of_them_is_the_end(self):
        process = self.claim("motor", "lamp", "--on-disconnect", "hold")
        self.assertEqual("claimed\n", process.stdout.readline())
        process.stdin.write("motor=1 lamp=on\n\n  lamp=0\nmotor=0")
        process.stdin.close()
        process.stdin = None
        self.assertEqual((OK, "", ""), self.finish(process, 0))
        self.assertEqual([("motor", 1), ("lamp", 1), ("lamp", 0), ("motor", 0)],
                         [(event["line"], event["value"]) for event in self.watcher.drain() if event["event"] == "output"])

    def test_what_is_wrong_is_said_and_counts_at_the_end(self):
        for words, status, said in (("lamp=2", USAGE, "lamp=2"), ("nothing=1", NOT_FOUND, "no line \"nothing\"")):
            process = self.claim("lamp")
            process.stdin.write(words + "\nlamp=1\n")
            process.stdin.close()
            process.stdin = None
            ended, _, err = self.finish(process, 0)
            self.assertEqual(status, ended)
            self.assertIn(said, err)
            self.watcher.wait_for(event="output", line="lamp", value=1)
            self.set(lamp=0)

    def test_a_killed_gpioctl_leaves_what_was_said(self):
        process = self.claim("lamp", "--on-disconnect", "1")
        self.finish(process)
        self.watcher.wait_for(event="output", line="lamp", value=1, cause="disconnect")

    def test_ctrl_c_and_sigterm_end_it_and_its_command(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            for command in ([], ["--", "sleep", "1000"]):
                process = self.claim("motor", *command)
                self.assertEqual(status, self.finish(process, number)[0])
                self.watcher.wait_for(event="line", change="unclaimed", reason="disconnect")

    def test_nothing_to_read_is_not_the_end(self):
        process = self.claim("motor", stdin=subprocess.DEVNULL)
        self.assertEqual("claimed\n", process.stdout.readline())
        self.assertIsNone(process.poll())
        self.assertEqual(130, self.finish(process, signal.SIGINT)[0])

    def test_it_is_heard_of_in_time_by_itself(self):
        process = self.claim("motor", "--ttl", ms(SHORT), "--", "sleep", "%g" % (4 * SHORT))
        self.assertEqual(OK, self.finish(process, 0)[0])
        self.watcher.wait_for(event="line", change="unclaimed", reason="disconnect")

    def test_one_that_hangs_loses_its_claim_says_so_and_ends_its_command(self):
        process = self.claim("motor", "--ttl", ms(SHORT), "--", "sleep", "1000")
        process.send_signal(signal.SIGSTOP)
        self.watcher.wait_for(event="line", change="unclaimed", reason="ttl")
        process.send_signal(signal.SIGCONT)
        status, _, err = self.finish(process, 0)
        self.assertEqual(1, status)
        self.assertIn("the claim of motor has ended (ttl)", err)

    def test_a_line_that_no_configuration_names_is_taken_first(self):
        self.claim("FREE0", "--on-disconnect", "1")
        self.connect().refuse("set", "claimed", line="FREE0", value=1)

    def test_a_line_that_is_claimed_already_is_refused_with_the_holder(self):
        self.claim("motor")
        self.assertIn("motor is claimed by gpioctl", self.refuse(BUSY, "claim", "motor"))

    def test_what_it_cannot_mean_is_told(self):
        self.assertIn("which line?", self.refuse(USAGE, "claim", "--", "true"))
        self.refuse(USAGE, "claim", "motor", "--on-disconnect", "off")
        self.assertIn("no safe value", self.refuse(USAGE, "claim", "lamp", "--on-disconnect", "safe"))

    def test_info_and_monitor_tell_who_has_a_claim(self):
        self.claim("motor", "--on-disconnect", "0", "--ttl", "1h")
        self.assertRegex(self.succeed("info", "motor"),
                         r"\nclaim +gpioctl \(pid \d+, uid \d+\), on_disconnect 0, ttl 1h\n")
        out = self.succeed("log", "motor", "--events", "line")
        self.assertRegex(out, r"motor +line +claimed by gpioctl \(pid \d+, uid \d+\)\n")
