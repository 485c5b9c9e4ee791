/* SPDX-License-Identifier: MIT */
#pragma once

/* Lists that come in pages: lines and timers. */

#include "session.h"

struct listing {
	const char *op, *key;		      /* the operation, and its reply's array */
	struct strings names;		      /* if any, go along as "lines" */
	bool (*wanted)(const cJSON *element); /* NULL: all are */
	void (*each)(const cJSON *element, void *data);
	void *data;
};

/*
 * Asks until there is no next page and gives each element that is wanted to each(). With --json
 * each() is not called: one object with the whole array is printed, put together from the daemon's
 * bytes so that every number is exact.
 */
enum status pages_ask(struct session *session, const struct listing *listing);
