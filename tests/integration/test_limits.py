# SPDX-License-Identifier: MIT
"""Each limit at its value and one beyond."""

import board
from harness import ANY, BACKEND, TestCase, only, wait_until


class Connections(TestCase):
    DAEMON = "connections = 12\nconnections-per-uid = 12"

    def fill_to(self, limit):
        clients = []
        for _ in range(limit - self.stats()["connections"]):
            clients.append(self.connect())
            clients[-1].request("ping")
        return clients

    def refused(self):
        client = self.connect()
        client.pending.append((None, ANY))
        error = client.reply()["error"]
        self.assertEqual("limit", error["code"])
        client.expect_end()
        return error

    def test_the_last_connection_is_served_and_the_next_refused(self):
        clients = self.fill_to(12)
        self.assertIn("12", self.refused()["message"])
        clients[0].request("ping")
        self.assertEqual(12, clients[0].request("stats")["connections"])
        clients[1].close()
        wait_until(lambda: clients[0].request("stats")["connections"] == 11, "a connection is free")
        self.connect().request("ping")
        self.refused()

    def test_refusals_are_counted(self):
        clients = self.fill_to(12)
        for _ in range(5):
            self.refused()
        self.assertEqual(5, clients[0].request("stats")["counters"]["refused"])


class ConnectionsPerUser(Connections):
    DAEMON = "connections = 100\nconnections-per-uid = 12"


class Timers(TestCase):
    DAEMON = "timers = 8\ntimers-per-client = 5"

    def arm(self, client, n, begin=0):
        for i in range(begin, begin + n):
            client.request("arm", timer="t%d" % i, after="1h")

    def test_a_client_has_its_share_and_no_more(self):
        client = self.connect()
        self.arm(client, 4)
        client.request("arm", timer="~t", after="1h")
        self.assertIn("5", client.refuse("arm", "limit", timer="one-more", after="1h")["message"])
        client.request("arm", timer="t0", after="2h")  # arming again takes no more
        client.request("disarm", timer="t1")
        client.request("arm", timer="one-more", after="1h")

    def test_all_together_have_theirs_and_no_more(self):
        one, two = self.connect(), self.connect()
        self.arm(one, 5)
        self.arm(two, 3, 5)
        self.assertIn("8", two.refuse("arm", "limit", timer="one-more", after="1h")["message"])
        one.close()
        self.wait_stats(timers=3)
        self.arm(two, 2, 10)

    def test_a_timer_that_expired_counts_no_more(self):
        client = self.connect()
        for _ in range(20):
            client.request("arm", timer="~t", after="0s")
            client.expect(event="timer")

    def test_a_kept_timer_counts_no_more_for_who_left(self):
        one, two = self.connect(), self.connect()
        for i in range(5):
            one.request("arm", timer="t%d" % i, after="1h", keep=True)
        one.close()
        self.arm(two, 3, 10)
        two.refuse("arm", "limit", timer="one-more", after="1h")


class Names(TestCase):
    def test_64_timer_names_may_be_subscribed_and_no_more(self):
        client = self.connect()
        names = ["t%d" % i for i in range(64)]
        client.request("subscribe", timers=names)
        client.request("subscribe", timers=names[:3])
        client.refuse("subscribe", "limit", timers="one-more")
        client.request("unsubscribe", timers="t0")
        client.request("subscribe", timers="one-more")
        self.connect().refuse("subscribe", "limit", timers=names + ["one-more"])


class Aliases(TestCase):
    # Each request may bring an alias: without a limit one client took all memory, and made each look-up
    # of a name slower and slower.
    def test_256_aliases_and_no_more(self):
        client, other = self.connect(), self.connect()
        for i in range(256):
            client.request("request", line="FREE0", alias="a%d" % i)
        client.request("request", line="FREE0", alias="a0")
        self.assertIn("256", client.refuse("request", "limit", line="FREE1", alias="one-more")["message"])
        self.assertFalse(client.request("lines", line="FREE1")["lines"][0]["held"])
        other.request("request", line="FREE1", alias="one-more")
        client.request("release", line="FREE0")
        client.request("request", line="FREE0", alias="one-more")


class Descriptors(TestCase):
    # Only the end of a connection made the daemon listen again; when a line gave its descriptor back, or
    # another program did, it was deaf for good.
    def test_it_listens_again_when_a_line_has_given_its_descriptor_back(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input", keep=True)
        self.connect().request("ping")  # takes the number below, should the chip have been opened for the line
        with self.daemon.no_descriptor_left():
            refused = self.connect()
            refused.pending.append((None, ANY))
            self.assertEqual("limit", refused.reply()["error"]["code"])
            refused.expect_end()
            self.assert_idle()
            client.request("release", line="FREE0")
            self.connect().request("ping")


@only("sim", "gpio-sim's largest chip is smaller")
class Lines(TestCase):
    CONFIG = None
    DAEMON = "lines-per-uid = 1024"

    def setUp(self):
        super().setUp()
        self.board = board.make(BACKEND, [board.numbered("big", 1024, "L"), board.numbered("more", 8, "M")])
        self.start()

    def test_1024_lines_may_be_in_use_and_no_more(self):
        client, other = self.connect(), self.connect()
        client.request("subscribe", lines=["L%d" % i for i in range(1000)])
        other.request("request", lines=["L%d" % i for i in range(1000, 1024)], direction="input")
        other.refuse("subscribe", "limit", line="M0")
        other.refuse("request", "limit", line="M0", direction="output")
        self.assertEqual(1024, self.stats()["lines"])
        client.request("unsubscribe", line="L0")
        other.request("subscribe", line="M0")

    def test_a_request_that_would_go_beyond_takes_nothing(self):
        client = self.connect()
        client.request("subscribe", lines=["L%d" % i for i in range(1020)])
        client.refuse("subscribe", "limit", lines=["L1020", "L1021", "L1022", "L1023", "M0"])
        self.assertEqual(1020, self.stats()["lines"])

    # The reply to many lines was too long: an error, but by then the lines had been taken.
    def test_32_lines_in_one_request_operation_and_no_more(self):
        client = self.connect()
        names = ["L%d" % i for i in range(33)]
        client.refuse("request", "limit", lines=names, direction="output")
        self.assertEqual(0, self.stats()["lines"])
        client.request("request", lines=names[:32], direction="output")
        self.assertEqual(32, self.stats()["lines"])

    def test_1024_names_in_one_request_and_no_more(self):
        client = self.connect()
        reply = client.request("get", lines=["L%d" % i for i in range(1024)])
        self.assertEqual(1024, len(reply["values"]))
        error = client.ask("get", lines=["L%d" % i for i in range(1024)] + ["M0"])["error"]
        self.assertIn(error["code"], ("limit", "out-of-range"))

    def test_all_of_1024_lines_report_edges(self):
        client = self.connect()
        client.request("subscribe", lines=["L%d" % i for i in range(1024)])
        self.board.attach(self.daemon)
        self.board.play([(i, 1) for i in range(1024)])
        self.assertEqual({"L%d" % i for i in range(1024)}, {client.expect(event="edge", value=1)["line"] for _ in range(1024)})


class Memory(TestCase):
    def test_hundreds_of_connections_that_come_and_go_leave_no_memory_behind(self):
        def rounds(n):
            for _ in range(n):
                clients = [self.daemon.connect() for _ in range(100)]
                for client in clients:
                    client.request("subscribe", lines=["button", "FREE0"], timers="*")
                    client.request("arm", timer="~t", every="1h")
                for client in clients:
                    client.close()

        before = self.stats()
        rounds(3)
        self.wait_stats(connections=before["connections"], timers=0, lines=before["lines"])
        rss, fds = self.daemon.rss(), self.daemon.n_fds()
        rounds(5)
        self.wait_stats(connections=before["connections"], timers=0, lines=before["lines"])
        self.assertLess(self.daemon.rss() - rss, 512 << 10)
        wait_until(lambda: self.daemon.n_fds() == fds, "the daemon has %d descriptors again" % fds)
