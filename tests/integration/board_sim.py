# SPDX-License-Identifier: MIT
"""The board of the simulated backend: chips in the daemon's configuration, driven by `simulate`."""

import json

from board import A, Board
from harness import ABSENT


class SimBoard(Board):
    def __init__(self, chips=None):
        super().__init__(chips)
        self.control = None

    def config(self):
        rows = []
        for number, chip in enumerate(self.chips):
            names = " ".join("%d=%s" % item for item in sorted(chip.names.items()))
            if chip.prefix:
                names = chip.prefix + "*"
            rows.append("[chip gpiochip%d]\nlabel = %s\nlines = %d\n" % (number, chip.label, chip.lines))
            if names:
                rows.append("names = %s\n" % names)
        return "".join(rows)

    def chip_name(self, chip=A):
        return "gpiochip%d" % chip

    def attach(self, daemon):
        self.detach()
        self.control = daemon.connect()

    def press(self, line, level, chip=A):
        """Drives an input's physical level."""
        self.control.request("simulate", line=self.spelling(line, chip), value=level)

    def play(self, presses):
        """Many (line, level) at once, as fast as they are taken."""
        replies = self.control.pipeline([("simulate", {"line": self.spelling(line), "value": level})
                                         for line, level in presses])
        if not all(reply["ok"] for reply in replies):
            self.control.fail("simulate was refused")

    def play_frozen(self, presses):
        """The same while the daemon stands still: the presses wait in the socket."""
        rows = [json.dumps({"op": "simulate", "line": self.spelling(line), "value": level})
                for line, level in presses]
        self.control.send_raw("\n".join(rows) + "\n", *(("simulate", ABSENT) for _ in rows))

    def output_level(self, line, chip=A):
        """The physical level that an output drives."""
        spelling = self.spelling(line, chip)
        info = self.control.request("lines", line=spelling)["lines"][0]
        value = self.control.request("get", line=spelling)["values"][spelling]
        return value ^ int(info.get("active_low", False))

    def remove_chip(self, chip=A):
        self.control.request("simulate", chip=self.chip_name(chip), present=False)

    def restore_chip(self, chip=A):
        self.control.request("simulate", chip=self.chip_name(chip), present=True)

    def detach(self):
        if self.control:
            self.control.close()
            self.control = None
