# SPDX-License-Identifier: MIT
"""What becomes of outputs when the service stops."""

import machine
from machine import systemctl
from witness import Holds, Writes

CONFIG = """
[line motor]
line = board:8
direction = output
initial = 1
on-exit = 0

[line brake]
line = board:9
direction = output
initial = 0
on-exit = 1

[line left]
line = board:10
direction = output
initial = 1
"""


class Stop(machine.TestCase):
    CONFIG = CONFIG

    def setUp(self):
        super().setUp()
        self.client()
        self.writes = Writes()
        self.addCleanup(self.writes.stop)

    def test_a_stop_drives_the_on_exit_values_and_gives_the_lines_back(self):
        holds = Holds(8, 9, 10)
        self.addCleanup(holds.close)
        systemctl("stop", machine.SERVICE)
        self.assertEqual([self.writes.of(offset) for offset in (8, 9, 10)], [[0], [1], []])
        self.assertEqual(sorted(holds.changes()), [(8, "released"), (9, "released"), (10, "released")])

    def test_a_stopped_daemon_is_started_again_by_the_next_client(self):
        systemctl("stop", machine.SERVICE)
        self.assertEqual(self.client().request("get", line="motor")["values"], {"motor": 1})
