# SPDX-License-Identifier: MIT
"""What a service manager hands over at the start, when it is not what this daemon knows."""

import select
import socket

import manager
from harness import BACKEND


class Inherit(manager.Case):
    ERRORS_ALLOWED = True

    def hand_over(self, *names, env=None):
        """Starts again with one end of a pair of sockets under each name; the other ends."""
        self.end()
        others = []
        for name in names:
            ours, given = socket.socketpair()
            self.addCleanup(ours.close)
            others.append(ours)
            self.manager.put(name, given.detach())
        self.begin(env=env)
        return others

    def assert_works(self):
        """Real lines that were stored, and not handed over, stay with the manager: nobody can have them."""
        client = self.connect()
        client.request("ping")
        if BACKEND == "sim":
            self.assertEqual({"led": 1}, client.request("set", line="led", value=1)["values"])

    def has(self, name, other):
        """Whether the daemon has the other end of this pair, which the manager lets go."""
        self.manager.lose(name)
        return not select.select([other], [], [], 0)[0]

    def test_a_descriptor_that_nobody_knows_is_closed_and_named(self):
        other, = self.hand_over("secret")
        self.assertFalse(self.has("secret", other))
        self.assertIn("secret", self.daemon.stderr())
        self.assert_works()

    def test_descriptors_for_another_process_are_left_alone(self):
        other, = self.hand_over("secret", env={"LISTEN_PID": "1"})
        self.assertTrue(self.has("secret", other))
        self.assert_works()

    def test_names_that_are_missing_or_too_few_or_strange_do_not_keep_it_from_starting(self):
        for names in (None, "", "log", "log:log:log", ":::", "line-", "log" * 1000, "\x01:\xff:%s%n"):
            with self.subTest(names=names):
                self.hand_over("secret", "log", "line-x", env={"LISTEN_FDNAMES": names})
                self.assert_works()

    def test_a_number_that_is_wrong_does_not_keep_it_from_starting(self):
        for number in (None, "0", "-1", "1", "70", "99999999999", "x"):
            with self.subTest(number=number):
                self.hand_over("secret", env={"LISTEN_FDS": number})
                self.assert_works()
