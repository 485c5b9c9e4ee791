# SPDX-License-Identifier: MIT
"""A restart leaves no trace: the daemon is killed, or told to end, and the next one goes on where it was."""

import contextlib
import json
import random
import signal
import socket
import threading
import time

import manager
from board import A
from harness import ABSENT, BACKEND, BUTTONS_AND_LEDS, PATIENCE, only, wait_until

SIM = BACKEND == "sim"

KILLS = 100 if SIM else 50
ON_EXIT = BUTTONS_AND_LEDS + """
[line on]
line = FREE0
direction = output
initial = 0
on-exit = 1

[line off]
line = FREE1
direction = output
initial = 1
on-exit = 0
"""


class Case(manager.Case):
    @contextlib.contextmanager
    def nothing_written(self, *names):
        """A context in which nobody writes these lines or turns them round, not even to what they are."""
        if SIM:
            yield
            return
        import gpiosim
        with gpiosim.Trace() as trace:
            yield
        for name in names:
            self.assertEqual([], trace.of(self.board.chip_name(A), self.board.offset(name)), name)

    def value(self, line):
        return self.connect().request("get", line=line)["values"][line]


class Kill(Case):
    """SIGKILL at any moment."""

    def assert_continuous(self, follower):
        follower.check_nothing_is_missing()
        unknown = [event for event in follower.seen if event["event"] == "lost" and
                   (event["reason"] != "restart" or "count" in event if SIM else "count" not in event)]
        self.assertEqual([], unknown)

    def assert_acknowledged_was_logged(self, writer, follower):
        """What a dead daemon had replied to is in the next one's log."""
        writer.may_be_torn = True
        seen = {(event["seq"], event["line"]) for event in follower.seen if event["event"] == "output"}
        while True:
            message = writer.message()
            if message is None:
                return
            for line in message.get("changed", ()):
                self.assertIn((message["seq"], line), seen)

    def torture(self, follower, press, rng):
        """Lives until a kill at a random moment, during which outputs are written and inputs pressed."""
        for _ in range(KILLS):
            writer = self.connect()
            rows = []
            for i in range(rng.randrange(400)):
                rows.append(("toggle", {"line": "led"}))
                press(rows)
            self.send_all(writer, rows)
            time.sleep(rng.uniform(0, 0.006) * PATIENCE)
            self.restart()
            follower.come_back()
            self.assertTrue(follower.subscribed["resumed"])
            self.assert_acknowledged_was_logged(writer, follower)
            last = [event["value"] for event in follower.seen if event["event"] == "output"][-1:]
            self.assertIn(self.value("led"), last or [0])
            writer.close()
        self.assert_continuous(follower)

    @staticmethod
    def send_all(writer, rows):
        """Without waiting for replies; a daemon that takes no more is not waited for either."""
        data = "".join(json.dumps(dict(op=op, id=i, **fields)) + "\n" for i, (op, fields) in enumerate(rows))
        writer.pending.extend((op, i) for i, (op, _) in enumerate(rows))
        writer.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError, socket.timeout):
            writer.socket.sendall(data.encode())

    @only("sim", "edges of real lines come without being asked for")
    def test_killed_at_random_moments_it_says_each_event_once_and_moves_no_output(self):
        follower, rng = self.follow(), random.Random(1)
        self.connect().request("set", values={"relay": 1, "lamp": 1})
        follower.catch_up()
        level = [0]

        def press(rows):
            level[0] ^= 1
            rows.append(("simulate", {"line": self.board.spelling("IN1"), "value": level[0]}))

        self.torture(follower, press, rng)
        self.assertEqual({"led", "relay", "lamp"},
                         {event["line"] for event in follower.seen if event["event"] == "output"})
        for line in ("relay", "lamp"):
            self.assertEqual(1, self.value(line))
            self.assertEqual(1, sum(event["event"] == "output" and event["line"] == line for event in follower.seen))

    @only("gpiod", "simulated lines end with the daemon")
    def test_killed_at_random_moments_it_misses_no_edge_and_moves_no_output(self):
        follower, rng = self.follow(), random.Random(2)
        self.connect().request("set", values={"relay": 1, "lamp": 1})
        follower.catch_up()
        self.board.press("IN1", 0)
        begin = [event["line_seq"] for event in follower.catch_up() if event["event"] == "edge"]
        made, end = [0], threading.Event()

        def press_on():
            while not end.is_set():
                made[0] += 1
                self.board.press("IN1", made[0] % 2)
                time.sleep(rng.uniform(0, 0.002))

        presser = threading.Thread(target=press_on)
        presser.start()
        try:
            with self.nothing_written("OUT1", "OUT2"):
                self.torture(follower, lambda rows: None, random.Random(3))
        finally:
            end.set()
            presser.join()
        follower.catch_up()
        edges = [event for event in follower.seen if event["event"] == "edge" and event["line"] == "door"]
        lost = sum(event["count"] for event in follower.seen if event["event"] == "lost")
        self.assertEqual(made[0], len(edges) - len(begin) + lost)
        if not lost:
            self.assertEqual(list(range(edges[0]["line_seq"], edges[0]["line_seq"] + len(edges))),
                             [event["line_seq"] for event in edges])

    @only("gpiod", "simulated lines end with the daemon")
    def test_edges_made_while_it_was_dead_come_with_their_times(self):
        follower = self.follow()
        self.end()
        begin = time.monotonic_ns()
        self.board.pulse("IN0", 20)
        end = time.monotonic_ns()
        self.begin()
        follower.come_back()
        edges = [event for event in follower.seen if event["event"] == "edge"]
        self.assertEqual([("button", i % 2) for i in range(40)], [(event["line"], event["value"]) for event in edges])
        self.assertTrue(all(begin < event["timestamp_ns"] < end for event in edges))

    @only("gpiod", "simulated lines end with the daemon")
    def test_what_the_kernels_buffer_could_not_hold_is_one_lost_with_the_exact_count(self):
        follower = self.follow()
        self.end()
        self.board.pulse("IN0", 1000)
        self.begin()
        follower.come_back()
        edges = [event for event in follower.seen if event["event"] == "edge"]
        lost = [event for event in follower.seen if event["event"] == "lost"]
        self.assertEqual([("kernel", 2000 - len(edges))], [(event["reason"], event["count"]) for event in lost])
        self.assertEqual(2000, edges[-1]["line_seq"])

    @only("sim", "real lines outlive the daemon")
    def test_an_input_that_could_not_be_kept_has_one_lost_without_a_count(self):
        follower = self.follow()
        self.board.press("IN1", 1)
        self.restart()
        follower.come_back()
        lost = [event for event in follower.seen if event["event"] == "lost"]
        self.assertEqual(sorted([("restart", "button"), ("restart", "door"), ("restart", "bell")]),
                         sorted((event["reason"], *event["values"]) for event in lost))
        self.assertTrue(all("count" not in event for event in lost))
        values = {name: value for event in lost for name, value in event["values"].items()}
        self.assertEqual(follower.request("get", lines=["button", "door", "bell"])["values"], values)

    def test_lines_go_on_counting_their_edges(self):
        client = self.follow()
        for i in range(3):
            self.board.press("IN1", 1 - i % 2)
        self.assertEqual(3, client.wait_for(event="edge", value=1, line_seq=3)["line_seq"])
        self.restart()
        client.come_back()
        self.board.press("IN1", int(SIM))  # a simulated line begins at 0 again
        self.assertEqual(4, client.wait_for(event="edge")["line_seq"])

    def test_numbers_of_connections_never_come_again(self):
        numbers = []
        for _ in range(5):
            client = self.connect()
            numbers.append(client.request("hello")["peer"])
            self.restart()
        self.assertEqual(sorted(set(numbers)), numbers)

    def test_killed_again_while_it_starts_it_loses_nothing(self):
        follower, rng = self.follow(), random.Random(4)
        for _ in range(KILLS // 5):
            follower.request("set", line="led", value=1)
            follower.request("arm", timer="t", after="1h")
            self.end()
            for _ in range(2):
                self.begin(wait=False)
                time.sleep(rng.uniform(0, 0.03 if SIM else 0.3) * PATIENCE)
                self.daemon.end()
            self.begin()
            follower.come_back()
            self.assertTrue(follower.subscribed["resumed"])
            self.assertTrue(follower.taken_over)
            self.assertEqual({"led": 1}, follower.request("get", line="led")["values"])
            self.assertEqual(["t"], [timer["timer"] for timer in follower.request("timers")["timers"]])
            follower.request("set", line="led", value=0)
            follower.catch_up()
        follower.check_nothing_is_missing()

    def test_what_the_log_no_longer_holds_is_told_after_the_restart(self):
        self.board.detach()
        self.daemon.stop()
        self.daemon = None
        self.start(BUTTONS_AND_LEDS, "log-size = 64K")
        follower, writer = self.follow(), self.connect()
        for _ in range(2):
            writer.pipeline([("toggle", {"line": "led"}) for _ in range(1000)])
        self.end()
        follower.client.close()
        self.begin()
        follower.come()
        follower.note(follower.client.expect(event="lost", reason="log", **{"from": follower.first_seq}))
        follower.catch_up()
        follower.check_nothing_is_missing()
        self.assertGreater(len(follower.seen), 100)


class Reload(Case):
    """SIGKILL while the configuration is changed."""

    OTHER = (BUTTONS_AND_LEDS.replace("line = IN1\ndirection = input", "line = IN1\ndirection = output\ninitial = 1")
             .replace("line = OUT1\n", "line = OUT1\ngroup = both\n")
             .replace("line = OUT2\n", "line = OUT2\ngroup = both\n")
             .replace("[line bell]", "[line gong]") + "[line more]\nline = FREE0\ndirection = output\ninitial = 1\n")

    def test_killed_while_it_reloads_it_has_the_new_configuration_and_nothing_else_has_moved(self):
        follower, rng = self.follow(), random.Random(9)
        follower.request("set", line="led", value=1)
        with self.nothing_written("IN0", "IN2", "OUT0"):
            for i in range(KILLS // 3):
                text = (self.OTHER, BUTTONS_AND_LEDS)[i % 2]
                with open(self.daemon.config_path, "w") as f:
                    f.write(self.config_text(text))
                follower.client.send("reload")
                time.sleep(rng.uniform(0, 0.002 if SIM else 0.02) * PATIENCE)
                self.restart()
                follower.come_back()
                self.assertTrue(follower.subscribed["resumed"])
                lines = {line["line"]: line for line in follower.request("lines")["lines"] if line.get("configured")}
                names = {"button", "door", "led", "relay", "lamp"} | ({"bell"} if i % 2 else {"gong", "more"})
                self.assertEqual(names, set(lines))
                self.assertTrue(all(line["held"] for line in lines.values()))
                self.assertEqual("input" if i % 2 else "output", lines["door"]["direction"])
                self.assertEqual((1, 0), (lines["led"]["value"], lines["relay"]["value"]))
                self.assertEqual(i % 2 == 0, "FREE0" not in self.free_names(follower))
        follower.check_nothing_is_missing()
        self.assertEqual(1, sum(event["event"] == "output" and event["line"] == "led" for event in follower.seen))

    @staticmethod
    def free_names(follower):
        return {line["line"] for line in follower.request("lines")["lines"] if not line["held"]}


class Term(Case):
    """SIGTERM is what systemd sends for a restart; SIGINT is what the unit's stop turns into."""

    CONFIG = ON_EXIT

    def outputs(self):
        return [self.board.output_level(name) for name in ("OUT0", "OUT1", "OUT2", "FREE0", "FREE1")]

    def test_sigterm_moves_nothing_and_clients_are_told_and_go_on(self):
        follower = self.follow()
        follower.request("set", values={"led": 1, "relay": 1})
        follower.request("request", line="FREE3", direction="output", initial=1)
        before = self.outputs()
        with self.nothing_written("OUT0", "OUT1", "OUT2", "FREE0", "FREE1", "FREE3"):
            self.restart(signal.SIGTERM)
        follower.come_back()
        self.assertIn("shutdown", [event["event"] for event in follower.seen])
        self.assertTrue(follower.subscribed["resumed"])
        self.assertTrue(follower.taken_over)
        self.assertEqual(before, self.outputs())
        self.assertEqual([], [event for event in follower.seen if event.get("cause") == "exit"])
        follower.check_nothing_is_missing()
        self.assertEqual({"FREE3": 1}, follower.request("get", line="FREE3")["values"])

    def test_sigterm_leaves_the_descriptors_with_the_manager(self):
        stored = sorted(self.manager.names())
        self.assertIn("log", stored)
        self.end(signal.SIGTERM)
        self.assertEqual(stored, sorted(self.manager.names()))
        self.assertEqual(SIM, not self.manager.names("line-"))
        self.begin()

    def test_sigint_applies_on_exit_and_gives_everything_back(self):
        follower = self.follow()
        self.end(signal.SIGINT)
        follower.read_to_the_end()
        self.assertEqual({("on", 1), ("off", 0)},
                         {(event["line"], event["value"]) for event in follower.seen if event.get("cause") == "exit"})
        self.assertEqual([], self.manager.names("line-"))
        if not SIM:
            for name in ("IN0", "OUT0", "FREE0"):
                with self.board.taken(name, "somebody"):
                    pass
        self.begin()
        self.assertEqual({"on": 0, "off": 1}, self.connect().request("get", lines=["on", "off"])["values"])

    def test_many_restarts_leave_nothing_behind(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.restart(number)
        self.stats()
        stored, fds = len(self.manager.names()), self.daemon.n_fds()
        follower = self.follow()
        for i in range(10):
            self.restart(signal.SIGKILL if i % 2 else signal.SIGTERM)
            follower.come_back()
        follower.client.close()
        self.stats()
        wait_until(lambda: self.daemon.n_fds() == fds, "as many descriptors as before")
        self.assertEqual(stored, len(self.manager.names()))

    def test_each_request_is_stored_once_and_under_a_name_of_its_own(self):
        names = self.manager.names()
        self.assertEqual(len(set(names)), len(names))
        self.assertIn("log", names)
        instance = self.connect().request("hello")["instance"]
        lines = [name for name in names if name != "log"]
        self.assertEqual(0 if SIM else 8, len(lines))
        self.assertTrue(all(name.startswith("line-%s-" % instance) for name in lines), lines)


class NoStore(Case):
    CONFIG = ON_EXIT

    def make_daemon(self, text, **settings):
        return super().make_daemon(text, has_store=False, **settings)

    def test_a_manager_without_a_store_is_given_nothing(self):
        self.assertEqual([], self.manager.names())

    def test_sigterm_applies_on_exit(self):
        follower = self.follow()
        self.end(signal.SIGTERM)
        follower.read_to_the_end()
        self.assertEqual({("on", 1), ("off", 0)},
                         {(event["line"], event["value"]) for event in follower.seen if event.get("cause") == "exit"})
        self.begin()
        follower.come()
        self.assertFalse(follower.subscribed["resumed"])
        self.assertFalse(follower.taken_over)
        follower.client.expect(event="lost", reason="restart", count=ABSENT)
