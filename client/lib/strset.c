/* SPDX-License-Identifier: MIT */
/* Open addressing over a table that is at most half full, so that a free slot is always found. */

#include "strset.h"

#include <assert.h>
#include <string.h>

/* FNV-1a, begun at an address, which a client cannot know and so cannot aim collisions at. */
static uint32_t hash(const struct strset *set, const char *string)
{
	uint32_t h = UINT32_C(2166136261) ^ (uint32_t)((uintptr_t)set >> 4);

	for (; *string; string++)
		h = (h ^ (uint8_t)*string) * UINT32_C(16777619);
	return h ^ (h >> 15);
}

void strset_init(struct strset *set, size_t n)
{
	size_t slots = 2;

	assert(n <= STRSET_MAX);
	while (slots < 2 * n)
		slots *= 2;
	set->mask = (uint32_t)slots - 1;
	memset(set->slots, 0, slots * sizeof(set->slots[0]));
}

bool strset_add(struct strset *set, const char *string)
{
	uint32_t i = hash(set, string) & set->mask;

	for (; set->slots[i]; i = (i + 1) & set->mask)
		if (strcmp(set->slots[i], string) == 0)
			return false;
	set->slots[i] = string;
	return true;
}
