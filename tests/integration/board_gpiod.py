# SPDX-License-Identifier: MIT
"""The board of the gpiod backend: chips of the kernel's gpio-sim."""

import time

import gpiosim
from board import A, Board

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

    def output_level(self, line, chip=A):
        """The physical level that an output drives."""
        return self.live[chip].value(self.offset(line, chip))

    def remove_chip(self, chip=A):
        self.live[chip].remove()

    def restore_chip(self, chip=A):
        spec = self.chips[chip]
        self.live[chip] = gpiosim.Chip(spec.label, spec.lines, spec.names)

    def close(self):
        for chip in self.live:
            chip.remove()
