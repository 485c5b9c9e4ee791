/* SPDX-License-Identifier: MIT */

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "identity.h"

/* A board whose lines have no names worth a word, on a port, as its driver labels it. */
#define BOARD(number, port)                                                                    \
	{                                                                                      \
		.label = "board", .n_lines = 8, .line_names = 1, .place = port, .name = number \
	}

static const struct {
	struct identity gone[3], found;
	int picked;
} cases[] = {
	/* One that went and came back. */
	{ { BOARD("gpiochip0", 7) }, BOARD("gpiochip0", 7), 0 },
	/* ... with another number, on another port, with other names for its lines. */
	{ { BOARD("gpiochip0", 7) }, BOARD("gpiochip4", 7), 0 },
	{ { BOARD("gpiochip0", 7) }, BOARD("gpiochip4", 8), 0 },
	{ { BOARD("gpiochip0", 7) }, { "board", 8, 2, 7, "gpiochip0" }, 0 },
	/* The number alone, or the port, is no chip; nor is another size. */
	{ { BOARD("gpiochip0", 7) }, { "other", 8, 1, 7, "gpiochip0" }, -ENOENT },
	{ { BOARD("gpiochip0", 7) }, { "board", 9, 1, 7, "gpiochip0" }, -ENOENT },
	/* Of twins the one on the port counts, and not the one whose number it has now. */
	{ { BOARD("gpiochip0", 7), BOARD("gpiochip1", 8) }, BOARD("gpiochip0", 8), 1 },
	{ { BOARD("gpiochip1", 8), BOARD("gpiochip0", 7) }, BOARD("gpiochip0", 8), 0 },
	/* Names of lines count more than the port. */
	{ { BOARD("gpiochip0", 7), { "board", 8, 2, 8, "gpiochip1" } },
		{ "board", 8, 2, 7, "gpiochip0" }, 1 },
	/* On a port that nobody was on, or where it is unknown, the number decides. */
	{ { BOARD("gpiochip0", 7), BOARD("gpiochip1", 8) }, BOARD("gpiochip1", 9), 1 },
	{ { BOARD("gpiochip0", 0), BOARD("gpiochip1", 0) }, BOARD("gpiochip1", 0), 1 },
	/* Nothing tells them apart: none is guessed. */
	{ { BOARD("gpiochip0", 7), BOARD("gpiochip1", 8) }, BOARD("gpiochip2", 9), -ENOTUNIQ },
	{ { BOARD("gpiochip0", 0), BOARD("gpiochip1", 0) }, BOARD("gpiochip2", 0), -ENOTUNIQ },
	/* ... even when one that fits worse comes between; one that fits better is taken. */
	{ { BOARD("gpiochip0", 7), { "board", 8, 2, 8, "gpiochip1" }, BOARD("gpiochip3", 9) },
		BOARD("gpiochip4", 6), -ENOTUNIQ },
	{ { BOARD("gpiochip0", 7), BOARD("gpiochip1", 8), BOARD("gpiochip3", 9) },
		BOARD("gpiochip4", 9), 2 },
};

START_TEST(a_chip_is_known_by_what_does_not_change)
{
	const struct identity *gone[4] = { NULL };
	size_t n = 0;

	for (; n < 3 && cases[_i].gone[n].label; n++)
		gone[n] = &cases[_i].gone[n];
	/* The last is there. */
	ck_assert_int_eq(identity_pick(n + 1, gone, &cases[_i].found), cases[_i].picked);
}
END_TEST

START_TEST(a_device_that_is_not_there_has_no_place)
{
	ck_assert_uint_eq(identity_place(0, 0), 0);
}
END_TEST

/* The null device is among the virtual ones, as is the full one. */
START_TEST(devices_of_one_parent_have_one_place)
{
	ck_assert_uint_eq(identity_place(1, 3), identity_place(1, 7));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("identity");
	TCase *tcase = tcase_create("identity");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, a_chip_is_known_by_what_does_not_change, 0, COUNT(cases));
	tcase_add_test(tcase, a_device_that_is_not_there_has_no_place);
	tcase_add_test(tcase, devices_of_one_parent_have_one_place);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
