#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Waits for several buttons, a one-shot timer and a repeating timer at once, and tells which it was.

One button is the configuration's, the other hangs at GPIO24 and pulls it to ground, which needs no
configuration. A repeating timer that expired more than once since its last event says so: `expirations` counts.
Ends when the one-shot timer expires.
"""

import json
import os
import socket
import sys

PATH = (sys.argv[1:] or [os.environ.get("GPIOEVENTD_SOCKET", "/run/gpioeventd/gpioeventd.sock")])[0]

REQUESTS = (
    {"op": "subscribe", "line": "button", "edges": "rising"},
    {"op": "subscribe", "line": "GPIO24", "edges": "falling", "bias": "pull-up"},
    {"op": "arm", "timer": "~tick", "every": "250ms"},
    {"op": "arm", "timer": "~end", "after": "2s"},
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
                print("pressed: %s" % message["line"])
            elif message.get("event") == "timer" and message["timer"] == "~tick":
                print("tick: %d" % message["expirations"])
            elif message.get("event") == "timer":
                print("end")
                return
    sys.exit("the daemon has gone")


if __name__ == "__main__":
    main()
