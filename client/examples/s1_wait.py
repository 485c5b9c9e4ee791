#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Waits until a button that pulls GPIO23 to ground is pressed; gives up after ten seconds.

Nothing polls: the press and the time-out come down the same socket. GPIO23 needs no configuration.
The daemon takes it for this connection and gives it back when the connection ends, however it ends.
"""

import json
import os
import socket
import sys

PATH = (sys.argv[1:] or [os.environ.get("GPIOEVENTD_SOCKET", "/run/gpioeventd/gpioeventd.sock")])[0]
LINE = "GPIO23"

REQUESTS = (
    {"op": "subscribe", "line": LINE, "edges": "falling", "bias": "pull-up"},
    {"op": "arm", "timer": "~give-up", "after": "10s"},
)


def main():
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.connect(PATH)
        for request in REQUESTS:
            daemon.sendall(json.dumps(request).encode() + b"\n")
        for message in map(json.loads, daemon.makefile()):
            if message.get("ok") is False:
                sys.exit(message["error"]["message"])
            if message.get("event") == "edge":
                print("pressed")
                return 0
            if message.get("event") == "timer":
                print("not pressed within ten seconds")
                return 1
    sys.exit("the daemon has gone")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
