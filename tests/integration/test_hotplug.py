# SPDX-License-Identifier: MIT
"""Chips that come and go: what is told, what is kept, and that nothing is polled."""

import collections
import contextlib
import glob
import os
import threading
import time
import unittest

import board
from board import B
from harness import BACKEND, BUTTONS_AND_LEDS, PATIENCE, TestCase, only, wait_until

# On board-b.
KNOB = """
[line knob]
line = B1
direction = input
"""

CYCLES = 200

SYSFS = "/sys/class/gpio/"
needs_sysfs = unittest.skipUnless(os.path.exists(SYSFS + "export"), "this kernel has no GPIO in sysfs")


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


@contextlib.contextmanager
def exported(board, line):
    """A context in which a line of the first chip is exported in sysfs, and so held by the kernel."""
    label = board.chips[0].label
    for chip in glob.glob(SYSFS + "gpiochip*/"):
        with open(chip + "label") as f, open(chip + "base") as g:
            if f.read().strip() == label:
                number = str(int(g.read()) + board.offset(line))
    write(SYSFS + "export", number)
    try:
        yield
    finally:
        write(SYSFS + "unexport", number)


class Idle(TestCase):
    """Longer than the first interval at which anything would be tried again."""

    SECONDS = 1.3

    def assert_no_wakeup(self):
        self.stats()
        time.sleep(1.1)  # by then the service manager has been told the status, this connection in it
        before = self.stats()["counters"]["wakeups"]
        time.sleep(self.SECONDS)
        after = self.stats()["counters"]["wakeups"]
        self.assertEqual(before + 1, after, "the request itself is the only wake-up")

    def test_a_missing_chip_wakes_nobody(self):
        client = self.connect()
        client.request("subscribe", line="button")
        self.board.remove_chip()
        client.wait_for(event="line", line="button", change="gone")
        self.assert_no_wakeup()
        self.board.restore_chip()
        client.wait_for(event="line", line="button", change="available", seconds=0.9 * PATIENCE)

    def test_a_line_that_is_not_there_wakes_nobody(self):
        self.start("[line lost]\nline = NOWHERE\ndirection = input\n")
        self.observer = self.connect(self.daemons[-1])
        self.assert_no_wakeup()

    @only("gpiod", "the simulated lines have no other process that could hold them")
    def test_a_line_that_somebody_holds_wakes_nobody(self):
        with self.board.taken("FREE0", "elsewhere"):
            daemon = self.start("[line wanted]\nline = FREE0\ndirection = input\n")
            self.observer = self.connect(daemon)
            self.observer.request("subscribe", line="wanted")
            self.assert_no_wakeup()
        self.observer.wait_for(event="line", line="wanted", change="available", seconds=0.9 * PATIENCE)
        daemon.stop(errors_allowed=True)

    @only("gpiod", "the simulated lines are not the kernel's")
    @needs_sysfs
    def test_a_line_that_the_kernel_gives_back_is_taken(self):
        with exported(self.board, "FREE0"):
            daemon = self.start("[line wanted]\nline = FREE0\ndirection = input\n")
            self.observer = self.connect(daemon)
            self.observer.request("subscribe", line="wanted")
            self.assert_no_wakeup()
        self.observer.wait_for(event="line", line="wanted", change="available", seconds=0.9 * PATIENCE)
        daemon.stop(errors_allowed=True)

    @only("gpiod", "the simulated lines have no other process that could hold them")
    def test_a_group_of_which_somebody_holds_a_line_is_taken_when_that_is_freed(self):
        group = "[line %s]\nline = %s\ndirection = input\ngroup = pair\n"
        with self.board.taken("FREE1", "elsewhere"):
            daemon = self.start(group % ("one", "FREE0") + group % ("two", "FREE1"))
            self.observer = self.connect(daemon)
            self.observer.request("subscribe", lines=["one", "two"])
            self.assert_no_wakeup()
        for _ in range(2):
            self.observer.wait_for(event="line", change="available", seconds=0.9 * PATIENCE)
        daemon.stop(errors_allowed=True)


class Absent(TestCase):
    CONFIG = None

    @only("gpiod", "a simulated chip cannot appear that was not there at the start")
    def test_a_chip_that_comes_after_the_start_is_taken_with_its_initial_values(self):
        self.board.remove_chip()
        self.start(BUTTONS_AND_LEDS.replace("initial = 0", "initial = 1"))
        client = self.connect()
        client.request("subscribe", line="led")
        self.board.restore_chip()
        client.wait_for(event="line", line="led", change="available", value=1, seconds=0.9 * PATIENCE)
        self.assertEqual(1, self.board.output_level("OUT0"))

    @only("gpiod", "simulated chips keep their names")
    def test_chips_that_come_back_with_each_others_numbers_are_told_apart(self):
        self.start(BUTTONS_AND_LEDS + KNOB)
        client = self.connect()
        client.request("subscribe", lines=["button", "knob"])
        for chip, line in ((0, "button"), (B, "knob")):
            self.board.remove_chip(chip)
            client.wait_for(event="line", line=line, change="gone")
        names = [self.board.chip_name(chip) for chip in (0, B)]
        for chip, line in ((B, "knob"), (0, "button")):
            self.board.restore_chip(chip)
            client.wait_for(event="line", line=line, change="available")
        self.assertEqual(names[::-1], [self.board.chip_name(chip) for chip in (0, B)])
        self.board.press("B1", 1, B)
        client.wait_for(event="edge", line="knob", value=1)
        self.board.press("IN0", 0)
        client.wait_for(event="edge", line="button", value=0)
        for chip in (0, B):
            self.assertIn("line", client.request("lines", line=self.board.spelling(1, chip))["lines"][0])

    @only("gpiod", "simulated chips keep their names")
    def test_a_number_that_another_chip_has_now_means_that_chip(self):
        self.start(BUTTONS_AND_LEDS)
        client = self.connect()
        client.request("subscribe", lines="*")
        for chip in (0, B):
            self.board.remove_chip(chip)
        client.wait_for(event="line", line="led", change="gone")
        self.board.restore_chip(B)  # as number of board-a
        client.wait_for(event="line", change="available")
        spelling = self.board.spelling(1, B)
        self.assertEqual("B1", client.request("lines", line=spelling)["lines"][0]["name"])
        self.board.restore_chip()
        client.wait_for(event="line", line="led", change="available")


class Twins(TestCase):
    """Two boards that have the same label, and lines of other names."""

    CONFIG = None

    def setUp(self):
        super().setUp()
        self.board.close()
        self.board = board.make(BACKEND, [board.numbered("twin", 4, "LEFT"), board.numbered("twin", 4, "RIGHT")])
        self.addCleanup(self.board.close)

    @only("gpiod", "simulated chips keep their names")
    def test_twins_are_told_apart_by_the_names_of_their_lines(self):
        self.start("[line l]\nline = LEFT1\n[line r]\nline = RIGHT1\n")
        client = self.connect()
        client.request("subscribe", lines=["l", "r"])
        for chip, line in ((0, "l"), (1, "r")):
            self.board.remove_chip(chip)
            client.wait_for(event="line", line=line, change="gone")
        for chip, line in ((1, "r"), (0, "l")):
            self.board.restore_chip(chip)
            client.expect(event="line", line=line, change="available")
            self.board.press(1, 1, chip)
            client.expect(event="edge", line=line, value=1)


class Again(TestCase):
    """A chip that goes and comes 200 times while clients use its lines and those of another chip."""

    CONFIG = None
    LINES = 8
    NAMES = {0: "IN0", 1: "IN1", 2: "IN2", 3: "OUT0", 4: "OUT1", 5: "OUT2", 6: "FREE0"}

    def setUp(self):
        super().setUp()
        self.board.close()
        self.board = board.make(BACKEND, [board.ChipSpec("board-a", self.LINES, self.NAMES),
                                          board.ChipSpec("board-b", 2, {1: "B1"})])
        self.addCleanup(self.board.close)
        self.start(BUTTONS_AND_LEDS + KNOB)
        self.stopping = False
        self.load = threading.Thread(target=self.work)
        self.addCleanup(self.end_load)

    def work(self):
        """Requests that are granted or refused, according to what is there."""
        with self.daemon.connect() as client:
            while not self.stopping:
                for op, fields in (("toggle", {"line": "led"}), ("set", {"line": "lamp", "value": 1, "pulse": "1ms"}),
                                   ("get", {"lines": ["button", "knob"]}), ("request", {"line": "FREE0"}),
                                   ("arm", {"timer": "~t", "after": "1ms", "values": {"relay": 1}})):
                    client.ask(op, **fields)

    def end_load(self):
        self.stopping = True
        if self.load.is_alive():
            self.load.join()

    def cycle(self, client, at_once):
        """One going and coming back; how often each thing was told."""
        told = collections.Counter()
        self.board.press("IN0", 0)
        self.board.press("B1", 1, B)
        self.board.remove_chip()
        while not at_once and told["line", "gone"] < self.LINES:
            self.count(told, client.event())
        self.board.restore_chip()
        while told["line", "available"] < self.LINES:
            self.count(told, client.event())
        self.board.press("B1", 0, B)
        self.barrier(client, "button", "knob")
        for event in client.drain():
            self.count(told, event)
        return told

    def count(self, told, event):
        if event["event"] == "line" and event["info"]["label"] == "board-a":
            told["line", event["change"]] += 1
        elif event["event"] == "lost":
            told["lost", event["reason"], event["line"]] += 1
        elif event["event"] == "edge" and event["line"] == "knob":
            told["knob"] += 1

    def size(self):
        return self.daemon.n_fds(), self.daemon.heap()

    def test_everything_is_told_once_and_nothing_is_leaked(self):
        client = self.connect()
        client.request("subscribe", lines="*", events=["edge", "line"])
        self.load.start()
        wait_until(lambda: client.request("lines", line="FREE0")["lines"][0]["held"], "the load is there")
        client.drain()
        sizes = []
        for number in range(CYCLES):
            told = self.cycle(client, at_once=number % 2 == 1)
            wanted = {("line", "gone"): self.LINES, ("line", "available"): self.LINES, "knob": 2}
            wanted.update({("lost", "unplug", line): 1 for line in ("button", "door", "bell", "FREE0")})
            self.assertEqual(wanted, {key: told[key] for key in wanted}, "cycle %d" % number)
            self.assertEqual(set(), {key for key in told if key[0] == "lost"} - set(wanted), "cycle %d" % number)
            if number in (CYCLES // 4, CYCLES - 1):
                sizes.append(self.size())
        (fds, heap), (fds_at_end, heap_at_end) = sizes
        self.assertEqual(fds, fds_at_end)
        self.assertLess(heap_at_end - heap, 64 << 10)
        self.board.press("IN0", 1)
        self.board.press("IN0", 0)
        client.wait_for(event="edge", line="button", value=0)
        self.end_load()
