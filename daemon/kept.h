/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Records of what must outlive the process and is not an event: the settings of held lines, who
 * uses them, timers, running pulses, claims, the connections that own them. They are a part of the
 * event log's memfd, and are as its other parts whole after a SIGKILL at any instruction: a record
 * that changes is written anew before the old one goes, and a new one counts from a single store
 * on.
 *
 * Each has a checksum: one that was damaged is not taken up, nor is the log that it is in.
 *
 * Records are plain structs of fixed layout without pointers, of any size; kept_records.h has them
 * all. Who owns a thing has the handle of its record beside it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEPT_SLOTS	32768
#define KEPT_SLOT_BYTES 256
#define KEPT_SLOT_HEAD	28
#define KEPT_RESERVED	(KEPT_SLOTS / 2) /* slots that timers leave to everything else */
#define KEPT_NONE	0		 /* no record: a handle that is zeroed is none */

struct log;

/* What a record is; kept_records.h says of each kind what is in it. Numbers are part of the log's
 * format. */
enum kept_kind {
	KEPT_FREE,
	KEPT_REST, /* the rest of a record that is longer than a slot */
	KEPT_LINE,
	KEPT_SESSION,
	KEPT_USE,
	KEPT_TIMER,
	KEPT_PULSE,
	KEPT_CLAIM,
	KEPT_ON_TIME,
	KEPT_KINDS
};

struct kept_slot {
	_Atomic uint32_t kind; /* the store that makes it count, or frees it */
	uint32_t version;      /* running number, the same in all slots of a record */
	uint32_t bytes;	       /* of the whole record; its first slot only */
	uint32_t next;	       /* slot number of the rest; of a free one the next free; or 0 */
	uint32_t replaces; /* the slot that goes when this one counts, and its version; 0: none */
	uint32_t replaces_version;
	uint32_t sum; /* of the record; its first slot only */
	unsigned char data[KEPT_SLOT_BYTES - KEPT_SLOT_HEAD];
};

struct kept {
	struct kept_slot *slots; /* KEPT_SLOTS of them in the log's memfd; number 0 is not used */
	_Atomic uint32_t *used;	 /* slots above have never been written to */
	uint32_t free;		 /* first of the freed slots, or 0 */
	uint32_t n_free;	 /* of these and those that have never been written to */
	uint32_t version;
	bool full_was_told;
	bool frozen; /* the process ends and leaves everything as it is: nothing changes any more */
};

/* The records of a new log, or of one that was taken up: drops what had been replaced and what was
 * never finished. 0; -EINVAL and why (static text) when they are damaged. */
int kept_init(
	struct kept *kept, struct kept_slot *slots, _Atomic uint32_t *used, const char **ret_why);

/*
 * Writes a record in the place of the one in *handle, or a new one if that is KEPT_NONE. When there
 * is no room, which is told, nothing is kept: *handle is KEPT_NONE, and the thing ends with the
 * process.
 */
void kept_put(
	struct kept *kept, uint32_t *handle, enum kept_kind kind, const void *record, size_t n);
/* The record goes; *handle is KEPT_NONE. Accepts KEPT_NONE. */
void kept_drop(struct kept *kept, uint32_t *handle);

/*
 * After a start, for each record of the kind: copies it to `record`, which has room for `size`
 * bytes, and calls found() with its handle and its bytes. A longer one is dropped. found() may drop
 * or put its own record, no other.
 */
void kept_each(struct kept *kept, enum kept_kind kind, void *record, size_t size,
	void (*found)(uint32_t handle, size_t n, void *data), void *data);
