/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The service manager's store of file descriptors, which outlives the process: what is put there is
 * handed over again at the next start. Without libsystemd, or where the manager has no store for
 * us, there is none, and nothing is handed over.
 */

#include <stdbool.h>
#include <stddef.h>

#define MANAGER_NAME_BYTES 256 /* of a descriptor, with the NUL */

/* The manager keeps descriptors for us: FDSTORE is set, by systemd 254 or by our unit. */
bool manager_has_store(void);
/* Gives it a duplicate under a name; 0 or -errno. */
int manager_store(int fd, const char *name);
/* It closes its duplicate, some time after this. 0 or -errno. */
int manager_forget(const char *name);
/* Calls found() with each descriptor that was handed over, close-on-exec, which is then the
 * callee's. To be called once, before threads and children. 0 or -errno. */
int manager_take(void (*found)(int fd, const char *name, void *data), void *data);
