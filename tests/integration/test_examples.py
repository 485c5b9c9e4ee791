# SPDX-License-Identifier: MIT
"""The five scenarios, as the example clients do them, and that the light of the fourth is exact."""

import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

import board
import harness
from harness import BUILD, ROOT, TIMEOUT, TestCase, wait_until

EXAMPLES = os.path.join(ROOT, "client", "examples")

# As in config/examples/simulated.conf.
CONFIG = """
[line button]
line = GPIO23
bias = pull-up
active-low = yes

[line led]
line = GPIO18
direction = output
initial = 0
"""


class Program:
    """An example that runs; its output is read line by line."""

    def __init__(self, test, name):
        path = os.path.join(BUILD if name.endswith("s3_follow") else EXAMPLES, name)
        command = [sys.executable, "-u", path] if name.endswith(".py") else [path]
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        start_new_session=True,
                                        env=dict(os.environ, GPIOEVENTD_SOCKET=test.daemon.socket_path))
        test.addCleanup(self.kill)

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        try:
            output = self.process.communicate(timeout=TIMEOUT)[0]
        except subprocess.TimeoutExpired:
            raise harness.Failure(self.name + " did not end")
        return self.process.returncode, output

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdout.close()


class Case(TestCase):
    CONFIG = None
    LINES = ""

    def setUp(self):
        super().setUp()
        self.board.close()
        self.board = board.make(harness.BACKEND, [board.numbered("gpio-board", 28, "GPIO")])
        self.addCleanup(self.board.close)
        self.start(self.LINES)
        self.client = self.connect()

    def wait_taken(self, line):
        """Waits until somebody listens to a line."""
        wait_until(lambda: self.client.request("lines", line=line)["lines"][0].get("users"), line + " is taken")

    def press(self, line):
        self.board.press(line, 0)
        self.board.press(line, 1)


class WithoutConfiguration(Case):
    def test_s1_wait_ends_at_the_press_and_leaves_the_line_free(self):
        program = Program(self, "s1_wait.py")
        self.wait_taken("GPIO23")
        self.press("GPIO23")
        self.assertEqual((0, "pressed\n"), program.end())
        wait_until(lambda: not self.client.request("lines", line="GPIO23")["lines"][0]["held"], "GPIO23 is free")

    def test_s1_wait_leaves_the_line_free_on_ctrl_c(self):
        program = Program(self, "s1_wait.py")
        self.wait_taken("GPIO23")
        program.process.send_signal(signal.SIGINT)
        self.assertEqual((130, ""), program.end())
        wait_until(lambda: not self.client.request("lines", line="GPIO23")["lines"][0]["held"], "GPIO23 is free")

    def test_s2_callback_counts_three_presses_while_it_works(self):
        program = Program(self, "s2_callback.py")
        self.wait_taken("GPIO23")
        with self.daemon.connect() as watcher:
            watcher.request("subscribe", line="GPIO23")
            for _ in range(3):
                for level, edge in ((0, "falling"), (1, "rising")):
                    self.board.press("GPIO23", level)
                    watcher.expect(event="edge", edge=edge)
        self.assertEqual((0, "3 presses while other work was done\n"), program.end())


class WithConfiguration(Case):
    LINES = CONFIG

    def follow(self, name):
        self.board.press("GPIO23", 0)  # pressed before the program starts
        self.wait_value(self.client, "button", 1)
        self.client.request("subscribe", lines=["led", "button"], events="output")
        Program(self, name)
        self.client.expect(event="output", line="led", value=1)
        for level in (1, 0, 1, 0):
            self.board.press("GPIO23", level)
            self.client.expect(event="output", line="led", value=1 - level)
            self.assertEqual(1 - level, self.board.output_level("GPIO18"))

    def test_s3_led_follows_the_button_in_python(self):
        self.follow("s3_follow.py")

    @unittest.skipUnless(shutil.which("nc") and shutil.which("jq"), "netcat or jq is not installed")
    def test_s3_led_follows_the_button_in_shell(self):
        self.follow("s3_follow.sh")

    def test_s3_led_follows_the_button_in_c(self):
        if not os.path.exists(os.path.join(BUILD, "examples", "s3_follow")):
            self.skipTest("build/examples/s3_follow is not built")
        self.follow("examples/s3_follow")

    def start_s4(self):
        program = Program(self, "s4_light.py")
        self.assertEqual("press the button", program.line())
        self.client.request("subscribe", line="led")
        return program

    def test_s4_press_lights_the_led_for_a_second(self):
        self.start_s4()
        self.press("GPIO23")
        lit = self.client.expect(event="output", line="led", value=1, cause="set")
        self.assertEqual("s4_light", lit["by"]["client"])
        out = self.client.expect(event="output", line="led", value=0, cause="timer:off")
        seconds = (out["timestamp_ns"] - lit["timestamp_ns"]) / 1e9
        self.assertGreater(seconds, 0.99)
        self.assertLess(seconds, 1.2 * harness.PATIENCE)

    def test_s4_press_while_lit_puts_it_out_at_once_and_stops_the_timer(self):
        self.start_s4()
        self.press("GPIO23")
        lit = self.client.expect(event="output", line="led", value=1)
        time.sleep(0.05)  # beyond the example's lockout
        self.press("GPIO23")
        out = self.client.expect(event="output", line="led", value=0, cause="set")
        self.assertLess(out["timestamp_ns"] - lit["timestamp_ns"], 0.9e9 * harness.PATIENCE)
        self.assertEqual([], self.client.request("timers")["timers"])
        time.sleep(0.05)
        self.press("GPIO23")
        again = self.client.expect(event="output", line="led", value=1)
        end = self.client.expect(event="output", line="led", value=0, cause="timer:off")
        self.assertGreater(end["timestamp_ns"] - again["timestamp_ns"], 0.99e9)

    def test_s4_light_goes_out_though_the_program_is_gone(self):
        program = self.start_s4()
        self.press("GPIO23")
        self.client.expect(event="output", line="led", value=1)
        wait_until(lambda: self.client.request("timers")["timers"], "the timer is armed")
        program.kill()
        self.client.expect(event="output", line="led", value=0, cause="timer:off")

    def test_s5_selector_names_what_was_ready(self):
        program = Program(self, "s5_selector.py")
        self.assertEqual("tick: 1", program.line())
        self.press("GPIO24")
        self.press("GPIO23")
        status, output = program.end()
        rows = output.split("\n")
        self.assertEqual(0, status, output)
        self.assertLess(rows.index("pressed: GPIO24"), rows.index("pressed: button"))
        self.assertEqual("end", rows[-2])
        ticks = 1 + sum(int(row.split()[1]) for row in rows if row.startswith("tick"))
        self.assertIn(ticks, (7, 8))

    def test_s5_selector_is_told_of_expirations_that_it_was_too_late_for(self):
        program = Program(self, "s5_selector.py")
        self.assertEqual("tick: 1", program.line())
        with self.daemon.frozen():
            time.sleep(0.8)
        status, output = program.end()
        counts = [int(row.split()[1]) for row in output.split("\n") if row.startswith("tick")]
        self.assertEqual(0, status, output)
        self.assertGreaterEqual(max(counts), 3)
        self.assertIn(1 + sum(counts), (7, 8))

    def test_examples_say_what_is_wrong(self):
        program = subprocess.run([sys.executable, os.path.join(EXAMPLES, "s3_follow.py"), self.daemon.socket_path + "x"],
                                 capture_output=True, text=True, timeout=TIMEOUT)
        self.assertNotEqual(0, program.returncode)
        self.assertIn("No such file", program.stderr)
