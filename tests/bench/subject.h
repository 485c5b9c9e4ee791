/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is measured: a process, the feeds of its lines, and its clients, which are sockets of this
 * process.
 *
 * A burst is written to a feed in one piece, and taken as follows: this process sleeps until the
 * client that connected last has all of it, and only then empties the others. So whoever is
 * measured is woken once a burst, wakes one reader, and is never waited for or raced by the readers
 * of the others. Waking a processor that sleeps can cost more than everything else, so costs are
 * also taken with a reader that stays awake.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench.h"

#define BURST_MAX 64 /* as many records as one read takes */

struct subject {
	struct bench *bench;
	pid_t pid;
	char socket[96];
	bool is_bare;
	int n_lines, n_clients;
	int *feeds;	   /* write ends */
	uint32_t *numbers; /* of the last record of each feed */
	int *clients;
	bool reader_is_awake;	      /* instead of asleep until the last client has its messages */
	unsigned message_bytes;	      /* what the bare loop sends for an edge */
	uint64_t n_messages, n_bytes; /* received by the client that connected last */
};

struct subject_settings {
	int n_lines; /* l0, l1, ... */
	int nice;
	bool fifo;	   /* SCHED_FIFO */
	const char *extra; /* lines for the section [daemon]; may be NULL */
};

/* Started and answering, with nobody connected. NULL: the scheduling asked for is not permitted. */
struct subject *subject_daemon(struct bench *bench, const struct subject_settings *settings);
struct subject *subject_bare(struct bench *bench, const struct subject_settings *settings);
/* This process ahead of all that are not real-time, where that is permitted; and back. */
void subject_go_first(const struct bench *bench, bool first);
struct subject *subject_free(struct subject *subject);

/* A connection that is not counted among the clients. `request`, if not NULL, is sent and its reply
 * read. */
int subject_connect(struct subject *subject, const char *request);
/* A client: subscribed to `lines` (JSON: "\"*\"", "\"l3\""); the bare loop sends everybody
 * everything. */
void subject_add_client(struct subject *subject, const char *lines);
void subject_add_clients(struct subject *subject, int n);

/* n edges of a line, stamped now; returns when the write began. */
uint64_t subject_feed(struct subject *subject, int line, unsigned n);
/* Sleeps until the client has n more messages. */
void subject_receive(struct subject *subject, int client, unsigned n);
/* A burst of n edges of line 0 to all clients; returns how long the last client waited for it. */
uint64_t subject_burst(struct subject *subject, unsigned n);

/* User and system time so far. */
uint64_t subject_cpu_ns(const struct subject *subject);
/* Private memory in bytes, the log's mapping apart. */
uint64_t subject_private_bytes(const struct subject *subject);
uint64_t subject_switches(const struct subject *subject);

/* CPU time for each delivered message over n_bursts bursts of n edges. */
double subject_cost_ns(struct subject *subject, unsigned n_bursts, unsigned n);

/* Two that are measured in turn; `b` may be anything that `a` is compared with. */
struct comparison {
	double a, b, ratio; /* medians */
};
struct comparison subject_compare_costs(
	struct subject *a, struct subject *b, unsigned n_bursts, unsigned n);
/* How long the last client waits for a single edge, in us; n edges a round. */
struct latencies {
	struct comparison p50, p99;
};
struct latencies subject_compare_latency(struct subject *a, struct subject *b, unsigned n);
