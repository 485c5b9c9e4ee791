/* SPDX-License-Identifier: MIT */
/*
 * What filters cost. 100 lines change once each, all before the daemon looks, and each of 100
 * subscribers wants one line: 100 edges read, 100 sends of one message. Unfiltered stands for as
 * many sends of one message: one edge to 100 subscribers of everything.
 */

#include "subject.h"

#include <signal.h>
#include <string.h>

#define LINES 100

/* Stopped while the feeds are filled, so that a round finds all of them. */
static void burst_of_lines(struct subject *subject)
{
	(void)kill(subject->pid, SIGSTOP);
	for (int line = 0; line < LINES; line++)
		(void)subject_feed(subject, line, 1);
	(void)kill(subject->pid, SIGCONT);
	for (int client = LINES; client-- > 0;)
		subject_receive(subject, client, 1);
}

static double filtered_cost_ns(struct subject *subject, unsigned n_bursts)
{
	uint64_t before_ns = subject_cpu_ns(subject);

	for (unsigned i = 0; i < n_bursts; i++)
		burst_of_lines(subject);
	return (double)(subject_cpu_ns(subject) - before_ns) / (double)(n_bursts * (unsigned)LINES);
}

/* The CPU time that stopping and going on takes, with nothing to do. */
static double stop_cost_ns(struct subject *subject, unsigned n)
{
	uint64_t before_ns = subject_cpu_ns(subject);

	for (unsigned i = 0; i < n; i++) {
		(void)kill(subject->pid, SIGSTOP);
		(void)kill(subject->pid, SIGCONT);
	}
	return (double)(subject_cpu_ns(subject) - before_ns) / (double)n;
}

static void measure_filtered(struct bench *bench)
{
	static const struct subject_settings settings = { .n_lines = LINES };
	struct subject *filtered = subject_daemon(bench, &settings),
		       *plain = subject_daemon(bench, &settings);
	const unsigned n_bursts = bench->quick ? 60 : 200;
	double a[ROUNDS_MAX], b[ROUNDS_MAX], ratios[ROUNDS_MAX];
	const size_t rounds = (size_t)bench->rounds;

	for (int i = 0; i < LINES; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "\"l%d\"", i);
		subject_add_client(filtered, name);
	}
	subject_add_clients(plain, LINES);
	(void)filtered_cost_ns(filtered, 10);
	(void)subject_cost_ns(plain, 10, 1);
	for (size_t i = 0; i < rounds; i++) {
		a[i] = filtered_cost_ns(filtered, n_bursts) -
		       stop_cost_ns(filtered, n_bursts) / LINES;
		b[i] = subject_cost_ns(plain, n_bursts, 1);
		ratios[i] = a[i] / b[i];
	}
	bench_row(bench,
		&(struct row){ "filters, one line each of 100", median(ratios, rounds), 2, "x" },
		"%.0f ns CPU a message, unfiltered %.0f; both with one message a send",
		median(a, rounds), median(b, rounds));
	subject_free(filtered);
	subject_free(plain);
}

/* The others watch a line that rests. */
static void measure_idle_peers(struct bench *bench)
{
	static const struct subject_settings settings = { .n_lines = 2 };
	struct subject *crowd = subject_daemon(bench, &settings),
		       *alone = subject_daemon(bench, &settings);
	struct comparison cost;

	for (int i = 0; i < LINES; i++)
		(void)subject_connect(crowd, "{\"op\":\"subscribe\",\"lines\":\"l1\"}\n");
	subject_add_client(crowd, "\"l0\"");
	subject_add_client(alone, "\"l0\"");
	cost = subject_compare_costs(crowd, alone, bench->quick ? 2000 : 5000, 1);
	bench_row(bench,
		&(struct row){ "filters, 100 peers that want nothing", cost.ratio, 1.05, "x" },
		"%.0f ns CPU an edge, without them %.0f", cost.a, cost.b);
	subject_free(crowd);
	subject_free(alone);
}

void bench_filters(struct bench *bench)
{
	measure_filtered(bench);
	measure_idle_peers(bench);
}
