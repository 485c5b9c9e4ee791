# SPDX-License-Identifier: MIT
"""Rules 17, 27, 28 and 30: what there is, who is there, and the daemon about itself."""

import json
import os
import socket
import threading
import time

import board
from harness import ABSENT, BACKEND, PATIENCE, TestCase, only, wait_until


class Lists(TestCase):
    def test_chips_are_listed(self):
        chips = {chip["label"]: chip for chip in self.connect().request("chips")["chips"]
                 if chip["label"].startswith("board-")}
        self.assertEqual([32, 4], [chips[label]["lines"] for label in ("board-a", "board-b")])
        self.assertEqual([self.board.chip_name(0), self.board.chip_name(1)],
                         [chips[label]["name"] for label in ("board-a", "board-b")])
        for chip in chips.values():
            self.assertEqual({"name", "label", "lines", "available"}, set(chip))
            self.assertIs(True, chip["available"])

    def pages(self, **fields):
        client = self.connect()
        rows, after = [], {}
        while True:
            reply = client.request("lines", **dict(fields, **after))
            rows.append(reply["lines"])
            if "next" not in reply:
                return rows
            after = {"after": reply["next"]}

    def test_lines_come_in_pages_each_line_once(self):
        whole = [info["line"] for page in self.pages() for info in page]
        self.assertEqual(len(whole), len(set(whole)))
        ours = [info for page in self.pages() for info in page if info["label"].startswith("board-")]
        self.assertEqual(36, len(ours))
        for limit in (1, 5, 7, 36, 1024):
            pages = self.pages(limit=limit)
            self.assertEqual(whole, [info["line"] for page in pages for info in page])
            self.assertLessEqual(max(map(len, pages)), limit)

    def test_named_lines_are_described_in_the_order_asked(self):
        client = self.connect()
        reply = client.request("lines", lines=["led", "FREE0", "button"])
        self.assertEqual(["led", "FREE0", "button"], [info["line"] for info in reply["lines"]])
        client.refuse("lines", "unknown-line", lines=["led", "nothing"])

    def test_a_line_object_tells_names_settings_and_value(self):
        client = self.connect()
        info = client.request("lines", line="bell")["lines"][0]
        wanted = {"line": "bell", "name": "IN2", "chip": self.board.chip_name(), "label": "board-a", "offset": 2,
                  "held": True, "value": 0, "direction": "input", "active_low": True, "bias": "pull-up"}
        self.assertEqual(wanted, {key: info[key] for key in wanted})
        info = client.request("lines", line="lamp")["lines"][0]
        self.assertEqual((0, "output", True, "push-pull"),
                         (info["value"], info["direction"], info["active_low"], info["drive"]))
        info = client.request("lines", line="FREE0")["lines"][0]
        self.assertEqual((False, None, []), (info["held"], info["value"], info["users"]))
        info = client.request("lines", line=self.board.spelling(30))["lines"][0]
        self.assertEqual("", info.get("name", ""))

    def test_users_are_the_connections_with_their_names(self):
        client = self.connect()
        peer = client.request("hello", client="lift")["peer"]
        client.request("request", line="FREE0", direction="input")
        users = client.request("lines", line="FREE0")["lines"][0]["users"]
        self.assertEqual([{"client": "lift", "peer": peer, "pid": os.getpid(), "uid": os.getuid()}], users)

    def test_a_line_event_fits_1_kib_however_many_users_there_are(self):
        watcher = self.connect()
        watcher.request("subscribe", lines="*")
        clients = [self.connect() for _ in range(40)]
        for i, client in enumerate(clients):
            client.request("hello", client=("client-%02d-" % i).ljust(64, "x"))
            client.request("request", line="FREE0", direction="input")
        clients[0].request("request", line="FREE0", active_low=True)
        event = watcher.wait_for(event="line", line="FREE0", change="reconfigured")
        self.assertEqual(40, len(event["info"]["users"]) + event["info"]["more_users"])


class Daemon(TestCase):
    def test_hello_tells_what_the_daemon_is(self):
        client = self.connect()
        hello = client.request("hello", client="lift", protocol=1)
        self.assertEqual((1, BACKEND), (hello["protocol"], hello["backend"]))
        self.assertEqual({"see", "watch", "set", "configure"}, set(hello["access"]) - {"admin"})
        self.assertEqual(BACKEND == "sim", "simulate" in hello["capabilities"])
        self.assertRegex(hello["instance"], "^[0-9a-f]{16}$")
        self.assertRegex(hello["version"], r"^\d+\.\d+")

    def test_each_connection_has_its_own_number(self):
        self.assertEqual(3, len({self.connect().request("hello")["peer"] for _ in range(3)}))

    def test_a_protocol_that_is_not_spoken_is_refused_and_the_connection_goes_on(self):
        client = self.connect()
        for protocol in (0, 2, 1000):
            self.assertEqual([1], client.refuse("hello", "unsupported", protocol=protocol)["supported"])
        client.request("ping")
        client.request("hello", protocol=1)

    def test_a_new_name_replaces_the_old_one(self):
        client = self.connect()
        client.request("subscribe", line="led")
        for name in ("one", "two"):
            client.request("hello", client=name)
            client.request("toggle", line="led")
            self.assertEqual(name, client.event()["by"]["client"])

    def test_a_client_without_a_name_has_none(self):
        client = self.connect()
        client.request("subscribe", line="led")
        client.request("toggle", line="led")
        self.assertIn(client.event()["by"].get("client", ""), ("",))

    def test_stats_count(self):
        client = self.connect()
        client.request("subscribe", lines=["button", "led"])
        before = client.request("stats")
        self.board.press("IN0", 0)
        client.expect(event="edge")
        client.request("set", line="led", value=1)
        client.request("arm", timer="t", after="0s")
        client.expect(event="output")
        client.expect(event="timer")
        client.refuse("get", "unknown-line", line="nothing")
        after = client.request("stats")
        grown = {key: after["counters"][key] - before["counters"][key] for key in before["counters"]}
        self.assertEqual((3, 1, 1, 1, 1), tuple(grown[key] for key in ("events", "edges", "outputs", "expirations", "errors")))
        self.assertEqual({"events", "edges", "outputs", "expirations", "lost_kernel", "lost_readers", "requests", "errors",
                          "accepted", "refused", "sent_bytes", "wakeups"}, set(after["counters"]))
        self.assertGreaterEqual(grown["requests"], 4)
        self.assertGreater(grown["sent_bytes"], 300)
        self.assertEqual((before["connections"], before["lines"], 0), (after["connections"], after["lines"], after["timers"]))
        self.assertEqual({"size", "used", "oldest"}, set(after["log"]))
        self.assertEqual(sum(row["count"] for row in before["latency"]) + 1, sum(row["count"] for row in after["latency"]))

    @only("gpiod", "the simulated backend can simulate")
    def test_simulate_is_unsupported_on_real_lines(self):
        client = self.connect()
        client.refuse("simulate", "unsupported", line="button", value=0)

    @only("sim", "real lines cannot be simulated")
    def test_simulate_drives_inputs_and_chips_only(self):
        client = self.connect()
        client.request("simulate", lines=["button", "door"], value=0)
        self.assertEqual({"button": 0, "door": 0}, client.request("get", lines=["button", "door"])["values"])
        self.assertFalse(client.ask("simulate", line="led", value=1)["ok"])
        client.refuse("simulate", "unknown-line", line="nothing", value=1)
        for fields in ({}, {"line": "button"}, {"value": 1}, {"chip": "board-a"}, {"present": True}):
            client.refuse("simulate", "missing-field", **fields)
        self.assertFalse(client.ask("simulate", chip="nothing", present=False)["ok"])
        self.assertEqual({"bell": 1}, client.request("get", line="bell")["values"]
                         if client.request("simulate", line="bell", value=0) else None)


class DefaultBoard(TestCase):
    CONFIG = None

    @only("sim", "the default board is a simulated one")
    def test_without_a_configuration_there_is_a_board_of_28_lines(self):
        import harness
        daemon = harness.Daemon("")
        self.daemons.append(daemon)
        client = self.connect(daemon)
        self.assertEqual([{"name": "gpiochip0", "label": "gpioeventd-sim", "lines": 28, "available": True}],
                         client.request("chips")["chips"])
        self.assertEqual(["GPIO%d" % i for i in range(28)], [info["name"] for info in client.request("lines")["lines"]])
        self.assertEqual({"GPIO23": 1}, client.request("subscribe", line="GPIO23", bias="pull-up")["values"])
        client.request("simulate", line="GPIO23", value=0)
        client.expect(event="edge", line="GPIO23", edge="falling")


class Crowd:
    """Clients that send one request as often as it is taken, and read all that comes, until stop()."""

    def __init__(self, clients, request):
        self.n_received = 0
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=work, args=(client.socket, request), daemon=True)
                        for client in clients for work in (self.write, self.read)]
        for client in clients:
            client.socket.settimeout(None)
        for thread in self.threads:
            thread.start()

    def write(self, s, request):
        while not self.stopped.is_set():
            s.sendall(request)
        s.shutdown(socket.SHUT_WR)

    def read(self, s, request):
        while True:
            data = s.recv(1 << 18)
            if not data:
                return
            self.n_received += len(data)

    def wait_busy(self):
        wait_until(lambda: self.n_received > 10000, "the crowd is busy")

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


class Star(TestCase):
    def test_the_star_is_refused_where_it_means_nothing(self):
        client = self.connect()
        for op, rest in (("get", {}), ("toggle", {}), ("release", {}), ("request", {}), ("set", {"value": 1})):
            self.assertEqual("lines", client.refuse(op, "out-of-range", lines="*", **rest)["field"])
        self.assertTrue(client.request("lines", lines="*")["lines"])


@only("sim", "gpio-sim's largest chip is smaller")
class ManyLines(TestCase):
    CONFIG = None
    DAEMON = "log-size = 64K\nlines-per-uid = 1024"

    def setUp(self):
        super().setUp()
        self.board = board.make(BACKEND, [board.numbered("big", 1000, "a-rather-long-name-")])
        self.start()

    def test_a_long_list_is_paged_within_64_kib_though_nobody_asked(self):
        client = self.connect()
        names, after = [], {}
        while True:
            reply = client.request("lines", **after)
            names += [info["name"] for info in reply["lines"]]
            if "next" not in reply:
                break
            after = {"after": reply["next"]}
        self.assertEqual(["a-rather-long-name-%d" % i for i in range(1000)], names)

    def take_all(self, client):
        for i in range(0, 1000, 25):
            client.request("request", lines=["a-rather-long-name-%d" % j for j in range(i, i + 25)], direction="output")

    def test_values_of_the_star_that_do_not_fit_say_where_to_go_on(self):
        client = self.connect()
        self.take_all(client)
        reply = client.request("subscribe", lines="*")
        self.assertLess(len(reply["values"]), 1000)
        rest = client.request("lines", after=reply["next"], limit=1)["lines"][0]["line"]
        self.assertEqual("a-rather-long-name-%d" % len(reply["values"]), rest)

    # The reply was found to be too long when the lines had been written: an error, and yet an effect.
    def test_what_would_be_answered_with_more_than_64_kib_has_no_effect(self):
        client = self.connect()
        self.take_all(client)
        names = ["a-rather-long-name-%d" % i for i in range(1000)]
        seq = client.request("ping")["seq"]
        client.refuse("set", "limit", values={name: 1 for name in names})
        client.refuse("toggle", "limit", lines=names)
        client.refuse("release", "limit", lines=names)
        self.assertEqual(seq, client.request("ping")["seq"])
        self.assertEqual({names[0]: 0}, client.request("get", line=names[0])["values"])

    # A request of many names uses up the time of a round; the others went to the end of the queue at each
    # round, and the one client came first again, for ever.
    def test_a_busy_crowd_does_not_starve_a_ping(self):
        request = json.dumps({"op": "get", "lines": ["a-rather-long-name-%d" % i for i in range(400)]}).encode() + b"\n"
        crowd = Crowd([self.connect() for _ in range(3)], request)
        self.addCleanup(crowd.stop)
        crowd.wait_busy()
        client = self.connect()
        for _ in range(5):
            begin = time.monotonic()
            client.request("ping")
            self.assertLess(time.monotonic() - begin, 1 * PATIENCE)

    def test_a_lost_with_very_many_values_fits_64_kib(self):
        stuck, writer = self.connect(), self.connect()
        self.take_all(writer)
        stuck.request("subscribe", lines="*")
        for _ in range(10):
            for i in range(0, 1000, 100):
                writer.request("toggle", lines=["a-rather-long-name-%d" % j for j in range(i, i + 100)])
        writer.request("release", line="a-rather-long-name-0")
        events = [stuck.event()]
        while events[-1]["event"] != "line":
            events.append(stuck.event())
        lost = [event for event in events if event["event"] == "lost"]
        self.assertEqual(10000, sum(event.get("count", 1) for event in events if event["event"] != "line"))
        self.assertTrue(lost)
        for event in lost:
            self.assertTrue(event.get("truncated") or len(event["values"]) == 1000, len(event["values"]))


@only("sim", "gpio-sim's largest chip is smaller")
class ManyBusyLines(TestCase):
    CONFIG = None

    def setUp(self):
        super().setUp()
        self.board = board.make(BACKEND, [board.numbered("big", 201, "L")])
        self.start()

    # Of more lines than are read in one round those that came last were left out at each round, as long as
    # the first ones went on having edges.
    def test_a_flood_on_many_lines_does_not_starve_another_line(self):
        client = self.connect()
        names = ["L%d" % i for i in range(200)]
        client.request("subscribe", lines=names, edges="none")
        client.request("subscribe", line="L200")
        rows = [{"op": "simulate", "lines": names, "value": value} for value in (1, 0)]
        crowd = Crowd([self.connect() for _ in range(2)], b"".join(json.dumps(row).encode() + b"\n" for row in rows))
        self.addCleanup(crowd.stop)
        crowd.wait_busy()
        for value in (1, 0, 1):
            begin = time.monotonic()
            client.request("simulate", line="L200", value=value)
            client.wait_for(event="edge", line="L200", value=value)
            self.assertLess(time.monotonic() - begin, 1 * PATIENCE)
