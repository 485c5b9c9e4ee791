/* SPDX-License-Identifier: MIT */
/*
 * gpioctl wait: until an edge comes or a line has a level. The subscribe reply states the values,
 * and every change after it comes as an event, so no edge can slip between looking and waiting.
 * After a loss the values that it states decide: a line that is not as it was has had the edge.
 */
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "line.h"
#include "output.h"

struct watched {
	const char *name; /* canonical; in the reply's tree */
	int value;	  /* as last told, -1 when not known */
};

struct waiter {
	struct session *session;
	struct strings names;
	uint32_t edges; /* enum edges: those that end the wait */
	int level;	/* -1: an edge is waited for */
	uint64_t left;	/* so many more */
	size_t n;
	struct watched *lines;
};

static enum status subscribe(struct waiter *waiter, struct message *ret)
{
	/* An output has no edges, but its changes count as such. */
	const char *words[] = { "edge", "output" };
	const struct strings kinds = { .n = 2, .v = words };
	const struct options *o = waiter->session->options;
	enum status status;

	request_begin(waiter->session, "subscribe");
	request_strings(waiter->session, "lines", waiter->names);
	request_text(waiter->session, "edges", o->edge);
	request_strings(waiter->session, "events", kinds);
	request_text(waiter->session, "bias", o->bias);
	request_text(waiter->session, "debounce", o->debounce.text);
	status = session_exchange(waiter->session, ret);
	if (status)
		return status;
	status = reply_check(ret->tree);
	if (status && o->json)
		message_print(ret);
	return status;
}

/* Notes what the reply says of each line. */
static enum status note_lines(struct waiter *waiter, const cJSON *reply)
{
	waiter->lines = calloc(waiter->names.n, sizeof(*waiter->lines));
	if (!waiter->lines) {
		complain("out of memory");
		return STATUS_FAILED;
	}
	waiter->n = waiter->names.n;

	for (size_t i = 0; i < waiter->n; i++) {
		const char *written = waiter->names.v[i];
		struct watched *line = &waiter->lines[i];

		line->name = member_string(member(reply, "names"), written, written);
		line->value = value_of(member(member(reply, "values"), written));
		if (line->value < 0)
			complain("%s is not available now; waiting for it", written);
	}
	return STATUS_OK;
}

static bool has_level(const struct waiter *waiter)
{
	for (size_t i = 0; i < waiter->n; i++)
		if (waiter->level >= 0 && waiter->lines[i].value == waiter->level)
			return true;
	return false;
}

/* A line has this value now: whether that is what is waited for. */
static bool fulfils(const struct waiter *waiter, int value)
{
	if (value < 0)
		return false;
	if (waiter->level >= 0)
		return value == waiter->level;
	return waiter->edges & (value ? EDGES_RISING : EDGES_FALLING);
}

static bool take_change(struct waiter *waiter, const cJSON *event)
{
	const char *name = member_string(event, "line", "");
	int value = value_of(member(event, "value"));

	for (size_t i = 0; i < waiter->n; i++)
		if (strcmp(waiter->lines[i].name, name) == 0)
			waiter->lines[i].value = value;
	return fulfils(waiter, value);
}

/* Whether, for all that was lost, it is certain that what is waited for has happened. */
static bool take_loss(struct waiter *waiter, const cJSON *event)
{
	bool found = false;

	for (size_t i = 0; i < waiter->n; i++) {
		struct watched *line = &waiter->lines[i];
		const cJSON *stated = member(member(event, "values"), line->name);
		int before = line->value;

		if (!stated)
			continue;
		line->value = value_of(stated);
		if (waiter->level >= 0 || (before >= 0 && line->value != before))
			found = found || fulfils(waiter, line->value);
	}
	return found;
}

static enum status wait_until(struct waiter *waiter, uint64_t deadline_ns)
{
	while (waiter->left > 0) {
		_cleanup_(message_done) struct message event = { 0 };
		enum status status = session_event(waiter->session, deadline_ns, &event);
		bool lost, found;

		if (status)
			return status;
		lost = event_is(event.tree, "lost");
		found = lost ? take_loss(waiter, event.tree) : take_change(waiter, event.tree);
		if (found || (lost && waiter->session->options->strict))
			event_print(waiter->session, &event, 0);
		if (lost && waiter->session->options->strict)
			return STATUS_LOST;
		if (lost && !found)
			complain("events were lost (%s); waiting on",
				member_string(event.tree, "reason", "?"));
		waiter->left -= found;
	}
	return STATUS_OK;
}

static enum status wait_for(struct waiter *waiter)
{
	const struct options *o = waiter->session->options;
	uint64_t deadline_ns = deadline_of(o);
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = STATUS_OK;

	if (waiter->level < 0)
		status = lines_explain_edges(waiter->session, waiter->names);
	if (!status)
		status = subscribe(waiter, &reply);
	if (!status)
		status = note_lines(waiter, reply.tree);
	if (status)
		return status;

	if (has_level(waiter)) {
		if (o->json)
			message_print(&reply);
		return STATUS_OK;
	}
	status = wait_until(waiter, deadline_ns);
	if (status == STATUS_TIMEOUT)
		complain("nothing happened within %s", o->timeout.text);
	return status;
}

static int check_options(const struct options *o)
{
	if (GIVEN(o, LEVEL) && (GIVEN(o, EDGE) || GIVEN(o, COUNT)))
		return complain_usage("--level goes with neither --edge nor --count");
	if (GIVEN(o, EDGE) && strcmp(o->edge, "none") == 0)
		return complain_usage("--edge none never comes; say rising, falling or both");
	return 0;
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	struct waiter waiter = { .session = &session,
		.names = args,
		.edges = EDGES_BOTH,
		.level = GIVEN(options, LEVEL) ? options->level : -1,
		.left = GIVEN(options, COUNT) ? options->count : 1 };
	enum status status;

	if (check_options(options) < 0)
		return STATUS_USAGE;
	if (options->edge)
		waiter.edges = (uint32_t)wire_enumeration_number(
			wire_enumeration_find("edges"), options->edge);

	status = session_open(&session, options);
	if (!status)
		status = session_watch(&session);
	if (!status)
		status = wait_for(&waiter);
	free(waiter.lines);
	return status;
}

const struct command command_wait = {
	.name = "wait",
	.arguments = "LINE...",
	.summary = "Waits until an edge comes, or a line has a level, and prints the event.",
	.details = "Exit status 0 when it came, 6 when --timeout was over first. Of several\n"
		   "lines any will do. A free line is taken as an input while gpioctl waits\n"
		   "and then given back. Without --timeout it waits for ever.\n",
	.examples = "  gpioctl wait GPIO23 --edge falling --bias pull-up --timeout 10s\n"
		    "  gpioctl wait door --level 1 && echo open\n"
		    "  gpioctl wait button --edge rising --count 3 --debounce 5ms\n",
	.options = BIT(EDGE) | BIT(LEVEL) | BIT(BIAS) | BIT(DEBOUNCE) | BIT(TIMEOUT) | BIT(COUNT) |
		   BIT(STRICT),
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
