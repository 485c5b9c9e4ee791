/* SPDX-License-Identifier: MIT */

#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "daemon.h"
#include "diag.h"
#include "peer.h"
#include "user.h"
#include "watch.h"

#define REQUESTS_NS	(1 * NSEC_PER_MSEC) /* of one round */
#define LISTEN_AGAIN_NS (100 * NSEC_PER_MSEC)

/* Who knows who has freed a descriptor: it is tried again. */
static void expire_listen_again(struct deadline *deadline, uint64_t now_ns)
{
	struct server *server = list_object(deadline, struct server, listen_again);

	(void)now_ns;
	if (server->spare_fd < 0)
		server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < server->n_listeners; i++)
		listener_pause(&server->listeners[i], false);
}

int server_init(struct server *server, struct daemon *daemon)
{
	*server = (struct server){ .daemon = daemon, .spare_fd = -1, .marking = 1 };
	deadline_init(&server->listen_again, expire_listen_again);
	list_init(&server->peers);
	list_init(&server->absent);
	list_init(&server->closed);
	list_init(&server->users);
	list_init(&server->ready);
	list_init(&server->flush);
	list_init(&server->behind);
	list_init(&server->watchers_of_all);
	list_init(&server->watchers_of_timers);

	server->buffer = malloc(SERVER_BUFFER);
	server->reply = malloc(WIRE_MAX_LINE_BYTES);
	server->loss_buffer = malloc(WIRE_MAX_LINE_BYTES);
	if (!server->buffer || !server->reply || !server->loss_buffer) {
		server_done(server);
		return -ENOMEM;
	}
	return 0;
}

/* Says why, as well as one send can, and closes. */
static void refuse(struct server *server, int fd, const char *why, unsigned limit)
{
	struct wire_problem problem;
	size_t n;

	problem_set(&problem, WIRE_E_LIMIT, "%s (%u)", why, limit);
	n = command_write_error(server->reply, WIRE_MAX_LINE_BYTES, NULL, &problem);
	(void)send(fd, server->reply, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
	server->daemon->stats.refused++;
}

/* Whether there is room for one more connection; refused when not. */
static bool has_room(struct server *server, int fd, const struct user *user)
{
	const struct config *config = server->daemon->config;

	if (server->n_peers >= config->connections) {
		refuse(server, fd,
			"there are as many connections as the limit `connections` allows",
			config->connections);
		return false;
	}
	if (user->n_peers >= config->connections_per_uid) {
		refuse(server, fd,
			"this user has as many connections as the limit `connections-per-uid` "
			"allows",
			config->connections_per_uid);
		return false;
	}
	return true;
}

static bool has_number(const struct list *peers, uint32_t number)
{
	list_for_each (link, peers)
		if (list_object(link, struct peer, link)->id.peer == number)
			return true;
	return false;
}

/* After 2^32 connections they come round: 0 is the daemon itself, which may everything, and what
 * somebody has is his. */
static uint32_t next_number(struct server *server)
{
	do
		server->next_peer++;
	while (!server->next_peer || has_number(&server->peers, server->next_peer) ||
		has_number(&server->absent, server->next_peer));
	return server->next_peer;
}

static int take(struct server *server, int fd, struct peer_id *id, struct user *user)
{
	struct peer *peer;
	int r;

	id->peer = next_number(server);
	atomic_store(&server->daemon->log.header->peers, server->next_peer);
	r = peer_new(server->daemon, fd, id, user, &peer);
	if (r < 0)
		return r;

	list_append(&server->peers, &peer->link);
	server->n_peers++;
	server->daemon->stats.accepted++;
	return 0;
}

void server_welcome(struct server *server, int fd, const char *name)
{
	struct daemon *daemon = server->daemon;
	struct peer_id id = { 0 };
	struct user *user;
	int r;

	(void)snprintf(id.socket, sizeof(id.socket), "%s", name);
	r = access_identify_socket(daemon, fd, &id);
	if (r < 0) {
		diag_warning("a connection is refused, since who it is cannot be read: %s",
			strerror(-r));
		close(fd);
		daemon->stats.refused++;
		return;
	}
	user = user_get(server, &id);
	r = user ? 0 : -ENOMEM;
	if (!user)
		close(fd);
	else if (has_room(server, fd, user))
		r = take(server, fd, &id, user);
	if (r < 0)
		diag_warning("a connection cannot be taken: %s", strerror(-r));
	user_let_go(user);
}

static void take_none_for_a_while(struct server *server)
{
	if (loop_set_deadline(&server->daemon->loop, &server->listen_again,
		    clock_now_ns() + LISTEN_AGAIN_NS) < 0)
		return; /* nobody would wake it */
	for (size_t i = 0; i < server->n_listeners; i++)
		listener_pause(&server->listeners[i], true);
}

void server_cannot_accept(struct server *server, int error)
{
	take_none_for_a_while(server);
	diag_warning("no connection can be taken: %s", strerror(error));
}

/* No fd is left: the spare one serves to accept and refuse; then wait until one is freed. */
void server_lacks_fds(struct server *server, struct listener *listener)
{
	int fd;

	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		refuse(server, fd, "the daemon has no file descriptor left for one more connection",
			(unsigned)server->n_peers);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	take_none_for_a_while(server);
	diag_warning("no file descriptor is left for a connection");
}

int server_open_sockets(struct server *server)
{
	const struct config *config = server->daemon->config;
	const struct socket_config own = listener_main(config);
	int r = listener_open(&server->listeners[server->n_listeners++], server, &own);

	if (r < 0)
		return r;

	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/* Where one of them fails, which is told, the others serve all the same. */
	for (size_t i = 0; i < config->n_sockets; i++)
		(void)listener_open(
			&server->listeners[server->n_listeners++], server, &config->sockets[i]);
	return 0;
}

int server_listen(struct server *server)
{
	int r = listener_listen(&server->listeners[0]);

	for (size_t i = 1; i < server->n_listeners; i++)
		(void)listener_listen(&server->listeners[i]);
	return r;
}

void server_stop_listening(struct server *server)
{
	loop_clear_deadline(&server->daemon->loop, &server->listen_again);
	for (size_t i = 0; i < server->n_listeners; i++)
		listener_close(&server->listeners[i]);
	server->n_listeners = 0;
}

void server_done(struct server *server)
{
	list_for_each_safe (link, following, &server->peers)
		peer_close(list_object(link, struct peer, link));
	server_reap(server);
	server_stop_listening(server);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	free(server->buffer);
	free(server->reply);
	free(server->loss_buffer);
}

/* Runs a connection of the user; whether it has more to run that must wait for the next round. */
static bool run_user(struct server *server, struct user *user, struct list *now)
{
	bool waits = false;

	(void)user_hold(user);
	user_run_next(user, server->round);
	list_remove(&user->ready_link);
	if (user_has_turn(user, server->round)) {
		list_append(now, &user->ready_link);
	} else if (!list_empty(&user->ready) && !user_is_paused(user)) {
		list_append(&server->ready, &user->ready_link);
		waits = true;
	}
	user_let_go(user);
	return waits;
}

/*
 * One user after the other, so that one with many connections gets no more than one with one.
 * Connections that are put back belong to the next round; as soon as all that a user has wait for
 * it, nobody else has a second turn.
 */
void server_run_requests(struct server *server)
{
	const uint64_t until_ns = clock_now_ns() + REQUESTS_NS;
	bool anyone_waits = false;
	struct list now, *link;

	if (list_empty(&server->ready))
		return;

	server->round++;
	list_move(&server->ready, &now);
	while (clock_now_ns() < until_ns && (link = list_take(&now))) {
		struct user *user = list_object(link, struct user, ready_link);

		if (anyone_waits && user->last_turn == server->round)
			list_append(&server->ready, link);
		else if (run_user(server, user, &now))
			anyone_waits = true;
	}

	/* Edges must not wait for many busy users either; who had no turn comes first in the next
	 * round. */
	while ((link = list_take(&server->ready)))
		list_append(&now, link);
	while ((link = list_take(&now)))
		list_append(&server->ready, link);
}

void server_flush(struct server *server)
{
	struct list now, *link;

	list_move(&server->flush, &now);
	while ((link = list_take(&now)))
		peer_flush(list_object(link, struct peer, flush_link));
}

void server_forget_peer(struct server *server, struct peer *peer)
{
	list_remove(&peer->link);
	list_append(&server->closed, &peer->link);
	if (peer->is_absent)
		return;

	server->n_peers--;
	peer->user->n_peers--;
}

void server_reap(struct server *server)
{
	struct list *link;

	while ((link = list_take(&server->closed)))
		peer_free(list_object(link, struct peer, link));
}
