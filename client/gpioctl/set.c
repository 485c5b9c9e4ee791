/* SPDX-License-Identifier: MIT */
/*
 * gpioctl set. The daemon never takes a line for `set` by itself; so gpioctl asks first which are
 * free, takes each as an output that begins with its value and is kept, so that the level stays
 * when gpioctl ends, and then sets them all. Should one be refused, those taken before are given
 * back.
 */
#include <stdlib.h>
#include <string.h>

#include "assignment.h"
#include "line.h"
#include "output.h"
#include "session.h"

static enum status send_set(struct session *session, struct strings words, struct message *ret)
{
	request_begin(session, "set");
	request_values(session, words);
	return session_ask(session, ret);
}

/* Why a line that is not free cannot be set; STATUS_OK when it can. */
static enum status check_held(const char *name, const cJSON *line)
{
	if (cJSON_IsFalse(member(line, "available"))) {
		complain("%s is not available now: %s; nothing has been set", name,
			member_string(line, "why", "gone"));
		return STATUS_FAILED;
	}
	if (strcmp(member_string(line, "direction", ""), "output") == 0)
		return STATUS_OK;

	if (member_true(line, "configured"))
		complain("%s is an input in the daemon's configuration, so nothing has been set",
			name);
	else
		complain("%s is held as an input, so nothing has been set; see \"gpioctl info %s\"",
			name, name);
	return STATUS_USAGE;
}

/*
 * Whether the line is free; a held line that cannot be set refuses all before anything is taken. A
 * program is told so by the daemon itself.
 */
static enum status is_free(struct session *session, const char *name, const char *word, bool *ret)
{
	_cleanup_(message_done) struct message reply = { 0 }, refusal = { 0 };
	const cJSON *line;
	enum status status = line_ask(session, name, &reply, &line);

	if (status)
		return status;
	*ret = !member_true(line, "held") && !cJSON_IsFalse(member(line, "available"));
	if (*ret)
		return STATUS_OK;
	if (session->options->json &&
		(cJSON_IsFalse(member(line, "available")) ||
			strcmp(member_string(line, "direction", ""), "output") != 0))
		return send_set(session, (struct strings){ .n = 1, .v = &word }, &refusal);
	return check_held(name, line);
}

static enum status take_line(struct session *session, const struct assignment *word)
{
	_cleanup_(message_done) struct message reply = { 0 };
	struct jsonw *w = request_begin(session, "request");

	jsonw_member_string(w, "line", word->line);
	jsonw_member_string(w, "direction", "output");
	jsonw_member_u64(w, "initial", (uint64_t)word->value);
	jsonw_member_bool(w, "keep", true);
	return session_inquire(session, &reply);
}

struct target {
	struct assignment word;
	bool free, taken;
};

static enum status find_free(struct session *session, struct strings words, struct target *targets)
{
	for (size_t i = 0; i < words.n; i++) {
		enum status status = is_free(
			session, targets[i].word.line, words.v[i], &targets[i].free);

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

static enum status set(struct session *session, struct strings words, struct message *ret)
{
	struct target *targets = calloc(words.n, sizeof(*targets));
	enum status status;

	if (!targets) {
		complain("out of memory");
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < words.n; i++)
		(void)assignment_parse(words.v[i], &targets[i].word);

	status = find_free(session, words, targets);
	if (!status)
		status = take_free(session, targets, words.n);
	if (!status)
		status = send_set(session, words, ret);
	if (status)
		give_back(session, targets, words.n);
	free(targets);
	return status;
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
	return status;
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
