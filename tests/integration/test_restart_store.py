# SPDX-License-Identifier: MIT
"""What a restarted daemon finds is not always what the last one left: damage, forgery, another configuration,
chips that are gone, a manager that is slow or lost something."""

import contextlib
import errno
import fcntl
import os
import random
import resource
import select
import signal
import socket
import struct
import time

import manager
from board import A, B
from harness import ABSENT, BACKEND, PATIENCE, only, wait_until

SIM = BACKEND == "sim"

F_ADD_SEALS, F_GET_SEALS = 1033, 1034
SEAL_SEAL, SEAL_SHRINK, SEAL_GROW, SEAL_WRITE = 1, 2, 4, 8
SEALS = SEAL_SEAL | SEAL_SHRINK | SEAL_GROW

GPIO_V2_LINE_SET_VALUES_IOCTL = 0xC010B40F
GPIO_V2_LINE_SET_CONFIG_IOCTL = 0xC110B40D

VERSION_AT = 8  # in struct log_header
LOG_ALIGN = 64 << 10

INPUTS = {"button", "door", "bell"}


def read(fd):
    return os.pread(fd, os.fstat(fd).st_size, 0)


def memfd(data, seals=SEALS):
    fd = os.memfd_create("gpioeventd-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, len(data))
    for at in range(0, len(data), LOG_ALIGN):
        if any(data[at:at + LOG_ALIGN]):
            os.pwrite(fd, data[at:at + LOG_ALIGN], at)
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def write(fd, data, at):
    os.pwrite(fd, data, at)


def flip(fd, bit):
    write(fd, bytes([os.pread(fd, 1, bit // 8)[0] ^ 1 << bit % 8]), bit // 8)


def checksum(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def header_bytes(fd):
    """Of the part that has a checksum, which is its end."""
    header = os.pread(fd, 1024, 0)
    return 4 + next(at for at in range(8, 1024, 4) if struct.unpack_from("=I", header, at)[0] == checksum(header[:at]))


def parts(fd):
    """Where states, entries, bytes, stages and records are; the states come first in the file, too."""
    header = os.pread(fd, header_bytes(fd), 0)
    at = next(at for at in range(0, len(header), 8) if struct.unpack_from("=Q", header, at)[0] == LOG_ALIGN)
    return struct.unpack_from("=5Q", header, at)


def change_version(fd, step):
    at = header_bytes(fd) - 4
    header = os.pread(fd, at, 0)
    version, = struct.unpack_from("=I", header, VERSION_AT)
    header = header[:VERSION_AT] + struct.pack("=I", version + step) + header[VERSION_AT + 4:]
    write(fd, header[:at] + struct.pack("=I", checksum(header[:at])), 0)


class Case(manager.Case):
    def life(self, change=None):
        """A life in which a client makes itself at home, then a kill and `change` before the next one."""
        follower = self.follow()
        follower.request("set", values={"led": 1, "relay": 0})
        follower.request("arm", timer="t", after="1h", keep=True)
        follower.request("request", line="FREE0", direction="output", initial=1)
        follower.catch_up()
        self.end()
        if change:
            change()
        return follower

    def assert_works(self):
        """Lines can be had, written, read, and given back."""
        client = self.connect()
        client.request("subscribe", lines="*")
        for line in ("led", "relay", "lamp"):
            self.assertEqual({line: 1}, client.request("set", line=line, value=1)["values"])
            client.request("set", line=line, value=0)
        client.request("request", line="FREE3", direction="output", initial=1)
        client.request("release", line="FREE3")
        client.request("get", lines=["button", "door", "bell"])
        client.drain()
        level = client.request("get", line="door")["values"]["door"]
        self.board.press("IN1", 1 - level)
        client.wait_for(event="edge", line="door", value=1 - level)
        client.close()

    def assert_started_afresh(self, follower):
        instance = follower.instance
        follower.read_to_the_end()
        follower.come()
        self.assertNotEqual(instance, follower.instance)
        self.assertEqual((False, False), (follower.subscribed["resumed"], follower.taken_over))
        follower.client.expect(event="lost", reason="restart", count=ABSENT)
        self.assertEqual([], follower.request("timers")["timers"])
        self.assert_works()
        self.assert_store_is_of(follower.instance)
        follower.close()

    def assert_store_is_of(self, instance):
        """Nothing of earlier logs is left with the manager."""
        def is_clean():
            names = [name for name, _ in self.manager.store]
            return names.count("log") == 1 and len(set(names)) == len(names) and \
                all(name == "log" or name.startswith("line-%s-" % instance) for name in names)
        self.manager.wait(is_clean, "the store has what belongs to %s and nothing else" % instance)


class Log(Case):
    """A log that cannot be trusted is dropped, with a word."""

    ERRORS_ALLOWED = True

    def assert_dropped(self, *changes):
        """Each gets the stored descriptor; it changes what is behind it, or returns another in its place."""
        for change in changes:
            follower = self.life()
            other = change(self.manager.fd("log"))
            if other is not None:
                self.manager.put("log", other)
            self.begin()
            self.assertIn("the event log of before is given up", self.daemon.log_of_this_life())
            self.assert_started_afresh(follower)

    def test_a_file_that_is_not_sealed_is_dropped(self):
        self.assert_dropped(lambda fd: memfd(read(fd), 0), lambda fd: memfd(read(fd), SEAL_SEAL),
                            lambda fd: memfd(read(fd), SEAL_SHRINK | SEAL_SEAL),
                            lambda fd: memfd(read(fd), SEAL_GROW | SEAL_SEAL))

    def test_a_file_of_another_size_is_dropped(self):
        self.assert_dropped(lambda fd: memfd(b""), lambda fd: memfd(read(fd)[:100]), lambda fd: memfd(read(fd)[:4096]),
                            lambda fd: memfd(read(fd)[:-1]), lambda fd: memfd(read(fd)[:os.fstat(fd).st_size // 2]),
                            lambda fd: memfd(read(fd) + bytes(LOG_ALIGN)))

    def test_a_file_that_nobody_can_write_is_dropped(self):
        self.assert_dropped(lambda fd: os.open("/proc/self/fd/%d" % fd, os.O_RDONLY | os.O_CLOEXEC),
                            lambda fd: memfd(read(fd), SEALS | SEAL_WRITE))

    def test_something_else_than_a_memfd_is_dropped(self):
        self.assert_dropped(lambda fd: os.open("/dev/null", os.O_RDWR), lambda fd: os.open("/dev/zero", os.O_RDWR),
                            lambda fd: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach(),
                            lambda fd: os.open("/", os.O_RDONLY), lambda fd: os.eventfd(1))

    def test_any_bit_of_the_header_that_is_another_drops_it(self):
        rng = random.Random(5)
        n = header_bytes(self.manager.fd("log"))
        for i in range(20 if SIM else 3):
            instance = struct.pack("=Q", int(self.connect().request("hello")["instance"], 16))
            at = os.pread(self.manager.fd("log"), n, 0).index(instance) if i == 0 else rng.randrange(n)
            with self.subTest(at=at):
                self.assert_dropped(lambda fd: flip(fd, at * 8 + rng.randrange(8)))

    def test_zeros_and_noise_are_dropped(self):
        noise = random.Random(6)
        self.assert_dropped(lambda fd: memfd(bytes(os.fstat(fd).st_size)),
                            lambda fd: write(fd, noise.randbytes(1 << 20), 0),
                            lambda fd: write(fd, noise.randbytes(4096 - header_bytes(fd)), header_bytes(fd)))

    # With a right checksum: only the version is another.
    def test_another_version_is_dropped(self):
        for step in (1, -1):
            self.assert_dropped(lambda fd: change_version(fd, step))

    def test_damage_anywhere_behind_the_header_never_keeps_it_from_starting(self):
        rng = random.Random(7)
        for _ in range(30 if SIM else 6):
            follower = self.life()
            fd = self.manager.fd("log")
            data = read(fd)
            used = [at for at in range(0, len(data), 4096) if data[at:at + 4096].strip(b"\0")]
            for _ in range(rng.choice((1, 1, 5, 50))):
                at = rng.choice(used)
                some = [i for i in range(max(at, 256), at + 4096, 32) if data[i:i + 32].strip(b"\0")]
                flip(fd, rng.choice(some or [at + 256]) * 8 + rng.randrange(32 * 8))
            self.begin()
            follower.close()
            self.assert_works()

    def test_noise_in_a_whole_part_never_keeps_it_from_starting(self):
        rng = random.Random(8)
        for part in range(5):
            follower = self.life()
            fd = self.manager.fd("log")
            write(fd, rng.randbytes(16 * 1024), parts(fd)[part])
            self.begin()
            follower.close()
            self.assert_works()

    def test_the_log_of_another_daemon_brings_nothing_of_this_one(self):
        follower = self.life()
        self.begin()
        follower.come_back()
        data = read(self.manager.fd("log"))
        self.restart(signal.SIGINT)  # the log of now is another's
        other = self.life()
        mine = self.manager.names("line-")
        self.manager.put("log", memfd(data))
        self.begin()
        self.assertEqual(follower.instance, self.connect().request("hello")["instance"])
        if not SIM:
            self.manager.wait(lambda: not set(mine) & {name for name, _ in self.manager.store},
                              "descriptors of another instance are removed")
        self.assert_works()
        other.read_to_the_end()
        other.come()
        self.assertFalse(other.subscribed["resumed"])

    def test_without_the_log_nothing_is_adopted_and_everything_is_had_again(self):
        follower = self.life(lambda: self.manager.lose("log"))
        self.begin()
        self.assert_started_afresh(follower)

    def test_two_logs_are_no_reason_not_to_start(self):
        follower = self.life()
        data = read(self.manager.fd("log"))
        with self.manager.changed:
            self.manager.keep("log", memfd(data))
        self.begin()
        self.assert_works()
        follower.close()


class Forged(Case):
    """Descriptors under a name that could be a line's."""

    ERRORS_ALLOWED = True

    def forge(self, fds, name=None):
        """Puts each in the place of a stored line, or under a line's name; what is left open of it."""
        for make in fds:
            follower = self.life()
            instance = follower.instance
            stored = self.manager.names("line-%s-" % instance)
            forged = name % instance if name else (stored or ["line-%s-1" % instance])[0]
            given, ours = make()
            self.manager.put(forged, given)
            with self.subTest(forged=forged, kind=getattr(make, "__name__", "")):
                self.begin()
                follower.come_back()
                self.assertTrue(follower.subscribed["resumed"])
                self.manager.wait(lambda: self.is_gone(forged, ours), "the forged descriptor is removed")
                self.assert_works()
                self.assertEqual({"led": 0, "FREE0": 1},
                                 follower.request("get", lines=["led", "FREE0"])["values"])
                follower.request("release", line="FREE0")
            follower.close()
            if ours is not None:
                os.close(ours)

    def is_gone(self, name, ours):
        """Neither the manager nor the daemon has it any more."""
        if ours is None:
            return name in self.manager.removed
        poll = select.poll()
        poll.register(ours, 0)
        return bool(poll.poll(0))

    @staticmethod
    def pipe():
        read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        return read_end, write_end

    @staticmethod
    def pair():
        ours, given = socket.socketpair()
        return given.detach(), ours.detach()

    @staticmethod
    def null():
        return os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC), None

    @staticmethod
    def event():
        return os.eventfd(1, os.EFD_CLOEXEC), None

    @staticmethod
    def full_memfd():
        return memfd(b"x" * 5000), None

    def test_a_descriptor_that_is_no_line_is_never_adopted(self):
        self.forge([self.pipe, self.pair, self.null, self.event, self.full_memfd])

    def test_names_that_no_request_has_are_removed(self):
        for name in ("line-%s-4000000000", "line-%s-0", "line-%s--1", "line-%s-99999999999999999999", "line-%s-",
                     "line-%s-1x", "line-%s- 1", "line-%s-+1", "line-%.8s-1", "line-0000000000000000-1", "line-x-1",
                     "line-"):
            self.forge([self.pipe], name.replace("%s", "%s") if "%" in name else name + "%.0s")

    @only("gpiod", "simulated lines have no descriptors")
    def test_a_line_that_is_another_is_never_adopted(self):
        def other_line():
            with self.board.taken("FREE1", "gpioeventd") as fd:
                return os.dup(fd), None

        def other_chip():
            with self.board.taken("B1", "gpioeventd", chip=B) as fd:
                return os.dup(fd), None

        self.forge([other_line, other_chip])
        for name, chip in (("FREE1", A), ("B1", B)):
            with self.board.taken(name, "free again", chip=chip):
                pass

    @only("gpiod", "simulated lines have no descriptors")
    def test_descriptors_whose_names_were_swapped_are_not_mixed_up(self):
        follower = self.life()
        names = self.manager.names("line-")
        fds = [os.dup(self.manager.fd(name)) for name in names]
        for name, fd in zip(names, fds[1:] + fds[:1]):
            self.manager.put(name, fd)
        self.begin()
        follower.come_back()
        self.assertEqual({"led": 1, "relay": 0, "FREE0": 1},
                         follower.request("get", lines=["led", "relay", "FREE0"])["values"])
        self.assert_works()

    def stored_line(self, name):
        """The stored descriptor of a line, which the kernel tells."""
        def is_of(fd):
            with open("/proc/self/fdinfo/%d" % fd) as f:
                return "gpio-line:\t%d\n" % self.board.offset(name) in f.read()

        return next(fd for fd in map(self.manager.fd, self.manager.names("line-")) if is_of(fd))

    @only("gpiod", "simulated lines have no descriptors")
    def test_an_output_that_is_not_as_the_log_says_is_told_and_left(self):
        follower = self.life()
        fcntl.ioctl(self.stored_line("OUT0"), GPIO_V2_LINE_SET_VALUES_IOCTL, struct.pack("=QQ", 0, 1))
        self.begin()
        follower.come_back()
        told = [(event["line"], event["value"]) for event in follower.seen if event.get("cause") == "restart"]
        self.assertEqual([("led", 0)], told)
        self.assertEqual({"led": 0}, follower.request("get", line="led")["values"])
        self.assertEqual(0, self.board.output_level("OUT0"))

    @only("gpiod", "simulated lines have no descriptors")
    def test_a_request_that_others_turned_into_an_input_is_not_taken_for_an_output(self):
        """SET_CONFIG on the stored fd: the line is no longer what the log says."""
        follower = self.life()
        level = struct.pack("=QI5I240x", 1 << 2, 0, 0, 0, 0, 0, 0)
        for name in self.manager.names("line-"):
            try:
                fcntl.ioctl(self.manager.fd(name), GPIO_V2_LINE_SET_CONFIG_IOCTL, bytearray(level))
            except OSError as error:
                self.assertIn(error.errno, (errno.EINVAL, errno.EBUSY))
        self.begin()
        follower.come_back()
        self.assertEqual({"led": 1, "relay": 0, "FREE0": 1},
                         follower.request("get", lines=["led", "relay", "FREE0"])["values"])
        self.assertEqual((1, 1), (self.board.output_level("OUT0"), self.board.output_level("FREE0")))
        self.assert_works()


class Manager(Case):
    """A manager that is slow, has little room, or lost something."""

    def test_a_line_that_was_given_back_can_be_had_again_though_the_manager_is_slow(self):
        client, other = self.connect(), self.connect()
        for close_late_s in (0, 0.1):
            self.manager.close_late_s = close_late_s
            client.request("request", line="FREE0", direction="output", initial=1)
            with self.manager.busy():
                client.request("release", line="FREE0")
                client.send("request", line="FREE0", direction="input", bias="pull-up")
                for _ in range(20):
                    begin = time.monotonic()
                    other.request("set", line="led", value=1)
                    self.assertLess(time.monotonic() - begin, 0.5 * PATIENCE)
            reply = client.reply()
            self.assertTrue(reply["ok"], reply)
            self.assertEqual({"FREE0": 1}, reply["values"])
            client.request("release", line="FREE0")

    @only("gpiod", "simulated lines are not stored")
    def test_a_line_that_is_leaving_is_not_taken_by_another(self):
        client, watcher = self.connect(), self.follow()
        with self.manager.busy():
            client.request("request", line="FREE0", direction="output", initial=1)
            client.request("release", line="FREE0")
            self.board.pulse("IN0")
            watcher.wait_for(event="edge", line="button")
        wait_until(lambda: "consumer" not in client.request("lines", line="FREE0")["lines"][0], "FREE0 is free")
        watcher.catch_up()
        self.assertEqual(["requested", "reconfigured", "released"],
                         [event["change"] for event in watcher.seen if event.get("line") == "FREE0"])
        with self.board.taken("FREE0", "another"):
            watcher.wait_for(event="line", line="FREE0", change="taken")
        watcher.wait_for(event="line", line="FREE0", change="freed")

    def test_lines_whose_chip_went_are_taken_again_though_the_manager_had_them(self):
        watcher = self.connect()
        watcher.request("subscribe", lines=["led", "button"], events="line")
        for _ in range(2):
            self.board.remove_chip()
            for _ in range(2):
                watcher.wait_for(event="line", change="gone")
            self.board.restore_chip()
            for _ in range(2):
                self.assertTrue(watcher.wait_for(event="line", change="available")["info"]["held"])

    def test_what_is_sent_after_a_request_that_waits_runs_after_it(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="output", initial=1)
        with self.manager.busy():
            client.request("release", line="FREE0")
            client.send("request", line="FREE0", direction="output", initial=0)
            client.send("set", line="FREE0", value=1)
            client.send("ping")
            self.connect().request("ping")
        self.assertEqual([True] * 3, [client.reply()["ok"] for _ in range(3)])

    def test_a_client_that_leaves_while_its_request_waits_leaves_nothing(self):
        client, other = self.connect(), self.connect()
        client.request("request", line="FREE0", direction="output", initial=1)
        with self.manager.busy():
            client.request("release", line="FREE0")
            client.send("request", line="FREE0", direction="output", initial=0)
            other.request("ping")
            client.close()
            other.request("ping")
        wait_until(lambda: not other.request("lines", line="FREE0")["lines"][0]["held"], "the line is free")
        other.request("request", line="FREE0", direction="output", initial=0)

    def test_killed_while_a_line_is_given_back_the_next_one_can_have_it(self):
        for _ in range(5):
            client = self.connect()
            client.request("request", line="FREE0", direction="output", initial=1)
            with self.manager.busy():
                client.request("release", line="FREE0")
                self.board.detach()
                self.daemon.signal(signal.SIGKILL)
            self.daemon.end()
            self.begin()
            client = self.connect()
            self.assertFalse(client.request("lines", line="FREE0")["lines"][0]["held"])
            client.request("request", line="FREE0", direction="input")
            client.request("release", line="FREE0")

    def test_killed_before_the_manager_has_read_anything_nothing_is_lost(self):
        follower = self.follow()
        with self.manager.busy():
            follower.request("request", line="FREE0", direction="output", initial=1)
            self.board.detach()
            self.daemon.signal(signal.SIGKILL)
        self.daemon.end()
        self.begin()
        follower.come_back()
        self.assertEqual({"FREE0": 1}, follower.request("get", line="FREE0")["values"])

    def fill_the_managers_queue(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as crowd:
            crowd.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    crowd.sendto(b"STATUS=of somebody else", self.manager.path)

    def test_a_manager_that_does_not_read_is_told_later_that_the_daemon_is_ready(self):
        self.end()
        with self.manager.busy():
            self.fill_the_managers_queue()
            self.begin(wait=False)
            wait_until(lambda: "serving" in self.daemon.log_of_this_life(), "it serves")
            self.connect().request("ping")
        self.daemon.wait_ready()
        self.board.attach(self.daemon)

    @only("gpiod", "simulated lines are not stored")
    def test_a_manager_that_does_not_read_delays_nobody_and_is_told_later(self):
        client = self.connect()
        stored = len(self.manager.names("line-"))
        with self.manager.busy():
            self.fill_the_managers_queue()
            client.request("request", line="FREE0", direction="output", initial=1)
            client.request("ping")
            self.assertEqual(stored, len(self.manager.names("line-")))
        self.manager.wait(lambda: len(self.manager.names("line-")) == stored + 1, "the line is stored")
        client.request("release", line="FREE0")
        self.manager.wait(lambda: len(self.manager.names("line-")) == stored, "the line is forgotten")

    def test_what_the_store_had_no_room_for_is_had_again(self):
        for places in (1, 2, 4):
            with self.subTest(places=places):
                self.restart(signal.SIGINT)
                self.end(signal.SIGINT)
                self.manager.places = places
                self.begin()
                follower = self.life()
                lost_lines = INPUTS
                self.begin()
                follower.come_back()
                self.assertTrue(follower.subscribed["resumed"])
                self.assertEqual({"led": 1, "relay": 0, "FREE0": 1},
                                 follower.request("get", lines=["led", "relay", "FREE0"])["values"])
                lost = {name for event in follower.seen if event["event"] == "lost" for name in event["values"]}
                self.assertLessEqual(lost, lost_lines)
                self.assert_works()
                follower.request("release", line="FREE0")
                follower.close()

    def test_a_store_that_kept_nothing_is_a_start_like_the_first(self):
        self.restart(signal.SIGINT)
        self.end(signal.SIGINT)
        self.manager.places = 0
        self.begin()
        follower = self.life()
        self.begin()
        follower.read_to_the_end()
        follower.come()
        self.assertFalse(follower.subscribed["resumed"])
        self.assert_works()

    @only("gpiod", "simulated lines are not stored")
    def test_lines_that_the_manager_lost_are_had_again_and_say_so(self):
        follower = self.life(lambda: [self.manager.lose(name) for name in self.manager.names("line-")])
        self.begin()
        follower.come_back()
        lost = [event for event in follower.seen if event["event"] == "lost"]
        self.assertEqual(INPUTS, {name for event in lost for name in event["values"]})
        self.assertEqual({("restart", ABSENT)}, {(event["reason"], event.get("count", ABSENT)) for event in lost})
        self.assertEqual({"led": 1, "relay": 0, "FREE0": 1},
                         follower.request("get", lines=["led", "relay", "FREE0"])["values"])
        self.assert_works()


GROUPED = (("line = OUT0\n", "line = OUT0\ngroup = both\n"), ("line = OUT1\n", "line = OUT1\ngroup = both\n"))


class Configuration(Case):
    """The next daemon has another configuration."""

    ERRORS_ALLOWED = True  # one is wrong

    def changed(self, *pairs):
        text = self.CONFIG
        for old, new in pairs:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def change(self, *pairs):
        follower = self.life()
        self.begin(self.changed(*pairs))
        follower.come_back()
        self.assertTrue(follower.subscribed["resumed"])
        return follower

    def info(self, line):
        return self.connect().request("lines", line=line)["lines"][0]

    def assert_rest_is_untouched(self, follower):
        self.assertEqual({"led": 1, "relay": 0, "FREE0": 1},
                         follower.request("get", lines=["led", "relay", "FREE0"])["values"])

    def test_other_settings_are_put_in_force(self):
        follower = self.change(("line = IN1\ndirection = input",
                                "line = IN1\ndirection = input\nbias = pull-up\ndebounce = 2ms"))
        self.assertEqual(("pull-up", "2ms"), (self.info("door")["bias"], self.info("door")["debounce"]))
        self.assertEqual(1, self.info("door")["value"])
        self.assert_rest_is_untouched(follower)
        self.board.press("IN1", 0)
        follower.wait_for(event="edge", line="door", value=0)

    def test_settings_that_are_no_longer_wanted_are_taken_back(self):
        follower = self.change(("line = IN0\ndirection = input\nbias = pull-up", "line = IN0\ndirection = input"))
        self.assertEqual("as-is", self.info("button")["bias"])
        self.assert_rest_is_untouched(follower)

    def test_an_input_becomes_an_output(self):
        follower = self.change(("line = IN1\ndirection = input", "line = IN1\ndirection = output\ninitial = 1"))
        self.assertEqual(("output", 1), (self.info("door")["direction"], self.info("door")["value"]))
        self.assertEqual(1, self.board.output_level("IN1"))
        self.assert_rest_is_untouched(follower)

    def test_an_output_becomes_an_input(self):
        follower = self.change(("line = OUT2\ndirection = output\ninitial = 0\nactive-low = yes",
                                "line = OUT2\ndirection = input"))
        self.assertEqual("input", self.info("lamp")["direction"])
        level = self.info("lamp")["value"]
        self.board.press("OUT2", 1 - level)
        follower.wait_for(event="edge", line="lamp", value=1 - level)
        self.assert_rest_is_untouched(follower)

    def test_active_low_turned_round_does_not_move_the_line(self):
        before = self.board.output_level("OUT0")
        follower = self.change(("line = OUT0\ndirection = output\ninitial = 0",
                                "line = OUT0\ndirection = output\ninitial = 0\nactive-low = yes"))
        self.assertEqual(0, before)
        self.assertEqual(self.info("led")["value"] ^ 1, self.board.output_level("OUT0"))
        self.assertEqual({"relay": 0, "FREE0": 1}, follower.request("get", lines=["relay", "FREE0"])["values"])

    def test_a_line_that_is_no_longer_named_is_given_back(self):
        follower = self.change(("[line door]\nline = IN1\ndirection = input\n", ""))
        info = self.info("IN1")
        self.assertEqual((False, ABSENT), (info["held"], info.get("configured", ABSENT)))
        follower.request("request", line="IN1", direction="output", initial=1)
        follower.request("release", line="IN1")
        self.assert_rest_is_untouched(follower)

    def test_a_new_line_is_taken_with_its_initial_value(self):
        follower = self.change(("[line button]",
                                "[line new]\nline = FREE2\ndirection = output\ninitial = 1\n\n[line button]"))
        self.assertEqual(("output", 1), (self.info("new")["direction"], self.info("new")["value"]))
        self.assertEqual(1, self.board.output_level("FREE2"))
        self.assert_rest_is_untouched(follower)

    def test_a_line_that_a_client_has_becomes_a_configured_one(self):
        follower = self.change(("[line button]",
                                "[line mine]\nline = FREE0\ndirection = output\ninitial = 0\n\n[line button]"))
        info = self.info("FREE0")
        self.assertEqual(("mine", True), (info["line"], info["configured"]))
        self.assertEqual(info["value"], self.board.output_level("FREE0"))
        follower.request("set", line="mine", value=0)
        self.assertEqual(0, self.board.output_level("FREE0"))

    def test_another_name_for_a_line_leaves_it_as_it_is(self):
        follower = self.change(("[line relay]", "[line pump]"), ("[line door]", "[line gate]"))
        self.assertEqual({"led": 1, "pump": 0, "FREE0": 1},
                         follower.request("get", lines=["led", "pump", "FREE0"])["values"])
        level = self.info("gate")["value"]
        self.board.press("IN1", 1 - level)
        follower.wait_for(event="edge", line="gate", value=1 - level)

    def replayed(self, line, instance):
        client = self.connect()
        reply = client.request("subscribe", line=line, since=0, instance=instance)
        return [client.event()["seq"] for _ in range(reply["replay"])]

    @only("sim", "chips that are there cannot be numbered otherwise")
    def test_events_of_before_stay_with_their_lines_though_these_are_numbered_otherwise(self):
        follower = self.follow()
        for line in ("led", "relay", "led", "lamp", "led"):
            follower.request("toggle", line=line)
        self.board.pulse("IN1")
        follower.request("request", line="FREE0", direction="output", initial=1)
        follower.catch_up()
        wanted = {line: [event["seq"] for event in follower.seen if event.get("line") == line]
                  for line in ("led", "relay", "lamp", "door", "FREE0")}
        before = {line: self.replayed(line, follower.instance) for line in wanted}
        text = self.config_text(self.changed(("[line relay]", "[line pump]"),
                                             ("[line door]\nline = IN1\ndirection = input\n", "")))
        self.end()
        self.daemon.begin("[chip gpiochip7]\nlabel = first\nlines = 9\n" + text)
        for line, name in (("led", "led"), ("relay", "pump"), ("lamp", "lamp"), ("door", "IN1"), ("FREE0", "FREE0")):
            now = self.replayed(name, follower.instance)
            self.assertEqual(before[line], [seq for seq in now if seq <= follower.seq], line)
            self.assertLessEqual(set(wanted[line]), set(now))
        all_of_them = self.replayed("*", follower.instance)
        self.assertEqual(list(range(1, all_of_them[-1] + 1)), all_of_them)

    def test_names_that_were_swapped_stay_with_their_lines(self):
        follower = self.life()
        self.begin(self.changed(("[line led]", "[line x]"), ("[line relay]", "[line led]"), ("[line x]", "[line relay]")))
        follower.come_back()
        self.assertEqual({"led": 0, "relay": 1}, follower.request("get", lines=["led", "relay"])["values"])
        self.assertEqual((1, 0), (self.board.output_level("OUT0"), self.board.output_level("OUT1")))

    def test_lines_become_a_group(self):
        follower = self.change(*GROUPED)
        self.assert_rest_is_untouched(follower)
        follower.request("set", values={"led": 0, "relay": 1})
        self.assertEqual((0, 1), (self.board.output_level("OUT0"), self.board.output_level("OUT1")))

    def test_a_group_outlives_a_restart_and_is_undone_by_the_next_configuration(self):
        follower = self.change(*GROUPED)
        follower.request("set", values={"led": 0, "relay": 1})
        follower.catch_up()
        self.restart()
        follower.come_back()
        self.assertEqual({"led": 0, "relay": 1}, follower.request("get", lines=["led", "relay"])["values"])
        if not SIM:
            self.assertEqual(6, len(self.manager.names("line-")))  # 5 configured, FREE0
        self.restart(config=self.CONFIG)
        follower.come_back()
        self.assertEqual({"led": 0, "relay": 1}, follower.request("get", lines=["led", "relay"])["values"])
        follower.request("set", values={"led": 1, "relay": 0})
        self.assertEqual((1, 0), (self.board.output_level("OUT0"), self.board.output_level("OUT1")))

    def test_another_size_of_the_log_keeps_its_events(self):
        follower = self.life()
        self.begin(self.CONFIG, "log-size = 64K")
        follower.come_back()
        self.assertTrue(follower.subscribed["resumed"])
        self.manager.wait(lambda: len(self.manager.names("log")) == 1, "the log is stored once")
        self.restart()
        follower.come_back()
        self.assertTrue(follower.subscribed["resumed"])
        self.assert_works()

    def test_a_bad_configuration_leaves_everything_with_the_manager(self):
        follower = self.life()
        stored = sorted(self.manager.names())
        self.begin("[line door]\nnonsense = 1\n", wait=False)
        self.assertNotEqual(0, self.daemon.process.wait(10 * PATIENCE))
        self.manager.read_all()
        self.assertEqual(stored, sorted(self.manager.names()))
        self.begin(self.CONFIG)
        follower.come_back()
        self.assertTrue(follower.subscribed["resumed"])
        self.assert_rest_is_untouched(follower)

    # Nobody could connect, so there is nothing that it may take, drive or give back.
    def test_a_daemon_that_cannot_listen_leaves_everything_with_the_manager(self):
        follower = self.life()
        stored = sorted(self.manager.names())
        lock = self.daemon.socket_path + ".lock"
        os.unlink(lock)
        os.mkdir(lock)
        self.begin(self.CONFIG, wait=False)
        self.assertEqual(1, self.daemon.process.wait(10 * PATIENCE))
        self.assertIn("the socket's lock %s cannot be made" % lock, self.daemon.log_of_this_life())
        self.manager.read_all()
        self.assertEqual(stored, sorted(self.manager.names()))
        os.rmdir(lock)
        self.begin(self.CONFIG)
        follower.come_back()
        self.assertTrue(follower.subscribed["resumed"])
        self.assert_rest_is_untouched(follower)


@only("gpiod", "simulated chips end with the daemon")
class Chips(Case):
    ERRORS_ALLOWED = True

    def test_a_chip_that_went_while_it_was_dead_is_gone_and_comes_back(self):
        follower = self.life()
        self.board.press("IN1", 1)
        self.board.remove_chip()
        self.manager.wait(lambda: not [name for name, _ in self.manager.store if name.startswith("line-")],
                          "systemd drops what hangs up")
        self.begin()
        follower.come_back()
        self.assertTrue(follower.subscribed["resumed"])
        values = follower.request("get", lines=["button", "led"])["values"]
        self.assertEqual({"button": None, "led": None}, values)
        gone = {event["line"] for event in follower.seen if event["event"] == "line" and event["change"] == "gone"}
        self.assertLessEqual(INPUTS | {"led", "relay", "lamp"}, gone)
        self.board.restore_chip()
        missing = INPUTS | {"led", "relay", "lamp"}
        while missing:
            missing.discard(follower.wait_for(15 * PATIENCE, event="line", change="available")["line"])
        follower.catch_up()
        lost = {name for event in follower.seen if event["event"] == "lost" for name in event["values"]
                if event["reason"] in ("unplug", "restart")}
        self.assertEqual(INPUTS, lost)
        # A chip that comes back has no levels of before: its lines begin as they are configured.
        self.assertEqual({"led": 0, "relay": 0}, follower.request("get", lines=["led", "relay"])["values"])

    def test_a_chip_that_went_and_came_back_while_it_was_dead_is_had_again(self):
        follower = self.life()
        self.board.remove_chip()
        self.board.restore_chip()
        self.begin()
        follower.come_back()
        self.assertEqual({"led": 1, "relay": 0, "FREE0": 1},
                         follower.request("get", lines=["led", "relay", "FREE0"])["values"])
        lost = {name for event in follower.seen if event["event"] == "lost" for name in event["values"]}
        self.assertEqual(INPUTS, lost)
        self.assert_works()

    # The manager may not have noticed yet, or be one that does not look.
    def test_descriptors_of_a_chip_that_is_gone_are_not_adopted(self):
        follower = self.life()
        names = self.manager.names("line-")
        with self.manager.busy():
            self.board.remove_chip()
            self.board.restore_chip()
            self.begin(wait=False)
        self.daemon.wait_ready()
        follower.come_back()
        self.assertEqual({"led": 1, "relay": 0, "FREE0": 1},
                         follower.request("get", lines=["led", "relay", "FREE0"])["values"])
        self.assertFalse(set(names) & set(self.manager.names()))
        self.assert_works()


class Many(manager.Case):
    """As many lines as there can be."""

    CONFIG = None
    N = 1000 if SIM else 500

    def setUp(self):
        super().setUp()
        import board
        self.board.close()
        self.board = board.make(BACKEND, [board.numbered("many", self.N, "M")])
        self.addCleanup(self.board.close)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[1], 8192), limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)

    def test_a_thousand_lines_outlive_restarts(self):
        rows = []
        for i in range(self.N):
            rows.append("[line l%d]\nline = M%d\n" % (i, i))
            rows.append("direction = output\ninitial = %d\n" % (i % 2) if i % 4 < 2 else "direction = input\n")
        self.start("\n".join(rows))
        follower = self.follow()
        if not SIM:
            self.manager.wait(lambda: len(self.manager.store) == self.N + 1, "every line is stored")
        outputs = [i for i in range(self.N) if i % 4 < 2]
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.restart(number)
            follower.come_back()
            self.assertTrue(follower.subscribed["resumed"])
            for i in range(0, len(outputs), 64):
                part = outputs[i:i + 64]
                self.assertEqual({"l%d" % k: k % 2 for k in part},
                                 follower.request("get", lines=["l%d" % k for k in part])["values"])
        if not SIM:
            self.manager.wait(lambda: len(self.manager.store) == self.N + 1, "every line is stored")
            self.assertEqual([], [event for event in follower.seen if event["event"] == "lost"])
            self.board.press("M2", 1)
            follower.wait_for(event="edge", line="l2", value=1)
