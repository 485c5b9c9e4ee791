/* SPDX-License-Identifier: MIT */
/* arm, disarm, timers. */

#include <stdlib.h>

#include "clock.h"
#include "command.h"
#include "daemon.h"
#include "op_values.h"
#include "output.h"
#include "peer.h"
#include "timer.h"
#include "user.h"

/* What the timer would write, checked now as it will be again at its expiry. */
static enum wire_error read_timer_values(
	struct call *call, const struct args_arm *args, struct line_values *values)
{
	enum wire_error error = op_read_values(call, &args->values, NULL, values);
	const struct output_write write = { .n = values->named.n,
		.lines = values->named.lines,
		.values = values->values,
		.by = &call->peer->id,
		.is_for_later = true };

	return error == WIRE_OK ? output_check(&write, call->problem) : error;
}

/* A timer is its user's: nobody else arms or stops it. */
static enum wire_error check_user(struct call *call, const struct timer *timer)
{
	const struct peer *peer = call->peer;

	if (!timer || timer->user == peer->user ||
		access_may_any(call->daemon, &peer->id, ACCESS_ADMIN))
		return WIRE_OK;
	return problem_field(call->problem, WIRE_E_DENIED, "timer",
		"the timer \"%s\" is another user's, uid %u by the socket %s; take another name, "
		"which may begin with ~ to be this connection's alone",
		timer->name, (unsigned)timer->user->uid, timer->user->socket);
}

enum wire_error op_arm(struct call *call)
{
	static struct line_values values;
	const struct args_arm *args = &call->request->args.arm;
	const bool has_after = WIRE_GIVEN(args, arm, after_ns),
		   has_every = WIRE_GIVEN(args, arm, every_ns);
	struct timer_spec spec = { .name = args->timer,
		.tag = WIRE_GIVEN(args, arm, tag) ? args->tag : NULL,
		.after_ns = has_after ? args->after_ns : args->every_ns,
		.every_ns = args->every_ns,
		.keep = args->keep,
		.notify = !WIRE_GIVEN(args, arm, notify) || args->notify };
	const struct timer *timer;
	enum wire_error error;
	bool was_armed;

	if (!has_after && !has_every)
		return problem_field(call->problem, WIRE_E_MISSING_FIELD, "after",
			"arm needs after, every or both, such as \"after\":\"2s\"");
	if (args->keep && args->timer[0] == '~')
		return problem_field(call->problem, WIRE_E_BAD_TYPE, "keep",
			"a private timer ends with its connection; a kept one needs a name without "
			"~");
	error = check_user(call, timer_find(call->peer, args->timer));
	if (error != WIRE_OK)
		return error;
	if (WIRE_GIVEN(args, arm, values)) {
		error = read_timer_values(call, args, &values);
		if (error != WIRE_OK)
			return error;
		spec.n_values = values.named.n;
		spec.lines = values.named.lines;
		spec.values = values.values;
	}
	error = timer_arm(call->peer, &spec, &timer, &was_armed, call->problem);
	if (error != WIRE_OK)
		return error;

	jsonw_member_u64(call->reply, "armed", timer->armed);
	jsonw_member_bool(call->reply, "was_armed", was_armed);
	jsonw_member_u64(call->reply, "timestamp_ns", timer->deadline.at_ns);
	jsonw_member_u64(call->reply, "seq", call->daemon->log.head);
	return WIRE_OK;
}

enum wire_error op_disarm(struct call *call)
{
	struct timer *timer = timer_find(call->peer, call->request->args.disarm.timer);
	enum wire_error error = check_user(call, timer);

	if (error != WIRE_OK)
		return error;
	if (timer)
		timer_disarm(timer);
	jsonw_member_bool(call->reply, "was_armed", timer != NULL);
	jsonw_member_u64(call->reply, "seq", call->daemon->log.head);
	return WIRE_OK;
}

static void write_timer(struct jsonw *w, const struct timer *timer)
{
	char duration[DURATION_MAX];

	jsonw_begin_object(w);
	jsonw_member_string(w, "timer", timer->name);
	jsonw_member_u64(w, "armed", timer->armed);
	jsonw_member_u64(w, "timestamp_ns", timer->deadline.at_ns);
	if (timer->every_ns)
		jsonw_member_string(
			w, "every", duration_format(timer->every_ns, duration, sizeof(duration)));
	if (timer->tag)
		jsonw_member_string(w, "tag", timer->tag);
	jsonw_member_bool(w, "keep", timer->keep);
	jsonw_key(w, "by");
	peer_id_write(w, &timer->by);
	jsonw_end_object(w);
}

static bool is_visible(const struct call *call, const struct timer *timer)
{
	if (timer_is_private(timer))
		return timer->owner == call->peer;
	return timer->user == call->peer->user || access_sees_timers(call->daemon, &call->peer->id);
}

/* The next timer in the order of arming, after number `armed`, as far as the connection may see it.
 */
static const struct timer *next_timer(const struct call *call, uint64_t armed)
{
	const struct timer *next = NULL;

	for (size_t i = 0; i < TIMER_BUCKETS; i++)
		list_for_each (link, &call->daemon->timers.buckets[i]) {
			const struct timer *timer = list_object(link, struct timer, hash_link);

			if (timer->armed > armed && (!next || timer->armed < next->armed) &&
				is_visible(call, timer))
				next = timer;
		}
	return next;
}

static enum wire_error read_after(struct call *call, const struct args_timers *args, uint64_t *ret)
{
	char *end;

	*ret = 0;
	if (!WIRE_GIVEN(args, timers, after))
		return WIRE_OK;

	*ret = strtoull(args->after, &end, 10);
	if (end == args->after || *end)
		return problem_field(call->problem, WIRE_E_BAD_TYPE, "after",
			"after must be the next of an earlier reply");
	return WIRE_OK;
}

#define PAGE_TIMERS 64

enum wire_error op_timers(struct call *call)
{
	const struct args_timers *args = &call->request->args.timers;
	int64_t limit = WIRE_GIVEN(args, timers, limit) ? args->limit : PAGE_TIMERS;
	struct jsonw *w = call->reply;
	const struct timer *timer;
	char next[24];
	uint64_t armed;
	enum wire_error error = read_after(call, args, &armed);

	if (error != WIRE_OK)
		return error;
	if (limit > PAGE_TIMERS)
		limit = PAGE_TIMERS;

	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "timers");
	jsonw_begin_array(w);
	for (timer = next_timer(call, armed); timer && limit-- > 0;
		timer = next_timer(call, armed)) {
		write_timer(w, timer);
		armed = timer->armed;
	}
	jsonw_end_array(w);
	if (timer) {
		*put_u64(next, armed) = 0;
		jsonw_member_string(w, "next", next);
	}
	return WIRE_OK;
}
