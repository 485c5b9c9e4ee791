/* SPDX-License-Identifier: MIT */
/*
 * The conversation with the daemon. One request is under way at a time, so the next line with "ok"
 * is its reply. While a command streams, one poll() watches the socket, the signals and whoever
 * reads stdout: `gpioctl monitor | head -1` ends when head does and not at the next event.
 */
#include "session.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "assignment.h"
#include "output.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t deadline_of(const struct options *options)
{
	uint64_t now = now_ns();

	if (!GIVEN(options, TIMEOUT) || options->timeout.ns > UINT64_MAX - 1 - now)
		return UINT64_MAX;
	return now + options->timeout.ns;
}

void message_done(struct message *message)
{
	cJSON_Delete(message->tree);
	message->tree = NULL;
}

void message_print(const struct message *message)
{
	fwrite(message->text, 1, message->n, stdout);
	putchar('\n');
}

/* Connecting. */

/* Group root is more than lines, so nobody is told to join it. */
static void explain_no_access(const char *path)
{
	struct stat st;
	const struct group *group;

	if (stat(path, &st) < 0) {
		complain("no permission for the folder of %s", path);
		return;
	}
	group = getgrgid(st.st_gid);
	complain("no permission for %s, which is for group %s", path,
		group ? group->gr_name : "without a name");
	if (st.st_gid == 0)
		complain("\"socket-group\" in the daemon's configuration decides for which");
	else if (group)
		complain("\"sudo usermod -aG %s $USER\", then log in again", group->gr_name);
}

bool unit_exists(void)
{
	static const char *const paths[] = { "/etc/systemd/system/gpioeventd.service",
		"/lib/systemd/system/gpioeventd.service",
		"/usr/lib/systemd/system/gpioeventd.service" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], F_OK) == 0)
			return true;
	return false;
}

static void explain_start(const char *path)
{
	bool unit = unit_exists();

	if (unit)
		complain("start the daemon with \"sudo systemctl start gpioeventd\"");
	complain("%s a simulated one with \"gpioeventd --backend sim --socket %s\"",
		unit ? "or" : "start the daemon, or", path);
	complain("or say where it listens with --socket or GPIOEVENTD_SOCKET");
}

static enum status explain_unreachable(const char *path, int error)
{
	if (error == -EACCES || error == -EPERM) {
		explain_no_access(path);
	} else if (error == -ENOENT || error == -ENOTDIR) {
		complain("there is no socket %s", path);
		explain_start(path);
	} else if (error == -ECONNREFUSED) {
		complain("nobody listens at %s: the daemon has ended, or it is no socket", path);
		explain_start(path);
	} else if (error == -EAGAIN) {
		complain("the daemon at %s does not accept connections", path);
	} else if (error == -ENAMETOOLONG) {
		complain("the socket's path is longer than 107 bytes: %s", path);
	} else {
		complain("cannot connect to %s: %s", path, strerror(-error));
	}
	return STATUS_UNREACHABLE;
}

const char *socket_path(const struct options *options)
{
	const char *path = getenv("GPIOEVENTD_SOCKET");

	if (GIVEN(options, SOCKET))
		return options->socket;
	return path && *path ? path : CONNECTION_DEFAULT_PATH;
}

/* When an answer is overdue. */
static uint64_t answer_deadline(const struct session *session)
{
	return session->await_ns ? session->await_ns : now_ns() + ANSWER_NS;
}

static enum status do_connect(struct session *session)
{
	const char *path = socket_path(session->options);
	uint64_t now = now_ns(), deadline = answer_deadline(session);
	uint64_t left_ms = deadline > now ? (deadline - now) / NSEC_PER_MSEC : 0;
	int r = connection_open(
		path, left_ms < ANSWER_MS ? (int)left_ms : ANSWER_MS, &session->connection);

	session->connect_error = r;
	if (r == 0)
		return STATUS_OK;
	return session->patient ? STATUS_UNREACHABLE : explain_unreachable(path, r);
}

enum status session_connect(struct session *session, const struct options *options)
{
	*session = (struct session){ .options = options, .signal_fd = -1 };
	return do_connect(session);
}

static enum status say_hello(struct session *session)
{
	struct message reply = { 0 };
	enum status status;

	jsonw_member_string(request_begin(session, "hello"), "client", "gpioctl");
	status = session_exchange(session, &reply);
	if (!status)
		status = reply_check(reply.tree);
	if (!status) {
		snprintf(session->version, sizeof(session->version), "%s",
			member_string(reply.tree, "version", "?"));
		session->peer = member_u64(reply.tree, "peer", 0);
		snprintf(session->backend, sizeof(session->backend), "%s",
			member_string(reply.tree, "backend", "?"));
		snprintf(session->instance, sizeof(session->instance), "%s",
			member_string(reply.tree, "instance", "?"));
		session->oldest = member_u64(reply.tree, "oldest", 1);
		session->newest = member_u64(reply.tree, "seq", 0);
	}
	message_done(&reply);
	return status;
}

enum status session_open(struct session *session, const struct options *options)
{
	enum status status = session_connect(session, options);

	return status ? status : say_hello(session);
}

enum status session_try(struct session *session, const struct options *options)
{
	enum status status;

	*session = (struct session){ .options = options, .signal_fd = -1, .patient = true };
	status = do_connect(session);
	if (!status)
		status = say_hello(session);
	session->patient = false;
	return status;
}

/* The pause between two tries, which are cheap. */
#define RETRY_NS (20 * NSEC_PER_MSEC)

static void pause_until(uint64_t deadline_ns)
{
	uint64_t now = now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec ts = { .tv_nsec = (long)(left < RETRY_NS ? left : RETRY_NS) };

	(void)nanosleep(&ts, NULL);
}

/* The last try comes after the deadline, and says why there is nobody. */
enum status session_await(
	struct session *session, const struct options *options, uint64_t deadline_ns)
{
	for (;;) {
		bool last = now_ns() >= deadline_ns;
		enum status status;

		*session = (struct session){ .options = options,
			.signal_fd = -1,
			.patient = !last,
			.await_ns = deadline_ns };
		status = do_connect(session);
		if (!status)
			status = say_hello(session);
		session->patient = false;
		session->await_ns = 0;
		if (status != STATUS_UNREACHABLE || last)
			return status;

		session_close(session);
		pause_until(deadline_ns);
	}
}

void session_close(struct session *session)
{
	session->connection = connection_free(session->connection);
	if (session->signal_fd >= 0)
		close(session->signal_fd);
	session->signal_fd = -1;
}

enum status session_watch(struct session *session)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	session->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (session->signal_fd < 0) {
		complain("cannot watch for signals: %s", strerror(errno));
		return STATUS_FAILED;
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	return STATUS_OK;
}

/* Requests. */

struct jsonw *request_begin(struct session *session, const char *op)
{
	/* The last byte is for the newline. */
	jsonw_init(&session->request, session->buffer, sizeof(session->buffer) - 1);
	jsonw_begin_object(&session->request);
	jsonw_member_string(&session->request, "op", op);
	return &session->request;
}

void request_text(struct session *session, const char *key, const char *text)
{
	if (text)
		jsonw_member_string(&session->request, key, text);
}

void request_strings(struct session *session, const char *key, struct strings strings)
{
	if (strings.n == 0)
		return;
	jsonw_key(&session->request, key);
	jsonw_begin_array(&session->request);
	for (size_t i = 0; i < strings.n; i++)
		jsonw_string(&session->request, strings.v[i]);
	jsonw_end_array(&session->request);
}

void request_values(struct session *session, struct strings words)
{
	jsonw_key(&session->request, "values");
	jsonw_begin_object(&session->request);
	for (size_t i = 0; i < words.n; i++) {
		struct assignment word;

		(void)assignment_parse(words.v[i], &word);
		jsonw_member_u64(&session->request, word.line, (uint64_t)word.value);
	}
	jsonw_end_object(&session->request);
}

/* Taking lines. */

static enum status broken(const struct session *session, int error)
{
	if (error == -EMSGSIZE) {
		complain("the daemon sent a line longer than 64 KiB");
		return STATUS_FAILED;
	}
	if (session->patient)
		return STATUS_UNREACHABLE;
	if (session->ended) {
		complain("the daemon has ended");
		return STATUS_UNREACHABLE;
	}
	if (error == -EPIPE)
		complain("the daemon has closed the connection");
	else
		complain("the connection to the daemon is broken: %s", strerror(-error));
	if (session->subscribed)
		complain("the last event seen is %" PRIu64 "; continue with --since %" PRIu64
			 " --instance %s",
			session->seq, session->seq, session->instance);
	return STATUS_UNREACHABLE;
}

static enum status caught(int signal_fd)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return STATUS_OK;
	return info.ssi_signo == SIGINT ? STATUS_INTERRUPTED : STATUS_TERMINATED;
}

/* Waits for the socket. STATUS_OK: it is readable, or it is worth looking again. */
static enum status await(const struct session *session, uint64_t deadline_ns)
{
	struct pollfd fds[] = {
		{ .fd = connection_fd(session->connection), .events = POLLIN },
		{ .fd = session->signal_fd, .events = POLLIN },
		{ .fd = session->signal_fd < 0 ? -1 : STDOUT_FILENO }, /* POLLERR: nobody reads */
		{ .fd = session->other_fd ? *session->other_fd : -1, .events = POLLIN },
	};
	uint64_t now = now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(left / NSEC_PER_SEC),
		.tv_nsec = (long)(left % NSEC_PER_SEC) };
	int r = ppoll(fds, 4, deadline_ns == UINT64_MAX ? NULL : &timeout, NULL);

	if (r == 0)
		return STATUS_TIMEOUT;
	if (r > 0 && fds[1].revents)
		return caught(session->signal_fd);
	if (r > 0 && fds[2].revents)
		raise(SIGPIPE);
	if (r > 0 && fds[3].revents && !fds[0].revents)
		return STATUS_TIMEOUT;
	return STATUS_OK;
}

/*
 * Lines that have arrived by the deadline are all delivered; a stream that never pauses cannot put
 * the deadline off, since the socket is read at most once after it.
 */
static enum status receive_text(struct session *session, uint64_t deadline_ns, struct message *ret)
{
	for (;;) {
		char *text;
		int r = connection_take(session->connection, &text, &ret->n);
		enum status status;

		if (r == 0) {
			ret->text = text;
			return STATUS_OK;
		}
		if (r < 0 && r != -EAGAIN)
			return broken(session, r);
		if (session->filled_ns >= deadline_ns)
			return STATUS_TIMEOUT;

		status = await(session, deadline_ns);
		if (status)
			return status;
		session->filled_ns = now_ns();
		r = connection_fill(session->connection);
		if (r == -EPIPE && session->may_end)
			return STATUS_OK;
		if (r < 0 && r != -EAGAIN)
			return broken(session, r);
	}
}

enum status session_receive(struct session *session, uint64_t deadline_ns, struct message *ret)
{
	enum status status;

	*ret = (struct message){ 0 };
	status = receive_text(session, deadline_ns, ret);
	if (status || !ret->text)
		return status;

	ret->tree = cJSON_ParseWithLength(ret->text, ret->n);
	if (!cJSON_IsObject(ret->tree)) {
		message_done(ret);
		complain("the daemon sent a line that is no JSON object");
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

enum status session_send(struct session *session)
{
	struct jsonw *w = &session->request;
	int r;

	jsonw_end_object(w);
	if (w->overflow) {
		complain("the request does not fit 64 KiB; name fewer lines");
		return STATUS_USAGE;
	}
	session->buffer[w->n] = '\n';
	r = connection_send(session->connection, session->buffer, w->n + 1, ANSWER_MS);
	/* A daemon that refuses a connection says why and closes: the reply is worth reading. */
	return r < 0 && r != -EPIPE ? broken(session, r) : STATUS_OK;
}

enum status session_exchange(struct session *session, struct message *ret)
{
	enum status status = session_send(session);
	uint64_t deadline = answer_deadline(session);

	while (!status) {
		status = session_receive(session, deadline, ret);
		if (status || member(ret->tree, "ok"))
			break;
		message_done(ret);
	}
	if (status == STATUS_TIMEOUT) {
		if (!session->patient)
			complain("the daemon does not answer");
		return STATUS_UNREACHABLE;
	}
	return status;
}

static enum status ask(struct session *session, bool print, struct message *ret)
{
	enum status status = session_exchange(session, ret);

	if (status)
		return status;
	if (session->options->json && (print || !member_true(ret->tree, "ok")))
		message_print(ret);
	status = reply_check(ret->tree);
	if (status)
		message_done(ret);
	return status;
}

enum status session_ask(struct session *session, struct message *ret)
{
	return ask(session, true, ret);
}

enum status session_inquire(struct session *session, struct message *ret)
{
	return ask(session, false, ret);
}

/* Streams. */

void session_subscribed(struct session *session, const cJSON *reply)
{
	session->subscribed = true;
	session->reply_seq = member_u64(reply, "seq", 0);
	session->replay_left = member_u64(reply, "replay", 0);
	/* What is replayed comes after the reply, and only then does the reply's seq hold. */
	session->seq = session->replay_left ? session->options->since : session->reply_seq;
}

static void advance(struct session *session, const cJSON *event)
{
	const char *kind = member_string(event, "event", "");

	/* Its log ends with it, so that there is nothing to continue. */
	session->ended = session->ended || strcmp(kind, "shutdown") == 0;
	session->seq = member_u64(event, "seq", session->seq);
	if (session->replay_left && --session->replay_left == 0)
		session->seq = session->reply_seq;
}

enum status session_event(struct session *session, uint64_t deadline_ns, struct message *ret)
{
	for (;;) {
		enum status status = session_receive(session, deadline_ns, ret);
		if (status)
			return status;

		if (cJSON_IsString(member(ret->tree, "event"))) {
			advance(session, ret->tree);
			return STATUS_OK;
		}
		message_done(ret);
	}
}
