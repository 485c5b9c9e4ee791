/* SPDX-License-Identifier: MIT */
/*
 * kernel_reader FD KEY PULL EDGES GAP_US BURST REST_US: pulls a gpio-sim line up and down through
 * the file PULL, and reads from the descriptor FD the lines of text that a program makes of it,
 * until no more come. The kernel's time of an edge stands after KEY, in nanoseconds, or in seconds
 * with a fraction. Prints the edges seen, the 50th and the 99th percentile of their age on arrival
 * in us, and how many were told as lost.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_MS     300
#define NSEC	       1000000000
#define LINE_MAX_BYTES 200
#define LINE_MIN_BYTES 8

/* One read: where it ended in the text, and when. */
struct arrival {
	size_t end;
	uint64_t at_ns;
};

struct result {
	const char *key;
	double *ages_us;
	unsigned n, max;
	uint64_t lost;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t at_ns)
{
	const struct timespec t = { .tv_sec = (time_t)(at_ns / NSEC),
		.tv_nsec = (long)(at_ns % NSEC) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Ahead of the programs that are measured, so that the edges come when they should. */
static void pull(const char *path, unsigned n, unsigned gap_us, unsigned burst, unsigned rest_us)
{
	int fd = open(path, O_WRONLY);
	uint64_t at_ns = now_ns() + NSEC / 20;

	(void)prctl(PR_SET_TIMERSLACK, 1);
	(void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
	for (unsigned i = 0; i < n; i++) {
		sleep_until(at_ns);
		if (pwrite(fd, i & 1 ? "pull-down" : "pull-up", i & 1 ? 9 : 7, 0) < 0)
			_exit(1);
		at_ns += (i + 1) % burst ? gap_us * UINT64_C(1000) : rest_us * UINT64_C(1000);
		/* Never two in a row without the gap. */
		if (at_ns < now_ns() + gap_us * UINT64_C(1000))
			at_ns = now_ns() + gap_us * UINT64_C(1000);
	}
	_exit(0);
}

static void take_line(struct result *result, const char *line, uint64_t arrived_ns)
{
	const char *at = strstr(line, result->key), *count = strstr(line, "\"count\":");
	char *end;
	uint64_t stamp_ns;

	if (strstr(line, "\"lost\"")) {
		result->lost += count ? strtoull(count + strlen("\"count\":"), NULL, 10) : 1;
		return;
	}
	if (!at || result->n == result->max)
		return;

	stamp_ns = strtoull(at + strlen(result->key), &end, 10);
	if (*end == '.')
		stamp_ns = stamp_ns * NSEC + strtoull(end + 1, NULL, 10);
	result->ages_us[result->n++] = (double)(arrived_ns - stamp_ns) / 1000;
}

/* A message has arrived with the read that had its last byte. */
static void take_all(struct result *result, char *text, const struct arrival *arrivals)
{
	char *line = text, *end;

	while ((end = strchr(line, '\n'))) {
		*end = 0;
		while (arrivals->end <= (size_t)(end - text))
			arrivals++;
		take_line(result, line, arrivals->at_ns);
		line = end + 1;
	}
}

/* Nothing is looked at meanwhile: with one processor that would delay what is measured. */
static void read_lines(struct result *result, int fd, pid_t puller)
{
	const size_t size = (size_t)result->max * LINE_MAX_BYTES;
	struct arrival *arrivals = calloc(size / LINE_MIN_BYTES, sizeof(*arrivals));
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char *text = calloc(1, size + 1);
	size_t n = 0, reads = 0;

	(void)mlockall(MCL_CURRENT);
	while (text && arrivals && n < size &&
		(poll(&poll_fd, 1, SILENCE_MS) > 0 || waitpid(puller, NULL, WNOHANG) == 0)) {
		ssize_t bytes = poll_fd.revents ? read(fd, text + n, size - n) : 0;

		if (bytes <= 0 && poll_fd.revents)
			break;
		n += (size_t)bytes;
		arrivals[reads++] = (struct arrival){ n, now_ns() };
	}
	if (reads)
		take_all(result, text, arrivals);
	free(text);
	free(arrivals);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct result result = { 0 };
	pid_t puller;

	if (argc != 8)
		return 2;

	result.key = argv[2];
	result.max = (unsigned)atoi(argv[4]);
	result.ages_us = calloc(result.max + 1, sizeof(*result.ages_us));
	puller = fork();
	if (puller < 0 || !result.ages_us)
		return 1;
	if (puller == 0)
		pull(argv[3], result.max, (unsigned)atoi(argv[5]), (unsigned)atoi(argv[6]),
			(unsigned)atoi(argv[7]));

	read_lines(&result, atoi(argv[1]), puller);
	qsort(result.ages_us, result.n, sizeof(*result.ages_us), compare);
	printf("%u %.1f %.1f %" PRIu64 "\n", result.n, result.ages_us[result.n / 2],
		result.ages_us[result.n * 99 / 100], result.lost);
	free(result.ages_us);
	return 0;
}
