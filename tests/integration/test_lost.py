# SPDX-License-Identifier: MIT
"""What cannot be delivered is one `lost` with the exact count, and nobody else notices."""

import json
import time

from board import A
from harness import ABSENT, PATIENCE, TestCase, only, wait_until


class SlowReaders(TestCase):
    DAEMON = "log-size = 64K"

    def overtake(self, stuck, events):
        """Produces events that a client that does not read cannot keep; returns what it then reads."""
        writer = self.connect()
        for _ in range(events // 1000):
            writer.pipeline([("toggle", {"line": "led"}) for _ in range(1000)])
        head = writer.request("ping")["seq"]
        got = []
        while not got or got[-1]["seq"] < head:
            got.append(stuck.event())
        return got

    def test_overtaken_reader_gets_one_lost_event_with_the_exact_count(self):
        stuck = self.connect()
        stuck.request("subscribe", line="led")
        got = self.overtake(stuck, 10000)
        lost = [event for event in got if event["event"] == "lost"]
        self.assertEqual(1, len(lost), lost)
        self.assertEqual("slow-reader", lost[0]["reason"])
        self.assertEqual(10000, lost[0]["count"] + len(got) - 1)
        at = got.index(lost[0])
        self.assertEqual((got[at - 1]["seq"] + 1, got[at + 1]["seq"] - 1), (lost[0]["from"], lost[0]["to"]))
        self.assertEqual({"led": 1 - got[at + 1]["value"]}, lost[0]["values"])

    # A reply that waited while the log overtook its client stood before the loss that reached beyond it: whoever
    # went away between the two, and came back with the reply's seq, had lost events without a word.
    def test_what_was_lost_before_a_waiting_reply_is_told_before_it(self):
        stuck, writer = self.connect(), self.connect()
        begin = stuck.request("subscribe", line="led")["seq"]
        asked = []
        for _ in range(4):
            for _ in range(3):
                writer.pipeline([("toggle", {"line": "led"}) for _ in range(1000)])
            stuck.send("ping")
            asked.append(writer.request("ping")["seq"])
        covered, replies = begin, []
        while len(replies) < len(asked):
            message = stuck.message()
            if "ok" in message:
                self.assertEqual(message["seq"], covered)
                replies.append(covered)
            elif message["event"] == "lost":
                self.assertEqual(covered + 1, message["from"])
                self.assertEqual(message["to"] - message["from"] + 1, message["count"])
                covered = message["to"]
            else:
                self.assertEqual(covered + 1, message["seq"])
                covered += 1
        self.assertGreater(len(set(replies)), 1)

    def test_the_count_is_of_what_the_filter_passes(self):
        stuck, writer = self.connect(), self.connect()
        stuck.request("subscribe", line="led")
        for _ in range(10):
            writer.pipeline([("toggle", {"line": line}) for line in ("led", "relay", "lamp") for _ in range(333)])
        head = writer.request("ping")["seq"]
        writer.request("toggle", line="led")
        got = [stuck.event()]
        while got[-1]["seq"] < head:
            got.append(stuck.event())
        lost = [event for event in got if event["event"] == "lost"]
        self.assertTrue(lost)
        self.assertEqual(3331, sum(event["count"] for event in lost) + len(got) - len(lost))

    def test_a_reader_whose_lines_are_quiet_loses_nothing(self):
        stuck, quiet, writer = self.connect(), self.connect(), self.connect()
        stuck.request("subscribe", line="led")
        quiet.request("subscribe", line="relay")
        self.overtake(stuck, 10000)
        writer.request("set", line="relay", value=1)
        quiet.expect(event="output", line="relay", value=1)

    def test_edges_left_out_by_the_filter_are_not_counted(self):
        stuck, writer = self.connect(), self.connect()
        stuck.request("subscribe", lines=["button", "led"], edges="rising", events="edge")
        for i in range(20):
            self.board.press("IN0", i % 2)
        self.barrier(writer)
        writer.pipeline([("toggle", {"line": "led"}) for _ in range(3000)])
        self.board.press("IN0", 0)
        self.board.press("IN0", 1)
        self.barrier(writer)
        events = stuck.drain()
        total = sum(event.get("count", 0) for event in events) + len([e for e in events if e["event"] == "edge"])
        self.assertEqual(11, total)

    def test_after_a_loss_the_stream_goes_on_without_another(self):
        stuck = self.connect()
        stuck.request("subscribe", line="led")
        self.overtake(stuck, 5000)
        writer = self.connect()
        for i in range(100):
            writer.request("toggle", line="led")
            stuck.expect(event="output", line="led")

    def test_others_get_everything_while_a_reader_is_stuck(self):
        stuck = [self.connect() for _ in range(10)]
        for client in stuck:
            client.request("subscribe", lines="*")
        reader, writer = self.connect(), self.connect()
        reader.request("subscribe", line="led")
        for i in range(2000):
            writer.send("toggle", line="led")
            reader.expect(event="output", line="led", value=(i + 1) % 2)
            writer.reply()

    def test_stuck_readers_cost_no_memory(self):
        writer = self.connect()
        writer.pipeline([("toggle", {"line": "led"}) for _ in range(2000)])
        for _ in range(100):
            self.connect().request("subscribe", lines="*")
        before = self.daemon.rss()
        for _ in range(5):
            writer.pipeline([("toggle", {"line": "led"}) for _ in range(2000)])
        self.assertLess(self.daemon.rss() - before, 1 << 20)

    def test_stats_count_what_readers_lost(self):
        stuck = self.connect()
        stuck.request("subscribe", line="led")
        got = self.overtake(stuck, 10000)
        counted = sum(event["count"] for event in got if event["event"] == "lost")
        self.assertEqual(counted, self.stats()["counters"]["lost_readers"])

    def test_a_message_cut_in_two_by_a_full_socket_is_whole_for_its_reader(self):
        """The reader takes odd amounts, so that sends end inside records again and again."""
        stuck, writer = self.connect(), self.connect()
        stuck.request("subscribe", lines="*")
        total = 0
        for round in range(20):
            writer.pipeline([("toggle", {"line": "led"}) for _ in range(1000)])
            total += 1000
            stuck.socket.setblocking(False)
            for _ in range(7):
                try:
                    stuck.input += stuck.socket.recv(3001 + 7 * round)
                except BlockingIOError:
                    break
        events = stuck.drain()  # each line is parsed and checked
        self.assertEqual(total, sum(event["count"] if event["event"] == "lost" else 1 for event in events))


class KernelBuffer(TestCase):
    DAEMON = "kernel-buffer = 64"

    def overflow(self, edges):
        """Makes edges while the daemon does not read them."""
        with self.daemon.frozen():
            for i in range(edges):
                self.board.press("IN0", i % 2)

    def check_exact(self, client, edges):
        """Received and lost edges are together what was produced."""
        self.barrier(client)
        events = client.drain()
        lost = [event for event in events if event["event"] == "lost"]
        self.assertEqual(["kernel"], [event["reason"] for event in lost])
        self.assertEqual("button", lost[0]["line"])
        received = [event for event in events if event["event"] == "edge"]
        self.assertEqual(edges, lost[0]["count"] + len(received))
        self.assertEqual(64, len(received))
        self.assertEqual({"button": 1 - received[0]["value"]}, lost[0]["values"])
        return lost[0], received

    @only("gpiod", "the simulated source is in the daemon's own process and stands still with it")
    def test_an_overflow_of_the_kernels_buffer_is_one_lost_with_the_exact_count(self):
        client = self.connect()
        client.request("subscribe", line="button")
        self.overflow(200)
        lost, received = self.check_exact(client, 200)
        self.assertEqual(lost["seq"] + 1, received[0]["seq"])
        self.assertEqual(136, self.stats()["counters"]["lost_kernel"])

    @only("gpiod", "the simulated source is in the daemon's own process and stands still with it")
    def test_all_subscribers_of_the_line_see_a_loss_at_the_source_and_no_others(self):
        one, two, other = self.connect(), self.connect(), self.connect()
        one.request("subscribe", line="button")
        two.request("subscribe", lines="*")
        other.request("subscribe", line="door")
        self.overflow(100)
        self.assertEqual(self.check_exact(one, 100)[0]["seq"], self.check_exact(two, 100)[0]["seq"])
        other.expect_nothing()

    @only("gpiod", "the simulated source is in the daemon's own process and stands still with it")
    def test_line_seq_counts_the_lost_edges_too(self):
        client = self.connect()
        client.request("subscribe", line="button")
        self.board.press("IN0", 0)
        before = client.expect(event="edge")["line_seq"]
        self.board.press("IN0", 1)
        client.expect(event="edge")
        self.overflow(100)
        _, received = self.check_exact(client, 100)
        self.assertEqual(before + 101, received[-1]["line_seq"])

    @only("sim", "the kernel merges edges that come at this speed")
    def test_a_flood_of_edges_is_delivered_or_counted(self):
        client = self.connect()
        client.request("subscribe", line="button")
        total = 20000
        self.board.play([("IN0", i % 2) for i in range(total)])
        self.barrier(client)
        events = client.drain()
        self.assertEqual(total, sum(event["count"] if event["event"] == "lost" else 1 for event in events))
        values = [event["value"] for event in events if event["event"] == "edge"]
        if len(values) == total:
            self.assertEqual([i % 2 for i in range(total)], values)


class Unplug(TestCase):
    ERRORS_ALLOWED = True

    def test_a_chip_that_goes_away_takes_its_lines_and_they_come_back(self):
        client = self.connect()
        client.request("subscribe", lines=["button", "led"])
        client.request("set", line="led", value=1)
        client.wait_for(event="output")
        self.board.remove_chip()
        gone = {client.wait_for(event="line", change="gone")["line"] for _ in range(2)}
        self.assertEqual({"button", "led"}, gone)
        self.assertEqual({"button": None, "led": None}, client.request("get", lines=["button", "led"])["values"])
        client.refuse("set", "unavailable", line="led", value=0)
        info = client.request("lines", line="button")["lines"][0]
        self.assertEqual((None, False), (info["value"], info.get("available")))
        self.board.restore_chip()
        back = {}
        for _ in range(2):
            event = client.wait_for(event="line", change="available")
            back[event["line"]] = event["value"]
        self.assertEqual({"button", "led"}, set(back))
        self.board.press("IN0", 0)
        self.board.press("IN0", 1)
        self.barrier(client)
        self.assertIn("falling", [event.get("edge") for event in client.drain()])
        self.assertEqual({"led": 1}, client.request("set", line="led", value=1)["values"])

    def test_edges_missed_while_the_chip_was_gone_are_a_lost_with_reason_unplug(self):
        client = self.connect()
        client.request("subscribe", line="button")
        self.board.remove_chip()
        lost = client.wait_for(event="lost")
        self.assertEqual("unplug", lost["reason"])
        self.assertNotIn("count", lost)
        self.assertEqual({"button": None}, lost["values"])

    def test_edges_before_the_chip_went_are_not_lost(self):
        client = self.connect()
        client.request("subscribe", line="button")
        self.board.press("IN0", 0)
        self.board.press("IN0", 1)
        self.board.remove_chip()
        client.expect(event="edge", value=0)
        client.expect(event="edge", value=1)
        client.wait_for(event="line", change="gone", line="button")

    def test_lines_of_other_chips_go_on(self):
        client, other = self.connect(), self.connect()
        client.request("subscribe", line="B1")
        self.board.remove_chip()
        self.board.press("B1", 1, 1)
        client.expect(event="edge", line="B1", value=1)

    def test_a_dynamic_line_comes_back_for_its_users(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input", bias="pull-up")
        client.request("subscribe", line="FREE0")
        self.board.remove_chip()
        client.wait_for(event="line", change="gone", line="FREE0")
        self.board.restore_chip()
        client.wait_for(event="line", change="available", line="FREE0")
        self.board.press("FREE0", 0)
        client.wait_for(event="edge", line="FREE0", value=0)

    # It came back with the level that it was found at.
    def test_an_output_comes_back_with_the_value_that_it_had(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        client.request("request", line="FREE0", direction="output", initial=0)
        client.request("set", line="FREE0", value=1)
        self.board.remove_chip()
        client.wait_for(event="line", change="gone", line="FREE0")
        self.board.restore_chip()
        client.wait_for(event="line", change="available", line="FREE0", value=1)
        self.assertEqual(1, self.board.output_level("FREE0"))

    # The request was granted, but its value was forgotten: when the chip came the line was driven to 0.
    def test_the_initial_value_waits_for_the_chip(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.board.remove_chip()
        client.wait_for(event="line", change="gone", line="led")
        wait_until(lambda: not self.chip_is_there(client), "the chip is gone")
        reply = client.request("request", line="FREE0", direction="output", initial=1)
        self.assertEqual({"FREE0": None}, reply["values"])
        self.board.restore_chip()
        client.wait_for(event="line", change="available", line="FREE0", value=1)
        self.assertEqual(1, self.board.output_level("FREE0"))

    def chip_is_there(self, client):
        return any(chip["available"] for chip in client.request("chips")["chips"] if chip["label"] == "board-a")

    def take_chip_and(self, client, op, **fields):
        """A request right behind the one that takes the chip away, before its going has been noticed."""
        rows = [{"op": "simulate", "chip": self.board.chip_name(), "present": False}, dict(fields, op=op)]
        client.send_raw("".join(json.dumps(row) + "\n" for row in rows), *((row["op"], ABSENT) for row in rows))
        self.assertTrue(client.reply()["ok"])
        return client.reply()

    # A reader found out that the chip was gone before the daemon was told, and said null at a seq at
    # which the stream still said 1.
    @only("sim", "a request takes the chip away")
    def test_a_value_is_null_only_after_the_event_that_says_so(self):
        client = self.connect()
        client.request("subscribe", line="button")
        reply = self.take_chip_and(client, "get", line="button")
        self.assertEqual({"button": None}, reply["values"])
        self.assertEqual([None], [event["value"] for event in client.events if event.get("change") == "gone"])

    # What is known of the line was used before it was looked whether it could be read at all.
    @only("sim", "a request takes the chip away")
    def test_a_free_line_whose_chip_is_going_is_null(self):
        client = self.connect()
        self.assertEqual({"FREE0": None}, self.take_chip_and(client, "get", line="FREE0")["values"])

    def test_a_user_may_leave_while_the_chip_is_gone(self):
        client, watcher = self.connect(), self.connect()
        client.request("request", line="FREE0", direction="output", initial=1)
        watcher.request("subscribe", lines="*")
        self.board.remove_chip()
        watcher.wait_for(event="line", change="gone", line="FREE0")
        client.close()
        self.board.restore_chip()
        watcher.wait_for(event="line", change="available", line="led")
        wait_until(lambda: not watcher.request("lines", line="FREE0")["lines"][0]["held"], "FREE0 is free")

    def test_a_pulse_does_not_bring_trouble_when_its_chip_is_gone(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        client.request("set", line="led", value=1, pulse="50ms")
        self.board.remove_chip()
        client.wait_for(event="line", change="gone", line="led")
        time.sleep(0.1 * PATIENCE)
        client.request("ping")

    def test_the_chip_is_unavailable_in_chips(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        self.board.remove_chip()
        client.wait_for(event="line", change="gone", line="led")
        chips = {chip["label"]: chip["available"] for chip in client.request("chips")["chips"]
                 if chip["label"].startswith("board-")}
        self.assertEqual({"board-a": False, "board-b": True}, chips)

    def test_unplugging_again_and_again_leaks_nothing(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        fds = None
        for _ in range(5):
            self.board.remove_chip()
            client.wait_for(event="line", change="gone", line="led")
            self.board.restore_chip()
            client.wait_for(event="line", change="available", line="led")
            self.barrier(client)
            fds = fds or self.daemon.n_fds()
        self.assertEqual(fds, self.daemon.n_fds())


class Always(TestCase):
    def test_shutdown_comes_with_any_subscription_whatever_its_filter(self):
        client = self.connect()
        client.request("subscribe", line="button", edges="none", events="edge")
        timers = self.connect()
        timers.request("subscribe", timers="t")
        none = self.connect()
        none.request("ping")
        self.daemon.stop()
        client.expect(event="shutdown")
        client.expect_end()
        timers.expect(event="shutdown")
        none.expect_end()
