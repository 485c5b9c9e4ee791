# SPDX-License-Identifier: MIT
"""Runs the system tests, in the machine that `run` has booted.

    run.py PACKAGE.deb NEWER.deb [PATTERN]

Installs PACKAGE.deb, makes the users and the board, and runs each test whose name contains PATTERN,
one after the other, in the order of MODULES. last_look.py comes after this program.
"""

import importlib
import os
import signal
import sys
import time
import traceback
import unittest

os.environ["GPIOEVENTD_TEST_PATIENCE"] = "3"  # software emulation on a machine that others use, too
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import last_look  # noqa: E402
import machine  # noqa: E402

# Each leaves the machine as it has found it.
MODULES = ("test_install", "test_socket", "test_users", "test_reload", "test_restart", "test_scheduling",
           "test_journal", "test_doctor", "test_stop", "test_package")


class Hang(AssertionError):
    pass


class Outcome(unittest.TestResult):
    """Collects what one test came to; the journal is read before the test is cleaned up after."""

    def __init__(self):
        super().__init__()
        self.text = ""

    def failed(self, test, error):
        self.text += "".join(traceback.format_exception(*error))
        if hasattr(test, "context"):
            self.text += test.context() + "\n"

    addFailure = addError = failed

    def addSubTest(self, test, subtest, error):
        if error:
            self.text += "  with %s:\n" % subtest._subDescription()
            self.failed(test, error)


def find_tests(pattern):
    for module in MODULES:
        for suite in unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(module)):
            yield from (test for test in suite if pattern in test.id())


def hang(*_):
    raise Hang("it hung")


def run_one(test):
    """The text of a failure, or nothing."""
    outcome = Outcome()
    signal.signal(signal.SIGALRM, hang)
    signal.alarm(getattr(test, "SECONDS", 90))
    try:
        test.run(outcome)
    finally:
        signal.alarm(0)
    return outcome.text


def prepare():
    machine.run("dpkg", "-i", machine.PACKAGE)
    machine.run("useradd", "-M", "-G", "gpio", machine.MEMBER)
    machine.run("useradd", "-M", machine.STRANGER)
    machine.board()


def main():
    machine.PACKAGE, machine.NEWER = sys.argv[1:3]
    pattern = sys.argv[3] if len(sys.argv) > 3 else ""
    began = time.monotonic()
    prepare()
    print("machine ready, package installed: %.1f s" % (time.monotonic() - began), flush=True)
    passed, failed = 0, []
    for test in find_tests(pattern):
        print("%s ... " % test.id(), end="", flush=True)
        began = time.monotonic()
        text = run_one(test)
        print("%s, %.1f s" % ("FAILED" if text else "passed", time.monotonic() - began), flush=True)
        if text:
            failed.append(test.id())
            print(text, flush=True)
        else:
            passed += 1
    if pattern in last_look.NAME:
        last_look.prepare()
    for name in failed:
        print("failed: " + name)
    print("%d passed, %d failed" % (passed, len(failed)), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
