# SPDX-License-Identifier: MIT
"""Claims, limits in time and interlocks over a restart, an upgrade and a SIGKILL of the daemon."""

import signal
import time

import manager
from harness import PATIENCE, wait_until
from test_claims import INTERLOCKED, MOTOR, SHORT, ms

SOON = 0.5 * PATIENCE


class Restart(manager.Case):
    CONFIG = MOTOR

    def owner(self):
        return self.follow(lines="*", timers="*")

    def claim_of(self, client, line="motor"):
        return client.request("lines", line=line)["lines"][0].get("claim")

    def test_a_claim_goes_on_and_is_taken_over_with_the_session(self):
        owner = self.owner()
        owner.request("claim", line="motor", on_disconnect=0, ttl="1h", max_on="30min")
        before = self.claim_of(owner)
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.restart(number)
            self.connect().refuse("set", "claimed", line="motor", value=1)
            owner.come_back()
            self.assertEqual(before, self.claim_of(owner))
            self.assertEqual({"motor": 1}, owner.request("set", line="motor", value=1)["values"])
            self.connect().refuse("set", "claimed", line="motor", value=0)
        self.assertEqual({"motor": True}, owner.request("unclaim", line="motor")["was_claimed"])
        self.restart()
        self.assertIsNone(self.claim_of(self.connect()))

    def test_what_was_taken_over_ends_with_its_new_connection(self):
        owner, watcher = self.owner(), self.owner()
        owner.request("claim", line="motor", on_disconnect=0)
        owner.request("set", line="motor", value=1)
        self.restart()
        watcher.come_back()
        owner.come_back()
        watcher.request("set", line="lamp", value=1)
        owner.request("set", line="motor", value=1)
        owner.close()
        watcher.wait_for(event="output", line="motor", value=0, cause="disconnect")
        watcher.wait_for(event="line", line="motor", change="unclaimed", reason="disconnect")

    def test_a_silent_holder_is_told_after_it_has_come_back(self):
        owner = self.owner()
        owner.request("claim", line="motor", ttl=ms(SOON))
        self.restart()
        owner.come_back()
        owner.wait_for(event="line", line="motor", change="unclaimed", reason="ttl")

    def test_a_holder_that_does_not_come_back_has_lost_its_claim_after_its_ttl(self):
        owner, watcher = self.owner(), self.owner()
        owner.request("claim", line="motor", on_disconnect=1, ttl=ms(SOON))
        self.restart()
        watcher.come_back()
        watcher.wait_for(event="output", line="motor", value=1, cause="ttl")
        watcher.wait_for(event="line", line="motor", change="unclaimed", reason="ttl")
        owner.close()

    def test_a_holder_that_does_not_come_back_has_lost_its_claim_after_the_grace(self):
        owner, watcher = self.owner(), self.owner()
        owner.request("claim", line="motor", on_disconnect=1)
        self.restart()
        owner.close()
        watcher.come_back()
        wait_until(lambda: self.claim_of(watcher) is None, "the grace of 10 s ends", 10 + 10 * PATIENCE)
        events = [event for event in watcher.catch_up() if event["line"] == "motor"]
        self.assertEqual([("output", 1, "disconnect"), ("line", 1, None)],
                         [(event["event"], event["value"], event.get("cause")) for event in events])
        self.assertEqual(("unclaimed", "disconnect"), (events[1]["change"], events[1]["reason"]))

    def test_the_holders_timers_go_on_and_others_are_refused(self):
        owner, other = self.owner(), self.owner()
        other.request("arm", timer="other", every=ms(SOON), values={"motor": 1})
        owner.request("claim", line="motor")
        owner.request("arm", timer="own", every=ms(SOON), values={"lamp": 1, "motor": 0})
        self.restart()
        other.come_back()
        owner.come_back()
        self.assertEqual("claimed", other.wait_for(event="timer", timer="other")["error"]["code"])
        self.assertNotIn("error", owner.wait_for(event="timer", timer="own"))

    def test_a_claim_of_a_line_that_is_an_input_now_ends(self):
        owner = self.owner()
        owner.request("claim", lines=["lamp", "brake"])
        self.restart(config=MOTOR.replace("[line lamp]\nline = OUT2\ndirection = output\ninitial = 0\n",
                                          "[line lamp]\nline = OUT2\n"))
        owner.come_back()
        self.assertIsNone(self.claim_of(owner, "lamp"))
        self.assertIsNotNone(self.claim_of(owner, "brake"))

    def test_a_claim_of_a_requested_line_goes_on(self):
        owner = self.owner()
        owner.request("request", line="FREE0", direction="output", initial=1)
        owner.request("claim", line="FREE0", on_disconnect=0)
        self.restart()
        self.connect().refuse("set", "claimed", line="FREE0", value=1)
        watcher = self.owner()
        owner.come_back()
        owner.request("set", line="FREE0", value=1)
        owner.close()
        watcher.wait_for(event="line", line="FREE0", change="unclaimed", value=0)


class MaxOn(manager.Case):
    LIMITED = MOTOR.replace("initial = 0\nsafe = 0\n", "safe = 0\nmax-on = %s\n")
    CONFIG = LIMITED % "1h"

    def set_on(self):
        client = self.follow()
        client.request("set", line="motor", value=1)
        return client

    def test_the_time_goes_on_over_a_restart_and_is_not_begun_anew(self):
        client = self.set_on()
        begin = client.wait_for(event="output", line="motor", value=1)
        time.sleep(SOON)
        self.restart(config=self.LIMITED % ms(2 * SOON))
        client.come_back()
        end = next((event for event in client.seen if event.get("cause") == "max-on"), None) or \
            client.wait_for(event="output", line="motor", value=0, cause="max-on")
        self.assertLess(end["timestamp_ns"] - begin["timestamp_ns"], 2.9 * SOON * 1e9 + 1e9 * PATIENCE)

    def test_what_is_overdue_has_ended_before_the_daemon_is_ready(self):
        self.set_on()
        self.restart(config=self.LIMITED % ms(SOON))
        self.end()
        time.sleep(1.5 * SOON)
        self.begin()
        self.assertEqual({"motor": 0}, self.connect().request("get", line="motor")["values"])
        self.assertEqual(0, self.board.output_level("OUT0"))

    def test_a_limit_that_is_new_counts_from_the_restart(self):
        client = self.follow()
        client.request("set", line="lamp", value=1)
        self.restart(config=MOTOR.replace("line = OUT2\ndirection = output\ninitial = 0\n",
                                          "line = OUT2\ndirection = output\nsafe = 0\nmax-on = %s\n" % ms(SOON)))
        client.come_back()
        client.wait_for(event="output", line="lamp", value=0, cause="max-on")

    def test_a_kill_at_any_time_leaves_no_line_on_without_its_limit(self):
        for i in range(8):
            client = self.connect()
            client.send("set", line="motor", value=1)
            time.sleep(0.0002 * i)
            self.restart(config=self.LIMITED % ms(SOON))
            client.close()
            reader = self.connect()
            wait_until(lambda: reader.request("get", line="motor")["values"]["motor"] == 0, "the motor goes off")


class Interlocks(manager.Case):
    CONFIG = INTERLOCKED.replace("initial = 0\n", "")
    ERRORS_ALLOWED = True

    def test_an_interlock_that_is_new_is_kept_at_once(self):
        client = self.connect()
        client.request("set", lines=["lamp", "up"], value=1)
        self.restart(config=self.CONFIG.replace("lines = up down", "lines = up down lamp"))
        values = self.connect().request("get", lines=["up", "down", "lamp"])["values"]
        self.assertLessEqual(sum(values.values()), 1)
