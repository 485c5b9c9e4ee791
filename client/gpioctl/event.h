/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Events as lines for people. The first four words are always time, seq, name and what happened, so
 * that awk can pick them; a loss has no line of its own and says "*".
 */

#include "session.h"

/* Prints the event; with --json as it came. `width` is room for the name, 0 for none in advance. */
void event_print(const struct session *session, const struct message *event, int width);
bool event_is(const cJSON *event, const char *kind);
