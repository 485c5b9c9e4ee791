/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who may do what. Which rules ([access] sections) fit a client is found once, when it connects,
 * and is kept as one bit a rule in its peer_id; which rules give a verb on a line is kept the same
 * way in the line. So each check is one AND, and it is as true for who has left: what a timer, a
 * pulse or a claim writes later is checked then, with the rights of who armed it.
 *
 * A line that a client may not see does not exist for it: its name is unknown-line, and nothing
 * that it is sent speaks of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "peer_id.h"
#include "wire.h"

struct chip;
struct daemon;
struct jsonw;
struct line;

/* Bits beside those of the rules, from CONFIG_RULES_MAX up. */
#define ACCESS_ALL  (UINT64_C(1) << 63) /* root and the daemon's own user, by its own socket */
#define ACCESS_OPEN (UINT64_C(1) << 62) /* everybody by it, where there are no rules */

struct access {
	uint64_t any[ACCESS_VERB_N]; /* the rules that give the verb on some line, or at all */
	uint64_t
		since_ns; /* when the rules came into force: what the bits of older peer_ids mean is
			     not known any more, and they are found anew when they are asked for */
	uint32_t names;	  /* hash of the names that the lines' bits were made for */
};

/* Whether `who` may do this with the line. NULL is the daemon itself, which may everything. */
bool access_may(const struct peer_id *who, const struct line *line, enum access_verb verb);
/* The same with the refusal: WIRE_OK, or denied, which says what the caller has and what is
 * missing. */
enum wire_error access_check(const struct peer_id *who, const struct line *line,
	enum access_verb verb, struct wire_problem *problem);
/* What concerns no line: admin, or a verb that is given on any line at all. `what` completes "you
 * may not". */
enum wire_error access_check_any(const struct daemon *daemon, const struct peer_id *who,
	enum access_verb verb, const char *what, struct wire_problem *problem);
bool access_may_any(const struct daemon *daemon, const struct peer_id *who, enum access_verb verb);
/* Timers of other users: who came by the daemon's own socket sees them where there are no rules,
 * else who may administer. */
bool access_sees_timers(const struct daemon *daemon, const struct peer_id *who);
/* A number for the user and the socket by which it came, see user.h. */
uint32_t access_user_tag(const struct peer_id *who);
/* No line is hidden from anybody: what goes to everybody may name any. */
bool access_nothing_is_hidden(const struct daemon *daemon);
/* No line is hidden from `who`. */
bool access_sees_all(const struct daemon *daemon, const struct peer_id *who);
/* Of a chip whose lines are all hidden nothing is said. */
bool access_sees_chip(const struct peer_id *who, const struct chip *chip);

/* What a line that has no names yet gives: only what needs no rule. */
void access_init_line(const struct daemon *daemon, struct line *line);
/* Finds the rules that fit who->uid, gid, groups and socket. `groups`: all of them, of which as
 * many as fit are remembered; NULL: those that are remembered. */
void access_identify(
	const struct daemon *daemon, struct peer_id *who, const gid_t *groups, size_t n_groups);
/* Reads the credentials of a connected socket and finds the rules. 0 or -errno. */
int access_identify_socket(const struct daemon *daemon, int fd, struct peer_id *who);

/* After lines have got names: finds what the rules give on each. Nothing if no name has changed. */
void access_lines_named(struct daemon *daemon);
/*
 * After a new configuration is in force and its lines are named: all of it anew, for lines, for who
 * is connected and for who has armed or keeps something. Subscriptions end where the right to watch
 * has. A struct peer_id elsewhere, as of a claim, needs nothing.
 */
void access_reload(struct daemon *daemon);

/* The verbs as an array of words: those of the line, or of any line when it is NULL. */
void access_write(struct jsonw *w, const struct daemon *daemon, const struct peer_id *who,
	const struct line *line);
