/* SPDX-License-Identifier: MIT */

#include <check.h>
#include <stdlib.h>

#include "heap.h"

#define N 1000

static struct heap heap;
static struct deadline deadlines[N];

static void init(void)
{
	heap_init(&heap);
	for (int i = 0; i < N; i++)
		deadline_init(&deadlines[i], NULL);
}

static void done(void)
{
	heap_done(&heap);
}

static void set(struct deadline *deadline, uint64_t at_ns)
{
	ck_assert_int_eq(heap_set(&heap, deadline, at_ns), 0);
	ck_assert(deadline_is_set(deadline));
}

static uint64_t take_first(void)
{
	struct deadline *first = heap_first(&heap);

	ck_assert_ptr_nonnull(first);
	heap_clear(&heap, first);
	ck_assert(!deadline_is_set(first));
	return first->at_ns;
}

/* Every deadline knows its place, and none is before its parent. */
static void assert_sound(void)
{
	bool sound = true;

	for (size_t i = 0; i < heap.n; i++) {
		sound &= heap.v[i]->index == i;
		sound &= i == 0 || heap.v[i]->at_ns >= heap.v[(i - 1) / 2]->at_ns;
	}
	ck_assert(sound);
}

START_TEST(an_empty_heap_has_no_first)
{
	ck_assert_ptr_null(heap_first(&heap));
	heap_clear(&heap, &deadlines[0]); /* no effect */
	ck_assert_uint_eq(heap.n, 0);
}
END_TEST

START_TEST(deadlines_come_nearest_first)
{
	uint64_t last = 0;

	srand(1);
	for (int i = 0; i < N; i++)
		set(&deadlines[i], (uint64_t)rand() % 500);
	assert_sound();
	for (int i = 0; i < N; i++) {
		uint64_t at_ns = take_first();

		ck_assert_uint_ge(at_ns, last);
		last = at_ns;
	}
	ck_assert_ptr_null(heap_first(&heap));
}
END_TEST

START_TEST(a_deadline_that_is_set_again_moves)
{
	for (uint64_t i = 0; i < 10; i++)
		set(&deadlines[i], 100 + i);
	set(&deadlines[9], 1);
	ck_assert_ptr_eq(heap_first(&heap), &deadlines[9]);
	set(&deadlines[9], 1000);
	ck_assert_ptr_eq(heap_first(&heap), &deadlines[0]);
	ck_assert_uint_eq(heap.n, 10);
	assert_sound();
}
END_TEST

START_TEST(any_mix_of_set_move_and_clear_keeps_the_order)
{
	srand(2);
	for (int i = 0; i < 20000; i++) {
		struct deadline *deadline = &deadlines[rand() % 60];

		if (rand() % 3 == 0)
			heap_clear(&heap, deadline);
		else
			set(deadline, (uint64_t)rand() % 100);
		assert_sound();
	}
}
END_TEST

/* The one that fills the hole of a cleared one may belong above it. */
START_TEST(the_last_may_rise_into_the_hole)
{
	static const uint64_t at_ns[] = { 1, 10, 2, 11, 12, 3, 4 };

	for (int i = 0; i < 7; i++)
		set(&deadlines[i], at_ns[i]);
	heap_clear(&heap, &deadlines[3]);
	assert_sound();
	ck_assert_uint_eq(heap.v[1]->at_ns, 4);
}
END_TEST

START_TEST(the_last_possible_time_is_a_time)
{
	set(&deadlines[0], UINT64_MAX);
	set(&deadlines[1], 0);
	ck_assert_uint_eq(take_first(), 0);
	ck_assert_uint_eq(take_first(), UINT64_MAX);
}
END_TEST

START_TEST(what_is_reserved_needs_no_more_memory)
{
	struct deadline **v;

	ck_assert_int_eq(heap_reserve(&heap, N), 0);
	v = heap.v;
	for (int i = 0; i < N; i++)
		set(&deadlines[i], 1);
	ck_assert_ptr_eq(heap.v, v);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("heap");
	TCase *tcase = tcase_create("heap");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, init, done);
	tcase_add_test(tcase, an_empty_heap_has_no_first);
	tcase_add_test(tcase, deadlines_come_nearest_first);
	tcase_add_test(tcase, a_deadline_that_is_set_again_moves);
	tcase_add_test(tcase, any_mix_of_set_move_and_clear_keeps_the_order);
	tcase_add_test(tcase, the_last_may_rise_into_the_hole);
	tcase_add_test(tcase, the_last_possible_time_is_a_time);
	tcase_add_test(tcase, what_is_reserved_needs_no_more_memory);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
