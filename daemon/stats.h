/* SPDX-License-Identifier: MIT */
#pragma once

/* Counters since the start. Plain additions on the hot path; the `stats` operation writes them. */

#include <stdint.h>

#define STATS_BUCKETS 32

struct stats {
	uint64_t started_ns;
	uint64_t edges, outputs, expirations;
	uint64_t lost_kernel, lost_readers;
	uint64_t requests, errors, accepted, refused;
	uint64_t sent_bytes, wakeups;
	uint64_t latency[STATS_BUCKETS]; /* [i]: edges logged at an age below 2^i us, and not below
					    2^(i-1) us */
};

static inline void stats_latency(struct stats *stats, uint64_t timestamp_ns, uint64_t now_ns)
{
	uint64_t us = now_ns > timestamp_ns ? (now_ns - timestamp_ns) / 1000 : 0;
	unsigned bucket = us ? 64u - (unsigned)__builtin_clzll(us) : 0;

	stats->latency[bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1]++;
}
