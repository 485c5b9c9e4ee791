/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Tells the service manager how the daemon is: the protocol of sd_notify(3), datagrams to the
 * socket that NOTIFY_SOCKET names. Without such a socket, nothing. It is spoken here, since
 * sd_notify() waits for as long as the manager does not read, and GPIO lines must not wait for it.
 */

#include <stdbool.h>
#include <stdint.h>

#define NOTIFY_STATUS_BYTES 256 /* of each half of the status, with the NUL */

/* Somebody listens. */
bool notify_is_on(void);

/* The start, or a reload, is over, whatever came of it. The status goes with it. When the manager
 * does not read it is owed, and has to be said again until it is not. */
void notify_ready(void);
bool notify_owes_ready(void);
/* A reload begins; it ends with notify_ready(). */
void notify_reloading(void);
void notify_stopping(void);

/*
 * The status has two halves: counts, which come and go unsaid when the manager is slow, and a text
 * for its reader, such as why the last reload was refused, which stands until the next one. Both
 * are cut off at NOTIFY_STATUS_BYTES; newlines become spaces. "" takes it away.
 */
void notify_status_counts(const char *counts);
void notify_status_text(const char *text);

/*
 * The manager's store of descriptors: keeps a duplicate under a name (printable, without ":"), and
 * closes it again. Never waits: -EAGAIN while the manager does not read, then it has to be said
 * again. 0 or -errno.
 */
int notify_store(int fd, const char *name);
int notify_forget(const char *name);

/* How often the manager wants to hear notify_alive(); 0: not at all. */
uint64_t notify_watchdog_ns(void);
void notify_alive(void);
