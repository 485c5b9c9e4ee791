/* SPDX-License-Identifier: MIT */
/* What it costs to tell everybody, and how long it takes, against a loop that does nothing else. */

#include "subject.h"

static const struct subject_settings one_line = { .n_lines = 1 };

static void measure(struct bench *bench, int n_clients, unsigned n, double limit)
{
	struct subject *daemon = subject_daemon(bench, &one_line),
		       *bare = subject_bare(bench, &one_line);
	const unsigned n_bursts = (bench->quick ? 1000 : 2500) / (unsigned)n_clients + 20;
	struct comparison cost, awake = { 0 };
	char what[64];

	subject_add_clients(daemon, n_clients);
	subject_add_clients(bare, n_clients);
	cost = subject_compare_costs(daemon, bare, n == 1 ? 2 * n_bursts : n_bursts, n);
	/* With one processor it would keep the other from running. */
	daemon->reader_is_awake = bare->reader_is_awake = bench->cpu_here != bench->cpu_there;
	if (daemon->reader_is_awake)
		awake = subject_compare_costs(daemon, bare, n == 1 ? 2 * n_bursts : n_bursts, n);
	(void)snprintf(what, sizeof(what), "broadcast, bursts of %u, %d subscriber%s", n, n_clients,
		n_clients > 1 ? "s" : "");
	bench_row(bench, &(struct row){ what, cost.ratio, limit, "x" },
		"%.1f ns CPU a message, bare loop %.1f; with a reader awake %.3f x (%.1f, %.1f); "
		"%u bytes",
		cost.a, cost.b, awake.ratio, awake.a, awake.b, bare->message_bytes);
	subject_free(daemon);
	subject_free(bare);
}

void bench_broadcast(struct bench *bench)
{
	static const int n_clients[] = { 1, 10, 100, 1000 };

	for (size_t i = 0; i < 4; i++)
		measure(bench, n_clients[i], BURST_MAX, 1.25);
	for (size_t i = 0; i < 4; i++)
		measure(bench, n_clients[i], 1, 1.10);
}

/* All ahead of what else runs on the machine, where that is permitted, since that would make the
 * p99. */
static void measure_latency(struct bench *bench, int n_clients)
{
	const struct subject_settings settings = { .n_lines = 1, .fifo = bench->may_go_first };
	struct subject *daemon = subject_daemon(bench, &settings),
		       *bare = subject_bare(bench, &settings);
	struct latencies latencies;
	char what[64];

	subject_add_clients(daemon, n_clients);
	subject_add_clients(bare, n_clients);
	subject_go_first(bench, true);
	latencies = subject_compare_latency(daemon, bare,
		n_clients == 100 ? 500
		: bench->quick	 ? 1000
				 : 3000);
	subject_go_first(bench, false);
	for (int i = 0; i < 2; i++) {
		const struct comparison *c = i ? &latencies.p99 : &latencies.p50;

		(void)snprintf(
			what, sizeof(what), "latency %s, last of %d", i ? "p99" : "p50", n_clients);
		bench_row(bench, &(struct row){ what, c->ratio, 1.15, "x" },
			"%.1f us, bare loop %.1f%s", c->a, c->b,
			bench->may_go_first ? "; both SCHED_FIFO" : "");
	}
	subject_free(daemon);
	subject_free(bare);
}

void bench_latency(struct bench *bench)
{
	measure_latency(bench, 1);
	measure_latency(bench, 10);
	measure_latency(bench, 100);
}
