/* SPDX-License-Identifier: MIT */
/* gpioctl pulse: sets outputs for a time; the daemon reverts them, also when gpioctl is gone. */
#include <string.h>

#include "output.h"
#include "values.h"

static bool has_changed(const cJSON *reply, const char *name)
{
	const char *canonical = member_string(member(reply, "names"), name, name);
	const cJSON *changed;

	cJSON_ArrayForEach(
		changed, member(reply, "changed")) if (cJSON_IsString(changed) &&
						       strcmp(changed->valuestring, canonical) ==
							       0) return true;
	return false;
}

/* A line that has the value already shows no pulse, which looks as if nothing worked. */
static void explain_unchanged(const cJSON *reply, struct strings names, int value)
{
	for (size_t i = 0; i < names.n; i++)
		if (!has_changed(reply, names.v[i]))
			complain("%s is %d already, so nothing changed", names.v[i], value);
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;
	int value;

	if (!GIVEN(options, FOR)) {
		complain("for how long? Say --for 500ms, for instance");
		return STATUS_USAGE;
	}

	value = GIVEN(options, VALUE) ? options->value : 1;
	status = session_open(&session, options);
	if (!status)
		status = lines_write(&session, "set", args, value, options->pulse.text, &reply);
	if (!status && !options->json)
		explain_unchanged(reply.tree, args, value);
	return status;
}

const struct command command_pulse = {
	.name = "pulse",
	.arguments = "LINE... --for TIME",
	.summary = "Sets outputs for a time; then they go back to the value before.",
	.details = "The daemon does the timing, so gpioctl ends at once. Another write to\n"
		   "the line meanwhile cancels the way back.\n",
	.examples =
		"  gpioctl pulse led --for 500ms\n  gpioctl pulse reset --value 0 --for 100ms\n",
	.options = BIT(FOR) | BIT(VALUE),
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
