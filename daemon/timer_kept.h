/* SPDX-License-Identifier: MIT */
#pragma once

/* A timer's record, by which it goes on in the next daemon; between timer.c and timer_kept.c. */

#include "timer.h"

/* After every change of it. */
void timer_remember(struct timer *timer);
void timer_forget(struct timer *timer);
/* Whose it is, instead of whose it was. */
void timer_set_user(struct timer *timer, struct user *user);
/* A timer as it was, without its details; NULL when memory is short. */
struct timer *timer_restore(struct daemon *daemon, const char *name, struct peer *owner);
