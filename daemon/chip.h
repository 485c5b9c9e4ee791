/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Chips as the backend finds them. A chip that goes away keeps its struct, its lines and their
 * subscriptions, and takes them up again when it comes back.
 */

#include <stdbool.h>

#include "backend.h"
#include "loop.h"

struct daemon;
struct line;

struct chip {
	struct daemon *daemon;
	struct source source; /* the backend's chip fd */
	struct chip_info info;
	bool available;
	struct line **lines; /* info.n_lines of them, by offset; owned by the table of lines */
};

/*
 * Looks for chips: makes the lines of new ones, and tells of those that have come back. Names and
 * configuration are brought up to date by lines_configure() afterwards. 0 or -errno.
 */
int chips_scan(struct daemon *daemon);
/* From now on chips that come are looked for and taken when they come. 0 or -errno. */
int chips_listen(struct daemon *daemon);
void chips_done(struct daemon *daemon);
