# SPDX-License-Identifier: MIT
"""GPIO chips without hardware: the kernel's gpio-sim, driven through configfs and sysfs.

    with gpiosim.Chip("board", lines=8, names={3: "button"}) as chip:
        chip.pull(3, 1)         # the level that an input sees
        chip.value(4)           # the level that an output drives

Needs root, a mounted configfs and the module gpio-sim; available() tells. The kernel merges level
changes that follow each other faster than it takes interrupts, so a caller who wants each pull of a
line to be an edge keeps 50 microseconds or more between them, or asks interrupts() what happened.
"""

import fcntl
import glob
import itertools
import os
import re
import struct

CONFIGFS = "/sys/kernel/config/gpio-sim"
GPIO_GET_CHIPINFO_IOCTL = 0x8044B401
CHIPINFO = struct.Struct("=32s32sI")  # name, label, lines

_serial = itertools.count()


def available():
    """Whether chips can be made here."""
    return os.path.isdir(CONFIGFS) and os.access(CONFIGFS, os.W_OK)


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


def _read(path):
    with open(path) as f:
        return f.read().strip()


class Chip:
    """A simulated chip, live from its construction to remove().

    names maps offsets to line names; hogs maps offsets to (consumer, direction), the direction
    being "input", "output-low" or "output-high". Lines start as inputs at level 0.

    name is "gpiochipN", dev is "/dev/gpiochipN", label what was asked for.
    """

    def __init__(self, label, lines=8, names=None, hogs=None):
        self.label = label
        self.lines = lines
        self._config = "%s/%d-%d" % (CONFIGFS, os.getpid(), next(_serial))
        self._bank = self._config + "/bank0"
        os.mkdir(self._config)
        try:
            self._configure(names or {}, hogs or {})
            _write(self._config + "/live", "1")
            device = _read(self._config + "/dev_name")
            self.name = _read(self._bank + "/chip_name")
        except BaseException:
            self.remove()
            raise
        self.dev = "/dev/" + self.name
        self.sysfs = "/sys/devices/platform/%s/%s" % (device, self.name)

    def _configure(self, names, hogs):
        os.mkdir(self._bank)
        _write(self._bank + "/num_lines", str(self.lines))
        _write(self._bank + "/label", self.label)
        for offset in sorted(set(names) | set(hogs)):
            line = "%s/line%d" % (self._bank, offset)
            os.mkdir(line)
            if offset in names:
                _write(line + "/name", names[offset])
            if offset in hogs:
                consumer, direction = hogs[offset]
                os.mkdir(line + "/hog")
                _write(line + "/hog/name", consumer)
                _write(line + "/hog/direction", direction)

    def pull(self, offset, level):
        """Pull a line up (1) or down (0) from outside; an input follows at once."""
        _write("%s/sim_gpio%d/pull" % (self.sysfs, offset), "pull-up" if level else "pull-down")

    def pulled(self, offset):
        """The level that the line is pulled to; a bias that was requested shows here, too."""
        return int(_read("%s/sim_gpio%d/pull" % (self.sysfs, offset)) == "pull-up")

    def value(self, offset):
        """The physical level of a line, seen from outside."""
        return int(_read("%s/sim_gpio%d/value" % (self.sysfs, offset)))

    def remove(self):
        """Take the chip away, also from under its users. A second call does nothing."""
        if not os.path.isdir(self._config):
            return
        _write(self._config + "/live", "0")
        for pattern in ("/bank0/line*/hog", "/bank0/line*", "/bank0", ""):
            for path in glob.glob(self._config + pattern):
                os.rmdir(path)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


def _chip_named(label):
    """The "gpiochipN" that has this label."""
    found = []
    for dev in glob.glob("/dev/gpiochip*"):
        fd = os.open(dev, os.O_RDONLY | os.O_CLOEXEC)
        try:
            info = fcntl.ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, bytes(CHIPINFO.size))
        finally:
            os.close(fd)
        if CHIPINFO.unpack(info)[1].rstrip(b"\0").decode() == label:
            found.append(os.path.basename(dev))
    if len(found) != 1:
        raise LookupError("%d chips have the label %r" % (len(found), label))
    return found[0]


def _is_of(irq_chip, name):
    """Whether an interrupt's chip, "irq_sim:node1:node0", belongs to the GPIO chip name.

    A kernel whose gpio-sim is not the lab's says just "irq_sim", of every chip.
    """
    _, colon, domain = irq_chip.partition(":")
    if not colon:
        return True
    node = os.path.realpath("/sys/bus/gpio/devices/%s/software_node" % name)
    return domain.replace(":", "/") == os.path.relpath(node, "/sys/kernel/software_nodes")


def interrupts(label, offset):
    """How many interrupts the kernel has taken for a line since its chip was made.

    That is how many edges of the requested kind it saw, over all requests of the line. Zero when
    no edges were ever requested. Fewer events than this were lost in the kernel (its sequence
    numbers tell) or merged, as an interrupt that comes before the last one's thread has run shares
    its event. Fewer interrupts than pulls means that pulls were merged.
    """
    name = _chip_named(label)
    found = []
    with open("/proc/interrupts") as f:
        cpus = len(f.readline().split())
        for row in f:
            fields = row.split()[1:]
            if len(fields) < cpus + 2 or not fields[cpus].startswith("irq_sim"):
                continue
            if fields[cpus + 1] == str(offset) and _is_of(fields[cpus], name):
                found.append(sum(map(int, fields[:cpus])))
    if len(found) > 1:
        raise LookupError("this kernel does not say which chip's line %d is meant" % offset)
    return found[0] if found else 0


class Trace:
    """Every write to a line's level or direction, by whom ever and however short, from the kernel's tracepoints.

        with gpiosim.Trace() as trace:
            ...
        trace.of("gpiochip0", 3)        # [("set", 1), ("direction", "in"), ...]
    """

    ROOT = "/sys/kernel/debug/tracing/"
    EVENTS = ("gpio_value", "gpio_direction")

    def __init__(self):
        self.rows = []

    def _switch(self, on):
        for event in self.EVENTS:
            _write("%sevents/gpio/%s/enable" % (self.ROOT, event), str(int(on)))

    def __enter__(self):
        _write(self.ROOT + "events/gpio/gpio_value/filter", "get == 0")
        _write(self.ROOT + "trace", "")
        self._switch(True)
        self._bases = {}
        with open("/sys/kernel/debug/gpio") as f:
            for row in f:
                found = re.match(r"(gpiochip\d+): GPIOs (\d+)-", row)
                if found:
                    self._bases[found.group(1)] = int(found.group(2))
        return self

    def __exit__(self, *exc):
        self._switch(False)
        with open(self.ROOT + "trace") as f:
            for row in f:
                found = re.search(r" gpio_(value|direction): +(\d+) +(set|out|in) +\(?(-?\d+)", row)
                if found:
                    kind, number, what, value = found.groups()
                    self.rows.append((int(number), "set" if kind == "value" else "direction",
                                      int(value) if kind == "value" else what))
        if len(self.rows) > 10000:
            raise OverflowError("the kernel's trace may have lost its beginning")

    def of(self, chip, offset):
        return [row[1:] for row in self.rows if row[0] == self._bases[chip] + offset]
