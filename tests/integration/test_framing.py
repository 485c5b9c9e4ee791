# SPDX-License-Identifier: MIT
"""Rules 1, 2, 4, 5 and 6: lines, ids, pipelining, the end of input, and input that is no request."""

import json
import shutil
import subprocess
import time
import unittest

from contract import limit
from harness import ABSENT, ANY, PATIENCE, STUCK_EVENTS, TIMEOUT, TestCase, only, wait_until

PING = b'{"op":"ping"}\n'
NO_REQUEST = (None, None)  # a reply with "id":null to input that could not be parsed


class Ids(TestCase):
    def echo(self, id):
        client = self.connect()
        self.assertTrue(client.ask("ping", id=id)["ok"])

    def test_there_is_no_greeting(self):
        client = self.connect()
        client.send_raw(PING, ("ping", ABSENT))
        self.assertTrue(client.message()["ok"])

    def test_id_absent_in_is_absent_out(self):
        client = self.connect()
        client.send_raw(PING, ("ping", ABSENT))
        self.assertNotIn("id", client.reply())

    def test_integer_ids_come_back_up_to_2_to_the_53(self):
        for id in (0, 1, -1, 2**53 - 1, -(2**53 - 1)):
            self.echo(id)

    def test_string_ids_come_back_up_to_64_bytes(self):
        for id in ("", "a", "x" * 64, "ä" * 32, 'quote " and \\ and \t', "€", "\U0001f600", "\x7f"):
            self.echo(id)

    def test_other_ids_are_refused_and_the_connection_goes_on(self):
        client = self.connect()
        for id in (2**53, -2**53, "x" * 65, "ä" * 33, 1.5, True, [], {}):
            client.send_raw(json.dumps({"op": "ping", "id": id}) + "\n", ("ping", ANY))
            reply = client.reply()
            self.assertFalse(reply["ok"], reply)
            self.assertIn(reply["error"]["code"], ("bad-type", "out-of-range"))
            self.assertEqual("id", reply["error"].get("field"))
        client.request("ping")

    def test_a_refusal_has_the_id_of_its_request(self):
        client = self.connect()
        client.refuse("get", "unknown-line", line="nothing", id="seven")
        client.refuse("get", "missing-field", id=7)
        client.refuse("nonsense", "unknown-op", id=8)


class Lines(TestCase):
    def test_requests_may_be_split_at_every_byte(self):
        text = '{"op":"ping","id":"ä"}\n{"op":"get","line":"button","id":2}\n{"op":"set","line":"led","value":1,"id":3}\n'
        data = text.encode()
        client = self.connect()
        for at in range(len(data) + 1):
            client.send_raw(data[:at], ("ping", "ä"), ("get", 2), ("set", 3))
            client.send_raw(data[at:])
            self.assertEqual([True] * 3, [client.reply()["ok"] for _ in range(3)])

    def test_requests_may_come_byte_by_byte(self):
        client = self.connect()
        client.pending.append(("ping", "ä"))
        for byte in '{"op":"ping","id":"ä"}\n'.encode():
            client.socket.send(bytes([byte]))
        self.assertTrue(client.reply()["ok"])

    def test_many_requests_in_one_write_run_in_order(self):
        client = self.connect()
        replies = client.pipeline([("set", {"line": "led", "value": i % 2}) for i in range(5000)])
        self.assertEqual([i % 2 for i in range(5000)], [reply["values"]["led"] for reply in replies])

    def test_space_around_a_request_does_not_matter(self):
        client = self.connect()
        client.send_raw('  { "op" : "ping" }  \n', ("ping", ABSENT))
        self.assertTrue(client.reply()["ok"])

    def test_a_line_of_64_kib_is_taken(self):
        client = self.connect()
        client.send_raw(b'{"op":"ping"}'.ljust(limit("LINE_BYTES") - 1) + b"\n", ("ping", ABSENT))
        self.assertTrue(client.reply()["ok"])
        client.request("ping")

    def test_a_line_of_one_byte_more_is_an_error_and_the_end(self):
        client = self.connect()
        client.send_raw(b'{"op":"ping"}\n' + b'{"op":"ping"}'.ljust(limit("LINE_BYTES")) + b"\n",
                        ("ping", ABSENT), NO_REQUEST)
        self.assertTrue(client.reply()["ok"])
        self.assertEqual("too-long", client.reply()["error"]["code"])
        client.expect_end()

    def test_a_line_without_end_is_an_error_and_the_end(self):
        client = self.connect()
        client.pending.append(NO_REQUEST)
        try:
            client.send_until_stuck(b"x" * 4096)
        except ConnectionError:
            pass
        self.assertEqual("too-long", client.reply()["error"]["code"])
        client.expect_end()

    def test_bytes_that_are_not_utf8_are_an_error_and_the_end(self):
        for bad in (b"\xff", b"\xc3", b"\xc0\x80", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                    b"\xf8\x88\x80\x80\x80", b"\x80"):
            with self.subTest(bad=bad):
                client = self.connect()
                client.send_raw(PING + b'{"op":"ping","id":"' + bad + b'"}\n' + PING, ("ping", ABSENT), NO_REQUEST)
                self.assertTrue(client.reply()["ok"])
                self.assertEqual("bad-utf8", client.reply()["error"]["code"])
                client.expect_end()

    def test_what_is_no_json_object_is_an_error_and_the_connection_goes_on(self):
        client = self.connect()
        for bad in ("nonsense", "{", "}", "[]", "1", '"ping"', "null", '{"op":"ping"} x', '{"op":"ping"}{"op":"ping"}',
                    '{"op":"ping",}', '{"op":"ping","op":"ping"}', '{"op":"ping" "id":1}', "{'op':'ping'}",
                    '{"op":"ping","id":"\t"}', '{"op":"ping","id":"\\u0000"}', '{"op":"ping","id":"\\ud800"}',
                    '{"op":"ping","id":"\\x"}', '{"op":"ping","id":+1}', '{"op":"ping","id":NaN}',
                    '{"op":"ping","id":1e999}', "\x00", '{"op":"ping"}\x00'):
            with self.subTest(bad=bad):
                client.send_raw(bad + "\n", (None, ANY))
                error = client.reply()
                self.assertFalse(error["ok"])
                self.assertEqual("out-of-range" if "1e999" in bad else "bad-json", error["error"]["code"], error)
        client.request("ping")

    def test_nesting_of_four_levels_is_read_and_five_are_not(self):
        client = self.connect()
        client.send_raw('{"op":"ping","x":[[[1]]]}\n', ("ping", ANY))
        self.assertEqual("unknown-field", client.reply()["error"]["code"])
        client.send_raw('{"op":"ping","x":[[[[1]]]]}\n', (None, ANY))
        self.assertEqual("bad-json", client.reply()["error"]["code"])

    def test_line_and_lines_are_interchangeable(self):
        client = self.connect()
        for op, rest in (("get", {}), ("set", {"value": 1}), ("toggle", {}), ("lines", {}), ("subscribe", {}),
                         ("unsubscribe", {})):
            for key, value in (("line", "led"), ("lines", "led"), ("line", ["led"]), ("lines", ["led"])):
                client.request(op, **dict(rest, **{key: value}))
        client.send_raw('{"op":"get","line":"led","lines":"led"}\n', ("get", ANY))
        self.assertFalse(client.reply()["ok"])

    def test_values_may_be_numbers_or_booleans_and_come_as_numbers(self):
        client = self.connect()
        for value, number in ((1, 1), (False, 0), (True, 1), (0, 0)):
            reply = client.request("set", line="led", value=value)
            self.assertEqual(number, reply["values"]["led"])
            self.assertNotIsInstance(reply["values"]["led"], bool)
        for value in (2, -1, "1", None, 0.5):
            self.assertFalse(client.ask("set", line="led", value=value)["ok"])


class EndOfInput(TestCase):
    def test_an_unterminated_last_line_is_answered_before_the_end(self):
        client = self.connect()
        client.send_raw('{"op":"ping","id":1}\n{"op":"ping","id":2}', ("ping", 1), ("ping", 2))
        client.end_input()
        self.assertEqual(1, client.reply()["id"])
        self.assertEqual(2, client.reply()["id"])
        client.expect_end()

    def test_an_unterminated_last_line_that_is_nonsense_is_answered_too(self):
        client = self.connect()
        client.send_raw('{"op":', NO_REQUEST)
        client.end_input()
        self.assertEqual("bad-json", client.reply()["error"]["code"])
        client.expect_end()

    def test_no_input_at_all_is_just_the_end(self):
        client = self.connect()
        client.end_input()
        client.expect_end()

    def test_everything_is_answered_after_the_end_of_input(self):
        client = self.connect()
        count = 1000
        client.send_raw(b"".join(b'{"op":"lines","id":%d}\n' % i for i in range(count)),
                        *(("lines", i) for i in range(count)))
        client.end_input()
        for i in range(count):
            self.assertEqual(i, client.reply()["id"])
        client.expect_end()

    def test_a_subscription_streams_on_after_the_end_of_input(self):
        client = self.connect()
        client.send_raw('{"op":"subscribe","line":"button"}', ("subscribe", ABSENT))
        client.end_input()
        self.assertTrue(client.reply()["ok"])
        for level in (0, 1, 0):
            self.board.press("IN0", level)
            client.expect(event="edge", line="button", value=level)

    def test_a_subscription_after_the_end_of_input_ends_when_the_peer_is_gone(self):
        before = self.stats()["connections"]
        client = self.connect()
        client.send_raw('{"op":"subscribe","line":"button"}', ("subscribe", ABSENT))
        client.end_input()
        self.assertTrue(client.reply()["ok"])
        client.close()
        self.wait_stats(connections=before)

    def test_lines_and_timers_live_until_the_peer_is_gone(self):
        before = self.stats()
        client = self.connect()
        client.request("request", line="FREE0", direction="output", initial=1)
        client.request("arm", timer="t", after="1h")
        client.send_raw('{"op":"subscribe","line":"button"}', ("subscribe", ABSENT))
        client.end_input()
        client.reply()
        now = self.stats()
        self.assertEqual((before["lines"] + 1, before["timers"] + 1), (now["lines"], now["timers"]))
        client.close()
        self.wait_stats(lines=before["lines"], timers=before["timers"])

    def test_without_a_subscription_lines_and_timers_end_with_the_input(self):
        before = self.stats()
        client = self.connect()
        client.request("request", line="FREE0", direction="output", initial=1)
        client.request("arm", timer="t", after="1h")
        client.end_input()
        client.expect_end()
        self.wait_stats(lines=before["lines"], timers=before["timers"], connections=before["connections"])

    def test_an_unsubscribe_before_the_end_of_input_ends_the_connection(self):
        client = self.connect()
        client.request("subscribe", line="button")
        client.request("unsubscribe")
        client.end_input()
        client.expect_end()

    def test_waiting_after_the_end_of_input_costs_no_wakeups(self):
        client = self.connect()
        client.request("subscribe", line="button")
        client.end_input()
        other = self.connect()
        before = other.request("stats")["counters"]["wakeups"]
        time.sleep(0.3)
        spent = other.request("stats")["counters"]["wakeups"] - before
        self.assertLess(spent, 20)
        self.board.press("IN0", 0)
        client.expect(event="edge", value=0)

    @unittest.skipUnless(shutil.which("nc"), "netcat is not installed")
    def test_netcat_asks_with_and_without_a_newline(self):
        for text in ('{"op":"get","line":"button"}\n', '{"op":"get","line":"button"}'):
            answer = subprocess.run(["nc", "-UN", self.daemon.socket_path], input=text.encode(), timeout=TIMEOUT,
                                    stdout=subprocess.PIPE, check=True).stdout
            self.assertEqual({"button": 1}, json.loads(answer)["values"])


class BackPressure(TestCase):
    def test_a_client_that_does_not_read_replies_costs_a_fixed_amount(self):
        stuck, other = self.connect(), self.connect()
        request = json.dumps({"op": "lines", "id": 1}).encode() + b"\n"
        before = self.daemon.rss()
        sent = stuck.send_until_stuck(request * 100)
        for _ in range(50):  # nobody else notices
            other.request("ping")
        self.assertLess(self.daemon.rss() - before, 4 << 20)
        answered = sent // len(request)
        stuck.pending.extend([("lines", 1)] * answered)
        for _ in range(answered):
            self.assertTrue(stuck.reply()["ok"])

    def test_events_do_not_fill_the_reply_buffer(self):
        stuck = self.connect()
        stuck.request("subscribe", line="led")
        other = self.connect()
        other.pipeline([("toggle", {"line": "led"}) for _ in range(5000)])
        stuck.send("ping")
        self.assertTrue(stuck.reply()["ok"])

    # Eight filters may be under way to one reader, then its requests wait. The daemon left them in the
    # socket and went on polling for them: a client that did not read kept it at 100 % CPU.
    def test_requests_that_wait_for_their_client_to_read_cost_no_time(self):
        writer = self.connect()
        stuck = self.stuck_reader(writer, line="led")
        for _ in range(12):
            stuck.send("unsubscribe", line="button")
            stuck.send("subscribe", line="button")
            writer.request("toggle", line="led")
        self.assert_idle()
        for _ in range(24):
            self.assertTrue(stuck.reply()["ok"])
        self.assertEqual(STUCK_EVENTS + 12, len(stuck.drain()))

    @only("sim", "takes half a minute and the backend plays no part")
    def test_a_peer_that_takes_nothing_for_30_seconds_while_replies_wait_is_disconnected(self):
        before = self.stats()["connections"]
        stuck, idle = self.connect(), self.connect()
        begin = time.monotonic()
        stuck.send_until_stuck(b'{"op":"lines"}\n' * 100)
        wait_until(lambda: self.stats()["connections"] <= before + 1, "the stuck peer is disconnected",
                   limit("STALL_SECONDS") + TIMEOUT)
        self.assertGreater(time.monotonic() - begin, limit("STALL_SECONDS") - 1)
        idle.request("ping")

    def test_a_slow_reader_that_takes_something_is_not_disconnected(self):
        slow = self.connect()
        data = b'{"op":"lines","id":1}\n'
        sent = slow.send_until_stuck(data * 100, 0.2)
        answered = sent // len(data)
        slow.pending.extend([("lines", 1)] * answered)
        for _ in range(3):
            slow.reply()
            time.sleep(0.05 * PATIENCE)
        for _ in range(answered - 3):
            slow.reply()
        self.connect().request("ping")


class Vanish(TestCase):
    def test_a_client_that_vanishes_at_any_byte_leaves_nothing_behind(self):
        requests = (b'{"op":"hello","client":"ghost"}\n{"op":"request","line":"FREE0","direction":"output","initial":1}\n'
                    b'{"op":"arm","timer":"ghost","every":"1h"}\n{"op":"subscribe","lines":["FREE1","button"],"timers":"*"}\n')
        before = self.stats()
        fds = self.daemon.n_fds()
        for at in range(0, len(requests) + 1, 1 if PATIENCE == 1 else 7):
            client = self.connect()
            client.socket.sendall(requests[:at])
            client.close()
        self.wait_stats(connections=before["connections"], lines=before["lines"], timers=before["timers"])
        wait_until(lambda: self.daemon.n_fds() == fds, "the daemon has %d descriptors again, not %d" %
                   (fds, self.daemon.n_fds()))

    # A refused connection is read no more, so that its end was never seen: when the client had gone the
    # daemon kept it for ever, and spun on its hang-up.
    def test_a_client_that_is_refused_and_vanishes_leaves_nothing_behind(self):
        before = self.stats()["connections"]
        fds = self.daemon.n_fds()
        for bad in (b"x" * 70000, b"\xff\n") * 3:
            client = self.connect()
            client.socket.sendall(bad)
            client.close()
        self.wait_stats(connections=before)
        self.assertEqual(fds, self.daemon.n_fds())
        self.assert_idle()

    def test_a_client_that_vanishes_before_its_replies_harms_nobody(self):
        other = self.connect()
        other.request("subscribe", line="led")
        for _ in range(50):
            client = self.connect()
            client.socket.sendall(b'{"op":"toggle","line":"led"}\n' * 3)
            client.close()
        other.request("set", line="relay", value=1)
        self.assertTrue(all(event["line"] == "led" for event in other.drain()))
