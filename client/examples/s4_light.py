#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A press lights the LED for a second; a press while it is lit puts it out at once. The lines "button"
and "led" come from the configuration, in which the button is 1 when it is pressed.

Presses and the timer come in one ordered stream. The timer is the daemon's and sets the LED by itself,
so the light also goes out if this program is gone by then. The tag tells an expiry that belongs to the
press before the last from one that belongs to the light that is lit now.
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


send("hello", client="s4_light")
send("set", line="led", value=0)
send("subscribe", line="button", edges="rising", lockout="30ms")
presses = 0
lit = False
for message in map(json.loads, daemon.makefile()):
    if message.get("ok") is False:
        sys.exit(message["error"]["message"])
    if "instance" in message and "values" in message:  # the reply to subscribe
        print("press the button", flush=True)
    elif message.get("event") == "timer" and message["tag"] == str(presses):
        lit = False
    elif message.get("event") == "edge":
        presses += 1
        lit = not lit
        send("disarm", timer="off")
        send("set", line="led", value=lit)
        if lit:
            send("arm", timer="off", after="1s", values={"led": 0}, tag=str(presses), keep=True)
