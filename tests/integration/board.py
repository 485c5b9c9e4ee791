# SPDX-License-Identifier: MIT
"""The board that the tests' daemons run on, the same for both backends.

Two chips. board-a has 32 lines, some with a name: IN0 to IN2 at the offsets 0 to 2, OUT0 to OUT2 at 8
to 10, FREE0 to FREE3 at 16 to 19, twice DUP at 28 and 29. board-b has four: DUP, B1 and two without
a name. A test that needs other chips gives its own specifications.

A board can drive an input's physical level, see an output's, and take a chip away and bring it back.
"""

A, B = 0, 1


class ChipSpec:
    def __init__(self, label, lines, names, prefix=None):
        self.label = label
        self.lines = lines
        self.names = names    # offset -> name
        self.prefix = prefix  # of all names, where they are numbered


def numbered(label, lines, prefix):
    """A chip whose lines are all named, PREFIX0, PREFIX1 and so on."""
    return ChipSpec(label, lines, {i: "%s%d" % (prefix, i) for i in range(lines)}, prefix)


def standard_chips():
    names = {}
    names.update({i: "IN%d" % i for i in range(3)})
    names.update({8 + i: "OUT%d" % i for i in range(3)})
    names.update({16 + i: "FREE%d" % i for i in range(4)})
    names.update({28: "DUP", 29: "DUP"})
    return [ChipSpec("board-a", 32, names), ChipSpec("board-b", 4, {0: "DUP", 1: "B1"})]


class Board:
    """What both boards have in common; `chips` are ChipSpec."""

    def __init__(self, chips=None):
        self.chips = chips or standard_chips()

    def offset(self, line, chip=A):
        if isinstance(line, int):
            return line
        return next(offset for offset, name in self.chips[chip].names.items() if name == line)

    def spelling(self, line, chip=A):
        """The line as chip:offset."""
        return "%s:%d" % (self.chip_name(chip), self.offset(line, chip))

    def pulse(self, line, times=1, chip=A):
        """Presses down and up again from a level of 1: two edges a time."""
        for _ in range(times):
            self.press(line, 0, chip)
            self.press(line, 1, chip)

    def detach(self):
        pass

    def close(self):
        pass


def make(backend, chips=None):
    if backend == "sim":
        from board_sim import SimBoard
        return SimBoard(chips)
    from board_gpiod import GpiodBoard
    return GpiodBoard(chips)
