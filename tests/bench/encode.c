/* SPDX-License-Identifier: MIT */
/*
 * What one edge event costs inside the daemon: event_edge() as it is, into a log; beside it the
 * mere appending of the same text, and cJSON, which would be the plain way to do it.
 */

#include <stdlib.h>
#include <string.h>

#include <cJSON.h>

#include "bench.h"
#include "clock.h"
#include "daemon.h"
#include "event.h"
#include "jsonw.h"
#include "line.h"

static struct daemon daemon_here;
static struct chip chip = { .daemon = &daemon_here };
static struct line line = { .chip = &chip, .canonical = "button" };
static uint64_t n_edges;

static void set_up(void)
{
	if (log_init(&daemon_here.log, LOG_SIZE_DEFAULT) < 0 || event_prepare_line(&line) < 0)
		bench_die("a log cannot be made");
	line.state = &daemon_here.log.states[0];
	list_init(&line.watchers);
	list_init(&line.uses);
	list_init(&daemon_here.server.watchers_of_all);
	list_init(&daemon_here.server.peers);
	list_init(&daemon_here.server.behind);
	daemon_here.realtime_offset_ns = INT64_C(1766231415123456789);
}

static void encode_event(void)
{
	n_edges++;
	event_edge(&line, n_edges & 1, (uint32_t)n_edges, UINT64_C(81230000123) + n_edges * 1000);
}

static char *put(char *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

static void append_event(void)
{
	static char buffer[512];
	const uint64_t at_ns = UINT64_C(81230000123) + n_edges * 1000;
	char *p = put(buffer, "{\"event\":\"edge\",\"seq\":");

	n_edges++;
	p = put_u64(p, n_edges);
	p = put(p, n_edges & 1
			   ? ",\"line\":\"button\",\"edge\":\"rising\",\"value\":1,\"line_seq\":"
			   : ",\"line\":\"button\",\"edge\":\"falling\",\"value\":0,\"line_seq\":");
	p = put_u64(p, n_edges);
	p = put(p, ",\"timestamp_ns\":");
	p = put_u64(p, at_ns);
	p = put(p, ",\"realtime_us\":");
	p = put_u64(p, (at_ns + UINT64_C(1766231415123456789)) / 1000);
	p = put(p, "}\n");
	*p = 0;
	__asm__ volatile("" : : "r"(buffer) : "memory");
}

static void cjson_event(void)
{
	const uint64_t at_ns = UINT64_C(81230000123) + n_edges * 1000;
	cJSON *event = cJSON_CreateObject();

	n_edges++;
	cJSON_AddStringToObject(event, "event", "edge");
	cJSON_AddNumberToObject(event, "seq", (double)n_edges);
	cJSON_AddStringToObject(event, "line", "button");
	cJSON_AddStringToObject(event, "edge", n_edges & 1 ? "rising" : "falling");
	cJSON_AddNumberToObject(event, "value", n_edges & 1);
	cJSON_AddNumberToObject(event, "line_seq", (double)n_edges);
	cJSON_AddNumberToObject(event, "timestamp_ns", (double)at_ns);
	cJSON_AddNumberToObject(
		event, "realtime_us", (double)(at_ns / 1000 + UINT64_C(1766231415123456)));
	free(cJSON_PrintUnformatted(event));
	cJSON_Delete(event);
}

static double time_ns(void (*event)(void), unsigned n)
{
	uint64_t before_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (unsigned i = 0; i < n; i++)
		event();
	return (double)(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - before_ns) / n;
}

void bench_encode(struct bench *bench)
{
	double whole[ROUNDS_MAX], plain[ROUNDS_MAX], cjson[ROUNDS_MAX];
	const size_t rounds = (size_t)bench->rounds;

	set_up();
	(void)time_ns(encode_event, 100000);
	for (size_t i = 0; i < rounds; i++) {
		whole[i] = time_ns(encode_event, 200000);
		plain[i] = time_ns(append_event, 200000);
		cjson[i] = time_ns(cjson_event, 20000);
	}
	bench_row(bench,
		&(struct row){ "encode an edge, into the log", median(whole, rounds), 60, "ns" },
		"its text alone %.1f, cJSON %.0f", median(plain, rounds), median(cjson, rounds));
	log_done(&daemon_here.log);
	free(line.texts[0]);
}
