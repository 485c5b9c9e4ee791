/* SPDX-License-Identifier: MIT */
#pragma once

/* What get, toggle and set have in common. */

#include "session.h"

/*
 * Prints the values of a reply for the names as they were written: one alone as a bare 0 or 1, so
 * that a shell can take it; several as NAME=VALUE, which set takes. STATUS_FAILED, said, when one
 * has none.
 */
enum status values_print(const struct session *session, const cJSON *reply, struct strings names);

/* Sends {"op":op,"lines":[names]} with "value" (none if negative) and "pulse" (none if NULL). */
enum status lines_write(struct session *session, const char *op, struct strings names, int value,
	const char *pulse, struct message *ret);
