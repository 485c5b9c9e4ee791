# SPDX-License-Identifier: MIT
"""What the package does to the machine."""

import grp
import os
import stat

import gpiosim
import machine
from machine import show, systemctl, wait_until


def group_and_mode(path):
    found = os.stat(path)
    return grp.getgrgid(found.st_gid).gr_name, stat.S_IMODE(found.st_mode)


class Install(machine.TestCase):
    def test_the_socket_listens_and_the_daemon_waits_for_its_first_client(self):
        self.assertEqual(show("ActiveState", machine.SOCKET), "active")
        self.assertEqual(show("UnitFileState", machine.SOCKET), "enabled")
        self.assertIsNone(machine.main_pid())

    def test_the_socket_belongs_to_the_group_gpio(self):
        self.assertEqual(group_and_mode(machine.PATH), ("gpio", 0o660))

    def test_a_chip_that_appears_belongs_to_the_daemons_group(self):
        with gpiosim.Chip("another") as chip:
            wait_until(lambda: group_and_mode(chip.dev) == ("gpioeventd", 0o660), "udev gives the chip to gpioeventd",
                       machine.PATIENCE_S)

    def test_the_daemon_runs_as_its_own_user_without_a_capability(self):
        self.client()
        with open("/proc/%d/status" % machine.main_pid()) as f:
            rows = dict(row.split(":\t", 1) for row in f.read().splitlines() if ":\t" in row)
        uid = int(rows["Uid"].split()[0])
        self.assertEqual(machine.pwd.getpwuid(uid).pw_name, "gpioeventd")
        self.assertEqual([int(rows[kind], 16) for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb")], [0, 0, 0, 0])

    def test_no_unit_of_the_machine_has_failed(self):
        self.assertEqual(systemctl("list-units", "--failed", "--no-legend", "--plain"), "")
