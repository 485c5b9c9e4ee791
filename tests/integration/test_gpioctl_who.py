# SPDX-License-Identifier: MIT
"""gpioctl who: names the process that holds a line, or says whose business it is."""

import contextlib
import json
import os
import unittest

import gpiosim
from harness import only
from test_hotplug import exported, needs_sysfs
from test_gpioctl import DENIED, NOT_FOUND, OK, Case, gpioctl

REAL = "a simulated line is held by no process but the daemon"


@contextlib.contextmanager
def called(name):
    """A context in which this process has another name."""
    with open("/proc/self/comm") as f:
        before = f.read().strip()
    with open("/proc/self/comm", "w") as f:
        f.write(name)
    try:
        yield
    finally:
        with open("/proc/self/comm", "w") as f:
            f.write(before)


class WhoTest(Case):
    def who(self, *lines):
        """The answers as objects."""
        return [json.loads(row) for row in self.succeed("who", "--json", *lines).splitlines()]

    def open_to_all(self):
        os.chmod(self.daemon.directory, 0o755)
        os.chmod(self.daemon.socket_path, 0o666)

    def test_a_free_line_is_free(self):
        answer, = self.who("FREE0")
        self.assertEqual(("nobody", "", []), (answer["owner"], answer["consumer"], answer["holders"]))
        self.assertRegex(self.succeed("who", "FREE0"), r"\nFREE0 +- +- +- +- +free\n\Z")

    def test_a_line_of_the_daemon_tells_for_whom(self):
        client = self.connect()
        client.request("hello", client="lift")
        client.request("request", line="FREE0")
        answer, = self.who("FREE0")
        self.assertEqual((self.board.chip_name(), 16, "gpioeventd"),
                         (answer["chip"], answer["offset"], answer["consumer"]))
        self.assertRegex(self.succeed("who", "FREE0", "led"),
                         r"FREE0 .* the daemon, for lift \(pid %d, uid %d\)\n"
                         r"led .* the daemon, for the daemon\n" % (os.getpid(), os.getuid()))

    def test_an_unknown_line_is_refused(self):
        self.refuse(NOT_FOUND, "who", "FREE9")

    def test_without_a_daemon_the_kernels_names_count(self):
        status, _, err = gpioctl("who", "NOSUCHLINE")
        self.assertEqual(NOT_FOUND, status)
        self.assertIn("no daemon answers, and the kernel knows no line NOSUCHLINE", err)

    @only("gpiod", REAL)
    def test_the_daemons_process_is_named(self):
        answer, = self.who("led")
        holder, = answer["holders"]
        self.assertEqual(("process", self.daemon.pid, "daemon", "gpioeventd"),
                         (answer["owner"], holder["pid"], holder["role"], holder["name"]))

    @only("gpiod", REAL)
    def test_another_process_is_named(self):
        with self.board.taken("FREE0", "elsewhere"):
            answer, = self.who("FREE0")
            holder, = answer["holders"]
            self.assertEqual(("process", "elsewhere"), (answer["owner"], answer["consumer"]))
            self.assertEqual((os.getpid(), os.getuid(), "root", "process", True),
                             tuple(holder[key] for key in ("pid", "uid", "user", "role", "certain")))
            self.assertIn("python", holder["command"])
            self.assertRegex(self.succeed("who", "FREE0"), r"FREE0 +%d +root +elsewhere +\S*python" % os.getpid())
            status, out, _ = gpioctl("who", "FREE0", "--json")
            self.assertEqual((OK, os.getpid()), (status, json.loads(out)["holders"][0]["pid"]))
        self.assertEqual("nobody", self.who("FREE0")[0]["owner"])

    @only("gpiod", REAL)
    def test_the_daemon_that_was_not_asked_is_told_apart(self):
        for path in ("/nonexistent/socket", self.daemon.socket_path):
            status, out, _ = gpioctl("who", self.board.spelling("OUT0"), socket_path=path)
            self.assertEqual(OK, status)
            self.assertIn("the daemon, for" if path == self.daemon.socket_path else "was not asked", out)

    @only("gpiod", REAL)
    def test_the_manager_that_keeps_lines_is_explained(self):
        with called("systemd"), self.board.taken("FREE0", "gpioeventd"):
            self.assertEqual("keeper", self.who("FREE0")[0]["holders"][0]["role"])
            self.assertIn("systemctl stop gpioeventd", self.succeed("who", "FREE0"))
        with called("systemd"), self.board.taken("FREE0", "an app"):
            self.assertEqual("process", self.who("FREE0")[0]["holders"][0]["role"])

    @only("gpiod", REAL)
    def test_a_hog_is_the_kernels(self):
        with gpiosim.Chip("hogs", 4, names={1: "HOGGED"}, hogs={1: ("motor", "output-low")}) as chip:
            for line in ("HOGGED", chip.name + ":1", "hogs:1"):
                status, out, _ = gpioctl("who", line, "--json")
                answer = json.loads(out)
                self.assertEqual((OK, "kernel", "motor", []),
                                 (status, answer["owner"], answer["consumer"], answer["holders"]))
            self.assertRegex(gpioctl("who", "HOGGED")[1], "motor +the kernel +for the driver or hog of this name")

    @only("gpiod", REAL)
    @needs_sysfs
    def test_a_line_exported_in_sysfs_is_told_as_such(self):
        with exported(self.board, "FREE0"):
            self.assertIn("exported it in /sys/class/gpio", self.succeed("who", "FREE0"))

    @only("gpiod", REAL)
    def test_who_may_not_see_gets_the_command_for_root(self):
        self.open_to_all()
        with self.board.taken("FREE0", "elsewhere"):
            status, out, err = self.gpioctl("who", "FREE0", "led", user=65534)
        self.assertEqual(DENIED, status)
        self.assertRegex(out, r"FREE0 .*elsewhere .*a process of another user, or the kernel\nled .*the daemon, for")
        self.assertEqual("gpioctl: root can see who it is: sudo gpioctl --socket %s who FREE0 led\n" %
                         self.daemon.socket_path, err)

    @unittest.skipUnless(os.getuid() == 0, "needs root, to be somebody else")
    def test_a_line_of_the_daemon_needs_no_root(self):
        self.open_to_all()
        status, out, err = self.gpioctl("who", "led", user=65534)
        self.assertEqual((OK, ""), (status, err))
        self.assertIn("the daemon, for", out)
