/* SPDX-License-Identifier: MIT */
/*
 * The client's end of the socket. Lines are cut out of one buffer that holds the longest line of
 * the protocol: [begin, end) has arrived and is not taken yet, and `scanned` bytes of it are known
 * to hold no newline, so that a long line is not searched again at each read.
 */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

struct connection {
	int fd;
	size_t begin, end, scanned;
	char buffer[WIRE_MAX_LINE_BYTES + 1];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits until the socket is ready for `events` or the time `deadline` has come. */
static int wait_ready(int fd, short events, int64_t deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - now_ms();
		int r = poll(&pollfd, 1, left > 0 ? (int)left : 0);

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/*
 * A local connect waits while the daemon's queue is full and cannot be polled for; the send
 * time-out bounds it.
 */
static int connect_within(int fd, const struct sockaddr_un *address, int timeout_ms)
{
	struct timeval limit = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;

	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;

	return 0;
}

int connection_open(const char *path, int timeout_ms, struct connection **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct connection *connection;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);

	connection = malloc(sizeof(*connection));
	if (!connection)
		return -ENOMEM;
	connection->begin = connection->end = connection->scanned = 0;

	connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = connection->fd < 0 ? -errno : connect_within(connection->fd, &address, timeout_ms);
	if (r < 0) {
		connection_free(connection);
		return r;
	}

	*ret = connection;
	return 0;
}

struct connection *connection_free(struct connection *connection)
{
	if (!connection)
		return NULL;
	if (connection->fd >= 0)
		close(connection->fd);
	free(connection);
	return NULL;
}

int connection_fd(const struct connection *connection)
{
	return connection->fd;
}

int connection_send(struct connection *connection, const char *lines, size_t n, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;

	while (n > 0) {
		ssize_t sent = send(connection->fd, lines, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			int r = wait_ready(connection->fd, POLLOUT, deadline);
			if (r < 0)
				return r;
			continue;
		}
		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0) {
			lines += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

int connection_end_requests(struct connection *connection)
{
	return shutdown(connection->fd, SHUT_WR) < 0 ? -errno : 0;
}

int connection_take(struct connection *connection, char **ret_line, size_t *ret_n)
{
	char *line = connection->buffer + connection->begin;
	size_t n = connection->end - connection->begin;
	char *newline = memchr(line + connection->scanned, '\n', n - connection->scanned);

	if (!newline) {
		connection->scanned = n;
		return n >= WIRE_MAX_LINE_BYTES ? -EMSGSIZE : -EAGAIN;
	}

	*newline = '\0';
	*ret_line = line;
	*ret_n = (size_t)(newline - line);
	connection->begin += *ret_n + 1;
	connection->scanned = 0;
	return 0;
}

int connection_fill(struct connection *connection)
{
	size_t held = connection->end - connection->begin;
	ssize_t n;

	memmove(connection->buffer, connection->buffer + connection->begin, held);
	connection->begin = 0;
	connection->end = held;
	if (held == sizeof(connection->buffer))
		return -EMSGSIZE;

	do
		n = recv(connection->fd, connection->buffer + held,
			sizeof(connection->buffer) - held, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	/* The daemon's process may end with requests unread, which looks like a reset. */
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return -EPIPE;
	if (n < 0)
		return -errno;

	connection->end += (size_t)n;
	return 0;
}

int connection_receive(
	struct connection *connection, int timeout_ms, char **ret_line, size_t *ret_n)
{
	int64_t deadline = now_ms() + timeout_ms;

	for (;;) {
		int r = connection_take(connection, ret_line, ret_n);
		if (r != -EAGAIN)
			return r;

		r = wait_ready(connection->fd, POLLIN, deadline);
		if (r < 0)
			return r;

		r = connection_fill(connection);
		if (r < 0 && r != -EAGAIN)
			return r;
	}
}
