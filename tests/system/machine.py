# SPDX-License-Identifier: MIT
"""The machine that the tests run in, as they see it: systemd, the package, users, a board, the journal.

A test begins with the service stopped, the socket listening and CONFIG as the configuration. The
board is a chip of gpio-sim that stays for the whole run.
"""

import functools
import os
import pickle
import pwd
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "integration"))  # behind this folder, which has files of the same names
import gpiosim  # noqa: E402
import harness  # noqa: E402
from harness import Failure, wait_until  # noqa: E402,F401

SERVICE = "gpioeventd.service"
SOCKET = "gpioeventd.socket"
PATH = "/run/gpioeventd/gpioeventd.sock"
CONFIG_DIRECTORY = "/etc/gpioeventd/gpioeventd.conf.d"
CGROUP = "/sys/fs/cgroup/system.slice/" + SERVICE

# Software emulation on a busy machine: what takes this long does not happen.
PATIENCE_S = 30

MEMBER, STRANGER = "member", "stranger"  # a user in the group gpio, and one who is in no group

CONFIG = """
[line button]
line = board:0

[line door]
line = board:1

[line high]
line = board:8
direction = output
initial = 1

[line low]
line = board:9
direction = output
initial = 0

[line blink]
line = board:10
direction = output
initial = 0
"""


def run(*command, check=True):
    """What a command says, both streams, without the last newline."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode:
        raise Failure("%s: status %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.stdout.rstrip("\n")


def status(*command):
    """(exit status, what it says)."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout.rstrip("\n")


def systemctl(*words):
    return run("systemctl", *words)


def show(name, unit=SERVICE):
    """A property of a unit."""
    return run("systemctl", "show", "--value", "-p", name, unit)


def main_pid():
    """The daemon's process, or None. From the kernel, since systemctl takes a tenth of a second here."""
    try:
        with open(CGROUP + "/cgroup.procs") as f:
            pids = f.read().split()
    except OSError:
        return None
    return int(pids[0]) if pids else None


def wait_active():
    wait_until(lambda: show("ActiveState") == "active", "the service is active", PATIENCE_S)


def now():
    """A moment as the journal tells it."""
    return "@%.6f" % time.time()


def journal(since, *matches):
    """What was said from a moment on; matches are those of journalctl."""
    return run("journalctl", "--no-pager", "-q", "-o", "cat", "--since=" + since, *matches, check=False)


def connect(**settings):
    return harness.Client(PATH, **settings)


def as_user(name, function, *arguments):
    """What function returns, or raises, in a process of that user with the groups that the user has."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            user = pwd.getpwnam(name)
            os.initgroups(name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            try:
                result = (True, function(*arguments))
            except Exception as error:
                result = (False, error)
            with os.fdopen(writer, "wb") as f:
                pickle.dump(result, f)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as f:
        data = f.read()
    os.waitpid(pid, 0)
    if not data:
        raise Failure("the process of %s ended without a word" % name)
    good, value = pickle.loads(data)
    if not good:
        raise value
    return value


@functools.lru_cache(maxsize=None)
def board():
    """The chip of all tests."""
    return gpiosim.Chip("board", lines=16, names={15: "FREE"})


def configure(text, name="test"):
    os.makedirs(CONFIG_DIRECTORY, exist_ok=True)
    with open("%s/%s.conf" % (CONFIG_DIRECTORY, name), "w") as f:
        f.write(text)


class TestCase(unittest.TestCase):
    CONFIG = CONFIG
    SECONDS = 90  # before it counts as hanging

    maxDiff = None

    def setUp(self):
        self.began = now()
        self.board = board()
        systemctl("stop", SERVICE)
        configure(self.CONFIG)
        systemctl("start", SOCKET)
        self.addCleanup(configure, self.CONFIG)

    def connect(self, **settings):
        client = connect(**settings)
        self.addCleanup(client.close)
        return client

    def client(self):
        """A connection to a daemon that serves."""
        client = self.connect()
        client.request("ping")
        return client

    def press(self, offset, level):
        self.board.pull(offset, level)
        time.sleep(0.001)  # or the kernel may merge it with the next

    def context(self):
        """What the reader of a failure wants to see besides."""
        rows = run("journalctl", "--no-pager", "-q", "-o", "short-monotonic", "--since=" + self.began, check=False)
        return "the journal:\n" + "\n".join("  " + row for row in rows.splitlines()[-60:])
