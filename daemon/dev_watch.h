/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Notices GPIO chips that may have come: an inotify on the directory of the device nodes. Nothing
 * is polled, and netlink and libudev are not needed, so that the daemon can be confined to AF_UNIX.
 */

#include <stdbool.h>

/* An fd, non-blocking and close-on-exec, or -errno. The caller closes it. */
int dev_watch_open(const char *directory);
/* Reads what waits, a bounded amount: the fd stays ready while there is more. True when a chip may
 * have come, or may be opened now, or when the kernel could not keep all that happened. */
bool dev_watch_read(int fd);
