/* SPDX-License-Identifier: MIT */

/*
 * Records that outlive the process. A writer is killed after each single instruction; what is found
 * then is exactly the old or the new record, and every slot is either in a record or free. Damage
 * is refused or does no harm.
 */

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kept.h"

#define DATA	   ((size_t)KEPT_SLOT_BYTES - KEPT_SLOT_HEAD)
#define RECORD_MAX (8 * DATA)

/* What is in the log's memfd: shared with a child that is killed. */
struct area {
	struct kept_slot slots[KEPT_SLOTS];
	_Atomic uint32_t used;
};

static struct area *area, *copy;
static struct kept kept;
static const char *why;

static struct area *map(void)
{
	void *p = mmap(NULL, sizeof(struct area), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

static int take_up(void)
{
	return kept_init(&kept, area->slots, &area->used, &why);
}

static void start(void)
{
	area = map();
	copy = map();
	ck_assert_int_eq(take_up(), 0);
}

static void stop(void)
{
	munmap(area, sizeof(*area));
	munmap(copy, sizeof(*copy));
}

/* A record of n bytes that says which it is in each of them. */
static const unsigned char *bytes_of(unsigned char mark, size_t n)
{
	static unsigned char bytes[RECORD_MAX];

	memset(bytes, mark, n);
	return bytes;
}

static void put(uint32_t *handle, unsigned char mark, size_t n)
{
	kept_put(&kept, handle, KEPT_TIMER, bytes_of(mark, n), n);
}

static void put_line(uint32_t *handle, unsigned char mark, size_t n)
{
	kept_put(&kept, handle, KEPT_LINE, bytes_of(mark, n), n);
}

/* What is found, in the order of the slots. */
struct found {
	unsigned n;
	struct {
		uint32_t handle;
		unsigned char mark;
		size_t bytes;
	} v[64];
};

static unsigned char record[RECORD_MAX];

static void note(uint32_t handle, size_t n, void *data)
{
	struct found *found = data;

	ck_assert_uint_lt(found->n, 64);
	/* All bytes are the same; an assertion of each would take longer than all else. */
	ck_assert(n < 2 || memcmp(record, record + 1, n - 1) == 0);
	found->v[found->n].handle = handle;
	found->v[found->n].mark = n ? record[0] : 0;
	found->v[found->n].bytes = n;
	found->n++;
}

static struct found find_all(struct kept *of)
{
	struct found found = { 0 };

	kept_each(of, KEPT_TIMER, record, sizeof(record), note, &found);
	return found;
}

static unsigned slots_of(size_t bytes)
{
	return bytes ? (unsigned)((bytes + DATA - 1) / DATA) : 1;
}

static unsigned count_free(const struct kept *of)
{
	unsigned n = 0;

	for (uint32_t i = of->free; i && i < KEPT_SLOTS && n < KEPT_SLOTS; i = of->slots[i].next)
		n++;
	ck_assert_uint_lt(n, KEPT_SLOTS);
	return n;
}

/* Each slot that was ever used is in a record or free, once. */
static void assert_no_slot_is_lost(struct kept *of)
{
	const struct found found = find_all(of);
	unsigned n = count_free(of);

	for (unsigned i = 0; i < found.n; i++)
		n += slots_of(found.v[i].bytes);
	ck_assert_uint_eq(n, atomic_load(of->used));
}

static const size_t sizes[] = { 0, 1, DATA - 1, DATA, DATA + 1, 2 * DATA, 2 * DATA + 1,
	RECORD_MAX };

START_TEST(a_record_of_any_size_is_found_after_a_start)
{
	const size_t n = sizes[_i];
	uint32_t handle = KEPT_NONE;
	struct found found;

	put(&handle, 'a', n);
	ck_assert_uint_ne(handle, KEPT_NONE);
	ck_assert_int_eq(take_up(), 0);
	found = find_all(&kept);
	ck_assert_uint_eq(found.n, 1);
	ck_assert_uint_eq(found.v[0].handle, handle);
	ck_assert_uint_eq(found.v[0].bytes, n);
	ck_assert_uint_eq(found.v[0].mark, n ? 'a' : 0);
	assert_no_slot_is_lost(&kept);
	kept_drop(&kept, &handle);
	ck_assert_uint_eq(handle, KEPT_NONE);
	ck_assert_uint_eq(find_all(&kept).n, 0);
	assert_no_slot_is_lost(&kept);
}
END_TEST

START_TEST(a_record_is_replaced_by_one_of_any_other_size)
{
	for (size_t next = 0; next < sizeof(sizes) / sizeof(sizes[0]); next++) {
		uint32_t handle = KEPT_NONE, other = KEPT_NONE;
		struct found found;

		put(&other, 'o', 3);
		put(&handle, 'a', sizes[_i]);
		put(&handle, 'b', sizes[next]);
		for (int start_again = 0; start_again < 2; start_again++) {
			found = find_all(&kept);
			ck_assert_uint_eq(found.n, 2);
			ck_assert_uint_eq(
				found.v[0].mark + found.v[1].mark, 'o' + (sizes[next] ? 'b' : 0));
			assert_no_slot_is_lost(&kept);
			ck_assert_int_eq(take_up(), 0);
		}
		kept_drop(&kept, &handle);
		kept_drop(&kept, &other);
	}
}
END_TEST

START_TEST(freed_slots_are_used_again)
{
	uint32_t handles[10] = { 0 };
	uint32_t used;

	for (unsigned i = 0; i < 10; i++)
		put(&handles[i], 'a', 3 * DATA);
	used = atomic_load(&area->used);
	for (unsigned round = 0; round < 1000; round++) {
		kept_drop(&kept, &handles[round % 10]);
		put(&handles[round % 10], 'b', 3 * DATA);
	}
	ck_assert_uint_eq(atomic_load(&area->used), used);
	assert_no_slot_is_lost(&kept);
}
END_TEST

/* A new record is there before the old one goes, so the last slot stays for that. */
START_TEST(when_it_is_full_what_comes_is_not_kept_and_nothing_else_suffers)
{
	static uint32_t handles[KEPT_SLOTS];
	uint32_t late = KEPT_NONE;
	unsigned n = 0;

	while (n < KEPT_SLOTS) {
		put_line(&handles[n], 'a', 1);
		if (!handles[n])
			break;
		n++;
	}
	ck_assert_uint_eq(n, KEPT_SLOTS - 1);
	put_line(&late, 'l', 1);
	ck_assert_uint_eq(late, KEPT_NONE);
	kept_drop(&kept, &handles[7]);
	kept_drop(&kept, &handles[9]);
	put_line(&late, 'l', 3 * DATA);
	ck_assert_uint_eq(late, KEPT_NONE);
	ck_assert_uint_eq(count_free(&kept), 2);
	put_line(&late, 'l', 2 * DATA);
	ck_assert_uint_ne(late, KEPT_NONE);
	/* No room for its successor: then it is not kept either, rather than as it was. */
	put_line(&handles[8], 'b', 1);
	ck_assert_uint_eq(handles[8], KEPT_NONE);
	ck_assert_uint_eq(count_free(&kept), 1);
	ck_assert_int_eq(take_up(), 0);
	ck_assert_uint_eq(count_free(&kept), 1);
}
END_TEST

/* Lines must not be given back because somebody has armed many timers with many values. */
START_TEST(timers_leave_room_for_everything_else)
{
	static uint32_t handles[KEPT_SLOTS];
	uint32_t line = KEPT_NONE;
	unsigned n = 0;

	do {
		put(&handles[n], 't', 8 * DATA);
	} while (handles[n++]);
	ck_assert_uint_ge(8 * (n - 1), KEPT_SLOTS / 4);
	ck_assert_uint_le(atomic_load(&area->used), KEPT_SLOTS / 2);
	put_line(&line, 'l', 1);
	ck_assert_uint_ne(line, KEPT_NONE);
	/* The same in the next life, and as soon as one has gone there is room for one. */
	ck_assert_int_eq(take_up(), 0);
	put(&handles[n], 't', 8 * DATA);
	ck_assert_uint_eq(handles[n], KEPT_NONE);
	kept_drop(&kept, &handles[1]);
	put(&handles[n], 't', 7 * DATA);
	ck_assert_uint_ne(handles[n], KEPT_NONE);
}
END_TEST

START_TEST(only_records_of_the_kind_are_found_and_longer_ones_go)
{
	uint32_t timer = KEPT_NONE, claim = KEPT_NONE;
	struct found found = { 0 };

	put(&timer, 't', 100);
	kept_put(&kept, &claim, KEPT_CLAIM, bytes_of('c', 200), 200);
	kept_each(&kept, KEPT_CLAIM, record, sizeof(record), note, &found);
	ck_assert_uint_eq(found.n, 1);
	ck_assert_uint_eq(found.v[0].mark, 'c');
	kept_each(&kept, KEPT_CLAIM, record, 199, note, &found);
	ck_assert_uint_eq(found.n, 1);
	kept_each(&kept, KEPT_CLAIM, record, sizeof(record), note, &found);
	ck_assert_uint_eq(found.n, 1);
	assert_no_slot_is_lost(&kept);
}
END_TEST

static unsigned n_changed;

/* Every other record is dropped, the others are put anew: they do not come a second time. */
static void change(uint32_t handle, size_t n, void *data)
{
	uint32_t *handles = data;
	unsigned i = 0;

	while (handles[i] != handle)
		i++;
	n_changed++;
	if (i % 2)
		kept_drop(&kept, &handles[i]);
	else
		put(&handles[i], 'b', n + DATA);
}

START_TEST(records_may_be_dropped_and_put_while_they_are_read)
{
	uint32_t handles[24] = { 0 };

	for (unsigned i = 0; i < 24; i++)
		put(&handles[i], 'a', DATA);
	for (unsigned i = 20; i < 24; i++) /* slots behind those that are being read */
		kept_drop(&kept, &handles[i]);
	n_changed = 0;
	kept_each(&kept, KEPT_TIMER, record, sizeof(record), change, handles);
	ck_assert_uint_eq(n_changed, 20);
	ck_assert_uint_eq(find_all(&kept).n, 10);
	assert_no_slot_is_lost(&kept);
}
END_TEST

START_TEST(what_is_frozen_stays_as_it_is)
{
	uint32_t handle = KEPT_NONE, mine, other = KEPT_NONE;

	put(&handle, 'a', DATA + 1);
	memcpy(copy, area, sizeof(*area));
	kept.frozen = true;
	mine = handle;
	put(&mine, 'b', 1);
	put(&other, 'c', 1);
	kept_drop(&kept, &mine);
	ck_assert_int_eq(memcmp(copy, area, sizeof(*area)), 0);
	ck_assert_int_eq(take_up(), 0);
	ck_assert_uint_eq(find_all(&kept).n, 1);
}
END_TEST

/* A kill at each instruction. */

static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

/* What the writer does, and what may be found while it does so: the marks of one record beside `o`,
 * which is always there. */
static const struct step {
	size_t before, after; /* bytes; SIZE_MAX: no record */
} steps[] = {
	{ SIZE_MAX, 1 },
	{ SIZE_MAX, 3 * DATA },
	{ 1, 1 },
	{ 1, 3 * DATA },
	{ 3 * DATA, 1 },
	{ 3 * DATA, 2 * DATA + 1 },
	{ 1, SIZE_MAX },
	{ 3 * DATA, SIZE_MAX },
};

static void do_step(const struct step *step, uint32_t handle)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	raise(SIGSTOP);
	if (step->after == SIZE_MAX)
		kept_drop(&kept, &handle);
	else
		put(&handle, 'b', step->after);
	_exit(0);
}

/* On a copy, since taking it up repairs it. `a`, `b`, or 0: neither. */
static unsigned char examine(void)
{
	struct kept taken;
	struct found found;
	unsigned char mark = 0;
	bool other = false;

	memcpy(copy->slots, area->slots, sizeof(area->slots[0]) * 64);
	atomic_store(&copy->used, atomic_load(&area->used));
	ck_assert_msg(kept_init(&taken, copy->slots, &copy->used, &why) == 0, "%s", why);
	found = find_all(&taken);
	ck_assert_uint_le(found.n, 2);
	for (unsigned i = 0; i < found.n; i++)
		if (found.v[i].mark == 'o')
			other = true;
		else
			mark = found.v[i].mark;
	ck_assert(other);
	ck_assert_uint_eq(found.n, 1u + (mark != 0));
	assert_no_slot_is_lost(&taken);
	return mark;
}

START_TEST(a_kill_at_any_instruction_leaves_the_old_record_or_the_new_one)
{
	const struct step *step = &steps[_i];
	const unsigned char old = step->before == SIZE_MAX ? 0 : 'a';
	const unsigned char new = step->after == SIZE_MAX ? 0 : 'b';
	uint32_t handle = KEPT_NONE, other = KEPT_NONE, spare = KEPT_NONE;
	unsigned n_steps = 0;
	bool changed = false;
	int status;
	pid_t child;

	if (under_valgrind())
		return;

	/* Two slots are free already, so that both kinds of slots are taken. */
	put(&other, 'o', DATA + 1);
	put(&spare, 's', 2 * DATA);
	if (step->before != SIZE_MAX)
		put(&handle, 'a', step->before);
	kept_drop(&kept, &spare);
	child = fork();
	if (child == 0)
		do_step(step, handle);

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	while (WIFSTOPPED(status)) {
		unsigned char mark;

		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0) {
			kill(child, SIGKILL); /* not on every machine, nor in every container */
			waitpid(child, &status, 0);
			return;
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		mark = examine();
		ck_assert(mark == old || mark == new);
		ck_assert(!changed || mark == new); /* once new, always new */
		changed = mark == new;
		n_steps++;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return;
	ck_assert(changed);
	ck_assert_uint_gt(n_steps, 30);
}
END_TEST

/* Damage. */

static void fill_some(void)
{
	uint32_t handles[12] = { 0 };

	for (unsigned i = 0; i < 12; i++)
		put(&handles[i], (unsigned char)('a' + i), 1 + i * DATA / 3);
	for (unsigned i = 0; i < 12; i += 3)
		put(&handles[i], 'z', DATA * (i % 4) + 1);
}

static void damage_used(void)
{
	area->used = KEPT_SLOTS;
}

static void damage_used_much(void)
{
	area->used = UINT32_MAX;
}

static uint32_t long_record(void)
{
	uint32_t handle = KEPT_NONE;

	put(&handle, 'x', 3 * DATA);
	return handle;
}

static void damage_bytes(void)
{
	area->slots[long_record()].bytes = UINT32_MAX;
}

static void damage_bytes_a_little(void)
{
	area->slots[long_record()].bytes += DATA;
}

static void damage_bytes_to_less(void)
{
	area->slots[long_record()].bytes = 1;
}

static void damage_next(void)
{
	area->slots[long_record()].next = KEPT_SLOTS + 5;
}

static void damage_next_to_itself(void)
{
	uint32_t handle = long_record();

	area->slots[handle].next = handle;
}

static void damage_next_to_another(void)
{
	uint32_t one = long_record(), two = long_record();

	area->slots[one].next = area->slots[two].next;
}

static void damage_version_of_a_rest(void)
{
	area->slots[area->slots[long_record()].next].version++;
}

static void damage_kind_of_a_rest(void)
{
	area->slots[area->slots[long_record()].next].kind = KEPT_TIMER;
}

/* Whatever bit of what is in it. */
static void damage_record(void)
{
	uint32_t number = long_record();

	if (rand() % 2)
		number = area->slots[number].next;
	area->slots[number].data[(size_t)rand() % DATA] ^= (unsigned char)(1 << rand() % 8);
}

static void damage_kind(void)
{
	area->slots[long_record()].kind ^= KEPT_USE ^ KEPT_TIMER;
}

static void damage_two_with_one_rest(void)
{
	uint32_t one = long_record(), two = long_record();

	area->slots[two] = area->slots[one];
}

static void (*const damages[])(void) = { damage_used, damage_used_much, damage_bytes,
	damage_bytes_a_little, damage_bytes_to_less, damage_record, damage_kind, damage_next,
	damage_next_to_itself, damage_next_to_another, damage_version_of_a_rest,
	damage_kind_of_a_rest, damage_two_with_one_rest };

START_TEST(damaged_records_are_refused)
{
	fill_some();
	damages[_i]();
	ck_assert_int_eq(take_up(), -EINVAL);
	ck_assert_str_ne(why, "");
}
END_TEST

static void ignore(uint32_t handle, size_t n, void *data)
{
	(void)data;
	ck_assert_uint_lt(handle, KEPT_SLOTS);
	ck_assert_uint_le(n, sizeof(record));
}

/* Whatever is taken up can be read, added to and taken up again. */
static void use_what_there_is(void)
{
	uint32_t handle = KEPT_NONE;

	for (enum kept_kind kind = KEPT_LINE; kind < KEPT_KINDS; kind++)
		kept_each(&kept, kind, record, sizeof(record), ignore, NULL);
	put(&handle, 'n', 3 * DATA);
	kept_drop(&kept, &handle);
	ck_assert_msg(take_up() == 0, "%s", why);
}

START_TEST(random_damage_is_refused_or_does_no_harm)
{
	unsigned taken = 0, refused = 0;

	fill_some();
	memcpy(copy, area, sizeof(*area));
	for (unsigned i = 0; i < 20000; i++) {
		const size_t n = sizeof(struct kept_slot) * 40;

		srand(i);
		memcpy(area->slots, copy->slots, n);
		atomic_store(&area->used, atomic_load(&copy->used));
		for (int k = rand() % 6; k >= 0; k--) {
			/* Mostly where it hurts: the head of a slot. */
			size_t at = (size_t)rand() % 40 * sizeof(struct kept_slot) +
				    (size_t)rand() %
					    (k % 2 ? KEPT_SLOT_HEAD : sizeof(struct kept_slot));

			((unsigned char *)area->slots)[at] =
				(unsigned char)(k == 1 ? rand() : rand() % 16);
		}
		if (take_up() == 0) {
			use_what_there_is();
			taken++;
		} else {
			refused++;
		}
	}
	ck_assert_uint_gt(taken, 0);
	ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(nothing_but_noise_is_refused_or_does_no_harm)
{
	for (unsigned i = 0; i < 200; i++) {
		srand(i);
		for (size_t at = 0; at < sizeof(struct kept_slot) * 200; at++)
			((unsigned char *)area->slots)[at] = (unsigned char)rand();
		/* So small that they may fit to each other. */
		for (size_t slot = 0; slot < 200; slot++) {
			area->slots[slot].kind = (uint32_t)rand() % (KEPT_KINDS + 1);
			area->slots[slot].version = (uint32_t)rand() % 3;
			area->slots[slot].bytes = (uint32_t)rand() % (unsigned)DATA;
			area->slots[slot].next = rand() % 4 ? 0 : (uint32_t)rand() % 200;
			area->slots[slot].replaces = (uint32_t)rand() % 300;
		}
		area->used = (uint32_t)rand() % 200;
		if (take_up() == 0)
			use_what_there_is();
	}
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("kept");
	TCase *tcase = tcase_create("kept");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_record_of_any_size_is_found_after_a_start, 0, COUNT(sizes));
	tcase_add_loop_test(tcase, a_record_is_replaced_by_one_of_any_other_size, 0, COUNT(sizes));
	tcase_add_test(tcase, freed_slots_are_used_again);
	tcase_add_test(tcase, when_it_is_full_what_comes_is_not_kept_and_nothing_else_suffers);
	tcase_add_test(tcase, timers_leave_room_for_everything_else);
	tcase_add_test(tcase, only_records_of_the_kind_are_found_and_longer_ones_go);
	tcase_add_test(tcase, records_may_be_dropped_and_put_while_they_are_read);
	tcase_add_test(tcase, what_is_frozen_stays_as_it_is);
	tcase_add_loop_test(tcase, a_kill_at_any_instruction_leaves_the_old_record_or_the_new_one,
		0, COUNT(steps));
	tcase_add_loop_test(tcase, damaged_records_are_refused, 0, COUNT(damages));
	tcase_add_test(tcase, random_damage_is_refused_or_does_no_harm);
	tcase_add_test(tcase, nothing_but_noise_is_refused_or_does_no_harm);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
