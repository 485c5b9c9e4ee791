/* SPDX-License-Identifier: MIT */

#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "adopt.h"
#include "board.h"
#include "claim.h"
#include "claim_kept.h"
#include "clock.h"
#include "diag.h"
#include "event.h"
#include "hold.h"
#include "output.h"
#include "peer.h"
#include "request.h"
#include "session.h"
#include "use.h"
#include "watch.h"

#define RETRY_FIRST_NS (1 * NSEC_PER_SEC)
#define RETRY_LAST_NS  (10 * NSEC_PER_SEC)
#define STOP_NS	       (1 * NSEC_PER_SEC) /* for what is left to be sent */

static void dispatch_signal(struct source *source, uint32_t events)
{
	struct daemon *daemon = list_object(source, struct daemon, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(daemon->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		/* Nothing moves because a terminal was closed: the files say what they said. */
		if (info.ssi_signo == SIGHUP)
			daemon->reload.wanted = true;
		else
			daemon->stopping = true;
		if (info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT)
			daemon->giving_back = true;
	}
}

static int watch_signals(struct daemon *daemon)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	daemon->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (daemon->signal_fd < 0)
		return -errno;

	return loop_add(
		&daemon->loop, &daemon->signals, daemon->signal_fd, EPOLLIN, dispatch_signal);
}

/* At first soon, then at longer intervals. */
static void expire_retry(struct deadline *deadline, uint64_t now_ns)
{
	struct daemon *daemon = list_object(deadline, struct daemon, retry);

	(void)now_ns;
	daemon_look_again(daemon);
	if (!deadline_is_set(&daemon->retry))
		daemon->retry_after_ns = RETRY_FIRST_NS;
}

void daemon_look_again(struct daemon *daemon)
{
	int r = chips_scan(daemon);

	if (lines_configure(daemon) < 0 || r < 0)
		daemon_retry_later(daemon);
	hold_missing(daemon);
}

void daemon_retry_later(struct daemon *daemon)
{
	if (deadline_is_set(&daemon->retry))
		return;

	(void)loop_set_deadline(
		&daemon->loop, &daemon->retry, clock_now_ns() + daemon->retry_after_ns);
	daemon->retry_after_ns *= 2;
	if (daemon->retry_after_ns > RETRY_LAST_NS)
		daemon->retry_after_ns = RETRY_LAST_NS;
}

static void report_board(const char *message, void *data)
{
	(void)data;
	diag_warning("%s", message);
}

int daemon_load_board(const struct daemon *daemon, const char *name,
	void (*report)(const char *message, void *data), void *data, struct board **ret)
{
	const char *labels[64];
	size_t n = 0;

	for (size_t i = 0; i < daemon->chips.n && n < sizeof(labels) / sizeof(labels[0]); i++)
		if (daemon->chips.v[i])
			labels[n++] = daemon->chips.v[i]->info.label;
	return board_load(name, labels, n, report, data, ret);
}

static int load_board(struct daemon *daemon)
{
	const char *name = daemon->config->board;
	int r;

	if (strcmp(name, "none") == 0)
		return 0;

	r = daemon_load_board(daemon, name, report_board, NULL, &daemon->board);
	if (r == -ENOENT && name[0])
		diag_error("there is no board map \"%s\"", name);
	/* A map that was asked for has to be there; one that was only looked for need not. */
	return name[0] ? r : 0;
}

/* Every connection, line and chip takes a file descriptor. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 4096) {
		limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int start_backend(struct daemon *daemon)
{
	int r = daemon->ops->open(daemon->config, &daemon->backend);

	if (r < 0) {
		diag_error("backend %s cannot be opened: %s", daemon->ops->name, strerror(-r));
		return r;
	}
	/* Listening first: what comes after the scan is told. */
	r = chips_listen(daemon);
	if (r < 0)
		diag_warning("chips that come later will not be noticed: %s", strerror(-r));
	r = chips_scan(daemon);
	if (r < 0) {
		diag_warning("chips cannot be looked for: %s", strerror(-r));
		daemon_retry_later(daemon);
	}
	if (daemon->chips.n == 0)
		diag_warning("there is no GPIO chip that the daemon can open; it takes those that "
			     "come");
	r = load_board(daemon);
	if (r == 0)
		r = lines_configure(daemon);
	return r;
}

static void init(struct daemon *daemon, const struct options *options, struct config *config)
{
	*daemon = (struct daemon){ .config = config,
		.ops = config->backend,
		.reload.options = options,
		.log.fd = -1,
		.signal_fd = -1,
		.signals.fd = -1,
		.absent = { .daemon = daemon, .source.fd = -1 },
		.arrivals.fd = -1,
		.access.since_ns = clock_now_ns(),
		.retry_after_ns = RETRY_FIRST_NS };
	daemon->stats.started_ns = daemon->now_ns = clock_now_ns();
	daemon->realtime_offset_ns = clock_realtime_offset_ns();
	deadline_init(&daemon->retry, expire_retry);
	status_init(&daemon->status);
	gather_init(&daemon->gather);
	timers_init(&daemon->timers);
	fdstore_init(&daemon->fdstore, daemon);
}

static void release_lines(struct daemon *daemon)
{
	for (size_t id = 0; id < daemon->lines.n; id++) {
		output_cancel_revert(daemon->lines.v[id]);
		claim_done(daemon->lines.v[id]);
		use_forget_all(daemon->lines.v[id]);
		if (daemon->lines.v[id]->request)
			request_free(daemon->lines.v[id]->request, NULL);
	}
}

static void done(struct daemon *daemon)
{
	timers_done(daemon);
	session_done(daemon);
	server_done(&daemon->server);
	release_lines(daemon);
	loop_clear_deadline(&daemon->loop, &daemon->retry);
	status_stop(daemon);
	watchdog_stop(&daemon->watchdog);
	chips_done(daemon);
	lines_done(daemon);
	if (daemon->backend)
		daemon->ops->free(daemon->backend);
	if (daemon->signal_fd >= 0) {
		loop_remove(&daemon->loop, &daemon->signals);
		close(daemon->signal_fd);
	}
	fdstore_done(&daemon->fdstore);
	wire_decoder_free(daemon->decoder);
	reload_done(&daemon->reload);
	board_free(daemon->board);
	log_done(&daemon->log);
	loop_done(&daemon->loop);
}

/* From here on the next daemon goes on: nothing is written, given back or forgotten. */
static void freeze(struct daemon *daemon)
{
	fdstore_say_all(&daemon->fdstore);
	daemon->fdstore.left = true;
	daemon->log.kept.frozen = true;
}

/* With what an earlier daemon left; at a first start only the configured lines are taken. */
static void go_on(struct daemon *daemon)
{
	adopt_lines(daemon);
	session_restore(daemon);
	uses_restore(daemon);
	adopt_settle(daemon);
	claims_restore(daemon);
	hold_configured(daemon);
	hold_missing(daemon);
	adopt_missing(daemon);
	outputs_restore(daemon);
	timers_restore(daemon);
	adopt_catch_up(daemon);
	claims_settle(daemon);
	session_start_grace(daemon);
}

int daemon_start(struct daemon *daemon, const struct options *options, struct config *config)
{
	int r;

	init(daemon, options, config);
	raise_fd_limit();
	(void)inherit_init(&daemon->inherit);
	r = loop_init(&daemon->loop);
	if (r < 0)
		return r;

	r = server_init(&daemon->server, daemon);
	if (r < 0) {
		loop_done(&daemon->loop);
		return r;
	}
	/* Before anything is taken: a daemon that nobody can reach must not drive a line. */
	r = server_open_sockets(&daemon->server);
	if (r == 0)
		r = adopt_log(daemon);
	daemon->log.evict = watch_evict;
	daemon->log.evict_data = daemon;
	if (r == 0)
		r = wire_decoder_new(&daemon->decoder);
	if (r == 0)
		r = watch_signals(daemon);
	if (r == 0)
		r = start_backend(daemon);
	if (r == 0) {
		go_on(daemon);
		r = server_listen(&daemon->server);
	}
	inherit_done(&daemon->inherit);
	if (r == 0)
		r = watchdog_start(&daemon->watchdog, &daemon->loop);
	if (r == 0) {
		status_start(daemon);
		return 0;
	}
	/* What an earlier daemon left is for the next one that can start. */
	if (daemon->fdstore.enabled)
		freeze(daemon);
	done(daemon);
	return r;
}

int daemon_round(struct daemon *daemon)
{
	bool wait = !gather_has_more(&daemon->gather) && !server_has_more(&daemon->server);
	int r = loop_wait(&daemon->loop, wait);

	if (r < 0)
		return r;

	daemon->stats.wakeups++;
	daemon->realtime_offset_ns = clock_realtime_offset_ns();
	gather_run(&daemon->gather, daemon);
	if (daemon->reload.wanted)
		(void)reload_run(daemon);
	server_run_requests(&daemon->server);
	server_flush(&daemon->server);
	server_reap(&daemon->server);
	log_get_ready(&daemon->log);
	status_round(daemon);
	return 0;
}

int daemon_run(struct daemon *daemon)
{
	int r = 0;

	while (r == 0 && !daemon->stopping)
		r = daemon_round(daemon);
	if (r < 0)
		diag_error("the loop cannot go on: %s", strerror(-r));
	return r;
}

static bool anything_unsent(const struct daemon *daemon)
{
	list_for_each (link, &daemon->server.peers) {
		const struct peer *peer = list_object(link, struct peer, link);

		if (!peer->gone &&
			(peer->n_replies || peer->rest_n || (peer->watch && peer->watch->pending)))
			return true;
	}
	return false;
}

/* For waking up in time; the clock says that it is over. */
static void expire_stop(struct deadline *deadline, uint64_t now_ns)
{
	(void)deadline;
	(void)now_ns;
}

/* Nothing may write a line again after its on-exit value. */
static void end_writing(struct daemon *daemon)
{
	session_done(daemon);
	timers_done(daemon);
	for (size_t id = 0; id < daemon->lines.n; id++) {
		output_cancel_revert(daemon->lines.v[id]);
		on_time_forget(daemon->lines.v[id]);
	}
}

/* What waits in the kernel is for the next daemon, or for nobody. */
static void end_reading(struct daemon *daemon)
{
	loop_remove(&daemon->loop, &daemon->arrivals);
	for (size_t i = 0; i < daemon->chips.n; i++)
		if (daemon->chips.v[i])
			loop_remove(&daemon->loop, &daemon->chips.v[i]->source);
	for (size_t id = 0; id < daemon->lines.n; id++)
		if (daemon->lines.v[id]->request)
			loop_remove(&daemon->loop, &daemon->lines.v[id]->request->source);
}

/* From here on there is only sending: nothing else may be ready, or come due, again and again. */
static void end_listening(struct daemon *daemon)
{
	loop_clear_deadline(&daemon->loop, &daemon->retry);
	status_stop(daemon);
	watchdog_stop(&daemon->watchdog);
	server_stop_listening(&daemon->server);
	list_for_each_safe (link, following, &daemon->server.peers) {
		struct peer *peer = list_object(link, struct peer, link);

		loop_clear_deadline(&daemon->loop, &peer->stall);
		if (peer->gone)
			peer_close(peer);
		else
			peer_update_interest(peer);
	}
}

/* Sends what is left; a client that does not read is not waited for longer than STOP_NS. */
static void send_the_rest(struct daemon *daemon)
{
	const uint64_t until_ns = clock_now_ns() + STOP_NS;
	struct deadline limit;

	deadline_init(&limit, expire_stop);
	(void)loop_set_deadline(&daemon->loop, &limit, until_ns);
	server_flush(&daemon->server);
	while (anything_unsent(daemon) && clock_now_ns() < until_ns) {
		if (loop_wait(&daemon->loop, list_empty(&daemon->server.flush)) < 0)
			break;
		server_flush(&daemon->server);
	}
	loop_clear_deadline(&daemon->loop, &limit);
}

static void leave_everything(struct daemon *daemon)
{
	freeze(daemon);
	end_listening(daemon);
	end_reading(daemon);
	event_shutdown(daemon);
	send_the_rest(daemon);
	release_lines(daemon); /* our descriptors only: the manager has its own */
	done(daemon);
}

static void give_everything_back(struct daemon *daemon)
{
	end_listening(daemon);
	claims_end(daemon);
	end_writing(daemon);
	hold_end(daemon);
	end_reading(daemon);
	release_lines(daemon);
	event_shutdown(daemon);
	send_the_rest(daemon);
	fdstore_forget_log(&daemon->fdstore);
	fdstore_say_all(&daemon->fdstore);
	done(daemon);
}

void daemon_stop(struct daemon *daemon)
{
	daemon->stopping = true;
	if (daemon->fdstore.enabled && !daemon->giving_back)
		leave_everything(daemon);
	else
		give_everything_back(daemon);
}
