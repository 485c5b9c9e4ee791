/* SPDX-License-Identifier: MIT */

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "claim.h"
#include "daemon.h"
#include "line.h"
#include "peer.h"
#include "watch.h"

static enum wire_error (*const handlers[WIRE_OP_N])(struct call *) = {
#define WIRE_OP_BEGIN(NAME, name, what) [WIRE_OP_##NAME] = op_##name,
#include "wire.def"
};

static void write_id(struct jsonw *w, const struct wire_id *id)
{
	if (!id || id->type == WIRE_ID_NULL) {
		jsonw_key(w, "id");
		jsonw_null(w);
	} else if (id->type == WIRE_ID_INTEGER) {
		jsonw_member_i64(w, "id", id->integer);
	} else if (id->type == WIRE_ID_STRING) {
		jsonw_member_string(w, "id", id->string);
	}
}

static void write_holder(struct jsonw *w, const struct wire_problem *problem)
{
	if (!problem->holder.is_client && !problem->holder.is_other)
		return;

	jsonw_key(w, "holder");
	jsonw_begin_object(w);
	if (problem->holder.is_other) {
		jsonw_member_string(w, "consumer", problem->holder.consumer);
	} else {
		if (problem->holder.client[0])
			jsonw_member_string(w, "client", problem->holder.client);
		jsonw_member_u64(w, "peer", problem->holder.peer);
		jsonw_member_i64(w, "pid", problem->holder.pid);
		jsonw_member_u64(w, "uid", problem->holder.uid);
	}
	jsonw_end_object(w);
}

/* As many as fit beside the message. */
static void write_problems(struct jsonw *w, const struct wire_problem *problem)
{
	const size_t room = sizeof(problem->message) * 6 + 64;
	size_t n = 0;

	jsonw_key(w, "problems");
	jsonw_begin_array(w);
	for (; n < problem->n_problems; n++) {
		struct jsonw mark = jsonw_mark(w);

		jsonw_string(w, problem->problems[n]);
		if (w->overflow || w->n + room > w->size) {
			jsonw_rewind(w, mark);
			break;
		}
	}
	jsonw_end_array(w);
	if (n < problem->n_problems)
		jsonw_member_u64(w, "more_problems", problem->n_problems - n);
}

static void write_details(struct jsonw *w, const struct wire_problem *problem)
{
	if (problem->field[0])
		jsonw_member_string(w, "field", problem->field);
	if (problem->line[0])
		jsonw_member_string(w, "line", problem->line);
	if (problem->have[0])
		jsonw_member_string(w, "have", problem->have);
	if (problem->n_candidates) {
		jsonw_key(w, "candidates");
		jsonw_begin_array(w);
		for (size_t i = 0; i < problem->n_candidates; i++)
			jsonw_string(w, problem->candidates[i]);
		jsonw_end_array(w);
	}
	write_holder(w, problem);
	if (problem->interlock[0]) {
		jsonw_member_string(w, "interlock", problem->interlock);
		jsonw_member_string(w, "on", problem->on);
	}
	if (problem->has_supported) {
		jsonw_key(w, "supported");
		jsonw_begin_array(w);
		jsonw_u64(w, WIRE_PROTOCOL);
		jsonw_end_array(w);
	}
	if (problem->problems)
		write_problems(w, problem);
	if (problem->applied) {
		jsonw_key(w, "applied");
		jsonw_begin_array(w);
		for (size_t i = 0; i < problem->n_applied; i++)
			jsonw_string(w, problem->applied[i]);
		jsonw_end_array(w);
	}
}

size_t command_write_error(
	char *buffer, size_t size, const struct wire_id *id, const struct wire_problem *problem)
{
	struct jsonw w;

	jsonw_init(&w, buffer, size - 1);
	jsonw_begin_object(&w);
	write_id(&w, id);
	jsonw_member_bool(&w, "ok", false);
	jsonw_key(&w, "error");
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "code", wire_error_code(problem->code));
	jsonw_member_string(&w, "class", wire_class_name(wire_error_class(problem->code)));
	write_details(&w, problem);
	jsonw_member_string(&w, "message", problem->message);
	jsonw_end_object(&w);
	jsonw_end_object(&w);
	buffer[w.n++] = '\n';
	return w.n;
}

static void reply_error(struct peer *peer, const struct wire_id *id, struct wire_problem *problem)
{
	struct daemon *daemon = peer->daemon;
	size_t n = command_write_error(daemon->server.reply, WIRE_MAX_LINE_BYTES, id, problem);

	daemon->stats.errors++;
	peer_reply(peer, daemon->server.reply, n, daemon->log.head);
}

void command_refuse_long(struct peer *peer)
{
	struct wire_problem problem;

	problem_set(&problem, WIRE_E_TOO_LONG,
		"the line is longer than %d bytes; the connection is closed", WIRE_MAX_LINE_BYTES);
	reply_error(peer, NULL, &problem);
	peer->refused = true;
}

static enum wire_error run(struct call *call)
{
	struct jsonw *w = call->reply;
	enum wire_error error;

	jsonw_init(w, call->daemon->server.reply, WIRE_MAX_LINE_BYTES - 1);
	jsonw_begin_object(w);
	write_id(w, &call->request->id);
	jsonw_member_bool(w, "ok", true);
	error = handlers[call->request->op](call);
	if (error != WIRE_OK || call->wait)
		return error;

	jsonw_end_object(w);
	if (w->overflow)
		return problem_set(call->problem, WIRE_E_LIMIT,
			"the reply would be longer than %d bytes; ask for fewer lines at a time",
			WIRE_MAX_LINE_BYTES);
	w->buffer[w->n++] = '\n';
	return WIRE_OK;
}

bool command_run(struct peer *peer, const char *line, size_t n)
{
	struct daemon *daemon = peer->daemon;
	struct wire_problem problem = { 0 };
	static struct wire_request request;
	struct jsonw reply;
	struct call call = { .daemon = daemon,
		.peer = peer,
		.request = &request,
		.reply = &reply,
		.problem = &problem };
	enum wire_error error = wire_decode(daemon->decoder, line, n, &request, &problem);

	daemon->stats.requests++;
	claims_hear(peer);
	if (error == WIRE_OK)
		error = run(&call);
	if (call.wait)
		return false;
	if (peer->closed)
		return true;

	if (error != WIRE_OK) {
		reply_error(peer, &request.id, &problem);
		if (error == WIRE_E_BAD_UTF8)
			peer->refused = true;
		return true;
	}
	peer_reply(peer, reply.buffer, reply.n, call.replay ? 0 : daemon->log.head);
	return true;
}

/* Of a name as JSON: quotes and backslashes are doubled. */
static size_t json_bytes(const char *name)
{
	size_t n = 2;

	for (; *name; name++)
		n += *name == '"' || *name == '\\' ? 2 : 1;
	return n;
}

/* What one line adds to a reply with changed, values and names. */
static size_t reply_bytes(const char *written, const char *canonical)
{
	return 2 * json_bytes(written) + 2 * json_bytes(canonical) + sizeof(":false,") +
	       sizeof(":,,");
}

enum wire_error call_find_lines(
	struct call *call, const struct wire_names *names, struct named_lines *ret)
{
	size_t bytes = 256;

	ret->n = 0;
	for (size_t i = 0; i < names->n; i++) {
		enum wire_error error = line_find(
			call->peer, names->v[i], &ret->lines[i], call->problem);

		if (error != WIRE_OK)
			return error;
		ret->names[i] = names->v[i];
		ret->n++;
		bytes += reply_bytes(names->v[i], ret->lines[i]->canonical);
	}
	if (bytes > WIRE_MAX_LINE_BYTES)
		return problem_field(call->problem, WIRE_E_LIMIT, "lines",
			"the reply would be longer than %d bytes; name fewer lines at a time",
			WIRE_MAX_LINE_BYTES);
	return WIRE_OK;
}

enum wire_error call_name_lines(
	struct call *call, const struct wire_names *names, struct named_lines *ret)
{
	if (names->all)
		return problem_field(call->problem, WIRE_E_OUT_OF_RANGE, "lines",
			"\"*\" is for subscribe, unsubscribe and lines; name the lines");

	return call_find_lines(call, names, ret);
}

enum wire_error call_check_access(
	struct call *call, const struct named_lines *named, enum access_verb verb)
{
	for (size_t i = 0; i < named->n; i++) {
		enum wire_error error = access_check(
			&call->peer->id, named->lines[i], verb, call->problem);

		if (error != WIRE_OK)
			return error;
	}
	return WIRE_OK;
}

bool call_must_wait(struct call *call, const struct named_lines *named)
{
	for (size_t i = 0; i < named->n && !call->wait; i++)
		call->wait = fdstore_is_leaving(named->lines[i]);
	if (call->wait) {
		call->daemon->stats.requests--; /* it is counted when it is run */
		fdstore_await(&call->daemon->fdstore, call->peer);
	}
	return call->wait;
}

void call_write_names(struct call *call, const struct named_lines *named)
{
	jsonw_key(call->reply, "names");
	jsonw_begin_object(call->reply);
	for (size_t i = 0; i < named->n; i++)
		jsonw_member_string(call->reply, named->names[i], named->lines[i]->canonical);
	jsonw_end_object(call->reply);
}

void call_write_values(struct call *call, const struct named_lines *named)
{
	jsonw_key(call->reply, "values");
	jsonw_begin_object(call->reply);
	for (size_t i = 0; i < named->n; i++)
		line_write_value(call->reply, named->names[i], named->lines[i]->value);
	jsonw_end_object(call->reply);
	call_write_names(call, named);
}

/* What the errors of requests mean; the last row is for all others. */
static const struct {
	int error;
	enum wire_error code;
	const char *meaning;
} failures[] = {
	{ ENODEV, WIRE_E_UNAVAILABLE, "its chip is gone" },
	{ ENXIO, WIRE_E_EDGES_UNAVAILABLE, "it has no interrupt, so edges cannot be watched" },
	{ EBUSY, WIRE_E_BUSY,
		"it is held by another process or by the kernel, or its interrupt is taken" },
	{ EOPNOTSUPP, WIRE_E_UNSUPPORTED, "its driver cannot do that" },
	{ EINVAL, WIRE_E_UNSUPPORTED, "the kernel refuses this combination of settings" },
	{ E2BIG, WIRE_E_LIMIT,
		"its group has more different settings than the kernel takes in one request" },
	{ EPERM, WIRE_E_WRONG_DIRECTION, "it is not an output" },
	{ EACCES, WIRE_E_DENIED, "the daemon may not open its chip" },
	{ ENOSPC, WIRE_E_LIMIT, "the daemon holds as many lines as it can (1024)" },
	{ ENOMEM, WIRE_E_INTERNAL, "memory is short" },
	{ 0, WIRE_E_UNAVAILABLE, NULL },
};

enum wire_error call_line_failed(
	struct wire_problem *problem, const struct line *line, int error, const char *what)
{
	size_t i = 0;

	while (failures[i].error && failures[i].error != -error)
		i++;
	problem_field(problem, failures[i].code, "line", "%s cannot be %s: %s", line->canonical,
		what, failures[i].meaning ? failures[i].meaning : strerror(-error));
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	return failures[i].code;
}
