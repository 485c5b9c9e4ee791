/* SPDX-License-Identifier: MIT */
/*
 * A program that never rests on the daemon's processor: how long a single event takes, under the
 * scheduling that the service has. The reader is on the other processor, ahead of everybody where
 * that is permitted, so that it is not what is measured.
 */

#include "subject.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start_busy_loop(const struct bench *bench)
{
	pid_t pid = fork();
	cpu_set_t set;

	if (pid < 0)
		bench_die("fork");
	if (pid > 0)
		return pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET((size_t)bench->cpu_there, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
	for (volatile unsigned n = 0;; n++)
		;
}

static void measure(struct bench *bench, const struct subject_settings *settings, const char *what)
{
	const unsigned n = bench->quick ? 2000 : 6000;
	struct subject *subject = subject_daemon(bench, settings);
	double *v = calloc(n, sizeof(*v)), p50, p999;
	pid_t busy;

	if (!subject) {
		bench_skip(bench, what, "this scheduling is not permitted here");
		free(v);
		return;
	}
	subject_add_clients(subject, 1);
	busy = start_busy_loop(bench);
	subject_go_first(bench, true);
	for (unsigned i = 0; i < n; i++) {
		/* Not in step with the scheduler's ticks. */
		(void)usleep(500 + (unsigned)random() % 1500);
		v[i] = (double)subject_burst(subject, 1) / 1e6;
	}
	subject_go_first(bench, false);
	(void)kill(busy, SIGKILL);
	(void)waitpid(busy, NULL, 0);
	p50 = percentile(v, n, 50);
	p999 = percentile(v, n, 99.9);
	bench_row(bench, &(struct row){ what, p999, 1, "ms" },
		"p99.9 of %u edges; p50 %.3f, slowest %.3f", n, p50, v[n - 1]);
	free(v);
	subject_free(subject);
}

void bench_busy(struct bench *bench)
{
	measure(bench, &(struct subject_settings){ .n_lines = 1, .nice = -15 },
		"busy machine, nice -15");
	measure(bench, &(struct subject_settings){ .n_lines = 1, .fifo = true },
		"busy machine, SCHED_FIFO");
}
