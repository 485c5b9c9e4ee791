/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Goes on where an earlier daemon ended, by a restart, an upgrade or a SIGKILL: takes up the event
 * log and the line requests that it left with the service manager, and everything that its records
 * say. What does not fit (a damaged log, a line that the configuration wants otherwise, a chip that
 * is gone) is given up and begun afresh.
 *
 * daemon_start() calls these in this order; without anything to adopt they have no effect, but for
 * the new log.
 */

struct daemon;

/* The log that was left, or a new one. 0 or -errno. */
int adopt_log(struct daemon *daemon);
/* After the chips were found and the lines have their names: what the log says of each line, and
 * the requests. */
void adopt_lines(struct daemon *daemon);
/* After those who use lines are known: settings are brought in line with the configuration, what
 * nobody wants any more is given back. */
void adopt_settle(struct daemon *daemon);
/* After the rest was requested: lines that were held and are not any more are told. */
void adopt_missing(struct daemon *daemon);
/* At the end: what happened meanwhile is logged, the levels are compared with what the log says,
 * what came due is done. */
void adopt_catch_up(struct daemon *daemon);
