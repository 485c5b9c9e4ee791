/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A line as the kernel itself describes it, for when no daemon answers. The chips are opened for
 * reading their descriptions only: no line is taken or changed.
 */

#include <stdbool.h>

#define KERNEL_NAME_BYTES 32 /* with the NUL */

struct kernel_line {
	char chip[KERNEL_NAME_BYTES]; /* gpiochip0 */
	unsigned offset;
	char consumer[KERNEL_NAME_BYTES]; /* "" when free, or when nobody says */
	bool used;
};

/* By its kernel name, or by chip or label and offset. -ENOENT: no such line; -ENOTUNIQ: several;
 * -EACCES: a chip may not be opened, and the others have no such line. */
int kernel_line_find(const char *name, struct kernel_line *ret);
