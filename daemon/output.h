/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Writing outputs, whoever asks: a client, a timer, a pulse that ends, the daemon as it stops.
 * Everything is checked before anything is written; then one kernel call per request, in the order
 * of the lines; then one output event for each line that changed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer_id.h"
#include "wire.h"

struct daemon;
struct line;
struct revert;

struct output_write {
	size_t n;
	struct line *const *lines; /* may repeat a line with the same value */
	const uint8_t *values;
	const char *cause;	  /* for the events */
	const struct peer_id *by; /* NULL: the daemon by itself */
	uint64_t pulse_ns;	  /* 0: none */
	bool is_for_later;	  /* to be checked: what is 1 now may be 0 by then */
	bool is_revert;		  /* the end of a pulse, which no later claim holds up */
};

struct output_result {
	size_t n_changed;
	const char **changed; /* canonical names; room for n, the caller's */
	bool cancelled_revert;
};

/* All lines are held as outputs, `by` may set them, nobody else has claimed them, no interlock is
 * broken. WIRE_OK or the code that is in *problem. */
enum wire_error output_check(const struct output_write *write, struct wire_problem *problem);
/* Checks and writes. On a hardware error part-way, problem->applied says what was written. */
enum wire_error output_apply(const struct output_write *write, struct output_result *result,
	struct wire_problem *problem);

/* The line can be set: it is held, as an output, and `by` may. */
enum wire_error output_check_line(
	const struct line *line, const struct peer_id *by, struct wire_problem *problem);

/* One line, as output_apply(). */
enum wire_error output_set(struct line *line, uint8_t value, const char *cause,
	const struct peer_id *by, struct wire_problem *problem);

/*
 * The same at a time when nobody waits for a reply: the end of a pulse, what was promised for a
 * disconnect. A failure is an `output` event with `error`, and a message to the operator.
 */
void output_set_later(
	struct line *line, uint8_t value, const char *cause, const struct peer_id *by);

/* For what else was to be done with an output then. */
void output_tell_failure(struct line *line, const char *cause, const struct peer_id *by,
	const struct wire_problem *why);

void output_init_revert(struct revert *revert);
/* A pulse of the line goes back, now. A failure is told as that of output_set_later(). */
void output_end_pulse(struct line *line);
/* A running pulse of the line ends where it is. True if there was one. */
bool output_cancel_revert(struct line *line);
/* For the next daemon, after the line has changed under a running pulse. */
void output_keep_revert(struct line *line);
/* The pulses that an earlier daemon began go on; overdue ones end in the next round. */
void outputs_restore(struct daemon *daemon);
