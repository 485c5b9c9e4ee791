/* SPDX-License-Identifier: MIT */

#include "interlock.h"

#include <stdio.h>

#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "line.h"
#include "output.h"
#include "request.h"

static uint64_t interlocks_of(const struct line *line)
{
	return line->config ? line->config->interlocks : 0;
}

bool interlock_excludes(const struct line *a, const struct line *b)
{
	return (interlocks_of(a) & interlocks_of(b)) != 0;
}

/* As it will be after the write with this mark; 0: as it is. */
static bool is_on(const struct line *line, uint64_t mark)
{
	if (mark && line->write_mark == mark)
		return line->write_value == 1;
	return line_is_output(line) && line->value == 1;
}

/* only_marked: what is 1 now may be 0 by the time of the write. */
static const struct line *find_on(const struct line *line, uint64_t mark, bool only_marked)
{
	const struct daemon *daemon = line->chip->daemon;

	for (size_t id = 0; interlocks_of(line) && id < daemon->lines.n; id++) {
		const struct line *other = daemon->lines.v[id];

		if (other == line || (only_marked && other->write_mark != mark))
			continue;
		if (interlock_excludes(other, line) && is_on(other, mark))
			return other;
	}
	return NULL;
}

const struct line *interlock_find_on(const struct line *line)
{
	return find_on(line, 0, false);
}

static const char *name_of(const struct line *a, const struct line *b)
{
	const uint64_t shared = interlocks_of(a) & interlocks_of(b);

	return a->chip->daemon->config->interlocks[__builtin_ctzll(shared)].name;
}

enum wire_error interlock_refuse_unnamed(const struct line *line, struct wire_problem *problem)
{
	problem_field(problem, WIRE_E_CONFLICT, "values",
		"%s must not be 1 now: another line is, which excludes it", line->canonical);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	return WIRE_E_CONFLICT;
}

static enum wire_error refuse(const struct line *line, const struct line *other,
	const struct peer_id *by, struct wire_problem *problem)
{
	const char *name = name_of(line, other);

	if (!access_may(by, other, ACCESS_SEE))
		return interlock_refuse_unnamed(line, problem);
	problem_field(problem, WIRE_E_CONFLICT, "values",
		"%s and %s must not be 1 together (interlock %s); set %s to 0 first, or in the "
		"same request",
		line->canonical, other->canonical, name, other->canonical);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	(void)snprintf(problem->interlock, sizeof(problem->interlock), "%s", name);
	(void)snprintf(problem->on, sizeof(problem->on), "%s", other->canonical);
	return WIRE_E_CONFLICT;
}

enum wire_error interlock_check(
	const struct output_write *write, uint64_t mark, struct wire_problem *problem)
{
	for (size_t i = 0; i < write->n; i++) {
		const struct line *line = write->lines[i];
		const struct line *other = NULL;

		if (is_on(line, mark))
			other = find_on(line, mark, write->is_for_later);
		if (other)
			return refuse(line, other, write->by, problem);
	}
	return WIRE_OK;
}

bool interlock_comes_first(const struct line *line, const struct output_write *write, uint64_t mark)
{
	if (!interlocks_of(line) || is_on(line, mark))
		return false;

	for (size_t i = 0; i < write->n; i++) {
		const struct line *other = write->lines[i];

		if (interlock_excludes(other, line) && is_on(other, mark) &&
			other->request != line->request)
			return true;
	}
	return false;
}

static void switch_off(struct line *line, const struct line *other)
{
	diag_line(DIAG_ERROR, line->canonical,
		"%s and %s were found to be 1 together, which interlock %s forbids; %s is "
		"switched off",
		line->canonical, other->canonical, name_of(line, other), line->canonical);
	output_set_later(line, 0, "interlock", NULL);
}

void interlocks_settle(struct daemon *daemon)
{
	const struct line *others[WIRE_MAX_LINES];
	struct line *lines[WIRE_MAX_LINES];
	size_t n = 0;

	/* All are found before the first goes off: none is better than another. */
	for (size_t id = 0; id < daemon->lines.n && n < WIRE_MAX_LINES; id++) {
		struct line *line = daemon->lines.v[id];
		const struct line *other = is_on(line, 0) ? find_on(line, 0, false) : NULL;

		if (other) {
			lines[n] = line;
			others[n++] = other;
		}
	}
	for (size_t i = 0; i < n; i++)
		switch_off(lines[i], others[i]);
}
