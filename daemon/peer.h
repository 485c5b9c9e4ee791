/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A connection. Input is framed into request lines (peer_in.c), output is the events that its watch
 * passes, merged with its replies by position in the log (peer_out.c). Neither ever waits: what a
 * client does not take stays in the log or in its bounded reply buffer.
 *
 * A peer is closed from anywhere with peer_close() and freed by server_reap() at the end of the
 * round.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "list.h"
#include "loop.h"
#include "loss.h"
#include "peer_id.h"
#include "session.h"

struct daemon;
struct user;
struct watch;

/*
 * A reply that waits: it is sent after the events up to and including `after`. What was lost of
 * them is told before it, so that the seq it states can be a `since`.
 */
struct reply {
	struct loss loss;
	uint64_t after;
	uint32_t length;
};

struct peer {
	/* First what each event touches: with many connections memory is what an event costs. */
	struct daemon *daemon;
	struct watch *watch;	/* NULL until something is subscribed to */
	struct list flush_link; /* server->flush: has something to send */
	struct source source;
	int fd;		  /* owned */
	bool readable;	  /* the socket has something */
	bool input_ended; /* the client sends no more */
	bool refused;	  /* over-long or not UTF-8: say so, then close */
	bool gone;	  /* nobody reads any more: replies are dropped, requests still run */
	bool closed;
	bool blocked; /* the socket is full */
	size_t n_replies;
	size_t out_n, out_sent;
	char *rest; /* what is left of a message that was sent in part; goes first */
	size_t rest_n, rest_sent;

	char *out; /* waiting replies, one after the other; NULL while there is none */
	size_t out_size;
	struct reply *replies;
	size_t first_reply, replies_size;
	struct deadline stall; /* runs while replies wait */

	struct peer_id id;
	struct list link;	/* server->peers, or server->closed */
	struct user *user;	/* held */
	struct list ready_link; /* user->ready: has input to run */
	uint64_t last_turn;	/* the round in which it ran */
	struct list wait_link;	/* fdstore->waiting: its next request waits for a line */

	char *in; /* an unfinished request line, or requests put off; NULL while there is none */
	size_t in_n, in_size;

	uint64_t connected_ns;
	uint64_t lost;	     /* events, by reading too slowly; unknown numbers count as one */
	struct list aliases; /* struct line_alias.link */
	struct list uses;    /* struct use.peer_link */
	struct list claims;  /* struct claim.peer_link */
	uint64_t heard_ns;   /* when its last request came, while it has claims */
	struct deadline end; /* it is gone and has claims: its last requests are run until then */
	struct list timers;  /* struct timer.peer_link: those that end with it */
	unsigned n_timers;

	char session[SESSION_BYTES + 1]; /* "" until hello */
	uint32_t kept;			 /* its record, from then on */
	bool is_absent;			 /* stands for a connection of an earlier daemon */
	struct deadline grace;		 /* of one that an earlier daemon had, see session.h */
	uint64_t own_after; /* what its own timers did up to here, it was not told unasked */
};

/* Takes fd over, also on failure. 0 or -errno. */
int peer_new(struct daemon *daemon, int fd, const struct peer_id *id, struct user *user,
	struct peer **ret);
/* One without a socket, which stands for a connection of an earlier daemon. 0 or -ENOMEM. */
int peer_new_absent(struct daemon *daemon, const struct peer_id *id, struct peer **ret);
/* Everything it has ends: timers, lines, subscriptions. The struct lives until server_reap(). */
void peer_close(struct peer *peer);
void peer_free(struct peer *peer); /* closed before */

/* It has something to send at the end of this round. */
void peer_want_flush(struct peer *peer);
/* Phase 3: runs a bounded number of its requests. */
void peer_run(struct peer *peer);
/* Phase 4: sends what there is, in one call. */
void peer_flush(struct peer *peer);

/* Adds a reply after the event `after`; drops the connection when memory is short. */
void peer_reply(struct peer *peer, const char *bytes, size_t n, uint64_t after);
/* Unsent replies are beyond half of their bound. */
bool peer_is_full(const struct peer *peer);
/* Requests wait: replies pile up, or its filter has changed too often for what is unsent. */
bool peer_must_wait(const struct peer *peer);
/* What the loop should report, after any change of the above. */
void peer_update_interest(struct peer *peer);
/* The connection may end: no input is left, nothing waits, nothing is subscribed to. */
bool peer_is_done(const struct peer *peer);
