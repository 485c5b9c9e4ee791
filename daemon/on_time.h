/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How long an output has been 1, and when that must end: max-on of the configuration, and of the
 * client that has claimed it. It begins with the change from 0 to 1, and no further write puts it
 * off; at its end the line is set to 0, whoever wants it otherwise. While the chip is gone it goes
 * on.
 */

#include <stdint.h>

#include "heap.h"

struct daemon;
struct line;

struct on_time {
	uint64_t since_ns;   /* 0: the line is not 1 */
	uint64_t claimed_ns; /* when it must end for a claim, though that may be over; 0: never */
	struct deadline deadline;
	uint32_t kept; /* its record, while it is limited */
};

void on_time_init(struct on_time *on_time);
/*
 * The line is driven to `value` now. For 1 it is called before the write, so that a line that is on
 * has its limit whatever happens. 0; -ENOMEM, then a limit could not be enforced.
 */
int on_time_note(struct line *line, uint8_t value);
/* The line has the value that it was found with. */
void on_time_found(struct line *line);
/* An earlier daemon limited it. */
void on_time_go_on(struct line *line, uint32_t kept, uint64_t since_ns, uint64_t at_ns);
/* Its limits may have become shorter; or, after a reload, also longer. */
void on_time_shorten(struct line *line);
void on_time_recompute(struct line *line);
/* The daemon stops: nothing is written any more. */
void on_time_forget(struct line *line);
