/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What this daemon leaves with the service manager, so that the next one can go on: the event log
 * and the fd of each line request. A stored fd keeps its lines even when the daemon has closed its
 * own, so giving lines back takes a word to the manager; until it has had its turn they are
 * leaving, and cannot be requested again. A barrier in the loop tells when that is over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "list.h"
#include "loop.h"

#define FDSTORE_LOG "log"

struct daemon;
struct request;

struct fdstore {
	struct daemon *daemon;
	bool enabled;	      /* the manager keeps fds for us */
	bool left;	      /* the daemon ends and leaves everything as it is */
	struct source source; /* of the barrier */
	int barrier_fd;	      /* -1: none is under way */
	struct deadline late; /* a manager that never answers is not waited for */
	uint64_t forgotten, asked,
		done;	     /* fds that were to go: all, before the barrier, for sure */
	struct list waiting; /* struct peer.wait_link */
};

void fdstore_init(struct fdstore *fdstore, struct daemon *daemon);
void fdstore_done(struct fdstore *fdstore);

void fdstore_put_log(struct fdstore *fdstore);
void fdstore_forget_log(struct fdstore *fdstore);
/* To be called right after the request was made, before anybody is told. */
void fdstore_put_request(struct fdstore *fdstore, const struct request *request);
/* To be called right before the request's fd is closed; its lines are leaving. */
void fdstore_forget_request(struct fdstore *fdstore, const struct request *request);
/* The same of an fd that was handed over and has no request. */
void fdstore_forget(struct fdstore *fdstore, const char *name);

/* The generation that a request's name says, if it is of this log; else false. */
bool fdstore_parse(const struct fdstore *fdstore, const char *name, uint32_t *ret_generation);
bool fdstore_is_line(const char *name);

/*
 * Waits here for what is leaving, 200 ms at most: for a reload, which moves lines from one request
 * to another. Clients' requests wait in the loop instead, see call_must_wait().
 */
void fdstore_wait(struct fdstore *fdstore);

/* Whether an fd that was to go after `forgotten` others may still be there. */
static inline bool fdstore_is_leaving(const struct fdstore *fdstore, uint64_t forgotten)
{
	return forgotten > fdstore->done;
}
