# SPDX-License-Identifier: MIT
"""What systemd is to gpioeventd: who starts it, is told how it is, and keeps its descriptors.

Manager is the other end of NOTIFY_SOCKET, with a store for descriptors as that of systemd 252. Service
is a daemon under it that can have several lives in one directory: what was stored in one is handed
over to the next. Case puts them together with a board; Follower is a client that comes back after
each of the daemon's ends, as a program would.
"""

import array
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import contract
import harness
from harness import Client, Daemon, Deadline, Failure, TestCase

FIRST_FD = 3  # of those that are handed over, SD_LISTEN_FDS_START
UCRED = struct.Struct("3i")
TIMESPEC = struct.Struct("@ll")
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python does not name it


class Manager:
    """Serves NOTIFY_SOCKET in a thread.

    `store` has [name, fd] in the order in which they came; `told` has when and what it was told since the
    last start. `places` limits the store: what does not fit is closed, and nobody is told.
    """

    def __init__(self, path, places=4096):
        self.path = path
        self.places = places
        self.pid = None  # whom it listens to
        self.store = []
        self.told = []
        self.removed = []     # names that it was told to remove
        self.close_late_s = 0  # of a removed descriptor: systemd 255 closes in a thread of its own
        self.changed = threading.Condition()
        self.at_work = threading.Lock()  # held by who wants it to stand still
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(path)
        self.poll = select.epoll()
        self.poll.register(self.socket, select.EPOLLIN)
        self.wake, self._wake = os.pipe()
        self.poll.register(self.wake, select.EPOLLIN)
        self.late = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    # Messages

    def _serve(self):
        while True:
            ready = dict(self.poll.poll(0.01 if self.late else None))
            with self.at_work, self.changed:
                for fd, events in ready.items():
                    if fd == self.wake:
                        return
                    if fd == self.socket.fileno():
                        self._take_message()
                    elif events & (select.EPOLLHUP | select.EPOLLERR):
                        self._drop(lambda entry: entry[1] == fd)
                self._close_late()
                self.changed.notify_all()

    def _take_message(self):
        try:
            data, ancillary, _, _ = self.socket.recvmsg(65536, 8192, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        fds, pid, sent_ns = array.array("i"), None, 0
        for level, kind, content in ancillary:
            if kind == socket.SCM_RIGHTS:
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
            elif kind == socket.SCM_CREDENTIALS:
                pid = UCRED.unpack(content)[0]
            elif kind == SO_TIMESTAMPNS:
                seconds, ns = TIMESPEC.unpack(content[:TIMESPEC.size])
                sent_ns = seconds * 10 ** 9 + ns
        rows = data.decode().split("\n")
        fields = dict(row.split("=", 1) for row in rows if "=" in row)
        if pid == self.pid:  # NotifyAccess=main
            self.told.append((sent_ns, rows))
            fds = self._obey(fields, list(fds))
        for fd in fds:
            os.close(fd)

    def _obey(self, fields, fds):
        """Returns the descriptors that are not kept; they are closed, which ends a barrier."""
        name = fields.get("FDNAME", "stored")
        if fields.get("FDSTOREREMOVE") == "1":
            self.removed.append(name)
            self._drop(lambda entry: entry[0] == name)
        elif fields.get("FDSTORE") == "1":
            while fds and len(self.store) < self.places:
                self.keep(name, fds.pop(0))
        return fds

    # The store

    def keep(self, name, fd):
        """Puts a descriptor there, which then is the store's."""
        os.set_inheritable(fd, False)
        self.store.append([name, fd])
        try:
            self.poll.register(fd, 0)  # EPOLLHUP and EPOLLERR always come
        except PermissionError:        # what cannot be polled, such as a memfd
            pass

    def _drop(self, is_meant):
        for entry in [entry for entry in self.store if is_meant(entry)]:
            self.store.remove(entry)
            try:
                self.poll.unregister(entry[1])
            except (FileNotFoundError, PermissionError):
                pass
            if self.close_late_s:
                self.late.append((time.monotonic() + self.close_late_s, entry[1]))
            else:
                os.close(entry[1])

    def _close_late(self, at_once=False):
        for entry in [entry for entry in self.late if at_once or entry[0] <= time.monotonic()]:
            self.late.remove(entry)
            os.close(entry[1])

    def names(self, prefix=""):
        with self.changed:
            return [name for name, _ in self.store if name.startswith(prefix)]

    def fd(self, name):
        with self.changed:
            return next(fd for stored, fd in self.store if stored == name)

    def put(self, name, fd):
        """Something that the daemon did not store, in the place of what has that name."""
        with self.changed:
            self._drop(lambda entry: entry[0] == name)
            self.keep(name, fd)

    def lose(self, name):
        """Drops what has this name without telling anybody."""
        with self.changed:
            self._drop(lambda entry: entry[0] == name)

    def wait(self, fact, what):
        """Waits until a fact about the store or the messages is one."""
        deadline = Deadline()
        with self.changed:
            while not fact():
                if not self.changed.wait(deadline.left()) and deadline.over():
                    stored = [name for name, _ in self.store]
                    raise Failure("the manager waits in vain: %s; stored: %s" % (what, stored))

    def was_told(self, row):
        return any(row in rows for _, rows in self.told)

    def told_us(self, row):
        """When the daemon said this, in microseconds since 1970."""
        with self.changed:
            return next(sent_ns for sent_ns, rows in self.told if row in rows) // 1000

    # What it does itself

    def busy(self):
        """A context in which it does nothing: messages wait."""
        return self.at_work

    def read_all(self):
        """What is waiting is read first, as systemd does before it looks at who has ended."""
        with self.changed:
            while select.select([self.socket], [], [], 0)[0]:
                self._take_message()
            self._close_late(at_once=True)

    def close(self):
        os.write(self._wake, b"x")
        self.thread.join()
        self._drop(lambda entry: True)
        self._close_late(at_once=True)
        self.poll.close()
        self.socket.close()
        os.unlink(self.path)
        for fd in (self.wake, self._wake):
            os.close(fd)


class Service(Daemon):
    """gpioeventd under a Manager. The process changes with each life, the rest stays."""

    def __init__(self, config="", places=4096, has_store=True, listen=False, **settings):
        self.places = places
        self.has_store = has_store
        self.handed_over = []  # names, at the last start
        self.log_start = 0     # of the last life in stderr
        self.listen = listen
        self.listener = None
        super().__init__(config, **settings)

    def _open_notify(self):
        self.manager = Manager(os.path.join(self.directory, "notify"), self.places)
        if self.listen:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.socket_path)
            self.listener.listen(128)
        return self.manager.path

    def _handed_over(self):
        """(name, fd) of what is handed over, as systemd does it: sockets first, then the store, the newest first."""
        sockets = [("gpioeventd", self.listener.fileno())] if self.listener else []
        with self.manager.changed:
            return sockets + [tuple(entry) for entry in reversed(self.manager.store)]

    def _spawn(self, pass_fds=(), env=None):
        """`env` changes what is said about it; None takes a variable away."""
        given = self._handed_over()
        self.handed_over = [name for name, _ in given]
        environment = dict(self.environment)
        if self.has_store:
            environment["FDSTORE"] = str(self.places)
        if given:
            environment.update(LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=":".join(self.handed_over))
        environment.update(env or {})

        # In the child: descriptors go to where they belong by way of numbers that nobody uses.
        def become():
            away = [os.dup2(fd, FIRST_FD + len(given) + 512 + i, False) for i, (_, fd) in enumerate(given)]
            for i, fd in enumerate(away):
                os.dup2(fd, FIRST_FD + i, True)
            environment.setdefault("LISTEN_PID", str(os.getpid()))
            os.execvpe(self.command[0], self.command,
                       {key: value for key, value in environment.items() if value is not None})

        self.manager.told.clear()
        self.log_start = len(self.stderr())
        with open(self.stderr_path, "ab") as stderr, self.manager.changed:
            process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=stderr, close_fds=False,
                                       preexec_fn=become)
            self.manager.pid = process.pid
        return process

    def wait_notify(self, word, seconds=None):
        deadline = Deadline(seconds)
        with self.manager.changed:
            while not self.manager.was_told(word):
                self.manager.changed.wait(min(0.1, deadline.left()))
                if self.process.poll() is not None and not self.manager.was_told(word):
                    raise Failure("the daemon ended with status %d before %s; stderr:\n%s" %
                                  (self.process.returncode, word, self.stderr()))
                if deadline.over():
                    raise Failure("no %s from the daemon; stderr:\n%s" % (word, self.stderr()))

    def end(self, number=signal.SIGKILL):
        """Ends this life."""
        self.signal(number)
        try:
            status = self.process.wait(harness.TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Failure("the daemon did not end; stderr:\n" + self.stderr())
        if status != (-signal.SIGKILL if number == signal.SIGKILL else 0):
            raise Failure("the daemon ended with status %d; stderr:\n%s" % (status, self.stderr()))
        self.manager.read_all()

    def begin(self, config=None, wait=True, env=None):
        """The next life, maybe with another configuration."""
        if config is not None:
            with open(self.config_path, "w") as f:
                f.write(config)
        self.process = self._spawn(env=env)
        self.pid = self.process.pid
        if wait:
            self.wait_ready()

    def log_of_this_life(self):
        return self.stderr()[self.log_start:]

    def _gone(self):
        Daemon.running.discard(self)
        if self.listener:
            self.listener.close()
        self.manager.close()
        self._remove_directory()


class Case(TestCase):
    """A test with a service instead of a bare daemon."""

    def make_daemon(self, text, **settings):
        return Service(text, **settings)

    @property
    def manager(self):
        return self.daemon.manager

    def end(self, number=signal.SIGKILL):
        self.board.detach()
        self.observer = None
        self.daemon.end(number)

    def begin(self, config=None, daemon="", wait=True, **settings):
        text = None if config is None else self.config_text(config, daemon)
        self.daemon.begin(text, wait, **settings)
        if wait:
            self.board.attach(self.daemon)

    def restart(self, number=signal.SIGKILL, config=None, **settings):
        self.end(number)
        self.begin(config, **settings)

    def follow(self, **subscription):
        follower = Follower(self.daemon.socket_path, **subscription)
        self.addCleanup(follower.close)
        return follower


class Follower:
    """A client that comes back: with the session it had, and going on after the last event seen.

    `seen` has all events of all connections in their order; the contract is checked across them.
    """

    def __init__(self, path, name="follower", **subscription):
        self.path = path
        self.name = name
        self.subscription = subscription or {"lines": "*", "timers": "*"}
        self.client = None
        self.session = self.instance = self.peer = None
        self.seq = None  # the last that it knows of
        self.seen = []
        self.come()

    def come(self):
        """Connects, for the first time or again; the replies to hello and subscribe."""
        self.client = Client(self.path, order=self.client and self.client.order.after_reconnecting())
        session = {} if self.session is None else {"session": self.session}
        since = {} if self.seq is None else {"since": self.seq, "instance": self.instance}
        self.hello, self.subscribed = self.client.pipeline(
            [("hello", dict(client=self.name, **session)), ("subscribe", dict(**self.subscription, **since))])
        for reply in (self.hello, self.subscribed):
            if not reply["ok"]:
                self.client.fail("hello and subscribe were refused: " + harness.short(reply))
        self.taken_over = self.hello["taken_over"]
        self.session, self.peer = self.hello["session"], self.hello["peer"]
        self.instance = self.subscribed["instance"]
        if self.seq is None:
            self.seq = self.subscribed["seq"]
            self.first_seq = self.seq + 1
        return self.hello, self.subscribed

    def note(self, event):
        self.seen.append(event)
        self.seq = max(self.seq, event["seq"])
        return event

    def wait_for(self, seconds=None, **wanted):
        deadline = Deadline(seconds)
        while True:
            event = self.note(self.client.event(deadline.left()))
            if harness.matches(event, wanted):
                return event

    def request(self, op, **fields):
        return self.client.request(op, **fields)

    def catch_up(self):
        """Everything logged up to now; returns what is new."""
        before = len(self.seen)
        for event in self.client.drain():
            self.note(event)
        return self.seen[before:]

    def read_to_the_end(self):
        """What a daemon that has ended sent before; a message that it did not finish is none."""
        self.client.may_be_torn = True
        while True:
            message = self.client.message()
            if message is None:
                break
            (self.client.events if "event" in message else self.client.replies).append(message)
        while self.client.events:
            self.note(self.client.events.popleft())
        self.client.close()

    def come_back(self):
        """After the daemon's end: the rest of the old connection, then a new one, up to now."""
        self.read_to_the_end()
        self.come()
        self.catch_up()
        return self

    def check_nothing_is_missing(self):
        """Each seq from the first one to the last seen is an event or in a `lost`, and just once."""
        next_seq = self.first_seq
        for event in sorted(self.seen, key=lambda event: event["seq"]):
            begin = event["from"] if event["event"] == "lost" and event["from"] < event["seq"] else event["seq"]
            if begin != next_seq:
                raise Failure("seq %d should follow, but there came %s" % (next_seq, harness.short(event)))
            next_seq = event["seq"] + 1

    def close(self):
        if self.client:
            self.client.close()
