/* SPDX-License-Identifier: MIT */

#include "watch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "jsonw.h"
#include "line.h"
#include "peer.h"
#include "use.h"

static struct daemon *daemon_of(const struct watch *watch)
{
	return watch->peer->daemon;
}

/* Whose timers pass, and whether what names any line does. */
static void set_user(const struct watch *watch, struct filter *filter)
{
	filter->user = access_user_tag(&watch->peer->id);
	filter->all_users = access_sees_timers(daemon_of(watch), &watch->peer->id);
	filter->all_lines = access_sees_all(daemon_of(watch), &watch->peer->id);
}

struct watch *watch_get(struct peer *peer)
{
	struct watch *watch = peer->watch;

	if (watch)
		return watch;

	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return NULL;

	watch->filters[0] = filter_new((uint32_t)peer->daemon->lines.n, peer->id.peer);
	if (!watch->filters[0]) {
		free(watch);
		return NULL;
	}
	watch->n_filters = 1;
	watch->peer = peer;
	set_user(watch, watch->filters[0]);
	list_init(&watch->entries);
	list_init(&watch->timers_link);
	list_init(&watch->behind_link);
	peer->watch = watch;
	return watch;
}

static void free_entry(struct watch_entry *entry)
{
	list_remove(&entry->line_link);
	list_remove(&entry->watch_link);
	free(entry);
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;

	list_for_each_safe (link, following, &watch->entries)
		free_entry(list_object(link, struct watch_entry, watch_link));
	list_remove(&watch->timers_link);
	list_remove(&watch->behind_link);
	for (size_t i = 0; i < watch->n_filters; i++)
		filter_free(watch->filters[i]);
	free(watch);
	return NULL;
}

/*
 * The filter that a change may be made in: the newest, if it holds from the next event on anyway;
 * else a copy of it that does.
 */
static struct filter *editable(struct watch *watch)
{
	struct daemon *daemon = daemon_of(watch);
	const uint64_t next = daemon->log.head + 1;
	struct filter *newest = watch->filters[watch->n_filters - 1], *copy;

	if (!watch->pending || watch->from[watch->n_filters - 1] == next)
		return newest;
	if (watch->n_filters == WATCH_FILTERS)
		return NULL; /* watch_can_change() was not asked */

	copy = filter_successor(newest, (uint32_t)daemon->lines.n);
	if (!copy)
		return NULL;

	watch->filters[watch->n_filters] = copy;
	watch->from[watch->n_filters] = next;
	watch->n_filters++;
	return copy;
}

struct watch_entry *watch_find_line(const struct watch *watch, const struct line *line)
{
	list_for_each (link, &watch->entries) {
		struct watch_entry *entry = list_object(link, struct watch_entry, watch_link);

		if (entry->line == line)
			return entry;
	}
	return NULL;
}

static struct watch_entry *entry_new(struct watch *watch, struct line *line)
{
	struct daemon *daemon = daemon_of(watch);
	struct watch_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;

	entry->watch = watch;
	entry->line = line;
	list_append(line ? &line->watchers : &daemon->server.watchers_of_all, &entry->line_link);
	list_append(&watch->entries, &entry->watch_link);
	return entry;
}

static const struct filter_entry nothing;

/* What "*" lets pass of a line: nothing of one that may not be watched. */
static const struct filter_entry *star_of(
	const struct watch *watch, const struct filter_entry *star, const struct line *line)
{
	return access_may(&watch->peer->id, line, ACCESS_WATCH) ? star : &nothing;
}

static int set_star(struct watch *watch, struct filter *filter, const struct filter_entry *star)
{
	filter->star = *star;
	for (uint32_t id = 0; id < filter->n_lines; id++) {
		const struct line *line = daemon_of(watch)->lines.v[id];
		int r;

		if (watch_find_line(watch, line))
			continue;

		r = filter_set_line(filter, id, star_of(watch, star, line));
		if (r < 0)
			return r;
	}
	return 0;
}

/* Lets `settings` pass for every line that has no entry of its own. */
static int spread_star(
	struct watch *watch, struct filter *filter, const struct filter_entry *settings)
{
	const struct filter_entry before = filter->star;
	int r = set_star(watch, filter, settings);

	/* What was there before needs no memory. */
	if (r < 0)
		(void)set_star(watch, filter, &before);
	return r;
}

int watch_set_line(struct watch *watch, struct line *line, const struct filter_entry *settings)
{
	struct daemon *daemon = daemon_of(watch);
	struct watch_entry *entry = watch_find_line(watch, line);
	struct filter *filter = editable(watch);
	bool is_new = !entry;
	int r;

	if (!filter)
		return -ENOMEM;
	if (is_new)
		entry = entry_new(watch, line);
	if (!entry)
		return -ENOMEM;

	r = line ? filter_set_line(filter, line->id, settings)
		 : spread_star(watch, filter, settings);
	if (r < 0) {
		if (is_new)
			free_entry(entry);
		return r;
	}
	entry->settings = *settings;
	/* The others are marked already, this watch is not. */
	if (line)
		line->marking = 0;
	else
		daemon->server.all_marking = 0;
	watch_update(watch);
	return 0;
}

void watch_unset_line(struct watch *watch, struct line *line)
{
	struct watch_entry *entry = watch_find_line(watch, line);
	struct filter *filter;

	if (!entry)
		return;

	filter = editable(watch);
	if (!filter)
		filter = watch->filters[watch->n_filters - 1];
	free_entry(entry);
	if (line)
		(void)filter_set_line(filter, line->id, star_of(watch, &filter->star, line));
	else
		(void)spread_star(watch, filter, &nothing);
	watch_update(watch);
}

/* Something of "*" passes that no longer may, or does not that may now. */
static bool star_has_changed(const struct watch *watch)
{
	const struct filter *newest = watch->filters[watch->n_filters - 1];

	for (uint32_t id = 0; id < newest->n_lines; id++) {
		const struct line *line = daemon_of(watch)->lines.v[id];

		if (newest->mask[id] != star_of(watch, &newest->star, line)->mask &&
			!watch_find_line(watch, line))
			return true;
	}
	return false;
}

void watch_access_changed(struct watch *watch)
{
	struct filter *filter;

	list_for_each_safe (link, following, &watch->entries) {
		struct line *line = list_object(link, struct watch_entry, watch_link)->line;

		if (!line || access_may(&watch->peer->id, line, ACCESS_WATCH))
			continue;
		watch_unset_line(watch, line);
		use_unwatch(watch->peer, line);
	}
	set_user(watch, watch->filters[watch->n_filters - 1]);
	if (!star_has_changed(watch))
		return;

	filter = editable(watch);
	if (!filter)
		filter = watch->filters[watch->n_filters - 1];
	/* A lockout of it has its memory already. */
	(void)set_star(watch, filter,
		&(struct filter_entry){ filter->star.mask, filter->star.lockout_ns });
}

static bool has_timer(const struct filter *filter, uint64_t hash)
{
	for (size_t i = 0; i < filter->n_timers; i++)
		if (filter->timers[i] == hash)
			return true;
	return false;
}

int watch_add_timers(struct watch *watch, const struct wire_names *timers)
{
	struct daemon *daemon = daemon_of(watch);
	struct filter *filter = editable(watch);
	size_t n_new = 0;

	if (!filter)
		return -ENOMEM;

	for (size_t i = 0; i < timers->n; i++)
		n_new += !has_timer(filter, filter_timer_hash(timers->v[i]));
	if (filter->n_timers + n_new > WIRE_MAX_TIMER_NAMES)
		return -ENOSPC;

	for (size_t i = 0; i < timers->n; i++) {
		uint64_t hash = filter_timer_hash(timers->v[i]);

		if (!has_timer(filter, hash))
			filter->timers[filter->n_timers++] = hash;
	}
	filter->all_timers |= timers->all;
	list_remove(&watch->timers_link);
	list_append(&daemon->server.watchers_of_timers, &watch->timers_link);
	watch_update(watch);
	return 0;
}

static void forget_timer(struct filter *filter, uint64_t hash)
{
	for (size_t i = 0; i < filter->n_timers; i++)
		if (filter->timers[i] == hash)
			filter->timers[i] = filter->timers[--filter->n_timers];
}

void watch_remove_timers(struct watch *watch, const struct wire_names *timers)
{
	struct filter *filter = editable(watch);

	if (!filter)
		filter = watch->filters[watch->n_filters - 1];
	for (size_t i = 0; i < timers->n; i++)
		forget_timer(filter, filter_timer_hash(timers->v[i]));
	if (timers->all) {
		filter->all_timers = false;
		filter->n_timers = 0;
	}
	if (!filter->all_timers && filter->n_timers == 0)
		list_remove(&watch->timers_link);
	watch_update(watch);
}

void watch_clear(struct watch *watch)
{
	const struct wire_names all_timers = { .all = true };

	list_for_each_safe (link, following, &watch->entries)
		watch_unset_line(watch, list_object(link, struct watch_entry, watch_link)->line);
	watch_remove_timers(watch, &all_timers);
}

bool watch_is_subscribed(const struct watch *watch)
{
	const struct filter *newest = watch->filters[watch->n_filters - 1];

	return !list_empty(&watch->entries) || newest->all_timers || newest->n_timers > 0;
}

void watch_update(struct watch *watch)
{
	struct filter *newest = watch->filters[watch->n_filters - 1], *filter;
	bool active = watch_is_subscribed(watch) || watch->n_own > 0;

	watch->active = active;
	if (newest->active == active)
		return;

	filter = editable(watch);
	(filter ? filter : newest)->active = active;
}

static void set_pending(struct watch *watch, uint64_t cursor)
{
	assert(!watch->pending);
	watch->pending = true;
	watch->cursor = cursor;
	list_append(&daemon_of(watch)->server.behind, &watch->behind_link);
	peer_want_flush(watch->peer);
}

static void mark(struct watch *watch, uint64_t seq)
{
	if (!watch->pending)
		set_pending(watch, seq);
}

static uint64_t count_wanted(const struct watch *watch, uint64_t first, uint64_t last)
{
	const struct log *log = &daemon_of(watch)->log;
	uint64_t count = 0;

	for (uint64_t seq = first; seq <= last; seq++) {
		const struct log_entry *entry = log_at(log, seq);

		if (!filter_wants(watch_filter_at(watch, seq), entry))
			continue;
		if (entry->kind != LOG_LOST)
			count++;
		else if (entry->count == LOG_COUNT_UNKNOWN)
			return LOG_COUNT_UNKNOWN;
		else
			count += entry->count;
	}
	return count;
}

static bool wants_any(const struct watch *watch, uint64_t first, uint64_t last)
{
	for (uint64_t seq = first; seq <= last; seq++)
		if (filter_wants(watch_filter_at(watch, seq), log_at(&daemon_of(watch)->log, seq)))
			return true;
	return false;
}

static void add_loss(
	struct watch *watch, struct loss *loss, uint64_t from, uint64_t count, const char *reason)
{
	const struct loss more = { .reason = reason, .count = count, .from = from };

	loss_add(loss, &more);
	daemon_of(watch)->stats.lost_readers += count == LOG_COUNT_UNKNOWN ? 1 : count;
	watch->peer->lost += count == LOG_COUNT_UNKNOWN ? 1 : count;
}

/* Whether the log has dropped anything after `since` that the filter passes; how much is not known
 * any more. */
static bool wanted_was_evicted(const struct watch *watch, uint64_t since)
{
	const struct daemon *daemon = daemon_of(watch);
	const struct filter *filter = watch->filters[0];

	for (uint32_t id = 0; id < filter->n_lines; id++)
		for (int kind = 0; kind < LOG_LINE_KINDS; kind++)
			if (((filter->mask[id] >> kind) & 1) &&
				daemon->lines.v[id]->evicted_seq[kind] > since)
				return true;
	for (size_t i = 0; i < filter->n_timers; i++)
		if (timers_evicted_seq(&daemon->timers, filter->timers[i]) > since)
			return true;
	if (filter->active && daemon->evicted_config > since)
		return true;
	return filter->all_timers && daemon->timers.evicted_any > since;
}

/* An index entry outlives its bytes until its place is used again. */
static bool entry_is_intact(const struct log *log, uint64_t seq)
{
	return seq >= log->indexed_from && seq + log->entries_mask + 1 > log->head;
}

bool watch_can_resume(const struct watch *watch)
{
	return !watch->pending || (watch->n_filters == 1 && !watch_is_subscribed(watch));
}

/* Begins anew under the newest filter. What its own timers did before the returned seq has been
 * told. */
static uint64_t take_back(struct watch *watch)
{
	const uint64_t told = watch->pending ? watch->cursor : daemon_of(watch)->log.head + 1;

	if (watch->pending)
		watch_caught_up(watch);
	watch->loss = (struct loss){ 0 };
	return told;
}

int watch_resume(struct watch *watch, uint64_t since, uint64_t *ret_replay)
{
	struct daemon *daemon = daemon_of(watch);
	const struct log *log = &daemon->log;
	const uint64_t first = since + 1 < log->tail ? log->tail : since + 1;
	struct filter *newest = watch->filters[watch->n_filters - 1];
	/* Counted with a copy, since counting moves lockouts on. */
	struct filter *trial = filter_copy(newest, newest->n_lines);
	uint64_t count = 0;

	if (!trial)
		return -ENOMEM;

	newest->own_from = trial->own_from = take_back(watch);
	newest->own_after = trial->own_after = watch->peer->own_after;
	if (first > since + 1 && entry_is_intact(log, since + 1)) {
		if (wants_any(watch, since + 1, first - 1))
			add_loss(watch, &watch->loss, since + 1,
				count_wanted(watch, since + 1, first - 1), "log");
	} else if (first > since + 1 && wanted_was_evicted(watch, since)) {
		add_loss(watch, &watch->loss, since + 1, LOG_COUNT_UNKNOWN, "log");
	}

	for (uint64_t seq = first; seq <= log->head; seq++)
		count += filter_passes(trial, log_at(log, seq));
	filter_free(trial);

	if (count > 0 || watch->loss.reason)
		set_pending(watch, first);
	*ret_replay = count + (watch->loss.reason != NULL);
	return 0;
}

void watch_restart(struct watch *watch)
{
	const uint64_t next = watch->pending ? watch->cursor : daemon_of(watch)->log.head + 1;

	add_loss(watch, &watch->loss, next - 1, LOG_COUNT_UNKNOWN, "restart");
	if (!watch->pending)
		set_pending(watch, next);
}

void watch_mark_line(struct line *line, uint64_t seq)
{
	struct daemon *daemon = line->chip->daemon;

	/* Whoever has been marked is still, as long as nobody has caught up since. */
	if (line->marking != daemon->server.marking) {
		line->marking = daemon->server.marking;
		list_for_each (link, &line->watchers)
			mark(list_object(link, struct watch_entry, line_link)->watch, seq);
	}
	if (daemon->server.all_marking != daemon->server.marking) {
		daemon->server.all_marking = daemon->server.marking;
		list_for_each (link, &daemon->server.watchers_of_all)
			mark(list_object(link, struct watch_entry, line_link)->watch, seq);
	}
}

void watch_mark_timer(struct daemon *daemon, struct peer *owner, uint64_t seq)
{
	if (owner && owner->watch)
		mark(owner->watch, seq);
	list_for_each (link, &daemon->server.watchers_of_timers)
		mark(list_object(link, struct watch, timers_link), seq);
}

void watch_mark_peer(struct peer *peer, uint64_t seq)
{
	if (peer->watch)
		mark(peer->watch, seq);
}

void watch_mark_all(struct daemon *daemon, uint64_t seq)
{
	list_for_each (link, &daemon->server.peers) {
		struct peer *peer = list_object(link, struct peer, link);

		if (peer->watch && peer->watch->active)
			mark(peer->watch, seq);
	}
}

/* What the log will still know of the events that go. */
static void remember(struct daemon *daemon, const struct log_entry *entry)
{
	if (entry->kind < LOG_LINE_KINDS) {
		struct line *line = daemon->lines.v[entry->subject];

		line->evicted_seq[entry->kind] = entry->seq;
		line->evicted_value = entry->value;
	} else if (entry->kind == LOG_TIMER || entry->kind == LOG_TIMER_ENDED) {
		timers_note_evicted(&daemon->timers, entry);
	} else if (entry->kind == LOG_CONFIG) {
		daemon->evicted_config = entry->seq;
	}
}

static void lose(struct watch *watch, struct loss *loss, uint64_t first, uint64_t last)
{
	if (first <= last && wants_any(watch, first, last))
		add_loss(watch, loss, first, count_wanted(watch, first, last), "slow-reader");
}

/*
 * The log overtakes the cursor. A reply that waits behind events that go states a seq which the
 * client may continue from, so what was lost before it is told before it.
 */
static void overtake(struct watch *watch, uint64_t last)
{
	struct peer *peer = watch->peer;

	for (size_t i = 0; i < peer->n_replies; i++) {
		struct reply *reply = &peer->replies[peer->first_reply + i];

		if (reply->after < watch->cursor || reply->after > last)
			continue;
		lose(watch, &watch->loss, watch->cursor, reply->after);
		loss_add(&reply->loss, &watch->loss);
		watch->loss = (struct loss){ 0 };
		watch->cursor = reply->after + 1;
	}
	lose(watch, &watch->loss, watch->cursor, last);
	watch->cursor = last + 1;
	watch_advance(watch, watch->cursor);
}

void watch_evict(struct log *log, uint64_t first, uint64_t last, void *data)
{
	struct daemon *daemon = data;

	for (uint64_t seq = first; seq <= last; seq++)
		remember(daemon, log_at(log, seq));

	list_for_each (link, &daemon->server.behind) {
		struct watch *watch = list_object(link, struct watch, behind_link);

		if (watch->cursor > last)
			continue;

		overtake(watch, last);
	}
}

int watch_grow(struct daemon *daemon)
{
	list_for_each (link, &daemon->server.peers) {
		struct watch *watch = list_object(link, struct peer, link)->watch;

		for (size_t i = 0; watch && i < watch->n_filters; i++) {
			struct filter *copy = filter_copy(
				watch->filters[i], (uint32_t)daemon->lines.n);

			if (!copy)
				return -ENOMEM;
			for (uint32_t id = watch->filters[i]->n_lines; id < copy->n_lines; id++)
				copy->mask[id] =
					star_of(watch, &copy->star, daemon->lines.v[id])->mask;
			filter_free(watch->filters[i]);
			watch->filters[i] = copy;
		}
	}
	return 0;
}

void watch_cut(struct daemon *daemon)
{
	list_for_each (link, &daemon->server.peers) {
		struct watch *watch = list_object(link, struct peer, link)->watch;

		for (size_t i = 0; watch && i < watch->n_filters; i++)
			if (watch->filters[i]->n_lines > daemon->lines.n)
				watch->filters[i]->n_lines = (uint32_t)daemon->lines.n;
	}
}

struct filter *watch_filter_at(const struct watch *watch, uint64_t seq)
{
	size_t i = watch->n_filters - 1;

	while (i > 0 && watch->from[i] > seq)
		i--;
	return watch->filters[i];
}

void watch_advance(struct watch *watch, uint64_t seq)
{
	while (watch->n_filters > 1 && watch->from[1] <= seq) {
		filter_carry_lockouts(watch->filters[1], watch->filters[0]);
		filter_free(watch->filters[0]);
		watch->n_filters--;
		memmove(watch->filters, watch->filters + 1,
			watch->n_filters * sizeof(watch->filters[0]));
		memmove(watch->from, watch->from + 1, watch->n_filters * sizeof(watch->from[0]));
	}
}

void watch_caught_up(struct watch *watch)
{
	if (watch->n_filters > 1)
		watch_advance(watch, UINT64_MAX);
	watch->pending = false;
	daemon_of(watch)->server.marking++;
	list_remove(&watch->behind_link);
}

/* A line is affected when an event of it that the filter passes lies in the gap. */
static bool is_affected(
	const struct watch *watch, const struct filter *filter, const struct line *line)
{
	for (int kind = 0; kind < LOG_LINE_KINDS; kind++)
		if (((filter->mask[line->id] >> kind) & 1) &&
			line->evicted_seq[kind] >= watch->loss.from)
			return true;
	return false;
}

bool watch_write_lost_values(struct jsonw *w, void *data)
{
	const struct watch *watch = data;
	const struct daemon *daemon = daemon_of(watch);
	const struct filter *filter = watch_filter_at(watch, watch->cursor);
	const bool restarted = strcmp(watch->loss.reason, "restart") == 0;

	for (uint32_t id = 0; id < filter->n_lines; id++) {
		const struct line *line = daemon->lines.v[id];
		uint8_t value = restarted ? line->value : line->evicted_value;
		struct jsonw mark = jsonw_mark(w);

		if (restarted ? !(filter->mask[id] && line->request)
			      : !is_affected(watch, filter, line))
			continue;

		/* Room is kept for what comes after the values. */
		jsonw_key(w, line->canonical);
		if (value == LOG_VALUE_NULL)
			jsonw_null(w);
		else
			jsonw_u64(w, value);
		if (w->overflow || w->n + 64 > w->size) {
			jsonw_rewind(w, mark);
			return false;
		}
	}
	return true;
}
