/* SPDX-License-Identifier: MIT */
/*
 * The difference between two configurations, line by line: names are resolved as at the start,
 * without aliases, then the lines that either configuration names are sorted into the requests that
 * there shall be, which are compared with those that there are.
 */

#include "reload_plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_table.h"
#include "daemon.h"
#include "line.h"
#include "names.h"
#include "opinion.h"
#include "request.h"
#include "use.h"

void reload_plan_refuse(struct reload_plan *plan, const struct line_config *config, const char *key,
	const char *format, ...)
{
	char title[WIRE_MAX_NAME_BYTES + 8], text[1000];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)snprintf(title, sizeof(title), "line %s", config->alias);
	problems_add(&plan->problems,
		(struct where){ .file = config->file, .line = config->file_line }, title, key, "%s",
		text);
}

/* The names of what there is, as `line =` sees them: without aliases. */
static int make_space(const struct reload_plan *plan, struct name_space *space)
{
	const struct daemon *daemon = plan->daemon;
	struct name_entry *entries = calloc(daemon->lines.n + 1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;

	for (size_t id = 0; id < daemon->lines.n; id++) {
		entries[id] = daemon->lines.entries[id];
		entries[id].alias = NULL;
	}
	*space = (struct name_space){
		.n = daemon->lines.n, .entries = entries, .board = plan->board
	};
	return 0;
}

/* The struct that stands for a line of this spelling that is not there, if there is one. */
static struct line *find_absent(const struct daemon *daemon, const char *written)
{
	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];

		if (line_is_absent(line) && line->config &&
			strcmp(line->config->line, written) == 0)
			return line;
	}
	return NULL;
}

static void add(struct reload_plan *plan, struct line *line, const struct line_config *after)
{
	plan->steps[plan->n++] =
		(struct reload_step){ .line = line, .before = line->config, .after = after };
}

static int add_absent(struct reload_plan *plan, const struct line_config *config, uint32_t *next)
{
	struct line *line = find_absent(plan->daemon, config->line);

	if (!line) {
		int r = line_obtain_absent(plan->daemon, *next, &line);

		if (r < 0)
			return r;
		*next = line->id + 1;
	}
	add(plan, line, config);
	return 0;
}

/* Steps of the lines that the new configuration names; one for each, or a problem. */
static int add_named(
	struct reload_plan *plan, const struct name_space *space, const struct line_config **owners)
{
	uint32_t next = 0;
	int r = 0;

	for (size_t i = 0; i < plan->config->n_lines && r == 0; i++) {
		const struct line_config *config = &plan->config->lines[i];
		struct wire_problem problem;
		size_t id;
		enum wire_error error = name_resolve(space, config->line, &id, &problem);

		if (error == WIRE_E_AMBIGUOUS_LINE) {
			reload_plan_refuse(plan, config, "line", "%s", problem.message);
		} else if (error != WIRE_OK) {
			r = add_absent(plan, config, &next);
		} else if (owners[id]) {
			reload_plan_refuse(plan, config, "line",
				"%s is %s:%u, which is taken by [line %s] already; a line has one "
				"alias",
				config->line, space->entries[id].chip_name,
				space->entries[id].offset, owners[id]->alias);
		} else {
			owners[id] = config;
			add(plan, plan->daemon->lines.v[id], config);
		}
	}
	return r;
}

/* Steps of the lines that only the configuration in force names. */
static void add_others(
	struct reload_plan *plan, const struct line_config *const *owners, size_t n_owners)
{
	const struct daemon *daemon = plan->daemon;
	const size_t n_named = plan->n;

	for (size_t id = 0; id < n_owners; id++) {
		struct line *line = daemon->lines.v[id];
		bool is_named = owners[id];

		for (size_t i = 0; !is_named && line_is_absent(line) && i < n_named; i++)
			is_named = plan->steps[i].line == line;
		if (line->config && !is_named)
			add(plan, line, NULL);
	}
}

static int find_lines(struct reload_plan *plan)
{
	const size_t n = plan->daemon->lines.n;
	const struct line_config **owners = calloc(n + 1, sizeof(*owners));
	struct name_space space = { 0 };
	int r = owners ? make_space(plan, &space) : -ENOMEM;

	plan->steps = calloc(plan->config->n_lines + n + 1, sizeof(*plan->steps));
	if (!plan->steps)
		r = -ENOMEM;
	if (r == 0)
		r = add_named(plan, &space, owners);
	if (r == 0)
		add_others(plan, owners, n);
	free((void *)space.entries);
	free(owners);
	return r;
}

static bool says_the_same(const struct line_config *a, const struct line_config *b)
{
	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (config_rows[i].section == CONFIG_SECTION_LINE &&
			!config_value_same(&config_rows[i], a, b))
			return false;
	return strcmp(a->alias, b->alias) == 0;
}

/* An output is not driven on because somebody watches it; and who waits for a line that is not
 * there waits for what nobody describes any more. */
static bool is_used(const struct reload_step *step)
{
	if (line_is_absent(step->line))
		return false;
	return step->settings.direction == DIRECTION_OUTPUT ? use_has_requester(step->line)
							    : !list_empty(&step->line->uses);
}

static void decide(struct reload_step *step)
{
	const struct line *line = step->line;

	step->was_held = line->request;
	step->differs = !step->before || !step->after || !says_the_same(step->before, step->after);
	step->told = !step->before || !step->after ||
		     strcmp(step->before->alias, step->after->alias) != 0;
	if (step->after)
		step->settings = step->after->settings;
	else
		step->settings = line->request ? line->settings : step->before->settings;
	step->told |= !line_settings_same(&step->settings,
		line->request || !step->before ? &line->settings : &step->before->settings);

	step->leaves = !step->after && !is_used(step);
	step->initial = step->after ? step->after->initial : INITIAL_KEEP;
	if ((step->initial == INITIAL_KEEP || line->owed) && !line->request &&
		line->wanted != LOG_VALUE_NULL)
		step->initial = line->wanted ? INITIAL_1 : INITIAL_0;
}

/* Interlocks are those of the new configuration: the one in force may not know of them. */

static bool begins_on(const struct reload_step *step)
{
	return step->after && !line_is_absent(step->line) && step->line->chip->available &&
	       step->settings.direction == DIRECTION_OUTPUT && !line_is_output(step->line) &&
	       step->initial == INITIAL_1;
}

/* An output that goes on, at the level that it has. */
static bool stays_on(const struct reload_step *step)
{
	const struct line *line = step->line;
	const bool turns = line->settings.active_low != step->settings.active_low;

	return step->after && step->settings.direction == DIRECTION_OUTPUT &&
	       line_is_output(line) && (line->value == 1) != turns;
}

/* A line that is taken or becomes an output does not go on beside one of its interlock. */
static void hold_off(struct reload_plan *plan, struct reload_step *step)
{
	for (size_t i = 0; begins_on(step) && i < plan->n; i++) {
		const struct reload_step *other = &plan->steps[i];
		const bool is_on = stays_on(other) || (other < step && begins_on(other));

		if (other == step || !is_on ||
			!(other->after->interlocks & step->after->interlocks))
			continue;
		step->initial = INITIAL_0;
		step->excluded_by = other->line;
	}
}

/* Lots are runs of equal steps: lines that leave together, the lines of a group that are there, and
 * each other line by itself. */
static const struct request *leaving_request(const struct reload_step *step)
{
	return step->leaves ? step->line->request : NULL;
}

static const char *group_of(const struct reload_step *step)
{
	const bool is_there = !line_is_absent(step->line) && step->line->chip->available;

	return step->after && is_there ? step->after->group : "";
}

static bool is_same_lot(const struct reload_step *a, const struct reload_step *b)
{
	if (leaving_request(a) || leaving_request(b))
		return leaving_request(a) == leaving_request(b);
	return *group_of(a) && strcmp(group_of(a), group_of(b)) == 0;
}

static int by_number(uintptr_t a, uintptr_t b)
{
	return a == b ? 0 : a < b ? -1 : 1;
}

static int by_lot(const void *one, const void *two)
{
	const struct reload_step *a = one, *b = two;
	int order = by_number((uintptr_t)leaving_request(a), (uintptr_t)leaving_request(b));

	if (order == 0)
		order = strcmp(group_of(a), group_of(b));
	return order ? order : by_number(a->line->id, b->line->id);
}

static bool is_held(const struct reload_plan *plan, const struct reload_lot *lot)
{
	for (size_t i = lot->begin; i < lot->begin + lot->n; i++)
		if (plan->steps[i].line->request)
			return true;
	return false;
}

/* One request has these lines and no others. */
static bool is_one_request(const struct reload_plan *plan, const struct reload_lot *lot)
{
	const struct request *request = plan->steps[lot->begin].line->request;

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++)
		if (plan->steps[i].line->request != request)
			return false;
	return request && request->n == lot->n;
}

/* No line of another lot is in a request of this one. */
static bool is_whole(const struct reload_plan *plan, const struct reload_lot *lot)
{
	const struct reload_step *steps = &plan->steps[lot->begin];

	for (size_t i = 0; i < lot->n; i++) {
		const struct request *request = steps[i].line->request;
		size_t n = 0;

		for (size_t k = 0; request && k < lot->n; k++)
			n += steps[k].line->request == request;
		if (request && n != request->n)
			return false;
	}
	return true;
}

static bool any_differs(const struct reload_plan *plan, const struct reload_lot *lot)
{
	for (size_t i = lot->begin; i < lot->begin + lot->n; i++)
		if (plan->steps[i].differs)
			return true;
	return false;
}

/* Of lines that are not held: those that were wanted so already are tried again by themselves. */
static bool is_to_be_taken(const struct reload_step *step)
{
	return step->after && step->line->chip->available && step->differs;
}

static void sort_out(const struct reload_plan *plan, struct reload_lot *lot)
{
	const bool is_remade = is_held(plan, lot) && !is_one_request(plan, lot) &&
			       (any_differs(plan, lot) || !is_whole(plan, lot));

	const bool is_one = is_one_request(plan, lot), is_free = !is_held(plan, lot);

	lot->change = is_remade ? LOT_REMADE : LOT_STAYS;
	for (size_t i = lot->begin; i < lot->begin + lot->n; i++) {
		struct reload_step *step = &plan->steps[i];

		step->told |= is_remade;
		if (is_free && is_to_be_taken(step))
			lot->change = LOT_TAKEN;
		if (is_one && !line_settings_same(&step->settings, &step->line->settings))
			lot->change = LOT_CHANGES;
	}
}

static int make_lots(struct reload_plan *plan)
{
	plan->lots = calloc(plan->n + 1, sizeof(*plan->lots));
	if (!plan->lots)
		return -ENOMEM;

	qsort(plan->steps, plan->n, sizeof(*plan->steps), by_lot);
	for (size_t i = 0; i < plan->n; i++) {
		if (i == 0 || !is_same_lot(&plan->steps[i - 1], &plan->steps[i]))
			plan->lots[plan->n_lots++] = (struct reload_lot){ .begin = i };
		plan->lots[plan->n_lots - 1].n++;
	}
	for (size_t i = 0; i < plan->n_lots; i++)
		sort_out(plan, &plan->lots[i]);
	return 0;
}

/* Two lines of a group may turn out to be of two chips only when both are there. */
static void check_group(struct reload_plan *plan, const struct reload_lot *lot)
{
	const struct reload_step *first = &plan->steps[lot->begin];

	for (size_t i = lot->begin + 1; first->after && i < lot->begin + lot->n; i++) {
		const struct reload_step *step = &plan->steps[i];
		const struct reload_step *earlier = step->after < first->after ? step : first;
		const struct reload_step *later = earlier == step ? first : step;

		if (step->line->chip == first->line->chip)
			continue;
		reload_plan_refuse(plan, later->after, "group",
			"[line %s] of the same group is on another chip, %s and not %s; the lines "
			"of a group must be of one",
			earlier->after->alias, earlier->line->chip->info.name,
			later->line->chip->info.name);
	}
}

int reload_plan_make(struct reload_plan *plan, struct daemon *daemon, const struct config *config,
	const struct board *board)
{
	int r;

	plan->daemon = daemon;
	plan->config = config;
	plan->board = board;
	r = find_lines(plan);
	for (size_t i = 0; i < plan->n; i++)
		decide(&plan->steps[i]);
	for (size_t i = 0; i < plan->n; i++)
		hold_off(plan, &plan->steps[i]);
	if (r == 0)
		r = make_lots(plan);
	for (size_t i = 0; i < plan->n_lots; i++)
		check_group(plan, &plan->lots[i]);
	return r < 0 ? r : plan->problems.n > 0 ? -EINVAL : 0;
}

void reload_plan_free(struct reload_plan *plan)
{
	free(plan->steps);
	free(plan->lots);
}
