/* SPDX-License-Identifier: MIT */
/* set, toggle, simulate: what changes levels. */

#include <errno.h>
#include <string.h>

#include "command.h"
#include "daemon.h"
#include "line.h"
#include "op_values.h"
#include "output.h"
#include "peer.h"

static struct line_values wanted; /* of the request being run */

static enum wire_error write_and_reply(struct call *call, const char *cause, uint64_t pulse_ns)
{
	static const char *changed[WIRE_MAX_LINES];
	struct output_result result = { .changed = changed };
	const struct output_write write = { .n = wanted.named.n,
		.lines = wanted.named.lines,
		.values = wanted.values,
		.cause = cause,
		.by = &call->peer->id,
		.pulse_ns = pulse_ns };
	enum wire_error error = output_apply(&write, &result, call->problem);
	struct jsonw *w = call->reply;

	if (error != WIRE_OK)
		return error;

	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "changed");
	jsonw_begin_array(w);
	for (size_t i = 0; i < result.n_changed; i++)
		jsonw_string(w, result.changed[i]);
	jsonw_end_array(w);
	call_write_values(call, &wanted.named);
	if (result.cancelled_revert)
		jsonw_member_bool(w, "cancelled_revert", true);
	return WIRE_OK;
}

/* value for all of lines, or values one by one; exactly one of the two. */
static enum wire_error read_set(struct call *call, const struct args_set *args)
{
	bool has_value = WIRE_GIVEN(args, set, value), has_values = WIRE_GIVEN(args, set, values);

	if (!has_value && !has_values)
		return problem_field(call->problem, WIRE_E_MISSING_FIELD, "value",
			"set needs line and value, or values, such as {\"led\":1}");
	if (has_value && has_values)
		return problem_field(call->problem, WIRE_E_BAD_TYPE, "values",
			"give either value, for all of lines, or values, not both");
	if (has_values)
		return op_read_values(call, &args->values, &args->lines, &wanted);
	if (!args->lines.n && !args->lines.all)
		return problem_field(call->problem, WIRE_E_MISSING_FIELD, "line",
			"set with value needs line or lines");

	memset(wanted.values, args->value, args->lines.n);
	return call_name_lines(call, &args->lines, &wanted.named);
}

enum wire_error op_set(struct call *call)
{
	const struct args_set *args = &call->request->args.set;
	enum wire_error error = read_set(call, args);

	return error == WIRE_OK ? write_and_reply(call, "set", args->pulse_ns) : error;
}

enum wire_error op_toggle(struct call *call)
{
	const struct args_toggle *args = &call->request->args.toggle;
	enum wire_error error = call_name_lines(call, &args->lines, &wanted.named);

	if (error != WIRE_OK)
		return error;

	for (size_t i = 0; i < wanted.named.n; i++)
		wanted.values[i] = wanted.named.lines[i]->value == 0;
	return write_and_reply(call, "toggle", args->pulse_ns);
}

/* A chip goes with all its lines. */
static enum wire_error check_chip(struct call *call, const struct chip *chip)
{
	for (unsigned i = 0; i < chip->info.n_lines; i++)
		if (!access_may(&call->peer->id, chip->lines[i], ACCESS_CONFIGURE))
			return problem_field(call->problem, WIRE_E_DENIED, "chip",
				"to simulate that %s goes takes configure of all its lines",
				chip->info.name);
	return WIRE_OK;
}

static enum wire_error simulate_chip(struct call *call, const struct args_simulate *args)
{
	struct daemon *daemon = call->daemon;
	enum wire_error error;

	if (!WIRE_GIVEN(args, simulate, present))
		return problem_field(call->problem, WIRE_E_MISSING_FIELD, "present",
			"simulate with chip needs present: false takes it away, true brings it "
			"back");

	for (size_t i = 0; i < daemon->chips.n; i++) {
		const struct chip *chip = daemon->chips.v[i];

		if (!chip || (strcmp(chip->info.name, args->chip) &&
				     strcmp(chip->info.label, args->chip)))
			continue;
		if (!access_sees_chip(&call->peer->id, chip))
			continue;
		error = check_chip(call, chip);
		if (error != WIRE_OK)
			return error;
		(void)daemon->ops->simulate_present(
			daemon->backend, chip->info.index, args->present);
		return WIRE_OK;
	}
	return problem_field(
		call->problem, WIRE_E_UNKNOWN_LINE, "chip", "no chip is called \"%s\"", args->chip);
}

static enum wire_error refuse_output(struct call *call, const struct line *line)
{
	return problem_field(call->problem, WIRE_E_WRONG_DIRECTION, "line",
		"%s is an output, or fed from elsewhere; only inputs can be simulated",
		line->canonical);
}

static enum wire_error simulate_lines(struct call *call, const struct args_simulate *args)
{
	const struct daemon *daemon = call->daemon;
	enum wire_error error;

	if (!WIRE_GIVEN(args, simulate, value) || !WIRE_GIVEN(args, simulate, lines))
		return problem_field(call->problem, WIRE_E_MISSING_FIELD,
			args->lines.n ? "value" : "line",
			"simulate needs line and value, or chip and present");

	error = call_name_lines(call, &args->lines, &wanted.named);
	if (error == WIRE_OK)
		error = call_check_access(call, &wanted.named, ACCESS_CONFIGURE);
	for (size_t i = 0; i < wanted.named.n && error == WIRE_OK; i++) {
		struct line *line = wanted.named.lines[i];
		int r = daemon->ops->simulate(
			daemon->backend, line->chip->info.index, line->offset, args->value);

		if (r < 0)
			error = r == -EPERM ? refuse_output(call, line)
					    : call_line_failed(call->problem, line, r, "simulated");
	}
	return error;
}

enum wire_error op_simulate(struct call *call)
{
	const struct args_simulate *args = &call->request->args.simulate;
	enum wire_error error;

	if (!call->daemon->ops->simulate)
		return problem_set(call->problem, WIRE_E_UNSUPPORTED,
			"only simulated lines can be driven; start gpioeventd with --backend sim");

	error = WIRE_GIVEN(args, simulate, chip) ? simulate_chip(call, args)
						 : simulate_lines(call, args);
	if (error == WIRE_OK)
		jsonw_member_u64(call->reply, "seq", call->daemon->log.head);
	return error;
}
