/* SPDX-License-Identifier: MIT */

#include "kept.h"

#include <errno.h>
#include <string.h>

#include "checksum.h"
#include "diag.h"

#define SLOT_DATA (sizeof(((struct kept_slot *)0)->data))

_Static_assert(sizeof(struct kept_slot) == KEPT_SLOT_BYTES, "a slot has no holes");

static size_t slots_for(size_t bytes)
{
	return bytes ? (bytes + SLOT_DATA - 1) / SLOT_DATA : 1;
}

/* Order among our own stores is all that a SIGKILL leaves to be cared for. */
static void set_kind(struct kept_slot *slot, enum kept_kind kind)
{
	atomic_store_explicit(&slot->kind, kind, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
}

static enum kept_kind kind_of(const struct kept_slot *slot)
{
	return atomic_load_explicit(&slot->kind, memory_order_acquire);
}

static void free_slot(struct kept *kept, uint32_t number)
{
	set_kind(&kept->slots[number], KEPT_FREE);
	kept->slots[number].next = kept->free;
	kept->free = number;
	kept->n_free++;
}

static uint32_t take_slot(struct kept *kept)
{
	const uint32_t used = atomic_load_explicit(kept->used, memory_order_relaxed);
	const uint32_t number = kept->free;

	if (number) {
		kept->free = kept->slots[number].next;
		kept->n_free--;
		return number;
	}
	if (used + 1 >= KEPT_SLOTS)
		return 0;
	kept->n_free--;
	atomic_store_explicit(kept->used, used + 1, memory_order_release);
	return used + 1;
}

/* The first slot, which does not count yet, goes first, so that nothing is left of the rest. */
static void free_record(struct kept *kept, uint32_t number)
{
	while (number) {
		const uint32_t next = kept->slots[number].next;

		free_slot(kept, number);
		number = next;
	}
}

static uint32_t start_sum(enum kept_kind kind, size_t n)
{
	const uint32_t head[] = { kind, (uint32_t)n };

	return checksum_add(CHECKSUM_START, head, sizeof(head));
}

/* Timers may have any number of values, and who arms them must not push out what lines need. */
static bool has_room(const struct kept *kept, enum kept_kind kind, size_t n)
{
	const size_t reserved = kind == KEPT_TIMER ? KEPT_RESERVED : 0;

	return slots_for(n) + reserved <= kept->n_free;
}

/* A chain of slots for n bytes that does not count yet; 0: there is no room. */
static uint32_t write_record(struct kept *kept, enum kept_kind kind, const void *record, size_t n)
{
	const unsigned char *data = record;
	const uint32_t version = ++kept->version;
	uint32_t first = 0;

	if (!has_room(kept, kind, n))
		return 0;
	/* From its end, so that each slot knows the next. */
	for (size_t i = slots_for(n); i-- > 0;) {
		const size_t at = i * SLOT_DATA;
		const size_t bytes = n - at < SLOT_DATA ? n - at : SLOT_DATA;
		const uint32_t number = take_slot(kept);
		struct kept_slot *slot = &kept->slots[number];

		slot->version = version;
		slot->bytes = (uint32_t)n;
		slot->next = first;
		slot->replaces = slot->replaces_version = 0;
		memcpy(slot->data, data + at, bytes);
		if (i > 0)
			set_kind(slot, KEPT_REST);
		first = number;
	}
	kept->slots[first].sum = checksum_add(start_sum(kind, n), record, n);
	return first;
}

void kept_put(
	struct kept *kept, uint32_t *handle, enum kept_kind kind, const void *record, size_t n)
{
	const uint32_t before = *handle;
	uint32_t number;

	if (kept->frozen)
		return;

	number = write_record(kept, kind, record, n);
	if (!number) {
		if (!kept->full_was_told)
			diag_warning(
				"there is no room to keep more timers, users and claims over a "
				"restart; those that come now would end with it");
		kept->full_was_told = true;
		kept_drop(kept, handle);
		return;
	}
	if (before) {
		kept->slots[number].replaces = before;
		kept->slots[number].replaces_version = kept->slots[before].version;
	}
	set_kind(&kept->slots[number], kind);
	if (before)
		free_record(kept, before);
	*handle = number;
}

void kept_drop(struct kept *kept, uint32_t *handle)
{
	if (!kept->frozen)
		free_record(kept, *handle);
	*handle = KEPT_NONE;
}

static bool is_record(const struct kept_slot *slot)
{
	const enum kept_kind kind = kind_of(slot);

	return kind > KEPT_REST && kind < KEPT_KINDS;
}

static size_t bytes_in(size_t left)
{
	return left < SLOT_DATA ? left : SLOT_DATA;
}

static bool is_undamaged(const struct kept *kept, uint32_t number)
{
	const struct kept_slot *first = &kept->slots[number];
	uint32_t sum = start_sum(kind_of(first), first->bytes);

	for (size_t left = first->bytes; left > 0; left -= bytes_in(left)) {
		sum = checksum_add(sum, kept->slots[number].data, bytes_in(left));
		number = kept->slots[number].next;
	}
	return sum == first->sum;
}

/* The slots of a record have its version, and are as many as its bytes need. */
static bool is_whole(const struct kept *kept, uint32_t number, uint32_t used)
{
	const struct kept_slot *first = &kept->slots[number];
	const struct kept_slot *slot = first;

	if (first->bytes > SLOT_DATA * (size_t)used)
		return false;
	for (size_t n = slots_for(first->bytes); n > 1; n--) {
		if (slot->next == 0 || slot->next > used)
			return false;
		slot = &kept->slots[slot->next];
		if (kind_of(slot) != KEPT_REST || slot->version != first->version)
			return false;
	}
	return slot->next == 0;
}

/* The process died after the new record counted and before the old one was gone. */
static void drop_replaced(struct kept *kept, uint32_t used)
{
	for (uint32_t i = 1; i <= used; i++) {
		const struct kept_slot *slot = &kept->slots[i];
		const uint32_t old = slot->replaces;

		if (is_record(slot) && old > 0 && old <= used && is_record(&kept->slots[old]) &&
			kept->slots[old].version == slot->replaces_version)
			set_kind(&kept->slots[old], KEPT_FREE);
	}
}

/* A rest counts when a record leads to it; the mark is its `bytes`, which only a first slot needs.
 */
static const char *mark_rests(struct kept *kept, uint32_t used)
{
	for (uint32_t i = 1; i <= used; i++)
		if (kind_of(&kept->slots[i]) == KEPT_REST)
			kept->slots[i].bytes = 0;
	for (uint32_t i = 1; i <= used; i++) {
		if (!is_record(&kept->slots[i]))
			continue;
		if (!is_whole(kept, i, used))
			return "a record is not whole";
		if (!is_undamaged(kept, i))
			return "a record is damaged";
		for (uint32_t rest = kept->slots[i].next; rest; rest = kept->slots[rest].next) {
			if (kept->slots[rest].bytes)
				return "two records have the same rest";
			kept->slots[rest].bytes = 1;
		}
	}
	return NULL;
}

/* Every slot that does not belong to a record. */
static void collect_free(struct kept *kept, uint32_t used)
{
	kept->free = 0;
	kept->n_free = KEPT_SLOTS - 1 - used;
	for (uint32_t i = used; i > 0; i--) {
		const struct kept_slot *slot = &kept->slots[i];

		if (slot->version > kept->version)
			kept->version = slot->version;
		if (!is_record(slot) && !(kind_of(slot) == KEPT_REST && slot->bytes))
			free_slot(kept, i);
	}
}

int kept_init(
	struct kept *kept, struct kept_slot *slots, _Atomic uint32_t *used, const char **ret_why)
{
	const uint32_t n = atomic_load_explicit(used, memory_order_acquire);

	*kept = (struct kept){ .slots = slots, .used = used };
	*ret_why = n >= KEPT_SLOTS ? "it has more records than there is room for" : NULL;
	if (!*ret_why) {
		drop_replaced(kept, n);
		*ret_why = mark_rests(kept, n);
	}
	if (*ret_why)
		return -EINVAL;

	collect_free(kept, n);
	return 0;
}

static void read_record(const struct kept *kept, uint32_t number, unsigned char *record, size_t n)
{
	while (n > 0) {
		const struct kept_slot *slot = &kept->slots[number];
		const size_t bytes = bytes_in(n);

		memcpy(record, slot->data, bytes);
		record += bytes;
		n -= bytes;
		number = slot->next;
	}
}

void kept_each(struct kept *kept, enum kept_kind kind, void *record, size_t size,
	void (*found)(uint32_t handle, size_t n, void *data), void *data)
{
	/* Those that found() puts have higher versions: they are not new to anybody. */
	const uint32_t until = kept->version;
	const uint32_t used = atomic_load_explicit(kept->used, memory_order_acquire);

	for (uint32_t i = 1; i <= used; i++) {
		const size_t n = kept->slots[i].bytes;

		if (kind_of(&kept->slots[i]) != kind || kept->slots[i].version > until)
			continue;
		if (n > size) {
			free_record(kept, i);
			continue;
		}
		read_record(kept, i, record, n);
		found(i, n, data);
	}
}
