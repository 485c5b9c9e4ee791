/* SPDX-License-Identifier: MIT */
/* gpioctl clients: a table of who is connected. */
#include <inttypes.h>

#include "output.h"
#include "pages.h"

static const struct {
	const char *key, *one;
} counts[] = {
	{ "subscriptions", "subscription" },
	{ "lines", "line" },
	{ "timers", "timer" },
	{ "claims", "claim" },
};

/* "2 subscriptions, 1 line", "-" for nothing. */
static const char *what_it_has(const cJSON *client, char *text, size_t size)
{
	size_t n = 0;

	snprintf(text, size, "-");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]) && n < size; i++) {
		uint64_t count = member_u64(client, counts[i].key, 0);

		if (count > 0)
			n += (size_t)snprintf(text + n, size - n, "%s%" PRIu64 " %s%s",
				n > 0 ? ", " : "", count, counts[i].one, count == 1 ? "" : "s");
	}
	return text;
}

static void add_client(const cJSON *client, void *data)
{
	struct table *table = data;
	uint64_t lost = member_u64(client, "lost", 0);
	char text[160];

	table_cell(table, STYLE_PLAIN, "%s", member_string(client, "client", "-"));
	table_cell(table, STYLE_PLAIN, "%" PRIu64, member_u64(client, "peer", 0));
	table_cell(table, STYLE_PLAIN, "%.0f", member_number(client, "pid", 0));
	table_cell(table, STYLE_PLAIN, "%" PRIu64, member_u64(client, "uid", 0));
	table_cell(table, STYLE_PLAIN, "%s", member_string(client, "socket", "?"));
	table_cell(table, STYLE_PLAIN, "%s", member_string(client, "age", "?"));
	table_cell(table, STYLE_PLAIN, "%s", what_it_has(client, text, sizeof(text)));
	snprintf(text, sizeof(text), "%" PRIu64 " events, %" PRIu64 " bytes; lost %" PRIu64,
		member_u64(client, "behind", 0), member_u64(client, "unsent", 0), lost);
	table_cell(table, lost > 0 ? STYLE_BAD : STYLE_PLAIN, "%s", text);
}

static enum status run(const struct options *options, struct strings args)
{
	static const char *const titles[] = { "CLIENT", "PEER", "PID", "UID", "SOCKET", "FOR",
		"HAS", "UNSENT" };
	_cleanup_(session_close) struct session session;
	_cleanup_(table_free) struct table table = TABLE(8);
	const struct listing listing = {
		.op = "clients", .key = "clients", .names = args, .each = add_client, .data = &table
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

const struct command command_clients = {
	.name = "clients",
	.arguments = "",
	.summary = "Lists who is connected: all clients for who has admin, else one's own.",
	.details = "UNSENT: events and bytes of replies that it has not taken yet, and how many\n"
		   "events it has lost by reading too slowly.\n",
	.examples = "  gpioctl clients\n  gpioctl clients --json | jq '.clients[] | select(.lost > "
		    "0)'\n",
	.run = run,
};
