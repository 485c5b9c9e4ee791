/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A user: what its connections have together, so that none takes what is others', and takes turns
 * with others however many connections it has. Who came by another socket is another user, since
 * root in a container is root here. It lives as long as anything of it does.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "heap.h"
#include "list.h"
#include "peer_id.h"

struct peer;
struct server;

struct user {
	struct server *server;
	struct list link; /* server->users */
	uid_t uid;
	char socket[PEER_SOCKET_BYTES];
	unsigned n_held; /* by what has a pointer here */
	unsigned n_peers, n_timers, n_lines;

	struct list ready;	/* struct peer.ready_link: has input to run, or put off */
	struct list ready_link; /* server->ready */
	uint64_t last_turn;	/* the round in which one of them ran */
	/* Each request is paid for with a part of a second; who has paid a second ahead waits. */
	uint64_t paid_ns;
	struct deadline pause; /* set: it waits */
};

/* The user of a connection, or of what one left behind; NULL when memory is short. To be let go. */
struct user *user_get(struct server *server, const struct peer_id *id);
struct user *user_hold(struct user *user);
void user_let_go(struct user *user); /* accepts NULL */

/* The connection has input to run: in its turn, or when its user may go on. */
void user_want_turn(struct peer *peer);
/* Runs the input of the connection that has waited longest. */
void user_run_next(struct user *user, uint64_t round);
/* A connection of it has not had its turn in this round. */
bool user_has_turn(const struct user *user, uint64_t round);

/* Pays for a request. */
void user_pay(struct user *user, uint64_t now_ns);
/* Its requests wait: they are too many. */
static inline bool user_is_paused(const struct user *user)
{
	return deadline_is_set(&user->pause);
}
