# SPDX-License-Identifier: MIT
"""Losses at the source, made at will: a simulated line whose event records the test writes itself."""

import os
import struct
import time

from harness import TestCase, only

RISING, FALLING = 1, 2
RECORD = struct.Struct("=QIIII24x")  # struct gpio_v2_line_event


@only("sim", "the kernel writes its records itself")
class Feed(TestCase):
    CONFIG = None
    DAEMON = "log-size = 64K"

    def setUp(self):
        super().setUp()
        reader, self.writer = os.pipe()
        self.addCleanup(os.close, self.writer)
        self.start("[line door]\nline = IN1\n[line button]\nline = IN0\n", args=("--sim-feed", "button=%d" % reader),
                   pass_fds=(reader,))
        os.close(reader)
        self.client = self.connect()

    def subscribe(self, line="button"):
        self.client.request("subscribe", line=line)

    def feed(self, *edges):
        """Writes records; an edge is (line_seqno, RISING or FALLING)."""
        os.write(self.writer, b"".join(
            RECORD.pack(time.clock_gettime_ns(time.CLOCK_MONOTONIC), kind, 0, number & 0xffffffff, number & 0xffffffff)
            for number, kind in edges))

    def run_of(self, first, n):
        return [(number, RISING if number % 2 else FALLING) for number in range(first, first + n)]

    def test_records_are_edges(self):
        self.subscribe()
        self.feed((1, RISING), (2, FALLING))
        self.client.expect(event="edge", line="button", edge="rising", line_seq=1)
        self.client.expect(event="edge", line="button", edge="falling", line_seq=2)

    def test_a_gap_in_the_sequence_is_one_lost_with_the_exact_count(self):
        self.subscribe()
        self.feed(*self.run_of(1, 3) + self.run_of(10, 2))
        for _ in range(3):
            self.client.expect(event="edge")
        lost = self.client.expect(event="lost", reason="kernel", line="button", count=6)
        self.assertEqual(lost["from"], lost["to"])
        self.assertEqual({"button"}, set(lost["values"]))
        self.client.expect(event="edge", line_seq=10)
        self.client.expect(event="edge", line_seq=11)

    def test_each_gap_is_counted_by_itself(self):
        self.subscribe()
        self.feed(*self.run_of(1, 1) + self.run_of(3, 1) + self.run_of(7, 1))
        self.client.expect(event="edge")
        self.client.expect(event="lost", count=1)
        self.client.expect(event="edge")
        self.client.expect(event="lost", count=3)
        self.client.expect(event="edge")

    def test_edges_lost_before_the_first_one_are_counted(self):
        self.subscribe()
        self.feed(*self.run_of(5, 1))
        self.client.expect(event="lost", reason="kernel", count=4)
        self.client.expect(event="edge", line_seq=5)

    def test_the_kernels_number_may_wrap(self):
        self.subscribe()
        self.feed((2**32 - 2, RISING), (2**32 - 1, FALLING), (2**32, RISING), (2**32 + 1, FALLING),
                  (2**32 + 5, RISING))
        first = self.client.wait_for(event="edge")["line_seq"]
        for i in range(3):
            self.client.expect(event="edge", line_seq=first + 1 + i)
        self.client.expect(event="lost", reason="kernel", count=3)
        self.client.expect(event="edge", line_seq=first + 7)

    def test_a_loss_is_logged_and_replayed(self):
        reply = self.client.request("subscribe", line="button")
        self.feed(*self.run_of(1, 2) + self.run_of(5, 2))
        live = [self.client.event() for _ in range(5)]
        again = self.connect()
        resumed = again.request("subscribe", line="button", since=reply["seq"], instance=reply["instance"])
        self.assertEqual(5, resumed["replay"])
        self.assertEqual(live, [again.event() for _ in range(5)])

    def test_a_loss_comes_whatever_the_filter_of_the_line(self):
        self.client.request("subscribe", line="button", edges="rising", events="edge", lockout="1h")
        self.feed((1, RISING), (4, RISING))
        self.client.expect(event="edge")
        self.client.expect(event="lost", reason="kernel", count=2)

    def test_a_loss_is_not_told_to_who_does_not_watch_the_line(self):
        self.subscribe("door")
        watcher = self.connect()
        watcher.request("subscribe", line="button")
        self.feed((1, RISING), (4, FALLING))
        watcher.wait_for(event="edge", line_seq=4)
        self.client.expect_nothing()

    def test_stats_count_what_the_kernel_lost(self):
        self.subscribe()
        self.feed((1, RISING), (1001, RISING))
        self.client.wait_for(event="edge", line_seq=1001)
        self.assertEqual(999, self.stats()["counters"]["lost_kernel"])

    def test_many_records_at_once_come_whole_and_in_order(self):
        self.subscribe()
        for i in range(0, 20000, 80):
            self.feed(*self.run_of(i + 1, 80))
            if i % 800 == 0:
                self.client.request("ping")
        for i in range(20000):
            if not self.client.events and i % 1000 == 0:
                self.client.request("ping")
            self.client.expect(event="edge", line_seq=i + 1)

    def test_a_reader_overtaken_across_losses_at_the_source_is_told_of_all(self):
        """What the kernel lost while the reader was stuck counts as lost, whoever lost it first."""
        stuck = self.connect()
        stuck.request("subscribe", line="button")
        number = 1
        for _ in range(120):
            self.feed(*self.run_of(number, 80))
            number += 83
            self.client.request("ping")
        self.client.request("subscribe", line="button")
        self.feed((number, RISING))
        self.client.wait_for(event="edge")
        lost = received = 0
        while True:
            event = stuck.event()
            if event["event"] == "lost":
                lost += event["count"]
            else:
                received += 1
                if event["line_seq"] == number:
                    break
        self.assertGreater(received, 80)
        self.assertEqual(number, received + lost)
