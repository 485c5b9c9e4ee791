/* SPDX-License-Identifier: MIT */

#include "claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim_kept.h"
#include "config.h"
#include "daemon.h"
#include "duration.h"
#include "event.h"
#include "interlock.h"
#include "jsonw.h"
#include "line.h"
#include "output.h"
#include "use.h"
#include "watch.h"

/* More time for requests that wait while the ttl is over: the daemon may have been the late one. */
#define PUT_OFF_NS (10 * NSEC_PER_MSEC)
/* Of a connection that is gone: a part of the 50 ms within which its lines are safe. */
#define LAST_REQUESTS_NS (20 * NSEC_PER_MSEC)

enum wire_error claim_check(
	const struct line *line, const struct peer_id *by, struct wire_problem *problem)
{
	const struct peer_id *holder = line->claim ? &line->claim->owner->id : NULL;

	if (!holder || !by || by->peer == holder->peer)
		return WIRE_OK;

	problem_field(problem, WIRE_E_CLAIMED, "line",
		"%s is claimed by %.64s (connection %u, pid %d, uid %u); it has to let go first",
		line->canonical, holder->client[0] ? holder->client : "another client",
		holder->peer, (int)holder->pid, (unsigned)holder->uid);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	problem->holder.is_client = true;
	memcpy(problem->holder.client, holder->client, sizeof(holder->client));
	problem->holder.peer = holder->peer;
	problem->holder.pid = holder->pid;
	problem->holder.uid = holder->uid;
	return WIRE_E_CLAIMED;
}

static enum safe safe_of(const struct line *line)
{
	return line->config ? line->config->safe : SAFE_NONE;
}

/* Somebody else could give the line back under the claim. */
static bool is_requested_by(const struct line *line, const struct peer *peer)
{
	const struct use *use = use_find(line, peer);

	return line->config || (use && use->requested);
}

static enum wire_error refuse(struct wire_problem *problem, enum wire_error code, const char *field,
	const struct line *line, const char *why)
{
	problem_field(problem, code, field, "%s %s", line->canonical, why);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	return code;
}

static enum wire_error check_terms(
	const struct line *line, const struct claim_terms *terms, struct wire_problem *problem)
{
	const uint64_t max_on_ns = line->config ? line->config->max_on_ns : 0;
	char duration[DURATION_MAX];

	if (terms->has_on_disconnect && terms->on_disconnect == ON_DISCONNECT_SAFE &&
		safe_of(line) == SAFE_NONE)
		return refuse(problem, WIRE_E_OUT_OF_RANGE, "on_disconnect", line,
			"has no safe value in the configuration; say 0, 1 or hold");
	if (terms->max_on_ns && safe_of(line) == SAFE_1)
		return refuse(problem, WIRE_E_OUT_OF_RANGE, "max_on", line,
			"has the safe value 1, and max_on would set it to 0; leave it out");
	if (max_on_ns && terms->max_on_ns > max_on_ns) {
		refuse(problem, WIRE_E_OUT_OF_RANGE, "max_on", line, "");
		(void)snprintf(problem->message, sizeof(problem->message),
			"%s may be 1 for %s at the most, says the configuration; max_on must not "
			"be longer",
			line->canonical, duration_format(max_on_ns, duration, sizeof(duration)));
		return WIRE_E_OUT_OF_RANGE;
	}
	return WIRE_OK;
}

static enum wire_error check(const struct peer *peer, const struct line *line,
	const struct claim_terms *terms, struct wire_problem *problem)
{
	enum wire_error error = output_check_line(line, &peer->id, problem);

	if (error == WIRE_OK)
		error = claim_check(line, &peer->id, problem);
	if (error == WIRE_OK && !is_requested_by(line, peer)) {
		error = refuse(problem, WIRE_E_NOT_REQUESTED, "line", line,
			"is held for others; request it on this connection first, so that it "
			"stays while you have it");
	}
	return error == WIRE_OK ? check_terms(line, terms, problem) : error;
}

/* The owner of a claim that may end by itself is told so unasked: that counts as a subscription. */
static void count_own(struct claim *claim, bool counted)
{
	struct watch *watch = claim->owner->watch;

	if (claim->counted == counted || !watch)
		return;

	claim->counted = counted;
	watch->n_own += counted ? 1 : -1u;
	watch_update(watch);
}

static void set_ttl(struct claim *claim, uint64_t from_ns)
{
	struct loop *loop = &claim->line->chip->daemon->loop;

	claim->put_off = false;
	if (!claim->terms.ttl_ns)
		loop_clear_deadline(loop, &claim->ttl);
	else /* there is room: see obtain_all() */
		(void)loop_set_deadline(loop, &claim->ttl, from_ns + claim->terms.ttl_ns);
}

static void expire_ttl(struct deadline *deadline, uint64_t now_ns);

/* Not in force yet: since_ns is 0. */
static struct claim *claim_new(struct line *line, struct peer *owner)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;

	claim->line = line;
	claim->owner = owner;
	deadline_init(&claim->ttl, expire_ttl);
	list_append(&owner->claims, &claim->peer_link);
	line->claim = claim;
	return claim;
}

static void claim_free(struct claim *claim)
{
	struct line *line = claim->line;

	count_own(claim, false);
	claim_forget(claim);
	loop_clear_deadline(&line->chip->daemon->loop, &claim->ttl);
	list_remove(&claim->peer_link);
	line->claim = NULL;
	free(claim);
}

void claim_done(struct line *line)
{
	if (line->claim)
		claim_free(line->claim);
}

/* Everything that takes memory, so that nothing can fail later. */
static bool obtain_all(
	struct peer *peer, size_t n, struct line *const *lines, const struct claim_terms *terms)
{
	bool all = heap_reserve(&peer->daemon->loop.deadlines, 2 * n) == 0 &&
		   (!terms->ttl_ns || watch_get(peer));

	for (size_t i = 0; all && i < n; i++)
		all = lines[i]->claim || claim_new(lines[i], peer);
	for (size_t i = 0; !all && i < n; i++)
		if (lines[i]->claim && !lines[i]->claim->since_ns)
			claim_free(lines[i]->claim);
	return all;
}

static bool same_terms(const struct claim_terms *a, const struct claim_terms *b)
{
	return a->on_disconnect == b->on_disconnect &&
	       a->has_on_disconnect == b->has_on_disconnect && a->ttl_ns == b->ttl_ns &&
	       a->max_on_ns == b->max_on_ns;
}

static void put_in_force(struct claim *claim, const struct claim_terms *terms, uint64_t now_ns)
{
	struct line *line = claim->line;
	struct claim_terms mine = *terms;

	if (!mine.has_on_disconnect)
		mine.on_disconnect = safe_of(line) == SAFE_NONE ? ON_DISCONNECT_HOLD
								: ON_DISCONNECT_SAFE;
	if (claim->since_ns && same_terms(&claim->terms, &mine))
		return;

	claim->terms = mine;
	claim->since_ns = now_ns;
	claim_remember(claim);
	count_own(claim, mine.ttl_ns != 0);
	set_ttl(claim, claim->since_ns);
	on_time_shorten(line);
	event_line(line, "claimed");
}

/* Two lines that would both go to 1 and must not. */
static enum wire_error check_disconnect(size_t n, struct line *const *lines,
	const struct claim_terms *terms, struct wire_problem *problem)
{
	for (size_t i = 0; i < n && terms->on_disconnect == ON_DISCONNECT_1; i++)
		for (size_t k = 0; k < i; k++)
			if (lines[i] != lines[k] && interlock_excludes(lines[i], lines[k]))
				return refuse(problem, WIRE_E_CONFLICT, "on_disconnect", lines[i],
					"must not be 1 together with another of these lines; "
					"claim them one by one");
	return WIRE_OK;
}

enum wire_error claims_grant(struct peer *peer, size_t n, struct line *const *lines,
	const struct claim_terms *terms, struct wire_problem *problem)
{
	const uint64_t now_ns = clock_now_ns();
	enum wire_error error = WIRE_OK;

	for (size_t i = 0; i < n && error == WIRE_OK; i++)
		error = check(peer, lines[i], terms, problem);
	if (error == WIRE_OK && terms->has_on_disconnect)
		error = check_disconnect(n, lines, terms, problem);
	if (error != WIRE_OK)
		return error;
	if (!obtain_all(peer, n, lines, terms))
		return problem_set(problem, WIRE_E_INTERNAL, "memory is short");

	/* One time for all, so that they also end together. */
	for (size_t i = 0; i < n; i++)
		put_in_force(lines[i]->claim, terms, now_ns);
	return WIRE_OK;
}

void claim_end(struct claim *claim, const char *reason)
{
	struct line *line = claim->line;

	line->claim = NULL;
	event_unclaimed(line, claim, reason);
	claim_free(claim);
}

void claim_lose(struct line *line, const char *reason)
{
	if (line->claim)
		claim_end(line->claim, reason);
}

/* LOG_VALUE_NULL: the line stays as it is. */
static uint8_t value_after(const struct claim *claim)
{
	switch (claim->terms.on_disconnect) {
	case ON_DISCONNECT_0:
		return 0;
	case ON_DISCONNECT_1:
		return 1;
	case ON_DISCONNECT_SAFE:
		return safe_of(claim->line) == SAFE_1;
	default:
		return LOG_VALUE_NULL;
	}
}

static void act(struct claim *claim, const char *cause)
{
	struct line *line = claim->line;
	const uint8_t value = value_after(claim);

	if (value == LOG_VALUE_NULL)
		return;
	if (!line_is_output(line)) {
		line->wanted = value; /* it is set so when its chip is back */
		line->owed = true;
		line_keep(line);
		return;
	}
	output_set_later(line, value, cause, &claim->owner->id);
}

void claim_leave(struct line *line, const char *cause)
{
	if (!line->claim)
		return;

	act(line->claim, cause);
	claim_end(line->claim, cause);
}

void claim_keep_safe(struct line *line, enum safe safe)
{
	struct claim *claim = line->claim;

	if (!claim || claim->terms.on_disconnect != ON_DISCONNECT_SAFE || safe == SAFE_NONE ||
		safe_of(line) != SAFE_NONE)
		return;

	claim->terms.on_disconnect = safe == SAFE_1 ? ON_DISCONNECT_1 : ON_DISCONNECT_0;
	claim_remember(claim);
}

/* A line that no configuration names would be given back, and its level be anything. */
static void stay_driven(struct claim *claim)
{
	if (!claim->line->config && claim->terms.has_on_disconnect)
		claim->line->on_release = ON_RELEASE_HOLD;
}

/* Claims that end together: those of a connection (NULL: of everybody), all or only those that are
 * silent for too long by now_ns. */
struct leaving {
	const struct peer *owner;
	uint64_t now_ns; /* 0: all */
	const char *reason;
};

static uint64_t heard_ns(const struct claim *claim)
{
	return claim->owner->heard_ns > claim->since_ns ? claim->owner->heard_ns : claim->since_ns;
}

static bool is_silent(const struct claim *claim, uint64_t now_ns)
{
	return claim->terms.ttl_ns && heard_ns(claim) + claim->terms.ttl_ns <= now_ns;
}

static bool leaves(const struct line *line, const struct leaving *leaving)
{
	if (!line->claim || (leaving->owner && line->claim->owner != leaving->owner))
		return false;
	return !leaving->now_ns || is_silent(line->claim, leaving->now_ns);
}

/* What goes off goes off first, for the sake of interlocks. */
static void leave(struct daemon *daemon, const struct leaving *leaving)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t id = 0; id < daemon->lines.n; id++) {
			struct line *line = daemon->lines.v[id];

			if (leaves(line, leaving) && (value_after(line->claim) == 1) == (pass == 1))
				act(line->claim, leaving->reason);
		}
	for (size_t id = 0; id < daemon->lines.n; id++)
		if (leaves(daemon->lines.v[id], leaving))
			claim_end(daemon->lines.v[id]->claim, leaving->reason);
}

void claims_hang_up(struct peer *peer)
{
	/* Without memory for a deadline it takes as long as it takes. */
	if (!list_empty(&peer->claims) && !deadline_is_set(&peer->end))
		(void)loop_set_deadline(
			&peer->daemon->loop, &peer->end, clock_now_ns() + LAST_REQUESTS_NS);
}

void claims_peer_left(struct peer *peer)
{
	const struct leaving leaving = { .owner = peer, .reason = "disconnect" };

	list_for_each (link, &peer->claims)
		stay_driven(list_object(link, struct claim, peer_link));
	if (!list_empty(&peer->claims))
		leave(peer->daemon, &leaving);
}

void claims_end(struct daemon *daemon)
{
	const struct leaving leaving = { .reason = "disconnect" };

	leave(daemon, &leaving);
}

static void expire_ttl(struct deadline *deadline, uint64_t now_ns)
{
	struct claim *claim = list_object(deadline, struct claim, ttl);
	struct daemon *daemon = claim->line->chip->daemon;
	const struct leaving leaving = { .owner = claim->owner, .now_ns = now_ns, .reason = "ttl" };

	if (!is_silent(claim, now_ns)) {
		set_ttl(claim, heard_ns(claim));
	} else if (claim->owner->readable && !claim->put_off) {
		claim->put_off = true;
		(void)loop_set_deadline(&daemon->loop, deadline, now_ns + PUT_OFF_NS);
	} else {
		leave(daemon, &leaving);
	}
}

void claims_take_over(struct peer *from, struct peer *to)
{
	struct list *link;

	to->heard_ns = clock_now_ns();
	while ((link = list_take(&from->claims))) {
		struct claim *claim = list_object(link, struct claim, peer_link);

		count_own(claim, false);
		claim->owner = to;
		list_append(&to->claims, &claim->peer_link);
		/* Without memory for a watch it is not told unasked. */
		if (claim->terms.ttl_ns && watch_get(to))
			count_own(claim, true);
		claim_remember(claim);
	}
}

bool claim_go_on(struct line *line, struct peer *owner, const struct claim_terms *terms,
	uint64_t since_ns, uint32_t kept)
{
	struct claim *claim;

	if (heap_reserve(&owner->daemon->loop.deadlines, 1) < 0)
		return false;
	claim = claim_new(line, owner);
	if (!claim)
		return false;

	claim->terms = *terms;
	claim->since_ns = since_ns ? since_ns : 1;
	claim->kept = kept;
	owner->heard_ns = clock_now_ns();
	set_ttl(claim, owner->heard_ns);
	on_time_shorten(line);
	return true;
}

void claims_reload(struct daemon *daemon)
{
	for (size_t id = 0; id < daemon->lines.n; id++)
		on_time_recompute(daemon->lines.v[id]);
	interlocks_settle(daemon);
}

void claim_write_holder(struct jsonw *w, const struct claim *claim, bool with_name)
{
	struct peer_id holder = claim->owner->id;

	if (!with_name)
		holder.client[0] = 0;
	jsonw_key(w, "holder");
	peer_id_write(w, &holder);
}

void claim_write(struct jsonw *w, const struct claim *claim, bool with_name)
{
	static const char *const words[] = { [ON_DISCONNECT_0] = "0",
		[ON_DISCONNECT_1] = "1",
		[ON_DISCONNECT_HOLD] = "hold",
		[ON_DISCONNECT_SAFE] = "safe" };
	const struct claim_terms *terms = &claim->terms;
	char duration[DURATION_MAX];

	jsonw_key(w, "claim");
	jsonw_begin_object(w);
	claim_write_holder(w, claim, with_name);
	jsonw_member_string(w, "on_disconnect", words[terms->on_disconnect]);
	if (terms->ttl_ns)
		jsonw_member_string(
			w, "ttl", duration_format(terms->ttl_ns, duration, sizeof(duration)));
	if (terms->max_on_ns)
		jsonw_member_string(
			w, "max_on", duration_format(terms->max_on_ns, duration, sizeof(duration)));
	jsonw_end_object(w);
}
