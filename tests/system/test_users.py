# SPDX-License-Identifier: MIT
"""Who may do what, as different users of the machine."""

import os

import machine
from machine import MEMBER, STRANGER, as_user


def ask(op, **fields):
    with machine.connect() as client:
        return client.ask(op, **fields)


def open_chip():
    os.close(os.open(machine.board().dev, os.O_RDWR))


class Users(machine.TestCase):
    def test_a_stranger_is_kept_out_by_the_socket(self):
        with self.assertRaises(PermissionError):
            as_user(STRANGER, ask, "ping")

    def test_the_chip_can_be_opened_by_neither(self):
        for user in (MEMBER, STRANGER):
            with self.assertRaises(PermissionError):
                as_user(user, open_chip)

    def test_gpioctl_tells_a_stranger_to_join_the_group(self):
        code, said = as_user(STRANGER, machine.status, "gpioctl", "get", "high")
        self.assertNotEqual(code, 0)
        self.assertIn("gpio", said)
