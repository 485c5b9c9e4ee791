/* SPDX-License-Identifier: MIT */
/* What the daemon takes when nothing happens: memory, wake-ups, and the time until it serves. */

#include "subject.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 500

static const struct subject_settings one_line = { .n_lines = 1 };

/* What each of CONNECTIONS adds. */
static double added_bytes(struct subject *subject, const char *request)
{
	const uint64_t before = subject_private_bytes(subject);
	int fds[CONNECTIONS];
	uint64_t after;

	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = subject_connect(subject, request);
	after = subject_private_bytes(subject);
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	return ((double)after - (double)before) / CONNECTIONS;
}

void bench_memory(struct bench *bench)
{
	struct subject *plain = subject_daemon(bench, &one_line),
		       *subscribed = subject_daemon(bench, &one_line);
	double idle;

	close(subject_connect(plain, "{\"op\":\"ping\"}\n"));
	close(subject_connect(subscribed, "{\"op\":\"subscribe\",\"lines\":\"*\"}\n"));
	idle = (double)subject_private_bytes(plain);
	bench_row(bench, &(struct row){ "memory when idle", idle / 1024 / 1024, 1.5, "MiB" },
		"private, the log apart");
	bench_row(bench,
		&(struct row){ "memory for each idle connection",
			added_bytes(plain, "{\"op\":\"ping\"}\n") / 1024, 2, "KiB" },
		"private, mean of %d that have asked once; subscribed to everything %.2f",
		CONNECTIONS,
		added_bytes(subscribed, "{\"op\":\"subscribe\",\"lines\":\"*\"}\n") / 1024);
	subject_free(plain);
	subject_free(subscribed);
}

void bench_start(struct bench *bench)
{
	const size_t n = bench->quick ? 10 : 30;
	double v[30], middle;

	for (size_t i = 0; i < n; i++) {
		const uint64_t before_ns = now_ns();
		struct subject *subject = subject_daemon(bench, &one_line);

		close(subject_connect(subject, "{\"op\":\"ping\"}\n"));
		v[i] = (double)(now_ns() - before_ns) / 1e6;
		subject_free(subject);
	}
	middle = median(v, n);
	bench_row(bench,
		&(struct row){ "start, until the first request is answered", middle, 5, "ms" },
		"simulated backend; slowest of %zu %.1f", n, v[n - 1]);
}

void bench_idle(struct bench *bench)
{
	const unsigned seconds = bench->quick ? 2 : 5;
	struct subject *subject = subject_daemon(bench, &one_line);
	uint64_t before, switches;

	subject_add_clients(subject, 10);
	(void)subject_burst(subject, 1);
	(void)usleep(100000);
	before = subject_switches(subject);
	(void)sleep(seconds);
	switches = subject_switches(subject) - before;
	/* Below one in all the time is none. */
	bench_row(bench, &(struct row){ "idle, wake-ups", (double)switches / seconds, 0.01, "/s" },
		"%u s, 10 subscribers, no edges", seconds);
	subject_free(subject);
}
