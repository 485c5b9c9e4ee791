# SPDX-License-Identifier: MIT
"""Rules 14 to 17: going on from the last event seen, without a gap and without a double."""

import threading

from harness import ABSENT, STUCK_EVENTS, TestCase


class Replay(TestCase):
    def setUp(self):
        super().setUp()
        self.writer = self.connect()
        self.instance = self.writer.request("hello")["instance"]

    def head(self):
        return self.writer.request("ping")["seq"]

    def toggle(self, times=1, line="led"):
        self.writer.pipeline([("toggle", {"line": line}) for _ in range(times)])

    def resume(self, since, **fields):
        fields.setdefault("lines", "*")
        client = self.connect()
        return client, client.request("subscribe", since=since, instance=self.instance, **fields)

    def replayed(self, client, reply):
        return [client.event() for _ in range(reply["replay"])]

    def test_events_since_are_replayed_and_live_ones_follow(self):
        start = self.head()
        self.toggle(5)
        client, reply = self.resume(start)
        self.assertEqual((True, 5), (reply["resumed"], reply["replay"]))
        self.assertEqual(list(range(start + 1, start + 6)), [event["seq"] for event in self.replayed(client, reply)])
        self.toggle()
        self.assertEqual(start + 6, client.expect(event="output", line="led")["seq"])

    def test_since_is_the_last_seq_seen_and_exclusive(self):
        start = self.head()
        self.toggle(3)
        client, reply = self.resume(start + 2)
        self.assertEqual([start + 3], [event["seq"] for event in self.replayed(client, reply)])
        client.expect_nothing()

    def test_since_the_head_replays_nothing(self):
        self.toggle(3)
        client, reply = self.resume(self.head())
        self.assertEqual((True, 0), (reply["resumed"], reply["replay"]))
        client.expect_nothing()

    def test_since_zero_replays_from_the_first_event(self):
        self.toggle(3)
        client, reply = self.resume(0)
        self.assertEqual(reply["seq"], self.replayed(client, reply)[-1]["seq"])

    def test_a_reply_that_states_values_can_be_since(self):
        seen = self.writer.request("get", line="led")["seq"]
        self.toggle(2)
        client, reply = self.resume(seen)
        self.assertEqual(2, reply["replay"])

    def test_replayed_messages_are_the_live_ones_byte_for_byte(self):
        live = self.connect()
        start = live.request("subscribe", lines="*")["seq"]
        self.board.press("IN0", 0)
        self.barrier(self.writer)
        self.toggle(3)
        live.request("ping")
        wanted = [row for row in live.transcript if '"event"' in row]
        client, reply = self.resume(start)
        self.replayed(client, reply)
        got = [row for row in client.transcript if '"event"' in row]
        self.assertEqual((4, wanted), (len(wanted), got))

    def test_filters_hold_in_the_replay(self):
        start = self.head()
        for i in range(6):
            self.board.press("IN0", i % 2)
            self.barrier(self.writer)
            self.toggle()
            self.toggle(line="relay")
        for fields, wanted in (({"line": "led"}, 6), ({"lines": ["led", "relay"]}, 12), ({"line": "button"}, 6),
                               ({"line": "button", "edges": "rising"}, 3), ({"lines": "*", "events": "edge"}, 6),
                               ({"lines": "*", "events": "output"}, 12), ({"line": "door"}, 0), ({"lines": "*"}, 18)):
            with self.subTest(fields=fields):
                fields.setdefault("lines", fields.pop("line", None))
                client, reply = self.resume(start, **fields)
                self.assertEqual(wanted, reply["replay"])
                self.replayed(client, reply)
                client.expect_nothing()

    def test_lockout_holds_in_the_replay_as_live(self):
        live = self.connect()
        start = live.request("subscribe", lines="*", lockout="1h", events="edge")["seq"]
        for i in range(10):
            self.board.press("IN0", i % 2)
        self.barrier(self.writer)
        seen = [event["seq"] for event in live.drain()]
        self.assertEqual(1, len(seen))
        client, reply = self.resume(start, lockout="1h", events="edge")
        self.assertEqual(seen, [event["seq"] for event in self.replayed(client, reply)])
        client.expect_nothing()

    def test_timers_subscribed_by_name_are_replayed(self):
        start = self.head()
        self.writer.request("arm", timer="t", after="1ms")
        self.writer.expect(event="timer", timer="t")
        client, reply = self.resume(start, lines="door", timers="t")
        self.assertEqual(1, reply["replay"])
        client.expect(event="timer", timer="t")

    def test_private_timers_of_others_are_not_replayed(self):
        start = self.head()
        self.writer.request("arm", timer="~t", after="1ms")
        self.writer.expect(event="timer", timer="~t")
        client, reply = self.resume(start, lines="*", timers="*")
        self.assertEqual(0, reply["replay"])

    def test_another_instance_is_a_restart(self):
        client = self.connect()
        self.toggle(2)
        reply = client.request("subscribe", line="led", since=1, instance="0" * 16)
        self.assertIs(False, reply["resumed"])
        self.assertEqual(0, reply.get("replay", 0))
        lost = client.expect(event="lost", reason="restart", count=ABSENT)
        self.assertEqual({"led": 0}, lost["values"])
        self.toggle()
        client.expect(event="output", line="led", value=1)

    def test_since_beyond_the_head_is_a_restart(self):
        client, reply = self.resume(self.head() + 1)
        self.assertIs(False, reply["resumed"])
        client.expect(event="lost", reason="restart", count=ABSENT)
        self.toggle()
        client.expect(event="output", line="led")

    def test_since_needs_the_instance_that_it_belongs_to(self):
        client = self.connect()
        self.assertEqual("instance", client.refuse("subscribe", "missing-field", line="led", since=0)["field"])

    def test_timers_armed_before_are_no_subscription_and_do_not_come_again(self):
        client = self.connect()
        begin = client.request("ping")["seq"]
        client.request("arm", timer="mine", after="0s")
        client.expect(event="timer", timer="mine")
        other = self.connect()
        other.request("arm", timer="shared", after="0s")
        other.expect(event="timer", timer="shared")
        reply = client.request("subscribe", timers="*", since=begin, instance=self.instance)
        self.assertEqual((True, 1), (reply["resumed"], reply["replay"]))
        client.expect(event="timer", timer="shared")
        client.request("arm", timer="mine", after="0s")
        client.expect(event="timer", timer="mine")

    def test_since_with_a_subscription_is_out_of_order(self):
        client = self.connect()
        client.request("subscribe", line="led")
        client.refuse("subscribe", "order", line="relay", since=0, instance=self.instance)
        client.request("unsubscribe")
        client.request("subscribe", line="relay", since=0, instance=self.instance)

    def test_a_second_subscription_starts_at_its_own_reply(self):
        start = self.head()
        self.toggle(3)
        self.toggle(3, "relay")
        client, reply = self.resume(start, lines="led")
        self.replayed(client, reply)
        second = client.request("subscribe", line="relay")
        client.expect_nothing()
        self.toggle(1, "relay")
        self.assertGreater(client.expect(event="output", line="relay")["seq"], second["seq"])

    def test_reconnecting_again_and_again_misses_and_doubles_nothing(self):
        start = self.head()
        total = 3000
        writer = threading.Thread(target=self.toggle, args=(total,))
        writer.start()
        seqs, since, values = [], start, []
        try:
            while len(seqs) < total:
                client, reply = self.resume(since, lines="led")
                self.assertTrue(reply["resumed"])
                for _ in range(max(reply["replay"], 37)):
                    if len(seqs) == total:
                        break
                    event = client.expect(event="output", line="led")
                    seqs.append(event["seq"])
                    values.append(event["value"])
                since = seqs[-1]
                client.close()
        finally:
            writer.join()
        self.assertEqual([(i + 1) % 2 for i in range(total)], values)
        self.assertEqual(list(range(start + 1, start + total + 1)), seqs)

    def test_a_disconnect_loses_no_edge(self):
        client, reply = self.resume(self.head(), lines="button")
        self.board.press("IN0", 0)
        since = client.expect(event="edge", value=0)["seq"]
        client.close()
        for level in (1, 0, 1):
            self.board.press("IN0", level)
        self.barrier(self.writer)
        client, reply = self.resume(since, lines="button")
        self.assertEqual([1, 0, 1], [event["value"] for event in self.replayed(client, reply)])
        self.assertEqual(1, reply["values"]["button"])


class Ended(TestCase):
    # A subscription that had ended was taken for none, though its events still waited for the reader: the
    # replay moved the cursor back and put the reader a second time into the list of those behind.
    def test_since_is_out_of_order_while_events_of_an_ended_subscription_wait(self):
        writer = self.connect()
        hello = writer.request("hello")
        stuck = self.stuck_reader(writer, line="led")
        stuck.send("unsubscribe")
        stuck.send("subscribe", lines="*", since=0, instance=hello["instance"])
        stuck.send("ping")
        writer.request("ping")
        writer.request("toggle", line="led")
        replies = [stuck.reply() for _ in range(3)]
        self.assertEqual([True, "order", True], [reply["ok"] or reply["error"]["code"] for reply in replies])
        self.assertEqual(list(range(hello["seq"] + 1, hello["seq"] + 1 + STUCK_EVENTS)),
                         [event["seq"] for event in stuck.events])
        watcher = self.connect()
        watcher.request("subscribe", line="led")
        stuck.close()
        writer.request("toggle", line="led")
        watcher.expect(event="output", line="led")


class SmallLog(Replay):
    """The same with a log so small that it wraps, and what is then no longer there."""

    DAEMON = "log-size = 64K"

    def setUp(self):
        super().setUp()
        self.toggle(2000)  # about 200 KB

    test_since_zero_replays_from_the_first_event = None
    test_reconnecting_again_and_again_misses_and_doubles_nothing = None  # it would be overtaken

    def test_what_the_log_no_longer_has_is_one_lost_event_with_the_exact_count(self):
        start = self.head()
        self.toggle(1000)
        client, reply = self.resume(start, lines="led")
        self.assertTrue(reply["resumed"])
        events = self.replayed(client, reply)
        lost = events[0]
        self.assertEqual(("lost", "log"), (lost["event"], lost["reason"]))
        self.assertLessEqual(start + 1, lost["from"])
        self.assertEqual(1000, lost["count"] + len(events) - 1)
        self.assertEqual(events[1]["seq"], lost["to"] + 1)
        self.assertEqual(1 - events[1]["value"], lost["values"]["led"])
        client.expect_nothing()

    def test_what_the_filter_would_not_have_passed_was_not_lost(self):
        start = self.head()
        self.toggle(1000)
        client, reply = self.resume(start, lines="relay")
        self.assertEqual((True, 0), (reply["resumed"], reply["replay"]))
        client.expect_nothing()

    def test_hello_tells_the_oldest_event_that_is_left(self):
        hello = self.writer.request("hello")
        self.assertGreater(hello["oldest"], 1)
        client, reply = self.resume(hello["oldest"] - 1, lines="led")
        events = self.replayed(client, reply)
        self.assertEqual("output", events[0]["event"])
        self.assertEqual(hello["oldest"], events[0]["seq"])
        self.assertEqual(hello["oldest"], self.writer.request("stats")["log"]["oldest"])

    def test_the_log_holds_at_least_half_of_its_size(self):
        hello = self.writer.request("hello")
        self.assertGreater((hello["seq"] - hello["oldest"]) * 150, 32768)

    def test_what_went_so_long_ago_that_it_cannot_be_counted_is_lost_without_a_count(self):
        start = self.head()
        self.writer.request("arm", timer="t", after="0s", notify=False)
        self.connect().request("arm", timer="ended", after="1h")
        self.clients.pop().close()
        self.wait_stats(timers=0)
        self.toggle(5000)
        for fields in ({"lines": "led"}, {"lines": "door", "timers": "t"}, {"lines": "door", "timers": "ended"},
                       {"lines": "door", "timers": "*"}):
            with self.subTest(fields=fields):
                client, reply = self.resume(start, **fields)
                self.assertTrue(reply["resumed"])
                lost = client.expect(event="lost", reason="log", count=ABSENT)
                self.assertEqual(start + 1, lost["from"])
        for fields in ({"lines": "relay"}, {"lines": "door", "timers": "another"}, {"lines": "led", "events": "edge"}):
            with self.subTest(fields=fields):
                client, reply = self.resume(start, **fields)
                self.assertEqual((True, 0), (reply["resumed"], reply["replay"]))
                client.expect_nothing()
