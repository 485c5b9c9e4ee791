/* SPDX-License-Identifier: MIT */
/* subscribe, unsubscribe. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "daemon.h"
#include "line.h"
#include "peer.h"
#include "request.h"
#include "use.h"
#include "watch.h"

/* The lines of the request being run, and which of them it was that first watched. */
static struct named_lines named;
static bool newly_used[WIRE_MAX_LINES], newly_watched[WIRE_MAX_LINES];

static struct filter_entry entry_of(const struct args_subscribe *args)
{
	const uint32_t kinds = WIRE_GIVEN(args, subscribe, kinds) ? args->kinds : KIND_ALL;
	const uint32_t edges = WIRE_GIVEN(args, subscribe, edges) ? args->edges : EDGES_BOTH;
	uint8_t mask = 1u << LOG_LOST;

	if ((kinds & KIND_EDGE) && (edges & EDGES_RISING))
		mask |= 1u << LOG_RISING;
	if ((kinds & KIND_EDGE) && (edges & EDGES_FALLING))
		mask |= 1u << LOG_FALLING;
	if (kinds & KIND_OUTPUT)
		mask |= 1u << LOG_OUTPUT;
	if (kinds & KIND_LINE)
		mask |= 1u << LOG_LINE;
	return (struct filter_entry){ .mask = mask, .lockout_ns = args->lockout_ns };
}

static enum wire_error check_edges(
	const struct line *line, const struct filter_entry *entry, struct wire_problem *problem)
{
	uint32_t wanted = ((entry->mask >> LOG_RISING) & 1 ? EDGES_RISING : 0) |
			  ((entry->mask >> LOG_FALLING) & 1 ? EDGES_FALLING : 0);

	if (!line_is_input(line) || (wanted & ~(uint32_t)line->settings.edges) == 0)
		return WIRE_OK;

	problem_field(problem, WIRE_E_EDGES_UNAVAILABLE, "edges",
		"%s reports %s edges; subscribe with \"edges\":\"%s\" or change how it is "
		"requested",
		line->canonical,
		line->settings.edges == EDGES_NONE ? "no" : edges_word(line->settings.edges),
		edges_word(line->settings.edges));
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	return WIRE_E_EDGES_UNAVAILABLE;
}

static void undo_uses(struct peer *peer, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (newly_used[i])
			use_unwatch(peer, named.lines[i]);
}

/* Taking a free line, or saying how it is to be set, is more than watching. */
static bool configures(const struct line *line, const struct args_subscribe *args)
{
	if (line->config)
		return false;
	return (!line->request && list_empty(&line->uses)) || WIRE_GIVEN(args, subscribe, bias) ||
	       WIRE_GIVEN(args, subscribe, debounce_ns);
}

static enum wire_error check_access(struct call *call, const struct args_subscribe *args)
{
	const struct peer_id *who = &call->peer->id;
	enum wire_error error = call_check_access(call, &named, ACCESS_WATCH);

	for (size_t i = 0; i < named.n && error == WIRE_OK; i++)
		if (configures(named.lines[i], args))
			error = access_check(who, named.lines[i], ACCESS_CONFIGURE, call->problem);
	return error;
}

/* Becomes a user of each line, which takes the free ones. All or none. */
static enum wire_error use_lines(
	struct call *call, const struct args_subscribe *args, const struct filter_entry *entry)
{
	struct opinion opinion = { 0 };
	const struct use_wish wish = { .watch = true, .opinion = &opinion };

	if (WIRE_GIVEN(args, subscribe, bias))
		opinion_state(&opinion, SETTING_BIAS, args->bias);
	if (WIRE_GIVEN(args, subscribe, debounce_ns))
		opinion_state(&opinion, SETTING_DEBOUNCE, args->debounce_ns);

	for (size_t i = 0; i < named.n; i++) {
		enum wire_error error = use_check(call->peer, named.lines[i], &wish, call->problem);

		if (error != WIRE_OK)
			return error;
	}
	for (size_t i = 0; i < named.n; i++) {
		struct line *line = named.lines[i];
		const struct use *use = use_find(line, call->peer);
		enum wire_error error;

		newly_used[i] = !use || !use->watched;
		error = use_grant(call->peer, line, &wish, call->problem);
		if (error == WIRE_OK)
			error = check_edges(line, entry, call->problem);
		else
			newly_used[i] = false;
		if (error != WIRE_OK) {
			undo_uses(call->peer, i + 1);
			return error;
		}
	}
	return WIRE_OK;
}

/* Adds the entries. All or none. */
static int watch_lines(
	struct watch *watch, const struct args_subscribe *args, const struct filter_entry *entry)
{
	int r = 0;

	if (args->lines.all)
		return watch_set_line(watch, NULL, entry);

	for (size_t i = 0; i < named.n && r == 0; i++) {
		newly_watched[i] = !watch_find_line(watch, named.lines[i]);
		r = watch_set_line(watch, named.lines[i], entry);
		for (size_t k = 0; r < 0 && k < i; k++)
			if (newly_watched[k])
				watch_unset_line(watch, named.lines[k]);
	}
	return r;
}

static void refresh_lines(struct daemon *daemon, bool all)
{
	for (size_t i = 0; !all && i < named.n; i++)
		if (named.lines[i]->request)
			(void)line_refresh(named.lines[i]);
	for (size_t id = 0; all && id < daemon->lines.n; id++)
		if (daemon->lines.v[id]->request)
			(void)line_refresh(daemon->lines.v[id]);
}

/* "*" in the reply: every line that has a state and may be watched. */
static void name_all(const struct daemon *daemon, const struct peer_id *who)
{
	named.n = 0;
	for (size_t id = 0; id < daemon->lines.n && named.n < WIRE_MAX_LINES; id++) {
		struct line *line = daemon->lines.v[id];

		if (!line->request && !line->config && list_empty(&line->uses))
			continue;
		if (!access_may(who, line, ACCESS_WATCH))
			continue;
		named.lines[named.n] = line;
		named.names[named.n++] = line->canonical;
	}
}

/* As many as fit, with the last one as `next` when not all did. */
static void write_lines(struct call *call)
{
	struct jsonw *w = call->reply, mark = jsonw_mark(w);
	const size_t all = named.n;

	w->size -= 512;
	call_write_values(call, &named);
	while (w->overflow && named.n > 0) {
		jsonw_rewind(w, mark);
		w->size = mark.size - 512;
		named.n /= 2;
		call_write_values(call, &named);
	}
	w->size = mark.size;
	if (named.n < all && named.n > 0)
		jsonw_member_string(w, "next", named.lines[named.n - 1]->canonical);
}

static enum wire_error check_subscribe(struct call *call, const struct args_subscribe *args)
{
	const bool has_since = WIRE_GIVEN(args, subscribe, since);
	const struct watch *watch = call->peer->watch;

	if (!args->lines.n && !args->lines.all && !args->timers.n && !args->timers.all)
		return problem_field(call->problem, WIRE_E_MISSING_FIELD, "lines",
			"subscribe needs lines or timers; \"*\" means all of them");
	if (has_since && watch && watch_is_subscribed(watch))
		return problem_field(call->problem, WIRE_E_ORDER, "since",
			"since is for a connection's first subscription; this one has one already");
	if (has_since && watch && !watch_can_resume(watch))
		return problem_field(call->problem, WIRE_E_ORDER, "since",
			"events of this connection from before wait; read them first");
	if (!has_since && WIRE_GIVEN(args, subscribe, instance))
		return problem_field(call->problem, WIRE_E_MISSING_FIELD, "since",
			"instance says what since belongs to; give both, or neither");
	if (has_since && !WIRE_GIVEN(args, subscribe, instance))
		return problem_field(call->problem, WIRE_E_MISSING_FIELD, "instance",
			"since needs the instance that it belongs to, from hello or subscribe");
	return WIRE_OK;
}

static enum wire_error internal(struct call *call, int error)
{
	if (error == -ENOSPC)
		return problem_field(call->problem, WIRE_E_LIMIT, "timers",
			"a connection can subscribe to %d timer names; use \"*\"",
			WIRE_MAX_TIMER_NAMES);
	return problem_set(call->problem, WIRE_E_INTERNAL, "memory is short");
}

static int resume(struct call *call, struct watch *watch, const struct args_subscribe *args,
	const char *instance, uint64_t head)
{
	bool same = strcmp(args->instance, instance) == 0 && (uint64_t)args->since <= head;
	uint64_t replay = 1;
	int r = 0;

	if (same)
		r = watch_resume(watch, (uint64_t)args->since, &replay);
	else
		watch_restart(watch);
	if (r < 0)
		return r;
	jsonw_member_bool(call->reply, "resumed", same);
	if (same)
		jsonw_member_u64(call->reply, "replay", replay);
	call->replay = 1;
	return 0;
}

enum wire_error op_subscribe(struct call *call)
{
	const struct args_subscribe *args = &call->request->args.subscribe;
	const struct filter_entry entry = entry_of(args);
	struct daemon *daemon = call->daemon;
	struct watch *watch;
	char instance[17];
	int r = 0;
	enum wire_error error = check_subscribe(call, args);

	if (error == WIRE_OK)
		error = call_find_lines(call, &args->lines, &named);
	if (error == WIRE_OK && call_must_wait(call, &named))
		return WIRE_OK;
	if (error == WIRE_OK)
		error = check_access(call, args);
	if (error == WIRE_OK)
		error = use_lines(call, args, &entry);
	if (error != WIRE_OK)
		return error;

	refresh_lines(daemon, args->lines.all);
	watch = watch_get(call->peer);
	if (!watch)
		r = -ENOMEM;
	if (r == 0 && (args->timers.n || args->timers.all))
		r = watch_add_timers(watch, &args->timers);
	if (r == 0)
		r = watch_lines(watch, args, &entry);
	if (r < 0) {
		undo_uses(call->peer, named.n);
		return internal(call, r);
	}

	(void)snprintf(instance, sizeof(instance), "%016" PRIx64, daemon->log.instance);
	jsonw_member_string(call->reply, "instance", instance);
	jsonw_member_u64(call->reply, "seq", daemon->log.head);
	if (WIRE_GIVEN(args, subscribe, since))
		r = resume(call, watch, args, instance, daemon->log.head);
	if (r < 0) {
		watch_clear(watch); /* nothing was subscribed to before */
		undo_uses(call->peer, named.n);
		return internal(call, r);
	}
	if (args->lines.all)
		name_all(daemon, &call->peer->id);
	write_lines(call);
	return WIRE_OK;
}

static void unsubscribe_all(struct peer *peer)
{
	watch_clear(peer->watch);
	list_for_each_safe (link, following, &peer->uses)
		use_unwatch(peer, list_object(link, struct use, peer_link)->line);
}

enum wire_error op_unsubscribe(struct call *call)
{
	const struct args_unsubscribe *args = &call->request->args.unsubscribe;
	const bool names_lines = args->lines.n || args->lines.all;
	const bool names_timers = args->timers.n || args->timers.all;
	struct peer *peer = call->peer;
	enum wire_error error = call_find_lines(call, &args->lines, &named);

	if (error != WIRE_OK)
		return error;

	if (peer->watch && !names_lines && !names_timers)
		unsubscribe_all(peer);
	if (peer->watch && names_timers)
		watch_remove_timers(peer->watch, &args->timers);
	if (peer->watch && args->lines.all)
		watch_unset_line(peer->watch, NULL);
	/* The filter first: giving a line back is an event, after which the filter would be
	 * another. */
	for (size_t i = 0; peer->watch && i < named.n; i++)
		watch_unset_line(peer->watch, named.lines[i]);
	for (size_t i = 0; i < named.n; i++)
		use_unwatch(peer, named.lines[i]);
	jsonw_member_u64(call->reply, "seq", call->daemon->log.head);
	return WIRE_OK;
}
