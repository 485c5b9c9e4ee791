/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What this daemon leaves with the service manager, so that the next one can go on: the event log
 * and the fd of each line request. A stored fd keeps its lines even when the daemon has closed its
 * own, so giving lines back takes a word to the manager; until it has had its turn they are
 * leaving, and cannot be requested again. The kernel tells when a line has left, by the chip's fd.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "list.h"

#define FDSTORE_LOG "log"

struct daemon;
struct line;
struct peer;
struct request;

struct fdstore {
	struct daemon *daemon;
	bool enabled;	      /* the manager keeps fds for us */
	bool left;	      /* the daemon ends and leaves everything as it is */
	struct list waiting;  /* struct peer.wait_link: for a line that is leaving */
	struct deadline late; /* runs while somebody waits: a manager that never answers */
	struct list untold;   /* struct untold.link: the manager did not read, it is told again */
	struct deadline again;
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

/* Whether the manager still has the line, which nobody here holds: as the kernel sees it now. If it
 * has just left, those who waited for it go on. */
bool fdstore_is_leaving(struct line *line);
/* The connection's next request waits until it has left. */
void fdstore_await(struct fdstore *fdstore, struct peer *peer);
/* Waits here, 200 ms at most: for a reload, which moves lines from one request to another. Clients'
 * requests wait in the loop instead. */
void fdstore_wait(struct line *line);

/* At the end: waits until the manager has been told everything, 1 s at most. */
void fdstore_say_all(struct fdstore *fdstore);

/* The generation that a request's name says, if it is of this log; else false. */
bool fdstore_parse(const struct fdstore *fdstore, const char *name, uint32_t *ret_generation);
bool fdstore_is_line(const char *name);
