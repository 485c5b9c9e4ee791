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
# Two are what everybody writes: `from` beside `to` in lost, and an error's `class`.
KEYWORDS = (LUA_KEYWORDS | C_KEYWORDS | set(keyword.kwlist)) - {"from", "class"}


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
        self.fields = {name: op["fields"] for name, op in raw["operations"].items()}
        self.results = {name: op["results"] for name, op in raw["operations"].items()}
        self.examples = {name: op["examples"] for name, op in raw["operations"].items()}
        self.events = {name: event["fields"] for name, event in raw["events"].items()}
        self.event_examples = {name: event["examples"] for name, event in raw["events"].items()}
        self.objects = {name: item["fields"] for name, item in raw["objects"].items()}
        self.errors = raw["errors"]
        self.limits = raw["limits"]
        self.enums = {name: list(words) for name, words in raw["enumerations"].items()}


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


def shown(message):
    return json.dumps(message)[:600]


def _is_duration(value):
    return isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?(ns|us|ms|s|min|h|d)", value) is not None


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_int,
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "objects": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "value": lambda value: value is None or _is_int(value) and value in (0, 1),
    "enum": lambda value: isinstance(value, str),
    "duration": _is_duration,
}


def _check_fields(value, rows, message, what="", framing=()):
    """`value` has the fields of the rows and no others."""
    if not isinstance(value, dict):
        raise Broken("%sis no object: %s" % (what, shown(message)))
    for key, row in rows.items():
        if key not in value:
            if row["presence"] == "required":
                raise Broken("%s%s is missing: %s" % (what, key, shown(message)))
        elif not TYPES[row["type"]](value[key]):
            raise Broken("%s%s is no %s: %s" % (what, key, row["type"], shown(message)))
    for key in value:
        if key not in rows and key not in framing:
            raise Broken("the field %s%s is not in the table: %s" % (what, key, shown(message)))


def check_object(name, value, message, extra=()):
    """`value` is an object of the table, such as a line or a client."""
    _check_fields(value, Table.get().objects[name], message, name + " ", extra)


def check_line_object(info, message):
    check_object("line", info, message)
    for user in info["users"]:
        check_object("client", user, message)
    if "claim" in info:
        check_object("claim", info["claim"], message)
        check_object("client", info["claim"]["holder"], message)
    for key in ("direction", "bias", "drive", "edges"):
        if key in info and info[key] not in Table.get().enums[key]:
            raise Broken("a line's %s is none of the words: %s" % (key, shown(message)))


def check_error(error, message):
    """A refusal's error; in an event, where nobody asked, the class may be left out."""
    if isinstance(error, dict) and "event" in message:
        error = dict({"class": Table.get().errors.get(error.get("code"))}, **error)
    check_object("error", error, message)
    table = Table.get()
    if error["code"] not in table.errors:
        raise Broken("the error code is none of the closed list: " + shown(message))
    if error["class"] != table.errors[error["code"]]:
        raise Broken("%s is of class %s: %s" % (error["code"], table.errors[error["code"]], shown(message)))
    if not error["message"] or "\n" in error["message"]:
        raise Broken("the error's message is one line of text: " + shown(message))
    if "holder" in error and set(error["holder"]) != {"consumer"}:
        check_object("client", error["holder"], message)


def _check_common(message):
    for value in (message.get("values") or {}).values():
        if value not in (0, 1, None) or isinstance(value, bool):
            raise Broken("values are 0, 1 or null: " + shown(message))
    for name in (message.get("names") or {}).values():
        if not isinstance(name, str):
            raise Broken("names are strings: " + shown(message))


def check_reply(op, message, size):
    """`op` is None when the request named none that exists."""
    if size > limit("LINE_BYTES"):
        raise Broken("the reply has %d bytes" % size)
    if not isinstance(message["ok"], bool):
        raise Broken("ok is true or false: " + shown(message))
    if not message["ok"]:
        if set(message) - {"id", "ok", "error"}:
            raise Broken("a refusal has ok, error and id: " + shown(message))
        check_error(message.get("error"), message)
        return
    if op not in Table.get().results:
        raise Broken("ok to a request that names no operation: " + shown(message))
    _check_fields(message, Table.get().results[op], message, framing={"id", "ok"})
    _check_common(message)
    if "values" in message and "names" in message and set(message["values"]) != set(message["names"]):
        raise Broken("values and names have the same keys: " + shown(message))
    if op in ("lines", "request"):
        for info in message["lines"]:
            check_line_object(info, message)


def check_event(message, size):
    kind = message["event"]
    if kind not in Table.get().events:
        raise Broken("no such event: " + shown(message))
    if size > (limit("LINE_BYTES") if kind == "lost" else limit("EVENT_BYTES")):
        raise Broken("the event has %d bytes: %s" % (size, shown(message)))
    _check_fields(message, Table.get().events[kind], message, framing={"event"})
    _check_common(message)
    if "value" in message and message["value"] not in (0, 1, None):
        raise Broken("a value is 0 or 1: " + shown(message))
    if "by" in message:
        check_object("client", message["by"], message)
    SPECIAL.get(kind, lambda event: None)(message)


def _check_edge(event):
    if {"rising": 1, "falling": 0}.get(event["edge"]) != event["value"]:
        raise Broken("rising means that the value becomes 1: " + json.dumps(event))


def _check_output(event):
    if "error" in event:
        check_error(event["error"], event)
    elif event["value"] is None:
        raise Broken("an output that changed has a value: " + json.dumps(event))


def _check_timer(event):
    if event["expirations"] < 1:
        raise Broken("expirations is at least 1: " + json.dumps(event))
    if "error" in event:
        check_error(event["error"], event)


def _check_lost(event):
    if event["seq"] != event["to"] or event["from"] > event["to"]:
        raise Broken("seq of lost is its to, and from is not beyond: " + json.dumps(event))
    if event["reason"] not in ("kernel", "slow-reader", "log", "restart", "unplug", "reload", "merged"):
        raise Broken("lost has none of the reasons: " + json.dumps(event))
    if event.get("count", 1) < 1:
        raise Broken("lost with nothing lost: " + json.dumps(event))


def _check_line(event):
    if event["change"] not in ("requested", "released", "claimed", "unclaimed", "reconfigured", "available",
                               "gone", "taken", "freed"):
        raise Broken("line has none of the changes: " + json.dumps(event))
    check_line_object(event["info"], event)
    if (event["change"] == "unclaimed") != ("reason" in event) or ("reason" in event) != ("holder" in event):
        raise Broken("unclaimed, and nothing else, has reason and holder: " + json.dumps(event))
    if event["change"] == ("unclaimed" if "claim" in event["info"] else "claimed"):
        raise Broken("line and its claim disagree: " + json.dumps(event))
    if "holder" in event:
        check_object("client", event["holder"], event)
    if event["info"]["line"] != event["line"] or event["info"]["value"] != event["value"]:
        raise Broken("line and its info disagree: " + json.dumps(event))


SPECIAL = {"edge": _check_edge, "output": _check_output, "timer": _check_timer, "lost": _check_lost, "line": _check_line}


class Order:
    """The order of one connection's stream (rules 3, 14, 15) and of each line within it."""

    def __init__(self):
        self.last_event = -1
        self.last_reply = -1
        self.replay_left = 0
        self.replay_bound = None
        self.replay_lost = False
        self.replayed = -1     # newest that was, or that an earlier connection had
        self.not_resumed = set()  # of timers of one's own, which come unasked
        self.told = set()         # those before the replay, which has them no more
        self.lost_wanted = False
        self.line_seq = {}
        self.line_time = {}
        self.instance = None
        self.is_first = False  # of what came after reconnecting

    def after_reconnecting(self):
        """The order of the next connection of a client that goes on: a restarted daemon counts on, unless its
        log has become another."""
        order = Order()
        order.last_event, order.last_reply = self.last_event, self.last_reply
        order.replayed = self.last_event
        order.line_seq, order.line_time = dict(self.line_seq), dict(self.line_time)
        order.instance, order.is_first = self.instance, True
        return order

    def _check_instance(self, message):
        instance = message.get("instance")
        if instance is None:
            return
        if self.is_first and self.instance not in (None, instance):
            self.__init__()
        elif self.instance not in (None, instance):
            raise Broken("the instance is another within one connection: " + json.dumps(message)[:400])
        self.instance, self.is_first = instance, False

    def reply(self, message):
        self._check_instance(message)
        seq = message.get("seq")
        if self.replay_left and not self.replay_lost:
            raise Broken("a reply while %d messages of the replay are due: %s" %
                         (self.replay_left, json.dumps(message)[:400]))
        if seq is None:
            return
        if seq < self.last_reply or seq < self.last_event:
            raise Broken("seq goes back (last event %d, last reply %d): %s" %
                         (self.last_event, self.last_reply, json.dumps(message)[:400]))
        self.last_reply = seq
        if message.get("resumed"):
            self.replay_left, self.replay_bound, self.replay_lost = message.get("replay", 0), seq, False
            self.told, self.not_resumed = self.not_resumed, set()
        self.lost_wanted = message.get("resumed") is False

    def event(self, message):
        seq = message["seq"]
        if self.lost_wanted:
            self.lost_wanted = False
            if message["event"] != "lost" or message["reason"] != "restart" or "count" in message:
                raise Broken("resumed false wants a lost with reason restart and no count first: " +
                             json.dumps(message)[:400])
            return
        # A replay that is overtaken itself has its loss in place of messages.
        self.replay_lost |= message["event"] == "lost"
        if self.replay_left and self.replay_lost and seq > self.replay_bound:
            self.replay_left = 0
        if self.replay_left:
            self.replay_left -= 1
            if seq > self.replay_bound or seq <= self.replayed or seq in self.told:
                raise Broken("a replayed message is out of place (after %d, up to %d): %s" %
                             (self.replayed, self.replay_bound, json.dumps(message)[:400]))
            self.replayed = seq
        elif seq <= self.last_event or seq <= self.last_reply:
            raise Broken("seq does not go up (last event %d, last reply %d): %s" %
                         (self.last_event, self.last_reply, json.dumps(message)[:400]))
        self.last_event = max(seq, self.last_event)
        if self.replay_bound is None and message["event"] == "timer":
            self.not_resumed.add(seq)
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
