/* SPDX-License-Identifier: MIT */
/*
 * gpioctl set. The daemon never takes a line for `set` by itself; when it says that one is free,
 * gpioctl asks which of them are, takes each as an output that begins with its value and is kept,
 * so that the level stays when gpioctl ends, and sends the same set again. Should one be refused,
 * those taken before are given back.
 */
#include <stdlib.h>
#include <string.h>

#include "assignment.h"
#include "output.h"
#include "session.h"

static enum status send_set(struct session *session, struct strings words, struct message *ret)
{
	request_begin(session, "set");
	request_values(session, words);
	return session_exchange(session, ret);
}

/* Whether the line is free; a held line that cannot be set refuses all before anything is taken. */
static enum status is_free(struct session *session, const char *line, bool *ret)
{
	_cleanup_(message_done) struct message reply = { 0 };
	const cJSON *info;
	enum status status;

	request_begin(session, "lines");
	request_text(session, "line", line);
	status = session_exchange(session, &reply);
	if (!status)
		status = reply_check(reply.tree);
	if (status)
		return status;

	info = cJSON_GetArrayItem(member(reply.tree, "lines"), 0);
	*ret = !member_true(info, "held");
	if (!*ret && strcmp(member_string(info, "direction", ""), "output") != 0) {
		complain("%s is held as an input, so nothing has been set; see \"gpioctl info %s\"",
			line, line);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static enum status take_line(struct session *session, const struct assignment *word)
{
	_cleanup_(message_done) struct message reply = { 0 };
	struct jsonw *w = request_begin(session, "request");
	enum status status;

	jsonw_member_string(w, "line", word->line);
	jsonw_member_string(w, "direction", "output");
	jsonw_member_u64(w, "initial", (uint64_t)word->value);
	jsonw_member_bool(w, "keep", true);
	status = session_exchange(session, &reply);
	return status ? status : reply_check(reply.tree);
}

struct target {
	struct assignment word;
	bool free, taken;
};

static enum status find_free(struct session *session, struct target *targets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum status status = is_free(session, targets[i].word.line, &targets[i].free);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static enum status take_free(struct session *session, struct target *targets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum status status;

		if (!targets[i].free)
			continue;
		status = take_line(session, &targets[i].word);
		if (status)
			return status;
		targets[i].taken = true;
	}
	return STATUS_OK;
}

static void give_back(struct session *session, const struct target *targets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(message_done) struct message reply = { 0 };

		if (!targets[i].taken)
			continue;
		request_begin(session, "release");
		request_text(session, "line", targets[i].word.line);
		if (session_exchange(session, &reply) == STATUS_OK)
			(void)reply_check(reply.tree);
	}
}

static enum status take_missing(struct session *session, struct strings words)
{
	struct target *targets = calloc(words.n, sizeof(*targets));
	enum status status;

	if (!targets) {
		complain("out of memory");
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < words.n; i++)
		(void)assignment_parse(words.v[i], &targets[i].word);

	status = find_free(session, targets, words.n);
	if (!status)
		status = take_free(session, targets, words.n);
	if (status)
		give_back(session, targets, words.n);
	free(targets);
	return status;
}

static enum status set(struct session *session, struct strings words, struct message *ret)
{
	enum status status = send_set(session, words, ret);

	if (status || strcmp(reply_error_code(ret->tree), "not-requested") != 0)
		return status;

	message_done(ret);
	status = take_missing(session, words);
	return status ? status : send_set(session, words, ret);
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;

	if (assignments_check(args) < 0)
		return STATUS_USAGE;

	status = session_open(&session, options);
	if (!status)
		status = set(&session, args, &reply);
	if (status)
		return status;
	if (options->json)
		message_print(&reply);
	return reply_check(reply.tree);
}

const struct command command_set = {
	.name = "set",
	.arguments = "LINE=VALUE...",
	.summary = "Sets outputs to 0 or 1, logical; all or none when one is refused.",
	.details = "A free line is taken as an output that begins with the value, and the\n"
		   "daemon keeps it, so that the value stays when gpioctl ends; \"gpioctl\n"
		   "release LINE\" gives it back.\n",
	.examples = "  gpioctl set led=1\n  gpioctl set led=1 relay=0\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
