/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Sessions: a connection that has said hello has a secret, by which its client can go on after a
 * restart of the daemon. What the connections of an earlier daemon had, lines, timers and claims,
 * is kept for a grace under stand-ins, which are peers without a socket; hello with the secret, by
 * the same user, takes it over, together with the connection's number. What nobody takes over ends
 * as by a disconnect.
 */

#include <stdbool.h>
#include <stdint.h>

#include "peer_id.h"

#define SESSION_BYTES	 32 /* hexadecimal digits */
#define SESSION_GRACE_NS (10 * UINT64_C(1000000000))

struct daemon;
struct peer;

/* Gives the connection its secret, unless it has one, and notes who it is. 0 or -errno. */
int session_begin(struct peer *peer);
/* The connection or the stand-in ends. */
void session_end(struct peer *peer);

/* The stand-in for the connection of this number and user, made if it is not there yet; NULL when
 * memory is short. Only while the daemon starts. */
struct peer *session_owner(struct daemon *daemon, const struct peer_id *id);
/* Makes the stand-ins that have a secret. */
void session_restore(struct daemon *daemon);
/* The grace of all stand-ins begins. */
void session_start_grace(struct daemon *daemon);

/* The connection takes over what the one with this secret had. False: there is none (any more), or
 * it was another user's. */
bool session_take_over(struct peer *peer, const char *session);
void session_done(struct daemon *daemon);
