/* SPDX-License-Identifier: MIT */

#include "hold.h"

#include <errno.h>
#include <string.h>

#include "command.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "interlock.h"
#include "line.h"
#include "output.h"
#include "request.h"
#include "use.h"

/* What is to be requested in one call. */
struct lot {
	size_t n;
	struct line *lines[REQUEST_LINES_MAX];
	struct line_settings settings[REQUEST_LINES_MAX];
	enum initial initials[REQUEST_LINES_MAX];
};

/* At most one of an interlock's lines comes up with 1. */
static enum initial allow(const struct lot *lot, const struct line *line, enum initial initial)
{
	const struct line *other = interlock_find_on(line);

	for (size_t i = 0; i < lot->n && !other; i++)
		if (lot->initials[i] == INITIAL_1 && interlock_excludes(lot->lines[i], line))
			other = lot->lines[i];
	if (initial != INITIAL_1 || !other)
		return initial;

	diag_line(DIAG_WARNING, line->canonical,
		"%s comes up with 0 and not with 1, since %s of the same interlock is 1",
		line->canonical, other->canonical);
	return INITIAL_0;
}

/* One that comes back is driven as it was, unless the configuration knows better. It does not of
 * what came due meanwhile; nor after a restart, but of one that is known to have been an input. */
static enum initial initial_of(const struct line *line)
{
	const bool was_input = line->kept && line->wanted == LOG_VALUE_NULL;

	if (line->config->initial != INITIAL_KEEP && !line->owed && (!line->restored || was_input))
		return line->config->initial;
	if (line->wanted == LOG_VALUE_NULL)
		return INITIAL_KEEP;
	return line->wanted ? INITIAL_1 : INITIAL_0;
}

static void add_configured(struct lot *lot, struct line *line)
{
	lot->lines[lot->n] = line;
	lot->settings[lot->n] = line->config->settings;
	lot->initials[lot->n] = allow(lot, line, initial_of(line));
	lot->n++;
}

static bool in_same_group(const struct line *a, const struct line *b)
{
	return a->chip == b->chip && b->config && b->config->group[0] &&
	       strcmp(a->config->group, b->config->group) == 0;
}

/* A configured line alone, or its whole group. */
static void make_lot(struct lot *lot, struct line *line)
{
	lot->n = 0;
	if (!line->config->group[0]) {
		add_configured(lot, line);
		return;
	}
	for (unsigned i = 0; i < line->chip->info.n_lines && lot->n < REQUEST_LINES_MAX; i++)
		if (in_same_group(line, line->chip->lines[i]))
			add_configured(lot, line->chip->lines[i]);
}

/* Another line of the group that is on another chip; NULL when one call can take them all. */
static const struct line *find_stray(const struct line *line)
{
	const struct daemon *daemon = line->chip->daemon;

	for (size_t i = 0; line->config->group[0] && i < daemon->lines.n; i++) {
		const struct line *other = daemon->lines.v[i];

		if (other->config && other->chip != line->chip && !line_is_absent(other) &&
			strcmp(other->config->group, line->config->group) == 0)
			return other;
	}
	return NULL;
}

/* Told once, by the first of its lines. Half of the group, or two calls, would not be what the
 * configuration promises. */
static void refuse_group(const struct line *line, const struct line *stray)
{
	const struct daemon *daemon = line->chip->daemon;
	const struct line_config *config = line->config;

	if (line->unavailable != -EXDEV)
		diag_line(DIAG_ERROR, line->canonical,
			"%s:%u: [line %s] group: [line %s] of the same group is on another "
			"chip, %s and not %s; none of the group is taken",
			config->file, config->file_line, config->alias, stray->config->alias,
			stray->chip->info.name, line->chip->info.name);
	for (size_t i = 0; i < daemon->lines.n; i++) {
		struct line *other = daemon->lines.v[i];

		if (other->config && !other->request &&
			strcmp(other->config->group, config->group) == 0)
			other->unavailable = -EXDEV;
	}
}

static void tell_failure(const struct line *line, int r)
{
	struct line_info info = { 0 };

	(void)line_read_info(line, &info);
	if (r == -EBUSY && info.used)
		diag_line(DIAG_WARNING, line->canonical,
			"line %s (%s:%u) is held by another process or by the kernel, as \"%s\"; "
			"it will be taken when it is free",
			line->canonical, line->chip->info.name, line->offset, info.consumer);
	else
		diag_line(DIAG_WARNING, line->canonical,
			"line %s (%s:%u) cannot be taken: %s; it will be tried again",
			line->canonical, line->chip->info.name, line->offset, strerror(-r));
}

static void note_failure(struct line *line, int r)
{
	if (line->unavailable != r)
		tell_failure(line, r);
	line->unavailable = r;
}

/* No waiting mends these, but another configuration, or other hardware. */
static bool is_lasting(int r)
{
	static const int lasting[] = { EINVAL, EPERM, EXDEV, E2BIG, ENXIO, EOPNOTSUPP };

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (r == -lasting[i])
			return true;
	return false;
}

/* Its chip will tell when somebody else gives it back. What the pin controller has, or an interrupt
 * shared with another line, has no consumer, and nobody tells. */
static bool freeing_is_told(struct line *line)
{
	struct line_info info;

	line_check_taken(line);
	return line->taken && line_read_info(line, &info) == 0 && info.consumer[0];
}

/* After a failure. Nothing is tried again at intervals that is told when it can be: a line that is
 * freed, a chip that comes back (-ENODEV). */
static bool is_worth_retrying(size_t n, struct line *const *lines, int r)
{
	if (r == -ENODEV || is_lasting(r))
		return false;
	for (size_t i = 0; r == -EBUSY && i < n; i++)
		if (freeing_is_told(lines[i]))
			return false;
	return true;
}

void hold_failed(size_t n, struct line *const *lines, int r)
{
	for (size_t i = 0; i < n; i++)
		note_failure(lines[i], r);
	if (is_worth_retrying(n, lines, r))
		daemon_retry_later(lines[0]->chip->daemon);
}

static void try_lot(struct daemon *daemon, struct lot *lot, const char *change)
{
	int r = request_new(daemon, lot->n, lot->lines, lot->settings, lot->initials, change);

	if (r < 0)
		hold_failed(lot->n, lot->lines, r);
}

static void take_configured(struct line *line, const char *change)
{
	const struct line *stray = find_stray(line);
	struct lot lot;

	if (stray) {
		refuse_group(line, stray);
		return;
	}
	make_lot(&lot, line);
	try_lot(line->chip->daemon, &lot, change);
}

/* A line that is leaving is taken when it has left. */
static bool is_wanted(const struct line *line)
{
	return !line->request && !line->leaving && (line->config || !list_empty(&line->uses));
}

void line_retry(struct line *line)
{
	int r;

	if (!is_wanted(line) || !line->chip->available)
		return;

	if (line->config) {
		take_configured(line, "available");
		interlocks_settle(line->chip->daemon);
		return;
	}
	r = use_take_again(line);
	if (r < 0)
		hold_failed(1, &line, r);
}

void hold_configured(struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->lines.n; i++) {
		struct line *line = daemon->lines.v[i];

		if (line->config && is_wanted(line) && line->chip->available)
			take_configured(line, "requested");
	}
	interlocks_settle(daemon);
}

void hold_missing(struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->lines.n; i++)
		line_retry(daemon->lines.v[i]);
}

void hold_apply_on_exit(struct line *line, enum on_exit on_exit, const char *cause)
{
	static const struct line_settings input = { .edges = EDGES_NONE };
	struct wire_problem problem;
	int r;

	/* Nobody would end what may be 1 for a time only. */
	if (on_exit == ON_EXIT_RELEASE && line->config->max_on_ns && line->value == 1)
		on_exit = ON_EXIT_0;
	if (!line_is_output(line) || on_exit == ON_EXIT_RELEASE)
		return;

	if (on_exit != ON_EXIT_INPUT) {
		output_set_later(line, on_exit == ON_EXIT_1, cause, NULL);
		return;
	}
	r = request_reconfigure(line->request, line, &input, INITIAL_KEEP);
	if (r < 0) {
		(void)call_line_failed(&problem, line, r, "made an input");
		output_tell_failure(line, cause, NULL, &problem);
	}
}

void hold_end(struct daemon *daemon)
{
	/* What goes off goes off first, for the sake of interlocks. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < daemon->lines.n; i++) {
			struct line *line = daemon->lines.v[i];

			if (line->config && (line->config->on_exit == ON_EXIT_1) == (pass == 1))
				hold_apply_on_exit(line, line->config->on_exit, "exit");
		}
}
