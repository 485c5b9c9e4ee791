# SPDX-License-Identifier: MIT
"""A client that goes on after each end of its connection where it was."""

import json
import socket
import threading
import time

import machine


class Follower(threading.Thread):
    """A client of everything that goes on after each end of its connection where it was.

    events has every message with "event", in the order in which they came.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.events = []
        self.connections = 0
        self.not_resumed = 0
        self.error = None
        self.seq = self.instance = self.session = None
        self.stopping = False
        self.following = threading.Event()

    def run(self):
        try:
            while not self.stopping:
                self._follow()
        except Exception as error:
            self.error = error
            self.following.set()

    def _follow(self):
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(machine.PATIENCE_S)
                sock.connect(machine.PATH)
                self.sock = sock
                with sock.makefile("rw", encoding="utf-8") as stream:
                    self._talk(stream)
        except (ConnectionError, FileNotFoundError, BrokenPipeError):
            time.sleep(0.01)

    def _ask(self, stream, **request):
        """The reply; events that come before it are kept."""
        print(json.dumps(request), file=stream, flush=True)
        for row in stream:
            message = json.loads(row)
            if "ok" in message:
                if not message["ok"]:
                    raise machine.Failure("%s was refused: %s" % (request, message))
                return message
            self._keep(message)
        raise ConnectionResetError

    def _talk(self, stream):
        hello = self._ask(stream, op="hello", client="follower", **({"session": self.session} if self.session else {}))
        self.session = hello.get("session")
        place = {} if self.seq is None else {"since": self.seq, "instance": self.instance}
        reply = self._ask(stream, op="subscribe", lines="*", timers="*", **place)
        self.connections += 1
        self.instance = reply["instance"]
        if self.seq is None:
            self.seq = reply["seq"]
        elif not reply["resumed"]:
            self.not_resumed += 1
        self.following.set()
        for row in stream:
            self._keep(json.loads(row))

    def _keep(self, message):
        self.seq = message["seq"]
        self.events.append(message)

    def start_following(self):
        self.start()
        if not self.following.wait(machine.PATIENCE_S) or self.error:
            raise machine.Failure("the follower does not follow: %r" % self.error)

    def stop(self):
        self.stopping = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join(machine.PATIENCE_S)

    def of(self, event, **fields):
        return [message for message in list(self.events)
                if message["event"] == event and all(message.get(key) == value for key, value in fields.items())]

    def accounted(self, line):
        """Edges of a line that came, and that were said to be lost."""
        return len(self.of("edge", line=line)) + sum(
            message.get("count", 0) for message in self.of("lost") if line in message["values"])
