/* SPDX-License-Identifier: MIT */
/* clients: who is connected. */

#include <stdlib.h>

#include "access.h"
#include "clock.h"
#include "command.h"
#include "daemon.h"
#include "duration.h"
#include "peer.h"
#include "use.h"
#include "watch.h"

#define PAGE_CLIENTS 64

static size_t count(const struct list *list)
{
	size_t n = 0;

	list_for_each (link, list)
		n++;
	return n;
}

/* Lines that no configuration names: those that lines-per-uid counts. */
static size_t count_lines(const struct peer *peer)
{
	size_t n = 0;

	list_for_each (link, &peer->uses)
		n += list_object(link, struct use, peer_link)->user != NULL;
	return n;
}

/* Events of the log that it has not been sent yet, whether they pass its filter or not. */
static uint64_t behind(const struct peer *peer)
{
	const struct watch *watch = peer->watch;

	return watch && watch->pending ? peer->daemon->log.head + 1 - watch->cursor : 0;
}

static void write_client(struct jsonw *w, const struct peer *peer)
{
	const uint64_t age_ns = clock_now_ns() - peer->connected_ns;
	char duration[DURATION_MAX];

	jsonw_begin_object(w);
	peer_id_write_members(w, &peer->id);
	jsonw_member_string(w, "socket", peer->id.socket);
	jsonw_member_string(w, "age",
		duration_format(age_ns - age_ns % NSEC_PER_SEC, duration, sizeof(duration)));
	jsonw_member_u64(w, "subscriptions", peer->watch ? count(&peer->watch->entries) : 0);
	jsonw_member_u64(w, "lines", count_lines(peer));
	jsonw_member_u64(w, "timers", peer->n_timers);
	jsonw_member_u64(w, "claims", count(&peer->claims));
	jsonw_member_u64(w, "lost", peer->lost);
	jsonw_member_u64(w, "behind", behind(peer));
	jsonw_member_u64(
		w, "unsent", peer->out_n - peer->out_sent + peer->rest_n - peer->rest_sent);
	jsonw_end_object(w);
}

/* The next in the order of their numbers, after `number`, as far as the caller may know of it. */
static const struct peer *next_client(const struct call *call, uint64_t number)
{
	const bool all = access_may_any(call->daemon, &call->peer->id, ACCESS_ADMIN);
	const struct peer *next = NULL;

	list_for_each (link, &call->daemon->server.peers) {
		const struct peer *peer = list_object(link, struct peer, link);

		if (peer->id.peer > number && (!next || peer->id.peer < next->id.peer) &&
			(all || peer->user == call->peer->user))
			next = peer;
	}
	return next;
}

static enum wire_error read_after(struct call *call, const struct args_clients *args, uint64_t *ret)
{
	char *end;

	*ret = 0;
	if (!WIRE_GIVEN(args, clients, after))
		return WIRE_OK;

	*ret = strtoull(args->after, &end, 10);
	if (end == args->after || *end)
		return problem_field(call->problem, WIRE_E_BAD_TYPE, "after",
			"after must be the next of an earlier reply");
	return WIRE_OK;
}

enum wire_error op_clients(struct call *call)
{
	const struct args_clients *args = &call->request->args.clients;
	int64_t limit = WIRE_GIVEN(args, clients, limit) ? args->limit : PAGE_CLIENTS;
	struct jsonw *w = call->reply;
	const struct peer *peer;
	uint64_t number;
	char next[24];
	enum wire_error error = read_after(call, args, &number);

	if (error != WIRE_OK)
		return error;
	if (limit > PAGE_CLIENTS)
		limit = PAGE_CLIENTS;

	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "clients");
	jsonw_begin_array(w);
	for (peer = next_client(call, number); peer && limit-- > 0;
		peer = next_client(call, number)) {
		write_client(w, peer);
		number = peer->id.peer;
	}
	jsonw_end_array(w);
	if (peer) {
		*put_u64(next, number) = 0;
		jsonw_member_string(w, "next", next);
	}
	return WIRE_OK;
}
