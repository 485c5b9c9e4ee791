/* SPDX-License-Identifier: MIT */
/* gpioctl ping: whether the daemon answers, and how fast. */
#include "output.h"
#include "session.h"

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;
	uint64_t sent_ns;

	(void)args;
	status = GIVEN(options, TIMEOUT) ? session_await(&session, options, deadline_of(options))
					 : session_open(&session, options);
	if (status)
		return status;
	sent_ns = now_ns();
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
	.details = "With --timeout it waits so long for a daemon that answers, and ends with 7\n"
		   "when there is none by then.\n",
	.examples = "  gpioctl ping && echo it is there\n  gpioctl ping --timeout 100ms\n",
	.options = BIT(TIMEOUT),
	.run = run,
};
