/* SPDX-License-Identifier: MIT */

#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "claim.h"
#include "clock.h"
#include "daemon.h"
#include "diag.h"
#include "kept_records.h"
#include "peer.h"
#include "use.h"

static void remember(struct peer *peer)
{
	struct kept_session record = { .id = peer->id };

	memcpy(record.session, peer->session, sizeof(record.session));
	kept_put(&peer->daemon->log.kept, &peer->kept, KEPT_SESSION, &record, sizeof(record));
}

int session_begin(struct peer *peer)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char secret[SESSION_BYTES / 2];

	if (!peer->session[0]) {
		if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
			return -EIO;
		for (size_t i = 0; i < sizeof(secret); i++) {
			peer->session[2 * i] = digits[secret[i] >> 4];
			peer->session[2 * i + 1] = digits[secret[i] & 15];
		}
	}
	remember(peer);
	return 0;
}

void session_end(struct peer *peer)
{
	kept_drop(&peer->daemon->log.kept, &peer->kept);
}

static void expire_grace(struct deadline *deadline, uint64_t now_ns)
{
	struct peer *peer = list_object(deadline, struct peer, grace);

	(void)now_ns;
	diag_peer(DIAG_NOTICE, &peer->id,
		"%s (connection %u, uid %u) has not come back; what it had is given up",
		peer->id.client[0] ? peer->id.client : "a client", peer->id.peer,
		(unsigned)peer->id.uid);
	peer_close(peer);
}

struct peer *session_owner(struct daemon *daemon, const struct peer_id *id)
{
	struct peer *peer;

	list_for_each (link, &daemon->server.absent) {
		peer = list_object(link, struct peer, link);
		if (peer->id.peer == id->peer)
			return peer;
	}
	if (peer_new_absent(daemon, id, &peer) < 0)
		return NULL;

	deadline_init(&peer->grace, expire_grace);
	list_append(&daemon->server.absent, &peer->link);
	return peer;
}

struct restoring {
	struct daemon *daemon;
	struct kept_session record;
};

static void restore(uint32_t handle, size_t n, void *data)
{
	struct restoring *restoring = data;
	struct kept_session *record = &restoring->record;
	struct peer *peer = n == sizeof(*record) ? session_owner(restoring->daemon, &record->id)
						 : NULL;

	if (!peer) {
		kept_drop(&restoring->daemon->log.kept, &handle);
		return;
	}
	memcpy(peer->session, record->session, sizeof(peer->session) - 1);
	peer->kept = handle;
}

void session_restore(struct daemon *daemon)
{
	struct restoring restoring = { .daemon = daemon };

	kept_each(&daemon->log.kept, KEPT_SESSION, &restoring.record, sizeof(restoring.record),
		restore, &restoring);
}

void session_start_grace(struct daemon *daemon)
{
	const uint64_t until_ns = clock_now_ns() + SESSION_GRACE_NS;

	list_for_each_safe (link, following, &daemon->server.absent) {
		struct peer *peer = list_object(link, struct peer, link);

		if (loop_set_deadline(&daemon->loop, &peer->grace, until_ns) < 0)
			peer_close(peer);
	}
}

static struct peer *find_absent(
	const struct daemon *daemon, const char *session, const struct user *user)
{
	list_for_each (link, &daemon->server.absent) {
		struct peer *peer = list_object(link, struct peer, link);

		if (peer->session[0] && peer->user == user && strcmp(peer->session, session) == 0)
			return peer;
	}
	return NULL;
}

bool session_take_over(struct peer *peer, const char *session)
{
	struct daemon *daemon = peer->daemon;
	struct peer *absent = find_absent(daemon, session, peer->user);
	const uint32_t own_number = peer->id.peer;

	if (!absent)
		return false;

	/* The number first: by it the timers' events are known, those of before as well. */
	peer->id.peer = absent->id.peer;
	if (!timers_take_over(absent, peer)) {
		peer->id.peer = own_number;
		return false;
	}
	if (!peer->id.client[0])
		memcpy(peer->id.client, absent->id.client, sizeof(peer->id.client));
	use_take_over(absent, peer);
	claims_take_over(absent, peer);
	peer->own_after = daemon->log.head;

	session_end(peer);
	memcpy(peer->session, absent->session, sizeof(peer->session));
	peer->kept = absent->kept;
	absent->kept = KEPT_NONE;
	remember(peer);
	peer_close(absent);
	return true;
}

void session_done(struct daemon *daemon)
{
	list_for_each_safe (link, following, &daemon->server.absent)
		peer_close(list_object(link, struct peer, link));
}
