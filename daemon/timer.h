/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The clients' timers: shared ones under one name for everybody, private ones (names that begin
 * with ~) under one name per connection. A timer that is armed again is the same timer with a new
 * number; what an earlier arming had is forgotten.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "list.h"
#include "log.h"
#include "peer_id.h"
#include "wire.h"

struct daemon;
struct line;
struct peer;
struct user;

#define TIMER_BUCKETS 256

struct timer {
	struct daemon *daemon;
	struct list hash_link; /* timers->buckets */
	struct list peer_link; /* peer->timers, unless it is kept and its owner has left */
	struct peer *owner;    /* NULL: it has left */
	uint32_t owner_number; /* 0 when nobody owns it */
	uint64_t hash;
	uint64_t armed;	   /* running number of the arming */
	uint64_t every_ns; /* 0: once */
	struct deadline deadline;
	bool keep, notify;
	struct peer_id by; /* who armed it */
	struct user *user; /* of `by`; held, and counted there */
	char *tag;	   /* NULL: none */
	size_t n_values;
	struct line **lines; /* what to set at expiry; one allocation with the values */
	uint8_t *values;
	uint32_t kept; /* its record */
	char name[WIRE_MAX_NAME_BYTES + 1];
};

struct timers {
	struct list buckets[TIMER_BUCKETS];
	size_t n;
	uint64_t armings;
	uint64_t
		evicted[TIMER_BUCKETS]; /* newest event that the log dropped, by hash of the name */
	uint64_t evicted_any;
};

struct timer_spec {
	const char *name, *tag; /* tag NULL: none */
	uint64_t after_ns, every_ns;
	bool keep, notify;
	size_t n_values;
	struct line *const *lines;
	const uint8_t *values;
};

static inline bool timer_is_private(const struct timer *timer)
{
	return timer->name[0] == '~';
}

void timers_init(struct timers *timers);
void timers_done(struct daemon *daemon);

/* Arms or arms again. WIRE_OK, or limit, internal, and then nothing has changed. */
enum wire_error timer_arm(struct peer *peer, const struct timer_spec *spec,
	const struct timer **ret, bool *ret_was_armed, struct wire_problem *problem);
/* The timer of this name as the connection sees it, or NULL. */
struct timer *timer_find(struct peer *peer, const char *name);
void timer_disarm(struct timer *timer);
/* Ends what ends with the connection. */
void timers_peer_left(struct peer *peer);
/* What `from`, a stand-in, had is the connection's. False: memory is short, and nothing has
 * changed. */
bool timers_take_over(struct peer *from, struct peer *to);
/* The timers of an earlier daemon go on; overdue ones expire in the next round. */
void timers_restore(struct daemon *daemon);

/* Whether any timer sets the line. */
bool timers_set_line(const struct timers *timers, const struct line *line);

/* What the log has dropped. */
void timers_note_evicted(struct timers *timers, const struct log_entry *entry);
uint64_t timers_evicted_seq(const struct timers *timers, uint64_t hash);
