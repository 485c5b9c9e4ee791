/* SPDX-License-Identifier: MIT */

#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "claim.h"
#include "clock.h"
#include "daemon.h"
#include "diag.h"
#include "line.h"
#include "use.h"
#include "user.h"
#include "watch.h"

static void dispatch(struct source *source, uint32_t events)
{
	struct peer *peer = list_object(source, struct peer, source);

	if (events & (EPOLLIN | EPOLLRDHUP))
		peer->readable = true;
	if (events & EPOLLOUT) {
		peer->blocked = false;
		peer_want_flush(peer);
	}
	/*
	 * Both directions are shut: nobody will read a reply, but requests that were sent before
	 * are still run. Reported for ever, so there must be progress: the input is read to its
	 * end.
	 */
	if ((events & (EPOLLHUP | EPOLLERR)) && peer->daemon->stopping) {
		peer_close(peer);
		return;
	}
	if (events & (EPOLLHUP | EPOLLERR)) {
		claims_hang_up(peer);
		peer->gone = true;
		peer->readable = true;
	}
	if (peer->readable || peer->gone)
		user_want_turn(peer);
}

static void expire_stall(struct deadline *deadline, uint64_t now_ns)
{
	struct peer *peer = list_object(deadline, struct peer, stall);

	(void)now_ns;
	diag_peer(DIAG_NOTICE, &peer->id,
		"connection %u (%s, pid %d) has taken no reply for %d s and is closed",
		peer->id.peer, peer->id.client[0] ? peer->id.client : "no name", (int)peer->id.pid,
		WIRE_MAX_STALL_SECONDS);
	peer_close(peer);
}

static void expire_end(struct deadline *deadline, uint64_t now_ns)
{
	(void)now_ns;
	peer_close(list_object(deadline, struct peer, end));
}

static struct peer *make(struct daemon *daemon, int fd, const struct peer_id *id, struct user *user)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;

	peer->daemon = daemon;
	peer->fd = fd;
	peer->connected_ns = clock_now_ns();
	peer->source.fd = -1;
	peer->id = *id;
	list_init(&peer->link);
	list_init(&peer->ready_link);
	list_init(&peer->wait_link);
	list_init(&peer->flush_link);
	list_init(&peer->aliases);
	list_init(&peer->uses);
	list_init(&peer->claims);
	list_init(&peer->timers);
	deadline_init(&peer->stall, expire_stall);
	deadline_init(&peer->end, expire_end);
	deadline_init(&peer->grace, NULL);
	peer->user = user_hold(user);
	return peer;
}

int peer_new_absent(struct daemon *daemon, const struct peer_id *id, struct peer **ret)
{
	struct user *user = user_get(&daemon->server, id);
	struct peer *peer = user ? make(daemon, -1, id, user) : NULL;

	user_let_go(user);
	if (!peer)
		return -ENOMEM;

	peer->is_absent = true;
	*ret = peer;
	return 0;
}

int peer_new(struct daemon *daemon, int fd, const struct peer_id *id, struct user *user,
	struct peer **ret)
{
	struct peer *peer = make(daemon, fd, id, user);
	int r;

	if (!peer) {
		close(fd);
		return -ENOMEM;
	}
	r = loop_add(&daemon->loop, &peer->source, fd, EPOLLIN | EPOLLRDHUP, dispatch);
	if (r < 0) {
		close(fd);
		peer_free(peer);
		return r;
	}
	user->n_peers++;
	*ret = peer;
	return 0;
}

void peer_close(struct peer *peer)
{
	struct daemon *daemon = peer->daemon;

	if (peer->closed)
		return;

	peer->closed = true;
	loop_remove(&daemon->loop, &peer->source);
	loop_clear_deadline(&daemon->loop, &peer->stall);
	loop_clear_deadline(&daemon->loop, &peer->grace);
	loop_clear_deadline(&daemon->loop, &peer->end);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	list_remove(&peer->ready_link);
	list_remove(&peer->wait_link);
	list_remove(&peer->flush_link);
	server_forget_peer(&daemon->server, peer);

	/* The watch first, so that it no longer counts as a user of the lines that are given up. */
	peer->watch = watch_free(peer->watch);
	/* What is left to the next daemon waits there for its client. */
	if (!daemon->fdstore.left) {
		/* What it has claimed is made safe before anything else. */
		claims_peer_left(peer);
		timers_peer_left(peer);
		use_peer_left(peer);
		session_end(peer);
	}
	list_for_each_safe (link, following, &peer->aliases)
		free(list_object(link, struct line_alias, link));
	list_init(&peer->aliases);
}

void peer_free(struct peer *peer)
{
	free(peer->in);
	free(peer->out);
	free(peer->replies);
	free(peer->rest);
	user_let_go(peer->user);
	free(peer);
}

void peer_want_flush(struct peer *peer)
{
	if (peer->blocked || peer->closed)
		return;

	list_append_once(&peer->daemon->server.flush, &peer->flush_link);
}

void peer_update_interest(struct peer *peer)
{
	uint32_t events = 0;

	if (peer->closed)
		return;

	/*
	 * Its user waits, and it has something that waits for that. That it was hung up is said
	 * once, not for ever.
	 */
	if (user_is_paused(peer->user) && !list_empty(&peer->ready_link)) {
		loop_change(&peer->daemon->loop, &peer->source,
			peer->blocked ? EPOLLOUT | EPOLLET : EPOLLET);
		return;
	}
	/* After the end of input EPOLLIN and EPOLLRDHUP would be ready for ever. */
	if (!peer->input_ended && !peer->refused && !peer_must_wait(peer) &&
		!peer->daemon->stopping)
		events |= EPOLLIN | EPOLLRDHUP;
	if (peer->blocked)
		events |= EPOLLOUT;
	loop_change(&peer->daemon->loop, &peer->source, events);
}

bool peer_is_done(const struct peer *peer)
{
	if (peer->gone)
		return peer->refused || (peer->input_ended && peer->in_n == 0);
	if (peer->n_replies || peer->rest_n)
		return false;
	if (peer->refused)
		return true;

	return peer->input_ended && peer->in_n == 0 &&
	       !(peer->watch && watch_is_subscribed(peer->watch));
}
