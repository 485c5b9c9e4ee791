/* SPDX-License-Identifier: MIT */
/*
 * From the log to the socket. One flush walks from the cursor, joins adjacent events that pass into
 * one range, puts the waiting replies in at their places, and makes one sendmsg() of it all. When
 * the socket takes only a part, the walk's pieces say where the cursor belongs; an event that was
 * cut is finished from a copy, since the log may move on under it.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "claim.h"
#include "clock.h"
#include "daemon.h"
#include "event.h"
#include "peer.h"
#include "user.h"
#include "watch.h"

#define FLUSH_PIECES 256
#define FLUSH_BYTES  ((size_t)256 << 10)

enum piece_type { PIECE_REST, PIECE_LOST, PIECE_REPLY_LOST, PIECE_REPLIES, PIECE_EVENTS };

/* What one iovec holds. */
struct piece {
	enum piece_type type;
	uint64_t first; /* EVENTS: seq of its first event */
	uint64_t next;	/* EVENTS, LOST: the cursor once it is sent whole */
	size_t n;	/* REPLIES: how many */
};

struct batch {
	struct peer *peer;
	int n;
	size_t bytes;
	uint64_t cursor; /* where the walk is */
	size_t reply;	 /* the next reply to place */
	size_t reply_at; /* and where its bytes are */
	bool more;	 /* stopped for size, not at the end */
	bool told;	 /* the loss before the next reply is placed */
	bool loss_used;	 /* the buffer for losses is taken: one fits a batch */
	struct iovec iov[FLUSH_PIECES];
	struct piece pieces[FLUSH_PIECES];
};

bool peer_is_full(const struct peer *peer)
{
	return peer->out_n - peer->out_sent > WIRE_MAX_REPLY_BYTES / 2;
}

static bool make_room(struct peer *peer, size_t n)
{
	size_t size = peer->out_size ? peer->out_size : 512;
	char *out;

	if (peer->out_sent > 0 && peer->out_n + n > peer->out_size) {
		memmove(peer->out, peer->out + peer->out_sent, peer->out_n - peer->out_sent);
		peer->out_n -= peer->out_sent;
		peer->out_sent = 0;
	}
	while (size < peer->out_n + n)
		size *= 2;
	if (size > peer->out_size) {
		out = realloc(peer->out, size);
		if (!out)
			return false;
		peer->out = out;
		peer->out_size = size;
	}
	if (peer->first_reply + peer->n_replies == peer->replies_size) {
		size_t replies_size = peer->replies_size ? 2 * peer->replies_size : 4;
		struct reply *replies;

		/* At first there is no array, and memmove may not be given NULL. */
		if (peer->n_replies > 0)
			memmove(peer->replies, peer->replies + peer->first_reply,
				peer->n_replies * sizeof(*peer->replies));
		peer->first_reply = 0;
		if (peer->n_replies == peer->replies_size) {
			replies = reallocarray(peer->replies, replies_size, sizeof(*replies));
			if (!replies)
				return false;
			peer->replies = replies;
			peer->replies_size = replies_size;
		}
	}
	return true;
}

static void update_stall(struct peer *peer, bool progress)
{
	struct loop *loop = &peer->daemon->loop;

	if (peer->n_replies == 0)
		loop_clear_deadline(loop, &peer->stall);
	else if (progress || !deadline_is_set(&peer->stall))
		(void)loop_set_deadline(
			loop, &peer->stall, clock_now_ns() + WIRE_MAX_STALL_SECONDS * NSEC_PER_SEC);
}

void peer_reply(struct peer *peer, const char *bytes, size_t n, uint64_t after)
{
	if (peer->gone || peer->closed)
		return;
	if (!make_room(peer, n)) {
		peer_close(peer);
		return;
	}
	/* A replay follows this one: nothing was subscribed to before, so nothing can belong before
	 * the others. */
	if (after == 0)
		for (size_t i = 0; i < peer->n_replies; i++)
			peer->replies[peer->first_reply + i].after = 0;
	memcpy(peer->out + peer->out_n, bytes, n);
	peer->out_n += n;
	peer->replies[peer->first_reply + peer->n_replies++] =
		(struct reply){ .after = after, .length = (uint32_t)n };
	/* Its socket is full of events: from now on it has to take something. */
	if (peer->blocked)
		update_stall(peer, false);
	peer_want_flush(peer);
}

static void free_replies(struct peer *peer)
{
	free(peer->out);
	free(peer->replies);
	peer->out = NULL;
	peer->replies = NULL;
	peer->out_n = peer->out_sent = peer->out_size = 0;
	peer->n_replies = peer->first_reply = peer->replies_size = 0;
}

static bool add_piece(struct batch *batch, const void *bytes, size_t n, struct piece piece)
{
	if (batch->n == FLUSH_PIECES || batch->bytes >= FLUSH_BYTES) {
		batch->more = true;
		return false;
	}
	batch->iov[batch->n] = (struct iovec){ .iov_base = (void *)(uintptr_t)bytes, .iov_len = n };
	batch->pieces[batch->n++] = piece;
	batch->bytes += n;
	return true;
}

/* One message for a loss of the reader's own. There is one buffer for it: a second waits for the
 * next batch. */
static bool add_lost(struct batch *batch, const struct loss *loss, struct piece piece,
	bool (*write_values)(struct jsonw *, void *), void *data)
{
	char *buffer = batch->peer->daemon->server.loss_buffer;
	const struct reader_loss lost = { .reason = loss->reason,
		.count = loss->count,
		.from = loss->from,
		.to = piece.next - 1 };

	if (batch->loss_used) {
		batch->more = true;
		return false;
	}
	batch->loss_used = true;
	return add_piece(batch, buffer,
		event_write_reader_loss(&lost, buffer, WIRE_MAX_LINE_BYTES, write_values, data),
		piece);
}

/* What the values were in the middle of a loss is not known any more. */
static bool no_values(struct jsonw *w, void *data)
{
	(void)w;
	(void)data;
	return false;
}

/* Replies that belong before the event `next` and have no loss before them, but for one that has
 * just been told. */
static bool add_run(struct batch *batch, uint64_t next)
{
	const struct peer *peer = batch->peer;
	const struct reply *replies = peer->replies + peer->first_reply;
	struct piece piece = { .type = PIECE_REPLIES };
	size_t n = 0;

	while (batch->reply + piece.n < peer->n_replies &&
		replies[batch->reply + piece.n].after < next &&
		(!replies[batch->reply + piece.n].loss.reason || batch->told)) {
		n += replies[batch->reply + piece.n++].length;
		batch->told = false;
	}
	if (piece.n == 0)
		return true;
	if (!add_piece(batch, peer->out + batch->reply_at, n, piece))
		return false;

	batch->reply += piece.n;
	batch->reply_at += n;
	return true;
}

/* Replies that belong before the event `next`, and what was lost before each. */
static bool add_replies(struct batch *batch, uint64_t next)
{
	const struct peer *peer = batch->peer;

	while (add_run(batch, next)) {
		const struct reply *reply = &peer->replies[peer->first_reply + batch->reply];

		if (batch->reply == peer->n_replies || reply->after >= next)
			return true;
		if (!add_lost(batch, &reply->loss,
			    (struct piece){ .type = PIECE_REPLY_LOST, .next = reply->after + 1 },
			    no_values, NULL))
			return false;
		batch->told = true;
	}
	return false;
}

static bool add_loss(struct batch *batch, struct watch *watch)
{
	const uint64_t to = watch->cursor - 1;

	return add_replies(batch, to ? to : 1) &&
	       add_lost(batch, &watch->loss,
		       (struct piece){ .type = PIECE_LOST, .next = watch->cursor },
		       watch_write_lost_values, watch);
}

/* The range of adjacent events from the cursor on that pass, up to before `limit`. */
static bool add_range(struct batch *batch, struct watch *watch, uint64_t limit)
{
	const struct log *log = &batch->peer->daemon->log;
	struct filter *filter = watch_filter_at(watch, batch->cursor);
	uint64_t seq = batch->cursor, first;
	const struct log_entry *entry;
	size_t n = 0;

	/* A range ends where the next filter begins. */
	for (size_t i = 1; i < watch->n_filters; i++)
		if (watch->from[i] > seq && watch->from[i] < limit)
			limit = watch->from[i];

	while (seq < limit && !filter_passes(filter, log_at(log, seq)))
		seq++;
	first = seq;
	for (; seq < limit && batch->bytes + n < FLUSH_BYTES; seq++) {
		entry = log_at(log, seq);
		if (seq > first && !filter_passes(filter, entry))
			break;
		n += entry->length;
	}
	if (n > 0 && !add_piece(batch, log_bytes(log, log_at(log, first)), n,
			     (struct piece){ .type = PIECE_EVENTS, .first = first, .next = seq }))
		return false;

	batch->cursor = seq;
	return true;
}

static bool any_lockouts(const struct watch *watch)
{
	for (size_t i = 0; i < watch->n_filters; i++)
		if (watch->filters[i]->lockouts)
			return true;
	return false;
}

static void gather_events(struct batch *batch, struct watch *watch)
{
	const struct peer *peer = batch->peer;
	uint64_t end = peer->daemon->log.head + 1;

	/* One filter at a time where a short send has to put lockouts back. */
	if (any_lockouts(watch) && watch->n_filters > 1 && watch->from[1] < end) {
		end = watch->from[1];
		batch->more = true;
	}
	while (batch->cursor < end) {
		uint64_t limit = end;

		if (!add_replies(batch, batch->cursor))
			return;
		if (batch->reply < peer->n_replies) {
			uint64_t after = peer->replies[peer->first_reply + batch->reply].after;

			if (after + 1 < limit)
				limit = after + 1;
		}
		if (!add_range(batch, watch, limit))
			return;
		if (batch->bytes >= FLUSH_BYTES) {
			batch->more = true;
			return;
		}
	}
}

static void fill(struct batch *batch)
{
	struct peer *peer = batch->peer;
	struct watch *watch = peer->watch;

	if (peer->rest)
		(void)add_piece(batch, peer->rest + peer->rest_sent, peer->rest_n - peer->rest_sent,
			(struct piece){ .type = PIECE_REST });
	if (watch && watch->pending) {
		batch->cursor = watch->cursor;
		if (watch->loss.reason && !add_loss(batch, watch))
			return;
		gather_events(batch, watch);
	}
	if (!batch->more)
		(void)add_replies(batch, UINT64_MAX);
}

/* Keeps a copy of what is left of a message. */
static bool keep_rest(struct peer *peer, const char *bytes, size_t n)
{
	peer->rest = malloc(n);
	if (!peer->rest) {
		peer_close(peer);
		return false;
	}
	memcpy(peer->rest, bytes, n);
	peer->rest_n = n;
	peer->rest_sent = 0;
	return true;
}

static void sent_rest(struct peer *peer, size_t n)
{
	peer->rest_sent += n;
	if (peer->rest_sent < peer->rest_n)
		return;

	free(peer->rest);
	peer->rest = NULL;
	peer->rest_n = peer->rest_sent = 0;
}

/* Replies stay in their buffer until they are sent whole; a part of one is skipped by out_sent. */
static void sent_replies(struct peer *peer, size_t n)
{
	peer->out_sent += n;
	while (n > 0) {
		struct reply *reply = &peer->replies[peer->first_reply];

		if (n < reply->length) {
			/* Its rest goes before anything else now. */
			reply->length -= (uint32_t)n;
			reply->after = 0;
			return;
		}
		n -= reply->length;
		peer->first_reply++;
		peer->n_replies--;
	}
	if (peer->n_replies == 0)
		free_replies(peer);
}

static bool sent_events(
	struct peer *peer, const struct piece *piece, const struct iovec *iov, size_t n)
{
	const struct log *log = &peer->daemon->log;
	uint64_t seq = piece->first;
	size_t at = 0;

	if (n == iov->iov_len) {
		peer->watch->cursor = piece->next;
		return true;
	}
	while (at + log_at(log, seq)->length <= n)
		at += log_at(log, seq++)->length;
	peer->watch->cursor = seq;
	if (at == n)
		return true;

	peer->watch->cursor = seq + 1;
	return keep_rest(peer, (const char *)iov->iov_base + n, at + log_at(log, seq)->length - n);
}

static bool sent_loss(struct peer *peer, struct loss *loss, const struct iovec *iov, size_t n)
{
	*loss = (struct loss){ 0 };
	return n == iov->iov_len ||
	       keep_rest(peer, (const char *)iov->iov_base + n, iov->iov_len - n);
}

/* Moves cursor and buffers on by what the socket took. */
static void account(struct batch *batch, size_t sent)
{
	struct peer *peer = batch->peer;

	for (int i = 0; i < batch->n && sent > 0; i++) {
		const struct iovec *iov = &batch->iov[i];
		size_t n = sent < iov->iov_len ? sent : iov->iov_len;

		sent -= n;
		switch (batch->pieces[i].type) {
		case PIECE_REST:
			sent_rest(peer, n);
			break;
		case PIECE_REPLIES:
			sent_replies(peer, n);
			break;
		case PIECE_LOST:
			if (!sent_loss(peer, &peer->watch->loss, iov, n))
				return;
			break;
		case PIECE_REPLY_LOST:
			if (!sent_loss(peer, &peer->replies[peer->first_reply].loss, iov, n))
				return;
			break;
		case PIECE_EVENTS:
			if (!sent_events(peer, &batch->pieces[i], iov, n))
				return;
			break;
		}
	}
}

/* Lockouts were moved on by the whole walk: goes back, and on again to where the cursor is now. */
static void correct_lockouts(struct watch *watch, uint64_t from)
{
	const struct log *log = &watch->peer->daemon->log;
	struct filter *filter = watch->filters[0];

	if (!filter->lockouts)
		return;

	filter_restore_lockouts(filter);
	for (uint64_t seq = from; seq < watch->cursor; seq++)
		(void)filter_passes(filter, log_at(log, seq));
}

static ssize_t send_batch(struct batch *batch)
{
	struct msghdr message = { .msg_iov = batch->iov, .msg_iovlen = (size_t)batch->n };

	if (batch->n == 0)
		return 0;
	/* One contiguous range is the usual case, and cheaper so. */
	if (batch->n == 1)
		return send(batch->peer->fd, batch->iov[0].iov_base, batch->iov[0].iov_len,
			MSG_NOSIGNAL | MSG_DONTWAIT);
	return sendmsg(batch->peer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Nobody reads any more. What was asked before is still run. */
static void reader_is_gone(struct peer *peer)
{
	claims_hang_up(peer);
	peer->gone = true;
	peer->readable = true;
	free_replies(peer);
	loop_clear_deadline(&peer->daemon->loop, &peer->stall);
	user_want_turn(peer);
}

/* Everything that was gathered has been sent. */
static void sent_all(struct batch *batch)
{
	struct peer *peer = batch->peer;
	struct watch *watch = peer->watch;

	if (watch && watch->pending) {
		watch->cursor = batch->cursor;
		if (batch->more)
			watch_advance(watch, watch->cursor);
		else
			watch_caught_up(watch);
	}
	if (batch->more)
		peer_want_flush(peer);
}

/* Lets requests run again that waited for room. */
static void resume_input(struct peer *peer, bool was_waiting)
{
	if (was_waiting && !peer_must_wait(peer))
		user_want_turn(peer);
	if (peer_is_done(peer))
		peer_close(peer);
	else
		peer_update_interest(peer);
}

void peer_flush(struct peer *peer)
{
	static struct batch batch; /* about 12 KiB; nothing of it is kept */
	struct watch *watch = peer->watch;
	const bool was_waiting = peer_must_wait(peer);
	const bool had_replies = peer->n_replies > 0;
	const uint64_t from = watch ? watch->cursor : 0;
	ssize_t sent;

	if (peer->gone || peer->closed)
		return;

	if (watch)
		filter_save_lockouts(watch->filters[0]);
	batch.peer = peer;
	batch.n = 0;
	batch.bytes = 0;
	batch.reply = 0;
	batch.reply_at = peer->out_sent;
	batch.more = false;
	batch.told = false;
	batch.loss_used = false;
	fill(&batch);
	sent = send_batch(&batch);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		reader_is_gone(peer);
		return;
	}
	if (sent < 0)
		sent = 0;
	account(&batch, (size_t)sent);
	if (!peer->closed) {
		peer->daemon->stats.sent_bytes += (uint64_t)sent;
		peer->blocked = (size_t)sent < batch.bytes;
		if (!peer->blocked) {
			sent_all(&batch);
		} else if (watch && watch->pending) {
			correct_lockouts(watch, from);
			watch_advance(watch, watch->cursor);
		}
		if (had_replies)
			update_stall(peer, sent > 0);
		resume_input(peer, was_waiting);
	}
}
