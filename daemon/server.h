/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The listening sockets and the connections: who is there, who has input to run, who has something
 * to be sent, who is behind in the log.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "list.h"
#include "listener.h"
#include "loop.h"
#include "wire.h"

struct daemon;
struct peer;

/* A kept line and one read behind it. */
#define SERVER_BUFFER ((size_t)2 * WIRE_MAX_LINE_BYTES)

struct server {
	struct daemon *daemon;
	size_t n_listeners;
	struct listener listeners[1 + CONFIG_SOCKETS_MAX];
	struct deadline listen_again; /* after a lack of file descriptors */
	int spare_fd; /* given up for a moment to refuse a connection when no fd is left */

	struct list peers;
	struct list absent; /* stand-ins for connections of an earlier daemon, see session.h */
	size_t n_peers;
	struct list closed; /* to be freed at the end of the round */
	struct list users;  /* struct user.link */
	struct list ready;  /* struct user.ready_link: has a connection with input to run */
	uint64_t round;	    /* number of the round, for whose turn it was */
	struct list flush;  /* struct peer.flush_link */
	struct list behind; /* struct watch.behind_link */
	struct list watchers_of_all;	/* struct watch_entry.line_link */
	struct list watchers_of_timers; /* struct watch.timers_link */
	uint64_t marking; /* begins anew when a watch has caught up; marks of an older one are stale
			   */
	uint64_t all_marking; /* the watchers of all have been marked in this one */
	uint32_t next_peer;

	char *buffer;	   /* SERVER_BUFFER, for reading */
	char *reply;	   /* WIRE_MAX_LINE_BYTES, for the reply in the making */
	char *loss_buffer; /* WIRE_MAX_LINE_BYTES, for a reader's own loss */
};

/* Only the lists and buffers. 0 or -ENOMEM. */
int server_init(struct server *server, struct daemon *daemon);
/* The daemon's own socket and the further ones; how the first fared: 0 or -errno, told. */
int server_open_sockets(struct server *server);
/* Takes connections from now on; likewise. */
int server_listen(struct server *server);
/* Takes a connection that came by the socket of this name; takes fd over. */
void server_welcome(struct server *server, int fd, const char *name);
/* No file descriptor is left for a connection that waits there: it is refused, and no other is
 * taken for a while. */
void server_lacks_fds(struct server *server, struct listener *listener);
/* The kernel lacks something else for it, which waits there; none is taken for a while. */
void server_cannot_accept(struct server *server, int error);
void server_done(struct server *server);

/* Phase 3 and 4 of a round, and the end of it. */
void server_run_requests(struct server *server);
void server_flush(struct server *server);
void server_reap(struct server *server);
/* Requests are left for the next round, which must not wait. */
static inline bool server_has_more(const struct server *server)
{
	return !list_empty(&server->ready) || !list_empty(&server->flush);
}

/* The connection is closed; it is freed at the end of the round. */
void server_forget_peer(struct server *server, struct peer *peer);
/* No new connections. */
void server_stop_listening(struct server *server);
