# SPDX-License-Identifier: MIT
"""Rules 22 and 23: set, toggle, what they log, and pulses that revert by themselves."""

import os
import time

from harness import ABSENT, PATIENCE, TestCase


class Set(TestCase):
    def test_set_drives_the_line(self):
        client = self.connect()
        for value in (1, 0, 1):
            reply = client.request("set", line="led", value=value)
            self.assertEqual({"led": value}, reply["values"])
            self.assertEqual(value, self.board.output_level("OUT0"))

    def test_an_active_low_output_is_driven_low_for_1(self):
        client = self.connect()
        self.assertEqual(1, self.board.output_level("OUT2"))
        client.request("set", line="lamp", value=1)
        self.assertEqual(0, self.board.output_level("OUT2"))
        self.assertEqual({"lamp": 1}, client.request("get", line="lamp")["values"])

    def test_several_lines_get_one_value_or_each_its_own(self):
        client = self.connect()
        for fields in ({"lines": ["led", "relay"], "value": 1}, {"values": {"led": 0, "relay": 1}},
                       {"lines": ["led", "relay"], "values": [1, 0]}, {"values": {"relay": False, "led": True}}):
            reply = client.request("set", **fields)
            wanted = fields.get("values", [1, 1])
            if isinstance(wanted, list):
                wanted = dict(zip(fields["lines"], wanted))
            self.assertEqual(wanted, reply["values"])
            self.assertEqual(wanted, client.request("get", lines=["led", "relay"])["values"])

    def test_one_output_event_for_each_line_that_changed(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        reply = client.request("set", values={"led": 1, "relay": 0, "lamp": 1})
        self.assertEqual({"led", "lamp"}, set(reply["changed"]))
        self.assertEqual({"led", "lamp"}, {client.expect(event="output", value=1)["line"] for _ in range(2)})
        client.expect_nothing()
        self.assertEqual([], client.request("set", line="led", value=1)["changed"])
        client.expect_nothing()

    def test_an_output_event_says_who_and_why(self):
        client, watcher = self.connect(), self.connect()
        watcher.request("subscribe", line="led")
        peer = client.request("hello", client="lift")["peer"]
        client.request("set", line="led", value=1)
        event = watcher.expect(event="output", line="led", value=1, cause="set")
        self.assertEqual({"client": "lift", "peer": peer, "pid": os.getpid(), "uid": os.getuid()}, event["by"])
        client.request("toggle", line="led")
        watcher.expect(event="output", line="led", value=0, cause="toggle")

    def test_one_refusal_and_nothing_is_written(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        for bad, code in (("button", "wrong-direction"), ("FREE0", "not-requested"), ("nothing", "unknown-line"),
                          ("DUP", "ambiguous-line")):
            error = client.refuse("set", code, lines=["led", bad, "relay"], value=1)
            self.assertEqual(bad, error["line"])
            client.refuse("toggle", code, lines=["led", bad, "relay"])
            client.refuse("set", code, values={"led": 1, bad: 1})
        client.expect_nothing()
        self.assertEqual({"led": 0, "relay": 0}, client.request("get", lines=["led", "relay"])["values"])

    def test_one_line_with_two_values_is_refused(self):
        client = self.connect()
        client.request("subscribe", line="led")
        self.assertFalse(client.ask("set", values={"led": 0, "OUT0": 1})["ok"])
        client.expect_nothing()

    def test_value_and_values_exclude_each_other(self):
        client = self.connect()
        self.assertEqual("usage", client.ask("set", line="led", value=1, values={"led": 1})["error"]["class"])
        self.assertEqual("usage", client.ask("set", lines=["led", "relay"], values=[1])["error"]["class"])
        self.assertEqual("usage", client.ask("set", values=[1])["error"]["class"])
        client.refuse("set", "missing-field", line="led")
        client.refuse("set", "missing-field", value=1)
        client.refuse("set", "missing-field")

    def test_toggle_inverts(self):
        client = self.connect()
        client.request("set", line="led", value=1)
        self.assertEqual({"led": 0, "relay": 1}, client.request("toggle", lines=["led", "relay"])["values"])

    def test_writes_take_effect_in_the_order_of_requests(self):
        client, watcher = self.connect(), self.connect()
        watcher.request("subscribe", lines="*")
        client.pipeline([("set", {"line": line, "value": value}) for value in (1, 0) for line in ("led", "relay", "lamp")])
        self.assertEqual([("led", 1), ("relay", 1), ("lamp", 1), ("led", 0), ("relay", 0), ("lamp", 0)],
                         [(event["line"], event["value"]) for event in watcher.drain()])


class Pulse(TestCase):
    LONG = 0.25 * PATIENCE

    def ms(self, seconds):
        return "%dms" % (seconds * 1000)

    def test_a_pulse_reverts_by_itself_after_its_time(self):
        client = self.connect()
        client.request("subscribe", line="led")
        client.request("set", line="led", value=1, pulse=self.ms(self.LONG))
        begin = client.expect(event="output", value=1, cause="set")
        end = client.expect(event="output", value=0, cause="revert")
        self.assertGreaterEqual(end["timestamp_ns"] - begin["timestamp_ns"], self.LONG * 1e9 * 0.99)

    def test_a_pulse_to_0_reverts_to_1(self):
        client = self.connect()
        client.request("set", line="led", value=1)
        client.request("subscribe", line="led")
        client.request("toggle", line="led", pulse="5ms")
        client.expect(event="output", value=0, cause="toggle")
        client.expect(event="output", value=1, cause="revert")

    def test_a_pulse_reverts_when_its_client_is_gone(self):
        client, watcher = self.connect(), self.connect()
        watcher.request("subscribe", line="led")
        client.request("set", line="led", value=1, pulse=self.ms(self.LONG))
        client.close()
        watcher.expect(event="output", value=1)
        watcher.expect(event="output", value=0, cause="revert")

    def test_overlapping_pulses_revert_to_the_value_before_the_first(self):
        client = self.connect()
        client.request("subscribe", line="led")
        client.request("set", line="led", value=1, pulse=self.ms(self.LONG))
        client.expect(event="output", value=1)
        client.request("set", line="led", value=1, pulse=self.ms(2 * self.LONG))
        second = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        revert = client.expect(event="output", value=0, cause="revert")
        self.assertGreater(revert["timestamp_ns"], second + 1.9 * self.LONG * 1e9)
        client.request("set", line="led", value=1, pulse=self.ms(self.LONG))
        client.request("set", line="led", value=0, pulse="1ms")
        client.expect(event="output", value=1, cause="set")
        client.expect(event="output", value=0, cause="set")
        time.sleep(1.2 * self.LONG)
        client.expect_nothing()

    def test_any_other_write_cancels_the_revert_and_says_so(self):
        client, other = self.connect(), self.connect()
        client.request("subscribe", line="led")
        for op, fields, value in (("set", {"value": 1}, 1), ("set", {"value": 0}, 0), ("toggle", {}, 0)):
            client.request("set", line="led", value=0)
            client.request("set", line="led", value=1, pulse=self.ms(self.LONG))
            self.assertIs(True, other.request(op, line="led", **fields)["cancelled_revert"])
            time.sleep(1.2 * self.LONG)
            self.assertNotIn("revert", [event["cause"] for event in client.drain()])
            self.assertEqual({"led": value}, client.request("get", line="led")["values"])

    def test_nothing_is_cancelled_where_nothing_runs(self):
        client = self.connect()
        client.request("set", line="relay", value=1, pulse="1h")
        self.assertNotIn("cancelled_revert", client.request("set", line="led", value=1))

    # The value to go back to was kept as it was called before: it then meant the other level.
    def test_a_pulse_ends_at_the_level_before_it_though_active_low_has_changed(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="output", active_low=True, initial=0)
        client.request("subscribe", line="FREE0")
        client.request("set", line="FREE0", value=1, pulse=self.ms(self.LONG))
        self.assertEqual({"FREE0": 0}, client.request("request", line="FREE0", active_low=False)["values"])
        client.wait_for(event="output", cause="revert", value=1)
        self.assertEqual(1, self.board.output_level("FREE0"))

    def test_pulses_of_several_lines_end_each_by_itself(self):
        client = self.connect()
        client.request("subscribe", lines=["led", "relay"], events="output")
        client.request("set", lines=["led", "relay"], value=1, pulse=self.ms(self.LONG))
        client.request("set", line="led", value=1)
        events = [client.expect(event="output", value=1) for _ in range(2)]
        client.expect(event="output", line="relay", value=0, cause="revert")
        client.expect_nothing()

    def test_a_timer_that_writes_cancels_a_pulse(self):
        client = self.connect()
        client.request("set", line="led", value=1, pulse="1h")
        client.request("arm", timer="t", after="0s", values={"led": 1})
        client.expect(event="timer", timer="t")
        self.assertNotIn("cancelled_revert", client.request("set", line="led", value=1))


class Group(TestCase):
    CONFIG = """
[line a]
line = OUT0
direction = output
initial = 0
group = pair

[line b]
line = OUT1
direction = output
initial = 0
group = pair
"""

    def test_lines_of_a_group_are_set_and_read_together_and_singly(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.assertEqual({"a", "b"}, set(client.request("set", values={"a": 1, "b": 1})["changed"]))
        client.request("set", line="b", value=0)
        self.assertEqual({"a": 1, "b": 0}, client.request("get", lines=["a", "b"])["values"])
        self.assertEqual((1, 0), (self.board.output_level("OUT0"), self.board.output_level("OUT1")))
        self.assertEqual([("a", 1), ("b", 1), ("b", 0)],
                         [(event["line"], event["value"]) for event in client.drain()])


class MixedGroup(TestCase):
    CONFIG = """
[line a]
line = IN0
bias = pull-down
group = all

[line b]
line = IN1
active-low = yes
bias = pull-up
group = all
"""

    def test_edges_of_grouped_inputs_are_each_lines_own(self):
        client = self.connect()
        reply = client.request("subscribe", lines=["a", "b"])
        self.assertEqual({"a": 0, "b": 0}, reply["values"])
        for line, level, value in (("IN0", 1, 1), ("IN1", 0, 1), ("IN0", 0, 0), ("IN0", 1, 1), ("IN1", 1, 0)):
            self.board.press(line, level)
            client.expect(event="edge", line="a" if line == "IN0" else "b", value=value)
        self.board.press("IN0", 0)
        client.expect(event="edge", line="a", value=0, line_seq=4)
        self.assertEqual({"a": 0, "b": 0}, client.request("get", lines=["a", "b"])["values"])

    def test_a_group_whose_chip_goes_comes_back_whole(self):
        client = self.connect()
        client.request("subscribe", lines=["a", "b"])
        self.board.remove_chip()
        gone = {client.wait_for(event="line", change="gone")["line"] for _ in range(2)}
        self.board.restore_chip()
        back = {client.wait_for(event="line", change="available")["line"] for _ in range(2)}
        self.assertEqual(({"a", "b"}, {"a", "b"}), (gone, back))
