/* SPDX-License-Identifier: MIT */
/*
 * gpioctl monitor: subscribes and prints events until Ctrl-C, a count or a time. What is lost is
 * printed as an event; when the daemon goes, the message says how to continue where it ended.
 */
#include <string.h>

#include "event.h"
#include "line.h"
#include "output.h"

static struct strings everything = { .n = 1, .v = (const char *[]){ "*" } };

static enum status subscribe(struct session *session, struct strings lines, struct message *ret)
{
	const struct options *o = session->options;
	struct jsonw *w = request_begin(session, "subscribe");
	bool unnamed = lines.n == 0 && o->timers.n == 0;

	request_strings(session, "lines", unnamed ? everything : lines);
	request_strings(session, "timers", unnamed ? everything : o->timers);
	request_text(session, "edges", o->edge);
	request_strings(session, "events", o->events);
	request_text(session, "lockout", o->lockout.text);
	request_text(session, "bias", o->bias);
	request_text(session, "debounce", o->debounce.text);
	if (GIVEN(o, SINCE)) {
		/* Who names no log means the one that is being written now. */
		jsonw_member_u64(w, "since", o->since);
		request_text(session, "instance", o->instance ? o->instance : session->instance);
	}
	return session_ask(session, ret);
}

/* The column fits the names asked for; where those are not known, names of common length. */
static int name_width(const cJSON *reply)
{
	size_t width = 6;
	const cJSON *name;

	cJSON_ArrayForEach(name, member(reply, "names")) if (cJSON_IsString(name) &&
							     strlen(name->valuestring) > width)
		width = strlen(name->valuestring);
	return width > 20 ? 20 : (int)width;
}

static enum status print_events(struct session *session, uint64_t deadline_ns, int width)
{
	const struct options *o = session->options;

	for (uint64_t n = 0; !GIVEN(o, COUNT) || n < o->count;) {
		_cleanup_(message_done) struct message event = { 0 };
		enum status status = session_event(session, deadline_ns, &event);

		if (status)
			return status;
		event_print(session, &event, width);
		if (!event_is(event.tree, "lost"))
			n++;
		else if (o->strict)
			return STATUS_LOST;
	}
	return STATUS_OK;
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;

	if (GIVEN(options, INSTANCE) && !GIVEN(options, SINCE)) {
		complain("--instance goes with --since");
		return STATUS_USAGE;
	}

	status = session_open(&session, options);
	if (!status)
		status = session_watch(&session);
	if (!status)
		status = lines_explain_edges(&session, args);
	if (!status)
		status = subscribe(&session, args, &reply);
	if (status)
		return status;

	session_subscribed(&session, reply.tree);
	return print_events(&session, deadline_of(options), name_width(reply.tree));
}

const struct command command_monitor = {
	.name = "monitor",
	.arguments = "[LINE]...",
	.summary = "Prints events, one a line, until Ctrl-C.",
	.details = "Without names it shows everything: all lines and all shared timers; with\n"
		   "--timers and no line only those timers. A free line that is named is\n"
		   "taken as an input while gpioctl runs. Each line begins with time, seq,\n"
		   "name and what happened; LOST stands for events that could not be\n"
		   "delivered. If the connection breaks, monitor ends with 7 and says how to\n"
		   "continue without a gap. With --json the reply to the subscription, which\n"
		   "has the values, comes first.\n",
	.examples = "  gpioctl monitor\n  gpioctl monitor button door --edge falling\n"
		    "  gpioctl monitor button door --edge both --since 8100\n"
		    "  gpioctl monitor --timers blink --count 3\n",
	.options = BIT(EDGE) | BIT(EVENTS) | BIT(TIMERS) | BIT(SINCE) | BIT(INSTANCE) |
		   BIT(LOCKOUT) | BIT(BIAS) | BIT(DEBOUNCE) | BIT(STRICT) | BIT(COUNT) |
		   BIT(TIMEOUT),
	.max_args = ARGS_ANY,
	.run = run,
};
