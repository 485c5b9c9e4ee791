/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who a client is, as it stands in `by`, `users` and `holder`, and what it may do (access.h). A
 * copy, so that it outlives the connection: what was armed is done with the rights of who armed it.
 * It has no pointers, so that it can also outlive the daemon.
 */

#include <stdint.h>
#include <sys/types.h>

#include "jsonw.h"
#include "wire.h"

#define PEER_SOCKET_BYTES 32
/* A process may be in 65,536 groups; so many are remembered once it has gone, those that rules name
 * first. */
#define PEER_GROUPS 16

struct peer_id {
	uint32_t peer; /* the connection's number, from 1; 0: the daemon itself */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uint32_t n_groups;
	gid_t groups[PEER_GROUPS];
	uint64_t rules;			      /* those that fit it: a bit each, see access.h */
	uint64_t rules_since_ns;	      /* of which configuration they are */
	char socket[PEER_SOCKET_BYTES];	      /* through which it came */
	char client[WIRE_MAX_NAME_BYTES + 1]; /* "" until hello names it */
};

static inline void peer_id_write_members(struct jsonw *w, const struct peer_id *id)
{
	if (id->client[0])
		jsonw_member_string(w, "client", id->client);
	jsonw_member_u64(w, "peer", id->peer);
	jsonw_member_i64(w, "pid", id->pid);
	jsonw_member_u64(w, "uid", id->uid);
}

static inline void peer_id_write(struct jsonw *w, const struct peer_id *id)
{
	jsonw_begin_object(w);
	peer_id_write_members(w, id);
	jsonw_end_object(w);
}
