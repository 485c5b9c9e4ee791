#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls a function at each press of a button, its bounce suppressed, while the program does other work.

The connection is one file descriptor, so it fits any event loop; here it is asyncio's. The line must
have been stable for 5 ms before an edge counts. Ends after three presses.
"""

import asyncio
import json
import os
import sys

PATH = (sys.argv[1:] or [os.environ.get("GPIOEVENTD_SOCKET", "/run/gpioeventd/gpioeventd.sock")])[0]
LINE = "GPIO23"


async def watch(callback):
    """Calls callback(event) at each press."""
    reader, writer = await asyncio.open_unix_connection(PATH)
    request = {"op": "subscribe", "line": LINE, "edges": "falling", "bias": "pull-up", "debounce": "5ms"}
    writer.write(json.dumps(request).encode() + b"\n")
    async for line in reader:
        message = json.loads(line)
        if message.get("ok") is False:
            sys.exit(message["error"]["message"])
        if message.get("event") == "edge":
            callback(message)


async def main():
    presses = asyncio.Queue()
    watcher = asyncio.create_task(watch(presses.put_nowait))
    work = 0
    while presses.qsize() < 3 and not watcher.done():
        work += 1  # the other work goes on meanwhile
        await asyncio.sleep(0.01)
    if watcher.done():
        watcher.result()
        sys.exit("the daemon has gone")
    watcher.cancel()
    print("%d presses while other work was done" % presses.qsize())


if __name__ == "__main__":
    asyncio.run(main())
