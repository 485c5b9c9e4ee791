/* SPDX-License-Identifier: MIT */
/*
 * Edges as fast as the daemon reads them, and one subscriber that reads as fast as it can. Every
 * edge is received or counted in a lost event that stands in its place; else this fails.
 */

#include "subject.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct account {
	uint64_t received, lost, n_losses;
	uint64_t last; /* line_seq */
	uint64_t n_misplaced;
};

static uint64_t number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void take_line(struct account *account, const char *line)
{
	if (strncmp(line, "{\"event\":\"lost\"", 15) == 0) {
		uint64_t count = number_after(line, "\"count\":");

		account->lost += count;
		account->last += count;
		account->n_losses++;
	} else if (strncmp(line, "{\"event\":\"edge\"", 15) == 0) {
		uint64_t number = number_after(line, "\"line_seq\":");

		account->n_misplaced += number != account->last + 1;
		account->last = number;
		account->received++;
	}
}

static void read_all(struct subject *subject, struct account *account, uint64_t n_edges)
{
	static char buffer[256 * 1024 + 1];
	size_t n = 0;

	while (account->received + account->lost < n_edges) {
		ssize_t bytes = recv(subject->clients[0], buffer + n, sizeof(buffer) - 1 - n, 0);
		char *line = buffer, *end;

		if (bytes <= 0)
			return;
		n += (size_t)bytes;
		buffer[n] = 0;
		while ((end = memchr(line, '\n', n - (size_t)(line - buffer)))) {
			*end = 0;
			take_line(account, line);
			line = end + 1;
		}
		n -= (size_t)(line - buffer);
		memmove(buffer, line, n);
	}
}

static pid_t start_feeding(struct subject *subject, uint64_t n_edges)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork");
	if (pid > 0)
		return pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint64_t i = 0; i < n_edges; i += BURST_MAX)
		(void)subject_feed(subject, 0, BURST_MAX);
	_exit(0);
}

void bench_burst(struct bench *bench)
{
	static const struct subject_settings settings = { .n_lines = 1 };
	const uint64_t n_edges = bench->quick ? 200000 : 1000000;
	struct subject *subject = subject_daemon(bench, &settings);
	struct account account = { 0 };
	uint64_t began_ns;
	char what[64];
	double seconds;
	pid_t feeder;

	(void)snprintf(what, sizeof(what), "burst of %" PRIu64 " edges", n_edges);
	subject_add_clients(subject, 1);
	began_ns = now_ns();
	feeder = start_feeding(subject, n_edges);
	read_all(subject, &account, n_edges);
	seconds = (double)(now_ns() - began_ns) / 1e9;
	(void)kill(feeder, SIGKILL);
	(void)waitpid(feeder, NULL, 0);

	if (account.received + account.lost != n_edges || account.n_misplaced)
		bench_fail(bench, what,
			"%" PRIu64 " received, %" PRIu64 " told as lost, %" PRIu64 " out of place",
			account.received, account.lost, account.n_misplaced);
	else
		bench_row(bench, &(struct row){ what, (double)account.lost, 0, "lost" },
			"every loss accounted for, in %" PRIu64
			" events; %.0f edges/s, %.0f ns CPU an edge",
			account.n_losses, (double)n_edges / seconds,
			(double)subject_cpu_ns(subject) / (double)n_edges);
	subject_free(subject);
}
