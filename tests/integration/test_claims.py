# SPDX-License-Identifier: MIT
"""Claims, limits in time and interlocks: who may write an output, for how long, and together with what."""

import json
import os
import signal
import subprocess
import sys
import time

from harness import ABSENT, PATIENCE, Failure, TestCase, only, wait_until

# A client in a process of its own, so that it can be killed: sends, takes replies, sends, says so.
OWNER = """
import json, socket, sys, time
path, first, replies, then = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.connect(path)
s.sendall(first.encode())
stream = s.makefile()
taken = 0
while taken < int(replies):
    taken += "ok" in json.loads(stream.readline())
s.sendall(then.encode())
print("ready", flush=True)
time.sleep(1000)
"""

MOTOR = """
[line motor]
line = OUT0
direction = output
initial = 0
safe = 0

[line brake]
line = OUT1
direction = output
initial = 0
safe = 1

[line lamp]
line = OUT2
direction = output
initial = 0

[line button]
line = IN0
"""


def row(op, **fields):
    return json.dumps(dict(op=op, **fields)) + "\n"


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def ms(seconds):
    return "%dms" % (seconds * 1000)


SHORT = 0.2 * PATIENCE


class Claims(TestCase):
    CONFIG = MOTOR

    def claim_of(self, client, line):
        return client.request("lines", line=line)["lines"][0].get("claim")

    def holder_of(self, client, name):
        return dict({"client": name} if name else {}, peer=client.peer, pid=os.getpid(), uid=os.getuid())

    def named(self, name):
        client = self.connect()
        client.peer = client.request("hello", client=name)["peer"]
        return client


class Exclusive(Claims):
    def test_a_claimed_line_refuses_every_other_writer_and_names_the_holder(self):
        owner, other = self.named("lift"), self.connect()
        owner.request("claim", line="motor")
        for op, fields in (("set", {"line": "motor", "value": 1}), ("toggle", {"line": "motor"}),
                           ("set", {"line": "motor", "value": 1, "pulse": "1ms"}),
                           ("set", {"values": {"lamp": 1, "motor": 1}}),
                           ("arm", {"timer": "t", "after": "1h", "values": {"motor": 1}}),
                           ("request", {"line": "motor", "initial": 1}),
                           ("claim", {"line": "motor"}), ("unclaim", {"line": "motor"}),
                           ("claim", {"lines": ["lamp", "motor"]})):
            error = other.refuse(op, "claimed", **fields)
            self.assertEqual(("busy", "motor", self.holder_of(owner, "lift")),
                             (error["class"], error["line"], error["holder"]))
        self.assertEqual({"motor": 0, "lamp": 0}, other.request("get", lines=["motor", "lamp"])["values"])
        self.assertIsNone(self.claim_of(other, "lamp"))

    def test_the_holder_writes_as_before_and_others_may_read(self):
        owner, other = self.named("lift"), self.connect()
        self.assertEqual({"motor": 0}, owner.request("claim", line="motor")["values"])
        other.request("subscribe", line="motor")
        owner.request("set", line="motor", value=1)
        other.expect(event="output", line="motor", value=1)
        owner.request("arm", timer="t", after="1ms", values={"motor": 0})
        other.expect(event="output", value=0, cause="timer:t")
        owner.request("set", line="motor", value=1, pulse="1ms")
        other.expect(event="output", value=1)
        other.expect(event="output", value=0, cause="revert")

    def test_everybody_sees_who_has_claimed_a_line_and_on_which_terms(self):
        owner, watcher = self.named("lift"), self.connect()
        watcher.request("subscribe", lines="*")
        owner.request("claim", line="motor", on_disconnect=0, ttl="2s", max_on="500ms")
        claim = {"holder": self.holder_of(owner, "lift"), "on_disconnect": "0", "ttl": "2s", "max_on": "500ms"}
        event = watcher.expect(event="line", line="motor", change="claimed")
        self.assertEqual(claim, event["info"]["claim"])
        self.assertEqual(claim, self.claim_of(watcher, "motor"))
        self.assertEqual({"motor": True}, owner.request("unclaim", line="motor")["was_claimed"])
        watcher.expect(event="line", line="motor", change="unclaimed", reason="unclaim", holder=claim["holder"])
        self.assertEqual({"motor": False}, owner.request("unclaim", line="motor")["was_claimed"])
        watcher.expect_nothing()

    def test_claiming_again_replaces_the_terms(self):
        owner, watcher = self.named("lift"), self.connect()
        watcher.request("subscribe", line="lamp")
        for terms, shown in (({}, {"on_disconnect": "hold"}),
                             ({"on_disconnect": 1, "ttl": "1h"}, {"on_disconnect": "1", "ttl": "1h"}),
                             ({"on_disconnect": "0"}, {"on_disconnect": "0"})):
            owner.request("claim", line="lamp", **terms)
            event = watcher.expect(event="line", change="claimed")
            self.assertEqual(dict(shown, holder=self.holder_of(owner, "lift")), event["info"]["claim"])
        owner.request("claim", line="lamp", on_disconnect=0)
        watcher.expect_nothing()

    def test_of_two_who_claim_at_once_one_gets_it(self):
        clients = [self.connect() for _ in range(4)]
        for _ in range(20):
            for client in clients:
                client.send("claim", lines=["motor", "lamp"])
            replies = [client.reply() for client in clients]
            self.assertEqual(1, sum(reply["ok"] for reply in replies))
            self.assertEqual({"claimed"}, {reply["error"]["code"] for reply in replies if not reply["ok"]})
            winner = next(client for client, reply in zip(clients, replies) if reply["ok"])
            winner.request("unclaim", lines=["motor", "lamp"])

    def test_only_outputs_that_the_daemon_holds_for_the_client_can_be_claimed(self):
        client, other = self.connect(), self.connect()
        client.refuse("claim", "wrong-direction", line="button")
        client.refuse("claim", "not-requested", line="FREE0")
        client.refuse("claim", "unknown-line", line="nothing")
        client.refuse("claim", "out-of-range", line="*")
        other.request("request", line="FREE0", direction="output")
        client.refuse("claim", "not-requested", line="FREE0")
        client.request("request", line="FREE0", direction="output")
        client.request("claim", line="FREE0")
        other.refuse("set", "claimed", line="FREE0", value=1)

    def test_a_safe_value_must_be_there_to_be_asked_for(self):
        client = self.connect()
        self.assertEqual("on_disconnect", client.refuse("claim", "out-of-range", lines=["motor", "lamp"],
                                                        on_disconnect="safe")["field"])
        self.assertIsNone(self.claim_of(client, "motor"))
        self.assertEqual("max_on", client.refuse("claim", "out-of-range", line="brake", max_on="1s")["field"])

    def test_a_claimed_line_is_not_reconfigured_by_others(self):
        owner, other = self.connect(), self.connect()
        for client in (owner, other):
            client.request("request", line="FREE0", direction="output", initial=0)
        owner.request("claim", line="FREE0")
        other.refuse("request", "claimed", line="FREE0", bias="pull-up")
        other.refuse("request", "claimed", line="FREE0", initial=1)
        other.request("request", line="FREE0", direction="output")
        other.request("release", line="FREE0")
        self.assertEqual({"FREE0": 0}, other.request("get", line="FREE0")["values"])
        owner.request("request", line="FREE0", drive="open-drain")

    def test_what_the_daemon_keeps_is_not_released_under_the_holder(self):
        owner, other = self.connect(), self.connect()
        owner.request("request", line="FREE0", direction="output", keep=True)
        owner.request("claim", line="FREE0")
        other.refuse("release", "claimed", line="FREE0")
        owner.request("release", line="FREE0")
        self.assertIsNone(self.claim_of(other, "FREE0"))

    def test_a_claim_ends_with_the_release_of_the_line_or_when_it_becomes_an_input(self):
        owner, watcher = self.connect(), self.connect()
        watcher.request("subscribe", lines="*")
        owner.request("request", line="FREE0", direction="output")
        owner.request("claim", line="FREE0", on_disconnect=1)
        owner.request("release", line="FREE0")
        watcher.wait_for(event="line", change="unclaimed", reason="released")
        watcher.wait_for(event="line", change="released")
        owner.request("request", line="FREE0", direction="output", initial=0)
        owner.request("claim", line="FREE0")
        owner.request("request", line="FREE0", direction="input")
        watcher.wait_for(event="line", change="unclaimed", reason="reconfigured")
        self.assertIsNone(self.claim_of(owner, "FREE0"))

    def test_a_timer_of_somebody_else_is_refused_at_its_expiry_and_says_so(self):
        owner, other, watcher = self.named("lift"), self.connect(), self.connect()
        watcher.request("subscribe", line="motor", events="output")
        other.request("arm", timer="t", every=ms(SHORT), values={"motor": 1})
        owner.request("claim", line="motor")
        event = other.expect(event="timer", timer="t")
        self.assertEqual(("claimed", "motor"), (event["error"]["code"], event["error"]["line"]))
        watcher.expect_nothing()
        owner.request("unclaim", line="motor")
        other.wait_for(event="timer", timer="t", error=ABSENT)
        watcher.expect(event="output", value=1, cause="timer:t")

    def test_a_pulse_that_began_before_the_claim_ends_in_its_time(self):
        owner, other = self.connect(), self.connect()
        other.request("set", line="motor", value=1, pulse=ms(SHORT))
        self.assertEqual({"motor": 1}, owner.request("claim", line="motor")["values"])
        owner.request("subscribe", line="motor", events="output")
        owner.expect(event="output", value=0, cause="revert")

    def test_a_pulse_that_began_before_the_claim_is_the_holders_to_cancel(self):
        owner, other = self.connect(), self.connect()
        other.request("set", line="motor", value=1, pulse="1h")
        owner.request("claim", line="motor")
        self.assertTrue(owner.request("set", line="motor", value=1)["cancelled_revert"])


class Disconnect(Claims):
    def test_the_line_gets_the_value_that_was_said(self):
        watcher = self.connect()
        watcher.request("subscribe", lines="*")
        for line, before, terms, after in (
                ("motor", 1, {"on_disconnect": 0}, 0), ("lamp", 0, {"on_disconnect": 1}, 1),
                ("motor", 1, {"on_disconnect": "hold"}, 1), ("motor", 1, {"on_disconnect": "safe"}, 0),
                ("brake", 0, {"on_disconnect": "safe"}, 1), ("motor", 1, {}, 0), ("lamp", 1, {}, 1)):
            with self.subTest(line=line, terms=terms):
                owner = self.named("lift")
                owner.request("claim", line=line, **terms)
                owner.request("set", line=line, value=before)
                watcher.drain()
                owner.close()
                if after != before:
                    event = watcher.expect(event="output", line=line, value=after, cause="disconnect", error=ABSENT)
                    self.assertEqual("lift", event["by"]["client"])
                watcher.expect(event="line", line=line, change="unclaimed", reason="disconnect", value=after)
                watcher.request("set", line=line, value=before)
                watcher.drain()

    def test_a_line_that_no_configuration_names_stays_driven_as_was_said(self):
        watcher = self.connect()
        for terms, after in (({"on_disconnect": 0}, 0), ({"on_disconnect": "hold"}, 1)):
            owner = self.connect()
            owner.request("request", line="FREE0", direction="output", initial=1)
            owner.request("claim", line="FREE0", **terms)
            watcher.request("subscribe", line="FREE0")
            owner.close()
            watcher.wait_for(event="line", change="unclaimed", value=after)
            info = watcher.request("lines", line="FREE0")["lines"][0]
            self.assertEqual(("output", after), (info["direction"], info["value"]))
            watcher.request("unsubscribe")
            watcher.request("release", line="FREE0")

    def test_the_end_of_the_daemon_is_a_disconnect_too(self):
        owner, watcher = self.connect(), self.connect()
        watcher.request("subscribe", lines="*")
        owner.request("claim", line="lamp", on_disconnect=0)
        owner.request("set", line="lamp", value=1)
        self.daemon.signal(signal.SIGTERM)
        watcher.wait_for(event="output", line="lamp", value=0, cause="disconnect")
        watcher.wait_for(event="shutdown")
        self.assertEqual(0, self.daemon.wait_end())
        self.daemons.remove(self.daemon)
        self.board.detach()


class Killed(Claims):
    """The owner is killed in every state: what it said takes effect within 50 ms."""

    CLAIM = row("set", line="motor", value=1) + row("claim", line="motor", on_disconnect=0)

    def kill_owner(self, watcher, first, replies, then):
        """The time from the end of the process, when its connection is gone, to the write that makes the line safe."""
        owner = subprocess.Popen([sys.executable, "-c", OWNER, self.daemon.socket_path, first, str(replies), then],
                                 stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual("ready\n", owner.stdout.readline())
        finally:
            owner.kill()
            owner.wait()
            begin = now_ns()
            owner.stdout.close()
        end = watcher.wait_for(event="output", line="motor", value=0)
        self.assertIn(end["cause"], ("disconnect", "revert"))
        watcher.wait_for(event="line", line="motor", change="unclaimed", reason="disconnect")
        self.assertEqual({"motor": 0}, watcher.request("get", line="motor")["values"])
        return end["timestamp_ns"] - begin

    def check(self, first, replies, then=""):
        """Another program may have the processor meanwhile, which no daemon can prevent: one of five has to be in time."""
        watcher = self.connect()
        watcher.request("subscribe", line="motor")
        times = []
        for _ in range(5):
            times.append(self.kill_owner(watcher, first, replies, then))
            if times[-1] <= 50_000_000 * PATIENCE:
                break
            watcher.drain()
        self.assertLessEqual(min(times), 50_000_000 * PATIENCE, times)

    def test_idle(self):
        self.check(self.CLAIM, 2)

    def test_in_the_middle_of_a_request(self):
        self.check(self.CLAIM, 2, '{"op":"set","line":"mo')

    def test_before_it_has_read_the_reply_to_the_claim(self):
        self.check(self.CLAIM, 0)

    def test_with_replies_that_it_has_not_read(self):
        self.check(self.CLAIM, 2, row("lines") * 5000)

    def test_with_events_that_it_has_not_read(self):
        self.check(self.CLAIM + row("subscribe", lines="*"), 3, row("toggle", line="lamp") * 3000)

    def test_during_a_pulse(self):
        self.check(self.CLAIM + row("set", line="motor", value=1, pulse="1h"), 3)

    def test_with_a_ttl(self):
        self.check(self.CLAIM + row("claim", line="motor", on_disconnect=0, ttl="1h"), 3)

    def test_with_timers_and_lines_of_its_own(self):
        self.check(row("request", line="FREE1", direction="output") + row("arm", timer="t", every="1ms",
                   values={"motor": 1, "FREE1": 1}) + self.CLAIM, 4)


class Ttl(Claims):
    def test_a_silent_holder_loses_its_claim_and_is_told_so(self):
        owner, watcher = self.named("lift"), self.connect()
        watcher.request("subscribe", line="lamp")
        owner.request("claim", lines=["motor", "lamp"], on_disconnect=0, ttl=ms(SHORT))
        owner.request("set", line="lamp", value=1)
        said = now_ns()
        watcher.wait_for(event="output", value=1)
        event = watcher.expect(event="output", line="lamp", value=0, cause="ttl")
        self.assertEqual("lift", event["by"]["client"])
        self.assertGreaterEqual(event["timestamp_ns"], said + 0.9 * SHORT * 1e9)
        watcher.expect(event="line", line="lamp", change="unclaimed", reason="ttl")
        self.assertEqual({"motor", "lamp"}, {owner.expect(event="line", change="unclaimed", reason="ttl",
                                                          holder=self.holder_of(owner, "lift"))["line"]
                                             for _ in range(2)})
        watcher.request("set", line="lamp", value=1)
        self.assertEqual({"motor": False}, owner.request("unclaim", line="motor")["was_claimed"])

    def test_a_holder_that_has_subscribed_is_told_once(self):
        owner = self.connect()
        owner.request("subscribe", line="lamp")
        owner.request("claim", line="lamp", ttl="20ms")
        owner.expect(event="line", change="claimed")
        owner.expect(event="line", change="unclaimed", reason="ttl")
        owner.expect_nothing()

    def test_any_request_of_the_holder_is_a_sign_of_life(self):
        owner, watcher = self.connect(), self.connect()
        watcher.request("subscribe", line="lamp")
        owner.request("claim", line="lamp", ttl=ms(SHORT))
        begin = time.monotonic()
        rows = iter([("ping", {}), ("get", {"line": "motor"}), ("timers", {}), ("stats", {})] * 10)
        while time.monotonic() < begin + 3 * SHORT:
            op, fields = next(rows)
            owner.request(op, **fields)
            time.sleep(SHORT / 5)
        owner.refuse("set", "unknown-line", line="x", value=1)
        self.assertIsNotNone(self.claim_of(watcher, "lamp"))
        watcher.wait_for(event="line", change="unclaimed", reason="ttl")

    def test_requests_of_others_are_none(self):
        owner, other = self.connect(), self.connect()
        owner.request("claim", line="lamp", ttl=ms(SHORT))
        other.request("subscribe", line="lamp")
        wait_until(lambda: self.claim_of(other, "lamp") is None, "the claim ends")

    def test_a_daemon_that_is_late_itself_does_not_blame_the_holder(self):
        owner = self.connect()
        owner.request("claim", line="lamp", ttl=ms(SHORT))
        with self.daemon.frozen():
            owner.send("ping")
            time.sleep(1.5 * SHORT)
        owner.reply()
        self.assertIsNotNone(self.claim_of(owner, "lamp"))

    def test_half_a_request_is_no_sign_of_life(self):
        owner, watcher = self.connect(), self.connect()
        watcher.request("subscribe", line="lamp")
        owner.request("claim", line="lamp", ttl=ms(SHORT))
        watcher.expect(event="line", change="claimed")
        for _ in range(5):
            owner.socket.sendall(b" ")
            time.sleep(SHORT / 4)
        watcher.expect(event="line", change="unclaimed", reason="ttl")


class MaxOn(Claims):
    CONFIG = MOTOR.replace("safe = 0\n", "safe = 0\nmax-on = %s\n" % ms(SHORT))

    def watch(self):
        watcher = self.connect()
        watcher.request("subscribe", line="motor", events="output")
        return watcher

    def assert_ends(self, watcher, begin):
        end = watcher.wait_for(event="output", line="motor", value=0, cause="max-on", by=ABSENT)
        self.assertGreaterEqual(end["timestamp_ns"] - begin["timestamp_ns"], 0.99 * SHORT * 1e9)
        self.assertLess(end["timestamp_ns"] - begin["timestamp_ns"], (SHORT + PATIENCE) * 1e9)

    def test_an_output_is_on_no_longer_than_it_may_be(self):
        client, watcher = self.connect(), self.watch()
        client.request("set", line="motor", value=1)
        self.assert_ends(watcher, watcher.expect(event="output", value=1))
        self.assertEqual(0, self.board.output_level("OUT0"))

    def test_setting_it_again_gives_no_more_time(self):
        client, watcher = self.connect(), self.watch()
        client.request("set", line="motor", value=1)
        begin = watcher.expect(event="output", value=1)
        while now_ns() < begin["timestamp_ns"] + 0.6 * SHORT * 1e9:
            client.request("set", line="motor", value=1)
            client.request("set", line="motor", value=1, pulse="1h")
        self.assert_ends(watcher, begin)

    def test_going_off_and_on_begins_anew(self):
        client, watcher = self.connect(), self.watch()
        client.request("set", line="motor", value=1)
        time.sleep(SHORT / 2)
        client.request("set", line="motor", value=0)
        client.request("set", line="motor", value=1)
        events = watcher.drain()
        self.assertEqual([1, 0, 1], [event["value"] for event in events])
        self.assert_ends(watcher, events[-1])

    def test_timers_and_pulses_are_limited_too(self):
        client, watcher = self.connect(), self.watch()
        client.request("arm", timer="t", after="1ms", values={"motor": 1})
        self.assert_ends(watcher, watcher.expect(event="output", value=1, cause="timer:t"))
        client.request("set", line="motor", value=1, pulse="1h")
        self.assert_ends(watcher, watcher.expect(event="output", value=1))
        client.request("request", line="motor", initial=1)
        self.assert_ends(watcher, watcher.expect(event="output", value=1, cause="request"))
        client.request("set", line="motor", value=1, pulse="1ms")
        watcher.wait_for(event="output", value=0, cause="revert")
        time.sleep(1.5 * SHORT)
        watcher.expect_nothing()

    def test_a_claim_may_make_it_shorter_and_not_longer(self):
        client, watcher = self.connect(), self.watch()
        self.assertEqual("max_on", client.refuse("claim", "out-of-range", line="motor", max_on="1h")["field"])
        client.request("claim", line="motor", max_on="10ms")
        client.request("set", line="motor", value=1)
        watcher.expect(event="output", value=1)
        end = watcher.expect(event="output", value=0, cause="max-on")
        self.assertLess(end["timestamp_ns"], now_ns())

    def test_a_claim_limits_a_line_that_nothing_else_limits(self):
        client = self.connect()
        client.request("claim", line="lamp", max_on=ms(SHORT))
        client.request("subscribe", line="lamp", events="output")
        client.request("set", line="lamp", value=1)
        client.request("unclaim", line="lamp")
        client.expect(event="output", value=1)
        client.expect(event="output", value=0, cause="max-on")

    def test_a_limit_passes_a_claim(self):
        owner, watcher = self.connect(), self.watch()
        owner.request("claim", line="motor", on_disconnect=1)
        owner.request("set", line="motor", value=1)
        self.assert_ends(watcher, watcher.expect(event="output", value=1))
        owner.close()
        self.assert_ends(watcher, watcher.expect(event="output", value=1, cause="disconnect"))

    def test_a_limited_line_is_not_left_on_at_the_end(self):
        client, watcher = self.connect(), self.watch()
        self.board.detach()
        client.request("set", line="motor", value=1)
        self.daemon.signal(signal.SIGTERM)
        end = watcher.wait_for(event="output", line="motor", value=0)
        self.assertIn(end["cause"], ("exit", "max-on"))
        watcher.wait_for(event="shutdown")
        self.assertEqual(0, self.daemon.wait_end())
        self.daemons.remove(self.daemon)

    def test_a_line_whose_chip_goes_comes_back_off_when_its_time_was_over(self):
        client, watcher = self.connect(), self.connect()
        watcher.request("subscribe", line="motor")
        client.request("set", line="motor", value=1)
        self.board.remove_chip()
        watcher.wait_for(event="line", change="gone")
        time.sleep(1.5 * SHORT)
        self.board.restore_chip()
        self.assertEqual(0, watcher.wait_for(event="line", change="available")["value"])


class BeginsOn(Claims):
    """Its chip goes and comes back; what came due meanwhile counts for more than `initial = 1`."""

    CONFIG = MOTOR.replace("initial = 0\nsafe = 0\n", "initial = 1\nsafe = 0\nmax-on = %s\n" % ms(3 * SHORT))

    def comes_back(self, watcher):
        self.board.restore_chip()
        event = watcher.wait_for(event="line", line="motor", change="available")
        self.assertEqual((0, 0), (event["value"], self.board.output_level("OUT0")))

    def lose_chip(self):
        watcher = self.connect()
        watcher.request("subscribe", line="motor")
        self.board.remove_chip()
        watcher.wait_for(event="line", change="gone")
        return watcher

    def test_a_line_whose_holder_died_comes_back_as_the_claim_would_have_it(self):
        owner = self.connect()
        owner.request("claim", line="motor", on_disconnect=0)
        watcher = self.lose_chip()
        owner.close()
        watcher.wait_for(event="line", change="unclaimed")
        self.comes_back(watcher)

    def test_a_line_whose_time_was_over_comes_back_off(self):
        watcher = self.lose_chip()
        time.sleep(4 * SHORT)
        self.comes_back(watcher)
        self.board.remove_chip()
        watcher.wait_for(event="line", change="gone")
        self.board.restore_chip()
        self.assertEqual(1, watcher.wait_for(event="line", change="available")["value"])


INTERLOCKED = """
[line up]
line = OUT0
direction = output
initial = 0
safe = 0

[line down]
line = OUT1
direction = output
initial = 0
safe = 0

[line lamp]
line = OUT2
direction = output
initial = 0

[interlock winch]
lines = up down
"""


class Interlock(Claims):
    CONFIG = INTERLOCKED
    ERRORS_ALLOWED = True  # what is refused later is told on stderr

    def values(self):
        return [self.board.output_level(line) for line in ("OUT0", "OUT1", "OUT2")]

    def assert_names(self, error, line, on):
        self.assertEqual((line, on, "winch"), (error["line"], error["on"], error["interlock"]))

    def test_a_write_that_would_break_it_is_refused_whole_and_names_it(self):
        client = self.connect()
        client.request("set", line="up", value=1)
        for values in ({"down": 1}, {"lamp": 1, "down": 1}, {"down": 1, "lamp": 1}, {"up": 1, "down": 1}):
            self.assert_names(client.refuse("set", "conflict", values=values), *(
                ("up", "down") if "up" in values else ("down", "up")))
        self.assert_names(client.refuse("toggle", "conflict", lines=["lamp", "down"]), "down", "up")
        self.assert_names(client.refuse("request", "conflict", lines=["lamp", "down"], initial=1), "down", "up")
        self.assert_names(client.refuse("set", "conflict", line="down", value=1, pulse="1ms"), "down", "up")
        self.assertEqual([1, 0, 0], self.values())

    def test_both_at_once_are_refused_from_nothing(self):
        client = self.connect()
        client.refuse("set", "conflict", lines=["up", "down"], value=1)
        client.refuse("request", "conflict", lines=["up", "down"], initial=1)
        client.refuse("arm", "conflict", timer="t", after="1h", values={"up": 1, "down": 1})
        client.refuse("claim", "conflict", lines=["up", "down"], on_disconnect=1)
        self.assertEqual([0, 0, 0], self.values())

    def test_one_goes_off_before_the_other_goes_on(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        client.request("set", line="up", value=1)
        for values in ({"down": 1, "up": 0}, {"up": 1, "down": 0}, {"up": 0, "down": 1}):
            client.request("set", values=values)
        self.assertEqual([("up", 1), ("up", 0), ("down", 1), ("down", 0), ("up", 1), ("up", 0), ("down", 1)],
                         [(event["line"], event["value"]) for event in client.drain()])
        client.request("toggle", lines=["up", "down"])
        self.assertEqual([1, 0, 0], self.values())

    def test_a_timer_that_would_break_it_is_refused_when_it_expires(self):
        client = self.connect()
        client.request("arm", timer="t", after=ms(SHORT), values={"lamp": 1, "down": 1})
        client.request("set", line="up", value=1)
        self.assertEqual("conflict", client.expect(event="timer", timer="t")["error"]["code"])
        self.assertEqual([1, 0, 0], self.values())

    def test_the_end_of_a_pulse_that_would_break_it_is_refused_and_told(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        client.request("set", line="up", value=1)
        client.request("set", values={"up": 0}, pulse=ms(SHORT))
        client.request("set", line="down", value=1)
        event = client.wait_for(event="output", line="up", cause="revert")
        self.assertEqual((0, "conflict"), (event["value"], event["error"]["code"]))
        self.assertEqual([0, 1, 0], self.values())

    def test_what_a_claim_says_of_its_end_is_refused_when_it_would_break_it_and_told(self):
        owner, client = self.connect(), self.connect()
        client.request("subscribe", line="up")
        client.request("set", line="down", value=1)
        owner.request("claim", line="up", on_disconnect=1)
        owner.close()
        event = client.wait_for(event="output", line="up", cause="disconnect")
        self.assertEqual((0, "conflict"), (event["value"], event["error"]["code"]))
        client.wait_for(event="line", change="unclaimed", reason="disconnect")
        self.assertEqual([0, 1, 0], self.values())

    def test_a_line_that_comes_back_does_not_break_it(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        client.request("set", line="up", value=1)
        self.board.remove_chip()
        client.wait_for(event="line", line="down", change="gone")
        self.board.restore_chip()
        for _ in range(3):
            client.wait_for(event="line", change="available")
        levels = self.values()
        self.assertLessEqual(levels[0] + levels[1], 1)


class InterlockedGroup(Claims):
    CONFIG = INTERLOCKED.replace("initial = 0", "initial = 0\ngroup = winch", 2)

    def test_a_group_changes_over_in_one_call(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        client.request("set", line="up", value=1)
        client.request("set", values={"down": 1, "up": 0})
        client.refuse("set", "conflict", line="up", value=1)
        self.assertEqual([("up", 1), ("up", 0), ("down", 1)],
                         [(event["line"], event["value"]) for event in client.drain()])


class InterlockOfTwoChips(Claims):
    CONFIG = INTERLOCKED.replace("line = OUT1", "line = B1").replace("initial = 0\n", "")

    def test_a_line_that_comes_back_beside_one_that_is_on_comes_back_off(self):
        client = self.connect()
        client.request("subscribe", lines=["up", "down"])
        client.request("set", line="up", value=1)
        self.board.remove_chip()
        client.wait_for(event="line", line="up", change="gone")
        client.request("set", line="down", value=1)
        self.board.restore_chip()
        self.assertEqual(0, client.wait_for(event="line", line="up", change="available")["value"])
        self.assertEqual({"up": 0, "down": 1}, client.request("get", lines=["up", "down"])["values"])
        self.assertIn("up comes up with 0 and not with 1", self.daemon.stderr())


class InterlockAtTheEnd(Claims):
    CONFIG = INTERLOCKED.replace("initial = 0\n", "initial = 0\non-exit = 1\n", 1).replace(
        "line = OUT1\ndirection = output\n", "line = OUT1\ndirection = output\non-exit = 0\n")

    def test_one_goes_off_before_the_other_ends_on(self):
        client = self.connect()
        client.request("set", line="down", value=1)
        client.request("subscribe", lines="*", events="output")
        self.daemon.signal(signal.SIGTERM)
        client.expect(event="output", line="down", value=0, cause="exit")
        client.expect(event="output", line="up", value=1, cause="exit", error=ABSENT)
        client.expect(event="shutdown")


class FoundOn(Claims):
    CONFIG = None
    ERRORS_ALLOWED = True

    @only("gpiod", "simulated outputs begin with 0")
    def test_lines_that_are_found_on_together_go_off_and_that_is_told(self):
        for line in ("OUT0", "OUT1"):
            self.board.press(line, 1)
        daemon = self.start(INTERLOCKED.replace("initial = 0\n", ""))
        self.assertEqual([0, 0], [self.board.output_level(line) for line in ("OUT0", "OUT1")])
        self.assertIn("interlock winch", daemon.stderr())
