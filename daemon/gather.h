/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Puts edges and deadlines of one round into one order, by time. Every ready request is read once,
 * up to LOG_STAGE_EVENTS edges; a request with more than that stops the merge at its last stamp,
 * since what it still has may be older than what others have; the rest waits for the next round.
 */

#include <stdbool.h>
#include <stddef.h>

#include "list.h"
#include "log.h"

struct daemon;
struct request;

struct gather {
	struct list ready; /* struct request.ready_link: has something to read, or staged edges; in
			      turn */
	size_t n_merged;
	struct request
		*merged[LOG_STAGE_SLOTS]; /* of this round: a heap, the earliest next edge first */
	uint64_t free_slots[(LOG_STAGE_SLOTS + 63) /
			    64]; /* bit set: the log's staging place is free */
};

void gather_init(struct gather *gather);
/* The request's fd has become ready. */
void gather_note(struct gather *gather, struct request *request);
/* The request is about to be read out of turn: it leaves the merge, and keeps what is staged. */
void gather_unheap(struct gather *gather, struct request *request);
/* The request goes away; what is staged of it has been logged or is given up. */
void gather_forget(struct gather *gather, struct request *request);
/* Phase 2 of a round. */
void gather_run(struct gather *gather, struct daemon *daemon);
/* Something is left for the next round, which must not wait. */
static inline bool gather_has_more(const struct gather *gather)
{
	return !list_empty(&gather->ready);
}

/* A staging place of the log, or NULL when all are taken; and back. One is always left for reading
 * out of turn. */
struct log_stage *gather_take_slot(struct gather *gather, struct daemon *daemon);
/* One that is in use already, as an earlier daemon left it. */
void gather_keep_slot(struct gather *gather, struct daemon *daemon, struct log_stage *stage);
void gather_return_slot(struct gather *gather, struct daemon *daemon, struct log_stage *stage);
