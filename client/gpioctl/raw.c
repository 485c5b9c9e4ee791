/* SPDX-License-Identifier: MIT */
/*
 * gpioctl raw: requests as written, replies as they come. Sends no hello, ends its input, and
 * prints until the daemon closes: after the last reply, or never if there is a subscription.
 */
#include <errno.h>
#include <string.h>

#include "output.h"
#include "session.h"

static enum status send_all(struct session *session, struct strings requests)
{
	int r = 0;

	for (size_t i = 0; i < requests.n && r == 0; i++) {
		r = connection_send(
			session->connection, requests.v[i], strlen(requests.v[i]), ANSWER_MS);
		if (r == 0)
			r = connection_send(session->connection, "\n", 1, ANSWER_MS);
	}
	if (r == 0)
		r = connection_end_requests(session->connection);
	/* A daemon that has closed has said why. */
	if (r == 0 || r == -EPIPE)
		return STATUS_OK;

	complain("cannot send: %s", strerror(-r));
	return STATUS_UNREACHABLE;
}

/* Prints until the end. The status is that of the first refusal. */
static enum status print_all(struct session *session, size_t n_requests)
{
	enum status first = STATUS_OK;
	size_t n_replies = 0;

	for (;;) {
		_cleanup_(message_done) struct message message = { 0 };
		enum status status;

		session->may_end = n_replies >= n_requests;
		status = session_receive(
			session, session->may_end ? UINT64_MAX : now_ns() + ANSWER_NS, &message);
		if (status == STATUS_TIMEOUT) {
			complain("the daemon does not answer");
			return STATUS_UNREACHABLE;
		}
		if (status)
			return status;
		if (!message.text)
			return first;

		message_print(&message);
		if (member(message.tree, "ok")) {
			n_replies++;
			if (!first)
				first = reply_check_raw(message.tree);
		}
	}
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	enum status status;

	for (size_t i = 0; i < args.n; i++)
		if (!*args.v[i] || strchr(args.v[i], '\n')) {
			complain("a request is one line of JSON");
			return STATUS_USAGE;
		}

	status = session_connect(&session, options);
	if (!status)
		status = session_watch(&session);
	if (!status)
		status = send_all(&session, args);
	return status ? status : print_all(&session, args.n);
}

const struct command command_raw = {
	.name = "raw",
	.arguments = "REQUEST...",
	.summary = "Sends any request of the protocol and prints the reply as it comes.",
	.details = "Several requests go over one connection. After a subscribe the events\n"
		   "follow, until Ctrl-C.\n",
	.examples =
		"  gpioctl raw '{\"op\":\"ping\"}'\n"
		"  gpioctl raw '{\"op\":\"request\",\"line\":\"GPIO17\",\"direction\":\"output\","
		"\"drive\":\"open-drain\",\"keep\":true}'\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
