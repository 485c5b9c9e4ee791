# SPDX-License-Identifier: MIT
"""gpioctl doctor: for root and for others it names the fault, and the fix that it prints mends it."""

import json
import os
import subprocess
import sys

import machine
from machine import MEMBER, STRANGER, as_user, run, status, systemctl, wait_until

HOLD = """
import sys, time
sys.path[:0] = [%r, %r]
import test_lab, types
fd = test_lab.request(types.SimpleNamespace(dev=%r), 1, test_lab.FLAG_INPUT)
print("held", flush=True)
time.sleep(1000)
"""


def examine(user="root"):
    """Of each finding that is not ok: (check, state, message, fix)."""
    code, said = as_user(user, status, "gpioctl", "doctor", "--json")
    rows = [json.loads(row) for row in said.splitlines()]
    problems = [row for row in rows if row["state"] == "problem"]
    if code != (1 if problems else 0):
        raise machine.Failure("status %d with %s" % (code, problems))
    return [(row["check"], row["state"], row["message"], row["fix"]) for row in rows if row["state"] != "ok"]


class Doctor(machine.TestCase):
    def found(self, check, user="root", state="problem"):
        """Message and fix of the only finding of that kind."""
        found = [row[2:] for row in examine(user) if row[:2] == (check, state)]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def mend(self, fix):
        """Does what the fix says; the tests are root already."""
        run("sh", "-ec", fix.replace("sudo ", ""))

    def wait_well(self, user="root"):
        wait_until(lambda: examine(user) == [], "all is well again", machine.PATIENCE_S)

    def hold(self):
        """Another process that holds the line door."""
        kernel = os.path.join(machine.HERE, "..", "kernel")
        integration = os.path.join(machine.HERE, "..", "integration")
        holder = subprocess.Popen([sys.executable, "-c", HOLD % (kernel, integration, self.board.dev)],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), "held\n")
        return holder

    def test_nothing_is_wrong_as_the_package_leaves_it(self):
        self.assertEqual(examine(), [])
        self.assertEqual(examine(MEMBER), [])

    def test_a_socket_that_is_off(self):
        self.addCleanup(systemctl, "enable", "--now", machine.SOCKET)
        systemctl("disable", "--now", machine.SOCKET)
        for user in ("root", MEMBER):
            message, fix = self.found("socket", user)
            self.assertIn("there is no socket " + machine.PATH, message)
            self.found("unit", user, "note")
        self.mend(fix)
        self.wait_well()

    def test_a_user_who_is_not_in_the_group(self):
        message, fix = self.found("socket", STRANGER)
        self.assertIn("is for the group gpio", message)
        self.addCleanup(run, "gpasswd", "-d", STRANGER, "gpio")
        self.mend(fix.partition(",")[0])
        self.wait_well(STRANGER)

    def test_a_line_that_another_process_holds(self):
        holder = self.hold()
        self.client()
        message, fix = self.found("lines")
        self.assertRegex(message, "door is held by process %d" % holder.pid)
        hint = self.found("lines", MEMBER)[1]
        self.assertIn(str(holder.pid), run(*hint.partition(" tells")[0].replace("sudo ", "").split()))
        self.mend(fix.partition(": ")[2])
        self.wait_well()

    def test_a_chip_that_the_daemon_may_not_open(self):
        systemctl("stop", machine.SERVICE)
        os.chown(self.board.dev, 0, 0)
        os.chmod(self.board.dev, 0o600)
        for user in ("root", MEMBER):
            message, fix = self.found("chips", user)
            self.assertIn("the daemon may not open it", message)
        self.mend(fix.partition(";")[0])
        self.wait_well()

    def test_a_chip_that_everybody_may_open(self):
        os.chmod(self.board.dev, 0o666)
        for user in ("root", MEMBER):
            message, fix = self.found("bypass", user, "note")
            self.assertIn("all users may open " + self.board.dev, message)
        self.addCleanup(os.unlink, "/etc/udev/rules.d/99-gpioeventd.rules")
        self.mend(fix)
        self.wait_well()

    def test_a_configured_line_that_is_nowhere(self):
        machine.configure(self.CONFIG + "[line ghost]\nline = GHOST\n")
        for user in ("root", MEMBER):
            self.assertIn('ghost is configured as "GHOST"', self.found("lines", user)[0])

    def test_a_configuration_that_is_wrong(self):
        self.client()
        machine.configure(self.CONFIG + "[nonsense]\n")
        for user in ("root", MEMBER):
            self.assertIn("test.conf:%d" % (self.CONFIG.count("\n") + 1), self.found("config", user)[0])
