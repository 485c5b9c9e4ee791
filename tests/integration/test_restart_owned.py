# SPDX-License-Identifier: MIT
"""What clients have outlives a restart of the daemon: timers, pulses, lines, sessions."""

import os
import signal
import time
import unittest

import manager
from harness import BACKEND, PATIENCE, wait_until

SIM = BACKEND == "sim"
GRACE_S = 10
LATER_MS = (600 if SIM else 3000) * PATIENCE  # a restart takes less


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def wait_for_time(timestamp_ns):
    while now_ns() < timestamp_ns:
        time.sleep(max(timestamp_ns - now_ns(), 0) / 1e9)


def of(follower, kind, **wanted):
    return [event for event in follower.seen if event["event"] == kind and
            all(event.get(key) == value for key, value in wanted.items())]


class Timers(manager.Case):
    def names(self, client=None):
        return [timer["timer"] for timer in (client or self.connect()).request("timers")["timers"]]

    def test_a_timer_that_came_due_meanwhile_expires_once_and_before_readiness(self):
        follower = self.follow()
        due = follower.request("arm", timer="t", after="100ms", values={"led": 1}, keep=True, tag="x")
        self.end()
        wait_for_time(due["timestamp_ns"])
        self.begin()
        follower.come_back()
        event, = of(follower, "timer")
        self.assertEqual((1, due["armed"], due["timestamp_ns"], "x"),
                         tuple(event[key] for key in ("expirations", "armed", "timestamp_ns", "tag")))
        output, = of(follower, "output")
        self.assertEqual(("led", 1, "timer:t"), (output["line"], output["value"], output["cause"]))
        self.assertLess(output["realtime_us"], self.manager.told_us("READY=1"))
        self.restart()
        follower.come_back()
        self.assertEqual(1, len(of(follower, "timer")))
        self.assertEqual([], self.names())

    def test_a_timer_that_is_due_later_expires_at_its_time(self):
        follower = self.follow()
        due = follower.request("arm", timer="t", after="%dms" % LATER_MS)
        self.restart()
        follower.come_back()
        self.assertEqual([], of(follower, "timer"))
        listed, = follower.request("timers")["timers"]
        self.assertEqual((due["armed"], due["timestamp_ns"]), (listed["armed"], listed["timestamp_ns"]))
        event = follower.wait_for(event="timer", timer="t")
        self.assertEqual((1, due["timestamp_ns"]), (event["expirations"], event["timestamp_ns"]))

    def test_a_periodic_timer_keeps_its_phase_and_counts_each_expiration(self):
        follower = self.follow()
        first = follower.request("arm", timer="t", every="20ms", keep=True)["timestamp_ns"]
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            follower.wait_for(event="timer")
            self.end(number)
            time.sleep(0.1)
            self.begin()
            follower.come_back()
        follower.wait_for(event="timer")
        events = of(follower, "timer")
        total = 0
        for event in events:
            total += event["expirations"]
            self.assertEqual(first + (total - 1) * 20_000_000, event["timestamp_ns"])
        self.assertGreaterEqual(max(event["expirations"] for event in events), 5)

    def test_each_expiration_is_told_once_though_it_is_killed_as_timers_expire(self):
        follower = self.follow()
        first = follower.request("arm", timer="t", every="1ms", keep=True)["timestamp_ns"]
        one_shots = {}
        for i in range(20):
            for k in range(10):
                name = "once%d-%d" % (i, k)
                one_shots[name] = follower.request("arm", timer=name, after="%dus" % (500 + 300 * k))["armed"]
            self.restart()
            follower.come_back()
        follower.wait_for(event="timer", timer="t")
        total = 0
        for event in of(follower, "timer", timer="t"):
            total += event["expirations"]
            self.assertEqual(first + (total - 1) * 1_000_000, event["timestamp_ns"])
        follower.catch_up()
        self.assertEqual(one_shots, {event["timer"]: event["armed"] for event in of(follower, "timer")
                                     if event["timer"] != "t"})
        self.assertEqual(len(one_shots), len([event for event in of(follower, "timer") if event["timer"] != "t"]))

    def test_a_disarmed_timer_stays_disarmed(self):
        follower = self.follow()
        for keep in (False, True):
            for _ in range(5):
                follower.request("arm", timer="t", after="1h", keep=keep)
                follower.request("arm", timer="t2", every="1h", keep=keep)
                follower.request("disarm", timer="t")
                self.assertTrue(follower.request("disarm", timer="t2")["was_armed"])
                self.restart()
                follower.come_back()
                self.assertEqual([], self.names(follower.client))

    def test_the_newest_arming_counts(self):
        follower = self.follow()
        for _ in range(5):
            follower.request("arm", timer="t", after="1h", tag="old", values={"led": 1})
            armed = follower.request("arm", timer="t", every="2h", after="3h", tag="new", values={"relay": 0})
            self.restart()
            follower.come_back()
            timer, = follower.request("timers")["timers"]
            self.assertEqual((armed["armed"], "new", "2h", armed["timestamp_ns"]),
                             (timer["armed"], timer["tag"], timer["every"], timer["timestamp_ns"]))

    def test_numbers_of_armings_never_come_again(self):
        numbers = []
        for _ in range(5):
            client = self.connect()
            numbers += [client.request("arm", timer="t%d" % i, after="1h", keep=True)["armed"] for i in range(3)]
            self.restart()
        self.assertEqual(sorted(set(numbers)), numbers)

    def test_a_kept_timer_needs_no_owner(self):
        client = self.connect()
        client.request("arm", timer="t", every="5ms", keep=True)
        client.close()
        for _ in range(2):
            self.restart()
            watcher = self.connect()
            watcher.request("subscribe", timers="t")
            watcher.expect(event="timer", timer="t")
            self.assertEqual(["t"], self.names())

    def test_a_private_timer_is_its_owners_again(self):
        follower = self.follow(timers="nothing")
        due = follower.request("arm", timer="~p", after="%dms" % LATER_MS, tag="mine")
        self.restart()
        other = self.follow()
        self.assertEqual([], self.names(other.client))
        follower.come_back()
        self.assertEqual(["~p"], self.names(follower.client))
        follower.wait_for(event="timer", timer="~p", armed=due["armed"], tag="mine", timestamp_ns=due["timestamp_ns"])
        other.catch_up()
        self.assertEqual([], of(other, "timer"))
        follower.catch_up()
        self.assertEqual(1, len(of(follower, "timer")))

    def test_a_private_timer_that_came_due_meanwhile_is_told_its_owner(self):
        follower = self.follow(timers="nothing")
        due = follower.request("arm", timer="~p", after="50ms")
        shared = follower.request("arm", timer="s", after="60ms")
        self.end()
        wait_for_time(shared["timestamp_ns"])
        self.begin()
        follower.come_back()
        self.assertEqual([("~p", due["armed"]), ("s", shared["armed"])],
                         [(event["timer"], event["armed"]) for event in of(follower, "timer")])

    def test_an_owner_that_wants_no_events_gets_none_after_the_restart_either(self):
        follower = self.follow(timers="nothing")
        due = follower.request("arm", timer="s", after="60ms", notify=False, values={"led": 1})
        self.end()
        wait_for_time(due["timestamp_ns"])
        self.begin()
        follower.come_back()
        self.assertEqual(([], []), (of(follower, "timer"), of(follower, "output")))
        self.assertEqual({"led": 1}, follower.request("get", line="led")["values"])

    def test_a_timer_says_who_armed_it_after_the_restart_too(self):
        follower = self.follow()
        follower.request("arm", timer="t", after="50ms", values={"led": 1}, keep=True)
        self.restart()
        follower.come_back()
        if not of(follower, "output"):
            follower.wait_for(event="output")
        by = of(follower, "output")[0]["by"]
        self.assertEqual(("follower", follower.peer, os.getpid(), os.getuid()),
                         (by["client"], by["peer"], by["pid"], by["uid"]))

    def test_timers_up_to_the_limit_outlive_a_restart(self):
        client = self.connect()
        replies = client.pipeline([("arm", {"timer": "t%d" % i, "after": "1h", "keep": True,
                                            "values": {"led": 0, "relay": 1, "lamp": 1}, "tag": "g" * 64})
                                   for i in range(256)])
        self.assertTrue(all(reply["ok"] for reply in replies))
        wanted = {"t%d" % i: reply["armed"] for i, reply in enumerate(replies)}
        self.restart()
        listed, page, client = {}, {}, self.connect()
        while True:
            page = client.request("timers", **({"after": page["next"]} if page else {}))
            listed.update((timer["timer"], timer["armed"]) for timer in page["timers"])
            if "next" not in page:
                break
        self.assertEqual(wanted, listed)


class Pulses(manager.Case):
    def test_a_pulse_ends_at_its_time(self):
        follower = self.follow()
        begin = now_ns()
        follower.request("set", line="led", value=1, pulse="%dms" % LATER_MS)
        self.restart()
        follower.come_back()
        self.assertEqual({"led": 1}, follower.request("get", line="led")["values"])
        event = follower.wait_for(event="output", line="led", value=0, cause="revert")
        self.assertGreaterEqual(event["timestamp_ns"], begin + LATER_MS * 1_000_000)
        self.assertEqual(follower.peer, event["by"]["peer"])

    def test_a_pulse_that_was_over_meanwhile_ends_before_readiness(self):
        follower = self.follow()
        follower.request("set", values={"led": 1, "lamp": 1}, pulse="50ms")
        end = now_ns() + 50_000_000
        self.end()
        wait_for_time(end)
        self.begin()
        follower.come_back()
        reverts = of(follower, "output", cause="revert")
        self.assertEqual({("led", 0), ("lamp", 0)}, {(event["line"], event["value"]) for event in reverts})
        self.assertEqual(2, len(reverts))
        self.assertTrue(all(event["realtime_us"] < self.manager.told_us("READY=1") for event in reverts))

    def test_a_cancelled_pulse_does_not_come_back(self):
        follower = self.follow()
        follower.request("set", line="led", value=1, pulse="100ms")
        self.assertTrue(follower.request("set", line="led", value=1)["cancelled_revert"])
        end = now_ns() + 100_000_000
        self.end()
        wait_for_time(end)
        self.begin()
        follower.come_back()
        self.assertEqual(([], {"led": 1}),
                         (of(follower, "output", cause="revert"), follower.request("get", line="led")["values"]))

    def test_overlapping_pulses_go_back_to_the_first_ones_value(self):
        follower = self.follow()
        follower.request("set", line="led", value=1, pulse="10ms")
        follower.request("set", line="led", value=1, pulse="%dms" % LATER_MS)
        self.restart()
        follower.come_back()
        follower.request("set", line="led", value=1, pulse="50ms")
        follower.wait_for(event="output", line="led", value=0, cause="revert")

    def test_pulses_end_though_it_is_killed_again_and_again(self):
        follower = self.follow()
        for i in range(20):
            follower.request("set", line="led", value=1, pulse="%dms" % (1 + i % 5))
            self.restart()
            follower.come_back()
            if of(follower, "output")[-1]["cause"] != "revert":
                follower.wait_for(event="output", line="led", cause="revert")
            self.assertEqual({"led": 0}, follower.request("get", line="led")["values"])
        self.assertEqual([1, 0] * 20, [event["value"] for event in of(follower, "output", line="led")])


class Lines(manager.Case):
    def info(self, line="FREE0", client=None):
        return (client or self.connect()).request("lines", line=line)["lines"][0]

    def test_a_requested_output_stays_as_it_was_and_its_users_again(self):
        follower = self.follow()
        follower.request("request", line="FREE0", direction="output", initial=1, active_low=True)
        before = self.info()
        self.restart()
        after = self.info()
        self.assertEqual(before, after)
        follower.come_back()
        self.assertEqual({"FREE0": 1}, follower.request("get", line="FREE0")["values"])
        self.assertEqual(before, self.info())
        follower.request("set", line="FREE0", value=0)
        self.assertFalse(follower.request("release", line="FREE0")["held"]["FREE0"])

    def test_a_requested_input_goes_on_reporting_edges(self):
        follower = self.follow(line="door")
        follower.request("request", line="FREE0", direction="input", bias="pull-up")
        follower.request("subscribe", line="FREE0")
        self.restart()
        follower.come_back()
        self.assertEqual("pull-up", self.info()["bias"])
        follower.request("subscribe", line="FREE0")
        self.board.press("FREE0", 0)
        follower.wait_for(event="edge", line="FREE0", value=0)

    def test_a_line_that_was_only_subscribed_to_is_taken_over(self):
        follower = self.follow(line="FREE0", bias="pull-up", debounce="1ms")
        before = self.info()
        self.restart()
        self.assertEqual(before, self.info())
        follower.come_back()
        self.assertTrue(follower.subscribed["resumed"])
        self.assertEqual(before, self.info())
        self.board.press("FREE0", 0)
        follower.wait_for(event="edge", line="FREE0", value=0)
        follower.request("unsubscribe", line="FREE0")
        self.assertFalse(self.info()["held"])

    def test_others_may_not_say_something_else_while_the_owner_is_awaited(self):
        follower = self.follow()
        follower.request("request", line="FREE0", direction="output", drive="open-drain")
        self.restart()
        other = self.connect()
        error = other.refuse("request", "conflict", line="FREE0", drive="push-pull")
        self.assertEqual(("follower", follower.peer), (error["holder"]["client"], error["holder"]["peer"]))
        follower.come_back()
        other.refuse("request", "conflict", line="FREE0", drive="push-pull")

    def test_a_kept_line_is_kept_without_an_owner(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="output", initial=1, keep=True)
        client.request("request", line="FREE1", direction="input", bias="pull-up", keep=True)
        client.close()
        before = [self.info("FREE0"), self.info("FREE1")]
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.restart(number)
            self.assertEqual(before, [self.info("FREE0"), self.info("FREE1")])
        client = self.connect()
        self.assertEqual({"FREE0": False}, client.request("release", line="FREE0")["held"])
        self.restart()
        self.assertFalse(self.info("FREE0")["held"])

    def test_what_was_given_back_stays_given_back(self):
        follower = self.follow()
        for _ in range(5):
            follower.request("request", lines=["FREE0", "FREE1"], direction="output", initial=1)
            follower.request("release", line="FREE0")
            self.restart()
            self.assertEqual((False, True), (self.info("FREE0")["held"], self.info("FREE1")["held"]))
            follower.come_back()
            follower.request("release", line="FREE1")

    def test_a_client_that_left_before_the_kill_is_not_awaited(self):
        client = self.connect()
        client.request("hello")
        client.request("request", line="FREE0", direction="output", initial=1)
        watcher = self.follow()
        client.close()
        watcher.wait_for(event="line", line="FREE0", change="released")
        self.restart()
        self.assertFalse(self.info()["held"])


class Session(manager.Case):
    def take_over(self, session, **fields):
        client = self.connect()
        return client, client.request("hello", session=session, **fields)

    def begin_session(self, **fields):
        client = self.connect()
        hello = client.request("hello", client="lift", **fields)
        client.request("request", line="FREE0", direction="output", initial=1)
        client.request("arm", timer="~p", after="1h")
        return client, hello

    def assert_has_it(self, client, peer):
        users = client.request("lines", line="FREE0")["lines"][0]["users"]
        self.assertEqual([("lift", peer)], [(user["client"], user["peer"]) for user in users])
        self.assertEqual(["~p"], [timer["timer"] for timer in client.request("timers")["timers"]])

    def test_hello_gives_a_secret_of_its_own_to_each_connection_and_takes_nothing_over(self):
        sessions = set()
        for _ in range(20):
            hello = self.connect().request("hello")
            sessions.add(hello["session"])
            self.assertFalse(hello["taken_over"])
        self.assertEqual(20, len(sessions))
        self.assertTrue(all(len(session) >= 22 for session in sessions))

    def test_the_secret_is_the_same_when_hello_is_said_again(self):
        client = self.connect()
        first = client.request("hello")["session"]
        self.assertEqual(first, client.request("hello", client="other")["session"])

    def test_the_session_brings_back_what_the_connection_had_and_its_number(self):
        _, hello = self.begin_session()
        for _ in range(3):
            self.restart()
            client, again = self.take_over(hello["session"], client="lift")
            self.assertEqual((True, hello["peer"], hello["session"]),
                             (again["taken_over"], again["peer"], again["session"]))
            self.assert_has_it(client, hello["peer"])

    def test_the_name_is_brought_back_too_unless_there_is_a_new_one(self):
        _, hello = self.begin_session()
        self.restart()
        client, _ = self.take_over(hello["session"])
        self.assert_has_it(client, hello["peer"])

    def test_a_session_is_taken_over_once(self):
        _, hello = self.begin_session()
        self.restart()
        client, _ = self.take_over(hello["session"])
        thief, again = self.take_over(hello["session"])
        self.assertFalse(again["taken_over"])
        self.assertNotIn(again["session"], (hello["session"],))
        self.assertNotEqual(hello["peer"], again["peer"])
        self.assert_has_it(client, hello["peer"])
        connections = self.stats()["connections"]
        thief.close()
        self.wait_stats(connections=connections - 1)
        self.assert_has_it(client, hello["peer"])

    def test_a_session_of_a_connection_that_lives_is_not_taken_over(self):
        client, hello = self.begin_session()
        _, again = self.take_over(hello["session"])
        self.assertFalse(again["taken_over"])
        self.assert_has_it(client, hello["peer"])

    def test_a_session_whose_connection_was_closed_is_not_taken_over(self):
        client, hello = self.begin_session()
        watcher = self.follow()
        client.close()
        watcher.wait_for(event="line", line="FREE0", change="released")
        _, again = self.take_over(hello["session"])
        self.assertFalse(again["taken_over"])
        self.restart()
        _, again = self.take_over(hello["session"])
        self.assertFalse(again["taken_over"])

    def test_a_wrong_session_takes_nothing_over_and_is_no_error(self):
        _, hello = self.begin_session()
        self.restart()
        session = hello["session"]
        for wrong in (session[:-1] + "x", session.upper() if session.upper() != session else "A" + session[1:],
                      session[:-1], "0" * len(session), " " + session[1:]):
            with self.subTest(session=wrong):
                _, again = self.take_over(wrong)
                self.assertFalse(again["taken_over"])
        client, again = self.take_over(session)
        self.assertTrue(again["taken_over"])
        self.assert_has_it(client, hello["peer"])

    def test_a_session_that_is_none_is_refused(self):
        client = self.connect()
        client.refuse("hello", "bad-type", session=5)
        client.refuse("hello", "out-of-range", session="")
        client.refuse("hello", "out-of-range", session="x" * 65)

    @unittest.skipUnless(os.getuid() == 0, "only root can become another user")
    def test_another_user_takes_nothing_over_with_the_right_session(self):
        self.daemon_socket_for_all()
        _, hello = self.begin_session()
        self.restart()
        with as_user(65534):
            thief = self.connect()
        again = thief.request("hello", session=hello["session"])
        self.assertFalse(again["taken_over"])
        self.assertEqual([], thief.request("timers")["timers"])
        client, again = self.take_over(hello["session"])
        self.assertTrue(again["taken_over"])
        self.assert_has_it(client, hello["peer"])

    def daemon_socket_for_all(self):
        self.restart(config=self.CONFIG, daemon="socket-mode = 0666")
        os.chmod(self.daemon.directory, 0o755)

    def test_a_connection_that_has_things_already_cannot_take_over(self):
        _, hello = self.begin_session()
        self.restart()
        for op, fields in (("request", {"line": "FREE1", "direction": "output"}), ("subscribe", {"line": "door"}),
                           ("arm", {"timer": "~q", "after": "1h"}), ("arm", {"timer": "~p", "after": "2h"})):
            with self.subTest(op=op):
                client = self.connect()
                client.request(op, **fields)
                error = client.refuse("hello", "order", session=hello["session"])
                self.assertEqual("session", error["field"])
                client.close()
        client, again = self.take_over(hello["session"])
        self.assertTrue(again["taken_over"])
        self.assert_has_it(client, hello["peer"])

    def test_a_connection_may_have_said_hello_before_it_takes_over(self):
        _, hello = self.begin_session()
        self.restart()
        client = self.connect()
        client.request("hello", client="lift")
        client.request("ping")
        again = client.request("hello", client="lift", session=hello["session"])
        self.assertEqual((True, hello["peer"]), (again["taken_over"], again["peer"]))
        self.assert_has_it(client, hello["peer"])

    def test_a_second_session_is_not_added_to_the_first(self):
        _, one = self.begin_session()
        two = self.connect()
        second = two.request("hello", client="two")
        two.request("request", line="FREE1", direction="output", initial=1)
        self.restart()
        client, again = self.take_over(one["session"])
        self.assertTrue(again["taken_over"])
        client.refuse("hello", "order", session=second["session"])
        _, again = self.take_over(second["session"])
        self.assertEqual((True, second["peer"]), (again["taken_over"], again["peer"]))

    def test_what_nobody_takes_over_ends_after_the_grace_and_only_that(self):
        silent = self.connect()  # has not said hello
        silent.request("request", line="FREE1", direction="output", initial=1)
        client, hello = self.begin_session()
        client.request("arm", timer="shared", after="1h")
        client.request("arm", timer="kept", after="1h", keep=True)
        client.request("request", line="FREE2", direction="output", initial=1, keep=True)
        client.request("subscribe", line="FREE3")
        faithful, watcher = self.follow(), self.follow()
        faithful.request("arm", timer="mine", after="1h")
        self.restart()
        begin = time.monotonic()
        watcher.come_back()
        faithful.come_back()
        held = [line["held"] for line in watcher.request("lines", lines=["FREE0", "FREE1", "FREE2", "FREE3"])["lines"]]
        self.assertEqual([True] * 4, held)
        ended = watcher.wait_for(GRACE_S + 10 * PATIENCE, event="timer-ended", timer="shared", reason="disconnect")
        self.assertLess(ended["timestamp_ns"], now_ns())
        self.assertGreater(time.monotonic() - begin, GRACE_S - 2)
        wait_until(lambda: [line["held"] for line in watcher.request(
            "lines", lines=["FREE0", "FREE1", "FREE2", "FREE3"])["lines"]] == [False, False, True, False],
            "what nobody took over is given back")
        _, late = self.take_over(hello["session"])
        self.assertFalse(late["taken_over"])
        self.assertEqual({"kept", "mine"}, {timer["timer"] for timer in watcher.request("timers")["timers"]})
        watcher.catch_up()
        released = [event["line"] for event in of(watcher, "line", change="released")]
        self.assertEqual(["FREE0", "FREE1", "FREE3"], sorted(released))
        if not SIM:
            instance = watcher.instance
            # 6 configured, FREE2
            self.manager.wait(lambda: len([1 for name, _ in self.manager.store if name.startswith("line-" + instance)])
                              == 7, "the lines' descriptors are removed")


class as_user:
    """A context in which this process connects as another user."""

    def __init__(self, uid):
        self.uid = uid

    def __enter__(self):
        os.seteuid(self.uid)

    def __exit__(self, *exc):
        os.seteuid(0)
