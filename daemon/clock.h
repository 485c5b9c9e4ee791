/* SPDX-License-Identifier: MIT */
#pragma once

/* The two clocks, in integers of 64 bits everywhere. */

#include <stdint.h>
#include <time.h>

#include "duration.h"

static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* What has to be added to a CLOCK_MONOTONIC time to get the time since 1970. */
static inline int64_t clock_realtime_offset_ns(void)
{
	return (int64_t)(clock_read_ns(CLOCK_REALTIME) - clock_now_ns());
}
