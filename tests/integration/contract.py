# SPDX-License-Identifier: MIT
"""The contract that each message from the daemon keeps, read from build/protocol.json.

parse() is the framing, check_reply() and check_event() the table, Order the order by seq. They
raise Broken, which says what is wrong with which message.
"""

import json
import keyword
import os
import re

LUA_KEYWORDS = {"local", "end", "function", "nil", "repeat", "until", "then", "elseif", "goto"}
C_KEYWORDS = {"auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
              "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict",
              "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union",
              "unsigned", "void", "volatile", "while"}
KEYWORDS = LUA_KEYWORDS | C_KEYWORDS | set(keyword.kwlist)

USER = {"client": str, "peer": int, "pid": int, "uid": int}
LINE_REQUIRED = {"line": str, "name": str, "chip": str, "label": str, "offset": int, "held": bool}
LINE_OPTIONAL = {"direction": str, "active_low": bool, "bias": str, "drive": str, "edges": str,
                 "debounce": str, "users": list, "more_users": int, "consumer": str, "available": bool,
                 "alias": str, "keep": bool, "on_release": str, "configured": bool, "reason": str,
                 "kernel_buffer": int, "group": str}
ERROR_REQUIRED = {"code": str, "class": str, "message": str}
ERROR_OPTIONAL = {"field": str, "line": str, "have": str, "candidates": list, "holder": dict,
                  "supported": list, "applied": list}


class Broken(Exception):
    pass


def is_error_message(row):
    """Whether a row of the daemon's stderr says that something is broken."""
    return bool(re.match(r"(?:<[0-3]>|gpioeventd: error|error:)", row)) or "ERROR: " in row \
        or "runtime error:" in row or "Assertion" in row


class Table:
    """protocol.json, by name. Loaded once, when it is first needed."""

    _loaded = None

    @classmethod
    def get(cls):
        if cls._loaded is None:
            build = os.environ.get("GPIOEVENTD_TEST_BUILD")
            here = os.path.dirname(os.path.abspath(__file__))
            path = os.path.join(build or os.path.join(here, "..", "..", "build"), "protocol.json")
            with open(path) as f:
                cls._loaded = cls(json.load(f))
        return cls._loaded

    def __init__(self, raw):
        self.fields = {op["name"]: {row["key"]: row for row in op["fields"]} for op in raw["ops"]}
        self.results = {op["name"]: {row["key"]: row for row in op["results"]} for op in raw["ops"]}
        self.examples = {op["name"]: op["examples"] for op in raw["ops"]}
        self.events = {event["name"]: {row["key"]: row for row in event["fields"]} for event in raw["events"]}
        self.event_examples = {event["name"]: event["examples"] for event in raw["events"]}
        self.errors = {row["code"]: row["class"] for row in raw["errors"]}
        self.limits = {row["name"]: row["number"] for row in raw["limits"]}
        self.enums = {row["name"]: [value["word"] for value in row["values"]] for row in raw["enums"]}


def limit(name):
    return Table.get().limits[name]


def parse(line):
    """One line from the daemon as an object."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Broken("not UTF-8: %s: %r" % (error, line[:200]))

    def unique(pairs):
        keys = [key for key, _ in pairs]
        if len(keys) != len(set(keys)):
            raise Broken("a key stands twice: " + text[:400])
        return dict(pairs)

    try:
        message = json.loads(text, object_pairs_hook=unique,
                             parse_constant=lambda word: (_ for _ in ()).throw(ValueError(word)))
    except ValueError as error:
        raise Broken("not JSON: %s: %s" % (error, text[:400]))
    if not isinstance(message, dict):
        raise Broken("not an object: " + text[:400])
    if ("ok" in message) == ("event" in message):
        raise Broken("exactly one of ok and event has to be there: " + text[:400])
    for key in message:
        if key in KEYWORDS:
            raise Broken("the key %r is a keyword of C, Python or Lua" % key)
    return message


def _is_a(value, wanted):
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted)


def _check_object(what, value, required, optional, message):
    if not isinstance(value, dict):
        raise Broken("%s is no object: %s" % (what, json.dumps(message)[:600]))
    for key, wanted in required.items():
        if key not in value:
            raise Broken("%s lacks %s: %s" % (what, key, json.dumps(message)[:600]))
    for key, item in value.items():
        wanted = required.get(key, optional.get(key))
        if wanted is None:
            raise Broken("%s has the unknown field %s: %s" % (what, key, json.dumps(message)[:600]))
        if not _is_a(item, wanted):
            raise Broken("%s of %s has the wrong type: %s" % (key, what, json.dumps(message)[:600]))


def check_line_object(info, message):
    info = dict(info)
    if info.pop("value", "absent") not in (0, 1, None):
        raise Broken("a line object's value is 0, 1 or null: " + json.dumps(message)[:600])
    _check_object("a line object", info, LINE_REQUIRED, LINE_OPTIONAL, message)
    for user in info.get("users", []):
        _check_object("a user", user, {"peer": int, "pid": int, "uid": int}, USER, message)
    for key in ("direction", "bias", "drive", "edges"):
        if key in info and info[key] not in Table.get().enums[key]:
            raise Broken("a line object's %s is none of the words: %s" % (key, json.dumps(message)[:600]))


def check_error(error, message):
    _check_object("the error", error, ERROR_REQUIRED, ERROR_OPTIONAL, message)
    table = Table.get()
    if error["code"] not in table.errors:
        raise Broken("the error code is none of the closed list: " + json.dumps(message)[:600])
    if error["class"] != table.errors[error["code"]]:
        raise Broken("%s is of class %s: %s" % (error["code"], table.errors[error["code"]], json.dumps(message)[:600]))
    if not error["message"] or "\n" in error["message"]:
        raise Broken("the error's message is one line of text: " + json.dumps(message)[:600])


JSON_TYPES = {"STRING": str, "INTEGER": int, "BOOL": bool, "OBJECT": dict, "ARRAY": list, "OBJECTS": list}


def _check_fields(message, rows, framing, nullable=()):
    for key, row in rows.items():
        if key not in message:
            if row["presence"] == "REQUIRED":
                raise Broken("%s is missing: %s" % (key, json.dumps(message)[:600]))
            continue
        value = message[key]
        if value is None and key in nullable:
            continue
        if not _is_a(value, JSON_TYPES[row["type"]]):
            raise Broken("%s is no %s: %s" % (key, row["type"].lower(), json.dumps(message)[:600]))
        if row["type"] == "OBJECTS" and not all(isinstance(item, dict) for item in value):
            raise Broken("%s has something else than objects: %s" % (key, json.dumps(message)[:600]))
    for key in message:
        if key not in rows and key not in framing:
            raise Broken("the field %s is not in the table: %s" % (key, json.dumps(message)[:600]))


def _check_common(message):
    for value in (message.get("values") or {}).values():
        if value not in (0, 1, None) or isinstance(value, bool):
            raise Broken("values are 0, 1 or null: " + json.dumps(message)[:600])
    for name in (message.get("names") or {}).values():
        if not isinstance(name, str):
            raise Broken("names are strings: " + json.dumps(message)[:600])


def check_reply(op, message, size):
    """`op` is None when the request named none that exists."""
    if size > limit("LINE_BYTES"):
        raise Broken("the reply has %d bytes" % size)
    if not isinstance(message["ok"], bool):
        raise Broken("ok is true or false: " + json.dumps(message)[:600])
    if not message["ok"]:
        if set(message) - {"id", "ok", "error"}:
            raise Broken("a refusal has ok, error and id: " + json.dumps(message)[:600])
        check_error(message.get("error"), message)
        return
    if op not in Table.get().results:
        raise Broken("ok to a request that names no operation: " + json.dumps(message)[:600])
    _check_fields(message, Table.get().results[op], {"id", "ok"})
    _check_common(message)
    if "values" in message and "names" in message and set(message["values"]) != set(message["names"]):
        raise Broken("values and names have the same keys: " + json.dumps(message)[:600])
    if op in ("lines", "request"):
        for info in message["lines"]:
            check_line_object(info, message)


def check_event(message, size):
    kind = message["event"]
    if kind not in Table.get().events:
        raise Broken("no such event: " + json.dumps(message)[:600])
    if size > (limit("LINE_BYTES") if kind == "lost" else limit("EVENT_BYTES")):
        raise Broken("the event has %d bytes: %s" % (size, json.dumps(message)[:600]))
    _check_fields(message, Table.get().events[kind], {"event"}, {"value"} if kind == "line" else ())
    _check_common(message)
    if "value" in message and message["value"] not in (0, 1, None):
        raise Broken("a value is 0 or 1: " + json.dumps(message)[:600])
    if "by" in message:
        _check_object("by", message["by"], {"peer": int, "pid": int, "uid": int}, USER, message)
    SPECIAL.get(kind, lambda event: None)(message)


def _check_edge(event):
    if {"rising": 1, "falling": 0}.get(event["edge"]) != event["value"]:
        raise Broken("rising means that the value becomes 1: " + json.dumps(event))


def _check_timer(event):
    if event["expirations"] < 1:
        raise Broken("expirations is at least 1: " + json.dumps(event))
    if "error" in event:
        _check_object("the error", event["error"], {"code": str, "message": str}, {"line": str, "class": str}, event)


def _check_lost(event):
    if event["seq"] != event["to"] or event["from"] > event["to"]:
        raise Broken("seq of lost is its to, and from is not beyond: " + json.dumps(event))
    if event["reason"] not in ("kernel", "slow-reader", "log", "restart", "unplug", "merged"):
        raise Broken("lost has none of the reasons: " + json.dumps(event))
    if event.get("count", 1) < 1:
        raise Broken("lost with nothing lost: " + json.dumps(event))


def _check_line(event):
    if event["change"] not in ("requested", "released", "claimed", "unclaimed", "reconfigured", "available",
                               "gone", "taken", "freed"):
        raise Broken("line has none of the changes: " + json.dumps(event))
    check_line_object(event["info"], event)
    if event["info"]["line"] != event["line"] or event["info"]["value"] != event["value"]:
        raise Broken("line and its info disagree: " + json.dumps(event))


SPECIAL = {"edge": _check_edge, "timer": _check_timer, "lost": _check_lost, "line": _check_line}


class Order:
    """The order of one connection's stream (rules 3, 14, 15) and of each line within it."""

    def __init__(self):
        self.last_event = -1
        self.last_reply = -1
        self.replay_left = 0
        self.replay_bound = None
        self.lost_wanted = False
        self.line_seq = {}
        self.line_time = {}

    def reply(self, message):
        seq = message.get("seq")
        if self.replay_left:
            raise Broken("a reply while %d messages of the replay are due: %s" %
                         (self.replay_left, json.dumps(message)[:400]))
        if seq is None:
            return
        if seq < self.last_reply or seq < self.last_event:
            raise Broken("seq goes back (last event %d, last reply %d): %s" %
                         (self.last_event, self.last_reply, json.dumps(message)[:400]))
        self.last_reply = seq
        if message.get("resumed"):
            self.replay_left, self.replay_bound = message.get("replay", 0), seq
        self.lost_wanted = message.get("resumed") is False

    def event(self, message):
        seq = message["seq"]
        if self.lost_wanted:
            self.lost_wanted = False
            if message["event"] != "lost" or message["reason"] != "restart" or "count" in message:
                raise Broken("resumed false wants a lost with reason restart and no count first: " +
                             json.dumps(message)[:400])
            return
        if self.replay_left:
            self.replay_left -= 1
            if seq > self.replay_bound or seq <= self.last_event:
                raise Broken("a replayed message is out of place (after %d, up to %d): %s" %
                             (self.last_event, self.replay_bound, json.dumps(message)[:400]))
        elif seq <= self.last_event or seq <= self.last_reply:
            raise Broken("seq does not go up (last event %d, last reply %d): %s" %
                         (self.last_event, self.last_reply, json.dumps(message)[:400]))
        self.last_event = seq
        if message["event"] == "edge":
            self._edge(message)
        elif message["event"] == "line":
            self.line_seq.pop(message["line"], None)

    def _edge(self, message):
        line = message["line"]
        if message["line_seq"] <= self.line_seq.get(line, 0):
            raise Broken("line_seq does not go up (last %d): %s" % (self.line_seq[line], json.dumps(message)))
        if message["timestamp_ns"] < self.line_time.get(line, 0):
            raise Broken("a line's time goes back: " + json.dumps(message))
        self.line_seq[line] = message["line_seq"]
        self.line_time[line] = message["timestamp_ns"]
