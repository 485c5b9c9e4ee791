/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Deadlines, the nearest first: a binary heap of pointers. A deadline is embedded in the object
 * that it belongs to and belongs to at most one heap; `index` makes moving and removing it O(log
 * n).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_NOWHERE SIZE_MAX

struct deadline {
	uint64_t at_ns;						    /* CLOCK_MONOTONIC */
	size_t index;						    /* HEAP_NOWHERE: not set */
	void (*expire)(struct deadline *deadline, uint64_t now_ns); /* it is off the heap by then */
};

struct heap {
	struct deadline **v;
	size_t n, allocated;
};

void heap_init(struct heap *heap);
void heap_done(struct heap *heap);

static inline void deadline_init(
	struct deadline *deadline, void (*expire)(struct deadline *, uint64_t))
{
	*deadline = (struct deadline){ .index = HEAP_NOWHERE, .expire = expire };
}

static inline bool deadline_is_set(const struct deadline *deadline)
{
	return deadline->index != HEAP_NOWHERE;
}

/* Makes room for n more deadlines, so that setting them cannot fail. 0 or -ENOMEM. */
int heap_reserve(struct heap *heap, size_t n);
/* Sets it, or moves it when it is set. 0 or -ENOMEM (never when it was set before). */
int heap_set(struct heap *heap, struct deadline *deadline, uint64_t at_ns);
/* No effect when it is not set. */
void heap_clear(struct heap *heap, struct deadline *deadline);

static inline struct deadline *heap_first(const struct heap *heap)
{
	return heap->n ? heap->v[0] : NULL;
}
