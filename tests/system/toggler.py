# SPDX-License-Identifier: MIT
"""A process that makes edges and counts them."""

import multiprocessing
import random
import time

import machine


class Toggler:
    """A process that moves an input up and down at random moments, some milliseconds apart."""

    def __init__(self, offset, shortest_s=0.001, longest_s=0.012):
        self.made = multiprocessing.Value("L", 0)
        self.stopping = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self._toggle, args=(offset, shortest_s, longest_s))

    def _toggle(self, offset, shortest_s, longest_s):
        board = machine.board()
        level = board.pulled(offset)
        while not self.stopping.is_set():
            level = 1 - level
            board.pull(offset, level)
            self.made.value += 1
            time.sleep(random.uniform(shortest_s, longest_s))

    def start(self):
        self.process.start()

    def stop(self):
        """The number of edges that were made."""
        self.stopping.set()
        self.process.join()
        return self.made.value
