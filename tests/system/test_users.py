# SPDX-License-Identifier: MIT
"""Who may do what, as different users of the machine."""

import os

import harness
import machine
from machine import MEMBER, STRANGER, as_user


def ask(op, **fields):
    with machine.connect() as client:
        return client.ask(op, **fields)


def open_chip():
    os.close(os.open(machine.board().dev, os.O_RDWR))


class Users(machine.TestCase):
    def test_a_member_of_gpio_is_served(self):
        self.assertTrue(as_user(MEMBER, ask, "ping")["ok"])

    def test_a_stranger_is_kept_out_by_the_socket(self):
        with self.assertRaises(PermissionError):
            as_user(STRANGER, ask, "ping")

    def test_a_member_of_gpio_cannot_open_the_chip_but_sets_its_lines_through_the_daemon(self):
        with self.assertRaises(PermissionError):
            as_user(MEMBER, open_chip)
        with self.assertRaises(PermissionError):
            as_user(STRANGER, open_chip)
        for value in (0, 1):
            self.assertTrue(as_user(MEMBER, lambda: ask("set", line="high", value=value))["ok"])
            self.assertEqual(self.board.value(8), value)

    def test_an_event_names_the_user_who_caused_it(self):
        client = self.connect()
        client.request("subscribe", lines="high")
        as_user(MEMBER, lambda: ask("set", line="high", value=0))
        uid = machine.pwd.getpwnam(MEMBER).pw_uid
        self.assertEqual(client.wait_for(event="output", line="high")["by"]["uid"], uid)

    def test_gpioctl_works_for_a_member_of_gpio(self):
        self.assertEqual(as_user(MEMBER, machine.run, "gpioctl", "get", "high"), "1")

    def test_gpioctl_tells_a_stranger_to_join_the_group(self):
        code, said = as_user(STRANGER, machine.status, "gpioctl", "get", "high")
        self.assertNotEqual(code, 0)
        self.assertIn("gpio", said)


class Rules(machine.TestCase):
    """[access] by user and by group, for users as the machine has them."""

    GUEST = "guest"
    RULES = """
[access everybody]
groups = gpio
lines = button high
verbs = watch

[access one]
users = %s
lines = high
verbs = set
""" % MEMBER
    CONFIG = machine.CONFIG + RULES

    def setUp(self):
        machine.run("useradd", "-M", "-G", "gpio", self.GUEST)
        self.addCleanup(machine.run, "userdel", self.GUEST)
        super().setUp()
        self.addCleanup(machine.configure, machine.CONFIG)

    def verbs(self, name):
        return as_user(name, ask, "hello")["access"]

    def set_high(self, name):
        return as_user(name, lambda: ask("set", line="high", value=0))

    def test_each_user_may_what_the_rules_give_by_name_and_by_group(self):
        self.assertEqual(self.verbs(self.GUEST), ["see", "watch"])
        self.assertEqual(self.verbs(MEMBER), ["see", "watch", "set"])
        refusal = self.set_high(self.GUEST)["error"]
        self.assertEqual(refusal["code"], "denied")
        self.assertIn("[access everybody]", refusal["message"])
        self.assertEqual(self.board.value(8), 1)
        self.assertTrue(self.set_high(MEMBER)["ok"])
        self.assertEqual(self.board.value(8), 0)
        self.assertEqual(as_user(MEMBER, lambda: ask("get", line="low"))["error"]["code"], "unknown-line")

    def test_a_reload_gives_and_takes_rights(self):
        self.client()
        machine.configure(self.CONFIG.replace("users = " + MEMBER, "users = " + self.GUEST))
        machine.systemctl("reload", machine.SERVICE)
        self.assertEqual(self.set_high(MEMBER)["error"]["code"], "denied")
        self.assertTrue(self.set_high(self.GUEST)["ok"])
