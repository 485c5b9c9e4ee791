# SPDX-License-Identifier: MIT
"""What is left when something of the last life cannot go on: nothing that would act later."""

import fcntl

import manager
from harness import ABSENT, PATIENCE


class Case(manager.Case):
    ERRORS_ALLOWED = True  # one start fails, one group is on two chips

    def changed(self, *pairs):
        text = self.CONFIG
        for old, new in pairs:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def info(self, client, line):
        return client.request("lines", line=line)["lines"][0]


class Settled(Case):
    def test_an_output_that_is_no_longer_named_is_an_input_to_whoever_takes_it_next(self):
        follower = self.follow()
        follower.request("set", values={"led": 1})
        led = self.info(follower, "led")
        begin = self.CONFIG.index("[line led]")
        end = self.CONFIG.index("[line", begin + 1)
        self.restart(config=self.CONFIG[:begin] + self.CONFIG[end:])
        follower.come_back()
        name = led["name"]
        client = self.connect()
        client.request("subscribe", line=name)
        info = self.info(client, name)
        self.assertEqual((True, "input", "both"), (info["held"], info["direction"], info.get("edges", ABSENT)))
        self.assertEqual([], [event for event in follower.catch_up()
                              if event["event"] == "lost" and event.get("line") == name])

    def test_a_pulse_of_a_line_that_cannot_be_taken_is_over_when_it_can(self):
        follower = self.follow()
        follower.request("set", line="led", value=1, pulse="1h")
        kept = self.changed(("line = OUT0\ndirection = output\ninitial = 0", "line = OUT0\ndirection = output\ninitial = keep"))
        stray = "[line stray]\nline = board-b:0\ndirection = output\ngroup = both\n\n"
        self.restart(config=stray + kept.replace("line = OUT0\n", "line = OUT0\ngroup = both\n"))
        follower.come_back()
        self.assertFalse(self.info(follower, "led")["held"])
        self.rewrite(self.config_text(kept))
        follower.request("reload")
        info = self.info(follower, "led")
        self.assertEqual((True, 0), (info["held"], info["value"]))
        self.assertEqual(0, self.board.output_level("OUT0"))

    def rewrite(self, text):
        with open(self.daemon.config_path, "w") as f:
            f.write(text)

    def test_a_start_that_fails_leaves_everything_to_the_next(self):
        follower = self.follow()
        follower.request("set", line="led", value=1)
        follower.request("arm", timer="t", after="1h", keep=True)
        follower.request("arm", timer="mine", after="1h")
        follower.request("claim", line="led", on_disconnect=0)
        self.end()
        stored = sorted(self.manager.names())
        with open(self.daemon.socket_path + ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.begin(self.CONFIG, wait=False)
            self.assertNotEqual(0, self.daemon.process.wait(10 * PATIENCE))
        self.manager.read_all()
        self.assertEqual(stored, sorted(self.manager.names()))
        self.begin(self.CONFIG)
        follower.come_back()
        self.assertTrue(follower.taken_over)
        self.assertEqual(["t", "mine"], [timer["timer"] for timer in follower.request("timers")["timers"]])
        self.assertEqual(follower.peer, self.info(follower, "led")["claim"]["holder"]["peer"])
        self.assertEqual({"led": 1}, follower.request("get", line="led")["values"])

    def test_a_pulse_ends_at_the_level_of_before_though_active_low_was_turned_round(self):
        follower = self.follow()
        follower.request("set", line="led", value=1, pulse="%ds" % (2 * PATIENCE))
        self.restart(config=self.changed(("line = OUT0\n", "line = OUT0\nactive-low = yes\n")))
        follower.come_back()
        self.assertEqual(1, self.board.output_level("OUT0"))
        follower.wait_for(event="output", line="led", cause="revert")
        self.assertEqual(0, self.board.output_level("OUT0"))

    def test_a_session_is_not_taken_over_by_who_has_a_claim_already(self):
        follower = self.follow()
        session = follower.session
        self.restart()
        client = self.connect()
        client.request("claim", line="led")
        client.refuse("hello", "order", session=session)
