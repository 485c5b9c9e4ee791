/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A listening socket: the daemon's own, or one of a [socket] section. The service manager may hand
 * it over under its name; then its path, mode and group are the manager's, which also keeps it.
 */

#include <stdbool.h>

#include "config.h"
#include "loop.h"

struct server;

struct listener {
	struct server *server;
	struct source source;
	int fd;	     /* -1: closed */
	int lock_fd; /* held while the path is ours; -1: it was handed over */
	bool unlink_path;
	char name[PEER_SOCKET_BYTES];
	char path[sizeof(((struct socket_config *)0)->path)]; /* "" when it was handed over */
};

/*
 * Makes the socket at its path, unless it was handed over; nobody can connect yet. A socket file
 * that nobody serves is replaced. 0; -EADDRINUSE when somebody does; -errno; told.
 */
int listener_open(
	struct listener *listener, struct server *server, const struct socket_config *config);
/* Takes connections from now on. 0 or -errno, told; then it is closed. */
int listener_listen(struct listener *listener);
void listener_close(struct listener *listener); /* also one that is closed, or was never opened */
/* Takes no connection for now, or goes on. */
void listener_pause(struct listener *listener, bool pause);
/* The socket as the configuration has it in [daemon]. */
struct socket_config listener_main(const struct config *config);
