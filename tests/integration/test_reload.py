# SPDX-License-Identifier: MIT
"""Reading the configuration again: what differs is put in force, what is the same is not touched."""

import os
import signal
import subprocess
import time
import unittest
from random import Random

import board
from harness import ABSENT, BACKEND, BUILD, BUTTONS_AND_LEDS, INSTRUMENTED, PATIENCE, TestCase, only, wait_until

PAIR = """
[line one]
line = FREE0
direction = output
initial = 1
group = pair

[line two]
line = FREE1
direction = output
initial = 0
group = pair
"""


class Reload(TestCase):
    ERRORS_ALLOWED = True  # refusals are errors in the log

    def setUp(self):
        super().setUp()
        self.client = self.connect()
        self.admin = self.connect()

    def read_notifications(self):
        """As a service manager does; when it does not read, a reload waits for it a moment."""
        self.daemon.notify.setblocking(False)
        try:
            while True:
                self.daemon.notified.append(self.daemon.notify.recv(4096).decode())
        except BlockingIOError:
            pass

    def write(self, config, daemon=""):
        """What the next reload reads."""
        self.read_notifications()
        with open(self.daemon.config_path + ".new", "w") as f:
            f.write("[daemon]\n%s\n%s\n%s" % (daemon, self.board.config(), config))
        os.rename(self.daemon.config_path + ".new", self.daemon.config_path)

    def reload(self, config, daemon=""):
        self.write(config, daemon)
        return self.admin.request("reload")

    def refuse(self, config, *problems, daemon=""):
        """The reload is refused with these problems, each (a line of the file or None, a part of the text)."""
        self.write(config, daemon)
        return self.refuse_files(*problems)

    def refuse_files(self, *problems):
        before = self.admin.request("lines")["lines"], self.admin.request("ping")["seq"]
        error = self.admin.refuse("reload", "bad-config")
        self.assertEqual(before, (self.admin.request("lines")["lines"], self.admin.request("ping")["seq"]))
        self.assertEqual(len(problems), len(error["problems"]), error["problems"])
        for wanted, text in zip(problems, error["problems"]):
            self.assertIn(wanted, text)
            self.assertIn(text, self.daemon.stderr())
        return error

    def info(self, line):
        return self.client.request("lines", line=line)["lines"][0]

    def value(self, line):
        return self.client.request("get", line=line)["values"][line]


class Same(Reload):
    def test_the_same_file_changes_nothing_and_is_no_event(self):
        self.client.request("subscribe", lines="*")
        before = self.client.request("lines")["lines"]
        reply = self.reload(BUTTONS_AND_LEDS)
        self.assertEqual({"added": 0, "removed": 0, "changed": 0}, reply["counts"])
        self.client.expect_nothing()
        self.assertEqual(before, self.client.request("lines")["lines"])

    def test_sighup_reloads(self):
        self.client.request("subscribe", lines="button")
        self.write(BUTTONS_AND_LEDS + PAIR)
        self.daemon.signal(signal.SIGHUP)
        event = self.client.expect(event="config")
        self.assertEqual(["one", "two"], sorted(event["added"]))
        self.assertEqual({"added": 2, "removed": 0, "changed": 0}, event["counts"])


class Lines(Reload):
    def test_a_new_line_is_taken(self):
        self.client.request("subscribe", lines="*")
        reply = self.reload(BUTTONS_AND_LEDS + "[line fan]\nline = FREE0\ndirection = output\ninitial = 1\n")
        self.assertEqual(["fan"], reply["added"])
        self.client.expect(event="config", added=["fan"], removed=[], changed=[])
        event = self.client.expect(event="line", line="fan", change="requested", value=1)
        self.assertTrue(event["info"]["configured"])
        self.assertEqual(1, self.board.output_level("FREE0"))
        self.client.expect_nothing()

    def test_a_removed_output_gets_its_on_exit_value_and_is_released(self):
        self.reload(BUTTONS_AND_LEDS + "[line fan]\nline = FREE0\ndirection = output\non-exit = 1\ninitial = 0\n")
        self.client.request("subscribe", lines="*")
        reply = self.reload(BUTTONS_AND_LEDS)
        self.assertEqual(["fan"], reply["removed"])
        self.client.expect(event="config", added=[], removed=["fan"], changed=[])
        self.client.expect(event="output", line="fan", value=1, cause="reload", by=ABSENT)
        self.client.expect(event="line", line="fan", change="released")
        self.client.expect_nothing()
        self.assertFalse(self.info("FREE0")["held"])
        self.client.refuse("get", "unknown-line", line="fan")

    def test_a_removed_line_that_clients_use_lives_on_as_it_is(self):
        self.client.request("subscribe", line="button")
        text = BUTTONS_AND_LEDS.replace("[line button]\nline = IN0\ndirection = input\nbias = pull-up\n", "")
        self.assertNotEqual(text, BUTTONS_AND_LEDS)
        self.reload(text)
        self.client.expect(event="config", removed=["button"])
        event = self.client.expect(event="line", line="IN0", change="reconfigured", value=1)
        self.assertEqual(("pull-up", ABSENT), (event["info"]["bias"], event["info"].get("configured", ABSENT)))
        self.board.press("IN0", 0)
        self.client.expect(event="edge", line="IN0", value=0)
        self.client.request("unsubscribe", line="IN0")
        self.assertFalse(self.info("IN0")["held"])

    def test_a_line_in_use_becomes_configured_and_the_configuration_wins(self):
        self.client.request("request", line="FREE0", direction="output", initial=1, bias="pull-down")
        self.client.request("subscribe", line="FREE0")
        self.reload(BUTTONS_AND_LEDS + "[line fan]\nline = FREE0\ndirection = output\ninitial = 0\nbias = pull-up\n")
        self.client.expect(event="config", added=["fan"])
        event = self.client.expect(event="line", line="fan", change="reconfigured", value=1)
        self.assertEqual("pull-up", event["info"]["bias"])
        self.assertEqual(1, len(event["info"]["users"]))
        self.assertEqual(1, self.board.output_level("FREE0"))

    def test_settings_change_in_place(self):
        self.client.request("subscribe", lines=["button", "led"])
        text = BUTTONS_AND_LEDS.replace("bias = pull-up", "bias = pull-up\ndebounce = 3ms", 1)
        reply = self.reload(text)
        self.assertEqual(["button"], reply["changed"])
        self.client.expect(event="config", changed=["button"])
        event = self.client.expect(event="line", line="button", change="reconfigured")
        self.assertEqual("3ms", event["info"]["debounce"])
        self.client.expect_nothing()

    def test_another_alias_is_told_under_the_new_name_and_subscriptions_stay(self):
        self.client.request("subscribe", line="button")
        self.reload(BUTTONS_AND_LEDS.replace("[line button]", "[line knob]"))
        self.client.expect(event="config", changed=["knob"])
        self.client.expect(event="line", line="knob", change="reconfigured")
        self.board.press("IN0", 0)
        self.client.expect(event="edge", line="knob", value=0, line_seq=1)
        self.client.refuse("get", "unknown-line", line="button")

    def test_another_initial_value_drives_nothing_now(self):
        self.client.request("subscribe", line="led")
        reply = self.reload(BUTTONS_AND_LEDS.replace("line = OUT0\ndirection = output\ninitial = 0",
                                                     "line = OUT0\ndirection = output\ninitial = 1"))
        self.assertEqual(["led"], reply["changed"])
        self.client.expect(event="config", changed=["led"])
        self.client.expect_nothing()
        self.assertEqual(0, self.board.output_level("OUT0"))

    def test_active_low_keeps_the_level_and_turns_the_value(self):
        self.client.request("set", line="led", value=1)
        self.client.request("subscribe", line="led")
        self.reload(BUTTONS_AND_LEDS.replace("line = OUT0\n", "line = OUT0\nactive-low = yes\n"))
        self.client.expect(event="config", changed=["led"])
        self.client.expect(event="line", line="led", change="reconfigured", value=0)
        self.assertEqual(1, self.board.output_level("OUT0"))
        self.assertEqual(0, self.value("led"))

    def test_an_input_that_becomes_an_output_begins_with_its_initial_value(self):
        self.reload(BUTTONS_AND_LEDS.replace("line = IN1\ndirection = input",
                                             "line = IN1\ndirection = output\ninitial = 1"))
        self.assertEqual(1, self.board.output_level("IN1"))
        self.assertEqual(1, self.value("door"))

    def test_a_running_pulse_goes_on(self):
        self.client.request("subscribe", line="led")
        self.client.request("set", line="led", value=1, pulse="300ms")
        self.reload(BUTTONS_AND_LEDS.replace("line = OUT0\n", "line = OUT0\nactive-low = yes\n"))
        self.client.expect(event="output", line="led", value=1)
        self.client.expect(event="config")
        self.client.expect(event="line", line="led", value=0)
        self.client.expect(event="output", line="led", value=1, cause="revert")
        self.assertEqual(0, self.board.output_level("OUT0"))


class Groups(Reload):
    CONFIG = BUTTONS_AND_LEDS + PAIR

    def test_a_line_that_joins_a_group_is_set_with_it_and_levels_stay(self):
        self.client.request("request", line="FREE2", direction="output", initial=1)
        self.client.request("subscribe", lines=["one", "two", "FREE2"])
        trio = PAIR + "[line three]\nline = FREE2\ndirection = output\ninitial = 0\ngroup = pair\n"
        self.reload(BUTTONS_AND_LEDS + trio)
        self.client.expect(event="config", added=["three"])
        told = {event["line"]: (event["change"], event["value"]) for event in self.client.drain()}
        self.assertEqual({"one": ("reconfigured", 1), "two": ("reconfigured", 0), "three": ("reconfigured", 1)}, told)
        self.assertEqual([1, 0, 1], [self.board.output_level("FREE%d" % i) for i in range(3)])

    def test_a_line_that_leaves_a_group_gets_its_on_exit_value_and_the_rest_stays(self):
        self.reload(BUTTONS_AND_LEDS + PAIR.replace("initial = 1", "initial = 1\non-exit = 0"))
        self.client.request("subscribe", lines=["one", "two"])
        self.reload(BUTTONS_AND_LEDS + PAIR[PAIR.index("[line two]"):])
        self.client.expect(event="config", removed=["one"], changed=[])
        self.client.expect(event="output", line="one", value=0, cause="reload")
        self.client.expect(event="line", line="one", change="released")
        self.client.expect(event="line", line="two", change="reconfigured", value=0)
        self.client.expect_nothing()

    def test_a_group_that_is_gone_as_a_whole_is_released_together(self):
        self.client.request("subscribe", lines=["one", "two"])
        self.reload(BUTTONS_AND_LEDS)
        self.client.expect(event="config", removed=["one", "two"])
        self.assertEqual([("one", "released"), ("two", "released")],
                         [(event["line"], event["change"]) for event in self.client.drain()])

    def test_settings_of_a_group_change_in_place(self):
        self.client.request("set", values={"one": 1, "two": 1})
        self.client.request("subscribe", lines=["one", "two"])
        self.reload(BUTTONS_AND_LEDS + PAIR.replace("group = pair", "group = pair\ndrive = open-drain"))
        self.client.expect(event="config", changed=["one", "two"])
        for event in self.client.drain():
            self.assertEqual(("reconfigured", 1, "open-drain"),
                             (event["change"], event["value"], event["info"]["drive"]))

    def test_a_pulse_goes_on_when_the_group_is_made_anew(self):
        self.client.request("subscribe", line="one")
        self.client.request("set", line="one", value=0, pulse="300ms")
        self.reload(BUTTONS_AND_LEDS + PAIR.replace("group = pair", "active-low = yes", 1))
        self.client.expect(event="output", line="one", value=0, cause="set")
        self.client.expect(event="config")
        self.client.expect(event="line", line="one", value=1)
        self.client.expect(event="output", line="one", value=0, cause="revert")
        self.assertEqual(1, self.board.output_level("FREE0"))

    def test_inputs_whose_group_changes_are_told_of_what_nobody_can_know(self):
        inputs = BUTTONS_AND_LEDS.replace("line = IN0", "line = IN0\ngroup = keys")
        self.client.request("subscribe", lines=["button", "door"])
        self.reload(inputs)
        self.client.expect(event="config", changed=["button"])
        self.client.expect_nothing()  # by itself it is in a request of its own, as before
        self.reload(inputs.replace("line = IN1", "line = IN1\ngroup = keys"))
        self.client.expect(event="config", changed=["door"])
        for line in "button", "door":
            self.client.expect(event="line", line=line, change="reconfigured")
            self.client.expect(event="lost", line=line, reason="reload", count=ABSENT)
        self.client.expect_nothing()


class Removed(Reload):
    def test_what_a_client_keeps_and_no_file_names_stays(self):
        self.client.request("request", line="FREE0", direction="output", initial=1, keep=True)
        before = self.info("FREE0")
        self.reload(BUTTONS_AND_LEDS + "[line fan]\nline = FREE1\ndirection = output\n")
        self.reload(BUTTONS_AND_LEDS)
        self.assertEqual(before, self.info("FREE0"))
        self.assertEqual(1, self.board.output_level("FREE0"))

    def test_a_pulse_of_an_output_that_is_given_back_ends_now(self):
        self.client.request("set", line="led", value=1, pulse="1h")
        self.client.request("subscribe", line="led")
        at = BUTTONS_AND_LEDS.index("[line led]")
        self.reload(BUTTONS_AND_LEDS[:at] + BUTTONS_AND_LEDS[BUTTONS_AND_LEDS.index("[line relay]"):])
        self.client.expect(event="config", removed=["led"])
        self.client.expect(event="output", line="led", value=0, cause="revert")
        self.client.expect(event="line", line="led", change="released")

    def test_a_timer_that_sets_it_says_that_it_cannot_any_more(self):
        self.client.request("arm", timer="t", after="300ms", values={"led": 1})
        at = BUTTONS_AND_LEDS.index("[line led]")
        self.reload(BUTTONS_AND_LEDS[:at] + BUTTONS_AND_LEDS[BUTTONS_AND_LEDS.index("[line relay]"):])
        event = self.client.wait_for(event="timer", timer="t")
        self.assertEqual("not-requested", event["error"]["code"])

    def test_a_line_that_is_not_there_ends_with_its_subscriptions(self):
        ghost = "[line ghost]\nline = NOWHERE\n"
        reply = self.reload(BUTTONS_AND_LEDS + ghost)
        self.assertEqual((["ghost"], ["ghost"]), (reply["added"], reply["waiting"]))
        self.client.request("subscribe", line="ghost")
        self.reload(BUTTONS_AND_LEDS + ghost)
        self.client.expect_nothing()
        self.reload(BUTTONS_AND_LEDS + ghost.replace("ghost", "spirit"))
        self.client.expect(event="config", changed=["spirit"])
        self.client.expect(event="line", line="spirit", change="reconfigured", value=None)
        self.reload(BUTTONS_AND_LEDS)
        self.client.expect(event="config", removed=["spirit"])
        self.client.expect(event="line", line="spirit", change="released")
        self.client.refuse("subscribe", "unknown-line", line="spirit")

    def test_nothing_is_left_of_lines_that_are_not_there(self):
        """The struct of one is used again for another, but never what it was subscribed to, armed for or replayed as."""
        self.reload(BUTTONS_AND_LEDS + "[line ghost]\nline = NOWHERE\n")
        self.client.request("request", line="ghost", alias="mine", keep=True)
        self.reload(BUTTONS_AND_LEDS)
        self.reload(BUTTONS_AND_LEDS + "[line other]\nline = ELSEWHERE\n")
        self.client.refuse("lines", "unknown-line", line="ghost")
        self.assertEqual([], self.info("other")["users"])


class Event(Reload):
    def test_it_comes_with_any_subscription_and_not_without(self):
        timers, led, none = self.connect(), self.connect(), self.connect()
        timers.request("subscribe", timers="t")
        led.request("subscribe", line="led", events="output")
        self.reload(BUTTONS_AND_LEDS + PAIR)
        for client in timers, led:
            client.expect(event="config")
            client.expect_nothing()
        none.expect_nothing()

    def test_since_replays_it(self):
        seq = self.client.request("ping")["seq"]
        instance = self.client.request("hello")["instance"]
        self.reload(BUTTONS_AND_LEDS + PAIR)
        late = self.connect()
        reply = late.request("subscribe", line="led", since=seq, instance=instance)
        self.assertEqual(1, reply["replay"])
        late.expect(event="config", seq=seq + 1)

    def test_names_that_do_not_fit_are_left_out_and_the_counts_are_right(self):
        many = "".join("[line %s-%d]\nline = board-a:%d\ndirection = input\n" % ("x" * 40, i, i) for i in range(3, 8))
        many += "".join("[line %s-%d]\nline = board-a:%d\ndirection = input\n" % ("y" * 60, i, i)
                        for i in list(range(11, 28)) + [30, 31])
        self.client.request("subscribe", line="led")
        reply = self.reload(BUTTONS_AND_LEDS + many)
        event = self.client.expect(event="config", truncated=True)
        self.assertEqual({"added": 24, "removed": 0, "changed": 0}, event["counts"])
        self.assertEqual(24, len(reply["added"]))
        self.assertTrue(set(event["added"]) < set(reply["added"]))
        self.assertNotIn("truncated", reply)


class EventGone(Reload):
    DAEMON = "log-size = 64K"

    def test_one_that_the_log_no_longer_has_is_a_loss_for_every_subscriber(self):
        seq = self.client.request("ping")["seq"]
        instance = self.client.request("hello")["instance"]
        self.reload(BUTTONS_AND_LEDS + PAIR, self.DAEMON)
        after = self.client.request("ping")["seq"]
        for _ in range(4):  # so often that the index does not reach back either
            self.client.pipeline([("toggle", {"line": "led"})] * 1000)
        for since, lost in (seq, True), (after, False):
            late = self.connect()
            late.request("subscribe", line="button", since=since, instance=instance)
            if lost:
                late.expect(event="lost", reason="log")
            late.expect_nothing()


class Safety(Reload):
    def test_a_claim_does_what_it_says_of_its_end_when_the_section_goes(self):
        self.client.request("claim", line="led", on_disconnect=1)
        self.client.request("subscribe", line="led")
        at = BUTTONS_AND_LEDS.index("[line led]")
        self.reload(BUTTONS_AND_LEDS[:at] + BUTTONS_AND_LEDS[BUTTONS_AND_LEDS.index("[line relay]"):])
        self.client.expect(event="config", removed=["led"])
        self.client.expect(event="output", line="led", value=1, cause="reload")
        self.client.expect(event="line", line="led", change="unclaimed")
        self.client.expect(event="line", line="led", change="released")

    def test_a_claim_outlasts_its_section_with_the_safe_value_of_it(self):
        claimed = BUTTONS_AND_LEDS + "[line valve]\nline = FREE0\ndirection = output\nsafe = 1\ninitial = 0\n"
        self.reload(claimed)
        holder = self.connect()
        holder.request("request", line="valve", direction="output")
        holder.request("claim", line="valve", on_disconnect="safe")
        self.client.request("subscribe", line="valve")
        self.reload(BUTTONS_AND_LEDS)
        self.client.expect(event="config", removed=["valve"])
        self.client.expect(event="line", line="FREE0", change="reconfigured")
        holder.close()
        self.client.expect(event="output", line="FREE0", value=1, cause="disconnect")

    def test_max_on_counts_on_while_the_group_is_made_anew(self):
        short = PAIR.replace("group = pair", "group = pair\nmax-on = 600ms\nsafe = 0")
        self.reload(BUTTONS_AND_LEDS + short.replace("initial = 1", "initial = 0"))
        self.client.request("subscribe", line="one")
        self.client.request("set", line="one", value=1)
        begin = self.client.expect(event="output", line="one", value=1)["timestamp_ns"]
        time.sleep(0.3)  # of the 600 ms, not waiting for anything
        self.reload(BUTTONS_AND_LEDS + short[:short.index("[line two]")])
        end = self.client.wait_for(event="output", line="one", value=0, cause="max-on")["timestamp_ns"]
        self.assertLess(end - begin, (600 + 200 * PATIENCE) * 1e6)

    def test_an_interlock_holds_at_once(self):
        self.client.request("set", values={"led": 1})
        reply = self.reload(BUTTONS_AND_LEDS + "[interlock one]\nlines = led relay\n")
        self.assertEqual(["[interlock]"], reply["keys"])
        self.client.refuse("set", "conflict", line="relay", value=1)


class DaemonKeys(Reload):
    def test_limits_hold_at_once_and_connections_that_are_there_stay(self):
        more = [self.connect() for _ in range(3)]
        reply = self.reload(BUTTONS_AND_LEDS, "connections = 2\ntimers = 1\nkernel-buffer = 64")
        self.assertEqual([], reply["restart"])
        self.assertLessEqual({"connections", "connections-per-uid", "timers", "timers-per-client", "kernel-buffer"},
                             set(reply["keys"]))
        for client in more:
            client.request("ping")
        refused = self.connect()
        refused.pending.append((None, None))
        self.assertEqual("limit", refused.message()["error"]["code"])
        self.client.request("arm", timer="a", after="1h")
        self.client.refuse("arm", "limit", timer="b", after="1h")
        reply = self.reload(BUTTONS_AND_LEDS)
        self.connect().request("arm", timer="b", after="1h")

    def test_what_needs_a_restart_is_named_each_time_and_the_rest_is_in_force(self):
        for _ in range(2):
            reply = self.reload(BUTTONS_AND_LEDS + PAIR + "[socket more]\npath = /tmp/nowhere\n",
                                "log-size = 64K\nsocket-mode = 0600\ntimers = 7\n")
            self.assertEqual({"log-size", "socket-mode", "[socket]"}, set(reply["restart"]))
        self.assertEqual([], reply["keys"])
        self.assertTrue(self.info("one")["configured"])
        self.assertIn("log-size has changed, which needs a restart", self.daemon.stderr())
        reply = self.reload(BUTTONS_AND_LEDS + PAIR)
        self.assertEqual([], reply["restart"])
        self.assertLessEqual({"timers", "timers-per-client"}, set(reply["keys"]))

    @only("sim", "the chips of the configuration are simulated")
    def test_simulated_chips_need_a_restart(self):
        reply = self.reload(BUTTONS_AND_LEDS + "[chip gpiochip9]\nlines = 4\n")
        self.assertEqual(["[chip]"], reply["restart"])
        self.assertEqual(["[chip]"], self.admin.request("reload")["restart"])
        self.assertEqual(2, len(self.client.request("chips")["chips"]))


class OtherBoard(Reload):
    CONFIG = None

    def setUp(self):
        TestCase.setUp(self)
        self.board.close()
        self.board = board.make(BACKEND, [board.numbered("pinctrl-bcm2711", 58, "GPIO")])
        self.addCleanup(self.board.close)
        self.start("", "board = none")
        self.client, self.admin = self.connect(), self.connect()

    def test_another_board_map_gives_other_names_at_once(self):
        self.client.refuse("get", "unknown-line", line="BOARD16")
        reply = self.reload("[line pin]\nline = J8:16\n", "board = raspberry-pi-40")
        self.assertEqual((["board"], [], []), (reply["keys"], reply["restart"], reply["waiting"]))
        self.assertEqual({"BOARD16": "pin", "GPIO23": "pin"},
                         self.client.request("get", lines=["BOARD16", "GPIO23"])["names"])
        reply = self.reload("[line pin]\nline = J8:16\n", "board = none")
        self.assertEqual((["pin"], ["pin"]), (reply["removed"], reply["added"]))
        self.assertEqual(["pin"], reply["waiting"])
        self.assertFalse(self.info("GPIO23")["held"])


class Access(Reload):
    def test_other_rules_hold_at_once_and_names_are_not_told_to_everybody(self):
        self.client.request("subscribe", line="led")
        rules = "[access all]\nusers = *\nlines = *\nverbs = see watch set\n"
        reply = self.reload(BUTTONS_AND_LEDS + PAIR + rules)
        self.assertEqual(["[access]"], reply["keys"])
        event = self.client.expect(event="config", added=ABSENT, removed=ABSENT, changed=ABSENT)
        self.assertEqual(2, event["counts"]["added"])
        self.assertEqual(["[access]"], self.reload(BUTTONS_AND_LEDS + PAIR)["keys"])

    def as_nobody(self, *arguments):
        os.chmod(self.daemon.directory, 0o755)
        os.chmod(self.daemon.socket_path, 0o666)
        return subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", os.path.join(BUILD, "gpioctl"), "--socket",
                               self.daemon.socket_path] + list(arguments),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_who_has_not_admin_may_not_reload(self):
        done = self.as_nobody("reload")
        self.assertEqual(4, done.returncode, done.stderr)
        self.assertIn("may not have the configuration read again", done.stderr)

    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_other_rules_are_asked_from_then_on(self):
        self.assertEqual(0, self.as_nobody("set", "led=1").returncode)
        self.reload(BUTTONS_AND_LEDS + "[access all]\nusers = *\nlines = led\nverbs = see watch\n")
        self.assertEqual((0, "1\n"), (self.as_nobody("get", "led").returncode, self.as_nobody("get", "led").stdout))
        self.assertEqual(4, self.as_nobody("set", "led=0").returncode)
        self.assertEqual(3, self.as_nobody("get", "relay").returncode)


class Gpioctl(Reload):
    def run_gpioctl(self):
        return subprocess.run([os.path.join(BUILD, "gpioctl"), "--socket", self.daemon.socket_path, "reload"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_gpioctl_reload_says_what_changed(self):
        self.write(BUTTONS_AND_LEDS.replace("[line led]", "[line lamp2]") + PAIR + "[line ghost]\nline = NOWHERE\n",
                   "log-size = 64K")
        done = self.run_gpioctl()
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["  + ghost", "  + one", "  + two", "  ~ lamp2", "lines: 3 added, 0 removed, 1 changed"],
                         sorted(done.stdout.splitlines()))
        self.assertIn("log-size has changed too, which needs a restart", done.stderr)
        self.assertIn("ghost cannot be taken yet", done.stderr)

    def test_gpioctl_reload_ends_with_1_and_lists_each_problem(self):
        self.write(BUTTONS_AND_LEDS + "[line x]\n[line y]\nlin = FREE0\n")
        done = self.run_gpioctl()
        self.assertEqual(1, done.returncode)
        for text in "[line x] line: the key is missing", "[line y] lin: there is no such key", "[line y] line: the key":
            self.assertIn(self.daemon.config_path, done.stderr)
            self.assertIn(text, done.stderr)
        self.assertEqual("", done.stdout)


class Storm(Reload):
    """Reloads of random files, good and bad, while edges flow on lines that all the files describe alike."""

    ROUNDS = 100 if INSTRUMENTED or BACKEND != "sim" else 1000
    DAEMON = "log-size = 64K"  # whose memory is soon all in use
    STEADY = BUTTONS_AND_LEDS[:BUTTONS_AND_LEDS.index("[line bell]")]
    EDGES = 4  # a reload, on each of the steady lines

    def random_line(self, random, number):
        keys = ["line = %s" % random.choice(["FREE%d" % (number % 4), "OUT%d" % (number % 3), "NOWHERE%d" % number,
                                             "board-a:%d" % (20 + number)])]
        if random.random() < 0.5:
            keys += ["direction = output", "initial = %s" % random.choice(["0", "1", "keep"]),
                     "on-exit = %s" % random.choice(["0", "1", "input", "release"])]
        else:
            keys += ["debounce = %s" % random.choice(["0ms", "2ms"]), "bias = %s" % random.choice(["as-is", "pull-up"])]
        if random.random() < 0.3:
            keys.append("active-low = yes")
        if random.random() < 0.4:
            keys.append("group = %s" % random.choice("ab"))
        return "[line %s%d]\n%s\n" % (random.choice(["x", "y"]), number, "\n".join(keys))

    def random_file(self, random):
        rows = [self.random_line(random, number) for number in random.sample(range(8), random.randrange(8))]
        if random.random() < 0.2:
            rows.append(random.choice(["[line z]\n", "nonsense\n", "[line z]\nline = DUP\n", "[line z]\nline = IN0\n",
                                       "[line z]\nline = FREE0\nedges = both\ndirection = output\n"]))
        return self.STEADY + "".join(rows)

    def test_no_edge_is_missed_on_lines_that_stay_the_same_while_the_files_change(self):
        random = Random(int(os.environ.get("GPIOEVENTD_TEST_SEED", "1")))
        self.client.request("subscribe", lines=["button", "door"])
        self.client.request("request", line="FREE0", direction="any", keep=True)
        level, kinds, events = {"IN0": 1, "IN1": 0}, {"good": 0, "bad": 0}, []
        for number in range(self.ROUNDS):
            self.write(self.random_file(random), random.choice(["", "timers = 7", "log-size = 128K"]))
            self.admin.send("reload")
            for _ in range(self.EDGES):
                for line in level:
                    level[line] ^= 1
                    self.board.press(line, level[line])
            kinds["good" if self.admin.reply()["ok"] else "bad"] += 1
            self.barrier(self.client)
            events += self.client.drain()
            if number == self.ROUNDS // 2:
                memory, fds = self.daemon.rss(), self.daemon.n_fds()
        self.assertGreater(min(kinds.values()), self.ROUNDS // 10, kinds)
        self.check_edges([event for event in events if event["event"] != "config"])
        self.write(self.STEADY)
        self.admin.request("reload")
        self.assertLess(self.daemon.rss(), memory + (256 << 10))
        self.assertLessEqual(self.daemon.n_fds(), fds + 8)

    def check_edges(self, events):
        wanted = self.ROUNDS * self.EDGES
        for line, value in ("button", 1), ("door", 0):
            edges = [event for event in events if event["line"] == line]
            self.assertEqual({"edge"}, {event["event"] for event in edges})
            self.assertEqual(list(range(1, wanted + 1)), [event["line_seq"] for event in edges])
            self.assertEqual([(value + i + 1) % 2 for i in range(wanted)], [event["value"] for event in edges])


class Large(Reload):
    CONFIG = None
    LINES = 1024

    def setUp(self):
        TestCase.setUp(self)
        self.board.close()
        self.board = board.make(BACKEND, [board.numbered("big", self.LINES, "L")])
        self.addCleanup(self.board.close)
        self.start(self.lines("0ms"))
        self.client, self.admin = self.connect(), self.connect()

    def lines(self, debounce, aliases="line"):
        return "".join("[line %s-%d]\nline = L%d\ndebounce = %s\n" % (aliases, i, i, debounce)
                       for i in range(self.LINES))

    @only("sim", "so many lines of the kernel take long to make")
    def test_1024_lines_are_reloaded_in_a_moment(self):
        """What nobody waits for: while the files are read and compared, edges and clients wait."""
        for debounce, aliases, changed in (("0ms", "line", 0), ("5ms", "line", 1024), ("5ms", "name", 1024)):
            self.write(self.lines(debounce, aliases))
            begin = time.monotonic()
            reply = self.admin.request("reload")
            seconds = time.monotonic() - begin
            self.assertEqual(changed, reply["counts"]["changed"])
            self.assertLess(seconds, 0.5 * PATIENCE)
            if os.environ.get("GPIOEVENTD_TEST_SHOW"):
                print("%d of 1024 lines changed: %.1f ms" % (changed, seconds * 1000))


class BadFiles(Reload):
    def test_every_problem_is_listed_with_file_and_line_and_nothing_changes(self):
        self.client.request("subscribe", lines="*")
        text = BUTTONS_AND_LEDS.replace("initial = 0", "initial = 1\nbiass = up", 1) + """
[line twice]
line = FREE0
direction = output
edges = both
debounce = 5ms

[lime x]

[line again]
line = FREE0
"""
        path = self.daemon.config_path
        error = self.refuse(text, '[line led] biass: there is no such key', "[line twice] edges", "[line twice] debounce",
                            "[lime x]: there is no such section", "[line again] line: FREE0 is taken by")
        for problem in error["problems"]:
            self.assertRegex(problem, r"^%s:\d+: \[" % path)
        self.client.expect_nothing()

    def test_what_only_the_running_daemon_knows_is_listed_too(self):
        self.refuse("""
[line a]
line = FREE0
[line b]
line = board-a:16
[line c]
line = DUP
[line d]
line = board-a:20
group = g
[line e]
line = board-b:1
group = g
""", "[line b] line: board-a:16 is %s, which is taken by [line a]" % self.board.spelling("FREE0"),
                    "[line c] line: 3 lines are called \"DUP\"",
                    "[line e] group: [line d] of the same group is on another chip")

    def test_files_that_cannot_be_read_are_refused_at_once(self):
        path = self.daemon.config_path
        folder = path + ".d"
        drop_in = os.path.join(folder, "a.conf")

        def put(make):
            for name in (drop_in, path):
                if os.path.isdir(name) and not os.path.islink(name):
                    os.rmdir(name)
                elif os.path.lexists(name):
                    os.unlink(name)
            if os.path.isdir(folder):
                os.rmdir(folder)
            make()

        def big():
            with open(path, "w") as f:
                f.write("# padding\n" * (1 << 20))

        def garbage():
            with open(path, "wb") as f:
                f.write(bytes(range(256)))

        for make, text in ((lambda: None, "No such file"), (lambda: os.mkdir(path), "Is a directory"),
                           (lambda: os.mkfifo(path), "a pipe"), (lambda: os.symlink(path, path), "Too many levels"),
                           (big, "too large"), (garbage, "not text")):
            with self.subTest(text):
                put(make)
                self.refuse_files(text)
        put(lambda: self.write(BUTTONS_AND_LEDS))
        os.mkdir(folder)
        os.mkfifo(drop_in)
        self.refuse_files("a pipe")
        os.unlink(drop_in)
        self.assertFalse(self.admin.request("reload")["counts"]["removed"])

    def test_an_empty_file_takes_everything_back_but_what_is_in_use(self):
        self.client.request("subscribe", line="button")
        with open(self.daemon.config_path, "w"):
            pass
        reply = self.admin.request("reload")
        self.assertEqual(6, reply["counts"]["removed"])
        self.assertEqual(["IN0"], [line["line"] for line in self.client.request("lines")["lines"] if line["held"]])

    def test_a_folder_of_drop_ins_that_appears_counts(self):
        folder = self.daemon.config_path + ".d"
        os.mkdir(folder)
        with open(os.path.join(folder, "fan.conf"), "w") as f:
            f.write("[line fan]\nline = FREE0\n")
        self.assertEqual(["fan"], self.admin.request("reload")["added"])

    def test_so_many_problems_that_they_do_not_fit_are_counted(self):
        rows = "".join("[line %s%d]\nline = FREE0\nnonsense-%s = 1\n" % ("n" * 50, i, "k" * 60) for i in range(400))
        self.write(BUTTONS_AND_LEDS + rows)
        error = self.admin.refuse("reload", "bad-config")
        self.assertEqual(799, len(error["problems"]) + error["more_problems"])
        self.assertGreater(len(error["problems"]), 100)

    def test_the_status_tells_of_a_refusal_until_the_next_reload(self):
        self.refuse("[line x]\n", "[line x] line: the key is missing")
        self.daemon.wait_notify("RELOADING=1")
        wait_until(lambda: self.status_has("reload refused, 1 problem"), "the refusal is in the status")

    def status_has(self, text):
        self.read_notifications()
        return any(text in status for status in self.daemon.notified)


class Refused(Reload):
    """Hardware that refuses in the middle: a fed line cannot be an output."""

    CONFIG = None

    @only("sim", "only fed lines refuse")
    def test_a_refusal_part_way_puts_everything_back(self):
        feed, self.feeder = os.pipe()
        self.addCleanup(os.close, feed)
        self.addCleanup(os.close, self.feeder)
        self.start(BUTTONS_AND_LEDS + PAIR, args=["--sim-feed", "FREE3=%d" % feed], pass_fds=[feed])
        self.client, self.admin = self.connect(), self.connect()
        self.client.request("request", line="FREE2", direction="output", initial=1)
        self.client.request("set", line="lamp", value=1, pulse="400ms")
        self.client.request("set", line="one", value=0, pulse="400ms")
        before = self.client.request("lines")["lines"]
        levels = [self.board.output_level(line) for line in ("OUT0", "OUT1", "OUT2", "FREE0", "FREE1", "FREE2")]
        self.client.request("subscribe", lines="*")
        changed = BUTTONS_AND_LEDS.replace("active-low = yes", "active-low = no").replace(
            "line = OUT1\ndirection = output\ninitial = 0", "line = OUT1\ndirection = input")
        trio = PAIR.replace("active-low", "") + "[line three]\nline = FREE2\ndirection = output\ngroup = pair\n"
        new = "[line new]\nline = board-a:20\ndirection = output\ninitial = 1\n"
        for bad in ("[line bad]\nline = FREE3\ndirection = output\n",
                    "[line bad]\nline = FREE3\ngroup = fed\n[line worse]\nline = board-a:21\ngroup = fed\n"):
            with self.subTest(bad):
                self.refuse(changed + trio + new + bad, "[line bad]: FREE3 cannot be taken")
                self.refuse(changed + new + trio + bad, "[line bad]: FREE3 cannot be taken")
        self.client.expect_nothing()
        self.assertEqual(before, self.client.request("lines")["lines"])
        self.assertEqual(levels, [self.board.output_level(line)
                                  for line in ("OUT0", "OUT1", "OUT2", "FREE0", "FREE1", "FREE2")])
        reverts = {}
        while len(reverts) < 2:
            event = self.client.expect(event="output", cause="revert")
            reverts[event["line"]] = event["value"]
        self.assertEqual({"lamp": 0, "one": 1}, reverts)

    def setUp(self):
        TestCase.setUp(self)
