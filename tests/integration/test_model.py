# SPDX-License-Identifier: MIT
"""Promise 1 against a model: whatever clients do and however slowly they read, what they received and what
they were told to have lost is together exactly what their filters passed, at each moment of the log.

One observer reads everything at once; its record is the truth. The others change their subscriptions
and read a little at a time, at random, far behind the log, so that they are overtaken again and again;
now and then they disconnect and come back with the last seq that they have read.
GPIOEVENTD_TEST_SEED=N tries another course; a failure names the one that it had.
"""

import os
import random
import threading

from harness import PATIENCE, TestCase, only

LINES = ("button", "door", "bell", "led", "relay", "lamp")
OUTPUTS = ("led", "relay", "lamp")
INPUTS = ("IN0", "IN1", "IN2")
KINDS = ("edge", "output", "line")


class Truth(threading.Thread):
    """Reads every event of the log as it comes, and the values that hold after each."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.values = dict(client.request("subscribe", lines="*", timers="*")["values"])
        self.events = {}       # seq -> event
        self.values_after = {} # seq -> {line: value}
        self.error = None
        self.until = None
        self.start()

    def run(self):
        try:
            while self.until is None or not self.events or max(self.events) < self.until:
                self.take(self.client.event())
        except BaseException as error:  # told by finish()
            self.error = error

    def take(self, event):
        if event["event"] == "lost":
            raise AssertionError("the observer was overtaken, so it knows nothing: %s" % event)
        if event["event"] in KINDS:
            self.values[event["line"]] = event["value"]
        self.events[event["seq"]] = event
        self.values_after[event["seq"]] = dict(self.values)

    def finish(self):
        self.join()
        if self.error:
            raise self.error


class State:
    """What a connection is subscribed to, from one seq on."""

    def __init__(self, lines, timers):
        self.lines = lines    # name or "*" -> (edges, kinds)
        self.timers = timers  # names, "*" among them

    def passes(self, event):
        kind = event["event"]
        if kind in ("timer", "timer-ended"):
            return event["timer"] in self.timers or "*" in self.timers
        entry = self.lines.get(event["line"], self.lines.get("*"))
        if entry is None or kind not in entry[1]:
            return False
        return kind != "edge" or entry[0] in ("both", event["edge"])

    def subscribed(self, lines, timers, edges, kinds):
        entries = dict(self.lines)
        entries.update({line: (edges, kinds) for line in lines})
        return State(entries, self.timers | set(timers))

    def unsubscribed(self, lines, timers):
        if not lines and not timers:
            return State({}, set())
        return State({line: entry for line, entry in self.lines.items() if line not in lines},
                     set() if "*" in timers else self.timers - set(timers))


class Leg:
    """One connection of a reader: what held from when on, and what it received."""

    def __init__(self, client, since=-1):
        self.client = client
        self.since = since
        self.wanted = []  # the state that each request without a reply leads to
        self.states = [(since, State({}, set()))]
        self.received = []
        self.replied_at = -1

    def read(self, whole):
        """Takes the messages that are here; with `whole` waits for all replies, too."""
        while self.client.pending if whole else b"\n" in self.client.input:
            message = self.client.message()
            if message is None:
                self.client.fail("the connection was closed")
            if "event" in message:
                self.received.append(message)
            elif self.wanted:
                self.replied(message)

    def replied(self, message):
        if not message["ok"]:
            self.client.fail("a subscription was refused")
        begin = message["seq"]
        if len(self.states) == 1 and self.since >= 0:
            if not message["resumed"]:
                self.client.fail("not resumed")
            begin = self.since
        else:
            self.replied_at = message["seq"]  # of a resumption what was replayed is still to come
        self.states.append((begin, self.wanted.pop(0)))

    def seen(self):
        """The newest seq that an event or a reply had: either may be the next since."""
        return max([self.since, self.replied_at] + [event["seq"] for event in self.received])

    def state_at(self, seq):
        """The state that an event of this seq meets."""
        return [state for begin, state in self.states if begin < seq or begin == self.since == seq - 1][-1]


class Reader:
    """A client that reads when it pleases, and comes back to where it was after a disconnect."""

    def __init__(self, test, rng):
        self.test, self.rng = test, rng
        self.instance = test.observer.request("hello")["instance"]
        self.legs = [Leg(test.connect())]
        self.newest = State({}, set())
        self.change()

    def leg(self):
        return self.legs[-1]

    def choose(self):
        lines = self.rng.choice([["*"]] + [self.rng.sample(LINES, n) for n in (1, 2, 3)] + [[]])
        timers = self.rng.choice([[], [], ["*"], ["t0"], ["t1", "t2"]])
        return {key: value for key, value in (("lines", lines), ("timers", timers)) if value}

    def subscribe(self, fields, **more):
        edges = self.rng.choice(("both", "both", "rising", "falling", "none"))
        kinds = self.rng.choice((KINDS, KINDS, ("edge",), ("output",), ("line", "edge"), ("output", "line")))
        self.newest = self.newest.subscribed(fields.get("lines", []), fields.get("timers", []), edges, kinds)
        if "lines" in fields:
            more.update(edges=edges, events=list(kinds))
        self.leg().wanted.append(self.newest)
        self.leg().client.send("subscribe", **dict(fields, **more))

    def change(self):
        """Sends a change of the subscription without waiting for its reply."""
        fields = self.choose()
        if self.rng.random() < 0.3:
            self.newest = self.newest.unsubscribed(fields.get("lines", []), fields.get("timers", []))
            self.leg().wanted.append(self.newest)
            self.leg().client.send("unsubscribe", **fields)
        elif fields:
            self.subscribe(fields)

    def nibble(self):
        """Takes some bytes, whole messages or not."""
        client = self.leg().client
        client.socket.setblocking(False)
        try:
            for _ in range(self.rng.randrange(4)):
                client.input += client.socket.recv(self.rng.choice((1, 100, 5000, 100000)))
        except BlockingIOError:
            pass
        self.leg().read(whole=False)

    def come_back(self):
        """Disconnects, whatever is on its way, and goes on from the last message that was read."""
        since = self.leg().seen()
        if since < 0:
            return
        self.leg().client.close()
        self.legs.append(Leg(self.test.connect(), since))
        self.newest = State({}, set())
        self.subscribe(self.choose() or {"lines": ["*"]}, since=since, instance=self.instance)

    def finish(self):
        """Reads all that is left, in order."""
        self.leg().client.send("ping")
        self.leg().read(whole=True)


class Workers:
    """Clients that make events of all kinds."""

    def __init__(self, test, rng):
        self.test, self.rng = test, rng
        self.clients = [test.connect() for _ in range(3)]
        self.levels = dict.fromkeys(INPUTS, 1)
        self.levels["IN1"] = 0

    def act(self):
        self.rng.choice((self.toggle, self.toggle, self.press, self.arm, self.take, self.leave, self.pulse))()

    def toggle(self):
        self.rng.choice(self.clients).pipeline(
            [("toggle", {"lines": self.rng.sample(OUTPUTS, self.rng.randrange(1, 4))})
             for _ in range(self.rng.choice((1, 10, 200)))])

    def press(self):
        presses = []
        for _ in range(self.rng.choice((1, 10, 100))):
            line = self.rng.choice(INPUTS)
            self.levels[line] = 1 - self.levels[line]
            presses.append((line, self.levels[line]))
        self.test.board.play(presses)

    def arm(self):
        client = self.rng.choice(self.clients)
        fields = {"every": "1ms"} if self.rng.random() < 0.3 else {"after": "%dus" % self.rng.randrange(3000)}
        if self.rng.random() < 0.3:
            fields["values"] = {self.rng.choice(OUTPUTS): self.rng.randrange(2)}
        client.request("arm", timer="t%d" % self.rng.randrange(4), notify=False, **fields)
        if self.rng.random() < 0.5:
            client.request("disarm", timer="t%d" % self.rng.randrange(4))

    def take(self):
        client = self.rng.choice(self.clients)
        line = "FREE%d" % self.rng.randrange(3)
        op = self.rng.choice(("request", "request", "release", "subscribe", "unsubscribe"))
        fields = {"direction": self.rng.choice(("input", "output"))} if op == "request" else {}
        client.ask(op, line=line, **fields)  # others may have it otherwise; a refusal is right, too
        client.request("unsubscribe")
        client.events.clear()

    def leave(self):
        number = self.rng.randrange(len(self.clients))
        self.clients[number].close()
        self.clients[number] = self.test.connect()

    def pulse(self):
        self.rng.choice(self.clients).request("set", line=self.rng.choice(OUTPUTS), value=self.rng.randrange(2),
                                              pulse="%dus" % self.rng.randrange(1, 3000))


class Model(TestCase):
    DAEMON = "log-size = 64K"

    def course(self, seed, steps):
        rng = random.Random(seed)
        truth = Truth(self.connect())
        self.stats()
        readers = [Reader(self, rng) for _ in range(8)]
        workers = Workers(self, rng)
        for _ in range(steps):
            workers.act()
            reader = rng.choice(readers)
            reader.nibble()
            if rng.random() < 0.15:
                reader.change()
            if rng.random() < 0.05:
                reader.come_back()
        for client in workers.clients:
            client.close()
        self.settle(truth, readers)
        return sum(self.verify(truth, leg, end) for reader in readers
                   for leg, end in zip(reader.legs, [leg.since for leg in reader.legs[1:]] + [None]))

    def settle(self, truth, readers):
        """Ends what still makes events, lets everybody read to the end."""
        self.wait_stats(timers=0, connections=len(readers) + 3)
        self.barrier(self.observer, "button", "door", "bell", "led")
        for reader in readers:
            reader.finish()
        truth.until = self.observer.request("ping")["seq"] + 1
        self.observer.request("toggle", line="led")  # what the truth waits for
        truth.finish()

    def verify(self, truth, leg, end):
        """Received and lost are what the filters passed up to `end`; returns how much was lost."""
        received, covered = set(), set()
        for event in leg.received:
            if event["event"] == "lost":
                missed = self.missed(truth, leg, event)
                if event["reason"] == "log" and "count" not in event:  # that may not be known any more
                    self.assertNotEqual([], missed)
                else:
                    self.assertEqual(len(missed), event.get("count"), event)
                self.check_values(truth, event)
                covered.update(missed)
            else:
                self.assertEqual(truth.events[event["seq"]], event)
                received.add(event["seq"])
        end = leg.seen() if end is None else end
        wanted = {seq for seq, event in truth.events.items()
                  if leg.since < seq <= end and leg.state_at(seq).passes(event)}
        self.assertEqual(set(), received & covered)
        self.assertEqual([], sorted(wanted - received - covered)[:10], "missing, and nobody said so")
        self.assertEqual([], sorted(received - wanted)[:10], "the filter does not pass these")
        return len(covered)

    def missed(self, truth, leg, lost):
        self.assertIn(lost["reason"], ("slow-reader", "log"))
        return [seq for seq in range(lost["from"], lost["to"] + 1)
                if seq in truth.events and leg.state_at(seq).passes(truth.events[seq])]

    def check_values(self, truth, lost):
        values = truth.values_after[max(seq for seq in truth.values_after if seq <= lost["to"])]
        self.assertEqual({line: values.get(line) for line in lost["values"]}, lost["values"], lost)


def course_of(seed):
    def test(self):
        try:
            lost = self.course(seed, 400 if PATIENCE == 1 else 80)
        except BaseException:
            print("the course of GPIOEVENTD_TEST_SEED=%d failed" % seed)
            raise
        if PATIENCE == 1:
            self.assertGreater(lost, 0, "this course overtakes nobody")
    return test


for _seed in map(int, os.environ.get("GPIOEVENTD_TEST_SEED", "1 2 3").split()):
    setattr(Model, "test_received_and_lost_are_all_there_was_in_course_%d" % _seed,
            only("sim", "edges of real lines merge at this speed")(course_of(_seed)))
