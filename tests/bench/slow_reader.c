/* SPDX-License-Identifier: MIT */
/* What a subscriber that never reads does to the others, while the log goes round under it. */

#include "subject.h"

#include <unistd.h>

#define OTHERS	  10
#define GROWTH_KB 16 /* of noise: the allocator's and the stack's */

static void fill(struct subject *subject, unsigned n_edges)
{
	for (unsigned i = 0; i < n_edges; i += BURST_MAX)
		(void)subject_burst(subject, BURST_MAX);
}

void bench_slow_reader(struct bench *bench)
{
	static const struct subject_settings settings = { .n_lines = 1,
		.extra = "log-size = 1M\n" };
	struct subject *stuck = subject_daemon(bench, &settings),
		       *without = subject_daemon(bench, &settings);
	int reader = subject_connect(stuck, "{\"op\":\"subscribe\",\"lines\":\"*\"}\n");
	struct latencies latencies;
	uint64_t before, after;

	subject_add_clients(stuck, OTHERS);
	subject_add_clients(without, OTHERS);
	/* Until the socket and the log are full, and the reader has been overtaken. */
	fill(stuck, 20000);
	fill(without, 20000);
	before = subject_private_bytes(stuck);
	subject_go_first(bench, true);
	latencies = subject_compare_latency(stuck, without, bench->quick ? 1500 : 4000);
	subject_go_first(bench, false);
	fill(stuck, 50000);
	after = subject_private_bytes(stuck);

	bench_row(bench,
		&(struct row){ "slow reader, p99 of 10 others", latencies.p99.ratio, 1.10, "x" },
		"%.1f us, without %.1f; p50 %.1f, %.1f", latencies.p99.a, latencies.p99.b,
		latencies.p50.a, latencies.p50.b);
	bench_row(bench,
		&(struct row){ "slow reader, the daemon grows",
			((double)after - (double)before) / 1024, GROWTH_KB, "KiB" },
		"private memory, from %.0f KiB", (double)before / 1024);
	close(reader);
	subject_free(stuck);
	subject_free(without);
}
