/* SPDX-License-Identifier: MIT */
/* gpioctl get: reads values. */
#include "values.h"

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);

	if (status)
		return status;
	request_begin(&session, "get");
	request_strings(&session, "lines", args);
	status = session_ask(&session, &reply);
	return status ? status : values_print(&session, reply.tree, args);
}

const struct command command_get = {
	.name = "get",
	.arguments = "LINE...",
	.summary = "Reads values: 0 or 1, logical.",
	.details = "One line's value is printed alone, those of several as LINE=VALUE, each\n"
		   "on a line of its own. A free input is read as it is and stays free.\n",
	.examples =
		"  gpioctl get button\n  if [ \"$(gpioctl get door)\" = 1 ]; then echo open; fi\n"
		"  gpioctl get button door\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
