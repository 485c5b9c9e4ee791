/* SPDX-License-Identifier: MIT */
#pragma once

/* FNV-1a: against damage, not against an enemy, who would not be handed the log. */

#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_START 2166136261u

/* Of n more bytes, after those that `sum` is of. */
static inline uint32_t checksum_add(uint32_t sum, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 16777619u;
	return sum;
}
