/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Claims: a connection alone writes an output, and says what becomes of it when the connection ends
 * or is not heard of for too long. The daemon's own safety, max-on and on-exit, passes a claim; so
 * does the end of a pulse that began before it. While the line's chip is gone its claim goes on,
 * and the line comes back as the claim would have it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "config.h"
#include "heap.h"
#include "list.h"
#include "peer.h"
#include "peer_id.h"
#include "wire.h"

struct daemon;
struct jsonw;
struct line;

struct claim_terms {
	enum on_disconnect on_disconnect;
	bool has_on_disconnect; /* said by the client */
	uint64_t ttl_ns;	/* 0: none; so below */
	uint64_t max_on_ns;
};

struct claim {
	struct line *line;
	struct list peer_link; /* owner->claims */
	struct peer *owner;
	struct claim_terms terms;
	uint64_t since_ns;
	struct deadline ttl;
	uint32_t kept; /* its record */
	bool counted;  /* in the owner's watch */
	bool put_off;  /* it was due while requests of the owner waited to be run */
};

/* Whether `by` (NULL: the daemon) may change the line: WIRE_OK, or claimed. */
enum wire_error claim_check(
	const struct line *line, const struct peer_id *by, struct wire_problem *problem);
/* All lines or none; a connection's own claims get new terms. Without has_on_disconnect it is the
 * safe value where the line has one, else hold. */
enum wire_error claims_grant(struct peer *peer, size_t n, struct line *const *lines,
	const struct claim_terms *terms, struct wire_problem *problem);
/* The claim ends and the line stays as it is. Frees the claim. */
void claim_end(struct claim *claim, const char *reason);
/* The line is no output of ours any more: its claim ends, if it has one. */
void claim_lose(struct line *line, const char *reason);

/* The configuration lets go of the line: does what its claim says of the end, and ends it. */
void claim_leave(struct line *line, const char *cause);
/* The configuration in force has no safe value for the line any more: the claim goes on with the
 * one that it counted on. */
void claim_keep_safe(struct line *line, enum safe safe);

/* A request of the connection has come. */
static inline void claims_hear(struct peer *peer)
{
	if (!list_empty(&peer->claims))
		peer->heard_ns = clock_now_ns();
}
/* The connection is gone, said once or again. What it sent before is still run, but not for long if
 * it has claims. */
void claims_hang_up(struct peer *peer);
/* Does what the connection's claims say of its end, and ends them. */
void claims_peer_left(struct peer *peer);
/* The same of all connections: the daemon stops. */
void claims_end(struct daemon *daemon);
/* Frees the line's claim, which is told nobody and ends for nobody: the daemon stops. */
void claim_done(struct line *line);
/* The claims of a stand-in become the connection's. */
void claims_take_over(struct peer *from, struct peer *to);
/* A claim that an earlier daemon granted. False: memory is short. */
bool claim_go_on(struct line *line, struct peer *owner, const struct claim_terms *terms,
	uint64_t since_ns, uint32_t kept);
/* Another configuration: safe, max-on and interlocks of lines may be others. */
void claims_reload(struct daemon *daemon);

/* A member "claim", and one "holder"; with the holder's name, or without for want of room. */
void claim_write(struct jsonw *w, const struct claim *claim, bool with_name);
void claim_write_holder(struct jsonw *w, const struct claim *claim, bool with_name);
