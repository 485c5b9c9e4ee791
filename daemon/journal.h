/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages with fields for systemd's journal, in its own protocol (systemd's
 * JOURNAL_NATIVE_PROTOCOL): one datagram a message. It is spoken here since sd_journal_send() waits
 * for as long as the journal does not read.
 */

#include <stdbool.h>
#include <stddef.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct journal_field {
	const char *name;  /* capital letters */
	const char *value; /* any text; a field whose value is NULL or "" is left out */
};

/* The file is what JOURNAL_STREAM names: the manager has connected it to the journal. */
bool journal_is_behind(int fd);
/* Messages go to this socket from now on; no effect if there is none. */
void journal_open(const char *path);
/* False when it cannot be sent now: it has to be said in another way. */
bool journal_send(const struct journal_field *fields, size_t n);
