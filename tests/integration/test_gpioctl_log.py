# SPDX-License-Identifier: MIT
"""gpioctl log: what has happened, as far as the daemon remembers."""

import json

from test_gpioctl import NOT_FOUND, OK, UNREACHABLE, USAGE, Case


class LogTest(Case):
    DAEMON = "log-size = 64K"

    def setUp(self):
        super().setUp()
        self.client = self.connect()

    def toggle(self, line, times):
        self.client.pipeline([("toggle", {"line": line})] * times)
        return self.client.request("ping")["seq"]

    def log(self, *args):
        """The events as objects, and what was said on stderr."""
        status, out, err = self.gpioctl("log", "--json", *args)
        self.assertEqual(OK, status, err)
        return [json.loads(row) for row in out.splitlines()], err

    def test_it_shows_the_newest_events_and_ends(self):
        newest = self.toggle("led", 30)
        rows = self.succeed("log").splitlines()
        self.assertEqual(list(range(newest - 19, newest + 1)), [int(row.split()[1]) for row in rows])
        self.assertRegex(rows[-1], r"\A\S+ +%d  led +output  0  toggle by " % newest)

    def test_last_says_how_many(self):
        newest = self.toggle("led", 200)
        for n in (1, 3, 150):
            events, err = self.log("--last", str(n))
            self.assertEqual((list(range(newest - n + 1, newest + 1)), ""), ([event["seq"] for event in events], err))
        self.assertEqual(USAGE, self.gpioctl("log", "--last", "0")[0])

    def test_the_last_of_a_line_are_those_of_that_line(self):
        self.toggle("led", 5)
        self.toggle("relay", 50)
        self.board.press("IN1", 1)
        self.barrier(self.client)
        for name in ("led", "OUT0", self.board.spelling("OUT0")):
            events, _ = self.log(name, "--last", "3")
            self.assertEqual([("led", "toggle")] * 3, [(event["line"], event["cause"]) for event in events])
        events, _ = self.log("led", "door", "--events", "edge,output")
        self.assertEqual(["led"] * 5 + ["door"], [event["line"] for event in events])
        events, _ = self.log("door", "--events", "edge", "--edge", "falling")
        self.assertEqual([], events)

    def test_since_shows_all_that_came_after(self):
        before = self.client.request("ping")["seq"]
        newest = self.toggle("led", 40)
        events, err = self.log("--since", str(before))
        self.assertEqual((list(range(before + 1, newest + 1)), ""), ([event["seq"] for event in events], err))
        events, _ = self.log("--since", str(before), "--last", "2")
        self.assertEqual([newest - 1, newest], [event["seq"] for event in events])
        self.assertEqual(([], ""), self.log("--since", str(newest)))

    def test_a_since_that_is_yet_to_come_is_said(self):
        newest = self.client.request("ping")["seq"]
        self.assertEqual(([], "gpioctl: the newest event is %d\n" % newest), self.log("--since", str(newest + 5)))

    def test_timers_are_shown_by_name(self):
        for name in ("blink", "other"):
            self.client.request("arm", timer=name, after="1ms")
            self.client.wait_for(event="timer", timer=name)
        self.toggle("led", 1)
        events, _ = self.log("--timers", "blink")
        self.assertEqual(["blink"], [event["timer"] for event in events])
        events, _ = self.log("--last", "3")
        self.assertEqual(["blink", "other", "led"], [event.get("timer", event.get("line")) for event in events])

    def test_a_log_that_does_not_reach_so_far_back_says_so(self):
        newest = self.toggle("led", 2000)
        oldest = self.client.request("hello")["oldest"]
        reach = "gpioctl: the log reaches back to %d; what was before is gone\n" % oldest
        events, err = self.log("--last", "5000")
        self.assertEqual((oldest, newest, reach), (events[0]["seq"], events[-1]["seq"], err))
        events, err = self.log("--since", "5")
        self.assertEqual(("lost", "log", reach), (events[0]["event"], events[0]["reason"], err))
        self.assertEqual((oldest, newest), (events[1]["seq"], events[-1]["seq"]))
        self.assertEqual("", self.log()[1])

    def test_a_log_that_holds_less_but_all_says_nothing(self):
        events, err = self.log("--last", "5000")
        self.assertEqual((1, ""), (events[0]["seq"], err))

    def test_it_takes_no_line(self):
        self.succeed("log", "FREE0")
        self.assertFalse(self.info("FREE0")["held"])
        self.assertEqual([], self.log("FREE0")[0])

    def test_an_unknown_line_is_refused(self):
        self.assertIn("FREE", self.refuse(NOT_FOUND, "log", "FREE9"))

    def test_without_a_daemon_it_ends_with_7(self):
        self.daemon.stop()
        self.assertEqual(UNREACHABLE, self.gpioctl("log")[0])
