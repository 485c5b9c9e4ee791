/* SPDX-License-Identifier: MIT */

#include "on_time.h"

#include "claim.h"
#include "claim_kept.h"
#include "clock.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "line.h"
#include "output.h"

#define AGAIN_NS (1 * NSEC_PER_SEC) /* when the hardware refuses */

static struct line *line_of(struct deadline *deadline)
{
	return list_object(list_object(deadline, struct on_time, deadline), struct line, on_time);
}

/* By the configuration; UINT64_MAX: never. */
static uint64_t configured_ns(const struct line *line)
{
	if (!line->config || !line->config->max_on_ns)
		return UINT64_MAX;
	return line->on_time.since_ns + line->config->max_on_ns;
}

/* The claim may end before the time that it began, so that is noted. */
static void note_claim(struct line *line)
{
	struct on_time *on_time = &line->on_time;
	const struct claim *claim = line->claim;
	uint64_t due;

	if (!claim || !claim->terms.max_on_ns)
		return;

	/* Who claims a line that is 1 already has the whole time. */
	due = on_time->since_ns > claim->since_ns ? on_time->since_ns : claim->since_ns;
	due += claim->terms.max_on_ns;
	if (!on_time->claimed_ns || due < on_time->claimed_ns)
		on_time->claimed_ns = due;
}

/* UINT64_MAX: never. */
static uint64_t due_ns(struct line *line)
{
	const uint64_t due = configured_ns(line);

	note_claim(line);
	return line->on_time.claimed_ns && line->on_time.claimed_ns < due ? line->on_time.claimed_ns
									  : due;
}

static int limit(struct line *line, uint64_t due)
{
	struct on_time *on_time = &line->on_time;
	int r;

	if (due == UINT64_MAX ||
		(deadline_is_set(&on_time->deadline) && on_time->deadline.at_ns <= due))
		return 0;

	r = loop_set_deadline(&line->chip->daemon->loop, &on_time->deadline, due);
	if (r == 0)
		on_time_remember(line);
	return r;
}

static void end(struct line *line)
{
	line->on_time.since_ns = 0;
	line->on_time.claimed_ns = 0;
	loop_clear_deadline(&line->chip->daemon->loop, &line->on_time.deadline);
	on_time_forget_record(line);
}

int on_time_note(struct line *line, uint8_t value)
{
	if (value != 1) {
		end(line);
		return 0;
	}
	if (line->on_time.since_ns)
		return 0;

	line->on_time.since_ns = clock_now_ns();
	return limit(line, due_ns(line));
}

static void expire(struct deadline *deadline, uint64_t now_ns)
{
	struct line *line = line_of(deadline);
	struct daemon *daemon = line->chip->daemon;
	struct wire_problem problem;

	if (!line_is_output(line)) {
		/* Its chip is gone; when it comes back, the line is off. */
		line->wanted = 0;
		line->owed = true;
		line_keep(line);
		end(line);
		return;
	}
	if (output_set(line, 0, "max-on", NULL, &problem) == WIRE_OK)
		return;

	output_tell_failure(line, "max-on", NULL, &problem);
	/* The heap has had room for it. */
	(void)loop_set_deadline(&daemon->loop, deadline, now_ns + AGAIN_NS);
}

void on_time_init(struct on_time *on_time)
{
	*on_time = (struct on_time){ 0 };
	deadline_init(&on_time->deadline, expire);
}

void on_time_found(struct line *line)
{
	if (!line_is_output(line) || on_time_note(line, line->value) == 0)
		return;

	diag_error("%s: memory is short", line->canonical);
	expire(&line->on_time.deadline, clock_now_ns());
}

void on_time_go_on(struct line *line, uint32_t kept, uint64_t since_ns, uint64_t at_ns)
{
	line->on_time.kept = kept;
	line->on_time.since_ns = since_ns ? since_ns : 1;
	/* A claim that may have ended since, or another configuration, said so. */
	if (at_ns < configured_ns(line))
		line->on_time.claimed_ns = at_ns;
	/* The configuration may be another now: the shorter time counts. */
	if (limit(line, at_ns) < 0 || limit(line, due_ns(line)) < 0)
		expire(&line->on_time.deadline, clock_now_ns());
}

void on_time_shorten(struct line *line)
{
	if (line->on_time.since_ns && limit(line, due_ns(line)) < 0)
		expire(&line->on_time.deadline, clock_now_ns());
}

void on_time_recompute(struct line *line)
{
	loop_clear_deadline(&line->chip->daemon->loop, &line->on_time.deadline);
	on_time_forget_record(line);
	on_time_shorten(line);
}

void on_time_forget(struct line *line)
{
	loop_clear_deadline(&line->chip->daemon->loop, &line->on_time.deadline);
}
