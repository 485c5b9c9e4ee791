/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Requests: from a line of input to the reply. Each operation is one function in an op_*.c file,
 * found through a table that the protocol's rows complete. A handler writes the reply's members, or
 * fills in the problem and returns its code; what it had written is then dropped.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "jsonw.h"
#include "wire.h"

struct daemon;
struct line;
struct peer;

/* One request being run. */
struct call {
	struct daemon *daemon;
	struct peer *peer;
	const struct wire_request *request;
	struct jsonw *reply; /* inside the reply's object */
	struct wire_problem *problem;
	uint64_t
		after; /* the reply's place in the stream; set after the handler unless replay is */
	int replay;
	bool wait; /* a line that it needs is not free yet: the request is run again later */
};

/* Runs one line (without newline) of a connection and replies. False: nothing was done, it has to
 * be run again when the connection no longer waits. */
bool command_run(struct peer *peer, const char *line, size_t n);
/* A line of WIRE_MAX_LINE_BYTES or more: replies, and nothing more is read. */
void command_refuse_long(struct peer *peer);
/* An error reply with its newline; `id` may be NULL. Returns its length. */
size_t command_write_error(
	char *buffer, size_t size, const struct wire_id *id, const struct wire_problem *problem);

/* The handlers, one per WIRE_OP row. */
#define WIRE_OP_BEGIN(NAME, name, what) enum wire_error op_##name(struct call *call);
#include "wire.def"

/* Lines as a request names them. */
struct named_lines {
	size_t n;
	struct line *lines[WIRE_MAX_LINES];
	const char *names[WIRE_MAX_LINES]; /* as written */
};

/* Resolves names for this connection (its aliases included). WIRE_OK or the code in call->problem.
 * So many that the reply could not say what became of each are refused here, before anything is
 * done. */
enum wire_error call_find_lines(
	struct call *call, const struct wire_names *names, struct named_lines *ret);

/* The same where "*" means nothing. */
enum wire_error call_name_lines(
	struct call *call, const struct wire_names *names, struct named_lines *ret);

/* The connection may do this with each of them. */
enum wire_error call_check_access(
	struct call *call, const struct named_lines *named, enum access_verb verb);

/* One of the lines was given back and may not be free yet. The handler has then to return at once,
 * with nothing done. */
bool call_must_wait(struct call *call, const struct named_lines *named);

/* "names": written -> canonical. */
void call_write_names(struct call *call, const struct named_lines *named);
/* "values": written -> the value as of the log, and "names". */
void call_write_values(struct call *call, const struct named_lines *named);
/* An errno of a backend as a problem of a line. */
enum wire_error call_line_failed(
	struct wire_problem *problem, const struct line *line, int error, const char *what);
