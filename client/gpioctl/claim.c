/* SPDX-License-Identifier: MIT */
/*
 * gpioctl claim: holds a claim while a command runs, or while lines of LINE=VALUE words come in on
 * stdin, or until Ctrl-C. The claim is the connection's, so one loop does everything: it takes what
 * the daemon sends, what is typed, the command's end, and is heard of in time.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assignment.h"
#include "output.h"
#include "session.h"

#define WORDS_MAX 64 /* in a line of stdin */

/* As shells report a command that could not be run. */
enum { STATUS_CANNOT_RUN = 126, STATUS_NO_COMMAND = 127, STATUS_BY_SIGNAL = 128 };

struct claimer {
	struct session *session;
	struct strings lines, command; /* command: n is 0 when there is none */
	pid_t child;		       /* 0: none is running */
	int other_fd;		       /* that ends it: the command, or stdin; -1: none */
	char input[4096];	       /* of stdin, not a whole line yet */
	size_t n_input;
	enum status refused; /* of the first assignment that was; STATUS_OK: none */
};

/* Asking. */

static void begin_claim(struct claimer *claimer)
{
	const struct options *o = claimer->session->options;

	request_begin(claimer->session, "claim");
	request_strings(claimer->session, "lines", claimer->lines);
	request_text(claimer->session, "on_disconnect", o->on_disconnect);
	request_text(claimer->session, "ttl", o->ttl.text);
	request_text(claimer->session, "max_on", o->max_on.text);
}

static bool is_free(const cJSON *reply)
{
	return strcmp(member_string(member(reply, "error"), "code", ""), "not-requested") == 0;
}

/* A line that no configuration names is taken as an output first, at the level that it has. */
static enum status take_lines(struct claimer *claimer)
{
	_cleanup_(message_done) struct message reply = { 0 };

	request_begin(claimer->session, "request");
	request_strings(claimer->session, "lines", claimer->lines);
	request_text(claimer->session, "direction", "output");
	return session_inquire(claimer->session, &reply);
}

static enum status claim(struct claimer *claimer)
{
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;

	begin_claim(claimer);
	status = session_exchange(claimer->session, &reply);
	if (!status && is_free(reply.tree)) {
		message_done(&reply);
		status = take_lines(claimer);
		if (status)
			return status;
		begin_claim(claimer);
		status = session_exchange(claimer->session, &reply);
	}
	if (status)
		return status;
	if (claimer->session->options->json)
		message_print(&reply);
	return reply_check(reply.tree);
}

/* To be told when it ends without our doing; who may not watch the lines goes without. From here on
 * no message is passed over. */
static enum status watch_lines(struct claimer *claimer)
{
	const char *word = "line";
	const struct strings kinds = { .n = 1, .v = &word };

	request_begin(claimer->session, "subscribe");
	request_strings(claimer->session, "lines", claimer->lines);
	request_strings(claimer->session, "events", kinds);
	request_text(claimer->session, "id", "watch");
	return session_send(claimer->session);
}

/* The command. */

static void become(const struct strings *command)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command->v[0], (char *const *)command->v);
	complain("cannot run %s: %s", command->v[0], strerror(errno));
	_exit(errno == ENOENT ? STATUS_NO_COMMAND : STATUS_CANNOT_RUN);
}

/* execvp() wants a NULL at the end. */
static enum status start_command(struct claimer *claimer)
{
	const struct strings *command = &claimer->command;
	struct strings copy = { .n = command->n };

	copy.v = calloc(command->n + 1, sizeof(*copy.v));
	if (copy.v) {
		memcpy(copy.v, command->v, command->n * sizeof(*copy.v));
		fflush(stdout);
		claimer->child = fork();
		if (claimer->child == 0)
			become(&copy);
	}
	if (copy.v && claimer->child > 0)
		claimer->other_fd = pidfd_open(claimer->child, 0);
	free(copy.v);
	if (claimer->other_fd >= 0)
		return STATUS_OK;
	complain("cannot run %s: %s", command->v[0], strerror(errno));
	return STATUS_FAILED;
}

static enum status status_of_command(struct claimer *claimer)
{
	int status = 0;

	while (waitpid(claimer->child, &status, 0) < 0 && errno == EINTR)
		;
	claimer->child = 0;
	return WIFSIGNALED(status) ? (enum status)(STATUS_BY_SIGNAL + WTERMSIG(status))
				   : (enum status)WEXITSTATUS(status);
}

/* Without the claim, or without us, it must not go on. From a terminal it has had Ctrl-C as well.
 */
static void end_command(struct claimer *claimer, enum status why)
{
	if (!claimer->child)
		return;
	if (why != STATUS_INTERRUPTED || !isatty(STDIN_FILENO))
		kill(claimer->child, why == STATUS_INTERRUPTED ? SIGINT : SIGTERM);
	(void)status_of_command(claimer);
}

/* What is typed. */

/* From a file or /dev/null nothing comes that anybody types; they are at their end at once. */
static bool stdin_is_live(void)
{
	struct stat st;

	return isatty(STDIN_FILENO) ||
	       (fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
}

static enum status set_line(struct claimer *claimer, char *text)
{
	const char *v[WORDS_MAX];
	struct strings words = { .v = v };

	for (char *word; (word = strsep(&text, " \t\r"));)
		if (*word && words.n < WORDS_MAX)
			v[words.n++] = word;
	if (words.n == 0)
		return STATUS_OK;
	if (assignments_check(words) < 0) {
		claimer->refused = STATUS_USAGE;
		return STATUS_OK;
	}
	/* Its reply comes with the events: none of these may be overlooked. */
	request_begin(claimer->session, "set");
	request_values(claimer->session, words);
	return session_send(claimer->session);
}

/* STATUS_TIMEOUT: that was the end. */
static enum status take_input(struct claimer *claimer)
{
	ssize_t n = read(STDIN_FILENO, claimer->input + claimer->n_input,
		sizeof(claimer->input) - 1 - claimer->n_input);
	char *line = claimer->input, *end;
	enum status status = STATUS_OK;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STATUS_OK;
	if (n <= 0) {
		claimer->input[claimer->n_input] = '\0';
		status = set_line(claimer, claimer->input);
		return status ? status : STATUS_TIMEOUT;
	}
	claimer->n_input += (size_t)n;
	claimer->input[claimer->n_input] = '\0';
	while (!status && (end = strchr(line, '\n'))) {
		*end = '\0';
		status = set_line(claimer, line);
		line = end + 1;
	}
	claimer->n_input -= (size_t)(line - claimer->input);
	memmove(claimer->input, line, claimer->n_input + 1);
	if (claimer->n_input == sizeof(claimer->input) - 1) {
		complain("a line of stdin is too long");
		return STATUS_USAGE;
	}
	return status;
}

/* The loop. */

static bool is_ours(const struct claimer *claimer, const cJSON *event)
{
	const cJSON *holder = member(event, "holder");

	return strcmp(member_string(event, "change", ""), "unclaimed") == 0 &&
	       member_u64(holder, "peer", 0) == claimer->session->peer;
}

/* STATUS_FAILED, said: the claim has ended. */
static enum status take_message(struct claimer *claimer, const struct message *message)
{
	const bool json = claimer->session->options->json;
	enum status status;

	if (strcmp(member_string(message->tree, "id", ""), "watch") == 0)
		return STATUS_OK;
	if (member(message->tree, "ok")) {
		if (!member_true(message->tree, "ok") && json)
			message_print(message);
		status = reply_check(message->tree);
		if (!claimer->refused)
			claimer->refused = status;
		return STATUS_OK;
	}
	claimer->session->ended |= strcmp(member_string(message->tree, "event", ""), "shutdown") ==
				   0;
	if (!is_ours(claimer, message->tree))
		return STATUS_OK;
	if (json)
		message_print(message);
	complain("the claim of %s has ended (%s)", member_string(message->tree, "line", "?"),
		member_string(message->tree, "reason", "?"));
	return STATUS_FAILED;
}

static enum status say_something(struct claimer *claimer, uint64_t *next_ns)
{
	const struct options *o = claimer->session->options;

	if (!GIVEN(o, TTL) || now_ns() < *next_ns)
		return STATUS_OK;

	*next_ns = now_ns() + o->ttl.ns / 3;
	request_begin(claimer->session, "ping");
	return session_send(claimer->session);
}

static bool other_is_ready(const struct claimer *claimer)
{
	struct pollfd fd = { .fd = claimer->other_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* STATUS_TIMEOUT: it is over as it should be. */
static enum status hold(struct claimer *claimer)
{
	const struct options *o = claimer->session->options;
	uint64_t next_ns = GIVEN(o, TTL) ? 0 : UINT64_MAX;

	for (;;) {
		_cleanup_(message_done) struct message message = { 0 };
		enum status status = say_something(claimer, &next_ns);

		if (status)
			return status;
		status = session_receive(claimer->session, next_ns, &message);
		if (!status)
			status = take_message(claimer, &message);
		else if (status == STATUS_TIMEOUT && !other_is_ready(claimer))
			status = STATUS_OK;
		else if (status == STATUS_TIMEOUT && !claimer->child)
			status = take_input(claimer);
		if (status)
			return status;
	}
}

/* Replies to what was typed last. */
static enum status take_the_rest(struct claimer *claimer)
{
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status;

	claimer->other_fd = -1; /* stdin is at its end for ever */
	request_begin(claimer->session, "ping");
	request_text(claimer->session, "id", "last");
	status = session_send(claimer->session);
	while (!status) {
		message_done(&reply);
		status = session_receive(claimer->session, now_ns() + ANSWER_NS, &reply);
		if (!status && strcmp(member_string(reply.tree, "id", ""), "last") == 0)
			return claimer->refused;
		if (!status)
			status = take_message(claimer, &reply);
	}
	return status;
}

static enum status run_claim(struct claimer *claimer)
{
	struct session *session = claimer->session;
	enum status status = claim(claimer);

	if (!status)
		status = watch_lines(claimer);
	if (status)
		return status;

	if (claimer->command.n > 0)
		status = start_command(claimer);
	else if (stdin_is_live())
		claimer->other_fd = STDIN_FILENO;
	if (!status && claimer->command.n == 0 && !session->options->json) {
		put("claimed\n");
		fflush(stdout);
	}
	if (!status)
		status = hold(claimer);
	if (status != STATUS_TIMEOUT) {
		end_command(claimer, status);
		return status;
	}
	return claimer->child ? status_of_command(claimer) : take_the_rest(claimer);
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	struct claimer claimer = { .session = &session, .lines = args, .other_fd = -1 };
	enum status status;

	/* What stands behind "--" is the command. */
	if (options->n_after > 0) {
		claimer.lines.n = args.n - options->n_after;
		claimer.command.n = options->n_after;
		claimer.command.v = args.v + claimer.lines.n;
	}
	if (options->n_after >= args.n) {
		complain("which line? It stands before the \"--\"");
		return STATUS_USAGE;
	}
	status = session_open(&session, options);
	if (!status)
		status = session_watch(&session);
	if (!status) {
		session.other_fd = &claimer.other_fd;
		status = run_claim(&claimer);
	}
	if (claimer.command.n > 0 && claimer.other_fd >= 0)
		close(claimer.other_fd);
	return status;
}

const struct command command_claim = {
	.name = "claim",
	.arguments = "LINE... [-- COMMAND [ARGUMENT]...]",
	.summary = "Keeps everybody else from writing outputs, as long as it runs.",
	.details = "Without COMMAND it reads lines of LINE=VALUE words from stdin and sets\n"
		   "them; it ends with what is piped into it, with Ctrl-D or Ctrl-C, and\n"
		   "prints \"claimed\" when it has the lines. With COMMAND it ends with that,\n"
		   "and with its exit status. When gpioctl ends, however that comes about,\n"
		   "the lines become what --on-disconnect says: by default their safe value\n"
		   "where the configuration gives one, else they stay as they are. With --ttl\n"
		   "gpioctl is heard of in time by itself, so that a machine that hangs counts\n"
		   "as dead. A line that no configuration names is taken as an output first.\n",
	.examples = "  gpioctl claim motor --on-disconnect 0 -- ./crane\n"
		    "  ./controller | gpioctl claim motor brake --ttl 2s --max-on 30s\n",
	.options = BIT(ON_DISCONNECT) | BIT(TTL) | BIT(MAX_ON),
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
