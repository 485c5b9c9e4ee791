/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The service manager between two daemons of the rig: it keeps copies of event logs, as they are at
 * any moment that a test chooses, and hands one of them over to the next daemon.
 */

/* A copy of the running daemon's log as it is now; the caller's. */
int left_copy(void);
/* Puts the records of another copy into this one: what a daemon left that was killed after it had
 * logged an event and before it had changed its records. */
void left_mix(int fd, int records);
/* The next rig_start() takes it. */
void left_hand_over(int fd);
/* And, under its name, the fd of a line request. */
void left_hand_over_line(int fd, const char *name);
