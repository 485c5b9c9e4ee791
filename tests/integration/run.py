#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the integration tests: the real daemon on a real socket.

    tests/integration/run.py                        against the simulated backend
    tests/integration/run.py --backend gpiod        against the kernel's gpio-sim (root, see tests/kernel)
    tests/integration/run.py -k replay -v           tests whose name contains "replay", each named
    tests/integration/run.py --wrapper 'valgrind -q --error-exitcode=9'

Tests run in several processes; with gpiod in one, since every daemon sees every chip.
"""

import argparse
import faulthandler
import importlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TEST_SECONDS = 120  # of one test, before it counts as hanging


class Outcome(unittest.TestResult):
    """Collects what one test came to: a word and the text to show."""

    def __init__(self):
        super().__init__()
        self.word, self.text = "passed", ""

    def _failed(self, test, error):
        self.word = "failed"
        kind, value, trace = error
        if isinstance(value, AssertionError):  # where the test stands, then what was said
            frames = [frame for frame in traceback.extract_tb(trace)
                      if os.path.dirname(frame.filename) == HERE and not frame.filename.endswith("harness.py")]
            self.text += "".join("  %s:%d: %s\n" % (os.path.relpath(frame.filename, ROOT), frame.lineno, frame.line)
                                 for frame in frames)
            self.text += str(value) + "\n"
        else:
            self.text += "".join(traceback.format_exception(kind, value, trace))
        if hasattr(test, "context"):
            self.text += test.context() + "\n"

    addFailure = addError = _failed

    def addSubTest(self, test, subtest, error):
        if error:
            self.text += "  with %s:\n" % subtest._subDescription()
            self._failed(test, error)

    def addSkip(self, test, reason):
        self.word, self.text = "skipped", reason


def find_tests(pattern):
    names = []
    for file in sorted(os.listdir(HERE)):
        if file.startswith("test_") and file.endswith(".py"):
            module = importlib.import_module(file[:-3])
            for suite in unittest.defaultTestLoader.loadTestsFromModule(module):
                names.extend(test.id() for test in suite)
    return [name for name in names if pattern in name]


def run_one(name, patience):
    outcome = Outcome()
    module, case, method = name.rsplit(".", 2)
    faulthandler.dump_traceback_later(TEST_SECONDS * patience, exit=True)
    try:
        getattr(importlib.import_module(module), case)(method).run(outcome)
    finally:
        faulthandler.cancel_dump_traceback_later()
    return outcome.word, outcome.text


def work(pipe, patience):
    """A worker process: takes names of tests, returns what they came to."""
    signal.signal(signal.SIGINT, lambda *_: None)  # a handler: programs that are started get the default back
    while True:
        name = pipe.recv()
        if name is None:
            return
        begin = time.monotonic()
        word, text = run_one(name, patience)
        pipe.send((word, text, time.monotonic() - begin))


class Worker:
    def __init__(self, patience):
        self.patience = patience
        self.start()

    def start(self):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=work, args=(other, self.patience))
        self.process.start()
        other.close()
        self.name = None

    def give(self, name):
        self.name = name
        self.pipe.send(name)

    def take(self):
        """What the test came to; a worker that died counts as a failure and is replaced."""
        name = self.name
        try:
            result = self.pipe.recv()
            self.name = None
        except EOFError:
            self.process.join()
            result = ("failed", "the test hung or ended its process (status %s); see the traces above\n" %
                      self.process.exitcode, 0.0)
            self.start()
        return (name,) + result

    def end(self):
        self.pipe.send(None)
        self.process.join()


def run_all(names, workers, report):
    waiting = list(reversed(names))
    while waiting or any(worker.name for worker in workers):
        for worker in workers:
            if not worker.name and waiting:
                worker.give(waiting.pop())
        busy = {worker.pipe: worker for worker in workers if worker.name}
        for pipe in multiprocessing.connection.wait(list(busy)):
            report(*busy[pipe].take())


class Report:
    def __init__(self, verbose):
        self.verbose = verbose
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failed, self.skipped = [], {}

    def __call__(self, name, word, text, seconds):
        self.counts[word] += 1
        if self.verbose:
            print("%-7s %6.2f s  %s" % (word, seconds, name), flush=True)
        if word == "failed":
            self.failed.append(name)
            print("\n--- %s\n%s" % (name, text), flush=True)
        elif word == "skipped":
            self.skipped.setdefault(text, []).append(name)

    def end(self):
        for reason, names in sorted(self.skipped.items()):
            print("skipped: %s: %s" % (reason, ", ".join(name.rsplit(".", 1)[1] for name in names)))
        for name in sorted(self.failed):
            print("failed: " + name)
        print("%d passed, %d failed%s" % (self.counts["passed"], self.counts["failed"], ", %d skipped" %
                                          self.counts["skipped"] if self.counts["skipped"] else ""))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backend", choices=("sim", "gpiod"), default="sim")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="where the programs are")
    parser.add_argument("--wrapper", default="", help="a command that the daemon runs under, such as valgrind")
    parser.add_argument("--patience", type=float, default=0, help="times all time-outs; 10 with a wrapper")
    parser.add_argument("-k", dest="pattern", default="", help="only tests whose name contains this")
    parser.add_argument("-j", dest="jobs", type=int, default=0, help="tests that run at a time")
    parser.add_argument("-v", dest="verbose", action="store_true", help="name each test")
    parser.add_argument("-l", dest="list", action="store_true", help="only list the tests")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    patience = arguments.patience or (10 if arguments.wrapper else 1)
    os.environ.update(GPIOEVENTD_TEST_BACKEND=arguments.backend, GPIOEVENTD_TEST_WRAPPER=arguments.wrapper,
                      GPIOEVENTD_TEST_BUILD=os.path.abspath(arguments.build),
                      GPIOEVENTD_TEST_PATIENCE=str(patience))
    sys.path.insert(0, HERE)
    names = find_tests(arguments.pattern)
    if arguments.list:
        print("\n".join(names))
        return 0
    for file in ("gpioeventd", "protocol.json"):
        if not os.path.exists(os.path.join(arguments.build, file)):
            sys.exit("%s is not there; run 'make all build/protocol.json' first" % os.path.join(arguments.build, file))
    if not names:
        sys.exit("no test's name contains %r" % arguments.pattern)
    jobs = 1 if arguments.backend == "gpiod" else arguments.jobs or (os.cpu_count() or 1)
    report = Report(arguments.verbose)
    workers = [Worker(patience) for _ in range(min(jobs, len(names)))]
    run_all(names, workers, report)
    for worker in workers:
        worker.end()
    report.end()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
