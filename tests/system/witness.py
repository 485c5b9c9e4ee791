# SPDX-License-Identifier: MIT
"""What the kernel tells of lines, without asking the daemon."""

import fcntl
import multiprocessing
import os
import re
import struct

import machine

TRACING = "/sys/kernel/tracing"
GPIO_V2_GET_LINEINFO_IOCTL = 0xC100B405
GPIO_V2_GET_LINEINFO_WATCH_IOCTL = 0xC100B406
LINE_INFO_BYTES = 256
LINE_CHANGED = struct.Struct("=64xI188xQI20x")  # the info's offset, timestamp_ns, kind
KINDS = {1: "requested", 2: "released", 3: "reconfigured"}


def _line_info(chip_fd, ioctl, offset):
    info = bytearray(LINE_INFO_BYTES)
    struct.pack_into("=I", info, 64, offset)
    fcntl.ioctl(chip_fd, ioctl, info)
    return info


def consumer(dev, offset):
    """Who holds a line, or ""."""
    fd = os.open(dev, os.O_RDWR | os.O_CLOEXEC)
    try:
        return bytes(_line_info(fd, GPIO_V2_GET_LINEINFO_IOCTL, offset)[32:64]).rstrip(b"\0").decode()
    finally:
        os.close(fd)


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


def _first_number(chip):
    """The kernel's number of a chip's line 0, which its trace counts from."""
    with open("/sys/kernel/debug/gpio") as f:
        return int(re.search(r"^%s: GPIOs (\d+)-" % chip, f.read(), re.M).group(1))


def writes_of(number):
    """What was done to a line since the trace began, in order: 0 and 1 for values, "in" and "out" for directions."""
    done = []
    with open(TRACING + "/trace") as f:
        for row in f:
            value = re.search(r"gpio_value: %d set ([01])" % number, row)
            direction = re.search(r"gpio_direction: %d +(in|out)" % number, row)
            if value:
                done.append(int(value.group(1)))
            elif direction:
                done.append(direction.group(1))
    return done


class Writes:
    """Every write to a line of the board that goes through the kernel, however short it lasts."""

    def __init__(self):
        _write(TRACING + "/tracing_on", "0")
        _write(TRACING + "/trace_clock", "mono")
        _write(TRACING + "/events/gpio/gpio_value/filter", "get == 0")
        _write(TRACING + "/events/gpio/gpio_value/enable", "1")
        _write(TRACING + "/events/gpio/gpio_direction/enable", "1")
        _write(TRACING + "/trace", "")
        _write(TRACING + "/tracing_on", "1")
        self.first = _first_number(machine.board().name)

    def of(self, offset):
        return writes_of(self.first + offset)

    def stop(self):
        _write(TRACING + "/tracing_on", "0")


class Holds:
    """Every request, release and change of the settings of some lines, as the kernel tells it."""

    def __init__(self, *offsets):
        self.fd = os.open(machine.board().dev, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        for offset in offsets:
            _line_info(self.fd, GPIO_V2_GET_LINEINFO_WATCH_IOCTL, offset)

    def changes(self):
        """(offset, what) of each so far. The kernel keeps 32, so more than none is told apart from none."""
        seen = []
        while True:
            try:
                data = os.read(self.fd, LINE_CHANGED.size)
            except BlockingIOError:
                return seen
            offset, _, kind = LINE_CHANGED.unpack(data)
            seen.append((offset, KINDS[kind]))

    def close(self):
        os.close(self.fd)


class Levels:
    """A process that reads the levels of outputs from sysfs as often as the processor has nothing else to do."""

    def __init__(self, offsets):
        self.counts = {offset: multiprocessing.Array("L", 2) for offset in offsets}
        self.stopping = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self._watch)

    def _watch(self):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        board = machine.board()
        files = {offset: os.open("%s/sim_gpio%d/value" % (board.sysfs, offset), os.O_RDONLY) for offset in self.counts}
        while not self.stopping.is_set():
            for offset, fd in files.items():
                self.counts[offset][int(os.pread(fd, 2, 0))] += 1

    def start(self):
        self.process.start()

    def stop(self):
        """Offset -> (how often it was 0, how often 1)."""
        self.stopping.set()
        self.process.join()
        return {offset: tuple(counts) for offset, counts in self.counts.items()}
