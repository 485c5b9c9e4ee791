/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a connection is told, and how far it has been told: a cursor into the event log and a
 * filter. A connection that is not `pending` has been sent everything that its filter passes; its
 * cursor is not moved along with the log, so that a connection that wants nothing costs nothing.
 * The first event that may pass marks it.
 *
 * A change of the filter holds from a position of the log on. While events from before it are still
 * to be sent, the filters of both times are kept, at most WATCH_FILTERS; a request beyond that
 * waits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"
#include "list.h"
#include "log.h"
#include "loss.h"
#include "wire.h"

struct daemon;
struct line;
struct peer;

#define WATCH_FILTERS 8

/* One line's own entry, or the one for "*". */
struct watch_entry {
	struct watch *watch;
	struct line *line;	/* NULL: "*" */
	struct list line_link;	/* line->watchers, or server->watchers_of_all */
	struct list watch_link; /* watch->entries */
	struct filter_entry settings;
};

struct watch {
	/* First what each event touches: with many connections memory is what an event costs. */
	struct peer *peer;
	uint64_t cursor;	 /* the next seq to look at; meaningful while pending */
	struct list behind_link; /* server->behind while pending */
	bool pending;
	bool active;	    /* something is subscribed to: loss, config and shutdown pass */
	uint32_t n_filters; /* at least 1; filters[0] holds at the cursor */
	struct filter *filters[WATCH_FILTERS];
	uint64_t from[WATCH_FILTERS]; /* filters[i] holds from this seq on */
	struct loss loss;	      /* its own, to be told at the cursor, before which it ends */

	struct list entries;
	struct list timers_link; /* server->watchers_of_timers while any timer is subscribed to */
	unsigned n_own;		 /* what tells it unasked: timers with notify, claims with a ttl */
};

/* The connection's watch, made when there is none. NULL when memory is short. */
struct watch *watch_get(struct peer *peer);
struct watch *watch_free(struct watch *watch); /* accepts NULL, returns NULL */

/* Room for one more change of the filter. */
static inline bool watch_can_change(const struct watch *watch)
{
	return !watch || watch->n_filters < WATCH_FILTERS || !watch->pending;
}

/* Adds or replaces the entry of a line (NULL: "*"), from the next event on. 0 or -ENOMEM, then
 * nothing changed. */
int watch_set_line(struct watch *watch, struct line *line, const struct filter_entry *settings);
/* No effect when there is no such entry. */
void watch_unset_line(struct watch *watch, struct line *line);
struct watch_entry *watch_find_line(const struct watch *watch, const struct line *line);
/* 0, -ENOSPC (WIRE_MAX_TIMER_NAMES) or -ENOMEM; on failure nothing changed. */
int watch_add_timers(struct watch *watch, const struct wire_names *timers);
void watch_remove_timers(struct watch *watch, const struct wire_names *timers);
void watch_clear(struct watch *watch);
/* The connection may watch other lines than before: entries of lines that it may not go, and "*"
 * covers those that it may. */
void watch_access_changed(struct watch *watch);
/* Lines or timers are subscribed to; timers and claims of its own that tell it are not meant. */
bool watch_is_subscribed(const struct watch *watch);
/* Brings `active` up to date after a change of entries, timers or n_own. */
void watch_update(struct watch *watch);

/* What waits to be told, if anything, is of timers of its own: a replay tells it as well. */
bool watch_can_resume(const struct watch *watch);
/*
 * Continues after `since`, for a watch that could be resumed and has just been given its first
 * entries: sets the cursor and the loss. *ret_replay is how many messages will be replayed, a
 * leading lost counting as one. 0, or -ENOMEM and nothing has changed.
 */
int watch_resume(struct watch *watch, uint64_t since, uint64_t *ret_replay);
/* The log is another: one lost without count, then live. */
void watch_restart(struct watch *watch);

/* An event that may concern the watchers of a line, of all lines, of a timer, one of them, or
 * everybody, has been logged. */
void watch_mark_line(struct line *line, uint64_t seq);
void watch_mark_timer(struct daemon *daemon, struct peer *owner, uint64_t seq);
void watch_mark_peer(struct peer *peer, uint64_t seq);
void watch_mark_all(struct daemon *daemon, uint64_t seq);

/* The log is about to drop first..last: whoever stands there is moved on and counts its loss. */
void watch_evict(struct log *log, uint64_t first, uint64_t last, void *daemon);
/* New lines were found: filters need room for them. 0 or -ENOMEM. */
int watch_grow(struct daemon *daemon);
/* They are given up again. */
void watch_cut(struct daemon *daemon);

/* The filter that holds at seq; and drops those that no longer matter once the cursor is at seq. */
struct filter *watch_filter_at(const struct watch *watch, uint64_t seq);
void watch_advance(struct watch *watch, uint64_t seq);
/* Nothing is left to be told. */
void watch_caught_up(struct watch *watch);

/* Writes the members of "values" of a loss: the lines affected and their values at its end. False
 * when they did not all fit. */
struct jsonw;
bool watch_write_lost_values(struct jsonw *w, void *watch);
