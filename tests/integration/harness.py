# SPDX-License-Identifier: MIT
"""The daemon and its clients as the tests see them: a real process, a real socket, black box.

Daemon starts build/gpioeventd in a directory of its own and waits for the READY=1 that it sends.
Client speaks the protocol and, with every message it receives, checks the contract: the table
(build/protocol.json), the size, the pairing of replies with requests and the order by seq. So each
test checks those rules, whatever it is about. TestCase puts them together with a board.

Nothing here sleeps and hopes: a test waits for a message, and "nothing more comes" is shown by a
request whose reply has to stand behind everything logged before it.
"""

import atexit
import collections
import contextlib
import json
import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import contract

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# What run.py was told; the environment carries it to worker processes and programs.
BUILD = os.environ.get("GPIOEVENTD_TEST_BUILD", os.path.join(ROOT, "build"))
BACKEND = os.environ.get("GPIOEVENTD_TEST_BACKEND", "sim")
WRAPPER = shlex.split(os.environ.get("GPIOEVENTD_TEST_WRAPPER", ""))
PATIENCE = float(os.environ.get("GPIOEVENTD_TEST_PATIENCE", "10" if WRAPPER else "1"))
TIMEOUT = 10 * PATIENCE



def _is_instrumented():
    """Whether the daemon's memory is also that of a tool that watches it."""
    try:
        with open(os.path.join(BUILD, "gpioeventd"), "rb") as f:
            return bool(WRAPPER) or b"__asan_init" in f.read()
    except FileNotFoundError:
        return False


INSTRUMENTED = _is_instrumented()

ABSENT = object()  # a field that must not be there
ANY = object()     # an id that does not matter


class Failure(AssertionError):
    """The daemon did not do what the contract says."""


def short(message):
    text = message if isinstance(message, str) else json.dumps(message)
    return text if len(text) <= 400 else text[:300] + " ... (%d bytes)" % len(text)


def matches(message, wanted):
    """Whether message has each field of wanted; ABSENT wants a field not to be there."""
    return message is not None and all(
        key not in message if value is ABSENT else key in message and message[key] == value
        and isinstance(message[key], bool) == isinstance(value, bool)
        for key, value in wanted.items())


def describe(wanted):
    return ", ".join("no %s" % key if value is ABSENT else "%s=%s" % (key, json.dumps(value))
                     for key, value in wanted.items())


class Deadline:
    def __init__(self, seconds=None):
        self.end = time.monotonic() + (TIMEOUT if seconds is None else seconds)

    def left(self):
        return max(self.end - time.monotonic(), 0.001)

    def over(self):
        return time.monotonic() >= self.end


def wait_until(fact, what, seconds=None):
    """Polls a fact that no message tells, such as the state of a process; returns its value."""
    deadline = Deadline(seconds)
    while True:
        value = fact()
        if value:
            return value
        if deadline.over():
            raise Failure("did not happen in time: " + what)
        time.sleep(0.01)


class Daemon:
    """One run of gpioeventd. Everything it needs is in `directory`, which goes with it."""

    running = set()

    def __init__(self, config="", backend=None, args=(), directory=None, env=None, wait=True,
                 pass_fds=()):
        self.owns_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="gpioeventd-")
        self.socket_path = os.path.join(self.directory, "socket")
        self.config_path = os.path.join(self.directory, "gpioeventd.conf")
        self.stderr_path = os.path.join(self.directory, "stderr")
        with open(self.config_path, "w") as f:
            f.write(config)
        self.environment = {**os.environ, "NOTIFY_SOCKET": self._open_notify(), **(env or {})}
        self.command = WRAPPER + [os.path.join(BUILD, "gpioeventd"), "--config", self.config_path,
                                  "--socket", self.socket_path, "--backend", backend or BACKEND] + list(args)
        self.log = ""
        self.process = self._spawn(pass_fds)
        self.pid = self.process.pid
        Daemon.running.add(self)
        if wait:
            self.wait_ready()

    def _open_notify(self):
        """The path of a socket for NOTIFY_SOCKET."""
        path = os.path.join(self.directory, "notify")
        if os.path.exists(path):
            os.unlink(path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.notified = []
        return path

    def _spawn(self, pass_fds):
        with open(self.stderr_path, "ab") as stderr:
            return subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                                    stderr=stderr, pass_fds=pass_fds)

    def stderr(self):
        try:
            with open(self.stderr_path, errors="replace") as f:
                self.log = f.read()
        except FileNotFoundError:
            pass
        return self.log

    def wait_notify(self, word, seconds=None):
        """Waits for a notification with the line `word`, such as READY=1."""
        deadline = Deadline(seconds)
        while not any(word in text.split("\n") for text in self.notified):
            if self.process.poll() is not None:
                raise Failure("the daemon ended with status %d before %s; stderr:\n%s" %
                              (self.process.returncode, word, self.stderr()))
            if deadline.over():
                raise Failure("no %s from the daemon; stderr:\n%s" % (word, self.stderr()))
            self.notify.settimeout(min(0.1, deadline.left()))
            try:
                self.notified.append(self.notify.recv(4096).decode())
            except socket.timeout:
                pass

    def wait_ready(self):
        self.wait_notify("READY=1")

    def accepts(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket_path) == 0

    def connect(self, **settings):
        return Client(self.socket_path, **settings)

    def signal(self, number):
        self.process.send_signal(number)

    def frozen(self):
        """A context in which the daemon stands still."""
        return Frozen(self)

    def n_fds(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def cpu_s(self):
        """The processor time that the daemon has used; the clock is that of clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    @contextlib.contextmanager
    def no_descriptor_left(self):
        """A context in which the daemon can open nothing more, unless it closes something."""
        limits = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        used = {int(fd) for fd in os.listdir("/proc/%d/fd" % self.pid)}
        lowest_free = next(fd for fd in range(len(used) + 1) if fd not in used)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
        try:
            yield
        finally:
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, limits)

    def rss(self):
        """Resident memory in bytes; of an instrumented daemon nothing can be said, so 0."""
        if INSTRUMENTED:
            return 0
        with open("/proc/%d/status" % self.pid) as f:
            return next(int(row.split()[1]) for row in f if row.startswith("VmRSS:")) * 1024

    def heap(self):
        """Memory of its own in bytes, without the event log; 0 of an instrumented daemon."""
        if INSTRUMENTED:
            return 0
        with open("/proc/%d/status" % self.pid) as f:
            return next(int(row.split()[1]) for row in f if row.startswith("RssAnon:")) * 1024

    def wait_end(self, seconds=None):
        """The exit status of a daemon that is about to end."""
        try:
            status = self.process.wait(TIMEOUT if seconds is None else seconds)
        except subprocess.TimeoutExpired:
            raise Failure("the daemon did not end; stderr:\n" + self.stderr())
        self.stderr()
        self._gone()
        return status

    def stop(self, seconds=None, errors_allowed=False):
        """SIGTERM; the daemon has to end with status 0 and to have logged no error."""
        if self not in Daemon.running:
            return
        ended = self.process.poll() is not None
        if not ended:
            self.signal(signal.SIGTERM)
        try:
            status = self.wait_end(seconds)
        except Failure:
            self.kill()
            raise
        if ended or status != 0:
            raise Failure("the daemon ended %swith status %d; stderr:\n%s" %
                          ("by itself " if ended else "", status, self.log))
        bad = [row for row in self.log.splitlines() if contract.is_error_message(row)]
        if bad and not errors_allowed:
            raise Failure("the daemon logged an error:\n" + "\n".join(bad))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stderr()
        self._gone()

    def _gone(self):
        Daemon.running.discard(self)
        self.notify.close()
        self._remove_directory()

    def _remove_directory(self):
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)


@atexit.register
def _end_daemons():
    for daemon in list(Daemon.running):
        daemon.kill()


class Frozen:
    def __init__(self, daemon):
        self.daemon = daemon

    def __enter__(self):
        self.daemon.signal(signal.SIGSTOP)
        wait_until(self.stopped, "the daemon stops at SIGSTOP")

    def stopped(self):
        with open("/proc/%d/stat" % self.daemon.pid) as f:
            return f.read().rpartition(")")[2].split()[0] == "T"

    def __exit__(self, *exc):
        self.daemon.signal(signal.SIGCONT)


class Client:
    """One connection. Replies are paired with requests; events wait in `events` in their order."""

    def __init__(self, path, receive_buffer=None, order=None):
        self.socket = socket.socket(socket.AF_UNIX)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.input = b""
        self.closed = False
        self.pending = collections.deque()  # (op, id) of each request without a reply, in order
        self.events = collections.deque()
        self.replies = collections.deque()
        self.transcript = collections.deque(maxlen=25)
        self.order = order or contract.Order()
        self.may_be_torn = False  # the daemon may have been killed while it sent
        self.next_id = 1

    # Sending

    def send(self, op, **fields):
        """Sends one request with an id of its own, without waiting for the reply."""
        fields.setdefault("id", self.next_id)
        self.next_id += 1
        self.send_raw(json.dumps(dict(op=op, **fields)) + "\n", (op, fields["id"]))

    def send_raw(self, data, *expected):
        """Sends bytes as they are. `expected` has (op, id) for each reply that they cause; the op
        is None for input that names none, the id ABSENT where the reply must not have one."""
        if isinstance(data, str):
            data = data.encode()
        self.pending.extend(expected)
        self.transcript.append("-> " + short(data.decode(errors="replace").rstrip("\n")))
        self.socket.settimeout(TIMEOUT)
        self.socket.sendall(data)

    def request(self, op, **fields):
        """Sends a request and returns its reply, which has to be ok."""
        reply = self.ask(op, **fields)
        if not reply["ok"]:
            self.fail("the request %s was refused: %s" % (op, short(reply)))
        return reply

    def refuse(self, op, code, **fields):
        """Sends a request that has to be refused with `code`; returns the error object."""
        reply = self.ask(op, **fields)
        if reply["ok"] or reply["error"]["code"] != code:
            self.fail("%s with %s should be refused with %s, but the reply is %s" %
                      (op, short(fields), code, short(reply)))
        return reply["error"]

    def ask(self, op, **fields):
        self.send(op, **fields)
        return self.reply()

    def pipeline(self, requests):
        """Sends many (op, fields) in one stretch, reading replies meanwhile; returns the replies."""
        rows = []
        for op, fields in requests:
            rows.append(json.dumps(dict(op=op, id=self.next_id, **fields)) + "\n")
            self.pending.append((op, self.next_id))
            self.next_id += 1
        sender = threading.Thread(target=self.socket.sendall, args=("".join(rows).encode(),))
        sender.start()
        replies = [self.reply() for _ in rows]
        sender.join()
        return replies

    def send_until_stuck(self, data, seconds=0.5):
        """Sends data again and again until the socket takes no more for a while; the bytes sent."""
        sent = 0
        self.socket.settimeout(seconds * PATIENCE)
        try:
            while True:
                sent += self.socket.send(data[sent % len(data):])
        except socket.timeout:
            return sent

    def end_input(self):
        self.socket.shutdown(socket.SHUT_WR)

    # Receiving

    def fail(self, text):
        raise Failure("%s\nthe end of the conversation:\n  %s" % (text, "\n  ".join(self.transcript)))

    def read_line(self, deadline):
        """One line, without its newline; None at the end of the stream."""
        while b"\n" not in self.input:
            self.socket.settimeout(deadline.left())
            try:
                data = self.socket.recv(1 << 18)
            except socket.timeout:
                return self.fail("nothing came in time")
            except ConnectionError:
                data = b""
            if not data:
                if self.input and not self.may_be_torn:
                    self.fail("the stream ended inside a message: " + short(self.input.decode(errors="replace")))
                self.closed = True
                return None
            self.input += data
        line, _, self.input = self.input.partition(b"\n")
        return line

    def message(self, seconds=None):
        """The next message as it comes, checked; None at the end of the stream."""
        line = self.read_line(Deadline(seconds))
        if line is None:
            self.transcript.append("<- end of the stream")
            return None
        self.transcript.append("<- " + short(line.decode(errors="replace")))
        try:
            message = contract.parse(line)
            if "event" in message:
                contract.check_event(message, len(line) + 1)
                self.order.event(message)
            else:
                self._check_reply(message, len(line) + 1)
        except contract.Broken as broken:
            self.fail(str(broken))
        return message

    def _check_reply(self, message, size):
        if not self.pending:
            raise contract.Broken("a reply to no request: " + short(message))
        op, id = self.pending.popleft()
        got = message.get("id", ABSENT)
        if id is not ANY and (got != id or got is not ABSENT and type(got) is not type(id)):
            raise contract.Broken("the reply's id should be %s: %s" %
                                  ("absent" if id is ABSENT else json.dumps(id), short(message)))
        contract.check_reply(op, message, size)
        self.order.reply(message)

    def reply(self, seconds=None):
        """The reply to the oldest request without one; events before it go to `events`."""
        while not self.replies:
            message = self.message(seconds)
            if message is None:
                self.fail("the connection was closed instead of a reply")
            (self.events if "event" in message else self.replies).append(message)
        return self.replies.popleft()

    def event(self, seconds=None):
        """The next event; replies before it go to `replies`."""
        while not self.events:
            message = self.message(seconds)
            if message is None:
                self.fail("the connection was closed instead of an event")
            (self.events if "event" in message else self.replies).append(message)
        return self.events.popleft()

    def expect(self, seconds=None, **wanted):
        """The next event, which has to have the fields given."""
        event = self.event(seconds)
        if not matches(event, wanted):
            self.fail("expected an event with %s, but there came %s" % (describe(wanted), short(event)))
        return event

    def wait_for(self, seconds=None, **wanted):
        """The next event that has the fields given; others are passed over."""
        deadline = Deadline(seconds)
        while True:
            event = self.event(deadline.left())
            if matches(event, wanted):
                return event

    def drain(self):
        """Every event logged so far that this connection gets."""
        self.request("ping")
        events = list(self.events)
        self.events.clear()
        return events

    def expect_nothing(self):
        """No event was logged for this connection: a ping's reply stands behind them all."""
        events = self.drain()
        if events:
            self.fail("expected no event, but there came %s" % short(events))

    def expect_end(self, seconds=None):
        """The daemon closes the connection, and says nothing more before."""
        message = self.message(seconds)
        if message is not None:
            self.fail("expected the end of the connection, but there came %s" % short(message))

    def close(self):
        self.socket.close()
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def only(backend, reason):
    """A test that one backend alone can run."""
    return unittest.skipUnless(BACKEND == backend, reason)


# The lines of most tests; the names to the right are those of board.Board.
BUTTONS_AND_LEDS = """
[line button]
line = IN0
direction = input
bias = pull-up

[line door]
line = IN1
direction = input

[line bell]
line = IN2
direction = input
active-low = yes
bias = pull-up

[line led]
line = OUT0
direction = output
initial = 0

[line relay]
line = OUT1
direction = output
initial = 0

[line lamp]
line = OUT2
direction = output
initial = 0
active-low = yes
"""


# Several times what a socket takes: about 300 KiB of `output` events.
STUCK_EVENTS = 2500


class TestCase(unittest.TestCase):
    """A test with a board and, unless CONFIG is None, a daemon that runs with CONFIG."""

    CONFIG = BUTTONS_AND_LEDS
    DAEMON = ""  # rows of [daemon]
    ARGS = ()
    ERRORS_ALLOWED = False  # in the daemon's log

    maxDiff = None

    def setUp(self):
        import board
        self.clients = []
        self.daemons = []
        self.daemon = None
        self.observer = None
        self.board = board.make(BACKEND)
        self.addCleanup(self.board.close)
        self.addCleanup(self._end)
        if self.CONFIG is not None:
            self.start(self.CONFIG)

    def start(self, config="", daemon="", args=(), **settings):
        """Starts a daemon on the test's board; the first becomes self.daemon."""
        started = self.make_daemon(self.config_text(config, daemon), args=tuple(self.ARGS) + tuple(args), **settings)
        self.daemons.append(started)
        if self.daemon is None:
            self.daemon = started
            self.board.attach(started)
        return started

    def make_daemon(self, text, **settings):
        return Daemon(text, **settings)

    def config_text(self, config, daemon=""):
        return "[daemon]\n%s\n%s\n%s\n%s" % (self.DAEMON, daemon, self.board.config(), config)

    def connect(self, daemon=None, **settings):
        client = (daemon or self.daemon).connect(**settings)
        self.clients.append(client)
        return client

    def _end(self):
        self.board.detach()
        for client in self.clients:
            client.close()
        for daemon in self.daemons:
            daemon.stop(errors_allowed=self.ERRORS_ALLOWED)

    def context(self):
        """What the reader of a failure wants to see besides."""
        rows = []
        for daemon in self.daemons:
            log = daemon.stderr()
            rows.append("the daemon's stderr (%s):" % ("ended" if daemon not in Daemon.running else "running"))
            rows.extend("  " + row for row in log.splitlines()[-20:])
        return "\n".join(rows)

    # Facts that many tests state

    def barrier(self, client, *lines):
        """Events of all presses so far are logged, and this connection has received its own."""
        client.request("get", lines=list(lines or ("button", "door")))

    def wait_value(self, client, line, value):
        """Waits until the daemon has seen the level."""
        wait_until(lambda: client.request("get", line=line)["values"][line] == value,
                   "%s becomes %s" % (line, value))

    def stuck_reader(self, writer, **subscription):
        """A client with more `output` events of led before it than its socket takes; it reads none of them."""
        stuck = self.connect()
        stuck.request("subscribe", **subscription)
        writer.pipeline([("toggle", {"line": "led"}) for _ in range(STUCK_EVENTS)])
        return stuck

    def assert_idle(self, seconds=0.4):
        """The daemon sleeps, since it has nothing to do; one that spins takes all the time there is."""
        before = self.daemon.cpu_s()
        time.sleep(seconds)
        self.assertLess(self.daemon.cpu_s() - before, 0.3 * seconds)

    def assert_no_gap(self, client, seq):
        """Of what was logged after seq, a subscriber of everything has got each event once and in order."""
        events = client.drain()
        self.assertEqual(list(range(seq + 1, client.request("ping")["seq"] + 1)), [event["seq"] for event in events])
        return events

    def stats(self):
        """The daemon's counters, over a connection that stays, so that it counts always the same."""
        if self.observer is None:
            self.observer = self.connect()
        return self.observer.request("stats")

    def wait_stats(self, **wanted):
        """Waits for a state that no message tells, such as a connection that is gone."""
        last = {}

        def reached():
            last.update(self.stats())
            return all(last[key] == value for key, value in wanted.items())

        try:
            wait_until(reached, "stats")
        except Failure:
            self.fail("stats should come to %s, but is %s" % (wanted, short(last)))
