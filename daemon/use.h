/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who uses a line that no configuration names, and what each says of its settings. Users are the
 * connections that requested it, those that subscribed to it by name while it is an input, and the
 * daemon itself where a client said `keep`. When the last one leaves, the line is given back.
 */

#include <stdbool.h>

#include "list.h"
#include "opinion.h"
#include "peer_id.h"
#include "wire.h"

struct daemon;
struct jsonw;
struct line;
struct peer;
struct user;

struct use {
	struct line *line;
	struct list line_link; /* line->uses */
	struct list peer_link; /* peer->uses */
	struct peer *peer;     /* NULL: the daemon keeps it */
	struct peer_id id;     /* who asked */
	struct user *user;     /* of `id`; held, and counted there. NULL: of a configured line */
	bool requested;	       /* through `request` */
	bool watched;	       /* through `subscribe`, by name */
	struct opinion opinion;
	uint32_t kept; /* its record */
};

/* What a connection wants of a line. */
struct use_wish {
	bool request, watch;
	bool has_on_release;
	enum on_release on_release;
	bool has_initial;
	enum initial initial;
	const struct args_request *args; /* settings of a request, or NULL */
	const struct opinion *opinion;	 /* settings of a subscription, or NULL */
};

/* Whether the wish could be granted as far as the other users go. Changes nothing. */
enum wire_error use_check(struct peer *peer, struct line *line, const struct use_wish *wish,
	struct wire_problem *problem);
/* Grants it: takes or reconfigures the line where that is needed. On failure nothing has changed.
 */
enum wire_error use_grant(struct peer *peer, struct line *line, const struct use_wish *wish,
	struct wire_problem *problem);

/* The connection's use, or NULL. */
struct use *use_find(const struct line *line, const struct peer *peer);
/* Somebody requested it, or it is kept for somebody; who only watches does not count. */
bool use_has_requester(const struct line *line);
/* Ends the connection's request, and the daemon's keeping, where there is either. */
void use_release(struct peer *peer, struct line *line);
/* Ends the connection's use and nothing else, as when a request of several lines fails at a later
 * one. */
void use_undo(struct peer *peer, struct line *line);
/* Lets the daemon keep the line, with the connection's settings, after it was granted. False:
 * memory is short. */
bool use_keep(struct peer *peer, struct line *line);
/* Takes a line with users that was lost, as it was: 0 or -errno. */
int use_take_again(struct line *line);
/* Ends the connection's watching by name. */
void use_unwatch(struct peer *peer, struct line *line);
/* Ends everything of a connection. */
void use_peer_left(struct peer *peer);
/* What `from`, a stand-in, had is the connection's. */
void use_take_over(struct peer *from, struct peer *to);
/* The uses that connections of an earlier daemon had; lines themselves are not touched. */
void uses_restore(struct daemon *daemon);
/* Ends everything of a line whose daemon stops; nothing is logged or driven. */
void use_forget_all(struct line *line);

/* One user as an object; `link` is in line->uses. */
void use_write(struct jsonw *w, const struct list *link);
