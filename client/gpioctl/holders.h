/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The processes that hold a line, as /proc shows them to this user: a request for lines is a file
 * descriptor, and the kernel says in its fdinfo which chip and lines it is for. Kernels before 6.0,
 * and requests of the first GPIO interface, do not say which.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct holder {
	pid_t pid;
	uid_t uid;
	bool certain;	  /* else it holds some line, and the kernel does not say which */
	char name[32];	  /* of the program, as the kernel knows it */
	char command[96]; /* with its arguments, cut; printable ASCII */
};

struct holders {
	size_t n;
	struct holder *v; /* the certain ones first */
	bool hidden;	  /* there are processes that this user may not look into */
};

/* Looks through `proc`, which is /proc but in tests. 0 or -errno; holders_done() is due in both
 * cases. */
int holders_find(const char *proc, const char *chip, unsigned offset, struct holders *ret);
void holders_done(struct holders *holders);
