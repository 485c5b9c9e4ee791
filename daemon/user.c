/* SPDX-License-Identifier: MIT */

#include "user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "daemon.h"
#include "peer.h"
#include "server.h"

#define PAUSE_NS (10 * NSEC_PER_MSEC)

static void expire_pause(struct deadline *deadline, uint64_t now_ns)
{
	struct user *user = list_object(deadline, struct user, pause);

	(void)now_ns;
	if (!list_empty(&user->ready))
		list_append_once(&user->server->ready, &user->ready_link);
}

static struct user *find(const struct server *server, const struct peer_id *id)
{
	list_for_each (link, &server->users) {
		struct user *user = list_object(link, struct user, link);

		if (user->uid == id->uid && strcmp(user->socket, id->socket) == 0)
			return user;
	}
	return NULL;
}

struct user *user_get(struct server *server, const struct peer_id *id)
{
	struct user *user = find(server, id);

	if (user)
		return user_hold(user);

	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;

	user->server = server;
	user->uid = id->uid;
	(void)snprintf(user->socket, sizeof(user->socket), "%s", id->socket);
	list_init(&user->ready);
	list_init(&user->ready_link);
	deadline_init(&user->pause, expire_pause);
	list_append(&server->users, &user->link);
	return user_hold(user);
}

struct user *user_hold(struct user *user)
{
	user->n_held++;
	return user;
}

void user_let_go(struct user *user)
{
	if (!user || --user->n_held > 0)
		return;

	loop_clear_deadline(&user->server->daemon->loop, &user->pause);
	list_remove(&user->ready_link);
	list_remove(&user->link);
	free(user);
}

void user_want_turn(struct peer *peer)
{
	struct user *user = peer->user;

	list_append_once(&user->ready, &peer->ready_link);
	if (!user_is_paused(user))
		list_append_once(&user->server->ready, &user->ready_link);
	else
		peer_update_interest(peer);
}

bool user_has_turn(const struct user *user, uint64_t round)
{
	return !list_empty(&user->ready) && !user_is_paused(user) &&
	       list_object(user->ready.next, struct peer, ready_link)->last_turn != round;
}

void user_run_next(struct user *user, uint64_t round)
{
	struct list *link = list_take(&user->ready);
	struct peer *peer;

	if (!link)
		return; /* it has been closed since */

	peer = list_object(link, struct peer, ready_link);
	user->last_turn = round;
	peer->last_turn = round;
	peer_run(peer);
}

void user_pay(struct user *user, uint64_t now_ns)
{
	struct daemon *daemon = user->server->daemon;

	if (user->paid_ns < now_ns)
		user->paid_ns = now_ns;
	user->paid_ns += NSEC_PER_SEC / daemon->config->requests_per_uid;
	/* Without memory for the deadline it goes on: nobody would wake it. */
	if (user->paid_ns > now_ns + NSEC_PER_SEC && !user_is_paused(user))
		(void)loop_set_deadline(
			&daemon->loop, &user->pause, user->paid_ns - NSEC_PER_SEC + PAUSE_NS);
}
