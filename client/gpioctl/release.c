/* SPDX-License-Identifier: MIT */
/* gpioctl release: gives back a line that set has taken and the daemon keeps. */
#include "line.h"
#include "output.h"

/* Of what no release can change, before it is asked for. */
static enum status explain_lines(struct session *session, struct strings names)
{
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(message_done) struct message reply = { 0 };
		const cJSON *line;
		enum status status = line_ask(session, names.v[i], &reply, &line);

		if (status)
			return status;
		if (member_true(line, "configured"))
			complain("%s is the configuration's, so it stays taken", names.v[i]);
		else if (!member_true(line, "held"))
			complain("%s is free; nothing to release", names.v[i]);
	}
	return STATUS_OK;
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);

	if (status)
		return status;
	if (!options->json)
		status = explain_lines(&session, args);
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
