/* SPDX-License-Identifier: MIT */
#pragma once

/* Collects what is wrong with files of settings: each problem becomes one line of text. */

#include <stdbool.h>
#include <stddef.h>

struct problems {
	void (*report)(const char *message, void *data); /* NULL: only counted */
	void *data;
	size_t n;
	/* Keeps them until problems_tell(), to be told in the order of files and lines. */
	bool kept;
	struct problem *list; /* owned; up to the newest */
	size_t n_kept, room;
};

/* Where something is written; file NULL: nowhere. The name belongs to the caller. */
struct where {
	const char *file;
	unsigned line; /* 0: the file as a whole */
};

/*
 * Reports "FILE:LINE: [section] key: text". Section and key are left out when NULL. What does not
 * fit into 1,000 bytes is cut.
 */
void problems_add(struct problems *problems, struct where where, const char *section,
	const char *key, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Reports those that were kept, by file and line, and frees them. */
void problems_tell(struct problems *problems);
