/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whether an fd that somebody else opened is a line request of the kernel's, and of which lines.
 * The name of the open file says the first; fdinfo, on kernels that have it (6.10), the second.
 */

#include <stddef.h>

#define REQUEST_FD_LINES 64 /* of one request, as in the kernel */

struct request_fd_lines {
	char chip_name[64];
	size_t n;
	unsigned offsets[REQUEST_FD_LINES];
};

/* What the kernel says of it: its chip and its lines, in order. -ESTALE when it is no line request,
 * -EOPNOTSUPP when the kernel does not say, -errno. */
int request_fd_read(int fd, struct request_fd_lines *ret);
/* 0 when it may be a request of these lines of this chip, in this order; -ESTALE when it is not;
 * -ENODEV when its chip is gone; -errno. */
int request_fd_check(int fd, const char *chip_name, size_t n, const unsigned *offsets);
