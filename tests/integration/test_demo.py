# SPDX-License-Identifier: MIT
"""What `make demo` shows: the whole of it, within 80 columns, and why it cannot when it cannot."""

import os
import re
import subprocess
import sys
import unittest

from harness import BACKEND, BUILD, PATIENCE, ROOT, TIMEOUT

DEMO = os.path.join(ROOT, "tools", "demo")


@unittest.skipUnless(BACKEND == "sim" and PATIENCE == 1, "the demonstration is of the simulation, in real time")
class Demo(unittest.TestCase):
    def run_demo(self, *args, **environment):
        return subprocess.run([sys.executable, DEMO] + list(args), env=dict(os.environ, **environment),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=3 * TIMEOUT)

    def test_the_demonstration_shows_the_light_and_ends_by_itself(self):
        done = self.run_demo("--build", BUILD, PYTHONIOENCODING="utf-8")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        rows = done.stdout.splitlines()
        self.assertLessEqual(max(len(row.replace(BUILD, "build")) for row in rows), 80)
        self.assertNotIn("\033", done.stdout)
        self.assertEqual(["led = 1", "led = 0"] * 3, re.findall(r"led = \d", done.stdout))
        self.assertEqual(["by timer:off", "set by s4_light", "by timer:off"],
                         re.findall(r"○   output  led = 0 +seq \d+, (.*)", done.stdout))
        self.assertEqual(2, len(re.findall(r"timer +off expired", done.stdout)))

    def test_the_demonstration_is_plain_ascii_where_the_terminal_is(self):
        done = self.run_demo("--build", BUILD, PYTHONIOENCODING="ascii")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertTrue(done.stdout.isascii())

    def test_the_demonstration_says_why_it_cannot(self):
        done = self.run_demo("--build", "/nonexistent")
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, "^demo: cannot start /nonexistent/gpioeventd: No such file")
