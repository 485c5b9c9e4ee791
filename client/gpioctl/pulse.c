/* SPDX-License-Identifier: MIT */
/* gpioctl pulse: sets outputs for a time; the daemon reverts them, also when gpioctl is gone. */
#include "output.h"
#include "values.h"

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;

	if (!GIVEN(options, FOR)) {
		complain("for how long? Say --for 500ms, for instance");
		return STATUS_USAGE;
	}

	status = session_open(&session, options);
	if (status)
		return status;
	return lines_write(&session, "set", args, GIVEN(options, VALUE) ? options->value : 1,
		options->pulse.text, &reply);
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
