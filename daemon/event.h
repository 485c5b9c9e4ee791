/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Events: each is encoded once, straight into the log, and the connections that may want it are
 * marked for sending. Whatever happens in the daemon becomes visible through one of these
 * functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer_id.h"

struct claim;
struct daemon;
struct line;
struct timer;
struct wire_problem;

/* Makes line->texts for the canonical name. 0 or -ENOMEM. */
int event_prepare_line(struct line *line);

/* An input changed: the kernel's numbers and time. line->value and the rest are brought up to date.
 */
void event_edge(struct line *line, bool rising, uint32_t line_seqno, uint64_t timestamp_ns);
/* An output changed to line->value. `by` NULL: the daemon by itself. */
void event_output(struct line *line, const char *cause, const struct peer_id *by);
/* A write that nobody waits for did not happen, and line->value is what it was. */
void event_output_failed(struct line *line, const char *cause, const struct peer_id *by,
	const struct wire_problem *why);
/* Edges of a line that never reached the daemon; count LOG_COUNT_UNKNOWN when it cannot be known.
 * `value` is the line's value after them. */
void event_lost(struct line *line, const char *reason, uint64_t count, uint8_t value);
/* The line itself changed; line->value is its value now. */
void event_line(struct line *line, const char *change);
/* The line is no longer claimed: `claim`, already off the line, is told to its owner too if it has
 * a ttl. */
void event_unclaimed(struct line *line, const struct claim *claim, const char *reason);
/* A timer expired `expirations` times, last at due_ns; `refused` NULL, or why its values were not
 * written. */
void event_timer(struct daemon *daemon, const struct timer *timer, uint64_t expirations,
	uint64_t due_ns, const struct wire_problem *refused);
void event_timer_ended(struct daemon *daemon, const struct timer *timer, const char *reason);
/* A reload has changed what daemon->reload says; the line events of it follow. */
void event_config(struct daemon *daemon);
void event_shutdown(struct daemon *daemon);

/*
 * A reader's own loss, which is not in the log: one message for `size` bytes of buffer.
 * `write_values` writes the members of "values". Returns its length.
 */
struct jsonw;
struct reader_loss {
	const char *reason;
	uint64_t count; /* or LOG_COUNT_UNKNOWN */
	uint64_t from, to;
};
size_t event_write_reader_loss(const struct reader_loss *loss, char *buffer, size_t size,
	bool (*write_values)(struct jsonw *w, void *data), void *data);
