# SPDX-License-Identifier: MIT
"""The board of the gpiod backend: chips of the kernel's gpio-sim."""

import contextlib
import fcntl
import os
import struct
import time

import gpiosim
from board import A, Board

# struct gpio_v2_line_request: offsets, consumer, flags, attributes (none), lines, buffer, fd
LINE_REQUEST = struct.Struct("=64I32sQI20x240xII20xi")
GPIO_V2_GET_LINE_IOCTL = 0xC250B407
GPIO_V2_LINE_FLAG_ACTIVE_LOW = 1 << 1
GPIO_V2_LINE_FLAG_INPUT = 1 << 2
GPIO_V2_LINE_FLAG_OUTPUT = 1 << 3

# The kernel merges level changes that come faster than it takes interrupts.
GAP_S = 100e-6


class GpiodBoard(Board):
    def __init__(self, chips=None):
        super().__init__(chips)
        self.live = []
        for spec in self.chips:
            self.live.append(gpiosim.Chip(spec.label, spec.lines, spec.names))

    def config(self):
        return ""

    def chip_name(self, chip=A):
        return self.live[chip].name

    def attach(self, daemon):
        pass

    def press(self, line, level, chip=A):
        """Drives an input's physical level."""
        self.live[chip].pull(self.offset(line, chip), level)
        end = time.monotonic() + GAP_S
        while time.monotonic() < end:
            pass

    def play(self, presses):
        for line, level in presses:
            self.press(line, level)

    play_frozen = play

    def output_level(self, line, chip=A):
        """The physical level that an output drives."""
        return self.live[chip].value(self.offset(line, chip))

    def remove_chip(self, chip=A):
        self.live[chip].remove()

    def restore_chip(self, chip=A):
        spec = self.chips[chip]
        self.live[chip] = gpiosim.Chip(spec.label, spec.lines, spec.names)

    @contextlib.contextmanager
    def taken(self, line, consumer, chip=A, high=False):
        """A context in which this process, not the daemon, holds a line: an input, or an output that is high;
        gives the request's descriptor."""
        flags = GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW if high else GPIO_V2_LINE_FLAG_INPUT
        offsets = (self.offset(line, chip),) + (0,) * 63
        request = bytearray(LINE_REQUEST.pack(*offsets, consumer.encode(), flags, 0, 1, 0, 0))
        chip_fd = os.open(self.live[chip].dev, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(chip_fd, GPIO_V2_GET_LINE_IOCTL, request)
        finally:
            os.close(chip_fd)
        fd = LINE_REQUEST.unpack(request)[-1]
        try:
            yield fd
        finally:
            os.close(fd)

    def close(self):
        for chip in self.live:
            chip.remove()
