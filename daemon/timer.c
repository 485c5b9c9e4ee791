/* SPDX-License-Identifier: MIT */

#include "timer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "daemon.h"
#include "event.h"
#include "filter.h"
#include "output.h"
#include "peer.h"
#include "timer_kept.h"
#include "user.h"
#include "watch.h"

static void expire(struct deadline *deadline, uint64_t now_ns);

void timers_init(struct timers *timers)
{
	*timers = (struct timers){ 0 };
	for (size_t i = 0; i < TIMER_BUCKETS; i++)
		list_init(&timers->buckets[i]);
}

static struct list *bucket_of(struct timers *timers, uint64_t hash)
{
	return &timers->buckets[hash % TIMER_BUCKETS];
}

struct timer *timer_find(struct peer *peer, const char *name)
{
	const uint64_t hash = filter_timer_hash(name);

	list_for_each (link, bucket_of(&peer->daemon->timers, hash)) {
		struct timer *timer = list_object(link, struct timer, hash_link);

		if (timer->hash == hash && strcmp(timer->name, name) == 0 &&
			(!timer_is_private(timer) || timer->owner == peer))
			return timer;
	}
	return NULL;
}

/* The owner gets its events unasked: that counts as a subscription. */
static void count_notify(const struct timer *timer, int n)
{
	struct watch *watch = timer->owner ? timer->owner->watch : NULL;

	if (!timer->notify || !watch)
		return;

	watch->n_own += (unsigned)n;
	watch_update(watch);
}

static void disown(struct timer *timer)
{
	if (!timer->owner)
		return;

	count_notify(timer, -1);
	timer->owner->n_timers--;
	list_remove(&timer->peer_link);
	timer->owner = NULL;
}

void timer_set_user(struct timer *timer, struct user *user)
{
	if (user)
		user_hold(user)->n_timers++;
	if (timer->user)
		timer->user->n_timers--;
	user_let_go(timer->user);
	timer->user = user;
}

static void own(struct timer *timer, struct peer *peer)
{
	timer_set_user(timer, peer->user);
	timer->owner = peer;
	timer->owner_number = peer->id.peer;
	timer->by = peer->id;
	peer->n_timers++;
	list_append(&peer->timers, &timer->peer_link);
	count_notify(timer, 1);
}

static void free_details(struct timer *timer)
{
	free(timer->tag);
	free(timer->lines);
	timer->tag = NULL;
	timer->lines = NULL;
	timer->values = NULL;
	timer->n_values = 0;
}

static void timer_free(struct timer *timer)
{
	struct daemon *daemon = timer->daemon;

	timer_forget(timer);
	loop_clear_deadline(&daemon->loop, &timer->deadline);
	disown(timer);
	timer_set_user(timer, NULL);
	list_remove(&timer->hash_link);
	daemon->timers.n--;
	free_details(timer);
	free(timer);
}

void timer_disarm(struct timer *timer)
{
	timer_free(timer);
}

void timers_done(struct daemon *daemon)
{
	for (size_t i = 0; i < TIMER_BUCKETS; i++)
		list_for_each_safe (link, following, &daemon->timers.buckets[i])
			timer_free(list_object(link, struct timer, hash_link));
}

static enum wire_error check_limits(
	struct peer *peer, const struct timer *existing, struct wire_problem *problem)
{
	const struct config *config = peer->daemon->config;

	if (!existing && peer->daemon->timers.n >= config->timers)
		return problem_set(problem, WIRE_E_LIMIT,
			"%u timers are armed, the limit `timers`; disarm some", config->timers);
	if ((!existing || existing->owner != peer) && peer->n_timers >= config->timers_per_client)
		return problem_set(problem, WIRE_E_LIMIT,
			"this connection has %u timers armed, the limit `timers-per-client`; "
			"disarm some",
			config->timers_per_client);
	if ((!existing || existing->user != peer->user) &&
		peer->user->n_timers >= config->timers_per_uid)
		return problem_set(problem, WIRE_E_LIMIT,
			"this user's clients have %u timers armed, the limit `timers-per-uid`; "
			"disarm some",
			config->timers_per_uid);
	return WIRE_OK;
}

/* Copies of what the specification points at. */
static bool copy_details(const struct timer_spec *spec, struct timer *ret)
{
	if (spec->tag) {
		ret->tag = strdup(spec->tag);
		if (!ret->tag)
			return false;
	}
	if (!spec->n_values)
		return true;

	ret->lines = malloc(spec->n_values * (sizeof(*ret->lines) + sizeof(*ret->values)));
	if (!ret->lines) {
		free(ret->tag);
		return false;
	}
	ret->values = (uint8_t *)(ret->lines + spec->n_values);
	ret->n_values = spec->n_values;
	memcpy(ret->lines, spec->lines, spec->n_values * sizeof(*ret->lines));
	memcpy(ret->values, spec->values, spec->n_values * sizeof(*ret->values));
	return true;
}

static struct timer *timer_new(struct daemon *daemon, const char *name)
{
	struct timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;

	timer->daemon = daemon;
	strncpy(timer->name, name, sizeof(timer->name) - 1);
	timer->hash = filter_timer_hash(name);
	deadline_init(&timer->deadline, expire);
	list_init(&timer->peer_link);
	list_append(bucket_of(&daemon->timers, timer->hash), &timer->hash_link);
	daemon->timers.n++;
	return timer;
}

/* A number that no daemon of this log gives twice: after a restart they go on at the next 1024. */
static uint64_t next_arming(struct daemon *daemon)
{
	const uint64_t armed = ++daemon->timers.armings;

	atomic_store(&daemon->log.header->armings_1024, (uint32_t)(armed / 1024 + 1));
	return armed;
}

enum wire_error timer_arm(struct peer *peer, const struct timer_spec *spec,
	const struct timer **ret, bool *ret_was_armed, struct wire_problem *problem)
{
	struct daemon *daemon = peer->daemon;
	struct timer *timer = timer_find(peer, spec->name), details = { 0 };
	enum wire_error error = check_limits(peer, timer, problem);
	const bool was_armed = timer != NULL;

	if (error != WIRE_OK)
		return error;
	/* To be told unasked takes a watch, whose memory must not be missing at the expiry. */
	if ((spec->notify && !watch_get(peer)) || !copy_details(spec, &details))
		return problem_set(problem, WIRE_E_INTERNAL, "memory is short");

	if (!timer)
		timer = timer_new(daemon, spec->name);
	if (!timer || loop_set_deadline(&daemon->loop, &timer->deadline,
			      clock_now_ns() + spec->after_ns) < 0) {
		if (timer)
			timer_free(timer);
		free_details(&details);
		return problem_set(problem, WIRE_E_INTERNAL, "memory is short");
	}
	disown(timer);
	free_details(timer);
	timer->tag = details.tag;
	timer->lines = details.lines;
	timer->values = details.values;
	timer->n_values = details.n_values;
	timer->every_ns = spec->every_ns;
	timer->keep = spec->keep;
	timer->notify = spec->notify;
	timer->armed = next_arming(daemon);
	own(timer, peer);
	timer_remember(timer);
	*ret = timer;
	*ret_was_armed = was_armed;
	return WIRE_OK;
}

void timers_peer_left(struct peer *peer)
{
	struct daemon *daemon = peer->daemon;

	list_for_each_safe (link, following, &peer->timers) {
		struct timer *timer = list_object(link, struct timer, peer_link);

		disown(timer);
		timer->owner_number = 0;
		if (timer->keep && !timer_is_private(timer)) {
			timer_remember(timer);
			continue;
		}
		if (!timer_is_private(timer))
			event_timer_ended(daemon, timer, "disconnect");
		timer_free(timer);
	}
}

/* Writes what the timer is to set; why not, if refused. */
static const struct wire_problem *set_values(const struct timer *timer)
{
	static const char *changed[WIRE_MAX_LINES];
	static struct wire_problem problem;
	char cause[sizeof("timer:") + WIRE_MAX_NAME_BYTES] = "timer:";
	struct output_result result = { .changed = changed };
	const struct output_write write = { .n = timer->n_values,
		.lines = timer->lines,
		.values = timer->values,
		.cause = strcat(cause, timer->name),
		.by = &timer->by };

	if (!timer->n_values || output_apply(&write, &result, &problem) == WIRE_OK)
		return NULL;
	return &problem;
}

static void expire(struct deadline *deadline, uint64_t now_ns)
{
	struct timer *timer = list_object(deadline, struct timer, deadline);
	struct daemon *daemon = timer->daemon;
	uint64_t due_ns = timer->deadline.at_ns, expirations = 1;

	if (timer->every_ns && now_ns > due_ns) {
		uint64_t more = (now_ns - due_ns) / timer->every_ns;

		expirations += more;
		due_ns += more * timer->every_ns;
	}
	/* Set again before its events, so that its phase does not depend on them; the heap has
	 * room. */
	if (timer->every_ns)
		(void)loop_set_deadline(&daemon->loop, &timer->deadline, due_ns + timer->every_ns);

	event_timer(daemon, timer, expirations, due_ns, set_values(timer));
	if (timer->every_ns)
		timer_remember(timer);
	else
		timer_free(timer);
}

bool timers_take_over(struct peer *from, struct peer *to)
{
	if (!list_empty(&from->timers) && !watch_get(to))
		return false;

	list_for_each_safe (link, following, &from->timers) {
		struct timer *timer = list_object(link, struct timer, peer_link);
		const struct peer_id by = timer->by;

		disown(timer);
		own(timer, to);
		timer->by = by;
	}
	return true;
}

struct timer *timer_restore(struct daemon *daemon, const char *name, struct peer *owner)
{
	struct timer *timer = timer_new(daemon, name);

	if (timer && owner)
		own(timer, owner);
	return timer;
}

void timers_note_evicted(struct timers *timers, const struct log_entry *entry)
{
	timers->evicted[entry->timer_hash % TIMER_BUCKETS] = entry->seq;
	timers->evicted_any = entry->seq;
}

uint64_t timers_evicted_seq(const struct timers *timers, uint64_t hash)
{
	return timers->evicted[hash % TIMER_BUCKETS];
}

bool timers_set_line(const struct timers *timers, const struct line *line)
{
	for (size_t i = 0; i < TIMER_BUCKETS; i++)
		list_for_each (link, &timers->buckets[i]) {
			const struct timer *timer = list_object(link, struct timer, hash_link);

			for (size_t k = 0; k < timer->n_values; k++)
				if (timer->lines[k] == line)
					return true;
		}
	return false;
}
