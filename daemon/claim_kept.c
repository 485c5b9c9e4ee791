/* SPDX-License-Identifier: MIT */

#include "claim_kept.h"

#include "claim.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "interlock.h"
#include "kept_records.h"
#include "line.h"
#include "session.h"
#include "use.h"

static struct kept *kept_of(const struct line *line)
{
	return &line->chip->daemon->log.kept;
}

void claim_remember(struct claim *claim)
{
	struct kept_claim record = { .by = claim->owner->id,
		.since_ns = claim->since_ns,
		.ttl_ns = claim->terms.ttl_ns,
		.max_on_ns = claim->terms.max_on_ns,
		.on_disconnect = claim->terms.on_disconnect,
		.has_on_disconnect = claim->terms.has_on_disconnect };

	kept_name_line(claim->line, &record.line);
	kept_put(kept_of(claim->line), &claim->kept, KEPT_CLAIM, &record, sizeof(record));
}

void claim_forget(struct claim *claim)
{
	kept_drop(kept_of(claim->line), &claim->kept);
}

void on_time_remember(struct line *line)
{
	struct kept_on_time record = { .since_ns = line->on_time.since_ns,
		.at_ns = line->on_time.deadline.at_ns };

	kept_name_line(line, &record.line);
	kept_put(kept_of(line), &line->on_time.kept, KEPT_ON_TIME, &record, sizeof(record));
}

void on_time_forget_record(struct line *line)
{
	kept_drop(kept_of(line), &line->on_time.kept);
}

/* Limits. */

struct restoring {
	struct daemon *daemon;
	union {
		struct kept_claim claim;
		struct kept_on_time on_time;
	} record;
};

static void restore_on_time(uint32_t handle, size_t n, void *data)
{
	struct restoring *restoring = data;
	const struct kept_on_time *record = &restoring->record.on_time;
	struct daemon *daemon = restoring->daemon;
	struct line *line = NULL;
	uint32_t mine = handle;

	if (n == sizeof(*record))
		line = kept_find_line(daemon, &record->line);
	if (!line) {
		kept_drop(&daemon->log.kept, &mine);
		return;
	}
	on_time_go_on(line, handle, record->since_ns, record->at_ns);
}

/* Claims. */

static bool is_sound(const struct kept_claim *record, size_t n)
{
	return n == sizeof(*record) && record->on_disconnect <= ON_DISCONNECT_SAFE &&
	       record->by.peer;
}

/* It is an output of ours, or will be as soon as it is there. */
static bool can_be_claimed(const struct line *line, const struct peer *owner)
{
	const struct use *use = use_find(line, owner);

	if (line->claim)
		return false;
	if (line->config)
		return line->config->settings.direction == DIRECTION_OUTPUT;
	return use && use->requested && line->settings.direction == DIRECTION_OUTPUT;
}

static void restore_claim(uint32_t handle, size_t n, void *data)
{
	struct restoring *restoring = data;
	const struct kept_claim *record = &restoring->record.claim;
	struct daemon *daemon = restoring->daemon;
	const struct claim_terms terms = { .on_disconnect = record->on_disconnect,
		.has_on_disconnect = record->has_on_disconnect,
		.ttl_ns = record->ttl_ns,
		.max_on_ns = record->max_on_ns };
	struct peer *owner = NULL;
	struct line *line = NULL;
	uint32_t mine = handle;

	if (is_sound(record, n))
		line = kept_find_line(daemon, &record->line);
	if (line)
		owner = session_owner(daemon, &record->by);
	if (owner && can_be_claimed(line, owner) &&
		claim_go_on(line, owner, &terms, record->since_ns, handle))
		return;

	diag_warning("a claim of %.31s:%u by %.64s ends: the line is not there, or not an output, "
		     "any more",
		record->line.chip_label, record->line.offset,
		record->by.client[0] ? record->by.client : "a client");
	kept_drop(&daemon->log.kept, &mine);
}

void claims_restore(struct daemon *daemon)
{
	struct restoring restoring = { .daemon = daemon };
	struct kept *kept = &daemon->log.kept;

	kept_each(kept, KEPT_ON_TIME, &restoring.record, sizeof(restoring.record.on_time),
		restore_on_time, &restoring);
	kept_each(kept, KEPT_CLAIM, &restoring.record, sizeof(restoring.record.claim),
		restore_claim, &restoring);
}

void claims_settle(struct daemon *daemon)
{
	for (size_t id = 0; id < daemon->lines.n; id++)
		on_time_found(daemon->lines.v[id]);
	interlocks_settle(daemon);
}
