# SPDX-License-Identifier: MIT
"""What the Tab key does: gpioctl's own answers, and the three shells that ask for them."""

import os
import re
import shutil
import time
import unittest

import shells
from harness import BACKEND, PATIENCE, TestCase
from test_gpioctl import CLOSE, OK, Scripted, commands, gpioctl

# What usage lines and options call that which only the user knows.
FREE = {"TIME", "N", "SEQ", "ID", "TEXT", "REQUEST", "WORD"}

BOARD = """
[chip odd]
lines = 2
names = 0=cost$HOME

[chip many]
label = other
lines = 2

[line button]
line = IN0

[line led]
line = OUT0
direction = output
initial = 0

[line lamp]
line = OUT1
direction = output
initial = 0
"""


def complete(*words, socket_path="/nonexistent/socket", **settings):
    """What `gpioctl complete` offers, without the explanations."""
    status, out, err = gpioctl("complete", "--", *words, socket_path=socket_path, **settings)
    if (status, err) != (OK, ""):
        raise AssertionError("gpioctl complete -- %s: %d %s" % (" ".join(words), status, err))
    return [row.split("\t")[0] for row in out.splitlines()]


@unittest.skipUnless(BACKEND == "sim" and PATIENCE == 1, "completion knows no backend, and waits a second of real time")
class Case(TestCase):
    CONFIG = BOARD

    def complete(self, *words):
        return complete(*words, socket_path=self.daemon.socket_path)


class TablesTest(unittest.TestCase):
    def test_every_command_of_the_help_is_offered(self):
        offered = set(complete(""))
        self.assertEqual(offered, {command.split()[0] for command in commands()})
        for command in commands():
            if " " in command:
                first, second = command.split()
                self.assertIn(second, complete(first, ""))

    def test_every_option_of_a_commands_help_is_offered_and_no_other(self):
        everywhere = set(re.findall(r"^  (--[a-z-]+)", gpioctl("help")[1], re.M))
        for command in commands():
            with self.subTest(command):
                text = gpioctl("help", command.split()[0])[1]
                usage = [part for part in text.split("usage: ") if part.startswith("gpioctl %s " % command)][0]
                own = set(re.findall(r"^  (--[a-z-]+)", usage, re.M))
                self.assertEqual(set(complete(*command.split(), "--")), everywhere | own)

    def test_an_option_offers_its_words_alone_or_behind_its_equals_sign(self):
        self.assertEqual(complete("wait", "button", "--edge", ""), ["none", "rising", "falling", "both"])
        self.assertEqual(complete("wait", "--bias=p"),
                         ["--bias=" + word for word in ("as-is", "disabled", "pull-up", "pull-down")])

    def test_a_list_goes_on_behind_its_last_comma(self):
        self.assertEqual(complete("monitor", "--events", "edge,o"), ["edge,edge", "edge,output", "edge,line"])

    def test_an_options_value_is_no_argument(self):
        self.assertIn("--wait", complete("timer", "--tag", "wait", "arm", "--"))

    def test_behind_two_dashes_an_option_is_a_word(self):
        self.assertEqual(complete("ping", "--", "--"), [])

    def test_a_command_without_arguments_offers_its_options_at_once(self):
        self.assertIn("--timeout", complete("ping", ""))

    def test_files_are_left_to_the_shell(self):
        for words in (("doctor", "--config", ""), ("get", "--socket", "/r"), ("claim", "led", "--", "")):
            self.assertEqual(gpioctl("complete", "--", *words), (OK, "\tfiles\n", ""))


class LiveTest(Case):
    def test_every_placeholder_of_the_help_is_offered_or_known_as_the_users_own(self):
        # A new one is either a source of candidates in complete.c, or one more of FREE.
        self.daemon.connect().request("arm", timer="off", after="60s", keep=True)
        for command in commands():
            text = gpioctl("help", command.split()[0])[1]
            usage = [part for part in text.split("usage: ") if part.startswith("gpioctl %s " % command)][0]
            words = usage.splitlines()[0].split("[OPTION]...")[1].split()
            options = re.findall(r"^  (--[a-z-]+) ([^ ]+)  ", usage, re.M)
            for n, word in enumerate(words):
                if word.startswith(("-", "[-")):
                    break
                with self.subTest("%s: argument %s" % (command, word)):
                    known = word.strip("[].,") in FREE
                    self.assertTrue(known or self.complete(*command.split(), *["x"] * n, ""))
            for name, word in options:
                with self.subTest("%s %s %s" % (command, name, word)):
                    known = word.strip("[].,") in FREE
                    self.assertTrue(known or self.complete(*command.split(), name, ""))

    def test_lines_have_their_canonical_names(self):
        offered = self.complete("get", "")
        with self.daemon.connect() as client:
            names = [line["line"] for line in client.request("lines")["lines"]]
        self.assertEqual(offered, names)
        self.assertTrue({"button", "led", "lamp", "odd:1"} <= set(names))

    def test_the_kernels_name_of_a_named_line_is_offered_to_who_begins_to_write_it(self):
        self.assertNotIn("IN0", self.complete("get", ""))
        self.assertIn("IN0", self.complete("get", "I"))

    def test_set_offers_what_can_be_set_and_then_its_values(self):
        offered = self.complete("set", "")
        self.assertIn("led=", offered)
        self.assertNotIn("button=", offered)
        self.assertEqual(self.complete("set", "led="), ["led=0", "led=1"])
        self.assertEqual(self.complete("timer", "arm", "t", "--set", "led=1,lamp="), ["led=1,lamp=0", "led=1,lamp=1"])

    def test_timers_that_are_armed(self):
        self.assertEqual(self.complete("timer", "disarm", ""), [])
        self.daemon.connect().request("arm", timer="off", after="60s", keep=True)
        self.assertEqual(self.complete("timer", "disarm", ""), ["off"])
        self.assertEqual(self.complete("monitor", "--timers", ""), ["off"])

    def test_chips(self):
        self.assertTrue({"odd", "many"} <= set(self.complete("simulate", "--chip", "")))

    def test_repeated_arguments_and_what_follows_them(self):
        offered = self.complete("simulate", "button", "")
        self.assertTrue({"led", "0", "1"} <= set(offered))
        self.assertNotIn("0", self.complete("simulate", ""))

    def test_the_daemon_is_the_one_that_the_command_line_names(self):
        path = self.daemon.socket_path
        for words in (("--socket", path, "get", ""), ("get", "--socket=" + path, "")):
            self.assertIn("led", complete(*words))

    def test_without_a_daemon_there_are_no_names_and_no_complaints(self):
        self.assertEqual(complete("get", ""), [])
        self.assertEqual(complete("timer", "disarm", ""), [])
        self.assertEqual(complete("set", "led="), ["led=0", "led=1"])

    def test_a_daemon_that_does_not_answer_is_waited_for_a_second(self):
        with self.daemon.frozen():
            begin = time.monotonic()
            self.assertEqual(self.complete("get", ""), [])
            seconds = time.monotonic() - begin
        self.assertGreater(seconds, 0.9)
        self.assertLess(seconds, 1 + PATIENCE)

    def test_a_daemon_that_refuses_or_leaves_is_not_complained_of(self):
        refusal = {"ok": False, "error": {"code": "denied", "class": "denied", "message": "no"}}
        for reply in (refusal, [CLOSE]):
            daemon = Scripted(self, lines=reply)
            self.assertEqual(complete("get", "", socket_path=daemon.path), [])

    def test_names_that_came_before_the_daemon_stood_still_are_kept(self):
        page = {"lines": [{"line": "led", "chip": "c", "offset": 1}], "next": "led"}
        daemon = Scripted(self, lines=lambda request: [] if "after" in request else page)
        self.assertEqual(complete("get", "", socket_path=daemon.path), ["led"])


class ShellTest:
    """What each of the shells does. The table of gpioctl is not repeated: one of each kind."""

    QUOTED = r"cost\$HOME"

    def setUp(self):
        if not shutil.which(self.SHELL.COMMAND[0]):
            self.skipTest(self.SHELL.COMMAND[0] + " is not installed")
        super().setUp()

    def shell(self, socket_path=None, **settings):
        shell = self.SHELL(socket_path or self.daemon.socket_path, **settings)
        self.addCleanup(shell.close)
        return shell

    def test_commands_and_options(self):
        shell = self.shell()
        self.assertEqual(shell.complete("gpioctl moni"), "gpioctl monitor ")
        self.assertEqual(shell.offered("gpioctl timer "), {"arm", "disarm", "list"})
        self.assertEqual(shell.offered("gpioctl list --h"), {"--held", "--help"})

    def test_words_of_an_option(self):
        shell = self.shell()
        self.assertEqual(shell.offered("gpioctl wait button --edge "), {"none", "rising", "falling", "both"})
        self.assertEqual(shell.complete("gpioctl wait --edge=fa"), "gpioctl wait --edge=falling ")
        self.assertEqual(shell.complete("gpioctl monitor --events edge,ou"), "gpioctl monitor --events edge,output ")

    def test_names_of_lines_come_from_the_daemon(self):
        self.assertEqual(self.shell().offered("gpioctl get l"), {"led", "lamp"})

    def test_a_name_with_a_colon(self):
        shell = self.shell()
        self.assertEqual(shell.complete("gpioctl get odd"), "gpioctl get odd:1 ")
        self.assertEqual(shell.complete("gpioctl get many:"), "gpioctl get many:")
        self.assertEqual(shell.complete("gpioctl get odd:"), "gpioctl get odd:1 ")

    def test_a_name_that_means_something_to_the_shell_is_quoted(self):
        self.assertEqual(self.shell().complete("gpioctl get cos"), "gpioctl get %s " % self.QUOTED)

    def test_a_value_follows_the_name_and_its_equals_sign(self):
        shell = self.shell()
        self.assertEqual(shell.complete("gpioctl set led=1 lam"), "gpioctl set led=1 lamp=")
        self.assertEqual(shell.complete("gpioctl timer arm t --set led=1,lam"), "gpioctl timer arm t --set led=1,lamp=")
        self.assertEqual(shell.complete("gpioctl set odd:1="), "gpioctl set odd:1=")

    def test_names_of_files(self):
        shell = self.shell()
        with open(os.path.join(shell.directory, "mine.conf"), "w"):
            pass
        self.assertEqual(shell.complete("gpioctl doctor --config min"), "gpioctl doctor --config mine.conf ")
        self.assertEqual(shell.complete("gpioctl doctor --config=min"), "gpioctl doctor --config=mine.conf ")
        self.assertEqual(shell.complete("gpioctl get min"), "gpioctl get min")

    def test_without_a_daemon_the_line_stays_as_it_is(self):
        self.assertEqual(self.shell("/nonexistent/socket").complete("gpioctl get le"), "gpioctl get le")

    def test_without_gpioctl_the_line_stays_as_it_is(self):
        self.assertEqual(self.shell(programs="/nonexistent").complete("gpioctl get le"), "gpioctl get le")


class BashTest(ShellTest, Case):
    SHELL = shells.Bash

    def test_a_word_in_quotes(self):
        self.assertEqual(self.shell().complete("gpioctl get \"lam"), "gpioctl get \"lamp\" ")


class ZshTest(ShellTest, Case):
    SHELL = shells.Zsh


class FishTest(ShellTest, Case):
    SHELL = shells.Fish
    QUOTED = "cost$HOME"  # fish tells the name, and quotes it when it puts it into the line
