/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lines that this daemon holds: one request of the backend, with one line, or with the lines of a
 * configured group. Makes it, reads it, changes it, gives it back, and keeps line state, log and
 * subscribers in step.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "list.h"
#include "log.h"
#include "loop.h"

struct daemon;
struct line;

struct request {
	struct daemon *daemon;
	struct source source;
	struct backend_request *backend;
	uint32_t generation; /* running number of requests */
	size_t n;
	struct line *lines[REQUEST_LINES_MAX];

	bool uncounted;		 /* taken up without knowing how far its edges had been counted */
	uint64_t write_mark;	 /* number of the write that has begun it */
	uint64_t write_left;	 /* its lines that this write has still to set */
	struct list ready_link;	 /* daemon->gather.ready: its fd has something */
	struct log_stage *stage; /* edges that are read and not logged yet; NULL: none */
	unsigned stage_at, stage_n;
};

/*
 * Takes n lines of one chip, logs a line event `change` for each ("requested", "available"; NULL:
 * none), and starts listening. 0 or the backend's -errno; -ENOSPC when the daemon holds too many
 * lines. On failure the lines are as before.
 */
int request_new(struct daemon *daemon, size_t n, struct line *const *lines,
	const struct line_settings *settings, const enum initial *initials, const char *change);
/*
 * Takes up a request that an earlier daemon made, under its generation; says and logs nothing, but
 * has its edges read in the next round. `settings` are those that it should have, and are brought
 * up to date. 0, or -errno and the fd is still the caller's.
 */
int request_adopt(struct daemon *daemon, int fd, uint32_t generation, size_t n,
	struct line *const *lines, struct line_settings *settings, unsigned event_buffer);
/* The same without a record of it: its lines have the levels that they have, and edges are counted
 * from the first one on. It is given a generation of this daemon. */
int request_adopt_unknown(
	struct daemon *daemon, int fd, size_t n, struct line *const *lines, const char *stored_as);
/* New settings for one line of it, in place: a line event `reconfigured` is logged before the first
 * event under them. 0 or -errno, then nothing has changed. */
int request_reconfigure(struct request *request, struct line *line,
	const struct line_settings *settings, enum initial initial);
/* The same for all lines of it at once whose bit of `which` is set; nothing is told, and a claim
 * does not end. `settings` and `initials` have a place for each line of the request. */
int request_change(struct request *request, uint64_t which, const struct line_settings *settings,
	const enum initial *initials);
/* Gives the lines back; logs `change` ("released", or "gone" with the loss) for each, or nothing if
 * NULL. Frees the request. */
void request_free(struct request *request, const char *change);

/* Reads and logs everything that waits in the kernel for it. */
void request_drain(struct request *request);
/* Reads up to LOG_STAGE_EVENTS edges into a staging place of the log; 0, or how many, or -errno:
 * the chip is gone. */
int request_stage(struct request *request);
/* Edges that an earlier daemon had staged, n of them: what was not logged comes first in the next
 * round. False: everything was logged. */
bool request_adopt_stage(struct request *request, struct log_stage *stage, unsigned n);
/* Logs an edge of the line. */
void request_log_edge(struct line *line, const struct gpio_v2_line_event *edge);
/* Logs the next staged edge. */
void request_log_staged(struct request *request);
static inline uint64_t request_staged_ns(const struct request *request)
{
	return request->stage->events[request->stage_at].timestamp_ns;
}

/*
 * Brings line->value up to date for a snapshot: drains, and if the level still differs logs the
 * loss and the new value. Outputs keep the driven value. 0 or -errno.
 */
int line_refresh(struct line *line);
/* The level now: refreshed for an input, read back for an output. */
int line_get(struct line *line, uint8_t *ret_value);
