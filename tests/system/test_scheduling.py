# SPDX-License-Identifier: MIT
"""How the daemon is scheduled."""

import os
import shutil

import machine
from machine import systemctl

EXAMPLE = "/usr/share/gpioeventd/systemd/fifo.conf"
DROP_IN = "/etc/systemd/system/gpioeventd.service.d"


class Scheduling(machine.TestCase):
    def test_it_goes_before_ordinary_processes(self):
        self.client()
        pid = machine.main_pid()
        self.assertEqual((os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)), (os.SCHED_OTHER, -15))

    def test_the_packages_drop_in_makes_it_real_time(self):
        self.addCleanup(systemctl, "daemon-reload")
        self.addCleanup(shutil.rmtree, DROP_IN)
        os.makedirs(DROP_IN)
        shutil.copy(EXAMPLE, DROP_IN)
        systemctl("daemon-reload")
        self.client()
        policy = os.sched_getscheduler(machine.main_pid())
        self.assertEqual(policy, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK)
