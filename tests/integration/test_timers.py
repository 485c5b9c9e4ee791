# SPDX-License-Identifier: MIT
"""Rules 24 to 26: one-shot and periodic timers, whose they are, and what they write."""

import time

from harness import ABSENT, PATIENCE, TestCase, wait_until


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Expiry(TestCase):
    def test_a_one_shot_timer_expires_once_at_the_time_it_said(self):
        client = self.connect()
        before = now_ns()
        reply = client.request("arm", timer="t", after="50ms", tag="tea")
        self.assertFalse(reply["was_armed"])
        self.assertGreaterEqual(reply["timestamp_ns"], before + 50_000_000)
        event = client.expect(event="timer", timer="t", armed=reply["armed"], expirations=1, tag="tea",
                              timestamp_ns=reply["timestamp_ns"])
        self.assertLessEqual(event["timestamp_ns"], now_ns())
        self.assertEqual([], client.request("timers")["timers"])
        client.expect_nothing()

    def test_a_timer_may_be_due_at_once(self):
        client = self.connect()
        for after in ("0s", "0ns", "1ns", "1us"):
            client.request("arm", timer="t", after=after)
            client.expect(event="timer", timer="t", tag=ABSENT)

    def test_a_periodic_timer_keeps_its_phase(self):
        client = self.connect()
        first = client.request("arm", timer="t", every="7ms")["timestamp_ns"]
        expirations = 0
        for _ in range(20):
            event = client.expect(event="timer", timer="t")
            expirations += event["expirations"]
            self.assertEqual(first + (expirations - 1) * 7_000_000, event["timestamp_ns"])

    def test_after_then_every(self):
        client = self.connect()
        before = now_ns()
        first = client.request("arm", timer="t", after="100ms", every="10ms")["timestamp_ns"]
        self.assertGreaterEqual(first, before + 100_000_000)
        expirations = 0
        for _ in range(2):
            event = client.expect(event="timer")
            expirations += event["expirations"]
            self.assertEqual(first + 10_000_000 * (expirations - 1), event["timestamp_ns"])

    def test_missed_expirations_are_counted(self):
        client = self.connect()
        first = client.request("arm", timer="t", every="10ms")["timestamp_ns"]
        events = [client.expect(event="timer")]
        with self.daemon.frozen():
            time.sleep(0.2)
        client.request("disarm", timer="t")
        events += client.drain()
        self.assertGreaterEqual(max(event["expirations"] for event in events), 19)
        total = sum(event["expirations"] for event in events)
        self.assertEqual(first + (total - 1) * 10_000_000, events[-1]["timestamp_ns"])

    def test_arming_again_replaces_and_no_old_event_follows(self):
        client = self.connect()
        for _ in range(100):
            client.request("arm", timer="t", every="1ms")
            reply = client.request("arm", timer="t", every="1ms")
            self.assertTrue(reply["was_armed"])
            client.events.clear()
            client.expect(event="timer", armed=reply["armed"])

    def test_after_the_reply_to_disarm_no_event_follows(self):
        client = self.connect()
        for _ in range(100):
            client.request("arm", timer="t", every="1ms")
            self.assertTrue(client.request("disarm", timer="t")["was_armed"])
            client.events.clear()
            client.expect_nothing()

    def test_disarm_says_whether_it_was_armed(self):
        client = self.connect()
        self.assertFalse(client.request("disarm", timer="t")["was_armed"])
        client.request("arm", timer="t", after="0s")
        client.expect(event="timer")
        self.assertFalse(client.request("disarm", timer="t")["was_armed"])

    def test_armings_are_numbered(self):
        client, other = self.connect(), self.connect()
        numbers = [peer.request("arm", timer=name, after="1h")["armed"]
                   for peer, name in ((client, "a"), (other, "b"), (client, "a"), (other, "~a"))]
        self.assertEqual(4, len(set(numbers)))
        self.assertEqual(sorted(numbers), numbers)

    def test_after_or_every_has_to_be_given(self):
        self.connect().refuse("arm", "missing-field", timer="t")

    def test_many_timers_expire_in_the_order_of_their_times(self):
        client = self.connect()
        client.pipeline([("arm", {"timer": "t%d" % i, "after": "%dms" % (20 + i * 7919 % 200)}) for i in range(200)])
        events = [client.expect(event="timer") for _ in range(200)]
        times = [event["timestamp_ns"] for event in events]
        self.assertEqual(sorted(times), times)
        self.assertEqual(200, len({event["timer"] for event in events}))


class Owners(TestCase):
    def test_private_timers_are_each_connections_own(self):
        one, two, watcher = self.connect(), self.connect(), self.connect()
        watcher.request("subscribe", timers="*")
        a = one.request("arm", timer="~t", after="10ms")["armed"]
        b = two.request("arm", timer="~t", after="20ms")["armed"]
        one.expect(event="timer", timer="~t", armed=a)
        two.expect(event="timer", timer="~t", armed=b)
        one.expect_nothing()
        watcher.expect_nothing()

    def test_the_list_has_the_shared_ones_and_ones_own_private_ones(self):
        one, two = self.connect(), self.connect()
        one.request("hello", client="one")
        armed = one.request("arm", timer="a", after="1h", every="500ms", tag="x", keep=True)
        one.request("arm", timer="~b", after="1h")
        two.request("arm", timer="~c", after="1h")
        listed = {row["timer"]: row for row in two.request("timers")["timers"]}
        self.assertEqual({"a", "~c"}, set(listed))
        row = listed["a"]
        self.assertEqual((armed["armed"], armed["timestamp_ns"], "500ms", "x", True, "one"),
                         (row["armed"], row["timestamp_ns"], row["every"], row["tag"], row["keep"], row["by"]["client"]))
        self.assertFalse(listed["~c"]["keep"])

    def test_the_list_comes_in_pages(self):
        client = self.connect()
        names = {"t%02d" % i for i in range(25)}
        for name in names:
            client.request("arm", timer=name, after="1h")
        seen, after = [], {}
        while True:
            reply = client.request("timers", limit=7, **after)
            self.assertLessEqual(len(reply["timers"]), 7)
            seen += [row["timer"] for row in reply["timers"]]
            if "next" not in reply:
                break
            after = {"after": reply["next"]}
        self.assertEqual(sorted(names), sorted(seen))

    def test_a_shared_timer_belongs_to_who_armed_it_last(self):
        one, two = self.connect(), self.connect()
        one.request("arm", timer="t", after="1h")
        self.assertTrue(two.request("arm", timer="t", after="10ms")["was_armed"])
        two.expect(event="timer", timer="t")
        one.expect_nothing()
        one.request("arm", timer="t", after="1h")
        two.request("arm", timer="t", after="50ms")
        one.close()
        two.expect(event="timer", timer="t")

    def test_others_get_a_timer_that_they_subscribed_to_before_it_existed(self):
        owner, watcher, all_of_them = self.connect(), self.connect(), self.connect()
        watcher.request("subscribe", timers=["t", "u"])
        all_of_them.request("subscribe", timers="*")
        owner.request("arm", timer="t", after="1ms")
        for client in (owner, watcher, all_of_them):
            client.expect(event="timer", timer="t")
        owner.request("arm", timer="v", after="1ms")
        all_of_them.expect(event="timer", timer="v")
        owner.expect(event="timer", timer="v")
        watcher.expect_nothing()

    def test_an_owner_who_also_subscribed_gets_each_event_once(self):
        client = self.connect()
        client.request("subscribe", timers=["t"])
        client.request("subscribe", timers="*")
        client.request("arm", timer="t", after="1ms")
        client.expect(event="timer", timer="t")
        client.expect_nothing()

    def test_notify_false_keeps_the_event_from_the_owner(self):
        owner, watcher = self.connect(), self.connect()
        watcher.request("subscribe", timers="t")
        owner.request("arm", timer="t", after="1ms", notify=False)
        watcher.expect(event="timer", timer="t")
        owner.expect_nothing()
        owner.request("subscribe", timers="t")
        owner.request("arm", timer="t", after="1ms", notify=False)
        owner.expect(event="timer", timer="t")

    def test_unsubscribing_from_a_timer_leaves_the_owners_events(self):
        owner, watcher = self.connect(), self.connect()
        for client in (owner, watcher):
            client.request("subscribe", timers="t")
            client.request("unsubscribe", timers="t")
        owner.request("arm", timer="t", after="1ms")
        owner.expect(event="timer", timer="t")
        watcher.expect_nothing()

    def test_a_timer_ends_with_its_owners_connection_and_subscribers_are_told(self):
        owner, watcher = self.connect(), self.connect()
        watcher.request("subscribe", timers="*")
        armed = owner.request("arm", timer="t", every="1h")["armed"]
        owner.request("arm", timer="~private", every="1h")
        owner.close()
        watcher.expect(event="timer-ended", timer="t", armed=armed, reason="disconnect")
        self.assertEqual([], watcher.request("timers")["timers"])
        watcher.expect_nothing()

    def test_keep_lets_a_timer_outlive_its_owner(self):
        owner, watcher = self.connect(), self.connect()
        watcher.request("subscribe", timers="t")
        owner.request("arm", timer="t", after="%dms" % (200 * PATIENCE), keep=True)
        owner.close()
        watcher.expect(event="timer", timer="t")

    def test_anybody_may_disarm_a_shared_timer(self):
        owner, other = self.connect(), self.connect()
        owner.request("arm", timer="t", every="1h")
        self.assertTrue(other.request("disarm", timer="t")["was_armed"])
        self.assertEqual([], owner.request("timers")["timers"])
        owner.request("arm", timer="~t", every="1h")
        self.assertFalse(other.request("disarm", timer="~t")["was_armed"])
        self.assertEqual(1, len(owner.request("timers")["timers"]))


class Values(TestCase):
    def test_values_are_set_at_expiry_whoever_listens(self):
        client, watcher = self.connect(), self.connect()
        client.request("hello", client="clock")
        watcher.request("subscribe", lines="*")
        client.request("arm", timer="t", after="10ms", values={"led": 1, "lamp": 1})
        events = [watcher.expect(event="output", value=1, cause="timer:t") for _ in range(2)]
        self.assertEqual({"led", "lamp"}, {event["line"] for event in events})
        self.assertEqual("clock", events[0]["by"]["client"])
        client.expect(event="timer", timer="t", error=ABSENT)
        self.assertEqual(1, self.board.output_level("OUT0"))

    def test_values_that_cannot_be_set_are_refused_at_arming(self):
        client = self.connect()
        for values, code in (({"button": 1}, "wrong-direction"), ({"nothing": 1}, "unknown-line"),
                             ({"led": 1, "FREE0": 1}, "not-requested"), ({"DUP": 1}, "ambiguous-line")):
            client.refuse("arm", code, timer="t", after="1ms", values=values)
        self.assertEqual([], client.request("timers")["timers"])

    def test_values_that_are_refused_at_expiry_are_told_and_nothing_is_written(self):
        client, watcher = self.connect(), self.connect()
        watcher.request("subscribe", lines="*", events="output")
        client.request("request", line="FREE0", direction="output", initial=0)
        client.request("arm", timer="t", after="100ms", values={"led": 1, "FREE0": 1})
        client.request("release", line="FREE0")
        event = client.expect(event="timer", timer="t")
        self.assertEqual("not-requested", event["error"]["code"])
        self.assertEqual("FREE0", event["error"]["line"])
        watcher.expect_nothing()
        self.assertEqual({"led": 0}, client.request("get", line="led")["values"])

    def test_a_periodic_timer_writes_at_each_expiry(self):
        client = self.connect()
        client.request("subscribe", line="led")
        client.request("arm", timer="t", every="5ms", values={"led": 1}, notify=False)
        for _ in range(5):
            client.expect(event="output", value=1, cause="timer:t")
            client.request("set", line="led", value=0)
            client.expect(event="output", value=0, cause="set")
