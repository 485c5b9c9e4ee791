/* SPDX-License-Identifier: MIT */
/*
 * From bytes to requests. Reading goes into one buffer of the server; only what is not a whole line
 * yet, or has to wait, is kept in memory of the connection's own. Each round runs a bounded number
 * of requests of a connection, for a bounded time, and reads at most one buffer full of it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "command.h"
#include "daemon.h"
#include "peer.h"
#include "user.h"
#include "watch.h"

#define PEER_REQUESTS 64
#define PEER_NS	      (500 * NSEC_PER_USEC) /* and no further request after this time */

bool peer_must_wait(const struct peer *peer)
{
	if (!list_empty(&peer->wait_link))
		return true;
	if (peer->gone)
		return false;

	return peer_is_full(peer) || !watch_can_change(peer->watch);
}

/* Nothing keeps its next request from being run. */
static bool may_run(const struct peer *peer)
{
	return !peer_must_wait(peer) && !user_is_paused(peer->user);
}

static bool is_blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* False: not now, the same again when the connection no longer waits. */
static bool run_line(struct peer *peer, const char *line, size_t n, uint64_t now_ns)
{
	if (is_blank(line, n))
		return true; /* as at the end of a here-document */

	if (!command_run(peer, line, n))
		return false;

	user_pay(peer->user, now_ns);
	return true;
}

/* Runs whole lines of bytes[0..n). Returns how much was used up. */
static size_t run_lines(struct peer *peer, const char *bytes, size_t n)
{
	uint64_t now_ns = clock_now_ns();
	const uint64_t until_ns = now_ns + PEER_NS;
	int budget = PEER_REQUESTS;
	size_t used = 0;

	while (used < n && budget > 0 && !peer->refused && !peer->closed && may_run(peer)) {
		const char *end = memchr(bytes + used, '\n', n - used);
		size_t length = end ? (size_t)(end - bytes) - used : n - used;

		if (!end && length < WIRE_MAX_LINE_BYTES)
			break;

		if (length >= WIRE_MAX_LINE_BYTES) {
			command_refuse_long(peer);
			return n;
		}
		if (!run_line(peer, bytes + used, length, now_ns))
			break;
		used += length + 1;
		now_ns = clock_now_ns();
		budget = now_ns < until_ns ? budget - 1 : 0;
	}
	return used;
}

/* Keeps what is left for later. */
static void keep(struct peer *peer, const char *bytes, size_t n)
{
	if (n == 0) {
		free(peer->in);
		peer->in = NULL;
		peer->in_n = peer->in_size = 0;
		return;
	}
	if (n > peer->in_size) {
		char *in = malloc(n);

		if (!in) {
			peer_close(peer);
			return;
		}
		memcpy(in, bytes, n);
		free(peer->in);
		peer->in = in;
		peer->in_size = n;
	} else {
		memmove(peer->in, bytes, n);
	}
	peer->in_n = n;
}

/* An unterminated last line counts. */
static void run_last(struct peer *peer)
{
	if (peer->in_n > 0 && !memchr(peer->in, '\n', peer->in_n)) {
		if (may_run(peer) && run_line(peer, peer->in, peer->in_n, clock_now_ns()))
			keep(peer, NULL, 0);
	}
}

/* One read behind what is kept; the server's buffer has room for both. */
static size_t read_more(struct peer *peer, char *buffer)
{
	ssize_t n;

	if (peer->in_n)
		memcpy(buffer, peer->in, peer->in_n);
	n = recv(peer->fd, buffer + peer->in_n, SERVER_BUFFER - peer->in_n, MSG_DONTWAIT);
	peer->readable = n > 0 && (size_t)n == SERVER_BUFFER - peer->in_n;
	if (n > 0)
		return peer->in_n + (size_t)n;

	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		peer->input_ended = true;
	return peer->in_n;
}

static bool has_whole_line(const struct peer *peer)
{
	return peer->in_n > 0 && (peer->input_ended || memchr(peer->in, '\n', peer->in_n));
}

void peer_run(struct peer *peer)
{
	char *buffer = peer->daemon->server.buffer;
	size_t n, used;

	if (may_run(peer) && !peer->refused) {
		/* Read only when what is kept has no whole line, so that it stays within one line
		 * and one read. */
		if (peer->readable && !peer->input_ended && !has_whole_line(peer)) {
			n = read_more(peer, buffer);
			used = run_lines(peer, buffer, n);
			if (!peer->closed)
				keep(peer, buffer + used, n - used);
		} else if (peer->in_n) {
			used = run_lines(peer, peer->in, peer->in_n);
			if (!peer->closed)
				keep(peer, peer->in + used, peer->in_n - used);
		}
	}
	if (peer->closed)
		return;

	if (peer->input_ended)
		run_last(peer);
	if (peer->closed)
		return;

	if (peer_is_done(peer)) {
		peer_close(peer);
		return;
	}
	/* More to run in the next round, which then does not wait, or when its user may go on. */
	if (!peer_must_wait(peer) && !peer->refused && (has_whole_line(peer) || peer->readable))
		user_want_turn(peer);
	peer_update_interest(peer);
}
