/* SPDX-License-Identifier: MIT */

#include "heap.h"

#include <errno.h>
#include <stdlib.h>

void heap_init(struct heap *heap)
{
	*heap = (struct heap){ 0 };
}

void heap_done(struct heap *heap)
{
	free(heap->v);
	heap_init(heap);
}

static void put(struct heap *heap, size_t index, struct deadline *deadline)
{
	heap->v[index] = deadline;
	deadline->index = index;
}

static void sift_up(struct heap *heap, size_t index, struct deadline *deadline)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->v[parent]->at_ns <= deadline->at_ns)
			break;

		put(heap, index, heap->v[parent]);
		index = parent;
	}
	put(heap, index, deadline);
}

static void sift_down(struct heap *heap, size_t index, struct deadline *deadline)
{
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->n)
			break;

		if (child + 1 < heap->n && heap->v[child + 1]->at_ns < heap->v[child]->at_ns)
			child++;
		if (heap->v[child]->at_ns >= deadline->at_ns)
			break;

		put(heap, index, heap->v[child]);
		index = child;
	}
	put(heap, index, deadline);
}

int heap_reserve(struct heap *heap, size_t n)
{
	size_t allocated = heap->allocated ? heap->allocated : 16;
	struct deadline **v;

	while (allocated < heap->n + n)
		allocated *= 2;
	if (allocated == heap->allocated)
		return 0;

	v = reallocarray(heap->v, allocated, sizeof(*v));
	if (!v)
		return -ENOMEM;

	heap->v = v;
	heap->allocated = allocated;
	return 0;
}

int heap_set(struct heap *heap, struct deadline *deadline, uint64_t at_ns)
{
	int r;

	if (deadline_is_set(deadline)) {
		bool later = at_ns > deadline->at_ns;

		deadline->at_ns = at_ns;
		if (later)
			sift_down(heap, deadline->index, deadline);
		else
			sift_up(heap, deadline->index, deadline);
		return 0;
	}

	r = heap_reserve(heap, 1);
	if (r < 0)
		return r;

	deadline->at_ns = at_ns;
	heap->n++;
	sift_up(heap, heap->n - 1, deadline);
	return 0;
}

void heap_clear(struct heap *heap, struct deadline *deadline)
{
	size_t index = deadline->index;
	struct deadline *last;

	if (!deadline_is_set(deadline))
		return;

	deadline->index = HEAP_NOWHERE;
	last = heap->v[--heap->n];
	if (last == deadline)
		return;

	/* The last one takes the hole; it may belong above or below it. */
	if (index > 0 && heap->v[(index - 1) / 2]->at_ns > last->at_ns)
		sift_up(heap, index, last);
	else
		sift_down(heap, index, last);
}
