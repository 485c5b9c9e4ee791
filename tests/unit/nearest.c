/* SPDX-License-Identifier: MIT */
/* client/lib/nearest.c */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static const char *const names[] = { "button", "led", "relay", "GPIO2", "GPIO23", "door" };

#define N_NAMES (sizeof(names) / sizeof(names[0]))

static const struct {
	const char *written, *nearest;
} near[] = {
	{ "buton", "button" },
	{ "buttton", "button" },
	{ "buttom", "button" },
	{ "btuton", "button" },
	{ "Button", "button" },
	{ "gpio23", "GPIO23" },
	{ "LED", "led" },
	{ "lid", "led" },
	{ "GPIO22", "GPIO2" }, /* the first of those that are equally near */
	{ "relais", "relay" },
};

START_TEST(a_slip_finds_the_name)
{
	ck_assert_str_eq(nearest_name(near[_i].written, names, N_NAMES), near[_i].nearest);
}
END_TEST

static const char *const far[] = { "", "x", "window", "butter-churn", "le", "floor" };

START_TEST(another_word_finds_nothing)
{
	ck_assert_ptr_null(nearest_name(far[_i], names, N_NAMES));
}
END_TEST

START_TEST(an_exact_name_beats_a_near_one)
{
	ck_assert_str_eq(nearest_name("GPIO23", names, N_NAMES), "GPIO23");
}
END_TEST

START_TEST(names_are_compared_up_to_64_bytes)
{
	char written[66], longest[66];
	const char *one = longest;

	memset(written, 'a', sizeof(written));
	memset(longest, 'a', sizeof(longest));
	written[64] = longest[64] = '\0';
	written[10] = 'b';
	ck_assert_ptr_eq(nearest_name(written, &one, 1), longest);

	written[64] = 'a';
	written[65] = '\0';
	ck_assert_ptr_null(nearest_name(written, &one, 1));
}
END_TEST

START_TEST(no_names_find_nothing)
{
	ck_assert_ptr_null(nearest_name("led", NULL, 0));
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("nearest");
	TCase *tcase = tcase_create("nearest_name");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, a_slip_finds_the_name, 0, N(near));
	tcase_add_loop_test(tcase, another_word_finds_nothing, 0, N(far));
	tcase_add_test(tcase, an_exact_name_beats_a_near_one);
	tcase_add_test(tcase, names_are_compared_up_to_64_bytes);
	tcase_add_test(tcase, no_names_find_nothing);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
