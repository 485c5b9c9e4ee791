/* SPDX-License-Identifier: MIT */
/* gpioctl stats: the daemon's counters, whatever they are, and the latency of edges. */
#include <string.h>

#include "output.h"
#include "session.h"

static void add_number(struct table *table, const char *name, const cJSON *value)
{
	table_cell(table, STYLE_PLAIN, "%s", name);
	if (cJSON_IsNumber(value))
		table_cell(table, STYLE_PLAIN, "%.0f", value->valuedouble);
	else
		table_cell(
			table, STYLE_PLAIN, "%s", cJSON_IsString(value) ? value->valuestring : "-");
}

/* An object's members stand one by one, with its own name before theirs. */
static void add_member(struct table *table, const cJSON *item)
{
	const cJSON *inner;
	char name[128];

	if (strcmp(item->string, "ok") == 0 || cJSON_IsArray(item))
		return;
	if (!cJSON_IsObject(item)) {
		add_number(table, item->string, item);
		return;
	}
	cJSON_ArrayForEach(inner, item)
	{
		snprintf(name, sizeof(name), "%s %s", item->string, inner->string);
		add_number(table, name, inner);
	}
}

static void add_latency(struct table *table, const cJSON *latency)
{
	const cJSON *bucket;
	double all = 0, below = 0;

	cJSON_ArrayForEach(bucket, latency) all += member_number(bucket, "count", 0);
	cJSON_ArrayForEach(bucket, latency)
	{
		double count = member_number(bucket, "count", 0);

		below += count;
		table_cell(table, STYLE_PLAIN, "latency below %s",
			member_string(bucket, "below", "any"));
		table_cell(table, STYLE_PLAIN, "%.0f (%.2f %% so far)", count,
			all > 0 ? 100 * below / all : 0);
	}
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	_cleanup_(table_free) struct table table = TABLE(2);
	enum status status = session_open(&session, options);
	const cJSON *item;

	(void)args;
	if (status)
		return status;
	request_begin(&session, "stats");
	status = session_ask(&session, &reply);
	if (status || options->json)
		return status;

	cJSON_ArrayForEach(item, reply.tree) add_member(&table, item);
	add_latency(&table, member(reply.tree, "latency"));
	table_print(&table);
	return STATUS_OK;
}

const struct command command_stats = {
	.name = "stats",
	.arguments = "",
	.summary = "Shows the daemon's counters and how late edges were logged.",
	.details = "requests and errors: those of all clients, and the refused ones; wakeups: how\n"
		   "often the daemon had something to do; lost_kernel and lost_readers:\n"
		   "events that the kernel, or a client that reads too slowly, has lost;\n"
		   "accepted and refused: connections.\n",
	.examples = "  gpioctl stats\n  gpioctl stats --json | jq .counters.edges\n",
	.run = run,
};
