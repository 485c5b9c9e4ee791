/* SPDX-License-Identifier: MIT */
/*
 * bench BUILD [quick | ROW...]: measures what is in BUILD, prints a table and writes
 * BUILD/bench.json. With names of rows only those. Status 1 if something is wrong, whatever is
 * slow.
 */

#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	void (*run)(struct bench *bench);
} table[] = {
	{ "broadcast", bench_broadcast },
	{ "latency", bench_latency },
	{ "filters", bench_filters },
	{ "slow-reader", bench_slow_reader },
	{ "encode", bench_encode },
	{ "memory", bench_memory },
	{ "start", bench_start },
	{ "idle", bench_idle },
	{ "busy", bench_busy },
	{ "kernel", bench_kernel },
	{ "burst", bench_burst },
};
#define N_ROWS (sizeof(table) / sizeof(table[0]))

uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double percentile(double *v, size_t n, double percent)
{
	size_t at = (size_t)((double)n * percent / 100);

	qsort(v, n, sizeof(*v), compare);
	return v[at < n ? at : n - 1];
}

double median(double *v, size_t n)
{
	return percentile(v, n, 50);
}

void bench_die(const char *what)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_json(
	struct bench *bench, const struct row *row, const char *verdict, const char *detail)
{
	(void)fprintf(bench->json, "%s\n  {\"what\": \"%s\", \"verdict\": \"%s\"",
		bench->n_rows++ ? "," : "", row->what, verdict);
	if (row->unit)
		(void)fprintf(
			bench->json, ", \"value\": %.4g, \"unit\": \"%s\"", row->value, row->unit);
	if (row->limit > 0)
		(void)fprintf(bench->json, ", \"reach\": %.4g", row->limit);
	(void)fprintf(bench->json, ", \"detail\": \"%s\"}", detail);
}

void bench_row(struct bench *bench, const struct row *row, const char *format, ...)
{
	const bool reached = row->limit <= 0 || row->value <= row->limit;
	const char *verdict = row->limit <= 0 ? "" : reached ? "reached" : "not reached";
	char detail[256], value[32], limit[32] = "";
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	(void)snprintf(value, sizeof(value), "%.4g %s", row->value, row->unit);
	if (row->limit > 0)
		(void)snprintf(limit, sizeof(limit), "<= %.4g", row->limit);
	printf("%-46s %12s %10s  %-12s %s\n", row->what, value, limit, verdict, detail);
	(void)fflush(stdout);
	write_json(bench, row, row->limit > 0 ? verdict : "information", detail);
	bench->n_missed += !reached;
}

void bench_skip(struct bench *bench, const char *what, const char *why)
{
	printf("%-46s %12s %10s  %-12s %s\n", what, "", "", "skipped", why);
	write_json(bench, &(struct row){ .what = what }, "skipped", why);
}

void bench_fail(struct bench *bench, const char *what, const char *format, ...)
{
	char detail[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	printf("%-46s %12s %10s  %-12s %s\n", what, "", "", "WRONG", detail);
	write_json(bench, &(struct row){ .what = what }, "wrong", detail);
	bench->n_failed++;
}

void bench_stay(const struct bench *bench, bool stay)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)bench->cpu_here, &set);
	if (!stay)
		CPU_SET((size_t)bench->cpu_there, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* The last two processors that there are for us; the first is often the busiest. */
static void choose_cpus(struct bench *bench)
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		bench_die("sched_getaffinity");
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && found < 2; cpu--) {
		if (!CPU_ISSET((size_t)cpu, &set))
			continue;
		if (found++ == 0)
			bench->cpu_there = cpu;
		bench->cpu_here = cpu;
	}
	bench_stay(bench, true);
}

static void prepare(struct bench *bench)
{
	struct rlimit limit;
	char path[256];

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	choose_cpus(bench);
	bench->may_go_first = sched_setscheduler(0, SCHED_FIFO,
				      &(struct sched_param){ .sched_priority = 1 }) == 0;
	(void)sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	(void)snprintf(bench->directory, sizeof(bench->directory), "/tmp/gpioeventd-bench.XXXXXX");
	if (!mkdtemp(bench->directory))
		bench_die("mkdtemp");
	(void)snprintf(path, sizeof(path), "%s/bench.json", bench->build);
	bench->json = fopen(path, "w");
	if (!bench->json)
		bench_die(path);
	(void)fprintf(
		bench->json, "{\"mode\": \"%s\", \"rows\": [", bench->quick ? "quick" : "full");
}

static void finish(struct bench *bench, double seconds)
{
	char command[128];

	(void)fprintf(bench->json, "\n]}\n");
	(void)fclose(bench->json);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", bench->directory);
	(void)!system(command);
	printf("%u rows, %u not reached, %u wrong, %.0f s; %s/bench.json\n", bench->n_rows,
		bench->n_missed, bench->n_failed, seconds, bench->build);
}

static bool is_wanted(const char *name, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return n == 0;
}

int main(int argc, char **argv)
{
	const uint64_t began_ns = now_ns();
	struct bench bench = { .build = argc > 1 ? argv[1] : "build" };
	int first = 2;

	if (argc > 2 && strcmp(argv[2], "quick") == 0) {
		bench.quick = true;
		first++;
	}
	bench.rounds = bench.quick ? 5 : 11;
	prepare(&bench);
	for (size_t i = 0; i < N_ROWS; i++)
		if (is_wanted(table[i].name, argc - first, argv + first))
			table[i].run(&bench);
	finish(&bench, (double)(now_ns() - began_ns) / 1e9);
	return bench.n_failed > 0;
}
