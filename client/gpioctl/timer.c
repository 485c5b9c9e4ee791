/* SPDX-License-Identifier: MIT */
/*
 * gpioctl timer: arm, disarm, list. A timer ends with the connection that armed it unless it is
 * kept, and gpioctl's connection ends at once; so it is kept, but with --wait, which stays.
 */
#include "assignment.h"
#include "event.h"
#include "output.h"
#include "pages.h"

static enum status arm(struct session *session, const char *name, struct message *ret)
{
	const struct options *o = session->options;
	struct jsonw *w = request_begin(session, "arm");

	jsonw_member_string(w, "timer", name);
	request_text(session, "after", o->after.text);
	request_text(session, "every", o->every.text);
	if (o->set.n > 0)
		request_values(session, o->set);
	request_text(session, "tag", o->tag);
	jsonw_member_bool(w, "keep", !o->wait || o->keep);
	return session_ask(session, ret);
}

/* Prints this arming's events: one if it is not periodic, else until the count or Ctrl-C. */
static enum status print_expiries(struct session *session, const cJSON *armed)
{
	const struct options *o = session->options;
	uint64_t deadline_ns = deadline_of(o), n = 0;
	uint64_t wanted = !GIVEN(o, EVERY) ? 1 : GIVEN(o, COUNT) ? o->count : UINT64_MAX;
	bool refused = false; /* outputs that were to be set were not */

	while (n < wanted) {
		_cleanup_(message_done) struct message event = { 0 };
		enum status status = session_event(session, deadline_ns, &event);

		if (status)
			return status;
		if (event_is(event.tree, "timer") &&
			!cJSON_Compare(member(event.tree, "armed"), armed, true))
			continue;
		event_print(session, &event, 0);
		n += event_is(event.tree, "timer");
		refused = refused || member(event.tree, "error");
	}
	return refused ? STATUS_FAILED : STATUS_OK;
}

static int check_arm(const struct options *o)
{
	if (!GIVEN(o, AFTER) && !GIVEN(o, EVERY))
		return complain_usage("when? Say --after 2s, --every 500ms, or both");
	if (!o->wait && (o->keep || GIVEN(o, COUNT) || GIVEN(o, TIMEOUT)))
		return complain_usage("--keep, --count and --timeout go with --wait");
	return assignments_check(o->set);
}

static enum status run_arm(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;

	if (check_arm(options) < 0)
		return STATUS_USAGE;

	status = session_open(&session, options);
	if (!status && options->wait)
		status = session_watch(&session);
	if (!status)
		status = arm(&session, args.v[0], &reply);
	if (status || !options->wait)
		return status;
	return print_expiries(&session, member(reply.tree, "armed"));
}

static enum status run_disarm(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);

	if (status)
		return status;
	request_begin(&session, "disarm");
	request_text(&session, "timer", args.v[0]);
	status = session_ask(&session, &reply);
	if (!status && !options->json && !member_true(reply.tree, "was_armed"))
		put("%s was not armed\n", args.v[0]);
	return status;
}

static void add_timer(const cJSON *timer, void *data)
{
	struct table *table = data;
	double left_ns = member_number(timer, "timestamp_ns", 0) - (double)now_ns();
	char name[WHO_MAX];

	table_cell(table, STYLE_PLAIN, "%s", member_string(timer, "timer", "?"));
	table_cell(table, STYLE_PLAIN, "%.3fs", left_ns > 0 ? left_ns / 1e9 : 0.0);
	table_cell(table, STYLE_PLAIN, "%s", member_string(timer, "every", "-"));
	table_cell(table, STYLE_PLAIN, "%s", member_true(timer, "keep") ? "yes" : "no");
	table_cell(table, STYLE_PLAIN, "%s", member_string(timer, "tag", "-"));
	table_cell(table, STYLE_PLAIN, "%s",
		member(timer, "by") ? who(member(timer, "by"), name) : "-");
}

static enum status run_list(const struct options *options, struct strings args)
{
	static const char *const titles[] = { "TIMER", "DUE IN", "EVERY", "KEPT", "TAG",
		"ARMED BY" };
	_cleanup_(session_close) struct session session;
	_cleanup_(table_free) struct table table = TABLE(6);
	const struct listing listing = {
		.op = "timers", .key = "timers", .names = args, .each = add_timer, .data = &table
	};
	enum status status = session_open(&session, options);

	if (status)
		return status;
	table_head(&table, titles);
	status = pages_ask(&session, &listing);
	if (!status && !options->json)
		table_print(&table);
	return status;
}

const struct command command_timer_arm = {
	.name = "timer arm",
	.arguments = "TIMER --after TIME | --every TIME",
	.summary = "Arms a timer, which may set outputs; arming again replaces it.",
	.details = "With both, it expires after --after and then --every. The daemon keeps\n"
		   "the timer when gpioctl ends, unless --wait is given. --keep, --count and\n"
		   "--timeout go with --wait.\n",
	.examples = "  gpioctl timer arm off --after 2s --set led=0\n"
		    "  gpioctl timer arm blink --every 500ms --wait --count 10\n",
	.options = BIT(AFTER) | BIT(EVERY) | BIT(SET) | BIT(TAG) | BIT(WAIT) | BIT(KEEP) |
		   BIT(COUNT) | BIT(TIMEOUT),
	.min_args = 1,
	.max_args = 1,
	.run = run_arm,
};

const struct command command_timer_disarm = {
	.name = "timer disarm",
	.arguments = "TIMER",
	.summary = "Stops a timer; no harm if it is not armed.",
	.examples = "  gpioctl timer disarm off\n",
	.min_args = 1,
	.max_args = 1,
	.run = run_disarm,
};

const struct command command_timer_list = {
	.name = "timer list",
	.arguments = "",
	.summary = "Lists the armed timers.",
	.examples = "  gpioctl timer list\n",
	.run = run_list,
};
