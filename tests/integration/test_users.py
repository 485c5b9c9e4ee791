# SPDX-License-Identifier: MIT
"""What one user's clients have together, and that no user takes what is another's."""

import json
import socket
import time

import manager
import user
from harness import BUTTONS_AND_LEDS, PATIENCE, Deadline, TestCase, wait_until
from user import NOBODY, PANEL, STAFF, becomes


@user.as_root
class Case(TestCase):
    def start(self, *args, **settings):
        daemon = super().start(*args, **settings)
        user.let_in(daemon)
        return daemon

    def connect_as(self, uid, **settings):
        with becomes(uid):
            return self.connect(**settings)


class Shares(Case):
    DAEMON = ("socket-mode = 0666\nconnections = 20\nconnections-per-uid = 3\n"
              "timers = 20\ntimers-per-client = 4\ntimers-per-uid = 6\nlines-per-uid = 3")

    def test_connections_of_one_user_are_counted_together_and_not_with_anothers(self):
        for client in [self.connect_as(PANEL) for _ in range(3)]:
            client.request("ping")
        refused = self.connect_as(PANEL)
        refused.pending.append((None, None))
        error = refused.reply()["error"]
        self.assertEqual("limit", error["code"])
        self.assertIn("connections-per-uid", error["message"])
        self.connect_as(STAFF).request("ping")

    def test_timers_of_one_user_are_counted_together_and_not_with_anothers(self):
        one, two, other = self.connect_as(PANEL), self.connect_as(PANEL), self.connect_as(STAFF)
        for i in range(4):
            one.request("arm", timer="a%d" % i, after="1h")
        for i in range(2):
            two.request("arm", timer="b%d" % i, after="1h")
        self.assertIn("timers-per-uid", two.refuse("arm", "limit", timer="b2", after="1h")["message"])
        two.request("arm", timer="a0", after="1h")  # armed again it takes no more
        other.request("arm", timer="c0", after="1h")
        one.request("disarm", timer="a1")
        two.request("arm", timer="b2", after="1h")

    def test_a_kept_timer_counts_until_it_ends(self):
        for round in range(2):
            client = self.connect_as(PANEL)
            for i in range(3):
                client.request("arm", timer="%d%d" % (round, i), after="1h", keep=True)
            client.close()
        client = self.connect_as(PANEL)
        client.refuse("arm", "limit", timer="more", after="1h")
        client.request("disarm", timer="00")
        client.request("arm", timer="more", after="1h")

    def test_lines_that_no_configuration_names_are_counted_together(self):
        one, two, other = self.connect_as(PANEL), self.connect_as(PANEL), self.connect_as(STAFF)
        one.request("request", lines=["FREE0", "FREE1"], direction="input")
        two.request("subscribe", line="FREE0")
        for op, fields in (("request", {"direction": "input"}), ("subscribe", {})):
            error = two.refuse(op, "limit", line="FREE2", **fields)
            self.assertIn("lines-per-uid", error["message"])
        two.request("subscribe", line="button")  # which the configuration names
        two.request("subscribe", line="FREE0", edges="rising")  # which it uses already
        other.request("subscribe", line="FREE2")
        one.close()
        wait_until(lambda: two.ask("subscribe", line="FREE3")["ok"], "the other's lines are free")

    def test_a_request_that_would_go_beyond_takes_nothing(self):
        client = self.connect_as(PANEL)
        client.refuse("request", "limit", lines=["FREE0", "FREE1", "FREE2", "FREE3"], direction="input")
        self.assertFalse(client.request("lines", line="FREE0")["lines"][0]["held"])
        client.request("request", lines=["FREE0", "FREE1", "FREE2"], direction="input")


class Requests(Case):
    DAEMON = "socket-mode = 0666\nrequests-per-uid = 200"

    def flood(self, n):
        client = self.connect_as(PANEL)
        client.socket.sendall(b'{"op":"ping"}\n' * n)
        return client

    def received(self, client, n):
        data = b""
        client.socket.settimeout(10 * PATIENCE)
        while data.count(b"\n") < n:
            data += client.socket.recv(1 << 16)
        self.assertEqual(n, data.count(b'"ok":true'))

    def answered_so_far(self, client):
        client.socket.setblocking(False)
        data = b""
        try:
            while True:
                data += client.socket.recv(1 << 16)
        except BlockingIOError:
            return data.count(b"\n")

    def test_what_is_more_than_a_seconds_worth_waits_and_is_answered_all_the_same(self):
        begin = time.monotonic()
        self.received(self.flood(300), 300)
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)

    def test_a_seconds_worth_is_answered_at_once(self):
        begin = time.monotonic()
        self.received(self.flood(200), 200)
        self.assertLess(time.monotonic() - begin, 0.9 * PATIENCE)

    def test_connections_of_one_user_wait_together_and_others_do_not(self):
        begin_s = time.monotonic()
        flooders = [self.flood(500) for _ in range(4)]
        other = self.connect_as(STAFF)
        begin = time.monotonic()
        for _ in range(50):
            other.request("ping")
        self.assertLess(time.monotonic() - begin, 0.5 * PATIENCE)
        answered = sum(self.answered_so_far(flooder) for flooder in flooders)
        # A second's worth, what is due since, and what is given ahead of a pause that ends.
        self.assertLessEqual(answered, 200 + 200 * (time.monotonic() - begin_s) + 10)
        self.assertGreaterEqual(answered, 200)

    def test_the_daemon_sleeps_while_requests_wait(self):
        flooders = [self.flood(5000) for _ in range(4)]
        self.connect_as(STAFF).request("ping")
        self.assert_idle()
        # Also when who sent them has hung up, or has ended its input.
        flooders[0].close()
        flooders[1].socket.shutdown(socket.SHUT_WR)
        flooders[2].socket.shutdown(socket.SHUT_RD)
        self.assert_idle()

    def test_a_last_line_without_its_end_waits_as_others_do(self):
        client = self.flood(250)
        client.socket.sendall(b'{"op":"ping"}')
        client.socket.shutdown(socket.SHUT_WR)
        self.received(client, 251)

    def test_a_user_who_waits_gets_events_all_the_same(self):
        watcher, root = self.connect_as(PANEL), self.connect()
        watcher.request("subscribe", line="led")
        self.flood(1000)
        root.request("set", line="led", value=1)
        watcher.wait_for(seconds=0.5 * PATIENCE, event="output", line="led")


class Turns(Case):
    DAEMON = "socket-mode = 0666\nrequests-per-uid = 1000000"

    def test_a_user_with_many_busy_connections_does_not_starve_one_with_one(self):
        observer = self.connect()
        crowd = [self.connect_as(PANEL) for _ in range(40)]
        single = self.connect_as(STAFF)
        for client in crowd + [single]:
            client.request("ping")
        start = observer.request("subscribe", line="led")["seq"]
        request = json.dumps({"op": "toggle", "line": "led"}).encode() + b"\n"
        with self.daemon.frozen():
            for client in crowd + [single]:
                client.socket.sendall(request * 320)
        uids = []
        while len(uids) < 41 * 320:
            uids.append(observer.expect(event="output")["by"]["uid"])
        self.assertEqual(start + len(uids), observer.request("ping")["seq"])
        # By the time the one has had all of its own, the others have had about as much together.
        last = max(i for i, uid in enumerate(uids) if uid == STAFF)
        self.assertLess(last, 4 * 320)


class Timers(Case):
    DAEMON = "socket-mode = 0666"

    def test_nobody_arms_or_stops_the_timer_of_another_user(self):
        one, other = self.connect_as(PANEL), self.connect_as(STAFF)
        one.request("arm", timer="t", after="1h")
        for op, fields in (("arm", {"after": "1s"}), ("disarm", {})):
            error = other.refuse(op, "denied", timer="t", **fields)
            self.assertIn(str(PANEL), error["message"])
            self.assertEqual("timer", error["field"])
        self.assertTrue(self.connect_as(PANEL).request("disarm", timer="t")["was_armed"])

    def test_a_kept_timer_stays_its_users(self):
        one, other = self.connect_as(PANEL), self.connect_as(STAFF)
        one.request("arm", timer="t", after="1h", keep=True)
        one.close()
        other.refuse("disarm", "denied", timer="t")
        self.assertTrue(self.connect_as(PANEL).request("disarm", timer="t")["was_armed"])

    def test_an_admin_may_stop_every_timer(self):
        self.connect_as(PANEL).request("arm", timer="t", after="1h", keep=True)
        self.assertTrue(self.connect().request("disarm", timer="t")["was_armed"])

    def test_without_rules_a_timer_of_another_user_can_be_followed(self):
        follower = self.connect_as(STAFF)
        follower.request("subscribe", timers="t")
        self.connect_as(PANEL).request("arm", timer="t", after="0s", keep=True)
        follower.wait_for(event="timer", timer="t")


class TimersUnderRules(Case):
    DAEMON = "socket-mode = 0666"
    CONFIG = BUTTONS_AND_LEDS + """
[access everybody]
users = *
lines = led
verbs = set watch

[access boss]
users = 20002
verbs = admin
"""

    def test_a_users_timers_are_seen_by_its_clients_and_admins_only(self):
        one, same, other, boss = (self.connect_as(uid) for uid in (PANEL, PANEL, NOBODY, STAFF))
        hello = one.request("hello")
        for client in (same, other, boss):
            client.request("subscribe", lines="*", timers="*")
        one.request("arm", timer="t", after="0s", tag="secret")
        one.request("arm", timer="u", after="1h", keep=True)
        one.wait_for(event="timer", timer="t")
        for client, sees in ((same, True), (other, False), (boss, True)):
            self.assertEqual(["t"] * sees, [event["timer"] for event in client.drain()])
            self.assertEqual(["u"] * sees, [timer["timer"] for timer in client.request("timers")["timers"]])
        late = self.connect_as(NOBODY)
        reply = late.request("subscribe", lines="*", timers="t", since=hello["seq"], instance=hello["instance"])
        self.assertEqual(0, reply["replay"])


class Descriptors(Case):
    def test_descriptors_that_a_client_sends_are_dropped(self):
        client = self.connect()
        client.request("ping")
        before = self.daemon.n_fds()
        for _ in range(20):
            client.pending.append(("ping", None))
            with open("/dev/null") as a, open("/dev/null") as b:
                message = json.dumps({"op": "ping"}).encode() + b"\n"
                socket.send_fds(client.socket, [message], [a.fileno(), b.fileno()])
        for _ in range(20):
            client.read_line(Deadline())
        self.assertEqual(before, self.daemon.n_fds())


@user.as_root
class Restarted(manager.Case):
    """What a user has counts, and what it may do holds, also for what an earlier daemon left."""

    DAEMON = "socket-mode = 0666\ntimers-per-uid = 2\nlines-per-uid = 2"

    def setUp(self):
        super().setUp()
        user.let_in(self.daemon)

    def connect_as(self, uid):
        with becomes(uid):
            return self.connect()

    def test_kept_timers_and_lines_count_on(self):
        client = self.connect_as(PANEL)
        client.request("arm", timer="t", after="1h", keep=True)
        client.request("arm", timer="u", after="1h", keep=True)
        client.request("request", line="FREE0", direction="output", keep=True)
        client.close()
        root = self.connect()
        wait_until(lambda: all(entry["uid"] == 0 for entry in root.request("clients")["clients"]), "it has left")
        self.restart()
        client = self.connect_as(PANEL)
        client.refuse("arm", "limit", timer="v", after="1h")
        client.request("request", line="FREE1", direction="input")
        client.refuse("request", "limit", line="FREE2", direction="input")
        self.connect_as(STAFF).refuse("disarm", "denied", timer="t")
        client.request("disarm", timer="t")
        client.request("arm", timer="v", after="1h")

    def test_a_timer_of_before_writes_what_its_user_may_write_now(self):
        client = self.connect_as(PANEL)
        client.request("arm", timer="t", every="300ms", values={"led": 1}, keep=True)
        client.close()
        rules = "[access panel]\nusers = %d\nlines = led\nverbs = watch\n" % PANEL
        self.restart(config=BUTTONS_AND_LEDS + rules)
        watcher = self.connect_as(PANEL)
        watcher.request("subscribe", lines="*", timers="t")
        self.assertEqual("denied", watcher.wait_for(event="timer", timer="t")["error"]["code"])
        self.assertEqual(0, watcher.request("get", line="led")["values"]["led"])
