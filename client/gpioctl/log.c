/* SPDX-License-Identifier: MIT */
/*
 * gpioctl log: what the event log holds, up to now. The whole of it is replayed over a subscription
 * to everything, which takes no line, and the names asked for are picked out here: so the last N
 * are the last N of those.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "line.h"
#include "output.h"

#define LAST_DEFAULT 20

static struct strings everything = { .n = 1, .v = (const char *[]){ "*" } };

/* The newest events seen, in a ring that grows up to `last`. */
struct history {
	uint64_t last, n; /* n were kept, the newest `last` of them are there */
	size_t room;
	struct message *events; /* owned, their texts too */
};

static void history_done(struct history *history)
{
	for (size_t i = 0; i < history->room; i++) {
		free((char *)history->events[i].text);
		message_done(&history->events[i]);
	}
	free(history->events);
}

static bool grow(struct history *history)
{
	size_t room = history->room ? 2 * history->room : 64;
	struct message *events;

	if (history->n < history->room || history->room == history->last)
		return true;
	if (room > history->last)
		room = (size_t)history->last;
	events = reallocarray(history->events, room, sizeof(*events));
	if (!events)
		return false;
	memset(events + history->room, 0, (room - history->room) * sizeof(*events));
	history->events = events;
	history->room = room;
	return true;
}

/* Takes the event's tree. */
static enum status keep(struct history *history, struct message *event)
{
	char *text = strndup(event->text, event->n);
	struct message *place;

	if (!text || !grow(history)) {
		free(text);
		complain("out of memory");
		return STATUS_FAILED;
	}
	place = &history->events[history->n++ % history->room];
	free((char *)place->text);
	message_done(place);
	*place = (struct message){ .text = text, .n = event->n, .tree = event->tree };
	event->tree = NULL;
	return STATUS_OK;
}

/* The canonical names of what was asked for; an unknown one is refused. */
static enum status resolve(struct session *session, struct strings args, cJSON *names)
{
	for (size_t i = 0; i < args.n; i++) {
		_cleanup_(message_done) struct message reply = { 0 };
		const cJSON *line;
		enum status status = line_ask(session, args.v[i], &reply, &line);

		if (status)
			return status;
		cJSON_AddTrueToObject(names, member_string(line, "line", args.v[i]));
	}
	return STATUS_OK;
}

/* What concerns no one line, such as a loss of this reader or the daemon's end, concerns all. */
static bool is_asked_for(const cJSON *event, const cJSON *names)
{
	const char *line = member_string(event, "line", NULL);

	return !line || !names->child || member(names, line);
}

static enum status subscribe(
	struct session *session, struct strings args, uint64_t since, struct message *ret)
{
	const struct options *o = session->options;
	struct jsonw *w = request_begin(session, "subscribe");

	if (args.n || !o->timers.n)
		request_strings(session, "lines", everything);
	if (!args.n || o->timers.n)
		request_strings(session, "timers", o->timers.n ? o->timers : everything);
	request_text(session, "edges", o->edge);
	request_strings(session, "events", o->events);
	jsonw_member_u64(w, "since", since);
	request_text(session, "instance", session->instance);
	return session_inquire(session, ret);
}

/* Everything up to the reply's seq; what comes later is left. */
static enum status replay(struct session *session, const cJSON *names, struct history *history)
{
	while (session->replay_left) {
		_cleanup_(message_done) struct message event = { 0 };
		enum status status = session_event(session, now_ns() + ANSWER_NS, &event);

		if (status == STATUS_TIMEOUT) {
			complain("the daemon does not answer");
			return STATUS_UNREACHABLE;
		}
		if (!status && member_u64(event.tree, "seq", 0) > session->reply_seq)
			break; /* a loss has stood for the rest */
		if (!status && is_asked_for(event.tree, names))
			status = keep(history, &event);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static int name_width(const struct history *history)
{
	size_t width = 6;

	for (size_t i = 0; i < history->room; i++) {
		const cJSON *event = history->events[i].tree;
		size_t n = strlen(member_string(event, "line", member_string(event, "timer", "")));

		if (n > width)
			width = n;
	}
	return width > 20 ? 20 : (int)width;
}

static void print(const struct session *session, const struct history *history)
{
	uint64_t first = history->n > history->room ? history->n - history->room : 0;
	int width = name_width(history);

	for (uint64_t i = first; i < history->n; i++)
		event_print(session, &history->events[i % history->room], width);
}

/* Whoever asked for more than there is should know whether there was more. */
static void explain_reach(const struct session *session, const struct history *history)
{
	const struct options *o = session->options;
	bool more = GIVEN(o, SINCE) ? o->since + 1 < session->oldest
				    : GIVEN(o, LAST) && history->n < history->last;

	if (GIVEN(o, SINCE) && o->since > session->newest)
		complain("the newest event is %" PRIu64, session->newest);
	else if (more && session->oldest > 1)
		complain("the log reaches back to %" PRIu64 "; what was before is gone",
			session->oldest);
}

static enum status show(struct session *session, struct strings args, const cJSON *names)
{
	const struct options *o = session->options;
	_cleanup_(history_done) struct history history = { .last = UINT64_MAX };
	_cleanup_(message_done) struct message reply = { 0 };
	uint64_t since = GIVEN(o, SINCE) ? o->since : session->oldest - 1;
	enum status status;

	if (GIVEN(o, LAST) || !GIVEN(o, SINCE))
		history.last = GIVEN(o, LAST) ? o->last : LAST_DEFAULT;
	if (since > session->newest)
		since = session->newest;
	status = subscribe(session, args, since, &reply);
	if (status)
		return status;

	session_subscribed(session, reply.tree);
	status = replay(session, names, &history);
	print(session, &history);
	if (!status)
		explain_reach(session, &history);
	return status;
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	enum status status = session_open(&session, options);
	cJSON *names = cJSON_CreateObject();

	if (!status)
		status = resolve(&session, args, names);
	if (!status)
		status = show(&session, args, names);
	cJSON_Delete(names);
	return status;
}

const struct command command_log = {
	.name = "log",
	.arguments = "[LINE]...",
	.summary = "Prints the recent events that the daemon remembers, and ends.",
	.details = "Without names it shows all lines and all shared timers, with --timers and\n"
		   "no line only those timers. --last counts what is shown; --since shows\n"
		   "all after an event. No line is taken for it. Each line is as of monitor.\n",
	.examples = "  gpioctl log\n  gpioctl log button --last 100 --edge falling\n"
		    "  gpioctl log --since 8100\n  gpioctl log --timers blink --json\n",
	.options = BIT(LAST) | BIT(SINCE) | BIT(EDGE) | BIT(EVENTS) | BIT(TIMERS),
	.max_args = ARGS_ANY,
	.run = run,
};
