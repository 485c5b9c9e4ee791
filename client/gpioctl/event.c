/* SPDX-License-Identifier: MIT */
/* One function per kind of event writes what follows the name. */
#include "event.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "output.h"

bool event_is(const cJSON *event, const char *kind)
{
	return strcmp(member_string(event, "event", ""), kind) == 0;
}

#define USEC_PER_SEC UINT64_C(1000000)

static void put_edge(const cJSON *event)
{
	put("%-7s %s\n", member_string(event, "edge", "?"),
		value_word(value_of(member(event, "value"))));
}

static void put_output(const cJSON *event)
{
	const cJSON *by = member(event, "by"), *error = member(event, "error");
	char buffer[WHO_MAX];

	put("output  %s  %s%s%s", value_word(value_of(member(event, "value"))),
		member_string(event, "cause", ""), by ? " by " : "", by ? who(by, buffer) : "");
	put("%s%s\n", error ? "  FAILED: " : "",
		error ? member_string(error, "message", "refused") : "");
}

static void put_timer(const cJSON *event)
{
	const char *tag = member_string(event, "tag", NULL);
	const cJSON *error = member(event, "error");

	put("timer   %.0f%s%s", member_number(event, "expirations", 1), tag ? "  " : "",
		tag ? tag : "");
	put("%s%s", error ? "  nothing set: " : "",
		error ? member_string(error, "message", "refused") : "");
	putchar('\n');
}

static void put_timer_ended(const cJSON *event)
{
	put("ended   %s\n", member_string(event, "reason", ""));
}

static void put_line(const cJSON *event)
{
	const cJSON *claim = member(member(event, "info"), "claim");
	const char *change = member_string(event, "change", "changed");
	const char *reason = member_string(event, "reason", NULL);
	const cJSON *holder = member(event, "holder");
	char buffer[WHO_MAX];

	put("line    %s", change);
	if (strcmp(change, "claimed") == 0)
		holder = member(claim, "holder");
	if (holder)
		put(" by %s", who(holder, buffer));
	put("%s%s%s\n", reason ? " (" : "", reason ? reason : "", reason ? ")" : "");
}

static void put_lost(const cJSON *event)
{
	const cJSON *values = member(event, "values"), *value;
	double count = member_number(event, "count", -1);

	if (count < 0)
		put("LOST    unknown number of events");
	else
		put("LOST    %.0f event%s", count, count == 1 ? "" : "s");
	put("  %s %.0f..%.0f", member_string(event, "reason", "?"), member_number(event, "from", 0),
		member_number(event, "to", 0));
	cJSON_ArrayForEach(value, values)
		put("  %s=%s", value->string, value_word(value_of(value)));
	putchar('\n');
}

static void put_config(const cJSON *event)
{
	const cJSON *counts = member(event, "counts");

	put("config  %.0f added, %.0f removed, %.0f changed\n", member_number(counts, "added", 0),
		member_number(counts, "removed", 0), member_number(counts, "changed", 0));
}

static void put_shutdown(const cJSON *event)
{
	(void)event;
	put("shutdown\n");
}

static const struct event_kind {
	const char *event;
	const char *name; /* the member with the name; NULL: concerns no one thing */
	void (*put)(const cJSON *event);
} kinds[] = {
	{ "edge", "line", put_edge },
	{ "output", "line", put_output },
	{ "timer", "timer", put_timer },
	{ "timer-ended", "timer", put_timer_ended },
	{ "line", "line", put_line },
	{ "lost", "line", put_lost },
	{ "config", NULL, put_config },
	{ "shutdown", NULL, put_shutdown },
};

/* Local time with microseconds, always 26 characters; "-" for what has no time, such as a loss. */
static void put_time(const cJSON *event)
{
	uint64_t us = member_u64(event, "realtime_us", 0);
	time_t seconds = (time_t)(us / USEC_PER_SEC);
	struct tm tm;
	char text[32];

	if (us == 0 || !localtime_r(&seconds, &tm) ||
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		printf("%-26s", "-");
	else
		printf("%s.%06" PRIu64, text, us % USEC_PER_SEC);
}

static void print_for_people(const cJSON *event, int width)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct event_kind *kind = &kinds[i];

		if (!event_is(event, kind->event))
			continue;
		put_time(event);
		put("  %6.0f  %-*s  ", member_number(event, "seq", 0), width,
			kind->name ? member_string(event, kind->name, "*") : "*");
		kind->put(event);
		return;
	}
	/* A later version's event: its name is all that can be said. */
	put_time(event);
	put("  %6.0f  %-*s  %s\n", member_number(event, "seq", 0), width, "*",
		member_string(event, "event", "?"));
}

void event_print(const struct session *session, const struct message *event, int width)
{
	if (session->options->json)
		message_print(event);
	else
		print_for_people(event->tree, width);
}
