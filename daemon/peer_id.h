/* SPDX-License-Identifier: MIT */
#pragma once

/* Who a client is, as it stands in `by`, `users` and `holder`. A copy, so that it outlives the
 * connection. */

#include <stdint.h>
#include <sys/types.h>

#include "jsonw.h"
#include "wire.h"

struct peer_id {
	uint32_t peer; /* the connection's number, from 1; 0: the daemon itself */
	pid_t pid;
	uid_t uid;
	gid_t gid;
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
