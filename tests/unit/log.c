/* SPDX-License-Identifier: MIT */

/*
 * The log by itself. That a kill at any instruction of an append leaves a whole log is tried
 * literally: a child appends under PTRACE_SINGLESTEP and the log is taken up after each
 * instruction. Kills of the daemon as a whole are in kill.c.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

#define SMALLEST ((size_t)65536)

static struct log the_log;

static void new_log(size_t size)
{
	ck_assert_int_eq(log_init(&the_log, size), 0);
}

static void done(void)
{
	if (the_log.map)
		log_done(&the_log);
}

/* An event of exactly `length` bytes, of line `subject`; the line's state says so, if wanted. */
static uint64_t append(struct log *log, size_t length, uint32_t subject, bool with_state)
{
	const struct log_entry entry = { .subject = subject, .kind = LOG_RISING, .value = 1 };
	const struct log_line_copy copy = { .line_seqno = (uint32_t)log->head + 1, .value = 1 };
	char *p = log_reserve(log);
	int n = snprintf(p, length, "{\"seq\":%" PRIu64, log->head + 1);

	memset(p + n, ' ', length - (size_t)n);
	p[length - 2] = '}';
	p[length - 1] = '\n';
	return log_commit(log, &entry, length, with_state ? &log->states[subject] : NULL, &copy);
}

static void assert_whole(const struct log *log)
{
	const char *why;

	ck_assert_msg(log_check(log, &why) == 0, "%s", why);
}

/* The number that the event's own bytes say. */
static uint64_t written_seq(const struct log *log, uint64_t seq)
{
	const struct log_entry *entry = log_at(log, seq);
	const char *bytes = log_bytes(log, entry);
	char start[32] = { 0 }; /* the ring has no NUL that sscanf could stop at */
	uint64_t written = 0;

	memcpy(start, bytes, entry->length < sizeof(start) ? entry->length : sizeof(start) - 1);
	ck_assert_int_eq(sscanf(start, "{\"seq\":%" SCNu64, &written), 1);
	ck_assert_int_eq(bytes[entry->length - 1], '\n');
	return written;
}

/* Odd lengths, so that events lie across the end of the ring in every way. */
static size_t length_of(uint64_t seq)
{
	return 70 + seq * 37 % (WIRE_MAX_EVENT_BYTES - 70 + 1);
}

START_TEST(a_new_log_is_empty)
{
	new_log(SMALLEST);
	ck_assert_uint_eq(the_log.head, 0);
	ck_assert_uint_eq(the_log.tail, 1);
	assert_whole(&the_log);
}
END_TEST

START_TEST(each_log_is_an_instance_of_its_own)
{
	uint64_t first;

	new_log(SMALLEST);
	first = the_log.instance;
	log_done(&the_log);
	new_log(SMALLEST);
	ck_assert_uint_ne(the_log.instance, first);
}
END_TEST

/*
 * Some older Arm caches refuse a shared mapping that lies otherwise than its place in the file
 * does: the daemon did not start there, three times of four.
 */
START_TEST(each_part_is_mapped_at_a_multiple_of_64_kib)
{
	/* Each page that is mapped before moves the place that the kernel offers. */
	for (int i = 0; i < 16; i++) {
		ck_assert_ptr_ne(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			MAP_FAILED);
		new_log(SMALLEST);
		ck_assert_uint_eq((uintptr_t)the_log.header % 65536, 0);
		ck_assert_uint_eq((uintptr_t)the_log.states % 65536, 0);
		ck_assert_uint_eq((uintptr_t)the_log.entries % 65536, 0);
		ck_assert_uint_eq((uintptr_t)the_log.stages % 65536, 0);
		ck_assert_uint_eq((uintptr_t)the_log.bytes % 65536, 0);
		log_done(&the_log);
	}
}
END_TEST

START_TEST(an_event_across_the_end_of_the_ring_is_read_back_in_one_piece)
{
	unsigned across = 0;

	new_log(SMALLEST);
	for (uint64_t seq = 1; seq <= 3000; seq++) {
		const struct log_entry *entry;

		ck_assert_uint_eq(append(&the_log, length_of(seq), 0, false), seq);
		entry = log_at(&the_log, seq);
		across += (entry->offset & (SMALLEST - 1)) + entry->length > SMALLEST;
		for (uint64_t held = seq > 50 ? seq - 50 : 1; held <= seq; held++) {
			ck_assert_uint_eq(log_at(&the_log, held)->length, length_of(held));
			ck_assert_uint_eq(written_seq(&the_log, held), held);
		}
	}
	ck_assert_uint_gt(across, 10);
	assert_whole(&the_log);
}
END_TEST

static struct eviction {
	unsigned n;
	uint64_t next; /* the seq that has to go first */
	uint64_t bytes;
} evicted;

static void note_eviction(struct log *log, uint64_t first, uint64_t last, void *data)
{
	struct eviction *eviction = data;
	uint64_t bytes = 0;

	ck_assert_uint_eq(first, eviction->next);
	ck_assert_uint_ge(last, first);
	ck_assert_uint_le(last, log->head);
	/* What goes is still there, bytes and all. */
	for (uint64_t seq = first; seq <= last; seq++) {
		ck_assert_uint_eq(log_at(log, seq)->seq, seq);
		ck_assert_uint_eq(written_seq(log, seq), seq);
		bytes += log_at(log, seq)->length;
	}
	eviction->n++;
	eviction->next = last + 1;
	eviction->bytes = bytes;
}

START_TEST(the_oldest_sixteenth_goes_after_the_callback)
{
	new_log(SMALLEST);
	evicted = (struct eviction){ .next = 1 };
	the_log.evict = note_eviction;
	the_log.evict_data = &evicted;
	for (uint64_t seq = 1; seq <= 3000; seq++) {
		unsigned before = evicted.n;

		append(&the_log, length_of(seq), 0, false);
		ck_assert_uint_eq(the_log.tail, evicted.next);
		if (evicted.n > before) {
			ck_assert_uint_eq(evicted.n, before + 1);
			ck_assert_uint_ge(evicted.bytes, 4096);
			ck_assert_uint_lt(evicted.bytes, 4096 + WIRE_MAX_EVENT_BYTES);
		}
	}
	ck_assert_uint_gt(evicted.n, 100);
}
END_TEST

START_TEST(nothing_goes_while_the_longest_event_fits)
{
	new_log(SMALLEST);
	for (uint64_t seq = 1; seq <= 64; seq++)
		append(&the_log, 1024, 0, false);
	ck_assert_uint_eq(the_log.tail, 1); /* full to the last byte */
	append(&the_log, 70, 0, false);
	ck_assert_uint_eq(the_log.tail, 5); /* four of 1024 bytes are a sixteenth */
	assert_whole(&the_log);
}
END_TEST

START_TEST(the_index_can_be_full_before_the_bytes)
{
	new_log(SMALLEST);
	for (uint64_t seq = 1; seq <= 1024; seq++)
		append(&the_log, 20, 0, false);
	ck_assert_uint_eq(the_log.tail, 1); /* 1024 entries, 20480 bytes */
	append(&the_log, 20, 0, false);
	ck_assert_uint_eq(the_log.tail, 206); /* 205 * 20 is the first sum beyond 4096 */
	ck_assert_uint_eq(written_seq(&the_log, 206), 206);
	assert_whole(&the_log);
}
END_TEST

START_TEST(the_largest_log_can_be_made)
{
	new_log(LOG_SIZE_MAX);
	append(&the_log, 100, 0, false);
	assert_whole(&the_log);
}
END_TEST

/* Adoption. */

static int adopt_copy_of(int fd, struct log *ret, const char **ret_why)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int r;

	ck_assert_int_ge(copy, 0);
	r = log_adopt(ret, copy, ret_why);
	if (r < 0)
		ck_assert_int_eq(close(copy), 0); /* it was not taken */
	return r;
}

static void assert_refused(int fd, const char *reason)
{
	struct log found;
	const char *why = NULL;

	ck_assert_int_eq(adopt_copy_of(fd, &found, &why), -EINVAL);
	ck_assert_str_eq(why, reason);
	ck_assert_int_eq(found.fd, -1);
}

static void assert_same(const struct log *a, const struct log *b)
{
	ck_assert_uint_eq(a->instance, b->instance);
	ck_assert_uint_eq(a->head, b->head);
	ck_assert_uint_eq(a->tail, b->tail);
	ck_assert_uint_eq(a->head_offset, b->head_offset);
	ck_assert_uint_eq(a->tail_offset, b->tail_offset);
	ck_assert_uint_eq(a->size, b->size);
	for (uint64_t seq = a->tail; seq <= a->head; seq++) {
		const struct log_entry *entry = log_at(a, seq);

		ck_assert_mem_eq(entry, log_at(b, seq), sizeof(*entry));
		ck_assert_mem_eq(log_bytes(a, entry), log_bytes(b, log_at(b, seq)), entry->length);
	}
}

/* Numbers of events after which the log is taken up: empty, not full, wrapped. */
static const unsigned fills[] = { 0, 1, 17, 200, 3000 };

START_TEST(a_kept_log_is_found_as_it_was)
{
	struct log found;
	const char *why = "";

	new_log(SMALLEST);
	for (uint64_t seq = 1; seq <= fills[_i]; seq++)
		append(&the_log, length_of(seq), 0, false);
	ck_assert_msg(adopt_copy_of(the_log.fd, &found, &why) == 0, "%s", why);
	ck_assert_ptr_null(why);
	assert_same(&the_log, &found);

	/* And goes on where it ended. */
	ck_assert_uint_eq(append(&found, 100, 0, false), fills[_i] + 1);
	assert_whole(&found);
	log_done(&found);
}
END_TEST

/* From the least size to a larger one and back, with nothing, some, and more than fits. */
START_TEST(a_log_that_is_resized_keeps_the_newest_events_and_goes_on)
{
	const uint64_t sizes[] = { LOG_SIZE_MIN * 4, LOG_SIZE_MIN };
	struct log found;
	const char *why = "";
	uint64_t instance, head;

	new_log(SMALLEST);
	instance = the_log.instance;
	for (uint64_t seq = 1; seq <= fills[_i]; seq++)
		append(&the_log, length_of(seq), 0, false);
	for (size_t i = 0; i < 2; i++) {
		const uint64_t tail = the_log.tail;

		head = the_log.head;
		ck_assert_int_eq(log_resize(&the_log, sizes[i]), 0);
		ck_assert_uint_eq(the_log.size, sizes[i]);
		ck_assert_uint_eq(the_log.instance, instance);
		ck_assert_uint_eq(the_log.head, head);
		if (i == 0)
			ck_assert_uint_ge(tail, the_log.tail);
		assert_whole(&the_log);
		for (uint64_t seq = the_log.tail; seq <= the_log.head; seq++)
			ck_assert_uint_eq(written_seq(&the_log, seq), seq);
		ck_assert_msg(adopt_copy_of(the_log.fd, &found, &why) == 0, "%s", why);
		assert_same(&the_log, &found);
		log_done(&found);
		for (int more = 0; more < 300; more++)
			append(&the_log, 200, 0, false);
		assert_whole(&the_log);
	}
}
END_TEST

START_TEST(a_log_whose_events_have_all_gone_is_found_empty)
{
	struct log found;
	const char *why = "";

	new_log(SMALLEST);
	for (int i = 0; i < 1024; i++) {
		memcpy(log_reserve(&the_log), "{\n", 2);
		log_commit(&the_log, &(struct log_entry){ 0 }, 2, NULL, NULL);
	}
	log_reserve(&the_log);
	ck_assert_uint_eq(the_log.tail, 1025);
	ck_assert_msg(adopt_copy_of(the_log.fd, &found, &why) == 0, "%s", why);
	ck_assert_uint_eq(found.tail, 1025);
	ck_assert_uint_eq(found.head, 1024);
	ck_assert_uint_eq(found.head_offset, the_log.head_offset);
	log_done(&found);
}
END_TEST

/* A log near the end of the 32-bit counters, as if it had run that long. */
static void age(struct log *log, uint64_t by)
{
	ck_assert_uint_eq(by & log->entries_mask, 0); /* or the entries would stand elsewhere */
	for (uint64_t seq = log->tail; seq <= log->head; seq++)
		log->entries[seq & log->entries_mask].seq = seq + by;
	log->head += by;
	log->tail += by;
	log->header->published = (uint32_t)log->head;
	log->header->tail = (uint32_t)log->tail;
}

START_TEST(the_counters_may_pass_32_bits)
{
	const uint64_t end = UINT64_C(1) << 32;

	new_log(SMALLEST);
	for (uint64_t seq = 1; seq <= 1000; seq++)
		append(&the_log, 70, 0, false);
	age(&the_log, end - 2048);

	while (the_log.head < end + 3000) {
		struct log found;
		const char *why = "";

		append(&the_log, 70, 1, the_log.head & 1);
		/* Around the turn of the newest, around that of the oldest, and now and then. */
		if (the_log.head + 2 - end > 4 && the_log.tail + 80 - end > 160 &&
			the_log.head % 100)
			continue;
		ck_assert_msg(adopt_copy_of(the_log.fd, &found, &why) == 0, "%s, at %" PRIu64, why,
			the_log.head);
		ck_assert_uint_eq(found.head, the_log.head);
		ck_assert_uint_eq(found.tail, the_log.tail);
		ck_assert_uint_eq(found.head_offset, the_log.head_offset);
		log_done(&found);
	}
	ck_assert_uint_gt(the_log.tail, end);
	assert_whole(&the_log);
}
END_TEST

START_TEST(what_was_written_but_not_published_is_found)
{
	struct log found;
	const char *why = "";

	new_log(SMALLEST);
	append(&the_log, 100, 7, true);
	append(&the_log, 100, 7, true);
	the_log.header->published = 1;
	ck_assert_msg(adopt_copy_of(the_log.fd, &found, &why) == 0, "%s", why);
	ck_assert_uint_eq(found.head, 2);
	ck_assert_uint_eq(found.header->published, 2);
	log_done(&found);
}
END_TEST

START_TEST(what_no_line_vouches_for_is_not_published)
{
	struct log found;
	const char *why = "";

	new_log(SMALLEST);
	append(&the_log, 100, 7, true);
	append(&the_log, 100, 7, false);
	the_log.header->published = 1;
	ck_assert_msg(adopt_copy_of(the_log.fd, &found, &why) == 0, "%s", why);
	ck_assert_uint_eq(found.head, 1);
	ck_assert_uint_eq(append(&found, 90, 7, false), 2);
	assert_whole(&found);
	log_done(&found);
}
END_TEST

/* What must not be trusted. */

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The log's bytes in another memfd, `more` bytes longer. */
static int replica(const struct log *log, int more, int seals)
{
	int fd = memfd_create("replica", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t n = log->header->total_bytes;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, log->map, n, 0), (ssize_t)n);
	ck_assert_int_eq(ftruncate(fd, (off_t)n + more), 0);
	if (seals)
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static const struct {
	int more, seals;
	const char *reason; /* NULL: it is accepted */
} replicas[] = {
	{ 0, ALL_SEALS, NULL },
	{ 0, ALL_SEALS | F_SEAL_FUTURE_WRITE, "it cannot be mapped" },
	{ 0, 0, "it is not a sealed memfd" },
	{ 0, F_SEAL_GROW | F_SEAL_SEAL, "it is not a sealed memfd" },
	{ 0, F_SEAL_SHRINK | F_SEAL_SEAL, "it is not a sealed memfd" },
	{ 0, F_SEAL_SHRINK | F_SEAL_GROW, "it is not a sealed memfd" },
	{ 1, ALL_SEALS, "its size is not what the header says" },
	{ -1, ALL_SEALS, "its size is not what the header says" },
	{ 65536, ALL_SEALS, "its size is not what the header says" },
	{ -65536, ALL_SEALS, "its size is not what the header says" },
};

START_TEST(seals_and_size_are_checked)
{
	struct log found;
	const char *why = NULL;
	int fd, r;

	new_log(SMALLEST);
	append(&the_log, 100, 0, false);
	fd = replica(&the_log, replicas[_i].more, replicas[_i].seals);
	r = adopt_copy_of(fd, &found, &why);
	if (replicas[_i].reason) {
		ck_assert_int_lt(r, 0);
		ck_assert_str_eq(why, replicas[_i].reason);
	} else {
		ck_assert_int_eq(r, 0);
		log_done(&found);
	}
	close(fd);
}
END_TEST

START_TEST(what_is_no_memfd_of_ours_is_refused)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	assert_refused(null, "it is not a sealed memfd");
	close(null);

	fd = memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
	assert_refused(fd, "it has no header");
	close(fd);

	fd = memfd_create("zeros", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
	assert_refused(fd, "it is no event log");
	close(fd);
}
END_TEST

/* As the header's own. */
static uint32_t sum_of(const struct log_header *header)
{
	const unsigned char *p = (const unsigned char *)header;
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < offsetof(struct log_header, checksum); i++)
		sum = (sum ^ p[i]) * 16777619u;
	return sum;
}

#define FIELD(member, value, reason)                                                           \
	{                                                                                      \
		offsetof(struct log_header, member), sizeof(((struct log_header *)0)->member), \
			value, reason                                                          \
	}

/* Values of the header that carry a right checksum all the same. */
static const struct {
	size_t at, n;
	uint64_t value;
	const char *reason;
} headers[] = {
	FIELD(magic, 0, "it is no event log"),
	FIELD(version, 1, "its format has another version"),
	FIELD(version, 0, "its format has another version"),
	FIELD(n_bytes, 0, "its size is not allowed"),
	FIELD(n_bytes, 32768, "its size is not allowed"),
	FIELD(n_bytes, 65537, "its size is not allowed"),
	FIELD(n_bytes, UINT64_C(1) << 29, "its size is not allowed"),
	FIELD(n_bytes, UINT64_C(1) << 63, "its size is not allowed"),
	FIELD(n_bytes, 131072, "its layout is another"),
	FIELD(entry_bytes, 40, "its layout is another"),
	FIELD(state_bytes, 1, "its layout is another"),
	FIELD(stage_bytes, 1, "its layout is another"),
	FIELD(n_states, 1025, "its layout is another"),
	FIELD(n_stages, 129, "its layout is another"),
	FIELD(n_entries, 2048, "its layout is another"),
	FIELD(n_kept, 32769, "its layout is another"),
	FIELD(kept_bytes, 128, "its layout is another"),
	FIELD(record_bytes[KEPT_LINE], 1, "its layout is another"),
	FIELD(states_at, 0, "its layout is another"),
	FIELD(kept_at, 65536, "its layout is another"),
	FIELD(entries_at, UINT64_MAX, "its layout is another"),
	FIELD(stages_at, 1, "its layout is another"),
	FIELD(bytes_at, 4096, "its layout is another"),
	FIELD(total_bytes, 1, "its layout is another"),
};

START_TEST(each_field_of_the_header_is_checked)
{
	new_log(SMALLEST);
	append(&the_log, 100, 0, false);
	memcpy((char *)the_log.header + headers[_i].at, &headers[_i].value, headers[_i].n);
	the_log.header->checksum = sum_of(the_log.header);
	assert_refused(the_log.fd, headers[_i].reason);
}
END_TEST

START_TEST(a_damaged_header_is_refused)
{
	new_log(SMALLEST);
	the_log.header->instance ^= 1;
	assert_refused(the_log.fd, "its header is damaged");
	the_log.header->instance ^= 1;
	the_log.header->checksum ^= 1;
	assert_refused(the_log.fd, "its header is damaged");
}
END_TEST

/* 200 events of 500 bytes: 131 of them are held, 129 or so after the tail. */
static void fill(void)
{
	new_log(SMALLEST);
	for (int i = 0; i < 200; i++)
		append(&the_log, 500, 3, true);
	ck_assert_uint_gt(the_log.tail, 1);
}

static void damage_published(void)
{
	the_log.header->published++;
}

static void damage_published_much(void)
{
	the_log.header->published += 1u << 31;
}

static void damage_published_to_an_older_one(void)
{
	the_log.header->published -= 10;
}

static void damage_published_to_zero(void)
{
	the_log.header->published = 0;
}

static void damage_tail(void)
{
	the_log.header->tail -= 20;
}

static void damage_tail_to_the_future(void)
{
	the_log.header->tail = (uint32_t)the_log.head + 2;
}

static void damage_tail_much(void)
{
	the_log.header->tail += 1u << 31;
}

static void damage_seq(void)
{
	the_log.entries[150].seq++;
}

static void damage_high_half_of_the_newest(void)
{
	the_log.entries[200].seq += UINT64_C(1) << 32;
}

static void damage_high_half_of_the_oldest(void)
{
	the_log.entries[the_log.tail].seq += UINT64_C(1) << 32;
}

static void damage_offset(void)
{
	the_log.entries[150].offset++;
}

static void damage_offset_of_the_newest(void)
{
	the_log.entries[200].offset = UINT64_MAX;
}

static void damage_offset_of_the_oldest(void)
{
	the_log.entries[the_log.tail].offset -= the_log.size;
}

static void damage_length(void)
{
	the_log.entries[150].length--;
}

static void damage_length_to_zero(void)
{
	the_log.entries[150].length = 0;
}

static void damage_length_beyond_the_limit(void)
{
	the_log.entries[200].length = 1025;
}

static void damage_kind(void)
{
	the_log.entries[150].kind = LOG_KINDS;
}

static void damage_end_of_line(void)
{
	const struct log_entry *entry = log_at(&the_log, 150);

	((char *)(uintptr_t)log_bytes(&the_log, entry))[entry->length - 1] = ' ';
}

static void damage_inside_of_line(void)
{
	((char *)(uintptr_t)log_bytes(&the_log, log_at(&the_log, 150)))[9] = '\n';
}

static const struct {
	void (*damage)(void);
	const char *reason;
} damages[] = {
	{ damage_published, "its newest entry is another" },
	{ damage_published_much, "its newest entry is another" },
	{ damage_published_to_an_older_one, "a line's state is newer than its newest entry" },
	{ damage_published_to_zero, "its counters contradict each other" },
	{ damage_tail, "it holds more than its size" },
	{ damage_tail_to_the_future, "its counters contradict each other" },
	{ damage_tail_much, "its counters contradict each other" },
	{ damage_seq, "its entries are not in order" },
	{ damage_high_half_of_the_newest, "its oldest entry is another" },
	{ damage_high_half_of_the_oldest, "its oldest entry is another" },
	{ damage_offset, "its entries are not in order" },
	{ damage_offset_of_the_newest, "it holds more than its size" },
	{ damage_offset_of_the_oldest, "it holds more than its size" },
	{ damage_length, "an event is not a line" },
	{ damage_length_to_zero, "an entry is out of bounds" },
	{ damage_length_beyond_the_limit, "an entry is out of bounds" },
	{ damage_kind, "an entry is out of bounds" },
	{ damage_end_of_line, "an event is not a line" },
	{ damage_inside_of_line, "an event is not a line" },
};

START_TEST(a_damaged_log_is_refused)
{
	fill();
	damages[_i].damage();
	assert_refused(the_log.fd, damages[_i].reason);
}
END_TEST

START_TEST(a_staging_place_is_empty_when_it_is_prepared)
{
	struct log_stage *stage;

	new_log(SMALLEST);
	stage = &the_log.stages[5];
	stage->used = 2;
	stage->events[0].line_seqno = 8;
	stage->events[1].line_seqno = 9;
	log_stage_prepare(stage, 3, 2, 77);
	ck_assert_uint_eq(stage->events[0].line_seqno, 0);
	ck_assert_uint_eq(stage->events[1].line_seqno, 0);
	ck_assert_uint_eq(stage->used, 0);
	ck_assert_uint_eq(stage->state, 3);
	ck_assert_uint_eq(stage->n_lines, 2);
	ck_assert_uint_eq(stage->generation, 77);
}
END_TEST

/* A kill at each instruction. */

#define STEPPED_APPENDS 6 /* the third of them evicts */

/* After each instruction of the child: the log is whole, and the line's state is that of its newest
 * event. */
static void examine(uint64_t *head)
{
	const struct log_line_state *state;
	const struct log_line_copy *copy;
	struct log found;
	const char *why = "";

	ck_assert_msg(
		adopt_copy_of(the_log.fd, &found, &why) == 0, "%s, after %" PRIu64, why, *head);
	ck_assert_uint_ge(found.head, *head);
	ck_assert_uint_le(found.head, *head + 1);
	*head = found.head;
	for (uint64_t seq = found.tail; seq <= found.head; seq++)
		ck_assert_uint_eq(written_seq(&found, seq), seq);

	/* Every other append is a line's, and its state is never older or newer than the log. */
	state = &found.states[1];
	copy = &state->copy[state->turn & 1];
	ck_assert_uint_eq(copy->seq, found.head & ~UINT64_C(1));
	ck_assert_uint_eq(copy->line_seqno, copy->seq);
	log_done(&found);
}

/* Its child would be stepped through the whole of valgrind. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

static void append_and_exit(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	raise(SIGSTOP);
	for (int i = 0; i < STEPPED_APPENDS; i++)
		append(&the_log, 1024, 1, (the_log.head & 1) == 1);
	_exit(0);
}

START_TEST(a_kill_at_any_instruction_leaves_a_whole_log)
{
	uint64_t head;
	unsigned steps = 0;
	int status;
	pid_t child;

	if (under_valgrind())
		return;

	new_log(SMALLEST);
	for (int i = 0; i < 62; i++)
		append(&the_log, 1024, 1, (the_log.head & 1) == 1);
	head = the_log.head;
	child = fork();
	if (child == 0)
		append_and_exit();

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	while (WIFSTOPPED(status)) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0) {
			kill(child, SIGKILL); /* not on every machine, nor in every container */
			waitpid(child, &status, 0);
			return;
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		examine(&head);
		steps++;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return;
	ck_assert_uint_eq(head, 62 + STEPPED_APPENDS);
	ck_assert_uint_gt(steps, 100);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *ring = tcase_create("ring"), *found = tcase_create("found"),
	      *killed = tcase_create("killed");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(ring, NULL, done);
	tcase_add_test(ring, a_new_log_is_empty);
	tcase_add_test(ring, each_log_is_an_instance_of_its_own);
	tcase_add_test(ring, each_part_is_mapped_at_a_multiple_of_64_kib);
	tcase_add_test(ring, an_event_across_the_end_of_the_ring_is_read_back_in_one_piece);
	tcase_add_test(ring, the_oldest_sixteenth_goes_after_the_callback);
	tcase_add_test(ring, nothing_goes_while_the_longest_event_fits);
	tcase_add_test(ring, the_index_can_be_full_before_the_bytes);
	tcase_add_test(ring, the_largest_log_can_be_made);
	tcase_add_test(ring, a_staging_place_is_empty_when_it_is_prepared);
	tcase_add_checked_fixture(found, NULL, done);
	tcase_add_loop_test(found, a_kept_log_is_found_as_it_was, 0, COUNT(fills));
	tcase_add_loop_test(
		found, a_log_that_is_resized_keeps_the_newest_events_and_goes_on, 0, COUNT(fills));
	tcase_add_test(found, a_log_whose_events_have_all_gone_is_found_empty);
	tcase_add_test(found, the_counters_may_pass_32_bits);
	tcase_add_test(found, what_was_written_but_not_published_is_found);
	tcase_add_test(found, what_no_line_vouches_for_is_not_published);
	tcase_add_loop_test(found, seals_and_size_are_checked, 0, COUNT(replicas));
	tcase_add_test(found, what_is_no_memfd_of_ours_is_refused);
	tcase_add_loop_test(found, each_field_of_the_header_is_checked, 0, COUNT(headers));
	tcase_add_test(found, a_damaged_header_is_refused);
	tcase_add_loop_test(found, a_damaged_log_is_refused, 0, COUNT(damages));
	tcase_add_checked_fixture(killed, NULL, done);
	tcase_set_timeout(killed, 60);
	tcase_add_test(killed, a_kill_at_any_instruction_leaves_a_whole_log);
	suite_add_tcase(suite, ring);
	suite_add_tcase(suite, found);
	suite_add_tcase(suite, killed);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
