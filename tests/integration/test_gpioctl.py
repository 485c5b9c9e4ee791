# SPDX-License-Identifier: MIT
"""gpioctl as people and shells use it: statuses, output, and what it says when something is wrong.

Most tests run it against the real daemon. Scripted stands for a daemon that says what a real one
seldom does: losses, pages, names with control characters, and silence.
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from grp import getgrnam

from harness import BUILD, ROOT, TIMEOUT, Failure, TestCase, only, wait_until

GPIOCTL = os.path.join(BUILD, "gpioctl")
OK, FAILED, USAGE, NOT_FOUND, DENIED, BUSY, TIMED_OUT, UNREACHABLE, LOST = range(9)


def gpioctl(*args, socket_path="/nonexistent/socket", **settings):
    """Runs gpioctl to its end; returns status, stdout, stderr."""
    environment = dict(os.environ, GPIOEVENTD_SOCKET=socket_path, **settings.pop("env", {}))
    done = subprocess.run([GPIOCTL] + list(args), env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          timeout=TIMEOUT, **settings)
    return done.returncode, done.stdout, done.stderr


class Running:
    """gpioctl that has not ended yet."""

    def __init__(self, test, *args, socket_path=None):
        path = socket_path or test.daemon.socket_path
        self.process = subprocess.Popen([GPIOCTL] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True,
                                        env=dict(os.environ, GPIOEVENTD_SOCKET=path))
        test.addCleanup(self.kill)

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        try:
            out, err = self.process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Failure("gpioctl did not end")
        return self.process.returncode, out, err

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Case(TestCase):
    def gpioctl(self, *args, **settings):
        return gpioctl(*args, socket_path=self.daemon.socket_path, **settings)

    def succeed(self, *args):
        """Runs gpioctl, which has to succeed without complaint; returns what it printed."""
        status, out, err = self.gpioctl(*args)
        self.assertEqual((status, err), (OK, ""), "gpioctl " + " ".join(args))
        return out

    def refuse(self, status, *args):
        """Runs gpioctl, which has to end with this status; returns what it complained of."""
        got, out, err = self.gpioctl(*args)
        self.assertEqual(got, status, "gpioctl %s: %s%s" % (" ".join(args), out, err))
        self.assertRegex(err, r"\Agpioctl: .+\n\Z")
        return err

    def info(self, line):
        with self.daemon.connect() as client:
            return client.request("lines", line=line)["lines"][0]

    def run_until_taken(self, line, *args):
        """Starts a gpioctl that takes a free line, and returns when it has."""
        watcher = self.connect()
        watcher.request("subscribe", lines="*", events="line")
        running = Running(self, *args)
        watcher.wait_for(event="line", line=line, change="requested")
        return running


class WaitTest(Case):
    CONFIG = ""

    def test_the_edge_ends_it_with_0_and_is_printed(self):
        self.board.press("FREE0", 1)
        running = self.run_until_taken("FREE0", "wait", "FREE0", "--edge", "falling", "--bias", "pull-up",
                                       "--timeout", "60s")
        self.board.press("FREE0", 0)
        status, out, err = running.end()
        self.assertEqual((status, err), (OK, ""))
        self.assertRegex(out, r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} +\d+ +FREE0 +falling +0\n\Z")

    def test_the_other_edge_does_not_end_it(self):
        self.board.press("FREE0", 1)
        running = self.run_until_taken("FREE0", "wait", "FREE0", "--edge", "rising", "--json")
        self.board.press("FREE0", 0)
        self.board.press("FREE0", 1)
        status, out, _ = running.end()
        self.assertEqual(status, OK)
        self.assertEqual([json.loads(row)["edge"] for row in out.splitlines()], ["rising"])

    def test_a_time_out_ends_it_with_6_and_frees_the_line(self):
        err = self.refuse(TIMED_OUT, "wait", "FREE0", "--timeout", "10ms")
        self.assertIn("10ms", err)
        wait_until(lambda: not self.info("FREE0")["held"], "the line is free again")

    def test_a_level_that_is_there_ends_it_at_once(self):
        self.board.press("FREE0", 1)
        self.succeed("wait", "FREE0", "--level", "1")

    def test_a_level_that_comes_ends_it(self):
        self.board.press("FREE0", 1)
        running = self.run_until_taken("FREE0", "wait", "--level=0", "FREE0")
        self.board.press("FREE0", 0)
        self.assertEqual(running.end()[0], OK)

    def test_a_count_of_edges(self):
        self.board.press("FREE0", 1)
        running = self.run_until_taken("FREE0", "wait", "FREE0", "--edge", "falling", "--count", "3")
        self.board.pulse("FREE0", 3)
        status, out, _ = running.end()
        self.assertEqual((status, out.count("falling")), (OK, 3))

    def test_ctrl_c_ends_it_with_130_and_frees_the_line(self):
        running = self.run_until_taken("FREE0", "wait", "FREE0")
        running.process.send_signal(signal.SIGINT)
        self.assertEqual(running.end(), (130, "", ""))
        wait_until(lambda: not self.info("FREE0")["held"], "the line is free again")

    def test_the_daemons_end_ends_it_with_7(self):
        running = self.run_until_taken("FREE0", "wait", "FREE0")
        self.board.detach()
        self.daemon.stop()
        self.assertEqual(running.end()[0], UNREACHABLE)
        self.daemons.clear()


class ActiveLowTest(Case):
    CONFIG = "[line bell]\nline = IN0\nactive-low = yes\n"

    def watch(self, *args):
        return self.gpioctl(*args, "--timeout", "1ms")[2]

    def test_the_pins_name_for_an_active_low_alias_gets_a_note(self):
        note = "gpioctl: IN0 is bell, active-low: falling means that the pin goes high\n"
        self.assertIn(note, self.watch("wait", "IN0", "--edge", "falling"))
        self.assertIn(note, self.watch("monitor", "IN0"))
        self.assertIn("rising means that the pin goes low", self.watch("wait", "IN0", "--edge", "rising"))

    def test_the_alias_and_programs_get_none(self):
        self.assertNotIn("active-low", self.watch("wait", "bell"))
        self.assertNotIn("active-low", self.watch("monitor", "IN0", "--json"))
        self.assertNotIn("active-low", self.watch("wait", "IN1"))


class AbsentTest(Case):
    CONFIG = "[line ghost]\nline = GPIO99\ndirection = output\n"

    def test_a_line_that_is_not_there_is_listed_by_what_is_wanted_and_why(self):
        row = self.succeed("list", "ghost").splitlines()[1]
        self.assertRegex(row, r"^ghost +GPIO99\? .* unavailable: ")

    def test_set_of_it_says_why_and_takes_nothing(self):
        self.assertIn("not available now: no line", self.refuse(FAILED, "set", "FREE0=1", "ghost=1"))
        self.assertFalse(self.info("FREE0")["held"])


class ValueTest(Case):
    def test_get_prints_one_value_alone_and_several_with_their_names(self):
        self.board.press("IN1", 0)
        with self.daemon.connect() as client:
            self.wait_value(client, "door", 0)
        self.assertEqual(self.succeed("get", "led"), "0\n")
        self.assertEqual(self.succeed("get", "door", "led"), "door=0\nled=0\n")

    def test_get_json_is_the_daemons_reply(self):
        reply = json.loads(self.succeed("--json", "get", "led"))
        self.assertEqual((reply["ok"], reply["values"]), (True, {"led": 0}))

    def test_an_unknown_line_ends_with_3_and_names_the_nearest(self):
        self.assertIn('"led"', self.refuse(NOT_FOUND, "get", "lef"))

    def test_a_refusal_with_json_is_the_daemons_reply_and_a_complaint(self):
        status, out, err = self.gpioctl("get", "lef", "--json")
        self.assertEqual((status, json.loads(out)["error"]["code"]), (NOT_FOUND, "unknown-line"))
        self.assertTrue(err.startswith("gpioctl: "))

    def test_an_unknown_name_with_nothing_near_points_to_list(self):
        err = self.refuse(NOT_FOUND, "get", "something-else")
        self.assertTrue(err.endswith('; "gpioctl list" shows all\n'), err)

    def test_a_bare_number_and_a_comma_are_explained(self):
        self.assertIn("GPIO77, BCM77 or BOARD77", self.gpioctl("get", "77")[2])
        self.assertIn("with spaces", self.gpioctl("get", "led,button,relay")[2])

    def test_a_request_that_is_refused_is_told_in_words_of_the_command_line(self):
        self.assertRegex(self.refuse(USAGE, "pulse", "led", "--for", "9999d"), "--for must be")
        self.assertRegex(self.refuse(USAGE, "get", ""), "a line's name must have")
        err = self.refuse(USAGE, "pulse", "button", "--for", "1s")
        self.assertIn('button is an input; "gpioctl info button" tells', err)

    def test_raw_is_told_in_the_protocols_words(self):
        err = self.gpioctl("raw", '{"op":"set","line":"FREE0","value":1}')[2]
        self.assertIn('{"op":"request"', err)

    def test_set_says_that_the_configuration_makes_a_line_an_input(self):
        self.assertIn("an input in the daemon's configuration", self.refuse(USAGE, "set", "button=1"))

    def test_set_of_what_cannot_be_set_prints_the_daemons_refusal_with_json(self):
        status, out, _ = self.gpioctl("set", "FREE0=1", "button=1", "--json")
        self.assertEqual((USAGE, "wrong-direction"), (status, json.loads(out)["error"]["code"]))
        self.assertFalse(self.info("FREE0")["held"])

    def test_set_of_a_free_line_is_no_error_in_the_counters(self):
        self.succeed("set", "FREE0=1")
        self.assertEqual(json.loads(self.succeed("stats", "--json"))["counters"]["errors"], 0)

    def test_set_prints_a_refusal_or_its_own_reply_with_json(self):
        self.assertIn("changed", json.loads(self.succeed("set", "FREE0=1", "--json")))
        status, out, _ = self.gpioctl("set", "nothing=1", "--json")
        self.assertEqual((status, json.loads(out)["error"]["code"]), (NOT_FOUND, "unknown-line"))

    def test_every_word_for_a_value_is_taken(self):
        for word, value in [("true", 1), ("no", 0), ("on", 1), ("off", 0), ("yes", 1), ("false", 0)]:
            self.succeed("set", "led=" + word)
            self.assertEqual(self.succeed("get", "led"), "%d\n" % value)

    def test_release_of_what_cannot_be_released_says_so(self):
        status, _, err = self.gpioctl("release", "led", "FREE1")
        self.assertEqual(status, OK)
        self.assertEqual(err, "gpioctl: led is the configuration's, so it stays taken\n"
                              "gpioctl: FREE1 is free; nothing to release\n")

    def test_a_pulse_that_changes_nothing_says_so(self):
        self.succeed("set", "led=1", "relay=0")
        status, _, err = self.gpioctl("pulse", "led", "relay", "--for", "1s")
        self.assertEqual((status, err), (OK, "gpioctl: led is 1 already, so nothing changed\n"))

    def test_set_sets_several_lines_and_is_silent(self):
        self.assertEqual(self.succeed("set", "led=1", "relay=on"), "")
        self.assertEqual(self.succeed("get", "led", "relay"), "led=1\nrelay=1\n")

    def test_set_takes_a_free_line_and_leaves_it_driven(self):
        self.assertEqual(self.succeed("set", "FREE0=1"), "")
        self.assertEqual(self.board.output_level("FREE0"), 1)
        self.assertEqual(self.info("FREE0")["direction"], "output")
        self.succeed("release", "FREE0")
        self.assertFalse(self.info("FREE0")["held"])

    def test_set_of_free_and_held_lines_sets_them_all(self):
        self.succeed("set", "led=1", "FREE0=0", "FREE1=1")
        self.assertEqual(self.succeed("get", "led", "FREE0", "FREE1"), "led=1\nFREE0=0\nFREE1=1\n")

    def test_set_that_is_refused_takes_no_line(self):
        self.assertIn("input", self.refuse(USAGE, "set", "FREE0=1", "button=1"))
        self.refuse(NOT_FOUND, "set", "FREE0=1", "nothing=1")
        self.assertFalse(self.info("FREE0")["held"])

    def test_toggle_prints_the_new_value(self):
        self.assertEqual(self.succeed("toggle", "led"), "1\n")
        self.assertEqual(self.succeed("toggle", "led"), "0\n")

    def test_toggle_of_a_free_line_says_what_to_do(self):
        for args in (["toggle", "FREE0"], ["pulse", "FREE0", "--for", "1s"],
                     ["timer", "arm", "t", "--after", "1h", "--set", "FREE0=1"]):
            with self.subTest(args[0]):
                err = self.refuse(USAGE, *args)
                self.assertIn('FREE0 is free; "gpioctl set FREE0=0" takes it', err)
                self.assertNotIn('"op"', err)

    def test_a_pulse_reverts_when_gpioctl_is_gone(self):
        watcher = self.connect()
        watcher.request("subscribe", line="led", events="output")
        self.assertEqual(self.succeed("pulse", "led", "--for", "20ms"), "")
        by = watcher.expect(event="output", line="led", value=1)["by"]
        self.assertEqual(by["client"], "gpioctl")
        watcher.expect(event="output", line="led", value=0, cause="revert")


class MonitorTest(Case):
    def start_monitor(self, *args):
        """With --json; the reply to the subscription is the sign that it has begun."""
        running = Running(self, "monitor", "--json", *args)
        return running, json.loads(running.line())

    def test_events_come_as_they_happen_one_a_line(self):
        running, reply = self.start_monitor("led", "--count", "2")
        self.assertEqual(reply["values"], {"led": 0})
        with self.daemon.connect() as client:
            client.request("set", line="led", value=1)
            self.assertEqual(json.loads(running.line())["value"], 1)
            client.request("set", line="led", value=0)
            self.assertEqual(json.loads(running.line())["value"], 0)
        self.assertEqual(running.end(), (OK, "", ""))

    def test_people_see_time_seq_name_and_what_happened(self):
        with self.daemon.connect() as client:
            start = client.request("ping")["seq"]
            client.request("hello", client="lift")
            seq = client.request("set", line="led", value=1)["seq"]
        status, out, _ = self.gpioctl("monitor", "led", "--since", str(start), "--count", "1")
        self.assertEqual(status, OK)
        self.assertRegex(out, r"\A\S+ +%d +led +output +1 +set by lift \(pid %d, uid %d\)\n\Z" %
                         (seq, os.getpid(), os.getuid()))

    def test_without_names_everything_is_shown(self):
        running, _ = self.start_monitor("--count", "2")
        with self.daemon.connect() as client:
            client.request("arm", timer="t", after="1ms", values={"relay": 1})
            client.wait_for(event="timer", timer="t")
        events = sorted(json.loads(running.line())["event"] for _ in range(2))
        self.assertEqual(events, ["output", "timer"])

    def test_only_the_kinds_and_timers_asked_for(self):
        running, _ = self.start_monitor("--timers", "t", "--count", "1")
        with self.daemon.connect() as client:
            client.request("set", line="led", value=1)
            client.request("arm", timer="t", after="1ms")
            client.wait_for(event="timer", timer="t")
        self.assertEqual(json.loads(running.line())["event"], "timer")

    def test_another_instance_is_a_loss_and_with_strict_an_error(self):
        with self.daemon.connect() as client:
            client.request("set", line="led", value=1)
        args = ("monitor", "led", "--since", "1", "--instance", "other", "--strict")
        status, out, _ = self.gpioctl(*args)
        self.assertEqual(status, LOST)
        self.assertRegex(out, r"\* +LOST +unknown number of events +restart")

    def test_the_daemons_end_ends_it_with_7_and_says_how_to_continue(self):
        running, reply = self.start_monitor("led")
        with self.daemon.connect() as client:
            seq = client.request("set", line="led", value=1)["seq"]
        self.assertEqual(json.loads(running.line())["seq"], seq)
        self.board.detach()
        self.daemon.kill()
        status, _, err = running.end()
        self.assertEqual(status, UNREACHABLE)
        self.assertIn("--since %d --instance %s" % (seq, reply["instance"]), err)
        self.daemons.clear()

    def test_after_a_shutdown_there_is_nothing_to_continue(self):
        running, _ = self.start_monitor("led")
        self.board.detach()
        self.daemon.stop()
        status, out, err = running.end()
        self.assertIn("shutdown", out)
        self.assertEqual((status, err), (UNREACHABLE, "gpioctl: the daemon has ended\n"))
        self.daemons.clear()

    def test_a_time_out_ends_it_with_6(self):
        self.assertEqual(self.gpioctl("monitor", "--timeout", "10ms")[0], TIMED_OUT)

    def test_ctrl_c_ends_it_with_130(self):
        running, _ = self.start_monitor()
        running.process.send_signal(signal.SIGINT)
        self.assertEqual(running.end(), (130, "", ""))

    def test_it_ends_quietly_when_its_reader_does(self):
        # No event comes to tell it so.
        running, _ = self.start_monitor("led")
        running.process.stdout.close()
        self.assertEqual(running.process.wait(TIMEOUT), -signal.SIGPIPE)
        self.assertEqual(running.process.stderr.read(), "")
        running.process.stdout = None


class TimerTest(Case):
    def test_an_armed_timer_outlives_gpioctl_and_sets_its_output(self):
        watcher = self.connect()
        watcher.request("subscribe", line="led", timers="off")
        self.assertEqual(self.succeed("timer", "arm", "off", "--after", "20ms", "--set", "led=1",
                                      "--tag", "why"), "")
        events = {event["event"]: event for event in (watcher.event(), watcher.event())}
        self.assertEqual((events["timer"]["timer"], events["timer"]["tag"]), ("off", "why"))
        self.assertEqual((events["output"]["value"], events["output"]["cause"]), (1, "timer:off"))

    def test_list_shows_it_and_disarm_stops_it(self):
        self.succeed("timer", "arm", "off", "--after", "1h", "--every", "2s")
        rows = self.succeed("timer", "list").splitlines()
        self.assertRegex(rows[0], r"^TIMER +DUE IN +EVERY")
        self.assertRegex(rows[1], r"^off +3\d{3}\.\d{3}s +2s +yes")
        self.assertEqual(len(rows), 2)
        self.assertEqual(self.succeed("timer", "disarm", "off"), "")
        self.assertEqual(len(self.succeed("timer", "list").splitlines()), 1)

    def test_disarm_of_what_is_not_armed_says_so(self):
        self.assertEqual(self.succeed("timer", "disarm", "off"), "off was not armed\n")

    def test_wait_prints_expiries_and_the_timer_ends_with_gpioctl(self):
        out = self.succeed("timer", "arm", "tick", "--every", "5ms", "--wait", "--count", "3")
        self.assertEqual(len(re.findall(r" tick +timer +\d+\n", out)), 3)
        with self.daemon.connect() as client:
            wait_until(lambda: not client.request("timers")["timers"], "the timer ends")

    def test_wait_ends_after_the_only_expiry(self):
        out = self.succeed("timer", "arm", "once", "--after", "1ms", "--wait", "--json")
        self.assertEqual(json.loads(out.splitlines()[1])["expirations"], 1)


class LookTest(Case):
    def test_list_is_a_table_of_all_lines(self):
        rows = self.succeed("list").splitlines()
        self.assertRegex(rows[0], r"^LINE +PLACE +DIRECTION +VALUE +SETTINGS +USED BY$")
        lines = json.loads(self.succeed("raw", '{"op":"lines"}'))["lines"]
        self.assertEqual([row.split()[0] for row in rows[1:]], [line["line"] for line in lines])
        led = next(row for row in rows if row.startswith("led "))
        self.assertRegex(led, r"^led +\S+:8 +output +0 ")

    def test_list_json_is_one_object(self):
        names = [line["line"] for line in json.loads(self.succeed("list", "--json"))["lines"]]
        self.assertIn("button", names)
        self.assertEqual(len(names), len(set(names)))

    def test_list_held_shows_only_lines_in_use(self):
        self.succeed("set", "FREE0=1")
        lines = json.loads(self.succeed("raw", '{"op":"lines"}'))["lines"]
        used = [line["line"] for line in lines if line["held"] or line.get("configured")]
        self.assertLess(len(used), len(lines))
        self.assertIn("FREE0", used)
        self.assertEqual([row.split()[0] for row in self.succeed("list", "--held").splitlines()[1:]], used)
        held = json.loads(self.succeed("list", "--held", "--json"))["lines"]
        self.assertEqual([line["line"] for line in held], used)

    def test_a_line_that_is_kept_says_for_whom(self):
        self.succeed("set", "FREE0=1")
        self.assertIn("kept for gpioctl (pid ", self.succeed("info", "FREE0"))
        self.assertIn("kept for gpioctl (pid ", self.succeed("list", "FREE0"))

    def test_list_of_some_lines_and_of_chips(self):
        self.assertEqual(len(self.succeed("list", "button", "led").splitlines()), 3)
        self.assertIn("board-a", self.succeed("list", "--chips"))

    def test_info_tells_all_of_a_line(self):
        out = self.succeed("info", "lamp")
        for row in (r"^line +lamp$", r"^name +OUT2$", r"^offset +10$", r"^active_low +yes$"):
            self.assertRegex(out, re.compile(row, re.M))

    def test_a_user_is_shown_by_name(self):
        client = self.connect()
        client.request("hello", client="lift")
        client.request("request", line="FREE0", direction="input")
        self.assertIn("lift (pid %d, uid %d)" % (os.getpid(), os.getuid()), self.succeed("list", "FREE0"))
        self.assertIn("lift (pid ", self.succeed("info", "FREE0"))

    def test_stats_shows_the_counters(self):
        self.assertRegex(self.succeed("stats"), re.compile(r"^counters requests +[1-9]\d*$", re.M))
        self.assertIn("counters", json.loads(self.succeed("stats", "--json")))

    def test_clients_shows_who_is_connected_and_what_each_has(self):
        client = self.connect()
        client.request("hello", client="lift")
        client.request("subscribe", lines=["button", "FREE0"])
        client.request("arm", timer="t", after="1h")
        rows = self.succeed("clients").splitlines()
        self.assertRegex(rows[0], r"^CLIENT +PEER +PID +UID +SOCKET +FOR +HAS +UNSENT$")
        row = next(row for row in rows if row.startswith("lift "))
        self.assertRegex(row, r"^lift +\d+ +%d +%d +gpioeventd +\S+ +2 subscriptions, 1 line, 1 timer +"
                              r"0 events, 0 bytes; lost 0$" % (os.getpid(), os.getuid()))
        names = [entry.get("client") for entry in json.loads(self.succeed("clients", "--json"))["clients"]]
        self.assertIn("lift", names)

    def test_ping_says_who_answers(self):
        self.assertRegex(self.succeed("ping"), r"\Agpioeventd \S+ \(backend \w+\) answers in \d+ us")

    def test_ping_waits_until_a_daemon_answers(self):
        self.assertRegex(self.succeed("ping", "--timeout", "60s"), r"\Agpioeventd ")
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "socket")
            running = Running(self, "ping", "--timeout", "60s", socket_path=path)
            with socket.socket(socket.AF_UNIX) as first:
                first.bind(path)
                first.listen()
                first.settimeout(TIMEOUT)
                # It has come and is sent away: not there yet, so it comes again.
                first.accept()[0].close()
                again = first.accept()[0]
            os.unlink(path)
            os.symlink(self.daemon.socket_path, path)
            again.close()
            status, out, err = running.end()
        self.assertEqual((status, err), (OK, ""))
        self.assertRegex(out, r"\Agpioeventd ")

    def test_raw_prints_each_reply_as_it_came(self):
        out = self.succeed("raw", '{"op":"ping","id":7}', '{"op":"ping","id":8}')
        self.assertEqual([json.loads(row)["id"] for row in out.splitlines()], [7, 8])

    def test_raw_ends_with_the_status_of_the_first_refusal(self):
        status, out, _ = self.gpioctl("raw", '{"op":"get","line":"nothing"}', '{"op":"x"}', '{"op":"ping"}')
        self.assertEqual((status, len(out.splitlines())), (NOT_FOUND, 3))

    def test_raw_streams_what_was_subscribed_to(self):
        running = Running(self, "raw", '{"op":"subscribe","line":"led"}')
        self.assertTrue(json.loads(running.line())["ok"])
        self.succeed("set", "led=1")
        self.assertEqual(json.loads(running.line())["event"], "output")
        running.process.send_signal(signal.SIGINT)
        self.assertEqual(running.end(), (130, "", ""))

    @only("sim", "drives simulated lines")
    def test_simulate_drives_an_input(self):
        for level in "10":
            self.assertEqual(self.succeed("simulate", "IN1", level), "")
            with self.daemon.connect() as client:
                self.wait_value(client, "door", int(level))

    @only("sim", "takes a simulated chip away")
    def test_simulate_takes_a_chip_away_and_brings_it_back(self):
        self.succeed("simulate", "--chip", "gpiochip1", "--absent")
        with self.daemon.connect() as client:
            def available():
                return {c["name"]: c["available"] for c in client.request("chips")["chips"]}["gpiochip1"]
            wait_until(lambda: not available(), "the chip is gone")
            self.succeed("simulate", "--present", "--chip", "gpiochip1")
            wait_until(available, "the chip is back")


CLOSE = object()


class Scripted:
    """A daemon that answers by script: `replies` has fields, or a list of messages, by operation."""

    def __init__(self, test, **replies):
        self.replies = dict({"hello": {"version": "0", "backend": "sim"}, "lines": {"lines": []}}, **replies)
        self.requests, self.nonsense = [], []
        directory = tempfile.TemporaryDirectory(prefix="gpioctl-")
        test.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "socket")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        test.addCleanup(self.listener.close)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rw") as stream:
                for line in stream:
                    if not self.answer(line, stream):
                        return
        except ConnectionError:  # gpioctl has heard enough
            pass

    def answer(self, line, stream):
        try:
            request = json.loads(line)
        except ValueError:
            self.nonsense.append(line)
            return False
        self.requests.append(request)
        reply = self.replies[request["op"]]
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, dict):
            reply = [dict({"ok": True, "seq": 5}, **reply)]
        for row in reply:
            if row is CLOSE:
                return False
            stream.write((row if isinstance(row, str) else json.dumps(row)) + "\n")
            stream.flush()
        return True


SUBSCRIBED = {"ok": True, "instance": "abc", "seq": 5, "values": {"b": 1}, "names": {"b": "b"}}


class ScriptedTest(unittest.TestCase):
    def run_with(self, *args, **replies):
        self.daemon = Scripted(self, **replies)
        return gpioctl(*args, socket_path=self.daemon.path)

    def test_a_list_in_pages_is_one_object_with_every_digit(self):
        pages = {"": ('{"ok":true,"timers":[{"timer":"a,]}\\"","timestamp_ns":9007199254740993}],'
                      '"next":"a","seq":5}'),
                 "a": '{"seq":6, "timers" : [ {"timer":"b","timestamp_ns":18446744073709551615} ],"ok":true}'}
        status, out, _ = self.run_with("timer", "list", "--json",
                                       timers=lambda request: [pages[request.get("after", "")]])
        reply = json.loads(out)
        self.assertEqual((status, reply["seq"], out.count("\n")), (OK, 6, 1))
        self.assertEqual([(t["timer"], t["timestamp_ns"]) for t in reply["timers"]],
                         [('a,]}"', 9007199254740993), ("b", 18446744073709551615)])

    def test_control_characters_do_not_reach_people(self):
        line = {"line": "a\x1b[2J\u0085\tb\n", "chip": "c", "offset": 1, "held": False, "users": []}
        status, out, _ = self.run_with("list", lines={"lines": [line]})
        self.assertEqual(status, OK)
        self.assertIn("a?[2J???b?", out)
        self.assertEqual(out.count("\n"), 2)

    def test_piped_output_has_no_colour(self):
        _, out, _ = self.run_with("list", lines={"lines": [{"line": "a", "held": True, "value": 1}]})
        self.assertNotIn("\x1b", out)

    def test_a_loss_is_visible_and_with_strict_ends_with_8(self):
        lost = {"event": "lost", "seq": 9, "reason": "kernel", "count": 412, "from": 9, "to": 9,
                "line": "b", "values": {"b": 0}}
        edge = {"event": "edge", "seq": 10, "line": "b", "edge": "rising", "value": 1,
                "realtime_us": 1766231415000007}
        status, out, _ = self.run_with("monitor", "b", "--count", "1", subscribe=[SUBSCRIBED, lost, edge])
        self.assertEqual(status, OK)
        self.assertRegex(out, r"LOST +412 events  kernel 9\.\.9  b=0\n.*\.000007 +10 +b +rising +1\n")
        status, out, _ = self.run_with("monitor", "b", "--strict", subscribe=[SUBSCRIBED, lost, edge])
        self.assertEqual((status, out.count("\n")), (LOST, 1))

    def test_a_stream_without_a_pause_cannot_put_a_time_out_off(self):
        # 64 KiB may come with the reply and another 64 KiB are read at the time-out, no more.
        edge = json.dumps({"event": "edge", "seq": 10, "line": "b", "edge": "rising", "value": 1})
        much = [json.dumps(SUBSCRIBED) + ("\n" + edge) * 4000] * 4
        status, out, _ = self.run_with("monitor", "b", "--timeout", "0s", "--json", subscribe=much)
        self.assertEqual(status, TIMED_OUT)
        self.assertLess(len(out), 2 * 65536 + 1)

    def test_wait_knows_from_a_loss_that_the_edge_has_been(self):
        def lost(value):
            return {"event": "lost", "seq": 9, "reason": "kernel", "count": 2, "from": 9, "to": 9,
                    "values": {"b": value}}
        edge = {"event": "edge", "seq": 10, "line": "b", "edge": "falling", "value": 0}
        status, out, _ = self.run_with("wait", "b", "--edge", "falling", subscribe=[SUBSCRIBED, lost(0)])
        self.assertEqual((status, out.count("LOST")), (OK, 1))
        # The same value again proves nothing, so it says so and goes on.
        status, out, err = self.run_with("wait", "b", "--edge", "falling",
                                         subscribe=[SUBSCRIBED, lost(1), edge])
        self.assertEqual((status, out.count("falling")), (OK, 1))
        self.assertIn("lost", err)

    def test_the_message_at_the_end_names_the_last_seq_replayed(self):
        # Three are promised, one comes: the reply's seq is not reached yet.
        reply = dict(SUBSCRIBED, seq=40, resumed=True, replay=3)
        hello = {"instance": "abc"}
        edge = {"event": "edge", "seq": 31, "line": "b", "edge": "falling", "value": 0}
        status, _, err = self.run_with("monitor", "b", "--since", "30", "--instance", "abc",
                                       hello=hello, subscribe=[reply, edge, CLOSE])
        self.assertEqual(status, UNREACHABLE)
        self.assertIn("--since 31 --instance abc", err)
        status, _, err = self.run_with("monitor", "b", "--since", "30", "--instance", "abc",
                                       hello=hello, subscribe=[dict(reply, replay=1), edge, CLOSE])
        self.assertIn("--since 40 --instance abc", err)

    def test_set_gives_back_what_it_took_when_a_later_line_is_refused(self):
        def refusal(code, name):
            return {"ok": False, "error": {"code": code, "class": name, "message": "no"}}

        status, _, _ = self.run_with(
            "set", "a=1", "b=0", set=refusal("not-requested", "usage"),
            lines=lambda request: {"lines": [{"line": request["line"], "held": False}]},
            request=lambda request: {} if request["line"] == "a" else refusal("busy", "busy"),
            release={})
        self.assertEqual(status, BUSY)
        said = [(request["op"], request.get("line")) for request in self.daemon.requests]
        self.assertEqual(said[-3:], [("request", "a"), ("request", "b"), ("release", "a")])
        taken = self.daemon.requests[-3]
        self.assertEqual((taken["direction"], taken["initial"], taken["keep"]), ("output", 1, True))

    def test_set_gives_back_what_it_took_when_the_set_itself_is_refused(self):
        error = {"code": "internal", "class": "failed", "message": "no"}
        status, _, _ = self.run_with("set", "a=1", lines={"lines": [{"line": "a", "held": False}]},
                                     request={}, set={"ok": False, "error": error}, release={})
        self.assertEqual(status, FAILED)
        self.assertEqual([request["op"] for request in self.daemon.requests][-3:], ["request", "set", "release"])

    def test_a_closed_stdout_does_not_become_the_socket(self):
        # Else what gpioctl prints would go to the daemon as a request.
        daemon = Scripted(self, ping={})
        self.assertEqual(gpioctl("ping", socket_path=daemon.path, preexec_fn=lambda: os.close(1))[0], OK)
        daemon.thread.join(TIMEOUT)
        self.assertEqual([request["op"] for request in daemon.requests], ["hello", "ping"])
        self.assertEqual(daemon.nonsense, [])

    def test_what_is_no_json_is_an_error(self):
        status, _, err = self.run_with("ping", ping=["hello?"])
        self.assertEqual(status, FAILED)
        self.assertIn("JSON", err)

    def test_a_line_that_is_too_long_is_an_error(self):
        status, _, err = self.run_with("ping", ping=["x" * 70000])
        self.assertEqual(status, FAILED)
        self.assertIn("64 KiB", err)

    def test_the_longest_reply_is_taken(self):
        fill = json.dumps({"ok": True, "seq": 1, "fill": ""})
        reply = fill[:-2] + "x" * (65535 - len(fill)) + fill[-2:]
        self.assertEqual(len(reply), 65535)
        status, out, _ = self.run_with("ping", "--json", ping=[reply])
        self.assertEqual((status, out), (OK, reply + "\n"))

    def test_a_connection_that_is_closed_ends_with_7(self):
        status, _, err = self.run_with("ping", ping=[CLOSE])
        self.assertEqual(status, UNREACHABLE)
        self.assertIn("closed", err)

    def test_each_class_of_error_has_its_status(self):
        statuses = {"usage": USAGE, "not-found": NOT_FOUND, "denied": DENIED, "busy": BUSY,
                    "limit": FAILED, "failed": FAILED, "news": FAILED}
        for name, wanted in statuses.items():
            with self.subTest(name):
                error = {"code": "x", "class": name, "message": "no"}
                status, _, err = self.run_with("ping", ping={"ok": False, "error": error})
                self.assertEqual((status, err), (wanted, "gpioctl: no\n"))

    def test_candidates_are_told(self):
        error = {"code": "ambiguous-line", "class": "not-found", "message": "several", "candidates": ["a:1", "b:2"]}
        _, _, err = self.run_with("get", "x", get={"ok": False, "error": error})
        self.assertIn("a:1", err)
        self.assertIn("b:2", err)

    def test_options_stand_anywhere_until_two_dashes(self):
        reply = {"values": {"--json": 1}}
        edge = {"event": "edge", "seq": 6, "line": "b", "edge": "rising", "value": 1}
        status, out, _ = self.run_with("--edge", "both", "monitor", "--count=1", "b", subscribe=[SUBSCRIBED, edge])
        self.assertEqual((status, self.daemon.requests[-1]["edges"]), (OK, "both"))
        status, out, _ = self.run_with("get", "--", "--json", get=reply)
        self.assertEqual((status, out, self.daemon.requests[-1]["lines"]), (OK, "1\n", ["--json"]))

    def test_the_socket_option_wins_over_the_environment(self):
        daemon = Scripted(self, ping={})
        self.assertEqual(gpioctl("ping", "--socket", daemon.path)[0], OK)


class UsageTest(unittest.TestCase):
    """No daemon is there, so whatever gets past the command line ends with 7."""

    def refuse(self, pattern, *args):
        status, out, err = gpioctl(*args)
        self.assertEqual((status, out), (USAGE, ""), err)
        self.assertRegex(err, "\\Agpioctl: .*" + pattern)

    def test_mistakes_are_named(self):
        for pattern, *args in [
                ("did you mean --edge", "wait", "x", "--edgee", "both"),
                ("did you mean \"list\"", "lst"),
                ("get has no option --edge", "get", "x", "--edge", "both"),
                ("rising, falling or both", "wait", "x", "--edge", "up"),
                ("write \"10s\"", "wait", "x", "--timeout", "10"),
                ("number with a unit", "wait", "x", "--timeout", "ten"),
                ("wants a number", "monitor", "--count", "-1"),
                ("wants a value", "wait", "x", "--timeout"),
                ("takes no value", "list", "--json=yes"),
                ("usage: gpioctl get", "get"),
                ("which command\\? list, info, get", ),
                ("usage: gpioctl get \\[OPTION\\]... LINE...", "get"),
                ("usage: gpioctl stats \\[OPTION\\]...\n", "stats", "x"),
                ("wait has no option --foo", "wait", "x", "--foo"),
                ("did you mean --for", "pulse", "x", "--foo"),
                ("did you mean --for", "--foo", "wait"),
                ("at least 1", "wait", "x", "--count", "0"),
                ("write led=1", "set", "led", "1"),
                ("off, on, false", "set", "led=high"),
                ("--held", "list", "--held", "--chips"),
                ("arm, disarm or list", "timer"),
                ("LINE=0 or LINE=1", "set", "led"),
                ("LINE=0 or LINE=1", "timer", "arm", "t", "--after", "1s", "--set", "led=2"),
                ("set twice", "set", "led=1", "led=0"),
                ("--for", "pulse", "led"),
                ("--after", "timer", "arm", "t"),
                ("--level", "wait", "x", "--level", "1", "--edge", "both"),
                ("usage: gpioctl simulate", "simulate", "--chip", "c"),
                ("the level, 0 or 1", "simulate", "x", "2"),
                ("goes with --since", "monitor", "--instance", "x"),
                ("one line of JSON", "raw", "{}\n{}"),
                ("written out", "list", "-j")]:
            with self.subTest(" ".join(args)):
                self.refuse(pattern, *args)

    def test_an_unreachable_daemon_says_why_and_how_to_start_one(self):
        status, out, err = gpioctl("ping")
        self.assertEqual((status, out), (UNREACHABLE, ""))
        self.assertIn("no socket /nonexistent/socket", err)
        self.assertIn("--backend sim", err)
        units = ["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"]
        self.assertEqual("systemctl" in err,
                         any(os.path.exists(unit + "/gpioeventd.service") for unit in units))

    def test_ping_with_a_time_out_ends_with_7_and_says_why_once(self):
        status, _, err = gpioctl("ping", "--timeout", "50ms")
        self.assertEqual((status, err.count("no socket")), (UNREACHABLE, 1))

    def test_ping_with_a_time_out_does_not_wait_longer_for_a_daemon_that_is_silent(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as silent:
            path = os.path.join(directory, "socket")
            silent.bind(path)
            silent.listen()
            status, _, err = gpioctl("ping", "--timeout", "50ms", socket_path=path)
        self.assertEqual((status, err), (UNREACHABLE, "gpioctl: the daemon does not answer\n"))

    def test_a_dead_socket_says_that_nobody_listens(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "socket")
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(path)
            status, _, err = gpioctl("ping", socket_path=path)
        self.assertEqual(status, UNREACHABLE)
        self.assertIn("nobody listens at " + path, err)

    @unittest.skipIf(os.getuid() == 0 and not os.path.exists("/usr/bin/setpriv"), "root may connect to anything")
    def test_a_forbidden_socket_names_the_group(self):
        self.assertIn("usermod -aG", self.complaint_at_a_socket_of(getgrnam("daemon").gr_gid))

    @unittest.skipIf(os.getuid() != 0, "only root can make a socket root's")
    def test_nobody_is_told_to_join_group_root(self):
        err = self.complaint_at_a_socket_of(0)
        self.assertIn("for group root", err)
        self.assertIn("socket-group", err)
        self.assertNotIn("usermod", err)

    def complaint_at_a_socket_of(self, gid):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(directory, "socket")
            listener.bind(path)
            listener.listen()
            os.chmod(path, 0)
            if os.getuid() == 0:
                os.chown(path, 0, gid)
            os.chmod(directory, 0o755)
            # Root has to lay down what lets it connect to anything.
            drop = ["setpriv", "--reuid=65534", "--clear-groups"] if os.getuid() == 0 else []
            done = subprocess.run(drop + [GPIOCTL, "--socket", path, "ping"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn("no permission for " + path, done.stderr)
        return done.stderr

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([GPIOCTL, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("cannot write", done.stderr)


def commands():
    out = gpioctl("help")[1]
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", out.split("options,")[0], re.M)


# Those that find out for themselves what they can: here there are no GPIO lines.
WITHOUT_A_DAEMON = {"who": NOT_FOUND, "doctor": FAILED, "complete": OK}


class HelpTest(unittest.TestCase):
    def test_every_command_has_help_with_an_example_that_it_accepts(self):
        self.assertGreater(len(commands()), 10)
        for command in commands():
            if command == "help":
                continue
            text = gpioctl("help", command.split()[0])[1]
            examples = re.findall(r"^  (gpioctl %s.*?)(?: \|.*| &&.*)?$" % command, text, re.M)
            self.assertTrue(examples, command)
            for example in examples:
                with self.subTest(example):
                    done = subprocess.run("exec " + example, shell=True, stderr=subprocess.PIPE, text=True,
                                          env=dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"],
                                                   GPIOEVENTD_SOCKET="/nonexistent/socket"))
                    self.assertEqual(done.returncode, WITHOUT_A_DAEMON.get(command, UNREACHABLE), done.stderr)

    def test_help_after_a_command_is_that_commands_help(self):
        self.assertEqual(gpioctl("wait", "--help"), gpioctl("help", "wait"))

    def test_help_of_raw_names_every_operation(self):
        out = gpioctl("help", "raw")[1]
        for operation in ("subscribe", "arm", "request", "ping"):
            self.assertRegex(out, re.compile(r"^  %s " % operation, re.M))

    def test_the_document_names_every_command_option_and_status(self):
        with open(os.path.join(ROOT, "docs", "gpioctl.md")) as f:
            text = f.read()
        wanted = ["gpioctl " + command for command in commands()] + ["GPIOEVENTD_SOCKET"]
        for command in commands():
            wanted += re.findall(r"^  (--[a-z]+)", gpioctl("help", command.split()[0])[1], re.M)
        self.assertEqual([word for word in wanted if word not in text], [])
