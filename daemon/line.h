/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lines. Every line of every chip that was ever found has one struct line, with an id for the
 * daemon's life; so has every configured line, found or not.
 *
 * A line is free, or held through a request (request.h). It is held because the configuration names
 * it, or for the users in its list (use.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "backend.h"
#include "chip.h"
#include "list.h"
#include "log.h"
#include "loop.h"
#include "names.h"
#include "on_time.h"
#include "peer_id.h"

struct claim;
struct daemon;
struct line_config;
struct peer;
struct request;

/* A value that is put back by itself. */
struct revert {
	struct deadline deadline;
	uint8_t value;
	struct peer_id by;
	uint32_t kept; /* its record */
};

struct line {
	uint32_t id; /* index in daemon->lines and in the name space */
	unsigned offset;
	struct chip *chip;
	const char *canonical;
	char canonical_buffer[WIRE_MAX_NAME_BYTES + 1];
	char name[BACKEND_NAME_BYTES];
	const struct line_config *config; /* NULL: no configuration names it */

	struct request *request;       /* NULL: free, or unavailable */
	unsigned request_index;	       /* its place in the request */
	struct line_settings settings; /* in force, or as they will be when it is there; default
					  while nobody uses it */
	int unavailable;     /* -errno of the failed request of a line that is wanted; 0: none */
	bool taken;	     /* held by another process */
	uint8_t value;	     /* 0, 1 or LOG_VALUE_NULL, as of the last logged event */
	bool reserved;	     /* its place in the state table is kept for a request being made */
	uint32_t line_seqno; /* the kernel's, of the last edge of this request */
	uint64_t line_seq;   /* edges of the line, lost ones counted */
	struct log_line_state *state; /* in the log; NULL until first held */
	char *texts[2]; /* of edge events to 0 and to 1, see event.c; one allocation, NULL until
			   first held */
	uint16_t text_bytes[2];
	struct revert revert;
	struct on_time on_time;
	struct claim *claim; /* NULL: nobody has claimed it */
	uint64_t write_mark; /* number of the write that is to set it, and to what */
	uint8_t write_value;
	uint8_t wanted; /* last driven, or asked for while its chip was gone; LOG_VALUE_NULL:
			   nothing */
	bool owed;     /* `wanted` came due while nobody held the line, and goes before `initial` */
	uint32_t kept; /* its record: how it is held */
	bool leaving;  /* given back, but the service manager may still have it, see fdstore.h */
	bool restored; /* an earlier daemon held it, and this one does not yet */

	uint64_t marking;     /* its subscribers have been marked in this marking of the server */
	struct list watchers; /* struct watch_entry.line_link */
	struct list uses;     /* struct use.line_link */
	uint64_t access[ACCESS_LINE_VERBS]; /* by verb: the rules that give it, see access.h */
	enum on_release on_release;	    /* as last stated, for when the last requester leaves */

	uint64_t evicted_seq[LOG_LINE_KINDS]; /* newest event of each kind that the log no longer
						 holds */
	uint8_t evicted_value;		      /* the value after the newest of them */
};

static inline bool line_is_output(const struct line *line)
{
	return line->request && line->settings.direction == DIRECTION_OUTPUT;
}

static inline bool line_is_input(const struct line *line)
{
	return line->request && line->settings.direction != DIRECTION_OUTPUT;
}

/* Adds n lines of a chip, offsets 0 to n - 1, to the table; `ret` has room for n. 0 or -ENOMEM,
 * then none is added. */
int lines_add(struct daemon *daemon, struct chip *chip, unsigned n, struct line **ret);
/*
 * Finds the configured lines and computes all names. A line that is not there yet gets a struct
 * all the same, of no chip, which takes the real line's place once that is found. -EINVAL, told,
 * when two sections mean one line or a name is ambiguous.
 */
int lines_configure(struct daemon *daemon);
/* Computes all names anew; what the access rules say of them comes after it. */
void lines_name(struct daemon *daemon);
/* A struct, of no chip, for a line that is not there: one with an id of at least `from` that nobody
 * has used, else a new one. 0 or -ENOMEM. */
int line_obtain_absent(struct daemon *daemon, uint32_t from, struct line **ret);
void lines_done(struct daemon *daemon);

/* Of a line that nobody has said anything of: an input that reports both edges. */
extern const struct line_settings line_default_settings;

/* Configured and not found yet; or, without a configuration, a struct whose place was taken. */
bool line_is_absent(const struct line *line);
/* Another process may have taken it, or given it back: tells, and takes it if it is wanted. */
void line_check_taken(struct line *line);
/* Names come from device trees and adapters: whatever is not plain text becomes '?'. */
void line_copy_name(char to[static BACKEND_NAME_BYTES], const char *from);

/* The line that a name means for this connection, which has aliases of its own and from which lines
 * may be hidden; unknown-line, ambiguous-line with the problem filled. */
enum wire_error line_find(const struct peer *peer, const char *written, struct line **ret,
	struct wire_problem *problem);
/* The same for the daemon itself, with names as the configuration has them. */
enum wire_error line_find_any(struct daemon *daemon, const char *written, struct line **ret,
	struct wire_problem *problem);

/* A further name for one connection, from `request`. */
struct line_alias {
	struct list link; /* peer->aliases */
	struct line *line;
	char name[WIRE_MAX_NAME_BYTES + 1];
};

/* The place in the log's state table that is this line's, and nobody's yet; NULL: none. The line
 * goes on counting where it says. */
struct log_line_state *line_find_state(struct line *line);
/* Takes a place in the log's state table, reserved until `reserved` is cleared, and makes the
 * texts. 0, -ENOSPC (WIRE_MAX_LINES), -ENOMEM. */
int line_prepare(struct line *line);
/* Notes for the next daemon how the line is held, or wanted; and that it is neither. */
void line_keep(struct line *line);
void line_forget(struct line *line);
/* The copy for the state table that says how the line is now. */
struct log_line_copy line_copy(const struct line *line);

/* The kernel's view of a line that this daemon does not hold. */
int line_read_info(const struct line *line, struct line_info *ret);

/* A problem `busy`: the line is held by another process, whose consumer is named. */
enum wire_error line_busy(struct wire_problem *problem, const struct line *line);
/* Tries again to take a line that is wanted and unavailable. */
void line_retry(struct line *line);

/* The line as an object, for `lines`, `request` and line events. At most max_users users are
 * listed; 0: nor is the name of who has claimed it. */
struct jsonw;
void line_write(struct jsonw *w, const struct line *line, unsigned max_users);
/* The same for one reader, with what it may do where that is not everything. */
void line_write_for(
	struct jsonw *w, const struct line *line, unsigned max_users, const struct peer_id *reader);
/* A member whose value is a line's: 0, 1 or null. */
void line_write_value(struct jsonw *w, const char *key, uint8_t value);
