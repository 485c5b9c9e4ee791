# SPDX-License-Identifier: MIT
"""gpioctl doctor: finds what is wrong, and says the fix."""

import contextlib
import grp
import json
import os
import pwd
import stat
import tempfile
import unittest

import gpiosim
from harness import BUTTONS_AND_LEDS, only
from test_gpioctl import FAILED, OK, Case, Scripted, gpioctl
from test_gpioctl_who import called
from test_hotplug import exported, needs_sysfs

REAL = "about the kernel's lines"
NOBODY = 65534
as_root = unittest.skipUnless(os.getuid() == 0, "needs root, to be somebody else")


class Doctor(Case):
    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory(prefix="gpioctl-")
        self.addCleanup(directory.cleanup)
        os.chmod(directory.name, 0o755)
        self.directory = directory.name
        self.config = os.path.join(directory.name, "conf")
        self.write_config("")

    def write_config(self, text):
        with open(self.config, "w") as f:
            f.write(text)

    def path(self):
        return self.daemon.socket_path if self.daemon else os.path.join(self.directory, "socket")

    def doctor(self, *args, **settings):
        """The exit status, and for each check a list of (state, message, fix)."""
        settings.setdefault("socket_path", self.path())
        status, out, err = gpioctl("doctor", "--json", "--config", self.config, *args, **settings)
        self.assertEqual("", err)
        found = {}
        for row in map(json.loads, out.splitlines()):
            self.assertEqual(row["state"] != "ok", "fix" in row, row)
            found.setdefault(row["check"], []).append((row["state"], row["message"], row.get("fix")))
        problems = [row for rows in found.values() for row in rows if row[0] == "problem"]
        self.assertEqual(FAILED if problems else OK, status, problems)
        return found

    def problem(self, check, *args, **settings):
        """The only problem that a check finds; the other checks find what they like."""
        problems = [row for row in self.doctor(*args, **settings).get(check, []) if row[0] == "problem"]
        self.assertEqual(1, len(problems), problems)
        return problems[0][1:]


class WithoutDaemonTest(Doctor):
    CONFIG = None

    def test_a_missing_socket_is_told_with_the_way_to_start(self):
        message, fix = self.problem("socket")
        self.assertIn("there is no socket " + self.path(), message)
        self.assertRegex(fix, "gpioeventd")

    def test_a_file_that_is_no_socket_is_told(self):
        open(self.path(), "w").close()
        self.assertEqual(self.path() + " is no socket", self.problem("socket")[0])

    def test_a_socket_where_nobody_listens_is_told(self):
        self.start(BUTTONS_AND_LEDS)
        self.daemon.kill()
        os.makedirs(self.daemon.directory)
        self.addCleanup(os.rmdir, self.daemon.directory)
        import socket
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.daemon.socket_path)
        self.addCleanup(os.unlink, self.daemon.socket_path)
        self.assertIn("nobody listens", self.problem("socket")[0])
        self.daemon = None

    def test_another_version_is_told(self):
        daemon = Scripted(self, hello={"version": "0.0.9", "backend": "sim"}, chips={"chips": []})
        message, fix = self.problem("version", socket_path=daemon.path)
        self.assertIn("the daemon 0.0.9: it has not been restarted", message)
        self.assertEqual("sudo systemctl restart gpioeventd", fix)

    def test_people_get_a_line_a_finding_and_the_fix_below(self):
        status, out, err = gpioctl("doctor", "--config", self.config, socket_path=self.path())
        self.assertEqual((FAILED, ""), (status, err))
        self.assertRegex(out, r"PROBLEM  socket    there is no socket .*\n +fix: .*gpioeventd")
        self.assertRegex(out, r"\n\d+ problems?\n\Z")


class HealthyTest(Doctor):
    @only("sim", "real machines have what notes and problems they have")
    def test_when_all_is_well_it_says_so_and_ends_with_0(self):
        self.assertEqual({"ok"}, {row[0] for rows in self.doctor().values() for row in rows})
        status, out, _ = self.gpioctl("doctor", "--config", self.config)
        self.assertEqual((OK, "nothing wrong"), (status, out.splitlines()[-1]))

    def test_the_debounce_in_force_is_told(self):
        client = self.connect()
        client.request("request", line="FREE0", debounce="5ms")
        state, message, _ = self.doctor()["debounce"][0]
        self.assertEqual("ok", state)
        self.assertRegex(message, "by the (kernel|simulation): FREE0 5ms")


class ConfigTest(Doctor):
    def test_each_problem_of_the_configuration_is_told_with_its_place(self):
        self.write_config("[line a]\ndirection = sideways\nline = GPIO23\n\n[nonsense]\n")
        problems = [message for state, message, _ in self.doctor()["config"] if state == "problem"]
        self.assertEqual(2, len(problems), problems)
        self.assertTrue(problems[0].startswith(self.config + ":2: "), problems)

    @as_root
    def test_a_configuration_that_may_not_be_read_is_no_problem(self):
        os.chmod(self.config, 0o600)
        os.chmod(self.daemon.directory, 0o755)
        os.chmod(self.daemon.socket_path, 0o666)
        (state, message, fix), = self.doctor(user=NOBODY)["config"]
        self.assertEqual(("note", "sudo gpioctl doctor"), (state, fix))


@as_root
class GroupTest(Doctor):
    """Of a user whose login has other groups than the database says."""

    def setUp(self):
        super().setUp()
        self.user = pwd.getpwnam("games")
        os.chmod(self.daemon.directory, 0o755)
        os.chown(self.path(), 0, self.user.pw_gid)
        os.chmod(self.path(), 0o660)

    def test_who_is_in_the_group_gets_in(self):
        found = self.doctor(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        self.assertEqual("ok", found["socket"][0][0])

    def test_who_is_in_the_group_since_the_login_is_told_to_log_in_again(self):
        message, fix = self.problem("socket", user=self.user.pw_uid, group=NOBODY, extra_groups=[])
        self.assertRegex(message, "games is in it, but this login is older")
        self.assertEqual("log out and in again, or here: newgrp " + grp.getgrgid(self.user.pw_gid).gr_name, fix)

    def test_who_is_not_in_the_group_is_told_how_to_join(self):
        message, fix = self.problem("socket", user=NOBODY, group=NOBODY, extra_groups=[])
        self.assertRegex(message, "is for the group %s, and" % grp.getgrgid(self.user.pw_gid).gr_name)
        self.assertRegex(fix, "sudo usermod -aG %s .+, then log in again" % grp.getgrgid(self.user.pw_gid).gr_name)

    def test_what_is_for_root_alone_has_no_group_to_join(self):
        os.chown(self.path(), 0, 0)
        self.assertRegex(self.problem("socket", user=NOBODY, group=NOBODY, extra_groups=[])[1], "socket-group")

    def test_a_closed_folder_is_told(self):
        os.chmod(self.daemon.directory, 0o700)
        self.assertRegex(self.problem("socket", user=NOBODY)[1], "sudo chmod a\\+x " + self.daemon.directory)


class LinesTest(Doctor):
    ERRORS_ALLOWED = True

    def test_a_chip_that_is_gone_is_told_once(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.board.remove_chip()
        client.wait_for(event="line", line="led", change="gone")
        found = self.doctor()
        self.assertEqual(["the chip board-a is gone, and its lines with it"],
                         [message for state, message, _ in found["chips"] if state == "problem"])
        self.assertEqual(["ok"], [state for state, _, _ in found["lines"]])

    def test_a_configured_line_that_is_not_there_is_told(self):
        self.daemon.stop()
        self.daemon = None
        self.start("[line lost]\nline = NOWHERE\n")
        message, fix = self.problem("lines")
        self.assertEqual('lost is configured as "NOWHERE", and no line is called so', message)
        self.assertIn("[line lost]", fix)

    @contextlib.contextmanager
    def busy_daemon(self, name):
        """A context in which another process, this one, holds a line that the configuration wants."""
        self.daemon.stop()
        self.daemon = None
        with self.board.taken("FREE0", name):
            self.start("[line wanted]\nline = FREE0\n")
            yield

    @only("gpiod", REAL)
    def test_the_holder_of_a_configured_line_is_named(self):
        with self.busy_daemon("elsewhere"):
            message, fix = self.problem("lines")
            self.assertRegex(message, r"wanted is held by process %d: \S*python" % os.getpid())
            self.assertEqual("end that program: sudo kill %d" % os.getpid(), fix)

    @only("gpiod", REAL)
    def test_who_may_not_see_the_holder_gets_the_command(self):
        with self.busy_daemon("elsewhere"):
            os.chmod(self.daemon.directory, 0o755)
            os.chmod(self.daemon.socket_path, 0o666)
            message, fix = self.problem("lines", user=NOBODY)
            self.assertEqual('wanted is held by somebody, as "elsewhere"', message)
            self.assertIn("sudo gpioctl who wanted", fix)

    @only("gpiod", REAL)
    def test_a_line_that_systemd_keeps_is_told(self):
        with called("systemd"), self.busy_daemon("gpioeventd"):
            self.assertIn("sudo systemctl stop gpioeventd", self.problem("lines")[1])

    @only("gpiod", REAL)
    @needs_sysfs
    def test_a_line_exported_in_sysfs_is_told(self):
        self.daemon.stop()
        self.daemon = None
        with exported(self.board, "FREE0"):
            self.start("[line wanted]\nline = FREE0\n")
            message, fix = self.problem("lines")
            self.assertEqual("wanted has been exported in /sys/class/gpio", message)
            self.assertIn("/sys/class/gpio/unexport", fix)

    @only("gpiod", REAL)
    def test_a_line_of_the_kernels_is_told(self):
        self.daemon.stop()
        self.daemon = None
        with gpiosim.Chip("hogs", 4, names={1: "HOGGED"}, hogs={1: ("motor", "output-low")}):
            self.start("[line wanted]\nline = HOGGED\n")
            self.assertEqual('wanted is held by the kernel, as "motor"', self.problem("lines")[0])
            self.daemon.stop(errors_allowed=True)


class BypassTest(Doctor):
    def notes(self, check):
        return [row[1:] for row in self.doctor().get(check, []) if row[0] == "note"]

    @only("gpiod", REAL)
    def test_chips_that_everybody_may_open_are_noted(self):
        path = "/dev/" + self.board.chip_name()
        self.assertEqual([], [message for message, _ in self.notes("bypass") if path in message])
        os.chmod(path, 0o666)
        message, fix = next(row for row in self.notes("bypass") if path in row[0])
        self.assertIn("all users may open " + path, message)
        self.assertIn("exclusive.rules", fix)

    @only("gpiod", REAL)
    def test_chips_that_the_daemons_clients_may_open_are_noted(self):
        path = "/dev/" + self.board.chip_name()
        gid = pwd.getpwnam("games").pw_gid
        os.chown(path, 0, gid)
        os.chmod(path, 0o660)
        self.assertEqual([], [message for message, _ in self.notes("bypass") if path in message])
        os.chown(self.daemon.socket_path, 0, gid)
        self.assertIn("the daemon's clients may open " + path, [message for message, _ in self.notes("bypass")][0])

    @only("gpiod", REAL)
    @unittest.skipIf(os.path.exists("/dev/gpiomem"), "this machine has its own")
    def test_registers_that_everybody_may_write_are_noted(self):
        os.mknod("/dev/gpiomem", stat.S_IFCHR, os.makedev(1, 3))
        self.addCleanup(os.unlink, "/dev/gpiomem")
        os.chmod("/dev/gpiomem", 0o666)
        message, fix = next(row for row in self.notes("bypass") if "gpiomem" in row[0])
        self.assertIn("/etc/udev/rules.d/", fix)

    @only("gpiod", REAL)
    def test_a_program_that_writes_past_the_kernel_is_told(self):
        with called("pigpiod"):
            message, fix = self.problem("programs")
        self.assertIn("pigpiod (pid %d)" % os.getpid(), message)
        self.assertEqual("sudo systemctl disable --now pigpiod", fix)
