/* SPDX-License-Identifier: MIT */

#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "claim.h"
#include "clock.h"
#include "command.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "event.h"
#include "interlock.h"
#include "kept_records.h"
#include "line.h"
#include "request.h"

static enum wire_error refuse(struct wire_problem *problem, enum wire_error code,
	const struct line *line, const char *why)
{
	problem_field(problem, code, "line", "%s %s", line->canonical, why);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	return code;
}

static enum wire_error refuse_free(struct wire_problem *problem, const struct line *line)
{
	problem_field(problem, WIRE_E_NOT_REQUESTED, "line",
		"%s is free; take it first: "
		"{\"op\":\"request\",\"line\":\"%s\",\"direction\":\"output\"}",
		line->canonical, line->canonical);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	return WIRE_E_NOT_REQUESTED;
}

enum wire_error output_check_line(
	const struct line *line, const struct peer_id *by, struct wire_problem *problem)
{
	enum wire_error error = access_check(by, line, ACCESS_SET, problem);

	if (error != WIRE_OK)
		return error;
	if (line_is_output(line))
		return WIRE_OK;
	if (line_is_input(line))
		return refuse(problem, WIRE_E_WRONG_DIRECTION, line,
			"is an input; request it with \"direction\":\"output\" to drive it");
	if (line->taken)
		return line_busy(problem, line);
	if (line->unavailable || !line->chip->available)
		return refuse(problem, WIRE_E_UNAVAILABLE, line, "is not available now");

	return refuse_free(problem, line);
}

/* A number for each write, so that lines and requests can say whether they have had it. */
static uint64_t writes;
static uint64_t pulse_end_ns; /* of the present write, if it is a pulse */

/* The same line under two names must get one value. */
static enum wire_error mark_line(
	struct line *line, uint8_t value, uint64_t mark, struct wire_problem *problem)
{
	if (line->write_mark == mark && line->write_value != value)
		return problem_field(problem, WIRE_E_OUT_OF_RANGE, "values",
			"%s is named twice with different values", line->canonical);

	line->write_mark = mark;
	line->write_value = value;
	return WIRE_OK;
}

enum wire_error output_check(const struct output_write *write, struct wire_problem *problem)
{
	const uint64_t mark = ++writes;

	for (size_t i = 0; i < write->n; i++) {
		enum wire_error error = output_check_line(write->lines[i], write->by, problem);

		if (error == WIRE_OK && !write->is_revert)
			error = claim_check(write->lines[i], write->by, problem);
		if (error == WIRE_OK)
			error = mark_line(write->lines[i], write->values[i], mark, problem);
		if (error != WIRE_OK)
			return error;
	}
	return interlock_check(write, mark, problem);
}

static void note_pulse(struct line *line, const struct revert *revert, uint64_t at_ns)
{
	struct kept_pulse record = { .by = revert->by,
		.at_ns = at_ns,
		.value = revert->value,
		.active_low = line->settings.active_low };

	kept_name_line(line, &record.line);
	kept_put(&line->chip->daemon->log.kept, &line->revert.kept, KEPT_PULSE, &record,
		sizeof(record));
}

/* What the pulse puts back: of overlapping ones the first one's value. */
static struct revert revert_of(const struct line *line, const struct output_write *write)
{
	return (struct revert){
		.value = deadline_is_set(&line->revert.deadline) ? line->revert.value : line->value,
		.by = write->by ? *write->by : (struct peer_id){ 0 },
	};
}

/* The record is there before the pulse begins: if the process dies then, the line goes back. */
static void announce_pulse(struct line *line, const struct output_write *write, uint64_t at_ns)
{
	const struct revert revert = revert_of(line, write);

	note_pulse(line, &revert, at_ns);
}

void output_keep_revert(struct line *line)
{
	if (deadline_is_set(&line->revert.deadline))
		note_pulse(line, &line->revert, line->revert.deadline.at_ns);
}

/* It has not begun; one from before goes on. */
static void revoke_pulse(struct line *line)
{
	if (deadline_is_set(&line->revert.deadline))
		output_keep_revert(line);
	else
		kept_drop(&line->chip->daemon->log.kept, &line->revert.kept);
}

static void start_pulse(struct line *line, const struct output_write *write, uint64_t at_ns)
{
	const struct revert revert = revert_of(line, write);

	line->revert.value = revert.value;
	line->revert.by = revert.by;
	/* There is room: see has_room_for_pulses(). */
	(void)loop_set_deadline(&line->chip->daemon->loop, &line->revert.deadline, at_ns);
}

static void written(
	struct line *line, const struct output_write *write, struct output_result *result)
{
	const uint8_t before = line->value, value = line->write_value;
	/* If the process dies between the two, a pulse that is over may end again, but one that
	 * would undo this write must not. */
	const bool ends_after = line->revert.value == value;

	if (write->pulse_ns)
		start_pulse(line, write, pulse_end_ns);
	else if (!ends_after && output_cancel_revert(line))
		result->cancelled_revert = true;

	line->wanted = value;
	if (value == 0)
		(void)on_time_note(line, 0);
	if (before != value) {
		line->value = value;
		result->changed[result->n_changed++] = line->canonical;
		event_output(line, write->cause, write->by);
	}
	if (!write->pulse_ns && ends_after && output_cancel_revert(line))
		result->cancelled_revert = true;
}

static uint64_t bit_of(const struct line *line)
{
	return UINT64_C(1) << line->request_index;
}

/* What has to be there before the lines of a request are written: the limits of those that go on,
 * the records of pulses. */
static int prepare(struct request *request, const struct output_write *write, uint64_t mask)
{
	int r = 0;

	for (size_t i = 0; i < request->n && r == 0; i++) {
		struct line *line = request->lines[i];

		if (!(mask & bit_of(line)))
			continue;
		if (write->pulse_ns)
			announce_pulse(line, write, pulse_end_ns);
		if (line->write_value)
			r = on_time_note(line, 1);
	}
	return r;
}

static void revoke(struct request *request, const struct output_write *write, uint64_t mask)
{
	for (size_t i = 0; i < request->n; i++) {
		struct line *line = request->lines[i];

		if (!(mask & bit_of(line)))
			continue;
		if (write->pulse_ns)
			revoke_pulse(line);
		(void)on_time_note(line, line->value);
	}
}

/* These lines of one request, all of which are marked, in one call. */
static int write_lines(struct request *request, const struct output_write *write, uint64_t mask,
	struct output_result *result)
{
	uint64_t bits = 0;
	int r = prepare(request, write, mask);

	for (size_t i = 0; i < request->n; i++)
		if (mask & bit_of(request->lines[i]))
			bits |= (uint64_t)request->lines[i]->write_value << i;
	if (r == 0)
		r = request->daemon->ops->set(request->backend, mask, bits);
	if (r < 0) {
		revoke(request, write, mask);
		return r;
	}
	for (size_t i = 0; i < request->n; i++)
		if (mask & bit_of(request->lines[i]))
			written(request->lines[i], write, result);
	return 0;
}

/* The lines of a request that are marked. */
static uint64_t marked_lines(const struct request *request, uint64_t mark)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < request->n; i++)
		if (request->lines[i]->write_mark == mark)
			mask |= bit_of(request->lines[i]);
	return mask;
}

/*
 * What has to be written before the rest, because a line of another request may only then go on:
 * all of the request where none of it has to wait for another in turn, else only the lines that go
 * off.
 */
static uint64_t first_lines(
	const struct request *request, const struct output_write *write, uint64_t mark)
{
	uint64_t first = 0, others_on = 0;

	for (size_t i = 0; i < request->n; i++) {
		const struct line *line = request->lines[i];

		if (line->write_mark != mark)
			continue;
		if (interlock_comes_first(line, write, mark))
			first |= bit_of(line);
		if (line->write_value && line->config && line->config->interlocks)
			others_on |= bit_of(line);
	}
	return first && !others_on ? marked_lines(request, mark) : first;
}

/* Notes what is to be written of a request, and writes what comes before everything else. */
static int begin_request(struct request *request, const struct output_write *write, uint64_t mark,
	struct output_result *result)
{
	uint64_t first;

	if (request->write_mark == mark)
		return 0;

	request->write_mark = mark;
	first = first_lines(request, write, mark);
	request->write_left = marked_lines(request, mark) & ~first;
	return first ? write_lines(request, write, first, result) : 0;
}

/* What is left of it. */
static int end_request(struct request *request, const struct output_write *write, uint64_t mark,
	struct output_result *result)
{
	const uint64_t left = request->write_left;

	(void)mark;
	request->write_left = 0;
	return left ? write_lines(request, write, left, result) : 0;
}

/* A step for the request of each line, in the order of the lines. */
static enum wire_error each_request(
	int (*step)(struct request *request, const struct output_write *write, uint64_t mark,
		struct output_result *result),
	const struct output_write *write, uint64_t mark, struct output_result *result,
	struct wire_problem *problem)
{
	for (size_t i = 0; i < write->n; i++) {
		int r = step(write->lines[i]->request, write, mark, result);
		enum wire_error error;

		if (r == 0)
			continue;
		error = call_line_failed(problem, write->lines[i], r, "written");
		problem->n_applied = result->n_changed;
		problem->applied = result->changed;
		return error;
	}
	return WIRE_OK;
}

/* A pulse that could not be ended must not begin. */
static bool has_room_for_pulses(const struct output_write *write)
{
	return !write->pulse_ns || write->n == 0 ||
	       heap_reserve(&write->lines[0]->chip->daemon->loop.deadlines, write->n) == 0;
}

enum wire_error output_apply(const struct output_write *write, struct output_result *result,
	struct wire_problem *problem)
{
	enum wire_error error = output_check(write, problem);
	uint64_t mark;

	result->n_changed = 0;
	result->cancelled_revert = false;
	if (error != WIRE_OK)
		return error;

	if (!has_room_for_pulses(write))
		return problem_set(problem, WIRE_E_INTERNAL, "memory is short");

	mark = writes;
	if (write->pulse_ns)
		pulse_end_ns = clock_now_ns() + write->pulse_ns;
	error = each_request(begin_request, write, mark, result, problem);
	return error == WIRE_OK ? each_request(end_request, write, mark, result, problem) : error;
}

static enum wire_error set_one(struct line *line, uint8_t value, const char *cause,
	const struct peer_id *by, bool is_revert, struct wire_problem *problem)
{
	static const char *changed[1]; /* the problem may point there */
	struct output_result result = { .changed = changed };
	const struct output_write write = { .n = 1,
		.lines = &line,
		.values = &value,
		.cause = cause,
		.by = by,
		.is_revert = is_revert };

	return output_apply(&write, &result, problem);
}

enum wire_error output_set(struct line *line, uint8_t value, const char *cause,
	const struct peer_id *by, struct wire_problem *problem)
{
	return set_one(line, value, cause, by, false, problem);
}

void output_tell_failure(struct line *line, const char *cause, const struct peer_id *by,
	const struct wire_problem *why)
{
	/* Whoever watches the line is told, also who may not see the other one of an interlock. */
	const bool names_another = why->interlock[0] &&
				   !access_nothing_is_hidden(line->chip->daemon);
	struct wire_problem unnamed;
	struct line_info info;

	if (names_another)
		(void)interlock_refuse_unnamed(line, &unnamed);
	event_output_failed(line, cause, by, names_another ? &unnamed : why);
	/* A chip that is gone drives nothing. */
	diag_about(line_read_info(line, &info) == -ENODEV ? DIAG_WARNING : DIAG_ERROR,
		(struct diag_subject){ .line = line->canonical, .peer = by }, "%s failed: %s",
		cause, why->message);
}

void output_set_later(struct line *line, uint8_t value, const char *cause, const struct peer_id *by)
{
	struct wire_problem problem;

	if (output_set(line, value, cause, by, &problem) != WIRE_OK)
		output_tell_failure(line, cause, by, &problem);
}

void output_end_pulse(struct line *line)
{
	const struct peer_id by = line->revert.by;
	struct wire_problem problem;

	if (set_one(line, line->revert.value, "revert", &by, true, &problem) != WIRE_OK)
		output_tell_failure(line, "revert", &by, &problem);
}

static void expire_revert(struct deadline *deadline, uint64_t now_ns)
{
	struct revert *revert = list_object(deadline, struct revert, deadline);

	(void)now_ns;
	output_end_pulse(list_object(revert, struct line, revert));
}

void output_init_revert(struct revert *revert)
{
	*revert = (struct revert){ 0 };
	deadline_init(&revert->deadline, expire_revert);
}

bool output_cancel_revert(struct line *line)
{
	bool was_set = deadline_is_set(&line->revert.deadline);

	loop_clear_deadline(&line->chip->daemon->loop, &line->revert.deadline);
	kept_drop(&line->chip->daemon->log.kept, &line->revert.kept);
	return was_set;
}

/* A line that could not be taken, or not yet, comes back without its pulse. */
static void restore_pulse(uint32_t handle, size_t n, void *data)
{
	struct daemon *daemon = ((void **)data)[0];
	const struct kept_pulse *record = ((void **)data)[1];
	struct line *line = n == sizeof(*record) ? kept_find_line(daemon, &record->line) : NULL;
	uint8_t value = record->value != 0;

	/* The level that it stands for is the same. */
	if (line && record->active_low != line->settings.active_low)
		value ^= 1;
	if (line && !line_is_output(line) && line->wanted != LOG_VALUE_NULL) {
		line->wanted = value;
		line_keep(line);
		kept_drop(&daemon->log.kept, &handle);
		return;
	}
	if (!line || !line_is_output(line) ||
		loop_set_deadline(&daemon->loop, &line->revert.deadline, record->at_ns) < 0) {
		diag_warning("a pulse of %.31s:%u cannot be ended: the line is not there any more",
			record->line.chip_label, record->line.offset);
		kept_drop(&daemon->log.kept, &handle);
		return;
	}
	line->revert.value = value;
	line->revert.by = record->by;
	line->revert.kept = handle;
}

void outputs_restore(struct daemon *daemon)
{
	struct kept_pulse record;
	void *data[] = { daemon, &record };

	kept_each(&daemon->log.kept, KEPT_PULSE, &record, sizeof(record), restore_pulse, data);
}
