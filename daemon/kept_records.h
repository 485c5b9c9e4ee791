/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the records in the log's memfd hold (see kept.h), by kind. A change of any of them is a
 * change of the log's format: sizes are checked by themselves, for a change of meaning LOG_VERSION
 * goes up.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kept.h"
#include "opinion.h"
#include "peer_id.h"
#include "session.h"
#include "settings.h"
#include "wire.h"

/* A line by what it is called at the chip, since ids and configured names may be others next time.
 */
struct kept_line_ref {
	char chip_label[32], chip_name[32];
	uint32_t offset;
};

/* KEPT_LINE: a line that is held, or wanted. */
struct kept_line {
	struct kept_line_ref line;
	uint32_t generation; /* of its request */
	uint32_t index;	     /* its place in the request */
	uint32_t event_buffer;
	struct line_settings settings;
	uint8_t wanted; /* as in struct line; of an output that is held its state's value counts */
	uint8_t on_release;
	bool held, uncounted; /* the latter as in struct request */
};

struct line;
struct daemon;

/* What the line is called in records. */
void kept_name_line(const struct line *line, struct kept_line_ref *ret);
/* The line of that name, or NULL: by the chip's label and name, or by the label alone when only one
 * chip has it. */
struct line *kept_find_line(const struct daemon *daemon, const struct kept_line_ref *ref);
/* The same of a place in the log's state table. */
struct log_line_state;
struct line *kept_find_line_of(const struct daemon *daemon, const struct log_line_state *state);

/* KEPT_SESSION: a connection that has said hello. */
struct kept_session {
	struct peer_id id;
	char session[SESSION_BYTES + 1];
};

/* KEPT_USE: of a line that no configuration names, by a connection or, for it, by the daemon. */
struct kept_use {
	struct kept_line_ref line;
	struct peer_id id;
	struct opinion opinion;
	bool kept_by_daemon, requested, watched;
};

/* KEPT_TIMER: n_values of `values` follow. */
struct kept_value {
	struct kept_line_ref line;
	uint32_t value;
};

struct kept_timer {
	struct peer_id by;
	uint32_t owner_number;
	uint64_t armed, every_ns, at_ns;
	uint64_t seq; /* newest event when this was written: a later one of the timer is of this
			 due time */
	bool keep, notify, has_tag;
	char name[WIRE_MAX_NAME_BYTES + 1], tag[WIRE_MAX_NAME_BYTES + 1];
	uint32_t n_values;
	struct kept_value values[];
};

/* KEPT_PULSE: a line that goes back by itself. */
struct kept_pulse {
	struct kept_line_ref line;
	struct peer_id by;
	uint64_t at_ns;
	uint32_t value;
	bool active_low; /* what the value means */
};

/* KEPT_CLAIM: who alone writes a line, and what becomes of it then. */
struct kept_claim {
	struct kept_line_ref line;
	struct peer_id by;
	uint64_t since_ns, ttl_ns, max_on_ns;
	uint32_t on_disconnect;
	bool has_on_disconnect;
};

/* KEPT_ON_TIME: an output that is 1, or about to be, for a limited time. */
struct kept_on_time {
	struct kept_line_ref line;
	uint64_t since_ns, at_ns;
};

/* Sizes, for the log's header. */
#define KEPT_RECORD_BYTES                                                                     \
	[KEPT_LINE] = sizeof(struct kept_line), [KEPT_SESSION] = sizeof(struct kept_session), \
	[KEPT_USE] = sizeof(struct kept_use),                                                 \
	[KEPT_TIMER] = sizeof(struct kept_timer) + sizeof(struct kept_value),                 \
	[KEPT_PULSE] = sizeof(struct kept_pulse), [KEPT_CLAIM] = sizeof(struct kept_claim),   \
	[KEPT_ON_TIME] = sizeof(struct kept_on_time)
