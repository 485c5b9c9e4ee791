/* SPDX-License-Identifier: MIT */
#pragma once

/* What a reader has lost and has not been told yet: a stretch of the log that ends where it is
 * told. */

#include <stdint.h>

#include "log.h"

struct loss {
	const char *reason; /* NULL: nothing is lost */
	uint64_t count;	    /* or LOG_COUNT_UNKNOWN */
	uint64_t from;	    /* the first seq that was not told */
};

/* A later stretch joins an earlier one, which keeps its beginning and its reason. */
static inline void loss_add(struct loss *loss, const struct loss *more)
{
	if (!more->reason)
		return;
	if (!loss->reason) {
		*loss = *more;
		return;
	}
	if (loss->count == LOG_COUNT_UNKNOWN || more->count == LOG_COUNT_UNKNOWN)
		loss->count = LOG_COUNT_UNKNOWN;
	else
		loss->count += more->count;
}
