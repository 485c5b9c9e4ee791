/* SPDX-License-Identifier: MIT */
/*
 * Layout, checks and eviction of the event log. The counters in the header are the low halves of
 * the sequence numbers, because a 64-bit store can tear on a 32-bit machine; the whole numbers are
 * in the index entries, and an entry is trusted only when both agree.
 */

#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"
#include "kept_records.h"

#define LOG_MAGIC   "gpioevlg"
#define LOG_VERSION 6
#define LOG_ALIGN   ((uint64_t)64 << 10)
#define LOG_SEALS   (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
/* The shortest event has more bytes than this, so the index ring never runs out before the byte
 * ring. */
#define LOG_ENTRY_SHARE 64

_Static_assert(sizeof(struct log_entry) == 32, "log_entry has no holes");
_Static_assert(sizeof(struct log_header) <= 4096, "the header fits any page");

static uint64_t align(uint64_t n)
{
	return (n + LOG_ALIGN - 1) & ~(LOG_ALIGN - 1);
}

static uint32_t checksum(const struct log_header *header)
{
	return checksum_add(CHECKSUM_START, header, offsetof(struct log_header, checksum));
}

/* Everything of the header that follows from the size of the byte ring. */
static void lay_out(struct log_header *header, uint64_t size)
{
	*header = (struct log_header){
		.magic = LOG_MAGIC,
		.version = LOG_VERSION,
		.entry_bytes = sizeof(struct log_entry),
		.state_bytes = sizeof(struct log_line_state),
		.stage_bytes = sizeof(struct log_stage),
		.n_states = WIRE_MAX_LINES,
		.n_stages = LOG_STAGE_SLOTS,
		.n_kept = KEPT_SLOTS,
		.kept_bytes = sizeof(struct kept_slot),
		.record_bytes = { KEPT_RECORD_BYTES },
		.n_bytes = size,
		.n_entries = size / LOG_ENTRY_SHARE,
		.states_at = LOG_ALIGN,
	};
	header->entries_at = header->states_at +
			     align(header->n_states * sizeof(struct log_line_state));
	header->stages_at = header->entries_at +
			    align(header->n_entries * sizeof(struct log_entry));
	header->kept_at = header->stages_at + align(header->n_stages * sizeof(struct log_stage));
	header->bytes_at = header->kept_at + align(header->n_kept * sizeof(struct kept_slot));
	header->total_bytes = header->bytes_at + size;
}

/*
 * Address space for n bytes that begins at a multiple of LOG_ALIGN, as every part in the file does:
 * some older Arm caches refuse a shared mapping whose address and offset differ in their low bits.
 */
static uint8_t *reserve(size_t n)
{
	uint8_t *map = mmap(NULL, n + LOG_ALIGN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (map == MAP_FAILED)
		return NULL;

	before = (size_t)(align((uintptr_t)map) - (uintptr_t)map);
	if (before)
		(void)munmap(map, before);
	if (before < LOG_ALIGN)
		(void)munmap(map + before + n, LOG_ALIGN - before);
	return map + before;
}

/* One reservation: the memfd as it is, and after its last part, the byte ring, the byte ring again.
 */
static int map_twice(struct log *log, int fd, const struct log_header *header)
{
	const size_t once = header->total_bytes, size = header->n_bytes;
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED;
	uint8_t *map = reserve(once + size);

	if (!map)
		return -errno;

	if (mmap(map, once, prot, flags, fd, 0) == MAP_FAILED ||
		mmap(map + once, size, prot, flags, fd, (off_t)header->bytes_at) == MAP_FAILED) {
		int r = -errno;

		(void)munmap(map, once + size);
		return r;
	}
	log->map = map;
	log->map_size = once + size;
	log->header = (struct log_header *)map;
	log->states = (struct log_line_state *)(map + header->states_at);
	log->entries = (struct log_entry *)(map + header->entries_at);
	log->entries_mask = header->n_entries - 1;
	log->stages = (struct log_stage *)(map + header->stages_at);
	log->bytes = (char *)(map + header->bytes_at);
	log->size = size;
	return 0;
}

static int new_memfd(uint64_t total_bytes)
{
	int fd = memfd_create("gpioeventd-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;

	if (ftruncate(fd, (off_t)total_bytes) < 0 || fcntl(fd, F_ADD_SEALS, LOG_SEALS) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int init_kept(struct log *log, const char **ret_why)
{
	struct kept_slot *slots = (struct kept_slot *)(log->map + log->header->kept_at);

	return kept_init(&log->kept, slots, &log->header->kept_used, ret_why);
}

static bool size_is_allowed(uint64_t size)
{
	return size >= LOG_SIZE_MIN && size <= LOG_SIZE_MAX && (size & (size - 1)) == 0;
}

int log_init(struct log *log, size_t size)
{
	struct log_header header;
	const char *why;
	int fd, r;

	assert(size_is_allowed(size));
	*log = (struct log){ .fd = -1 };
	lay_out(&header, size);
	if (getrandom(&header.instance, sizeof(header.instance), 0) != sizeof(header.instance))
		return -EIO;

	fd = new_memfd(header.total_bytes);
	if (fd < 0)
		return fd;

	r = map_twice(log, fd, &header);
	if (r < 0) {
		close(fd);
		return r;
	}
	header.checksum = checksum(&header);
	header.tail = 1;
	*log->header = header;
	log->fd = fd;
	log->instance = header.instance;
	log->tail = 1;
	return init_kept(log, &why);
}

/* The oldest event that the new log has room for, with the room that an append makes. */
static uint64_t first_that_fits(const struct log *from, const struct log *to)
{
	const uint64_t room = to->size - to->size / LOG_CHUNKS;
	uint64_t first = from->tail;

	while (first <= from->head && (from->head_offset - log_at(from, first)->offset > room ||
					      from->head - first >= to->entries_mask))
		first++;
	return first;
}

/* Of what the old log has dropped, or the new one has no room for, the index tells as far as both
 * reach. */
static void copy_index(const struct log *from, struct log *to)
{
	const uint64_t reach = from->entries_mask < to->entries_mask ? from->entries_mask
								     : to->entries_mask;

	for (uint64_t seq = from->head > reach ? from->head - reach : 1; seq < to->tail; seq++)
		to->entries[seq & to->entries_mask] = *log_at(from, seq);
}

static void copy_events(const struct log *from, struct log *to)
{
	for (uint64_t seq = to->tail; seq <= from->head; seq++) {
		const struct log_entry *entry = log_at(from, seq);

		to->entries[seq & to->entries_mask] = *entry;
		memcpy(to->bytes + (entry->offset & (to->size - 1)), log_bytes(from, entry),
			entry->length);
	}
}

static void copy_rest(const struct log *from, struct log *to)
{
	const struct log_header *old = from->header;
	struct log_header *new = to->header;

	memcpy(to->states, from->states, WIRE_MAX_LINES * sizeof(*to->states));
	memcpy(to->stages, from->stages, LOG_STAGE_SLOTS * sizeof(*to->stages));
	memcpy(to->map + new->kept_at, from->map + old->kept_at,
		((size_t)old->kept_used + 1) * sizeof(struct kept_slot));
	new->kept_used = old->kept_used;
	new->peers = old->peers;
	new->generations = old->generations;
	new->armings_1024 = old->armings_1024;
	new->tail = (uint32_t)to->tail;
	new->published = (uint32_t)to->head;
}

int log_resize(struct log *log, size_t size)
{
	struct log to;
	const char *why;
	int r = log_init(&to, size);

	if (r < 0)
		return r;

	to.header->instance = to.instance = log->instance;
	to.header->checksum = checksum(to.header);
	to.head = log->head;
	to.head_offset = log->head_offset;
	to.tail = first_that_fits(log, &to);
	to.tail_offset = to.tail <= to.head ? log_at(log, to.tail)->offset : to.head_offset;
	copy_index(log, &to);
	copy_events(log, &to);
	copy_rest(log, &to);
	r = init_kept(&to, &why);
	if (r < 0) {
		log_done(&to);
		return r;
	}
	to.evict = log->evict;
	to.evict_data = log->evict_data;
	log_done(log);
	*log = to;
	return 0;
}

void log_done(struct log *log)
{
	if (log->map)
		(void)munmap(log->map, log->map_size);
	if (log->fd >= 0)
		close(log->fd);
	*log = (struct log){ .fd = -1 };
}

/* A memfd of ours, before any of it is mapped: an unsealed file could shrink under the mapping. */
static const char *distrust(int fd, struct log_header *ret)
{
	struct log_header wanted;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & LOG_SEALS) != LOG_SEALS)
		return "it is not a sealed memfd";
	if (pread(fd, ret, sizeof(*ret), 0) != (ssize_t)sizeof(*ret))
		return "it has no header";
	if (memcmp(ret->magic, LOG_MAGIC, sizeof(ret->magic)) != 0)
		return "it is no event log";
	if (ret->version != LOG_VERSION)
		return "its format has another version";
	if (ret->checksum != checksum(ret))
		return "its header is damaged";
	if (!size_is_allowed(ret->n_bytes))
		return "its size is not allowed";

	lay_out(&wanted, ret->n_bytes);
	wanted.instance = ret->instance;
	if (memcmp(&wanted, ret, offsetof(struct log_header, checksum)) != 0)
		return "its layout is another";
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != ret->total_bytes)
		return "its size is not what the header says";
	return NULL;
}

/* The whole number of the entry that stands where one with the low half `low` would. */
static bool entry_of(const struct log *log, uint32_t low, uint64_t *ret_seq)
{
	*ret_seq = log->entries[low & log->entries_mask].seq;
	return (uint32_t)*ret_seq == low;
}

/* Head and tail from the header's counters; whole entries only. */
static const char *find_ends(struct log *log)
{
	uint32_t published = atomic_load_explicit(&log->header->published, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&log->header->tail, memory_order_acquire);
	const struct log_entry *first, *last;

	log->head = 0;
	log->tail = 1;
	log->head_offset = log->tail_offset = 0;
	if (published == 0 && tail == 1 && log->entries[0].seq == 0)
		return NULL;
	if (!entry_of(log, published, &log->head))
		return "its newest entry is another";

	log->tail = log->head + 1 - (uint32_t)(published + 1 - tail);
	last = log_at(log, log->head);
	log->head_offset = log->tail_offset = last->offset + last->length;
	if (log->tail == log->head + 1)
		return NULL;
	if (log->tail == 0 || log->tail > log->head || log->head - log->tail > log->entries_mask)
		return "its counters contradict each other";

	first = log_at(log, log->tail);
	if (first->seq != log->tail)
		return "its oldest entry is another";
	log->tail_offset = first->offset;
	return NULL;
}

/* An event whose line state is written is whole, although the process died before publishing it. */
static void publish_unpublished(struct log *log)
{
	const struct log_entry *next = &log->entries[(log->head + 1) & log->entries_mask];

	if (next->seq != log->head + 1 || next->offset != log->head_offset || next->length == 0 ||
		next->length > WIRE_MAX_EVENT_BYTES)
		return;

	for (size_t i = 0; i < WIRE_MAX_LINES; i++) {
		const struct log_line_state *state = &log->states[i];

		if (state->copy[atomic_load(&state->turn) & 1].seq != next->seq)
			continue;

		log->head++;
		log->head_offset += next->length;
		atomic_store_explicit(
			&log->header->published, (uint32_t)log->head, memory_order_release);
		return;
	}
}

/* A newest number that was set back by damage contradicts what the lines say. */
static const char *check_states(const struct log *log)
{
	for (size_t i = 0; i < WIRE_MAX_LINES; i++) {
		const struct log_line_state *state = &log->states[i];

		if (state->copy[atomic_load(&state->turn) & 1].seq > log->head)
			return "a line's state is newer than its newest entry";
	}
	return NULL;
}

static const char *walk(const struct log *log)
{
	uint64_t offset = log->tail_offset;

	if (log->head_offset - log->tail_offset > log->size)
		return "it holds more than its size";

	for (uint64_t seq = log->tail; seq <= log->head; seq++) {
		const struct log_entry *entry = log_at(log, seq);

		if (entry->seq != seq || entry->offset != offset)
			return "its entries are not in order";
		if (entry->length < 2 || entry->length > WIRE_MAX_EVENT_BYTES ||
			entry->kind >= LOG_KINDS)
			return "an entry is out of bounds";
		if (log_bytes(log, entry)[0] != '{' ||
			log_bytes(log, entry)[entry->length - 1] != '\n' ||
			memchr(log_bytes(log, entry), '\n', entry->length - 1u))
			return "an event is not a line";
		offset += entry->length;
	}
	return offset == log->head_offset ? NULL : "its last entry is out of bounds";
}

int log_check(const struct log *log, const char **ret_why)
{
	*ret_why = walk(log);
	return *ret_why ? -EINVAL : 0;
}

int log_adopt(struct log *log, int fd, const char **ret_why)
{
	struct log_header header;
	int r;

	*log = (struct log){ .fd = -1 };
	*ret_why = distrust(fd, &header);
	if (*ret_why)
		return -EINVAL;

	r = map_twice(log, fd, &header);
	if (r < 0) {
		*ret_why = "it cannot be mapped";
		return r;
	}
	log->instance = header.instance;
	*ret_why = find_ends(log);
	if (!*ret_why) {
		publish_unpublished(log);
		*ret_why = check_states(log);
	}
	if (!*ret_why)
		*ret_why = walk(log);
	if (!*ret_why)
		(void)init_kept(log, ret_why);
	if (*ret_why) {
		log_done(log);
		return -EINVAL;
	}
	log->fd = fd;
	return 0;
}

void log_make_room(struct log *log)
{
	uint64_t until = log->tail_offset + log->size / LOG_CHUNKS, next = log->tail;

	while (next <= log->head && log_at(log, next)->offset < until)
		next++;
	if (log->evict)
		log->evict(log, log->tail, next - 1, log->evict_data);

	/* Published before the bytes are overwritten: whoever finds the log never sees half an
	 * event. */
	atomic_store_explicit(&log->header->tail, (uint32_t)next, memory_order_release);
	log->tail_offset = next <= log->head ? log_at(log, next)->offset : log->head_offset;
	log->tail = next;
	atomic_signal_fence(memory_order_seq_cst);
}

/* A kernel before 5.14 refuses; then each page is made when it is first written to. */
void log_make_pages(struct log *log)
{
	const size_t two_pages = 2 * (size_t)sysconf(_SC_PAGESIZE);
	const size_t n = two_pages > LOG_AHEAD ? two_pages : LOG_AHEAD;
	const size_t entry_share = LOG_ENTRY_SHARE / sizeof(struct log_entry);

	(void)madvise(log->bytes + log->ready, n, MADV_POPULATE_WRITE);
	(void)madvise((char *)log->entries + log->ready / entry_share, n / entry_share,
		MADV_POPULATE_WRITE);
	log->ready += n;
}

void log_stage_prepare(
	struct log_stage *stage, uint32_t state, uint32_t n_lines, uint32_t generation)
{
	memset(stage->events, 0, stage->used * sizeof(stage->events[0]));
	/* Edges of the one before must never be found under the name of this one. */
	atomic_signal_fence(memory_order_seq_cst);
	stage->used = 0;
	stage->state = state;
	stage->n_lines = n_lines;
	stage->generation = generation;
	atomic_signal_fence(memory_order_seq_cst);
}
