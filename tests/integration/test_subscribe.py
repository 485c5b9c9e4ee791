# SPDX-License-Identifier: MIT
"""Rules 3, 7, 8, 12 and 13: what a subscription brings, from when on, and what filters leave out."""

import json
import select
import threading
import time

from harness import ABSENT, PATIENCE, STUCK_EVENTS, TestCase, only, wait_until


class Stream(TestCase):
    def test_an_edge_tells_line_value_and_times(self):
        client = self.connect()
        client.request("subscribe", line="button")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time_ns() // 1000
        self.board.press("IN0", 0)
        edge = client.expect(event="edge", line="button", edge="falling", value=0)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time_ns() // 1000
        self.assertLessEqual(before[0], edge["timestamp_ns"])
        self.assertLessEqual(edge["timestamp_ns"], after[0])
        self.assertLessEqual(before[1] - 1000, edge["realtime_us"])
        self.assertLessEqual(edge["realtime_us"], after[1] + 1000)

    def test_edges_are_logical_on_an_active_low_line(self):
        client = self.connect()
        self.assertEqual(0, client.request("subscribe", line="bell")["values"]["bell"])
        self.board.press("IN2", 0)
        client.expect(event="edge", line="bell", edge="rising", value=1)
        self.board.press("IN2", 1)
        client.expect(event="edge", line="bell", edge="falling", value=0)

    def test_line_seq_counts_the_edges_of_a_line_without_a_gap(self):
        client = self.connect()
        client.request("subscribe", line="button")
        numbers = []
        for i in range(20):
            self.board.press("IN0", i % 2)
            numbers.append(client.expect(event="edge", line="button")["line_seq"])
        self.assertEqual(list(range(numbers[0], numbers[0] + 20)), numbers)

    def test_seq_goes_up_by_one_with_each_event_of_the_log(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        start = client.request("ping")["seq"]
        for i in range(10):
            self.board.press("IN0", i % 2)
            self.assertEqual(start + 2 * i + 1, client.expect(event="edge", line="button")["seq"])
            client.send("toggle", line="led")
            self.assertEqual(start + 2 * i + 2, client.expect(event="output", line="led")["seq"])
            client.reply()

    def test_a_press_that_does_not_change_the_level_is_no_event(self):
        client = self.connect()
        client.request("subscribe", line="button")
        self.board.press("IN0", 1)
        self.board.press("IN0", 0)
        client.expect(event="edge", value=0)
        self.board.press("IN0", 0)
        self.board.press("IN0", 1)
        client.expect(event="edge", value=1)

    def test_the_reply_to_set_stands_behind_its_output_event(self):
        client = self.connect()
        client.request("subscribe", line="led")
        for i in range(200):
            client.send("set", line="led", value=(i + 1) % 2)
            first = client.message()
            self.assertEqual("output", first.get("event"))
            second = client.message()
            self.assertTrue(second["ok"])
            self.assertEqual(first["seq"], second["seq"])
            client.replies.clear()
            client.events.clear()

    # What was logged after a round's events had been sent, but before the next round began, carried the
    # number of the round that was over: its readers were not marked again, and never got it.
    def test_what_the_end_of_a_connection_causes_is_told_to_who_has_just_been_served(self):
        client, short = self.connect(), self.connect()
        seq = client.request("subscribe", lines="*")["seq"]
        short.send_raw('{"op":"request","line":"FREE0","direction":"output","initial":1}', ("request", ABSENT))
        short.end_input()
        self.assertTrue(short.reply()["ok"])
        short.expect_end()
        events = self.assert_no_gap(client, seq)
        self.assertEqual(("requested", "released"), (events[0]["change"], events[-1]["change"]))

    # The same with a chip, whose going is noticed between two rounds.
    @only("sim", "a request takes the chip away")
    def test_what_the_end_of_a_chip_causes_is_told_to_who_has_just_been_served(self):
        client = self.connect()
        seq = client.request("subscribe", lines="*")["seq"]
        requests = (("set", {"line": "led", "value": 1}), ("request", {"line": "FREE0", "direction": "output"}),
                    ("simulate", {"chip": self.board.chip_name(), "present": False}))
        client.send_raw("".join(json.dumps(dict(op=op, **fields)) + "\n" for op, fields in requests),
                        *((op, ABSENT) for op, _ in requests))
        for _ in requests:
            self.assertTrue(client.reply()["ok"])
        other = self.connect()
        wait_until(lambda: "available" in other.request("lines", line="led")["lines"][0], "led is gone")
        events = self.assert_no_gap(client, seq)
        self.assertEqual(32, sum(event.get("change") == "gone" for event in events))

    def test_state_and_stream_agree_while_edges_flow(self):
        stop = threading.Event()

        def flow():
            level = 0
            while not stop.is_set():
                self.board.press("IN0", level)
                level = 1 - level

        finger = threading.Thread(target=flow)
        finger.start()
        try:
            for _ in range(100):
                client = self.connect()
                reply = client.request("subscribe", line="button")
                first = client.wait_for(event="edge", line="button")
                if not [e for e in client.events if e["event"] == "lost"]:
                    self.assertEqual(1 - reply["values"]["button"], first["value"], (reply, first))
                self.assertGreater(first["seq"], reply["seq"])
                client.close()
        finally:
            stop.set()
            finger.join()

    def test_a_reply_that_states_a_value_follows_the_edge_that_made_it(self):
        client = self.connect()
        value = client.request("subscribe", line="button")["values"]["button"]
        for i in range(200):
            self.board.press("IN0", i % 2)
            reply = client.request("get", line="button")
            for event in client.events:
                value = event["value"]
            client.events.clear()
            self.assertEqual(value, reply["values"]["button"])

    def test_hundreds_of_clients_get_every_event_in_order(self):
        clients = [self.connect() for _ in range(300)]
        for client in clients:
            client.send("subscribe", lines=["button", "led"])
        for client in clients:
            self.assertTrue(client.reply()["ok"])
        wanted = []
        for i in range(50):
            self.board.press("IN0", i % 2)
            clients[0].expect(event="edge", line="button")
            clients[1].request("set", line="led", value=(i + 1) % 2)
            wanted += [("edge", i % 2), ("output", (i + 1) % 2)]
            clients[0].expect(event="output", line="led")
        seqs = None
        for client in clients[1:]:
            got = [client.event() for _ in wanted]
            self.assertEqual(wanted, [(event["event"], event["value"]) for event in got])
            seqs = seqs or [event["seq"] for event in got]
            self.assertEqual(seqs, [event["seq"] for event in got])
            client.expect_nothing()

    def test_edges_of_several_lines_and_timers_come_in_the_order_of_their_times(self):
        client = self.connect()
        client.request("subscribe", lines=["button", "door", "bell"])
        for i in range(1, 11):
            client.request("arm", timer="~%d" % i, after="%dms" % (i * 2 * PATIENCE))
        with self.daemon.frozen():
            self.board.play_frozen([(line, i % 2) for i in range(1, 31) for line in ("IN0", "IN1", "IN2")])
        events = [client.event()]
        while events[-1].get("timer") != "~10":
            events.append(client.event())
        self.barrier(client, "button", "door", "bell")
        times = [event["timestamp_ns"] for event in events + client.drain()]
        self.assertGreater(len(times), 50)
        self.assertEqual(sorted(times), times)


class Entries(TestCase):
    def test_without_a_subscription_there_are_no_events(self):
        client = self.connect()
        self.board.press("IN0", 0)
        client.request("set", line="led", value=1)
        client.request("request", line="FREE0", direction="output")
        self.barrier(client)
        client.expect_nothing()

    def test_subscribe_adds(self):
        client = self.connect()
        client.request("subscribe", line="button")
        client.request("subscribe", line="door")
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button")
        self.board.press("IN1", 1)
        client.expect(event="edge", line="door")

    def test_subscribing_twice_brings_each_event_once(self):
        client = self.connect()
        for _ in range(3):
            client.request("subscribe", lines=["button", "IN0", self.board.spelling("IN0")])
            client.request("subscribe", lines="*")
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button")
        self.barrier(client)
        client.expect_nothing()

    def test_subscribing_again_replaces_the_settings(self):
        client = self.connect()
        client.request("subscribe", line="button", edges="rising")
        client.request("subscribe", line="button", edges="falling")
        self.board.press("IN0", 0)
        client.expect(event="edge", edge="falling")
        self.board.press("IN0", 1)
        self.barrier(client)
        client.expect_nothing()
        client.request("subscribe", line="button")
        self.board.press("IN0", 0)
        self.board.press("IN0", 1)
        client.expect(event="edge", edge="falling")
        client.expect(event="edge", edge="rising")

    def test_a_lines_own_entry_wins_over_the_star(self):
        client = self.connect()
        client.request("subscribe", line="button", edges="rising")
        client.request("subscribe", lines="*", edges="falling")
        self.board.press("IN0", 0)
        self.board.press("IN1", 1)
        self.board.press("IN1", 0)
        client.expect(event="edge", line="door", edge="falling")
        self.board.press("IN0", 1)
        client.expect(event="edge", line="button", edge="rising")

    def test_after_unsubscribe_the_star_covers_the_line_again(self):
        client = self.connect()
        client.request("subscribe", line="button", events="output")
        client.request("subscribe", lines="*")
        client.request("unsubscribe", line="button")
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button")

    def test_after_the_reply_to_unsubscribe_no_event_follows(self):
        client, other = self.connect(), self.connect()
        for _ in range(50):
            client.request("subscribe", lines=["led", "relay"])
            for line in ("led", "led", "led", "relay"):
                other.send("toggle", line=line)
            client.request("unsubscribe", line="led")
            client.events.clear()
            for _ in range(4):
                other.reply()
            self.assertEqual([], [event for event in client.drain() if event["line"] == "led"])

    def test_unsubscribe_without_names_takes_everything(self):
        client = self.connect()
        client.request("subscribe", lines=["button", "door"], timers="t")
        client.request("subscribe", lines="*")
        client.request("unsubscribe")
        client.request("arm", timer="t", after="1ms", notify=False)
        self.board.press("IN0", 0)
        self.barrier(client)
        client.expect_nothing()

    def test_unsubscribe_of_the_star_leaves_the_lines_own_entries(self):
        client = self.connect()
        client.request("subscribe", line="button")
        client.request("subscribe", lines="*")
        client.request("unsubscribe", lines="*")
        self.board.press("IN1", 1)
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button")

    def test_unsubscribe_from_what_was_not_subscribed_is_no_error(self):
        client = self.connect()
        client.request("unsubscribe", line="button")
        client.request("unsubscribe", timers="nothing")
        client.refuse("unsubscribe", "unknown-line", line="nothing")

    def test_the_reply_has_values_at_seq_by_the_names_as_written(self):
        client = self.connect()
        spelling = self.board.spelling("IN1")
        reply = client.request("subscribe", lines=["button", "IN0", spelling, "led"])
        self.assertEqual({"button": 1, "IN0": 1, spelling: 0, "led": 0}, reply["values"])
        self.assertEqual({"button": "button", "IN0": "button", spelling: "door", "led": "led"}, reply["names"])
        self.assertEqual(reply["instance"], client.request("hello")["instance"])

    def test_the_star_states_every_line_in_use_and_covers_later_ones(self):
        client, other = self.connect(), self.connect()
        reply = client.request("subscribe", lines="*")
        self.assertEqual({"button": 1, "door": 0, "bell": 0, "led": 0, "relay": 0, "lamp": 0},
                         {name: value for name, value in reply["values"].items() if value is not None})
        other.request("subscribe", line="FREE0")
        client.expect(event="line", line="FREE0", change="requested")
        self.board.press("FREE0", 1)
        client.expect(event="edge", line="FREE0", value=1)

    def test_one_refused_line_refuses_the_whole_subscription(self):
        client = self.connect()
        error = client.refuse("subscribe", "unknown-line", lines=["button", "nothing"])
        self.assertEqual("nothing", error["line"])
        self.board.press("IN0", 0)
        self.barrier(client)
        client.expect_nothing()

    def test_subscribe_to_nothing_is_refused(self):
        self.connect().refuse("subscribe", "missing-field")


class Filters(TestCase):
    def test_edges_filters_by_direction(self):
        client = self.connect()
        client.request("subscribe", line="button", edges="rising")
        self.board.press("IN0", 0)
        self.board.press("IN0", 1)
        client.expect(event="edge", edge="rising")

    def test_edges_none_leaves_no_edge(self):
        client = self.connect()
        client.request("subscribe", lines="*", edges="none")
        self.board.press("IN0", 0)
        self.barrier(client)
        client.request("set", line="led", value=1)
        client.expect(event="output", line="led")

    def test_events_filters_by_kind(self):
        for kinds, wanted in (("edge", "edge"), (["output"], "output"), (["edge", "output"], "edge"), ("line", None)):
            client = self.connect()
            client.request("subscribe", lines="*", events=kinds)
            self.board.press("IN0", 0)
            self.barrier(client)
            client.request("set", line="led", value=1)
            if wanted:
                client.expect(event=wanted)
            if kinds == ["edge", "output"]:
                client.expect(event="output")
            client.expect_nothing()
            client.close()
            self.board.press("IN0", 1)
            self.connect().request("set", line="led", value=0)

    def test_one_clients_filter_does_not_touch_anothers(self):
        narrow, wide = self.connect(), self.connect()
        narrow.request("subscribe", line="button", edges="rising", events="output", lockout="1h")
        wide.request("subscribe", line="button")
        self.board.press("IN0", 0)
        self.board.press("IN0", 1)
        wide.expect(event="edge", value=0)
        wide.expect(event="edge", value=1)
        narrow.expect_nothing()

    def test_lockout_drops_edges_that_follow_within_its_time(self):
        client, other = self.connect(), self.connect()
        lockout = 0.2 * PATIENCE
        client.request("subscribe", line="button", lockout="%dms" % (lockout * 1000))
        other.request("subscribe", line="button")
        self.board.press("IN0", 0)
        first = client.expect(event="edge", value=0)
        for i in range(4):
            self.board.press("IN0", (i + 1) % 2)
        for _ in range(5):
            last = other.expect(event="edge")
        self.assertLess(last["timestamp_ns"] - first["timestamp_ns"], lockout * 1e9, "the test was too slow")
        client.expect_nothing()
        time.sleep(lockout)
        self.board.press("IN0", 1)
        client.expect(event="edge", value=1)

    def test_lockout_counts_from_the_last_edge_that_passed(self):
        client = self.connect()
        lockout = 0.3 * PATIENCE
        client.request("subscribe", line="button", lockout="%dms" % (lockout * 1000))
        passed = []
        end = time.monotonic() + 3.3 * lockout
        level = 0
        while time.monotonic() < end:  # an edge again and again; one passes in each stretch of the lockout
            self.board.press("IN0", level)
            level = 1 - level
            time.sleep(lockout / 10)
        self.barrier(client)
        passed = [event["timestamp_ns"] for event in client.drain()]
        self.assertIn(len(passed), (3, 4))
        for one, two in zip(passed, passed[1:]):
            self.assertGreaterEqual(two - one, lockout * 1e9)

    def test_lockout_is_of_each_line_by_itself(self):
        client = self.connect()
        client.request("subscribe", lines=["button", "door"], lockout="1h")
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button")
        self.board.press("IN1", 1)
        client.expect(event="edge", line="door")

    # What a walk to the socket drops as locked out is put back when the socket takes less; that was
    # forgotten for a second filter, so that the edge was then within the lockout of itself.
    def test_an_edge_behind_a_full_socket_is_not_locked_out_by_itself(self):
        writer = self.connect()
        stuck = self.stuck_reader(writer, line="led")
        stuck.send("subscribe", line="button", lockout="1ms")
        writer.request("ping")
        self.board.press("IN0", 0)
        self.barrier(writer)
        while select.select([stuck.socket], [], [], 0)[0]:
            stuck.input += stuck.socket.recv(4096)
            writer.request("ping")  # the daemon has sent what found room
        self.assertTrue(stuck.reply()["ok"])
        self.assertEqual(STUCK_EVENTS, len(stuck.events))
        stuck.events.clear()
        stuck.expect(event="edge", line="button", value=0)

    # A change of the subscription copied the lockouts as they were where the reader stood, and not as
    # they are where the change takes effect: an edge in between did not count.
    def test_a_lockout_goes_on_when_another_line_is_subscribed_to(self):
        writer = self.connect()
        stuck = self.connect()
        stuck.request("subscribe", line="button", lockout="1h")
        stuck.request("subscribe", line="led")
        writer.pipeline([("toggle", {"line": "led"}) for _ in range(STUCK_EVENTS)])
        self.board.press("IN0", 0)
        self.barrier(writer)
        stuck.send("subscribe", line="door")
        writer.request("ping")
        self.board.press("IN0", 1)
        self.barrier(writer)
        self.assertTrue(stuck.reply()["ok"])
        stuck.request("ping")
        self.assertEqual([0], [event["value"] for event in stuck.events if event["event"] == "edge"])

    def test_edges_are_edges_though_the_line_is_filtered_out_of_values(self):
        client = self.connect()
        reply = client.request("subscribe", line="button", edges="falling", events=["edge"])
        self.assertEqual({"button": 1}, reply["values"])


class EdgesUnavailable(TestCase):
    CONFIG = """
[line button]
line = IN0
direction = input
bias = pull-up
edges = falling

[line quiet]
line = IN1
direction = input
edges = none
"""

    def test_the_configurations_edges_bound_what_can_be_asked(self):
        client = self.connect()
        client.request("subscribe", line="button", edges="falling")
        for line, edges in (("button", "rising"), ("button", "both"), ("quiet", "falling"), ("quiet", "rising")):
            error = client.refuse("subscribe", "edges-unavailable", line=line, edges=edges)
            self.assertEqual(line, error["line"])
        client.request("subscribe", lines="*")

    def test_only_the_configured_edges_come(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button", edge="falling")
        self.board.press("IN0", 1)
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button", edge="falling")
