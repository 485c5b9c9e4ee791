/* SPDX-License-Identifier: MIT */
/* gpioctl toggle: inverts outputs. */
#include "values.h"

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);

	if (status)
		return status;
	status = lines_write(&session, "toggle", args, -1, NULL, &reply);
	return status ? status : values_print(&session, reply.tree, args);
}

const struct command command_toggle = {
	.name = "toggle",
	.arguments = "LINE...",
	.summary = "Inverts outputs and prints their new values, as get does.",
	.examples = "  gpioctl toggle led\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
