# SPDX-License-Identifier: MIT
"""A reload that changes what limits an output: safe, max-on, interlocks; and claims across it."""

import manager
from harness import ABSENT, PATIENCE
from test_claims import INTERLOCKED, MOTOR, ms

SHORT = 0.3 * PATIENCE
LONG = 3 * SHORT  # a restart takes less
NEW = "\n[line new]\nline = %s\ndirection = output\ninitial = 1\n"
WITHOUT_LAMP = MOTOR[:MOTOR.index("[line lamp]")] + MOTOR[MOTOR.index("[line button]"):]
LIMITED = MOTOR.replace("safe = 0\n", "safe = 0\nmax-on = %s\n")


class Reload(manager.Case):
    CONFIG = MOTOR
    ERRORS_ALLOWED = True

    def reload(self, config):
        with open(self.daemon.config_path, "w") as f:
            f.write(self.config_text(config))
        return self.connect().request("reload")

    def watch(self, **subscription):
        watcher = self.connect()
        watcher.request("subscribe", **(subscription or {"lines": "*", "events": ["output", "line"]}))
        return watcher

    def test_a_limit_that_is_new_counts_from_when_the_line_went_on(self):
        watcher = self.watch()
        watcher.request("set", line="motor", value=1)
        begin = watcher.wait_for(event="output", value=1)
        self.reload(LIMITED % ms(SHORT))
        end = watcher.wait_for(event="output", line="motor", value=0, cause="max-on")
        self.assertGreaterEqual(end["timestamp_ns"] - begin["timestamp_ns"], 0.99 * SHORT * 1e9)

    def test_a_limit_that_is_shorter_now_holds_at_once(self):
        self.reload(LIMITED % "1h")
        watcher = self.watch()
        watcher.request("set", line="motor", value=1)
        self.reload(LIMITED % ms(SHORT))
        watcher.wait_for(event="output", line="motor", value=0, cause="max-on")

    def test_a_limit_that_is_gone_ends_nothing(self):
        self.reload(LIMITED % ms(SHORT))
        client = self.connect()
        client.request("set", line="motor", value=1)
        self.reload(MOTOR)
        client.request("arm", timer="t", after=ms(2 * SHORT))
        client.wait_for(event="timer")
        self.assertEqual({"motor": 1}, client.request("get", line="motor")["values"])

    def begin_time_of_claim(self):
        watcher, owner = self.follow(lines="*"), self.follow()
        owner.request("claim", line="motor", on_disconnect="hold", max_on=ms(LONG))
        owner.request("set", line="motor", value=1)
        owner.request("unclaim", line="motor")
        return watcher

    def test_a_time_that_a_claim_began_goes_on_over_a_reload(self):
        watcher = self.begin_time_of_claim()
        self.reload(MOTOR)
        watcher.wait_for(event="output", line="motor", value=0, cause="max-on")

    def test_a_time_that_a_claim_began_goes_on_over_a_restart_and_a_reload(self):
        watcher = self.begin_time_of_claim()
        self.restart()
        watcher.come_back()
        self.reload(MOTOR)
        watcher.wait_for(event="output", line="motor", value=0, cause="max-on")

    def test_an_interlock_that_is_new_puts_off_what_is_on_together(self):
        watcher = self.watch()
        watcher.request("set", lines=["motor", "lamp"], value=1)
        reply = self.reload(MOTOR + "[interlock both]\nlines = motor lamp\n")
        self.assertEqual(["[interlock]"], reply["keys"])
        for line in ("motor", "lamp"):
            watcher.wait_for(event="output", line=line, value=0, cause="interlock", by=ABSENT)
        watcher.request("set", line="lamp", value=1)
        self.assertEqual("both", watcher.refuse("set", "conflict", line="motor", value=1)["interlock"])
        self.reload(MOTOR)
        watcher.request("set", line="motor", value=1)

    def test_of_an_interlock_that_goes_one_line_goes_off_before_the_other_ends_on(self):
        self.reload(INTERLOCKED.replace("initial = 0\n", "initial = 0\non-exit = 1\n", 1).replace(
            "line = OUT1\ndirection = output\n", "line = OUT1\ndirection = output\non-exit = 0\n"))
        self.connect().request("set", line="down", value=1)
        watcher = self.watch(lines="*", events="output")
        self.reload("[line button]\nline = IN0\n")
        watcher.expect(event="config")
        watcher.expect(event="output", line="down", value=0, cause="reload")
        watcher.expect(event="output", line="up", value=1, cause="reload", error=ABSENT)

    def test_an_interlock_that_cannot_be_is_refused_and_the_old_one_holds(self):
        self.reload(INTERLOCKED)
        with open(self.daemon.config_path, "w") as f:
            f.write(self.config_text(INTERLOCKED.replace("lines = up down", "lines = up")))
        client = self.connect()
        client.refuse("reload", "bad-config")
        client.request("set", line="up", value=1)
        client.refuse("set", "conflict", line="down", value=1)

    def test_a_claim_goes_on_over_a_reload(self):
        owner, other = self.connect(), self.connect()
        owner.request("claim", lines=["motor", "brake"], on_disconnect="safe", ttl="1h")
        self.reload(MOTOR + "[interlock both]\nlines = motor lamp\n")
        other.refuse("set", "claimed", line="motor", value=1)
        owner.request("set", line="motor", value=1)
        watcher = self.watch()
        owner.close()
        watcher.wait_for(event="output", line="motor", value=0, cause="disconnect")
        watcher.wait_for(event="line", line="brake", change="unclaimed")

    def test_the_safe_value_is_that_of_the_newest_configuration(self):
        owner = self.connect()
        owner.request("claim", line="motor")
        self.reload(MOTOR.replace("safe = 0", "safe = 1"))
        watcher = self.watch()
        owner.close()
        watcher.wait_for(event="output", line="motor", value=1, cause="disconnect")

    def test_a_claim_of_a_line_that_is_configured_no_more_ends_and_is_told(self):
        owner, watcher = self.connect(), self.watch()
        owner.request("claim", line="lamp", ttl="1h")
        begin = MOTOR.index("[line lamp]")
        self.reload(MOTOR[:begin] + MOTOR[MOTOR.index("[line button]"):])
        watcher.wait_for(event="line", change="unclaimed", reason="reload")
        owner.wait_for(event="line", change="unclaimed", reason="reload")

    def test_a_line_that_is_new_does_not_begin_on_beside_one_of_its_interlock_that_is_on(self):
        client = self.connect()
        client.request("set", line="motor", value=1)
        watcher = self.watch()
        self.reload(MOTOR + NEW % "FREE0" + "[interlock both]\nlines = motor new\n")
        self.assertEqual({"motor": 1, "new": 0}, client.request("get", lines=["motor", "new"])["values"])
        client.request("set", line="motor", value=0)
        self.assertEqual(0, watcher.wait_for(event="output")["value"])
        client.request("set", line="new", value=1)

    def test_an_input_does_not_become_an_output_that_is_on_beside_one_of_its_interlock(self):
        client = self.connect()
        client.request("set", line="motor", value=1)
        begin = MOTOR.index("[line button]")
        self.reload(MOTOR[:begin] + NEW % "IN0" + "[interlock both]\nlines = motor new\n")
        self.assertEqual({"motor": 1, "new": 0}, client.request("get", lines=["motor", "new"])["values"])

    def test_a_pulse_of_a_line_that_goes_ends_though_another_has_claimed_it_since(self):
        first, second, watcher = self.connect(), self.connect(), self.watch()
        first.request("set", line="lamp", value=1, pulse="1h")
        second.request("claim", line="lamp", on_disconnect="hold")
        self.reload(WITHOUT_LAMP)
        watcher.wait_for(event="output", line="lamp", value=0, cause="revert", error=ABSENT)

    def test_a_claim_ends_when_its_line_is_an_input_by_the_time_that_its_chip_is_back(self):
        owner = self.connect()
        owner.request("claim", line="lamp")
        watcher = self.watch()
        self.board.remove_chip()
        watcher.wait_for(event="line", line="lamp", change="gone")
        self.reload(MOTOR.replace("line = OUT2\ndirection = output\ninitial = 0\n", "line = OUT2\n"))
        watcher.wait_for(event="line", line="lamp", change="unclaimed", reason="reconfigured")
        self.board.restore_chip()
        watcher.wait_for(event="line", line="lamp", change="available")

    def test_the_safe_value_that_a_claim_counted_on_outlasts_a_restart(self):
        owner, watcher = self.follow(lines="*"), self.follow(lines="*")
        owner.request("claim", line="brake", ttl=ms(SHORT), on_disconnect="safe")
        self.reload(MOTOR.replace("safe = 1\n", ""))
        self.restart()
        watcher.come_back()
        watcher.wait_for(event="output", line="brake", value=1, cause="ttl")
        owner.close()
