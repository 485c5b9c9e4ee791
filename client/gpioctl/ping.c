/* SPDX-License-Identifier: MIT */
/* gpioctl ping: whether the daemon answers, and how fast. */
#include "output.h"
#include "session.h"

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);
	uint64_t sent_ns = now_ns();

	(void)args;
	if (status)
		return status;
	request_begin(&session, "ping");
	status = session_ask(&session, &reply);
	if (!status && !options->json)
		put("gpioeventd %s (backend %s) answers in %.0f us; seq %.0f\n", session.version,
			session.backend, (double)(now_ns() - sent_ns) / 1000,
			member_number(reply.tree, "seq", 0));
	return status;
}

const struct command command_ping = {
	.name = "ping",
	.arguments = "",
	.summary = "Asks whether the daemon answers.",
	.examples = "  gpioctl ping && echo it is there\n",
	.run = run,
};
