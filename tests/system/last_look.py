# SPDX-License-Identifier: MIT
"""A test of the end of the machine, after run.py and after the daemon.

prepare() starts the daemon and a unit that is stopped after it when the machine is powered off; that
runs this file, which writes what it finds where the host sees it. `run` counts it.
"""

import os
import sys

import machine
import test_stop
import witness

NAME = "last_look.test_the_end_of_the_machine_drives_the_on_exit_values_and_gives_the_lines_back"
UNIT = """
[Unit]
Description=What the end of the machine does to outputs
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target gpioeventd.service
RequiresMountsFor=/host /run/lab/results

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/usr/bin/python3 %s %s %d
StandardOutput=file:/run/lab/results/last-look
StandardError=inherit
"""


def prepare():
    machine.systemctl("stop", machine.SERVICE)
    machine.configure(test_stop.CONFIG)
    machine.connect().request("ping")
    first = witness.Writes().first
    with open("/run/systemd/system/last-look.service", "w") as f:
        f.write(UNIT % (os.path.realpath(__file__), machine.board().dev, first))
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "last-look.service")
    with open(os.path.join(os.environ["LAB_RESULTS"], "last-look-is-to-come"), "w") as f:
        f.write(NAME)


def main():
    dev, first = sys.argv[1], int(sys.argv[2])
    found = [(witness.writes_of(first + offset), witness.consumer(dev, offset)) for offset in (8, 9, 10)]
    wanted = [([0], ""), ([1], ""), ([], "")]
    print("passed" if found == wanted else "FAILED: writes and consumers should be %s, but are %s" % (wanted, found))


if __name__ == "__main__":
    main()
