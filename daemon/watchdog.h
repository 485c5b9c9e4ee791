/* SPDX-License-Identifier: MIT */
#pragma once

/* The service manager's watchdog: as long as the loop runs it is told so, at half the interval
 * that it asked for. Where it asked for none, nothing here ever runs. */

#include "heap.h"

struct loop;

struct watchdog {
	struct loop *loop;
	struct deadline deadline;
	uint64_t period_ns; /* 0: nobody asks */
};

/* 0 or -ENOMEM. */
int watchdog_start(struct watchdog *watchdog, struct loop *loop);
void watchdog_stop(struct watchdog *watchdog);
