/* SPDX-License-Identifier: MIT */
/* hello, ping, chips, lines, get: what there is. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "daemon.h"
#include "line.h"
#include "peer.h"
#include "request.h"

/* Room for the rest of a reply behind a list that fills it. */
#define PAGE_MARGIN 512
#define PAGE_LINES  256

/* Lines, timers and claims of two connections cannot be put together: the take-over comes first. */
static enum wire_error take_over(struct call *call, const char *session, bool *ret_taken_over)
{
	struct peer *peer = call->peer;

	if (peer->watch || !list_empty(&peer->uses) || !list_empty(&peer->timers) ||
		!list_empty(&peer->claims))
		return problem_field(call->problem, WIRE_E_ORDER, "session",
			"a session is taken over before anything else; this connection has "
			"subscriptions, lines, timers or claims already");

	*ret_taken_over = session_take_over(peer, session);
	return WIRE_OK;
}

enum wire_error op_hello(struct call *call)
{
	const struct args_hello *args = &call->request->args.hello;
	struct daemon *daemon = call->daemon;
	struct jsonw *w = call->reply;
	bool taken_over = false;
	char instance[17];

	if (WIRE_GIVEN(args, hello, protocol) && args->protocol != WIRE_PROTOCOL) {
		problem_field(call->problem, WIRE_E_UNSUPPORTED, "protocol",
			"protocol %" PRId64 " is not known; this daemon speaks %d", args->protocol,
			WIRE_PROTOCOL);
		call->problem->has_supported = true;
		return WIRE_E_UNSUPPORTED;
	}
	if (WIRE_GIVEN(args, hello, client))
		(void)snprintf(
			call->peer->id.client, sizeof(call->peer->id.client), "%s", args->client);

	if (WIRE_GIVEN(args, hello, session)) {
		enum wire_error error = take_over(call, args->session, &taken_over);

		if (error != WIRE_OK)
			return error;
	}
	if (session_begin(call->peer) < 0)
		return problem_set(call->problem, WIRE_E_INTERNAL, "no random number can be had");

	(void)snprintf(instance, sizeof(instance), "%016" PRIx64, daemon->log.instance);
	jsonw_member_string(w, "version", GPIOEVENTD_VERSION);
	jsonw_member_u64(w, "protocol", WIRE_PROTOCOL);
	jsonw_member_string(w, "instance", instance);
	jsonw_member_u64(w, "peer", call->peer->id.peer);
	jsonw_member_string(w, "session", call->peer->session);
	jsonw_member_bool(w, "taken_over", taken_over);
	jsonw_member_string(w, "backend", daemon->ops->name);
	access_write(w, daemon, &call->peer->id, NULL);
	jsonw_key(w, "capabilities");
	jsonw_begin_array(w);
	if (daemon->ops->simulate)
		jsonw_string(w, "simulate");
	jsonw_end_array(w);
	jsonw_member_u64(w, "seq", daemon->log.head);
	jsonw_member_u64(w, "oldest", daemon->log.tail);
	return WIRE_OK;
}

enum wire_error op_ping(struct call *call)
{
	jsonw_member_u64(call->reply, "seq", call->daemon->log.head);
	return WIRE_OK;
}

enum wire_error op_chips(struct call *call)
{
	const struct daemon *daemon = call->daemon;
	struct jsonw *w = call->reply;

	jsonw_member_u64(w, "seq", daemon->log.head);
	jsonw_key(w, "chips");
	jsonw_begin_array(w);
	for (size_t i = 0; i < daemon->chips.n; i++) {
		const struct chip *chip = daemon->chips.v[i];

		if (!chip || !access_sees_chip(&call->peer->id, chip))
			continue;
		jsonw_begin_object(w);
		jsonw_member_string(w, "name", chip->info.name);
		jsonw_member_string(w, "label", chip->info.label);
		jsonw_member_u64(w, "lines", chip->info.n_lines);
		jsonw_member_bool(w, "available", chip->available);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
	return WIRE_OK;
}

static void refresh(struct line *line)
{
	if (line->request)
		(void)line_refresh(line);
}

/* One line of a page; false when it does not fit, which is then as before. */
static bool add_line(struct jsonw *w, const struct line *line, const struct peer_id *reader)
{
	struct jsonw mark = jsonw_mark(w);

	line_write_for(w, line, 16, reader);
	if (!w->overflow && w->n + PAGE_MARGIN <= w->size)
		return true;

	jsonw_rewind(w, mark);
	return false;
}

/* Not for the reader, or a struct whose place another one has taken. */
static bool is_hidden(const struct line *line, const struct peer_id *reader)
{
	return (line_is_absent(line) && !line->config) || !access_may(reader, line, ACCESS_SEE);
}

/* A page of all lines, from id `first` on. Its `next` is the canonical name of its last line. */
static enum wire_error write_page(struct call *call, size_t first, size_t limit)
{
	const struct daemon *daemon = call->daemon;
	const struct peer_id *reader = &call->peer->id;
	const struct line *last = NULL;
	struct jsonw *w = call->reply;
	size_t id = first;

	for (size_t i = first, n = 0; i < daemon->lines.n && n < limit; i++) {
		if (is_hidden(daemon->lines.v[i], reader))
			continue;
		refresh(daemon->lines.v[i]);
		n++;
	}
	jsonw_member_u64(w, "seq", daemon->log.head);
	jsonw_key(w, "lines");
	jsonw_begin_array(w);
	for (size_t n = 0; id < daemon->lines.n && n < limit; id++) {
		if (is_hidden(daemon->lines.v[id], reader))
			continue;
		if (!add_line(w, daemon->lines.v[id], reader))
			break;
		n++;
		last = daemon->lines.v[id];
	}
	jsonw_end_array(w);
	while (id < daemon->lines.n && is_hidden(daemon->lines.v[id], reader))
		id++;
	if (id < daemon->lines.n && last)
		jsonw_member_string(w, "next", last->canonical);
	return WIRE_OK;
}

static enum wire_error write_named(struct call *call, const struct wire_names *names, size_t limit)
{
	static struct named_lines named;
	enum wire_error error = call_find_lines(call, names, &named);
	struct jsonw *w = call->reply;

	if (error != WIRE_OK)
		return error;
	if (named.n > limit)
		return problem_field(call->problem, WIRE_E_OUT_OF_RANGE, "limit",
			"%zu lines are named; limit is for pages of all lines", named.n);

	for (size_t i = 0; i < named.n; i++)
		refresh(named.lines[i]);
	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "lines");
	jsonw_begin_array(w);
	for (size_t i = 0; i < named.n; i++)
		line_write_for(w, named.lines[i], 16, &call->peer->id);
	jsonw_end_array(w);
	return WIRE_OK;
}

enum wire_error op_lines(struct call *call)
{
	const struct args_lines *args = &call->request->args.lines;
	size_t limit = WIRE_GIVEN(args, lines, limit) ? (size_t)args->limit : WIRE_MAX_LINES;
	struct line *after = NULL;

	if (args->lines.n)
		return write_named(call, &args->lines, limit);

	if (WIRE_GIVEN(args, lines, after)) {
		enum wire_error error = line_find(call->peer, args->after, &after, call->problem);

		if (error != WIRE_OK)
			return error;
	}
	return write_page(call, after ? after->id + 1 : 0, limit < PAGE_LINES ? limit : PAGE_LINES);
}

/* A free input, read as it is and given back at once. */
static enum wire_error read_free(
	struct line *line, uint8_t *ret_value, struct wire_problem *problem)
{
	const struct daemon *daemon = line->chip->daemon;
	const enum initial initial = INITIAL_KEEP;
	struct line_settings settings = { .direction = DIRECTION_ANY };
	const struct request_spec spec = { .chip = line->chip->info.index,
		.n = 1,
		.offsets = &line->offset,
		.settings = &settings,
		.initials = &initial,
		.event_buffer = 16 };
	struct backend_request *request;
	struct line_info info;
	uint64_t bits = 0;
	int r = line_read_info(line, &info);

	if (r == -ENODEV)
		return WIRE_OK; /* its chip is going; null says so */
	if (r < 0)
		return call_line_failed(problem, line, r, "read");
	if (info.used)
		return line_busy(problem, line);
	if (info.settings.direction == DIRECTION_OUTPUT)
		return problem_field(problem, WIRE_E_NOT_REQUESTED, "line",
			"%s is a free output and is left untouched; to read it: "
			"{\"op\":\"request\",\"line\":\"%s\",\"direction\":\"any\"}",
			line->canonical, line->canonical);

	settings.active_low = info.settings.active_low;
	r = daemon->ops->request(daemon->backend, &spec, &request);
	if (r < 0)
		return call_line_failed(problem, line, r, "read");

	r = daemon->ops->get(request, 1, &bits);
	daemon->ops->release(request);
	*ret_value = bits & 1;
	return r < 0 ? call_line_failed(problem, line, r, "read") : WIRE_OK;
}

static enum wire_error read_line(struct line *line, const struct peer_id *reader,
	uint8_t *ret_value, bool *ret_free, struct wire_problem *problem)
{
	enum wire_error error;

	*ret_value = LOG_VALUE_NULL;
	if (line->request) {
		int r = line_get(line, ret_value);

		/* Its chip is gone: that is an event, which comes before the null that says so. */
		if (r == -ENODEV)
			request_free(line->request, "gone");
		return r < 0 && r != -ENODEV ? call_line_failed(problem, line, r, "read") : WIRE_OK;
	}
	if (line->unavailable || !line->chip->available)
		return WIRE_OK; /* null says so */

	/* It is taken for a moment. */
	error = access_check(reader, line, ACCESS_CONFIGURE, problem);
	if (error != WIRE_OK)
		return error;
	*ret_free = true;
	return read_free(line, ret_value, problem);
}

enum wire_error op_get(struct call *call)
{
	static struct named_lines named;
	static uint8_t values[WIRE_MAX_LINES];
	enum wire_error error = call_name_lines(call, &call->request->args.get.lines, &named);
	struct jsonw *w = call->reply;
	bool any_free = false;

	if (error == WIRE_OK && call_must_wait(call, &named))
		return WIRE_OK;
	for (size_t i = 0; i < named.n && error == WIRE_OK; i++)
		error = read_line(
			named.lines[i], &call->peer->id, &values[i], &any_free, call->problem);
	if (error != WIRE_OK)
		return error;

	/* Reading a later line of a group may have logged edges of an earlier one. */
	for (size_t i = 0; i < named.n; i++)
		if (line_is_input(named.lines[i]))
			values[i] = named.lines[i]->value;
	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "values");
	jsonw_begin_object(w);
	for (size_t i = 0; i < named.n; i++)
		line_write_value(w, named.names[i], values[i]);
	jsonw_end_object(w);
	call_write_names(call, &named);
	if (any_free)
		jsonw_member_bool(w, "held", false);
	return WIRE_OK;
}
