# SPDX-License-Identifier: MIT
"""A daemon that is killed, restarted or replaced, and nobody notices."""

import os
import random
import signal
import time

import machine
from machine import systemctl, wait_until
from trial import Trial

KILLS = 50


class Killer:
    """Kills the daemon, at any moment of its start or of its service."""

    def __init__(self, follower):
        self.follower = follower
        self.pid = machine.main_pid()
        self.start_s = 0.1  # how long starting has taken, so far at most
        self.unserved = 0

    def wait_started(self):
        """Waits for the next process, from its fork on."""
        def another():
            pid = machine.main_pid()
            return pid if pid != self.pid else None

        self.pid = wait_until(another, "another daemon is started", machine.PATIENCE_S)

    def wait_served(self, connections):
        began = time.monotonic()
        wait_until(lambda: self.follower.connections > connections or self.follower.error, "it serves",
                   machine.PATIENCE_S)
        self.start_s = max(self.start_s, time.monotonic() - began)

    def kill(self, while_it_starts):
        connections = self.follower.connections
        self.wait_started()
        if while_it_starts:
            time.sleep(random.uniform(0, self.start_s))
        else:
            self.wait_served(connections)
            time.sleep(random.uniform(0, 0.3))
        self.unserved += self.follower.connections == connections
        os.kill(self.pid, signal.SIGKILL)


class Restart(machine.TestCase):
    SECONDS = 400

    def test_killed_at_random_moments_loses_doubles_and_moves_nothing(self):
        trial = Trial(self)
        seed = random.randrange(1 << 32)
        random.seed(seed)
        print("(seed %d) " % seed, end="", flush=True)
        killer = Killer(trial.follower)
        os.kill(killer.pid, signal.SIGKILL)
        for n in range(KILLS):
            killer.kill(while_it_starts=n % 3 == 0)
        machine.wait_active()
        print("(%d of %d kills before it served) " % (killer.unserved, KILLS), end="")
        trial.examine()

    def test_restarted_again_and_again_loses_doubles_and_moves_nothing(self):
        trial = Trial(self)
        for verb in ("restart", "restart", "try-restart", "reload-or-restart", "restart"):
            systemctl(verb, machine.SERVICE)
        systemctl("daemon-reexec")
        systemctl("restart", machine.SERVICE)
        systemctl("restart", machine.SOCKET)
        machine.wait_active()
        trial.examine()

    def test_killed_by_the_watchdog_loses_doubles_and_moves_nothing(self):
        trial = Trial(self)
        pid = machine.main_pid()
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: machine.main_pid() not in (None, pid), "another daemon runs", machine.PATIENCE_S)
        machine.wait_active()
        trial.examine()

    def test_an_upgrade_of_the_package_loses_doubles_and_moves_nothing(self):
        trial = Trial(self)
        pid = machine.main_pid()
        machine.run("dpkg", "-i", machine.NEWER)
        self.addCleanup(machine.run, "dpkg", "-i", machine.PACKAGE)
        self.assertNotEqual(machine.main_pid(), pid)
        with machine.connect() as client:
            self.assertIn("newer", client.request("hello")["version"])
        trial.examine()


class Session(machine.TestCase):
    def restart(self):
        systemctl("restart", machine.SERVICE)

    def test_a_client_that_comes_back_with_its_session_still_has_its_line(self):
        client = self.connect()
        session = client.request("hello", client="owner")["session"]
        client.request("request", line="board:15", direction="output", initial=1)
        self.restart()
        client = self.connect()
        self.assertTrue(client.request("hello", client="owner", session=session)["taken_over"])
        line = client.request("lines", lines="board:15")["lines"][0]
        self.assertEqual([user["client"] for user in line["users"]], ["owner"])
        self.assertEqual(self.board.value(15), 1)

    def test_what_nobody_comes_back_for_is_released_after_the_grace(self):
        client = self.connect()
        client.request("request", line="board:15", direction="output", initial=1)
        self.restart()
        self.assertEqual(self.board.value(15), 1)
        watcher = self.client()
        watcher.request("subscribe", lines="*")
        watcher.wait_for(20, event="line", change="released")
        self.assertFalse(watcher.request("lines", lines="board:15")["lines"][0]["held"])

    def test_a_pulse_ends_in_time_over_a_restart(self):
        client = self.connect()
        client.request("set", line="low", value=1, pulse="4s")
        began = time.monotonic()
        os.kill(machine.main_pid(), signal.SIGKILL)
        wait_until(lambda: self.board.value(9) == 0, "the pulse ends")
        self.assertGreater(time.monotonic() - began, 3.5)
        self.assertLess(time.monotonic() - began, 6)
