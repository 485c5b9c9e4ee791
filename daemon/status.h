/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The line that `systemctl status` shows: how many lines are held, how many clients there are, how
 * many events there have been. A change is told after the other work of its round, but not within a
 * second of the last one; then it waits, with all that come meanwhile. So it costs a busy daemon
 * one message a second and an idle one nothing, and nothing at all where no service manager
 * listens.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"

struct daemon;

struct status {
	bool on;
	uint64_t told_ns;
	struct deadline deadline; /* set: it waits until the second is over */
	struct status_counts {
		unsigned lines;
		size_t clients;
		uint64_t events;
	} told;
};

void status_init(struct status *status);
/* Tells the first one. */
void status_start(struct daemon *daemon);
/* At the end of each round. */
void status_round(struct daemon *daemon);
void status_stop(struct daemon *daemon);
