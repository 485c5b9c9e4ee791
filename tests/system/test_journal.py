# SPDX-License-Identifier: MIT
"""What the journal can be asked for."""

import os
import sys

import machine
from machine import MEMBER, as_user, wait_until

sys.path.append(os.path.join(machine.HERE, "..", "kernel"))
from test_lab import FLAG_INPUT, request  # noqa: E402


def do_not_read():
    """A client with a name that asks and asks and takes no reply, until the daemon has enough of it."""
    with machine.connect() as client:
        client.request("hello", client="sleeper")
        try:
            client.send_until_stuck(b'{"op":"help"}\n' * 1000)
            client.socket.settimeout(2 * machine.PATIENCE_S)
            while True:
                client.socket.send(b'{"op":"ping"}\n')
        except ConnectionError:
            pass


class Journal(machine.TestCase):
    def rows(self, *matches):
        return machine.journal(self.began, "_SYSTEMD_UNIT=" + machine.SERVICE, *matches)

    def test_a_message_about_a_line_is_found_by_the_line(self):
        fd = request(self.board, 1, FLAG_INPUT)
        try:
            self.client()
            wait_until(lambda: self.rows("LINE=door"), "the journal tells of the busy line")
        finally:
            os.close(fd)
        self.assertIn("held by another process", self.rows("LINE=door", "PRIORITY=4"))
        self.assertEqual(self.rows("LINE=button"), "")

    def test_a_message_about_a_client_is_found_by_its_name_and_user(self):
        as_user(MEMBER, do_not_read)
        uid = machine.pwd.getpwnam(MEMBER).pw_uid
        wait_until(lambda: self.rows("CLIENT=sleeper"), "the journal tells of the client")
        self.assertIn("has taken no reply", self.rows("CLIENT=sleeper", "UID=%d" % uid))
        self.assertEqual(self.rows("CLIENT=sleeper", "UID=0"), "")
