/* SPDX-License-Identifier: MIT */

#include "reload_apply.h"

#include <errno.h>
#include <string.h>

#include "command.h"
#include "daemon.h"
#include "diag.h"
#include "event.h"
#include "hold.h"
#include "line.h"
#include "opinion.h"
#include "output.h"
#include "reload_plan.h"
#include "request.h"

/* What one call to the backend takes. */
struct call_lines {
	size_t n;
	struct line *lines[REQUEST_LINES_MAX];
	struct line_settings settings[REQUEST_LINES_MAX];
	enum initial initials[REQUEST_LINES_MAX];
};

static void call_add(struct call_lines *call, struct line *line,
	const struct line_settings *settings, enum initial initial)
{
	call->lines[call->n] = line;
	call->settings[call->n] = *settings;
	call->initials[call->n] = initial;
	call->n++;
}

/* The logical value of a level that one active-low says to be `value`. */
static enum initial same_level(uint8_t value, bool was_active_low, bool is_active_low)
{
	return (value != 0) != (was_active_low != is_active_low) ? INITIAL_1 : INITIAL_0;
}

static int refuse(
	struct reload_plan *plan, const struct reload_lot *lot, int error, const char *what)
{
	const struct reload_step *step = &plan->steps[lot->begin];
	struct wire_problem problem;

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++)
		if (plan->steps[i].differs) {
			step = &plan->steps[i];
			break;
		}
	(void)call_line_failed(&problem, step->line, error, what);
	reload_plan_refuse(plan, step->after ? step->after : step->before, NULL, "%s%s",
		problem.message, lot->n > 1 ? "; or another line of its group" : "");
	return -EINVAL;
}

/* In place. */

/* Of one that is broken up or changed: what is needed to put it back. */
static void save(struct reload_step *step)
{
	const struct line *line = step->line;

	step->old_index = line->request_index;
	step->old_settings = line->settings;
	step->old_value = line->value;
	step->old_wanted = line->wanted;
	step->on_since_ns = line->on_time.since_ns;
	step->on_claimed_ns = line->on_time.claimed_ns;
	step->pulse_value = line->revert.value;
	step->pulse_ns = deadline_is_set(&line->revert.deadline) ? line->revert.deadline.at_ns : 0;
}

/* A pulse that was cut off goes on. There was a deadline, so there is room for it. */
static void resume_pulse(const struct reload_step *step)
{
	struct line *line = step->line;

	if (!step->pulse_ns || !line_is_output(line))
		return;
	line->revert.value = same_level(step->pulse_value, step->old_settings.active_low,
				     line->settings.active_low) == INITIAL_1;
	(void)loop_set_deadline(&line->chip->daemon->loop, &line->revert.deadline, step->pulse_ns);
	output_keep_revert(line);
}

/* It is as it was, and has been 1 for as long. */
static void resume(const struct reload_step *step)
{
	resume_pulse(step);
	step->line->on_time.since_ns = step->on_since_ns;
	step->line->on_time.claimed_ns = step->on_claimed_ns;
	on_time_recompute(step->line);
}

/* An output stays at its level; what becomes one begins as it is told. */
static enum initial initial_of(const struct reload_step *step)
{
	return step->line->settings.direction == DIRECTION_OUTPUT ? INITIAL_KEEP : step->initial;
}

static int change(const struct reload_plan *plan, const struct reload_lot *lot, bool back)
{
	struct request *request = plan->steps[lot->begin].line->request;
	struct line_settings settings[REQUEST_LINES_MAX];
	enum initial initials[REQUEST_LINES_MAX];
	uint64_t which = 0;

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++) {
		const struct reload_step *step = &plan->steps[i];
		const unsigned at = step->line->request_index;

		if (line_settings_same(&step->settings, &step->old_settings))
			continue;
		which |= UINT64_C(1) << at;
		settings[at] = back ? step->old_settings : step->settings;
		initials[at] = back ? same_level(step->old_value, false, false) : initial_of(step);
	}
	return request_change(request, which, settings, initials);
}

static void unchange_lot(struct reload_plan *plan, struct reload_lot *lot)
{
	int r = change(plan, lot, true);

	if (r < 0)
		diag_line(DIAG_ERROR, plan->steps[lot->begin].line->canonical,
			"line %s cannot be put back: %s", plan->steps[lot->begin].line->canonical,
			strerror(-r));
	for (size_t i = lot->begin; i < lot->begin + lot->n; i++)
		resume(&plan->steps[i]);
}

static int change_lot(struct reload_plan *plan, struct reload_lot *lot)
{
	int r;

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++)
		save(&plan->steps[i]);
	r = change(plan, lot, false);
	if (r == 0)
		return 0;

	/* The kernel may have changed some of it before it refused. */
	unchange_lot(plan, lot);
	return refuse(plan, lot, r, "changed");
}

/* Lines that nobody held. */

/* It will be tried again, as at the start. */
static bool is_worth_waiting(int error)
{
	return error == -EBUSY || error == -ENODEV;
}

/* Of a line that nobody holds, what is needed to put it back. */
static void note_free(struct reload_step *step)
{
	struct line_info info;

	step->old_unavailable = step->line->unavailable;
	step->old_settings = step->line->settings;
	step->was_input = line_read_info(step->line, &info) == 0 &&
			  info.settings.direction == DIRECTION_INPUT;
}

static int take_lot(struct reload_plan *plan, struct reload_lot *lot)
{
	struct call_lines call = { 0 };
	int r;

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++) {
		struct reload_step *step = &plan->steps[i];

		note_free(step);
		call_add(&call, step->line, &step->settings, step->initial);
	}
	r = request_new(plan->daemon, call.n, call.lines, call.settings, call.initials, NULL);
	if (is_worth_waiting(r))
		hold_failed(call.n, call.lines, r);
	return r < 0 && !is_worth_waiting(r) ? refuse(plan, lot, r, "taken") : 0;
}

/* What was an input before it was taken must not be left driven. */
static void undrive(struct reload_plan *plan, const struct reload_lot *lot)
{
	static const struct line_settings input = { .edges = EDGES_NONE };
	struct request *request = plan->steps[lot->begin].line->request;
	struct line_settings settings[REQUEST_LINES_MAX];
	enum initial initials[REQUEST_LINES_MAX];
	uint64_t which = 0;
	int r;

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++) {
		const struct reload_step *step = &plan->steps[i];
		const unsigned at = step->line->request_index;

		if (step->old_group || !step->was_input || !line_is_output(step->line))
			continue;
		which |= UINT64_C(1) << at;
		settings[at] = input;
		initials[at] = INITIAL_KEEP;
	}
	r = which ? request_change(request, which, settings, initials) : 0;
	if (r < 0)
		diag_error("line %s cannot be made an input again: %s",
			plan->steps[lot->begin].line->canonical, strerror(-r));
}

static void untake_lot(struct reload_plan *plan, struct reload_lot *lot)
{
	struct request *request = plan->steps[lot->begin].line->request;

	if (request) {
		undrive(plan, lot);
		request_free(request, NULL);
	}
	for (size_t i = lot->begin; i < lot->begin + lot->n; i++) {
		const struct reload_step *step = &plan->steps[i];

		if (step->old_group)
			continue;
		step->line->unavailable = step->old_unavailable;
		step->line->settings = step->old_settings;
	}
}

/* Lines that were held with others. */

static struct reload_step *step_of(struct reload_plan *plan, const struct line *line)
{
	size_t i = 0;

	while (plan->steps[i].line != line)
		i++;
	return &plan->steps[i];
}

static void break_up(struct reload_plan *plan, struct request *request, size_t group)
{
	request_drain(request);
	for (size_t i = 0; i < request->n; i++) {
		struct reload_step *step = step_of(plan, request->lines[i]);

		save(step);
		step->old_group = group;
	}
	request_free(request, NULL);
}

static void break_up_lots(struct reload_plan *plan)
{
	size_t groups = 0;

	for (size_t i = 0; i < plan->n_lots; i++) {
		const struct reload_lot *lot = &plan->lots[i];

		for (size_t k = lot->begin; lot->change == LOT_REMADE && k < lot->begin + lot->n;
			k++)
			if (plan->steps[k].line->request)
				break_up(plan, plan->steps[k].line->request, ++groups);
	}
}

/* The value that a line had, where its settings are new. */
static uint8_t converted(const struct reload_step *step, uint8_t value)
{
	if (value == LOG_VALUE_NULL)
		return value;
	return same_level(value, step->old_settings.active_low, step->settings.active_low) ==
	       INITIAL_1;
}

static int remake_lot(struct reload_plan *plan, struct reload_lot *lot)
{
	struct call_lines call = { 0 };
	int r;

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++) {
		struct reload_step *step = &plan->steps[i];
		enum initial initial = step->initial;

		if (!step->old_group)
			note_free(step);
		if (step->old_group && step->old_settings.direction == DIRECTION_OUTPUT)
			initial = converted(step, step->old_value) ? INITIAL_1 : INITIAL_0;
		call_add(&call, step->line, &step->settings, initial);
	}
	r = request_new(plan->daemon, call.n, call.lines, call.settings, call.initials, NULL);
	if (r < 0)
		return refuse(plan, lot, r, "taken");

	for (size_t i = lot->begin; i < lot->begin + lot->n; i++) {
		struct reload_step *step = &plan->steps[i];

		if (step->old_group)
			step->line->wanted = converted(step, step->old_wanted);
		resume_pulse(step);
	}
	return 0;
}

/* Held again, or (r < 0) to be taken when that is possible: then without its pulse, which nobody
 * would end. Between the two requests of an input nobody was listening. */
static void resume_broken_up(const struct reload_step *step, int r)
{
	struct line *line = step->line;

	line->wanted = r < 0 && step->pulse_ns ? step->pulse_value : step->old_wanted;
	if (r < 0) {
		line->settings = step->old_settings;
		line_keep(line);
	}
	resume(step);
	if (step->old_settings.direction != DIRECTION_OUTPUT &&
		step->old_settings.edges != EDGES_NONE)
		event_lost(line, "reload", LOG_COUNT_UNKNOWN, line->value);
	if (r < 0)
		event_line(line, "released");
}

/* One of the requests that were broken up, as it was. */
static void put_together(struct reload_plan *plan, size_t group)
{
	struct call_lines call = { 0 };
	int r;

	for (size_t i = 0; i < plan->n; i++) {
		const struct reload_step *step = &plan->steps[i];

		if (step->old_group != group)
			continue;
		call.lines[step->old_index] = step->line;
		call.settings[step->old_index] = step->old_settings;
		call.initials[step->old_index] = step->old_value ? INITIAL_1 : INITIAL_0;
		call.n++;
	}
	r = request_new(plan->daemon, call.n, call.lines, call.settings, call.initials, NULL);
	if (r < 0)
		hold_failed(call.n, call.lines, r);
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].old_group == group)
			resume_broken_up(&plan->steps[i], r);
}

static void put_all_together(struct reload_plan *plan)
{
	for (size_t group = 1, found = 1; found; group++) {
		found = 0;
		for (size_t i = 0; i < plan->n; i++)
			found |= plan->steps[i].old_group == group;
		if (found)
			put_together(plan, group);
	}
}

/* The order of the work, and its undoing in the opposite one. */
static const struct phase {
	enum lot_change change;
	void (*begin)(struct reload_plan *plan); /* may be NULL, as the others */
	int (*apply)(struct reload_plan *plan, struct reload_lot *lot);
	void (*undo)(struct reload_plan *plan, struct reload_lot *lot);
	void (*end_undo)(struct reload_plan *plan);
} phases[] = {
	{ LOT_CHANGES, NULL, change_lot, unchange_lot, NULL },
	{ LOT_TAKEN, NULL, take_lot, untake_lot, NULL },
	{ LOT_REMADE, break_up_lots, remake_lot, untake_lot, put_all_together },
};
#define N_PHASES (sizeof(phases) / sizeof(phases[0]))

/* Undoes the first n_lots of a phase. */
static void undo_phase(struct reload_plan *plan, const struct phase *phase, size_t n_lots)
{
	for (size_t i = n_lots; i-- > 0;)
		if (plan->lots[i].change == phase->change)
			phase->undo(plan, &plan->lots[i]);
	if (phase->end_undo)
		phase->end_undo(plan);
}

int reload_apply(struct reload_plan *plan)
{
	for (size_t p = 0; p < N_PHASES; p++) {
		if (phases[p].begin)
			phases[p].begin(plan);
		for (size_t i = 0; i < plan->n_lots; i++) {
			if (plan->lots[i].change != phases[p].change ||
				phases[p].apply(plan, &plan->lots[i]) == 0)
				continue;
			undo_phase(plan, &phases[p], i);
			while (p-- > 0)
				undo_phase(plan, &phases[p], plan->n_lots);
			return -EINVAL;
		}
	}
	return 0;
}
