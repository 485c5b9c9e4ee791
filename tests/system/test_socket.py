# SPDX-License-Identifier: MIT
"""Socket activation, readiness, the watchdog."""

import os
import signal
import subprocess
import time

import machine
from machine import show, systemctl, wait_until


class Activation(machine.TestCase):
    def test_the_first_connection_starts_the_daemon(self):
        self.assertIsNone(machine.main_pid())
        client = self.connect()
        self.assertEqual(client.request("get", line="high")["values"], {"high": 1})
        self.assertEqual(self.board.value(8), 1)

    def test_a_client_that_writes_before_the_daemon_is_up_is_answered(self):
        clients = [self.connect() for _ in range(5)]
        for client in clients:
            client.send("ping")
        for client in clients:
            self.assertTrue(client.reply()["ok"])

    def test_ready_means_that_every_line_is_held(self):
        """systemctl start returns at READY; from then on the outputs are driven, before any client comes."""
        systemctl("start", machine.SERVICE)
        self.assertEqual([self.board.value(offset) for offset in (8, 9)], [1, 0])
        self.assertEqual(self.client().request("get", lines=["high", "low"])["values"], {"high": 1, "low": 0})

    def is_answered(self, client):
        """The old daemon may end a connection without an answer, which is no fault."""
        try:
            client.send("ping")
            return client.message() is not None
        except ConnectionError:
            return False

    def test_the_socket_survives_a_restart_and_a_client_that_connects_meanwhile_waits(self):
        self.client()
        restart = subprocess.Popen(["systemctl", "restart", machine.SERVICE])
        served = 0
        while restart.poll() is None:
            with self.connect() as client:  # never refused
                served += self.is_answered(client)
        self.assertEqual(restart.returncode, 0)
        self.assertGreater(served, 0)
        self.client()

    def test_a_bad_configuration_keeps_the_service_from_starting_and_the_journal_names_the_line(self):
        machine.configure("[line button]\nlien = board:0\n")
        code, _ = machine.status("systemctl", "start", machine.SERVICE)
        self.assertNotEqual(code, 0)
        self.assertIn("test.conf:2", machine.journal(self.began, "-u", machine.SERVICE))
        machine.configure(self.CONFIG)
        systemctl("start", machine.SERVICE)
        self.client()


class Watchdog(machine.TestCase):
    def setUp(self):
        super().setUp()
        self.interval_s = 5

    def test_a_daemon_that_stands_still_is_killed_and_replaced(self):
        self.client()
        before = machine.main_pid()
        began = time.monotonic()
        os.kill(before, signal.SIGSTOP)
        wait_until(lambda: machine.main_pid() not in (None, before), "another daemon runs", machine.PATIENCE_S)
        self.client()
        self.assertLess(time.monotonic() - began, 2 * self.interval_s)
        self.assertIn("Watchdog timeout", machine.journal(self.began))

    def test_a_daemon_that_has_nothing_to_do_lives_on(self):
        self.client()
        before = machine.main_pid()
        time.sleep(1.5 * self.interval_s)
        self.assertEqual(machine.main_pid(), before)
        self.assertEqual(show("NRestarts"), "0")
