#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An LED follows a button, both edges. The lines "button" and "led" come from the configuration.

The reply to subscribe has the button's value, and the events continue from exactly there: no edge
can fall between reading the state and listening for changes.
"""

import json
import os
import socket
import sys

PATH = (sys.argv[1:] or [os.environ.get("GPIOEVENTD_SOCKET", "/run/gpioeventd/gpioeventd.sock")])[0]

daemon = socket.socket(socket.AF_UNIX)
daemon.connect(PATH)


def send(op, **fields):
    daemon.sendall(json.dumps(dict(op=op, **fields)).encode() + b"\n")


send("subscribe", line="button")
for message in map(json.loads, daemon.makefile()):
    if message.get("ok") is False:
        sys.exit(message["error"]["message"])
    if message.get("event") == "edge":
        send("set", line="led", value=message["value"])
    elif "instance" in message:  # the reply to subscribe
        send("set", line="led", value=message["values"]["button"])
