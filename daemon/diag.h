/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the daemon says to its operator: one line on stderr a message, with the syslog level in
 * front
 * ("<3>...") when stderr is the journal. Messages are logged once, by the layer that decides.
 */

enum diag_level { DIAG_ERROR = 3, DIAG_WARNING = 4, DIAG_NOTICE = 5, DIAG_INFO = 6 };

void diag_init(void);
void diag(enum diag_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define diag_error(...)	  diag(DIAG_ERROR, __VA_ARGS__)
#define diag_warning(...) diag(DIAG_WARNING, __VA_ARGS__)
#define diag_notice(...)  diag(DIAG_NOTICE, __VA_ARGS__)
#define diag_info(...)	  diag(DIAG_INFO, __VA_ARGS__)
