# SPDX-License-Identifier: MIT
"""The package: what an upgrade and a removal leave as it was, and what they take away."""

import grp
import os
import pwd
import shutil
import stat

import harness
import machine
from machine import run, show, status, systemctl
from witness import Writes

EXAMPLE = "/usr/share/gpioeventd/systemd/further.socket"
FURTHER = "/etc/systemd/system/gpioeventd-web.socket"
DROP_IN = "/etc/systemd/system/gpioeventd.service.d"
WEB = """
[socket web]

[access web]
users = *
sockets = web
lines = high
verbs = watch
"""


def install(package):
    run("dpkg", "-i", package)


class Package(machine.TestCase):
    SECONDS = 180  # dpkg, twice

    def test_an_upgrade_does_not_start_a_daemon_that_nobody_has_asked_for(self):
        self.addCleanup(install, machine.PACKAGE)
        install(machine.NEWER)
        self.assertEqual((show("ActiveState"), show("ActiveState", machine.SOCKET)), ("inactive", "active"))

    def test_a_socket_that_was_disabled_stays_so_over_an_upgrade(self):
        self.addCleanup(systemctl, "enable", "--now", machine.SOCKET)
        self.addCleanup(install, machine.PACKAGE)
        systemctl("disable", "--now", machine.SOCKET)
        install(machine.NEWER)
        self.assertEqual((show("UnitFileState", machine.SOCKET), show("ActiveState", machine.SOCKET)),
                         ("disabled", "inactive"))

    def test_a_changed_configuration_is_the_administrators(self):
        path = "/etc/gpioeventd/gpioeventd.conf"
        with open(path) as f:
            before = f.read()
        self.addCleanup(install, machine.PACKAGE)
        self.addCleanup(self.write, path, before)
        self.write(path, before + "# mine\n")
        install(machine.NEWER)
        with open(path) as f:
            self.assertEqual(f.read(), before + "# mine\n")

    def test_purging_gives_the_chips_back_and_leaves_but_the_user(self):
        self.addCleanup(install, machine.PACKAGE)
        self.client()
        run("dpkg", "-P", "gpioeventd")
        self.assertEqual(status("systemctl", "cat", machine.SERVICE, machine.SOCKET)[0], 1)
        for path in ("/run/gpioeventd", "/etc/gpioeventd/gpioeventd.conf", "/usr/share/gpioeventd",
                     "/etc/systemd/system/sockets.target.wants/gpioeventd.socket"):
            self.assertFalse(os.path.lexists(path), path)
        chip = os.stat(self.board.dev)
        self.assertEqual((grp.getgrgid(chip.st_gid).gr_name, stat.S_IMODE(chip.st_mode)), ("root", 0o600))
        self.assertEqual(pwd.getpwnam("gpioeventd").pw_shell, "/usr/sbin/nologin")

    @staticmethod
    def write(path, text):
        with open(path, "w") as f:
            f.write(text)


class FurtherSocket(machine.TestCase):
    """As docs/operator.md says it is done."""

    def setUp(self):
        super().setUp()
        self.addCleanup(systemctl, "daemon-reload")
        self.addCleanup(machine.configure, "", "web")
        self.addCleanup(self.remove_units)

    @staticmethod
    def remove_units():
        systemctl("stop", machine.SERVICE, "gpioeventd-web.socket")
        os.unlink(FURTHER)
        shutil.rmtree(DROP_IN)

    def test_a_restart_takes_it_up_and_moves_no_output(self):
        self.client()
        writes = Writes()
        self.addCleanup(writes.stop)
        machine.configure(WEB, "web")
        shutil.copy(EXAMPLE, FURTHER)
        os.makedirs(DROP_IN)
        Package.write(DROP_IN + "/web.conf", "[Unit]\nRequires=gpioeventd-web.socket\nAfter=gpioeventd-web.socket\n")
        systemctl("daemon-reload")
        systemctl("restart", machine.SERVICE)
        client = harness.Client("/run/gpioeventd/web/gpioeventd.sock")
        self.addCleanup(client.close)
        self.assertEqual(client.request("get", line="high")["values"], {"high": 1})
        client.refuse("set", "denied", line="high", value=0)
        client.refuse("get", "unknown-line", line="low")
        self.assertEqual(writes.of(8), [])
