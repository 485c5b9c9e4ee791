/* SPDX-License-Identifier: MIT */
#pragma once

/* Lists that come in pages: lines and timers. */

#include "session.h"

/*
 * Asks `op` until there is no next page and gives each element of the reply's array `key` to
 * each(). `names`, if any, go along as "lines". With --json each() is not called: one object with
 * the whole array is printed, put together from the daemon's bytes so that every number is exact.
 */
enum status pages_ask(struct session *session, const char *op, const char *key,
	struct strings names, void (*each)(const cJSON *element, void *data), void *data);
