# SPDX-License-Identifier: MIT
"""Rules 9 and 29: every operation with every field missing, of the wrong type or out of range.

The requests are made from the table, so that a new field is tested by being there.
"""

import copy
import json

import contract
from harness import ABSENT, TestCase

# What each operation needs at the least; with it the request is good, but for what a test changes.
GOOD = {
    "get": {"lines": "led"}, "set": {"lines": "led", "value": 1}, "toggle": {"lines": "led"},
    "subscribe": {"lines": "button"}, "arm": {"timer": "t", "after": "1h"}, "disarm": {"timer": "t"},
    "request": {"lines": "FREE0"}, "release": {"lines": "FREE0"}, "simulate": {"lines": "button", "value": 1},
    "claim": {"lines": "led"}, "unclaim": {"lines": "led"},
}

TYPE_OR_RANGE = ("bad-type", "out-of-range")


def wrong(row):
    """(value, codes) for values that a field must refuse."""
    kind = row["type"]
    least, most = row["min"], row["max"]
    if kind in ("string", "names", "duration"):
        for value in (1, 1.5, True, {}):
            yield value, ("bad-type",)
    if kind == "string":
        yield [], ("bad-type",)
        yield "x" * (most + 1), ("out-of-range",)
        yield "ä" * (most // 2 + 1), ("out-of-range",)
        if least:
            yield "", ("out-of-range",)
    elif kind == "names":
        for value in ([1], [None], [[]], [{}], ["led", 1]):
            yield value, ("bad-type",)
        for value in ("x" * 65, "", ["x" * 65], ["led", ""], []):
            yield value, ("out-of-range",)
    elif kind == "integer":
        for value in ("1", True, [], {}, 1.5):
            yield value, ("bad-type",)
        for value in (least - 1, most + 1, 2**53, -2**53, 2**64, 1e300):
            yield value, ("out-of-range",) if value != 1e300 else TYPE_OR_RANGE
    elif kind == "duration":
        yield [], ("bad-type",)
        for value in ("", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "5x", "5S", "1e3s", "0x5s", "5s5", "١s", "5,5s",
                      "99999999999999999999s", "1" * 100 + "s", "nans", "infs", ".s", "5.s.", "5.5.5s"):
            yield value, TYPE_OR_RANGE
        yield "%dns" % (most + 1), ("out-of-range",)
        if least:
            yield "%dns" % (least - 1), ("out-of-range",)
    elif kind == "bool":
        for value in ("true", "", 2, -1, [], {}, 0.5):
            yield value, TYPE_OR_RANGE
    elif kind in ("enum", "flags"):
        for value in (17, {}) + (([],) if kind == "enum" else ([1], [[]])):
            yield value, TYPE_OR_RANGE
        for value in ("", "nonsense", "x" * 1000, "INPUT") + (() if kind == "enum" else (["nonsense"], ["edge", "x"])):
            yield value, TYPE_OR_RANGE
    elif kind == "value":
        for value in ("1", "", 2, -1, 0.5, [], {}):
            yield value, TYPE_OR_RANGE
    elif kind == "values":
        for value in (1, "1", True, {}, [], {"led": 2}, {"led": "1"}, {"led": None}, {"led": []}, [2], ["1"], [None],
                      {"x" * 65: 1}, {"": 1}):
            yield value, TYPE_OR_RANGE


class Table(TestCase):
    def good(self, op):
        return copy.deepcopy(GOOD.get(op, {}))

    def operations(self):
        for op, fields in contract.Table.get().fields.items():
            for key, row in fields.items():
                yield op, key, row

    def check(self, client, op, fields, codes, key):
        reply = client.ask(op, **fields)
        if reply["ok"]:
            self.fail("%s was taken: %s" % (op, json.dumps(fields)[:200]))
        error = reply["error"]
        self.assertIn(error["code"], codes, (op, fields, error))
        self.assertEqual(key, error.get("field"), (op, fields, error))
        return error

    def test_the_good_requests_are_good(self):
        client = self.connect()
        for op in contract.Table.get().fields:
            if op != "simulate" or self.board.__class__.__name__ == "SimBoard":
                client.request(op, **self.good(op))

    def test_each_field_refuses_what_is_of_the_wrong_type_or_out_of_range(self):
        client = self.connect()
        for op, key, row in self.operations():
            for value, codes in wrong(row):
                with self.subTest(op=op, key=key, value=str(value)[:50]):
                    self.check(client, op, dict(self.good(op), **{key: value}), codes, key)
        client.request("ping")

    def test_null_is_refused_but_where_it_takes_back(self):
        client = self.connect()
        for op, key, row in self.operations():
            if row["presence"] != "nullable":
                with self.subTest(op=op, key=key):
                    self.check(client, op, dict(self.good(op), **{key: None}), ("bad-type",), key)

    def test_each_required_field_is_missed(self):
        client = self.connect()
        for op, key, row in self.operations():
            if row["presence"] == "required":
                fields = self.good(op)
                del fields[key]
                with self.subTest(op=op, key=key):
                    error = self.check(client, op, fields, ("missing-field",), key)
                    self.assertIn(key.rstrip("s"), error["message"])

    def test_a_field_that_is_not_in_the_table_is_refused(self):
        client = self.connect()
        for op in contract.Table.get().fields:
            for key in ("zzz", "Line", "OP", "_", "", "é", "x" * 200):
                if key != "Line" or "lines" in contract.Table.get().fields[op]:
                    with self.subTest(op=op, key=key):
                        error = client.refuse(op, "unknown-field", **dict(self.good(op), **{key: 1}))
                        self.assertEqual(key[:64], error.get("field", ""))

    def test_an_unknown_field_suggests_the_nearest(self):
        client = self.connect()
        for op, written, meant in (("subscribe", "edge", "edges"), ("arm", "evry", "every"), ("set", "vlaue", "value"),
                                   ("get", "lnie", "line"), ("request", "active-low", "active_low")):
            error = client.refuse(op, "unknown-field", **dict(self.good(op), **{written: 1}))
            self.assertIn('"%s"' % meant, error["message"])

    def test_an_unknown_operation_suggests_the_nearest(self):
        client = self.connect()
        for written, meant in (("subscibe", "subscribe"), ("Get", "get"), ("sett", "set")):
            self.assertIn('"%s"' % meant, client.refuse(written, "unknown-op")["message"])
        client.refuse("nothing-like-it", "unknown-op")
        client.refuse("", "unknown-op")

    def test_an_operation_is_a_string_and_has_to_be_there(self):
        client = self.connect()
        for op in (1, None, True, [], {}):
            client.refuse(op, "bad-type")
        client.send_raw("{}\n", (None, ABSENT))
        error = client.reply()["error"]
        self.assertEqual(("missing-field", "op"), (error["code"], error["field"]))

    def test_bounds_themselves_are_taken(self):
        client = self.connect()
        client.request("hello", client="x" * 64, protocol=1)
        client.request("arm", timer="x" * 64, after="31536000s", every="1ms", tag="y" * 64)
        client.request("arm", timer="x", after="0s", every="365d", tag="")
        client.request("disarm", timer="x" * 64)
        client.request("subscribe", line="button", lockout="1us")
        client.request("subscribe", line="button", lockout="3600s")
        client.request("set", line="led", value=1, pulse="1us")
        client.request("set", line="led", value=1, pulse="7d")
        client.request("lines", limit=1024)
        client.request("timers", limit=4096, after="0")

    def test_durations_may_have_any_unit_and_decimals(self):
        client = self.connect()
        for text, ns in (("1500ms", 15 * 10**8), ("1.5s", 15 * 10**8), ("0.025min", 15 * 10**8), ("1500000us", 15 * 10**8),
                         ("1500000000ns", 15 * 10**8)):
            begin = client.request("arm", timer="t", after=text)
            spent = begin["timestamp_ns"] - ns
            later = client.request("arm", timer="t", after="0s")["timestamp_ns"]
            self.assertLessEqual(spent, later)
            self.assertLess(later - spent, 10**9)

    def test_the_examples_in_the_table_are_true(self):
        """Each example's reply and event keeps the contract by itself, and its request is understood."""
        client = self.connect()
        table = contract.Table.get()
        for op, examples in table.examples.items():
            for example in examples:
                contract.check_reply(op, example["reply"], 0)
                fields = {key: value for key, value in example["request"].items() if key not in ("op", "id")}
                reply = client.ask(op, **fields)
                if not reply["ok"]:
                    self.assertIn(reply["error"]["code"], ("unknown-line", "unsupported"), (example, reply))
        for event, examples in table.event_examples.items():
            self.assertTrue(examples, event)
            for example in examples:
                contract.check_event(example["event"], 0)

    def test_no_key_is_a_keyword(self):
        table = contract.Table.get()
        for rows in (*table.fields.values(), *table.results.values(), *table.events.values(), *table.objects.values()):
            self.assertEqual(set(), set(rows) & contract.KEYWORDS)


class Sense(TestCase):
    def test_requests_that_make_no_sense_say_why(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input")
        for op, code, field, fields in (
                ("request", "conflict", "alias", {"line": "FREE1", "alias": "FREE0"}),
                ("request", "out-of-range", "lines", {"lines": ["FREE0", "FREE1"]}),
                ("request", "out-of-range", "alias", {"lines": ["FREE1", "FREE2"], "alias": "both"}),
                ("request", "conflict", "direction", {"line": "led", "direction": "input"}),
                ("arm", "bad-type", "keep", {"timer": "~mine", "after": "1h", "keep": True}),
                ("arm", "missing-field", "after", {"timer": "t"}),
                ("arm", "bad-type", "values", {"timer": "t", "after": "1h", "values": [1]}),
                ("timers", "bad-type", "after", {"after": "nonsense"}),
                ("lines", "out-of-range", "limit", {"lines": ["led", "button"], "limit": 1}),
                ("set", "missing-field", "value", {"line": "led"}),
                ("set", "bad-type", "values", {"line": "led", "value": 1, "values": {"led": 1}}),
                ("set", "bad-type", "values", {"lines": ["led", "relay"], "values": [1]}),
                ("subscribe", "missing-field", "since", {"line": "led", "instance": "0"}),
                ("subscribe", "missing-field", "instance", {"line": "led", "since": 0}),
                ("subscribe", "missing-field", "lines", {})):
            with self.subTest(op=op, **fields):
                error = client.refuse(op, code, **fields)
                self.assertEqual(field, error["field"])
        holder = client.refuse("request", "conflict", line="led", direction="input")["holder"]
        self.assertEqual(("configuration", 0), (holder["client"], holder["peer"]))
        self.assertEqual([], client.request("timers")["timers"])
