#!/bin/sh
# SPDX-License-Identifier: MIT
# An LED follows a button, both edges, with netcat and jq: one connection listens, the other sets.
# `nc -N` ends its input at once; a connection with a subscription goes on receiving all the same.

socket=${1:-${GPIOEVENTD_SOCKET:-/run/gpioeventd/gpioeventd.sock}}

echo '{"op":"subscribe","line":"button","events":"edge"}' |
	nc -UN "$socket" |
	jq --unbuffered -c '
		if .ok == false then (.error.message | halt_error(1)) else . end |
		select(.event == "edge" or .ok) |
		{op: "set", line: "led", value: (if .ok then .values.button else .value end)}' |
	nc -UN "$socket" >/dev/null
