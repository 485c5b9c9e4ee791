/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the daemon says to its operator. A message is logged once, by the layer that decides. It is
 * one line on stderr; where stderr is systemd's journal it goes there with its level and with what
 * it is about in fields: LINE=, CLIENT=, UID=.
 */

struct peer_id;

enum diag_level { DIAG_ERROR = 3, DIAG_WARNING = 4, DIAG_NOTICE = 5, DIAG_INFO = 6 };

/* What a message is about; NULL: no line, no client. */
struct diag_subject {
	const char *line;
	const struct peer_id *peer;
};

/* `journal`: the path of the journal's socket. */
void diag_init(const char *journal);
void diag_about(enum diag_level level, struct diag_subject subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define diag(level, ...)  diag_about(level, (struct diag_subject){ 0 }, __VA_ARGS__)
#define diag_error(...)	  diag(DIAG_ERROR, __VA_ARGS__)
#define diag_warning(...) diag(DIAG_WARNING, __VA_ARGS__)
#define diag_notice(...)  diag(DIAG_NOTICE, __VA_ARGS__)
#define diag_info(...)	  diag(DIAG_INFO, __VA_ARGS__)

/* About a line, by name; about a client; diag_about() for both. */
#define diag_line(level, name, ...) \
	diag_about(level, (struct diag_subject){ .line = (name) }, __VA_ARGS__)
#define diag_peer(level, id, ...) \
	diag_about(level, (struct diag_subject){ .peer = (id) }, __VA_ARGS__)
