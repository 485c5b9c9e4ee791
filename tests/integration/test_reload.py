# SPDX-License-Identifier: MIT
"""Reading the configuration again: what differs is put in force, what is the same is not touched."""

import os
import signal

from board import A
from harness import ABSENT, BUTTONS_AND_LEDS, TestCase, wait_until

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

    def write(self, config, daemon=""):
        """What the next reload reads."""
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
