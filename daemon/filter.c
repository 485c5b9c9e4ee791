/* SPDX-License-Identifier: MIT */

#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct filter *filter_new(uint32_t n_lines, uint32_t peer)
{
	struct filter *filter = calloc(1, sizeof(*filter) + n_lines);

	if (!filter)
		return NULL;

	filter->n_lines = n_lines;
	filter->peer = peer;
	return filter;
}

struct filter *filter_free(struct filter *filter)
{
	if (filter)
		free(filter->lockouts);
	free(filter);
	return NULL;
}

static int make_lockouts(struct filter *filter, const struct filter *from)
{
	/* Twice: the second half is what filter_save_lockouts() writes. */
	filter->lockouts = calloc(
		filter->n_lines ? 2 * (size_t)filter->n_lines : 1, sizeof(*filter->lockouts));
	if (!filter->lockouts)
		return -ENOMEM;

	for (uint32_t i = 0; i < filter->n_lines; i++)
		if (from && i < from->n_lines)
			filter->lockouts[i] = from->lockouts[i];
		else
			filter->lockouts[i].lockout_ns = filter->star.lockout_ns;
	return 0;
}

struct filter *filter_copy(const struct filter *filter, uint32_t n_lines)
{
	struct filter *copy = filter_new(n_lines, filter->peer);
	uint32_t shared = n_lines < filter->n_lines ? n_lines : filter->n_lines;

	if (!copy)
		return NULL;

	memcpy(copy, filter, sizeof(*copy) + shared);
	memset(copy->mask + shared, filter->star.mask, n_lines - shared);
	copy->n_lines = n_lines;
	copy->lockouts = NULL;
	if (filter->lockouts && make_lockouts(copy, filter) < 0)
		return filter_free(copy);
	return copy;
}

struct filter *filter_successor(const struct filter *filter, uint32_t n_lines)
{
	struct filter *successor = filter_copy(filter, n_lines);

	for (uint32_t i = 0; successor && successor->lockouts && i < n_lines; i++)
		successor->lockouts[i].fresh = false;
	return successor;
}

int filter_set_line(struct filter *filter, uint32_t line, const struct filter_entry *entry)
{
	if (entry->lockout_ns && !filter->lockouts) {
		int r = make_lockouts(filter, NULL);

		if (r < 0)
			return r;
	}
	filter->mask[line] = entry->mask;
	if (filter->lockouts)
		filter->lockouts[line] =
			(struct filter_lockout){ .lockout_ns = entry->lockout_ns, .fresh = true };
	return 0;
}

void filter_carry_lockouts(struct filter *to, const struct filter *from)
{
	for (uint32_t i = 0; to->lockouts && from->lockouts && i < from->n_lines && i < to->n_lines;
		i++)
		if (!to->lockouts[i].fresh)
			to->lockouts[i].last_ns = from->lockouts[i].last_ns;
}

void filter_save_lockouts(struct filter *filter)
{
	if (filter->lockouts)
		memcpy(filter->lockouts + filter->n_lines, filter->lockouts,
			filter->n_lines * sizeof(*filter->lockouts));
}

void filter_restore_lockouts(struct filter *filter)
{
	if (filter->lockouts)
		memcpy(filter->lockouts, filter->lockouts + filter->n_lines,
			filter->n_lines * sizeof(*filter->lockouts));
}

uint64_t filter_timer_hash(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return hash;
}

static bool passes_timer(const struct filter *filter, const struct log_entry *entry)
{
	if (entry->subject == filter->peer && entry->seq < filter->own_from &&
		entry->seq > filter->own_after)
		return false;
	if (entry->subject == filter->peer && (entry->value & LOG_TIMER_NOTIFY))
		return true;
	if ((entry->value & LOG_TIMER_PRIVATE) && entry->subject != filter->peer)
		return false;
	if (!filter->all_users && entry->timer_user != filter->user)
		return false;
	if (filter->all_timers)
		return true;

	for (size_t i = 0; i < filter->n_timers; i++)
		if ((uint32_t)filter->timers[i] == entry->timer_hash)
			return true;
	return false;
}

bool filter_passes_other(const struct filter *filter, const struct log_entry *entry)
{
	if (entry->kind == LOG_TIMER || entry->kind == LOG_TIMER_ENDED)
		return passes_timer(filter, entry);

	if (entry->kind == LOG_LINE && entry->owner && entry->owner == filter->peer)
		return entry->seq >= filter->own_from || entry->seq <= filter->own_after;
	if (entry->kind < LOG_LINE_KINDS)
		return (filter->mask[entry->subject] >> entry->kind) & 1;

	/* With names of lines, from before some were hidden. */
	if (entry->kind == LOG_CONFIG && entry->value && !filter->all_lines)
		return false;
	return filter->active;
}

bool filter_passes_lockout(struct filter *filter, const struct log_entry *entry)
{
	struct filter_lockout *lockout = &filter->lockouts[entry->subject];

	if (!lockout->lockout_ns)
		return true;
	if (lockout->last_ns && entry->timestamp_ns - lockout->last_ns < lockout->lockout_ns)
		return false;

	lockout->last_ns = entry->timestamp_ns;
	return true;
}
