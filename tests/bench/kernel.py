# SPDX-License-Identifier: MIT
"""kernel.py BUILD quick|full GPIOMON: in the virtual machine, the daemon and gpiomon in turn, each with a
line of its own of the same gpio-sim chip and the same reader. Prints rows for kernel.c."""

import os
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import gpiosim  # noqa: E402

BUILD, MODE, GPIOMON = sys.argv[1:]
ROUNDS = 1 if MODE == "quick" else 5
EDGES = 1000
LIMIT = 1.5

# gap, edges a burst, rest after a burst, in microseconds
PHASES = [("at 1 kHz", (1000, 1, 1000)), ("bursts of 100, 50 us apart", (50, 100, 20000))]


class Source:
    """A program that tells edges: its name, a descriptor to read, the key before the time."""

    def __init__(self, name, fd, key, chip, offset):
        self.name, self.fd, self.key = name, fd, key
        self.label, self.offset = chip.label, offset
        self.pull = "%s/sim_gpio%d/pull" % (chip.sysfs, offset)
        self.p50, self.p99, self.pulled, self.interrupts, self.seen, self.lost = [], [], 0, 0, 0, 0

    def measure(self, phase):
        before = gpiosim.interrupts(self.label, self.offset)
        command = [BUILD + "/tests/bench/kernel_reader", str(self.fd), self.key, self.pull, str(EDGES)]
        output = subprocess.run(command + [str(n) for n in phase], pass_fds=(self.fd,), check=True,
                                stdout=subprocess.PIPE).stdout
        seen, p50, p99, lost = output.split()
        self.p50.append(float(p50))
        self.p99.append(float(p99))
        self.pulled += EDGES
        self.interrupts += gpiosim.interrupts(self.label, self.offset) - before
        self.seen += int(seen)
        self.lost += int(lost)


def start_daemon(chip):
    with open("/tmp/bench.conf", "w") as f:
        f.write("[line bench]\nline = %s:0\n" % chip.name)
    with open("/tmp/bench.stderr", "w") as stderr:
        process = subprocess.Popen(
            [BUILD + "/gpioeventd", "--config", "/tmp/bench.conf", "--socket", "/tmp/bench.sock"], stderr=stderr)
    client = socket.socket(socket.AF_UNIX)
    while client.connect_ex("/tmp/bench.sock"):
        if process.poll() is not None:
            with open("/tmp/bench.stderr") as stderr:
                sys.exit(stderr.read())
        time.sleep(0.01)
    client.sendall(b'{"op":"subscribe","lines":"*"}\n')
    if b'"ok":true' not in client.recv(4096):
        sys.exit("no subscription")
    return process, client


def start_gpiomon(chip):
    process = subprocess.Popen(
        [GPIOMON, "--banner", "--chip", chip.name, "--edges", "both", "--event-clock", "monotonic", "--format", "@%S %e", "1"],
        stdout=subprocess.PIPE)
    if not os.read(process.stdout.fileno(), 4096):
        sys.exit("gpiomon does not start")
    return process


def row(what, ours, theirs):
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print("row|kernel path, %s|%.3f|%s|x|%.0f us, gpiomon %.0f" % (
        what, ratio, LIMIT, statistics.median(ours), statistics.median(theirs)), flush=True)


def account(source):
    return "%d of %d pulls, %d interrupts" % (source.seen, source.pulled, source.interrupts)


def main():
    with gpiosim.Chip("bench") as chip:
        (daemon, client), gpiomon = start_daemon(chip), start_gpiomon(chip)
        for name, phase in PHASES:
            ours = Source("daemon", client.fileno(), '"timestamp_ns":', chip, 0)
            theirs = Source("gpiomon", gpiomon.stdout.fileno(), "@", chip, 1)
            for _ in range(ROUNDS):
                ours.measure(phase)
                theirs.measure(phase)
            row(name + ", p50", ours.p50, theirs.p50)
            row(name + ", p99", ours.p99, theirs.p99)
            missing = ours.interrupts - ours.seen - ours.lost
            if missing > 0 or ours.seen + ours.lost > ours.pulled:
                print("wrong|kernel path, %s, losses|%s, %d told as lost" % (name, account(ours), ours.lost))
            else:
                print("row|kernel path, %s, lost|%d|0.5|edges|%s; gpiomon %s" % (
                    name, ours.lost, account(ours), account(theirs)), flush=True)
        for process in daemon, gpiomon:
            process.terminate()
            process.wait()


main()
