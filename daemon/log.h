/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The event log: every event once, as the bytes that go over the wire, in a memfd that can outlive
 * the process.
 *
 *   header         64 KiB: identity, layout and its checksum; the counters `published` and `tail`
 *   state table    per line in use: what the log last said of it
 *   index ring     per event: number, place, kind
 *   byte ring      the lines of JSON; mapped twice back to back, so that no event is ever split
 *   staging area   edges are read from the kernel straight into it
 *   records        of what must outlive the process and is no event, see kept.h
 *
 * Each part starts at a multiple of 64 KiB, the largest page of any Linux machine. An append writes
 * the bytes, then the index entry, then the line's state, and publishes with one 32-bit store: a
 * process killed at any instruction leaves a log in which everything up to `published` is whole.
 * Nothing is sent before it is published.
 *
 * Events are numbered from 1 (`seq`). A log belongs to one `instance`; numbers mean nothing across
 * instances. When room is needed the oldest sixteenth of the byte ring goes at once, after `evict`
 * has been told, so that readers which stand there can be told exactly what they miss.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/gpio.h>

#include "kept.h"
#include "wire.h"

#define LOG_SIZE_MIN	 ((size_t)64 << 10)
#define LOG_SIZE_MAX	 (sizeof(void *) > 4 ? (size_t)256 << 20 : (size_t)64 << 20)
#define LOG_SIZE_DEFAULT ((size_t)4 << 20)
#define LOG_CHUNKS	 16 /* the tail moves by this part of the byte ring */

#define LOG_STAGE_EVENTS 64  /* edges of one line read at a time */
#define LOG_STAGE_SLOTS	 128 /* lines read in one round; the others are read in the next */

/* What an event is, for the filters. The line kinds are bits of a filter's mask. */
enum log_kind {
	LOG_RISING,
	LOG_FALLING,
	LOG_OUTPUT,
	LOG_LINE,
	LOG_LOST, /* at the source: of one line */
	LOG_LINE_KINDS,
	LOG_TIMER = LOG_LINE_KINDS,
	LOG_TIMER_ENDED,
	LOG_SHUTDOWN,
	LOG_CONFIG,
	LOG_KINDS
};

#define LOG_VALUE_NULL	  2 /* entry.value of a line that has no value now */
#define LOG_TIMER_NOTIFY  1 /* entry.value of timers, bits: the owner gets it unasked */
#define LOG_TIMER_PRIVATE 2 /* only the owner gets it */
#define LOG_COUNT_UNKNOWN UINT64_MAX

struct log_entry {
	uint64_t seq;
	uint64_t offset; /* in the stream of bytes since seq 1; its place in the ring is offset %
			    size */
	union {
		uint64_t timestamp_ns; /* edges */
		struct {
			uint32_t timer_hash; /* timers: of the name */
			uint32_t timer_user; /* whose it is: access_user_tag() */
		};
		uint64_t count; /* lost: how many, or LOG_COUNT_UNKNOWN */
		uint64_t owner; /* line: number of the connection that is told unasked; 0: none */
	};
	uint32_t subject; /* line id; timers: number of the owner's connection, 0 when nobody owns
			     it */
	uint16_t length;
	uint8_t kind;
	uint8_t value; /* of the line after the event: 0, 1, LOG_VALUE_NULL; timers: LOG_TIMER_ bits
			*/
};

/* What the log last said of a line. Two copies, `turn` says which is whole. */
struct log_line_copy {
	uint64_t seq;	     /* the event that wrote it */
	uint64_t line_seq;   /* edges of the line, lost ones counted */
	uint32_t line_seqno; /* the kernel's, of the request with this generation */
	uint32_t generation;
	uint32_t value;
	uint32_t held;
};

struct log_line_state {
	char chip_name[32], chip_label[32];
	char canonical[WIRE_MAX_NAME_BYTES + 1]; /* as in its events */
	uint32_t offset;
	_Atomic uint32_t turn;
	struct log_line_copy copy[2];
};

static inline const struct log_line_copy *log_line_now(const struct log_line_state *state)
{
	return &state->copy[atomic_load_explicit(&state->turn, memory_order_relaxed) & 1];
}

/* A place for one request's edges. Records with line_seqno 0 are empty. */
struct log_stage {
	uint32_t state; /* index of the state table's entry of the request's first line */
	uint32_t n_lines;
	uint32_t generation;
	uint32_t used; /* records written at the last read; a hint for clearing only */
	struct gpio_v2_line_event events[LOG_STAGE_EVENTS];
};

struct log_header;

struct log {
	int fd;
	uint8_t *map; /* everything but the byte ring's second mapping follows `header` */
	size_t map_size;
	struct log_header *header;
	struct log_line_state *states; /* WIRE_MAX_LINES of them */
	struct log_entry *entries;
	uint64_t entries_mask;
	char *bytes;
	size_t size;		  /* of the byte ring */
	struct log_stage *stages; /* LOG_STAGE_SLOTS of them */
	struct kept kept;

	uint64_t instance;
	uint64_t head, tail; /* newest seq and oldest seq held; empty when head + 1 == tail */
	uint64_t head_offset, tail_offset;
	/* The index says from here on what the log has dropped; before it, or of another process,
	 * it does not know of which line an event was. */
	uint64_t indexed_from;
	size_t ready; /* of the byte ring: its pages are there; see log_get_ready() */

	/* Told before the events first..last go; may be NULL. */
	void (*evict)(struct log *log, uint64_t first, uint64_t last, void *data);
	void *evict_data;
};

/* A new log with a byte ring of `size` bytes, a power of two within the bounds. 0 or -errno. */
int log_init(struct log *log, size_t size);
/*
 * Takes up a log that another process left: `fd` is taken over on success only. Its seals, size,
 * version, checksum and every bound are checked; what was appended but not published is published
 * if whole. -EINVAL with the reason in *ret_why (static text) when it cannot be trusted.
 */
int log_adopt(struct log *log, int fd, const char **ret_why);
/* Moves everything into a new memfd with another size of the byte ring: the same instance, the
 * newest events that fit. The old one is closed. 0, or -errno and nothing has changed. */
int log_resize(struct log *log, size_t size);
void log_done(struct log *log);
/* Walks the whole log: entries in order, contiguous, bytes that are lines. 0 or -EINVAL and why. */
int log_check(const struct log *log, const char **ret_why);

/* Where the next event's bytes go: WIRE_MAX_EVENT_BYTES contiguous bytes, after making room. */
static inline char *log_reserve(struct log *log);
/* Appends what was written there: `length` bytes ending in a newline. `entry` gives what is not
 * derived (seq, offset and length are); `state` and `copy` are the line's state after it, or NULL.
 * Returns seq. */
static inline uint64_t log_commit(struct log *log, const struct log_entry *entry, size_t length,
	struct log_line_state *state, const struct log_line_copy *copy);

/*
 * Has the pages made that the next events will be written to, so that the first round through the
 * ring takes no page fault between an edge and its reader. To be called when nothing is in a hurry.
 */
static inline void log_get_ready(struct log *log);

/* The entry of an event that the log holds, and its bytes. */
static inline const struct log_entry *log_at(const struct log *log, uint64_t seq)
{
	return &log->entries[seq & log->entries_mask];
}

static inline const char *log_bytes(const struct log *log, const struct log_entry *entry)
{
	return log->bytes + (entry->offset & (log->size - 1));
}

/* A staging place made ready for one read of the request that `state` and `generation` describe. */
void log_stage_prepare(
	struct log_stage *stage, uint32_t state, uint32_t n_lines, uint32_t generation);

/* The rest is for the inline functions. */
struct log_header {
	char magic[8];
	uint32_t version;
	uint32_t entry_bytes, state_bytes,
		stage_bytes; /* sizes of the records: a foreign ABI is refused */
	uint32_t n_states, n_stages, n_kept, kept_bytes;
	uint32_t record_bytes[KEPT_KINDS]; /* of the records in it, see kept_records.h */
	uint64_t instance;
	uint64_t total_bytes;
	uint64_t states_at, entries_at, bytes_at, stages_at, kept_at; /* offsets in the memfd */
	uint64_t n_entries, n_bytes;
	uint32_t checksum;			 /* of all above */
	_Alignas(64) _Atomic uint32_t published; /* low half of the newest seq */
	_Atomic uint32_t tail;			 /* low half of the oldest seq held */
	_Atomic uint32_t kept_used;		 /* of the records, see kept.h */
	/* Running numbers that must not be given twice: none above has been. */
	_Atomic uint32_t peers, generations, armings_1024;
};

#define LOG_AHEAD ((size_t)16 << 10) /* a round of 64 edges has half of it */

void log_make_room(struct log *log);
void log_make_pages(struct log *log);

static inline void log_get_ready(struct log *log)
{
	if (log->ready < log->size && log->head_offset + LOG_AHEAD > log->ready)
		log_make_pages(log);
}

static inline char *log_reserve(struct log *log)
{
	if (log->head_offset + WIRE_MAX_EVENT_BYTES - log->tail_offset > log->size ||
		log->head + 1 - log->tail > log->entries_mask)
		log_make_room(log);
	return log->bytes + (log->head_offset & (log->size - 1));
}

static inline uint64_t log_commit(struct log *log, const struct log_entry *entry, size_t length,
	struct log_line_state *state, const struct log_line_copy *copy)
{
	uint64_t seq = log->head + 1;
	struct log_entry *place = &log->entries[seq & log->entries_mask];

	*place = *entry;
	place->seq = seq;
	place->offset = log->head_offset;
	place->length = (uint16_t)length;
	if (state) {
		uint32_t turn = atomic_load_explicit(&state->turn, memory_order_relaxed) ^ 1;

		state->copy[turn & 1] = *copy;
		state->copy[turn & 1].seq = seq;
		atomic_store_explicit(&state->turn, turn, memory_order_release);
	}
	log->head = seq;
	log->head_offset += length;
	atomic_store_explicit(&log->header->published, (uint32_t)seq, memory_order_release);
	return seq;
}
