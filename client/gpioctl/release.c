/* SPDX-License-Identifier: MIT */
/* gpioctl release: gives back a line that set has taken and the daemon keeps. */
#include "session.h"

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);

	if (status)
		return status;
	request_begin(&session, "release");
	request_strings(&session, "lines", args);
	return session_ask(&session, &reply);
}

const struct command command_release = {
	.name = "release",
	.arguments = "LINE...",
	.summary = "Gives back lines that set has taken; each becomes an input and free.",
	.examples = "  gpioctl set GPIO17=1\n  gpioctl release GPIO17\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
