/* SPDX-License-Identifier: MIT */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "strset.h"

static struct strset set;

START_TEST(a_string_is_new_once)
{
	char copy[] = "led";

	strset_init(&set, 3);
	ck_assert(strset_add(&set, "led"));
	ck_assert(strset_add(&set, "le"));
	ck_assert(strset_add(&set, ""));
	ck_assert(!strset_add(&set, copy));
	ck_assert(!strset_add(&set, ""));
}
END_TEST

START_TEST(a_set_made_ready_again_is_empty)
{
	strset_init(&set, 1024);
	ck_assert(strset_add(&set, "led"));
	strset_init(&set, 1024);
	ck_assert(strset_add(&set, "led"));
}
END_TEST

static const size_t sizes[] = { 1, 2, 3, 4, 5, 1023, 1024 };

/* At most half full, so that a look-up always ends. */
START_TEST(as_many_strings_as_were_announced_are_told_apart)
{
	static char strings[1024][24];
	const size_t n = sizes[_i];

	strset_init(&set, n);
	ck_assert_uint_ge(set.mask + 1, 2 * n);
	ck_assert_uint_le(set.mask + 1, 2048);
	for (size_t i = 0; i < n; i++) {
		snprintf(strings[i], sizeof(strings[i]), "%zu", i);
		ck_assert(strset_add(&set, strings[i]));
	}
	for (size_t i = 0; i < n; i++)
		ck_assert(!strset_add(&set, strings[i]));
}
END_TEST

int main(void)
{
	const int n_sizes = sizeof(sizes) / sizeof(*sizes);
	Suite *suite = suite_create("strset");
	TCase *tcase = tcase_create("strset");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, a_string_is_new_once);
	tcase_add_test(tcase, a_set_made_ready_again_is_empty);
	tcase_add_loop_test(tcase, as_many_strings_as_were_announced_are_told_apart, 0, n_sizes);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
