# SPDX-License-Identifier: MIT
"""systemctl reload."""

import machine
from machine import show, status, systemctl
from witness import Holds, Writes


class Reload(machine.TestCase):
    def setUp(self):
        super().setUp()
        self.watcher = self.client()
        self.watcher.request("subscribe", lines="*")
        self.pid = machine.main_pid()
        self.holds = Holds(0, 1, 8, 9, 10)
        self.addCleanup(self.holds.close)
        self.writes = Writes()
        self.addCleanup(self.writes.stop)

    def test_a_good_file_changes_what_it_changes_and_nothing_else(self):
        machine.configure(self.CONFIG.replace("line = board:1\n", "line = board:1\nactive-low = yes\n"))
        systemctl("reload", machine.SERVICE)
        self.watcher.wait_for(event="config")
        self.assertEqual(self.watcher.request("get", lines=["door", "high"])["values"], {"door": 1, "high": 1})
        self.assertEqual({offset for offset, _ in self.holds.changes()}, {1})
        self.assertEqual([self.writes.of(offset) for offset in (8, 9, 10)], [[], [], []])
        self.assertEqual(machine.main_pid(), self.pid)

    def test_a_bad_file_fails_names_the_place_and_changes_nothing(self):
        machine.configure(self.CONFIG + "[line third]\nline = board:2\ndirectoin = output\n")
        code, _ = status("systemctl", "reload", machine.SERVICE)
        self.assertNotEqual(code, 0)
        bad = "test.conf:%d" % (self.CONFIG.count("\n") + 3)
        self.assertIn(bad, machine.journal(self.began, "_SYSTEMD_UNIT=" + machine.SERVICE))
        self.assertIn(bad, show("StatusText"))
        self.assertEqual(show("ActiveState"), "active")
        self.assertEqual(self.holds.changes(), [])
        self.assertEqual(self.watcher.request("get", line="high")["values"], {"high": 1})
        self.assertEqual(machine.main_pid(), self.pid)

    def test_after_a_bad_file_a_good_one_is_taken(self):
        machine.configure("[lin")
        self.assertNotEqual(status("systemctl", "reload", machine.SERVICE)[0], 0)
        machine.configure(self.CONFIG + "[line third]\nline = board:2\n")
        systemctl("reload", machine.SERVICE)
        self.assertEqual(self.watcher.request("get", line="third")["values"], {"third": 0})
        self.assertNotIn("test.conf", show("StatusText"))
