/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the service manager hands over: listening sockets, and what was put into its store of file
 * descriptors (see notify.h), which outlives the process. Without libsystemd nothing is.
 */

#include <stdbool.h>

/* The manager keeps descriptors for us: FDSTORE is set, by systemd 254 or by our unit. */
bool manager_has_store(void);

/* Calls found() with each descriptor that was handed over, close-on-exec, which is then the
 * callee's. To be called once, before threads and children. 0 or -errno. */
int manager_take(void (*found)(int fd, const char *name, void *data), void *data);
