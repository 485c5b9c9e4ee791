/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the service manager handed over at the start: listening sockets under the names of their
 * .socket units' FileDescriptorName=, and what an earlier daemon stored there: its event log and
 * its line requests. Whoever knows a name takes the descriptor; what nobody takes is closed.
 */

#include <stddef.h>

struct inherited {
	int fd; /* owned; -1: taken */
	char *name;
};

struct inherit {
	size_t n;
	struct inherited *v; /* in the order in which they came, which means nothing */
};

/* 0 or -errno. */
int inherit_init(struct inherit *inherit);
/* Closes what was not taken. */
void inherit_done(struct inherit *inherit);

/* The first descriptor of this name, then the caller's; -ENOENT: there is none (any more). */
int inherit_take(struct inherit *inherit, const char *name);
