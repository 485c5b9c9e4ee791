/* SPDX-License-Identifier: MIT */
/* stats. */

#include "clock.h"
#include "command.h"
#include "daemon.h"
#include "peer.h"

static void write_counters(struct jsonw *w, const struct daemon *daemon)
{
	const struct stats *stats = &daemon->stats;
	const struct {
		const char *key;
		uint64_t number;
	} counters[] = {
		{ "events", daemon->log.head },
		{ "edges", stats->edges },
		{ "outputs", stats->outputs },
		{ "expirations", stats->expirations },
		{ "lost_kernel", stats->lost_kernel },
		{ "lost_readers", stats->lost_readers },
		{ "requests", stats->requests },
		{ "errors", stats->errors },
		{ "accepted", stats->accepted },
		{ "refused", stats->refused },
		{ "sent_bytes", stats->sent_bytes },
		{ "wakeups", stats->wakeups },
	};

	jsonw_key(w, "counters");
	jsonw_begin_object(w);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		jsonw_member_u64(w, counters[i].key, counters[i].number);
	jsonw_end_object(w);
}

static void write_latency(struct jsonw *w, const struct stats *stats)
{
	char duration[DURATION_MAX];

	jsonw_key(w, "latency");
	jsonw_begin_array(w);
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		if (!stats->latency[i])
			continue;
		jsonw_begin_object(w);
		jsonw_member_string(w, "below",
			duration_format(
				(UINT64_C(1) << i) * NSEC_PER_USEC, duration, sizeof(duration)));
		jsonw_member_u64(w, "count", stats->latency[i]);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

enum wire_error op_stats(struct call *call)
{
	const struct daemon *daemon = call->daemon;
	const uint64_t up_ns = clock_now_ns() - daemon->stats.started_ns;
	struct jsonw *w = call->reply;
	char duration[DURATION_MAX];
	const struct peer_id *who = &call->peer->id;
	enum wire_error error = WIRE_OK;

	if (!access_may_any(daemon, who, ACCESS_ADMIN))
		error = access_check_any(
			daemon, who, ACCESS_SEE, "see the daemon's counters", call->problem);
	if (error != WIRE_OK)
		return error;

	jsonw_member_u64(w, "seq", daemon->log.head);
	jsonw_member_string(w, "uptime",
		duration_format(up_ns - up_ns % NSEC_PER_SEC, duration, sizeof(duration)));
	jsonw_member_u64(w, "connections", daemon->server.n_peers);
	jsonw_member_u64(w, "lines", daemon->n_held);
	jsonw_member_u64(w, "timers", daemon->timers.n);
	jsonw_key(w, "log");
	jsonw_begin_object(w);
	jsonw_member_u64(w, "size", daemon->log.size);
	jsonw_member_u64(w, "used", daemon->log.head_offset - daemon->log.tail_offset);
	jsonw_member_u64(w, "oldest", daemon->log.tail);
	jsonw_end_object(w);
	write_counters(w, daemon);
	write_latency(w, &daemon->stats);
	return WIRE_OK;
}
