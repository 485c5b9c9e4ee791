# SPDX-License-Identifier: MIT
"""What the service manager is told: readiness, status, watchdog, the end. The test is the manager."""

import os
import re
import signal
import time
import unittest

import harness
from harness import PATIENCE, WRAPPER, TestCase, wait_until

STATUS = re.compile(r"^STATUS=(\d+) lines? held, (\d+) clients?, (\d+) events?$", re.M)


class Manager:
    """The datagrams that a daemon sends, with the time at which each was there."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.received = [(time.monotonic(), text) for text in daemon.notified]

    def listen(self, seconds):
        """What comes in this time."""
        first, end = len(self.received), time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return self.received[first:]
            self.daemon.notify.settimeout(left)
            try:
                self.received.append((0, self.daemon.notify.recv(4096).decode()))
                self.received[-1] = (time.monotonic(), self.received[-1][1])
            except TimeoutError:
                pass

    def wait(self, fact, what, seconds=5):
        """The first datagram, also of those that are here, that the fact holds for."""
        looked = 0
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            for _, text in self.received[looked:]:
                if fact(text):
                    return text
            looked = len(self.received)
            self.listen(0.05)
        raise harness.Failure("the manager is not told %s; it was told %s" %
                              (what, [text for _, text in self.received]))

    def wait_status(self, lines, clients, events=None):
        def is_it(text):
            found = STATUS.search(text)
            return found and found.group(1, 2) == (str(lines), str(clients)) and \
                events in (None, int(found.group(3)))
        return self.wait(is_it, "%s lines, %s clients, %s events" % (lines, clients, events))

    def times(self, word):
        return [at for at, text in self.received if word in text.split("\n")]


def sleeps(daemon):
    """How often the daemon has gone to sleep since it was started, the sleep that it is in included."""
    wait_until(lambda: fact(daemon, "State").startswith("S"), "the daemon sleeps")
    return int(fact(daemon, "voluntary_ctxt_switches"))


def fact(daemon, name):
    with open("/proc/%d/status" % daemon.pid) as f:
        return next(row.split(":", 1)[1].strip() for row in f if row.startswith(name + ":"))


class Status(TestCase):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.daemon)

    def test_readiness_comes_with_the_status(self):
        ready = next(text for _, text in self.manager.received if "READY=1" in text.split("\n"))
        stats = self.stats()
        self.assertEqual(str(stats["lines"]), STATUS.search(ready).group(1))

    def test_the_status_counts_lines_clients_and_events(self):
        before = self.stats()
        first, second = self.connect(), self.connect()
        first.request("set", line="led", value=1)
        first.request("request", line="FREE0", direction="input")
        events = first.request("ping")["seq"]
        self.manager.wait_status(before["lines"] + 1, before["connections"] + 2, events)
        second.close()
        self.manager.wait_status(before["lines"] + 1, before["connections"] + 1, events)

    def test_the_status_comes_once_a_second_while_events_flow(self):
        client = self.connect()
        client.request("arm", timer="t", every="1ms", notify=False)
        heard = [at for at, text in self.manager.listen(3.5) if STATUS.search(text)]
        self.assertIn(len(heard), range(2, 5))

    @unittest.skipIf(WRAPPER, "what sleeps is the tool that the daemon runs under")
    def test_a_daemon_with_nothing_to_do_sleeps_on(self):
        before = self.stats()
        client = self.connect()
        client.request("set", line="led", value=1)
        client.close()
        self.manager.wait_status(before["lines"], before["connections"], before["seq"] + 1)
        before = sleeps(self.daemon)
        self.assertEqual([], self.manager.listen(2.5))
        self.assertEqual(before, sleeps(self.daemon))

    def test_the_end_is_told_before_it_comes(self):
        self.daemon.signal(signal.SIGTERM)
        self.manager.wait(lambda text: text == "STOPPING=1", "of the end")
        self.assertEqual(0, self.daemon.wait_end())


class Watchdog(TestCase):
    CONFIG = None

    def begin(self, **environment):
        self.start(harness.BUTTONS_AND_LEDS, env=environment)
        self.manager = Manager(self.daemon)

    def begin_alone(self, environment, **settings):
        """Without a board, so that nobody is connected."""
        self.daemons.append(harness.Daemon(backend="sim", env=environment, **settings))
        return self.daemons[-1]

    def test_the_watchdog_hears_at_half_its_interval_that_the_loop_runs(self):
        self.begin(WATCHDOG_USEC="600000")
        self.manager.listen(2.45)
        self.assertIn(len(self.manager.times("WATCHDOG=1")), range(5 if PATIENCE == 1 else 2, 9))

    def test_a_standstill_is_not_made_up_for(self):
        self.begin(WATCHDOG_USEC="400000")
        self.manager.wait(lambda text: text == "WATCHDOG=1", "that it runs")
        with self.daemon.frozen():
            self.manager.listen(0.1)
            self.assertNotIn("WATCHDOG=1", [text for _, text in self.manager.listen(1)])
        heard = [text for _, text in self.manager.listen(0.3)]
        self.assertIn(heard.count("WATCHDOG=1"), (1, 2))

    def test_a_busy_loop_is_alive(self):
        self.begin(WATCHDOG_USEC="400000")
        self.connect().request("arm", timer="t", every="1ms", notify=False)
        self.manager.listen(1.5 * PATIENCE)
        times = self.manager.times("WATCHDOG=1")
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 0.4 * PATIENCE)

    @unittest.skipIf(WRAPPER, "what sleeps is the tool that the daemon runs under")
    def test_a_watchdog_that_is_not_meant_for_it_does_not_wake_it(self):
        for environment in ({"WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getpid())},
                            {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "-5"}, {"WATCHDOG_USEC": "soon"},
                            {"WATCHDOG_USEC": "99999999999999999999"}):
            with self.subTest(**environment):
                daemon = self.begin_alone(environment)
                before = sleeps(daemon)
                self.assertEqual([], Manager(daemon).listen(0.6))
                self.assertEqual(before, sleeps(daemon))

    def test_a_manager_that_does_not_read_delays_nobody(self):
        self.begin(WATCHDOG_USEC="10000")
        client = self.connect()
        time.sleep(0.5)  # a hundred messages, of which its socket takes as many as it does
        begin = time.monotonic()
        for _ in range(50):
            client.request("ping")
        self.assertLess(time.monotonic() - begin, 0.5 * PATIENCE)
        begin = time.monotonic()
        self.daemon.stop()
        self.assertLess(time.monotonic() - begin, 2 * PATIENCE)

    def test_a_manager_that_is_gone_is_said_once(self):
        self.begin(WATCHDOG_USEC="100000")
        os.unlink(os.path.join(self.daemon.directory, "notify"))
        wait_until(lambda: "cannot be told" in self.daemon.stderr(), "it says that nobody listens")
        time.sleep(0.3)
        self.assertEqual(1, self.daemon.stderr().count("cannot be told"))

    def test_a_socket_that_is_none_is_said_and_it_runs(self):
        for name in ("vsock:2:1234", "@", "/" + "x" * 120):
            with self.subTest(name=name):
                daemon = self.begin_alone({"NOTIFY_SOCKET": name}, wait=False)
                wait_until(lambda: "NOTIFY_SOCKET=%s" % name in daemon.stderr(), "it says so")
                wait_until(daemon.accepts, "it accepts connections")
