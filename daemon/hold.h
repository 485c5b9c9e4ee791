/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lines that should be held and are not: the configured ones at the start, and those whose chip was
 * gone or that somebody else held. They are taken when they can be; the others work meanwhile.
 *
 * What is told when it is over is waited for without a timer: chips that come, lines that are
 * freed. A failure that passes by itself is tried again at intervals, and what no waiting mends is
 * not.
 */

#include <stdbool.h>

#include "config.h"

struct daemon;
struct line;

/* Takes every configured line that is free; what fails is told and will be tried again. */
void hold_configured(struct daemon *daemon);
/* Takes whatever is wanted and not held, and can be. */
void hold_missing(struct daemon *daemon);
/* Applies on-exit to the configured lines and gives all lines back. */
void hold_end(struct daemon *daemon);
/* What an output does when the configuration lets go of it. `cause` is for the event. */
void hold_apply_on_exit(struct line *line, enum on_exit on_exit, const char *cause);
/* Lines that are wanted could not be taken together, -errno: told, unless it has been; they are
 * tried again, if that may help. */
void hold_failed(size_t n, struct line *const *lines, int r);
