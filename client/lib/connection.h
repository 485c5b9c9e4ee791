/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A client's connection to the daemon: one Unix socket, lines out, lines in. Nothing is printed and
 * nothing exits here. The socket is non-blocking, so that a program with its own loop can poll
 * connection_fd() and call connection_take() and connection_fill(); connection_send() and
 * connection_receive() wait for it themselves, no longer than they are told.
 */

#include <stddef.h>
#include <stdint.h>

#define CONNECTION_DEFAULT_PATH "/run/gpioeventd/gpioeventd.sock"

struct connection;

/*
 * Connects to the socket at `path`. -ENOENT: there is none; -EACCES: not allowed; -ECONNREFUSED:
 * nobody listens; -EAGAIN: the daemon does not accept within timeout_ms; -ENAMETOOLONG: the path
 * does not fit a socket address; or another -errno.
 */
int connection_open(const char *path, int timeout_ms, struct connection **ret);
/* Closes; the daemon then ends what this connection holds. Accepts NULL, returns NULL. */
struct connection *connection_free(struct connection *connection);
/* To be polled for POLLIN; remains the connection's. */
int connection_fd(const struct connection *connection);

/*
 * Sends n bytes, whole lines with their newlines. -ETIMEDOUT; -EPIPE when the daemon has closed; or
 * another -errno.
 */
int connection_send(struct connection *connection, const char *lines, size_t n, int timeout_ms);
/* Says that no request follows: the daemon answers what it has and closes, unless it streams. */
int connection_end_requests(struct connection *connection);

/*
 * The next whole line that has arrived, without its newline and with a NUL behind it; valid until
 * the next call of take, fill or receive. -EAGAIN: none yet; -EMSGSIZE: the line is longer than 64
 * KiB.
 */
int connection_take(struct connection *connection, char **ret_line, size_t *ret_n);
/* Reads once what the socket has. -EAGAIN: nothing; -EPIPE: the daemon has closed; or -errno. */
int connection_fill(struct connection *connection);
/* Takes the next line, waiting for it. -ETIMEDOUT, or as take and fill. */
int connection_receive(
	struct connection *connection, int timeout_ms, char **ret_line, size_t *ret_n);
