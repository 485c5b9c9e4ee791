/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lines that should be held and are not: the configured ones at the start, and those whose chip was
 * gone or that somebody else held. Tried again until it works; the others work meanwhile.
 */

#include <stdbool.h>

struct daemon;

/* Takes every configured line that is free; what fails is told and will be tried again. */
void hold_configured(struct daemon *daemon);
/* Takes whatever is wanted and not held. True when nothing is left wanting. */
bool hold_missing(struct daemon *daemon);
/* Applies on-exit to the configured lines and gives all lines back. */
void hold_end(struct daemon *daemon);
