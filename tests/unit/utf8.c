/* SPDX-License-Identifier: MIT */
/* client/lib/utf8.c */

#include "utf8.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	size_t length;
} sequences[] = {
	{ "", 0 },
	{ "a", 1 },
	{ "\x7f", 1 },
	{ "\xc2\x80", 2 },
	{ "\xdf\xbf", 2 },
	{ "\xe0\xa0\x80", 3 },
	{ "\xed\x9f\xbf", 3 },
	{ "\xee\x80\x80", 3 },
	{ "\xf0\x90\x80\x80", 4 },
	{ "\xf4\x8f\xbf\xbf", 4 },
	{ "\x80", 0 },
	{ "\xc1\xbf", 0 },
	{ "\xe0\x9f\xbf", 0 },
	{ "\xed\xa0\x80", 0 },
	{ "\xf0\x8f\xbf\xbf", 0 },
	{ "\xf4\x90\x80\x80", 0 },
	{ "\xf5\x80\x80\x80", 0 },
	{ "\xe2\x82", 0 },
	{ "\xe2\x82x", 0 },
};

START_TEST(a_sequence_has_one_valid_form)
{
	const char *text = sequences[_i].text;

	ck_assert_uint_eq(utf8_sequence(text, strlen(text)), sequences[_i].length);
}
END_TEST

START_TEST(text_is_valid_when_each_sequence_is)
{
	ck_assert(utf8_valid("", 0));
	ck_assert(utf8_valid("t\xc3\xbcr", 4));
	ck_assert(!utf8_valid("t\xc3\xbcr", 2));
	ck_assert(!utf8_valid("t\xfcr", 3));
}
END_TEST

START_TEST(a_cut_never_splits_a_sequence)
{
	static const char text[] = "a\xe2\x82\xac"
				   "b"; /* 1 + 3 + 1 */
	static const size_t cut[] = { 0, 1, 1, 1, 4, 5, 5 };

	for (size_t max = 0; max < 7; max++)
		ck_assert_uint_eq(utf8_cut(text, 5, max), cut[max]);
}
END_TEST

START_TEST(a_copy_that_is_too_long_ends_at_a_sequence)
{
	char to[4];

	utf8_copy(to, sizeof(to), "abc");
	ck_assert_str_eq(to, "abc");
	utf8_copy(to, sizeof(to), "a\xe2\x82\xac");
	ck_assert_str_eq(to, "a");
}
END_TEST

START_TEST(control_characters_are_found)
{
	ck_assert(utf8_has_control("a\nb"));
	ck_assert(utf8_has_control("\x1f"));
	ck_assert(utf8_has_control("\x7f"));
	ck_assert(utf8_has_control("\xc2\x80"));
	ck_assert(utf8_has_control("\xc2\x9f"));
	ck_assert(!utf8_has_control(" ~\xc2\xa0\xc3\x80"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tcase = tcase_create("utf8");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, a_sequence_has_one_valid_form, 0,
		(int)(sizeof(sequences) / sizeof(sequences[0])));
	tcase_add_test(tcase, text_is_valid_when_each_sequence_is);
	tcase_add_test(tcase, a_cut_never_splits_a_sequence);
	tcase_add_test(tcase, a_copy_that_is_too_long_ends_at_a_sequence);
	tcase_add_test(tcase, control_characters_are_found);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
