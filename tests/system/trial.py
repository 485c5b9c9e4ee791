# SPDX-License-Identifier: MIT
"""Everything that must not notice when the daemon is replaced, set going, and examined afterwards.

An input is toggled at random. One output stays 1, one 0, one is switched on and off by two timers; a
third timer just beats. A client follows it all. examine() then states the three zeros: nothing lost
silently, nothing twice, no output that moved by itself.
"""

import json

import machine
from follower import Follower
from machine import wait_until
from toggler import Toggler
from witness import Holds, Levels, Writes

BUTTON, HIGH, LOW, BLINK = 0, 8, 9, 10
BEAT_NS = 50_000_000


class Trial:
    def __init__(self, test):
        self.test = test
        test.client()
        self.writes = Writes()
        self.holds = Holds(BUTTON, HIGH, LOW, BLINK)
        self.levels = Levels([HIGH, LOW])
        self.toggler = Toggler(BUTTON)
        self.follower = Follower()
        self.follower.start_following()
        self._arm()
        self.levels.start()
        self.toggler.start()
        test.addCleanup(self._end)

    def _arm(self):
        with machine.connect() as client:
            client.request("arm", timer="on", every="200ms", values={"blink": 1}, keep=True)
            client.request("arm", timer="off", after="100ms", every="200ms", values={"blink": 0}, keep=True)
            self.beat = client.request("arm", timer="beat", every="%dns" % BEAT_NS, keep=True)

    def _end(self):
        self.toggler.stop()
        self.levels.stop()
        self.follower.stop()
        self.holds.close()
        self.writes.stop()

    def _settle(self):
        """Waits until the client has been told of everything; the number of edges made."""
        made = self.toggler.stop()
        with machine.connect() as client:
            for timer in ("on", "off", "beat"):
                client.request("disarm", timer=timer)
            client.request("get", lines=["button"])
            head = client.request("ping")["seq"]
        wait_until(lambda: self.follower.error or self.follower.seq >= head, "the client has everything")
        self.follower.stop()
        return made

    def examine(self):
        made = self._settle()
        if self.follower.error:
            raise self.follower.error
        self._nothing_lost_silently(made)
        self._nothing_twice()
        self._no_output_moved()
        self._each_period_once()
        print("(%d edges, %d of them said to be lost, %d connections) " % (
            made, made - len(self.follower.of("edge", line="button")), self.follower.connections), end="")

    def _nothing_lost_silently(self, made):
        test, follower = self.test, self.follower
        test.assertEqual(follower.not_resumed, 0, "subscriptions that could not go on where they were")
        test.assertEqual([loss for loss in follower.of("lost") if "count" not in loss], [])
        test.assertEqual(follower.accounted("button"), made)
        number = None
        for event in follower.events:
            if event["event"] == "lost" and event.get("line") == "button" and number is not None:
                number += event["count"]
            elif event["event"] == "edge" and event["line"] == "button":
                if number is not None:
                    test.assertEqual(event["line_seq"], number + 1, json.dumps(event))
                number = event["line_seq"]

    def _nothing_twice(self):
        seqs = [event["seq"] for event in self.follower.events]
        self.test.assertEqual([(a, b) for a, b in zip(seqs, seqs[1:]) if a >= b], [], "seq that do not rise")

    def _no_output_moved(self):
        test = self.test
        test.assertEqual(self.holds.changes(), [], "lines that were requested, released or set differently")
        test.assertEqual(set(self.writes.of(HIGH)) - {1}, set(), "writes to an output that is 1")
        test.assertEqual(set(self.writes.of(LOW)) - {0}, set(), "writes to an output that is 0")
        seen = self.levels.stop()
        test.assertEqual([seen[HIGH][0], seen[LOW][1]], [0, 0], "levels that an output should not have had")
        test.assertGreater(min(seen[HIGH][1], seen[LOW][0]), 1000, "the watcher has hardly watched")
        told = [event["value"] for event in self.follower.of("output", line="blink")]
        test.assertEqual(told, [n % 2 ^ 1 for n in range(len(told))], "values of the blinking output as told")
        test.assertEqual(changes(self.writes.of(BLINK)), told, "what the kernel saw of the blinking output")

    def _each_period_once(self):
        due = self.beat["timestamp_ns"]
        for event in self.follower.of("timer", timer="beat"):
            self.test.assertEqual((event["timestamp_ns"], event["armed"]),
                                  (due + (event["expirations"] - 1) * BEAT_NS, self.beat["armed"]), json.dumps(event))
            due = event["timestamp_ns"] + BEAT_NS


def changes(values, level=0):
    """The values without those that change nothing."""
    changed = []
    for value in values:
        if value != level:
            changed.append(value)
            level = value
    return changed
