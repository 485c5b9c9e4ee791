/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which events of the log pass. One byte a line says which kinds do, so that the test is one load
 * and one shift; timers are compared by the hash of their name, so that a name can be subscribed to
 * before it exists and be replayed after it is gone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "wire.h"

/* What one entry of a subscription lets pass. */
struct filter_entry {
	uint8_t mask; /* bit per enum log_kind */
	uint64_t lockout_ns;
};

struct filter_lockout {
	uint64_t lockout_ns; /* 0: none */
	uint64_t last_ns;    /* of the last edge that passed */
	bool fresh;	     /* begins with this filter; else goes on from the one before */
};

struct filter {
	uint32_t peer;	/* number of the connection, for timers and claims it owns */
	uint32_t user;	/* access_user_tag() of its own user */
	bool all_users; /* timers of other users pass as well */
	bool all_lines; /* none is hidden: what names any passes as well */
	bool active;	/* any subscription */
	bool all_timers;
	uint64_t own_from;  /* older events of what it owns have been told unasked, before a
			       replay, */
	uint64_t own_after; /* but for those up to this one */
	uint32_t n_lines;   /* room in mask */
	size_t n_timers;
	uint64_t timers[WIRE_MAX_TIMER_NAMES];
	struct filter_entry star;	 /* of lines without an entry of their own; mask 0: none */
	struct filter_lockout *lockouts; /* by line id; NULL while none is in use */
	uint8_t mask[];			 /* by line id */
};

struct filter *filter_new(uint32_t n_lines, uint32_t peer);
struct filter *filter_free(struct filter *filter); /* accepts NULL, returns NULL */
/* A copy with room for n_lines; NULL when memory is short. */
struct filter *filter_copy(const struct filter *filter, uint32_t n_lines);
/* The same, to be changed and to follow on it: lockouts that the changes leave alone go on. */
struct filter *filter_successor(const struct filter *filter, uint32_t n_lines);

/* `from` is over: lockouts that its successor `to` did not begin anew go on in it. */
void filter_carry_lockouts(struct filter *to, const struct filter *from);
/* Lockouts as they are now, to go back to. */
void filter_save_lockouts(struct filter *filter);
void filter_restore_lockouts(struct filter *filter);

/* What passes of a line from now on. 0, or -ENOMEM and nothing has changed. */
int filter_set_line(struct filter *filter, uint32_t line, const struct filter_entry *entry);

/* FNV-1a over the name. */
uint64_t filter_timer_hash(const char *name);

bool filter_passes_other(const struct filter *filter, const struct log_entry *entry);
bool filter_passes_lockout(struct filter *filter, const struct log_entry *entry);

/* Whether the entry passes; for edges under a lockout this moves the lockout on. */
static inline bool filter_passes(struct filter *filter, const struct log_entry *entry)
{
	if (entry->kind >= LOG_LINE)
		return filter_passes_other(filter, entry);
	if (!((filter->mask[entry->subject] >> entry->kind) & 1))
		return false;

	return !filter->lockouts || entry->kind > LOG_FALLING ||
	       filter_passes_lockout(filter, entry);
}

/* The same without lockouts, and without a trace. */
static inline bool filter_wants(const struct filter *filter, const struct log_entry *entry)
{
	if (entry->kind >= LOG_LINE)
		return filter_passes_other(filter, entry);

	return (filter->mask[entry->subject] >> entry->kind) & 1;
}
