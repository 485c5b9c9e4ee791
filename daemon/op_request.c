/* SPDX-License-Identifier: MIT */
/* request, release. */

#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "command.h"
#include "daemon.h"
#include "line.h"
#include "output.h"
#include "peer.h"
#include "request.h"
#include "use.h"

static struct named_lines named; /* of the request being run */

static enum wire_error check_alias_limit(struct call *call)
{
	size_t n = 0;

	list_for_each (link, &call->peer->aliases)
		n++;
	return n < WIRE_MAX_ALIASES ? WIRE_OK
				    : problem_field(call->problem, WIRE_E_LIMIT, "alias",
					      "a connection can have %d aliases; release some",
					      WIRE_MAX_ALIASES);
}

static enum wire_error check_alias(struct call *call, const char *alias, const struct line *line)
{
	struct wire_problem unused;
	struct line *other;

	if (named.n > 1)
		return problem_field(call->problem, WIRE_E_OUT_OF_RANGE, "alias",
			"an alias names one line, but %zu lines are requested", named.n);
	if (line_find(call->peer, alias, &other, &unused) != WIRE_OK)
		return check_alias_limit(call);
	if (other != line)
		return problem_field(call->problem, WIRE_E_CONFLICT, "alias",
			"\"%s\" is the name of another line, %s", alias, other->canonical);
	return WIRE_OK;
}

static bool add_alias(struct peer *peer, const char *name, struct line *line)
{
	struct line_alias *alias;

	list_for_each (link, &peer->aliases)
		if (strcmp(list_object(link, struct line_alias, link)->name, name) == 0)
			return true;

	alias = calloc(1, sizeof(*alias));
	if (!alias)
		return false;
	alias->line = line;
	strncpy(alias->name, name, sizeof(alias->name) - 1);
	list_append(&peer->aliases, &alias->link);
	return true;
}

/* Several at once are all or nothing only while this connection says something of them for the
 * first time. */
static enum wire_error check_all(struct call *call, const struct use_wish *wish)
{
	for (size_t i = 0; i < named.n; i++) {
		enum wire_error error = use_check(call->peer, named.lines[i], wish, call->problem);

		if (error != WIRE_OK)
			return error;
		if (named.n > 1 && use_find(named.lines[i], call->peer))
			return problem_field(call->problem, WIRE_E_OUT_OF_RANGE, "lines",
				"%s is used by this connection already; change such lines one at a "
				"time",
				named.lines[i]->canonical);
	}
	return WIRE_OK;
}

/* What is driven already gets its initial value as by any other write: refused whole, too. */
static enum wire_error check_initial(struct call *call, const struct use_wish *wish)
{
	static struct line *lines[WIRE_MAX_REQUEST_LINES];
	static uint8_t values[WIRE_MAX_REQUEST_LINES];
	struct output_write write = { .lines = lines, .values = values, .by = &call->peer->id };

	for (size_t i = 0; i < named.n && wish->has_initial && wish->initial != INITIAL_KEEP; i++) {
		if (!line_is_output(named.lines[i]))
			continue;
		lines[write.n] = named.lines[i];
		values[write.n++] = wish->initial == INITIAL_1;
	}
	return output_check(&write, call->problem);
}

static void undo_all(struct peer *peer, size_t n)
{
	while (n-- > 0)
		use_undo(peer, named.lines[n]);
}

static bool keep_all(struct peer *peer)
{
	bool all = true;

	for (size_t i = 0; i < named.n; i++)
		all &= use_keep(peer, named.lines[i]);
	return all;
}

static enum wire_error grant_all(struct call *call, const struct use_wish *wish)
{
	for (size_t i = 0; i < named.n; i++) {
		enum wire_error error = use_grant(call->peer, named.lines[i], wish, call->problem);

		if (error == WIRE_OK)
			continue;
		undo_all(call->peer, i);
		return error;
	}
	return WIRE_OK;
}

static void write_reply(struct call *call)
{
	struct jsonw *w = call->reply;

	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "lines");
	jsonw_begin_array(w);
	for (size_t i = 0; i < named.n; i++)
		line_write_for(w, named.lines[i], 4, &call->peer->id);
	jsonw_end_array(w);
	call_write_values(call, &named);
}

enum wire_error op_request(struct call *call)
{
	const struct args_request *args = &call->request->args.request;
	const struct use_wish wish = { .request = true,
		.has_on_release = WIRE_GIVEN(args, request, on_release),
		.on_release = (enum on_release)args->on_release,
		.has_initial = WIRE_GIVEN(args, request, initial),
		.initial = (enum initial)args->initial,
		.args = args };
	enum wire_error error = call_name_lines(call, &args->lines, &named);

	if (error == WIRE_OK && call_must_wait(call, &named))
		return WIRE_OK;
	if (error == WIRE_OK && named.n > WIRE_MAX_REQUEST_LINES)
		error = problem_field(call->problem, WIRE_E_LIMIT, "lines",
			"one request takes at most %d lines", WIRE_MAX_REQUEST_LINES);
	if (error == WIRE_OK)
		error = call_check_access(call, &named, ACCESS_CONFIGURE);
	if (error == WIRE_OK && WIRE_GIVEN(args, request, alias))
		error = check_alias(call, args->alias, named.lines[0]);
	if (error == WIRE_OK)
		error = check_all(call, &wish);
	if (error == WIRE_OK)
		error = check_initial(call, &wish);
	if (error == WIRE_OK)
		error = grant_all(call, &wish);
	if (error != WIRE_OK)
		return error;

	if ((WIRE_GIVEN(args, request, alias) &&
		    !add_alias(call->peer, args->alias, named.lines[0])) ||
		(args->keep && !keep_all(call->peer))) {
		undo_all(call->peer, named.n);
		return problem_set(call->problem, WIRE_E_INTERNAL, "memory is short");
	}
	for (size_t i = 0; i < named.n; i++)
		if (named.lines[i]->request)
			(void)line_refresh(named.lines[i]);
	write_reply(call);
	return WIRE_OK;
}

static void remove_aliases(struct peer *peer, const struct line *line)
{
	list_for_each_safe (link, following, &peer->aliases) {
		struct line_alias *alias = list_object(link, struct line_alias, link);

		if (alias->line != line)
			continue;
		list_remove(link);
		free(alias);
	}
}

enum wire_error op_release(struct call *call)
{
	struct peer *peer = call->peer;
	struct jsonw *w = call->reply;
	enum wire_error error = call_name_lines(call, &call->request->args.release.lines, &named);

	if (error == WIRE_OK)
		error = call_check_access(call, &named, ACCESS_CONFIGURE);
	/* One's own use one may always end; what the daemon keeps is the holder's too. */
	for (size_t i = 0; i < named.n && error == WIRE_OK; i++)
		if (use_find(named.lines[i], NULL))
			error = claim_check(named.lines[i], &peer->id, call->problem);
	if (error != WIRE_OK)
		return error;

	for (size_t i = 0; i < named.n; i++)
		use_release(peer, named.lines[i]);

	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "held");
	jsonw_begin_object(w);
	for (size_t i = 0; i < named.n; i++)
		jsonw_member_bool(w, named.names[i], named.lines[i]->request != NULL);
	jsonw_end_object(w);
	call_write_names(call, &named);
	/* Last: the names in the reply may be these. */
	for (size_t i = 0; i < named.n; i++)
		remove_aliases(peer, named.lines[i]);
	return WIRE_OK;
}
