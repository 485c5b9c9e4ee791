# SPDX-License-Identifier: MIT
"""What the lab promises: gpio-sim chips that behave as hardware does, by the kernel's raw uAPI.

Runs inside the lab. It needs neither libgpiod nor the daemon, so that a failure here is the lab's.
"""

import errno
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import gpiosim  # noqa: E402

GPIO_V2_GET_LINEINFO_IOCTL = 0xC100B405
GPIO_V2_GET_LINE_IOCTL = 0xC250B407
GPIO_V2_LINE_GET_VALUES_IOCTL = 0xC010B40E
GPIO_V2_LINE_SET_VALUES_IOCTL = 0xC010B40F
FLAG_USED, FLAG_INPUT, FLAG_OUTPUT = 1 << 0, 1 << 2, 1 << 3
FLAG_EDGES = 1 << 4 | 1 << 5
LINE_EVENT = struct.Struct("=QIIII24x")  # timestamp_ns, id, offset, seqno, line_seqno
LINE_INFO = struct.Struct("=32s32sIIQ176x")  # name, consumer, offset, n_attrs, flags
RISING, FALLING = 1, 2


def request(chip, offset, flags, buffer_events=0):
    """A line request's fd."""
    buf = bytearray(592)
    struct.pack_into("=I", buf, 0, offset)
    buf[256:260] = b"test"
    struct.pack_into("=Q", buf, 288, flags)
    struct.pack_into("=II", buf, 560, 1, buffer_events)
    fd = os.open(chip.dev, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, GPIO_V2_GET_LINE_IOCTL, buf)
    finally:
        os.close(fd)
    return struct.unpack_from("=i", buf, 588)[0]


def line_info(chip, offset):
    """Name, consumer and flags of a line."""
    buf = bytearray(LINE_INFO.size)
    struct.pack_into("=I", buf, 64, offset)
    fd = os.open(chip.dev, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, buf)
    finally:
        os.close(fd)
    name, consumer, _, _, flags = LINE_INFO.unpack(buf)
    return name.rstrip(b"\0").decode(), consumer.rstrip(b"\0").decode(), flags


def poll(fd):
    """The fd's poll events, waited for."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    ready = poller.poll(5000)
    return ready[0][1] if ready else 0


def read_event(fd):
    """The next event's (id, line_seqno)."""
    if not poll(fd) & select.POLLIN:
        raise AssertionError("no event in 5 s")
    _, kind, _, _, seqno = LINE_EVENT.unpack(os.read(fd, LINE_EVENT.size))
    return kind, seqno


class Chips(unittest.TestCase):
    def chip(self, *args, **kwargs):
        chip = gpiosim.Chip(*args, **kwargs)
        self.addCleanup(chip.remove)
        return chip

    def request(self, *args):
        fd = request(*args)
        self.addCleanup(os.close, fd)
        return fd

    def test_chip_appears_with_its_names_and_hogs(self):
        chip = self.chip("board", lines=4, names={1: "button"}, hogs={2: ("fan", "output-high")})
        self.assertEqual(line_info(chip, 1)[0], "button")
        name, consumer, flags = line_info(chip, 2)
        self.assertEqual((name, consumer), ("", "fan"))
        self.assertTrue(flags & FLAG_USED and flags & FLAG_OUTPUT)
        self.assertEqual(chip.value(2), 1)

    def test_pull_makes_an_edge(self):
        chip = self.chip("board")
        fd = self.request(chip, 3, FLAG_INPUT | FLAG_EDGES)
        chip.pull(3, 1)
        self.assertEqual(read_event(fd), (RISING, 1))
        chip.pull(3, 0)
        self.assertEqual(read_event(fd), (FALLING, 2))

    def test_output_is_seen_from_outside(self):
        chip = self.chip("board")
        fd = self.request(chip, 5, FLAG_OUTPUT)
        self.assertEqual(chip.value(5), 0)
        fcntl.ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, struct.pack("=QQ", 1, 1))
        self.assertEqual(chip.value(5), 1)

    def test_input_reads_the_pull(self):
        chip = self.chip("board")
        chip.pull(6, 1)
        fd = self.request(chip, 6, FLAG_INPUT)
        reply = fcntl.ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, struct.pack("=QQ", 0, 1))
        self.assertEqual(struct.unpack("=QQ", reply)[0], 1)
        self.assertEqual((chip.value(6), chip.pulled(6)), (1, 1))

    def test_removal_under_a_user_hangs_up(self):
        chip = self.chip("board")
        fd = self.request(chip, 0, FLAG_INPUT | FLAG_EDGES)
        chip.remove()
        self.assertTrue(poll(fd) & select.POLLHUP)
        with self.assertRaises(OSError) as caught:
            os.read(fd, LINE_EVENT.size)
        self.assertEqual(caught.exception.errno, errno.ENODEV)
        self.assertFalse(os.path.exists(chip.dev))
        self.assertEqual(os.listdir(gpiosim.CONFIGFS), [])

    def test_removed_label_can_be_made_again(self):
        self.chip("board", names={0: "first"}).remove()
        chip = self.chip("board", names={0: "second"})
        self.assertEqual(line_info(chip, 0)[0], "second")

    def test_interrupts_count_each_line_of_each_chip(self):
        one, two = self.chip("one"), self.chip("two")
        fd_one = self.request(one, 1, FLAG_INPUT | FLAG_EDGES)
        fd_two = self.request(two, 1, FLAG_INPUT | FLAG_EDGES)
        for level in (1, 0, 1):
            one.pull(1, level)
            read_event(fd_one)
        two.pull(1, 1)
        read_event(fd_two)
        self.assertEqual(gpiosim.interrupts("one", 1), 3)
        self.assertEqual(gpiosim.interrupts("two", 1), 1)
        self.assertEqual(gpiosim.interrupts("two", 2), 0)

    def test_overflow_drops_the_oldest_and_interrupts_tell_how_many(self):
        chip = self.chip("board")
        fd = self.request(chip, 1, FLAG_INPUT | FLAG_EDGES, 16)
        for n in range(40):
            chip.pull(1, ~n & 1)
            time.sleep(0.001)
        kept = [LINE_EVENT.unpack(os.read(fd, LINE_EVENT.size))[4] for _ in range(16)]
        self.assertEqual(gpiosim.interrupts("board", 1), 40)
        self.assertEqual(kept, list(range(25, 41)))


class Machine(unittest.TestCase):
    def test_writes_to_the_hosts_files_stay_here(self):
        with open(__file__ + ".written", "w") as f:
            f.write("in memory")
        os.unlink(__file__ + ".written")
        self.assertEqual(os.getuid(), 0)

    def test_standard_streams_can_be_opened_by_name(self):
        subprocess.run(["/bin/sh", "-c", ": >/dev/stdout; : >/dev/stderr"], check=True)

    def test_results_directory_takes_files(self):
        path = os.path.join(os.environ["LAB_RESULTS"], "probe")
        with open(path, "w") as f:
            f.write("kept")
        os.unlink(path)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - bad, bad))
    sys.exit(bad > 0)
