/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "names.h"

#define HEADER_LINES 28

/* A header chip of 28 lines, and two small chips with the same label and some names in common. */
static struct name_entry entries[HEADER_LINES + 8];
static char header_names[HEADER_LINES][16];
static struct board *board;
static struct name_space space;
static struct wire_problem problem;

static void put_entry(const char *chip, const char *label, unsigned offset, const char *name)
{
	entries[space.n++] = (struct name_entry){
		.name = name,
		.chip_name = chip,
		.chip_label = label,
		.offset = offset,
	};
}

static void setup(void)
{
	static const char *const labels[] = { "pinctrl-bcm2711" };
	static const char *const twins[] = { "", "A", "B", "door" };

	space.n = 0;
	for (unsigned i = 0; i < HEADER_LINES; i++) {
		(void)snprintf(header_names[i], sizeof(header_names[i]), "GPIO%u", i);
		put_entry("gpiochip0", "pinctrl-bcm2711", i, header_names[i]);
	}
	for (unsigned i = 0; i < 4; i++)
		put_entry("gpiochip1", "expander", i, twins[i]);
	for (unsigned i = 0; i < 4; i++)
		put_entry("gpiochip2", "expander", i, i == 3 ? "" : twins[i]);
	entries[23].alias = "button";
	entries[18].alias = "led";
	space.entries = entries;
	ck_assert_int_eq(board_load("raspberry-pi-40", labels, 1, NULL, NULL, &board), 0);
	space.board = board;
}

static void teardown(void)
{
	board = board_free(board);
}

static void expect(const char *written, size_t index)
{
	size_t found = SIZE_MAX;

	ck_assert_msg(name_resolve(&space, written, &found, &problem) == WIRE_OK, "%s: %s", written,
		problem.message);
	ck_assert_msg(found == index, "%s is %zu, not %zu", written, found, index);
}

/* The name is refused with a message that has `part` in it. */
static void refuse(const char *written, enum wire_error code, const char *part)
{
	size_t found = SIZE_MAX;

	ck_assert_msg(name_resolve(&space, written, &found, &problem) == code, "%s is %zu", written,
		found);
	ck_assert_int_eq(problem.code, code);
	ck_assert_str_eq(problem.field, "line");
	ck_assert_uint_eq(found, SIZE_MAX);
	ck_assert_msg(strstr(problem.message, part), "%s: %s", written, problem.message);
}

static void refuse_unknown(const char *written, const char *part)
{
	refuse(written, WIRE_E_UNKNOWN_LINE, part);
	ck_assert_uint_eq(problem.n_candidates, 0);
}

START_TEST(every_spelling_of_a_line_finds_it)
{
	static const char *const spellings[] = { "button", "GPIO23", "gpiochip0:23",
		"pinctrl-bcm2711:23", "BCM23", "bcm23", "BOARD16", "Board16", "J8:16", "j8:16",
		"WPI4", "wpi4" };

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		expect(spellings[i], 23);
	expect("gpiochip0:0", 0);
	expect("gpiochip0:27", 27);
	expect("door", HEADER_LINES + 3);
	expect("gpiochip2:3", HEADER_LINES + 7);
}
END_TEST

START_TEST(an_alias_goes_before_the_kernels_name)
{
	entries[5].alias = "GPIO6";
	expect("GPIO6", 5);
	expect("gpiochip0:6", 6);
}
END_TEST

START_TEST(a_kernel_name_goes_before_chip_and_header)
{
	entries[1].name = "gpiochip0:7";
	entries[2].name = "BCM9";
	expect("gpiochip0:7", 1);
	expect("BCM9", 2);
}
END_TEST

START_TEST(a_name_of_two_lines_is_ambiguous_and_lists_them)
{
	refuse("A", WIRE_E_AMBIGUOUS_LINE, "gpiochip1:1");
	ck_assert_str_eq(problem.line, "A");
	ck_assert_uint_eq(problem.n_candidates, 2);
	ck_assert_str_eq(problem.candidates[0], "gpiochip1:1");
	ck_assert_str_eq(problem.candidates[1], "gpiochip2:1");
}
END_TEST

START_TEST(a_label_of_two_chips_is_ambiguous)
{
	refuse("expander:2", WIRE_E_AMBIGUOUS_LINE, "2 lines");
	ck_assert_str_eq(problem.candidates[1], "gpiochip2:2");
}
END_TEST

START_TEST(no_more_than_eight_candidates_are_listed)
{
	for (size_t i = 0; i < 9; i++)
		entries[i].name = "many";
	refuse("many", WIRE_E_AMBIGUOUS_LINE, "9 lines");
	ck_assert_uint_eq(problem.n_candidates, 8);
	ck_assert_str_eq(problem.candidates[7], "gpiochip0:7");
}
END_TEST

START_TEST(an_unknown_name_suggests_the_nearest)
{
	refuse_unknown("buton", "did you mean \"button\"?");
	ck_assert_str_eq(problem.line, "buton");
	refuse_unknown("gpio23", "did you mean \"GPIO23\"?");
	refuse_unknown("dor", "did you mean \"door\"?");
	refuse_unknown("gpiochp0:3", "did you mean \"gpiochip0:3\"?");
	refuse_unknown("completely-else", "no line");
}
END_TEST

START_TEST(the_nearest_is_found_behind_many_names)
{
	static struct name_entry many[1000];
	static char names[1000][16];
	struct name_space wide = { .n = 1000, .entries = many };
	size_t found;

	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "line-%03u", i);
		many[i] = (struct name_entry){
			.name = names[i], .chip_name = "c", .chip_label = "l", .offset = i
		};
	}
	many[999].name = "fire-alarm";
	ck_assert_int_eq(name_resolve(&wide, "fire-alrm", &found, &problem), WIRE_E_UNKNOWN_LINE);
	ck_assert_ptr_nonnull(strstr(problem.message, "\"fire-alarm\""));
}
END_TEST

START_TEST(all_lines_are_not_a_line)
{
	refuse_unknown("*", "all lines");
	entries[4].name = "*";
	refuse_unknown("*", "all lines");
}
END_TEST

START_TEST(an_empty_name_finds_no_unnamed_line)
{
	refuse_unknown("", "empty");
}
END_TEST

START_TEST(a_name_of_64_bytes_is_looked_for_and_one_of_65_is_not)
{
	char name[66];

	memset(name, 'x', 65);
	name[65] = '\0';
	refuse_unknown(name, "too long");
	ck_assert_uint_eq(strlen(problem.line), 64);
	name[64] = '\0';
	entries[3].alias = name;
	expect(name, 3);
}
END_TEST

START_TEST(an_offset_beyond_the_chip_says_how_many_lines_it_has)
{
	refuse_unknown("gpiochip0:28", "28 lines, offsets 0 to 27");
	refuse_unknown("expander:4", "4 lines");
}
END_TEST

START_TEST(an_offset_that_is_no_plain_number_is_refused)
{
	refuse_unknown("gpiochip0:", "is missing");
	refuse_unknown("gpiochip0:07", "leading zeros");
	refuse_unknown("gpiochip0:00", "leading zeros");
	refuse_unknown("gpiochip0:7x", "not a number");
	refuse_unknown("gpiochip0:-1", "not a number");
	refuse_unknown("gpiochip0: 7", "not a number");
	refuse_unknown("gpiochip0:4294967319", "too large"); /* 2^32 + 23 */
	refuse_unknown("gpiochip0:4294967295", "too large");
	refuse_unknown(":7", "no line");
}
END_TEST

START_TEST(header_pins_without_a_gpio_say_so)
{
	refuse_unknown("BOARD6", "pin 6 is not a GPIO");
	refuse_unknown("J8:1", "pin 1 is not a GPIO");
	refuse_unknown("BOARD41", "pins 1 to 40");
	refuse_unknown("BOARD0", "pins 1 to 40");
	refuse_unknown("BOARD4294967312", "not a number");
	refuse_unknown("BOARD128", "pins 1 to 40");
	refuse_unknown("WPI17", "WiringPi has no number 17");
	refuse_unknown("BCM28", "28 lines");
	refuse_unknown("BCM07", "leading zeros");
}
END_TEST

START_TEST(without_a_board_map_the_message_says_how_to_set_one)
{
	space.board = NULL;
	refuse_unknown("BCM23", "set board in [daemon]");
	refuse_unknown("J8:16", "set board in [daemon]");
	expect("GPIO23", 23);
}
END_TEST

START_TEST(a_header_chip_that_is_not_there_is_named)
{
	for (size_t i = 0; i < HEADER_LINES; i++)
		entries[i].chip_label = "another";
	refuse_unknown("BCM23", "pinctrl-bcm2835");
}
END_TEST

START_TEST(two_header_chips_are_ambiguous)
{
	for (size_t i = 0; i < 4; i++)
		entries[HEADER_LINES + i].chip_label = "pinctrl-rp1";
	refuse("BCM3", WIRE_E_AMBIGUOUS_LINE, "2 lines");
	expect("BCM23", 23);
}
END_TEST

START_TEST(the_canonical_name_is_alias_then_name_then_offset)
{
	char buffer[WIRE_MAX_NAME_BYTES + 1];

	ck_assert_str_eq(name_canonical(&space, 23, buffer), "button");
	ck_assert_str_eq(name_canonical(&space, 22, buffer), "GPIO22");
	ck_assert_str_eq(name_canonical(&space, HEADER_LINES + 1, buffer), "gpiochip1:1");
	ck_assert_str_eq(name_canonical(&space, HEADER_LINES, buffer), "gpiochip1:0");
	ck_assert_str_eq(name_canonical(&space, HEADER_LINES + 3, buffer), "door");
}
END_TEST

START_TEST(every_canonical_name_finds_its_own_line)
{
	char buffer[WIRE_MAX_NAME_BYTES + 1];

	entries[5].alias = "GPIO6"; /* in the way of line 6's own name */
	entries[7].name = "*";
	for (size_t i = 0; i < space.n; i++)
		expect(name_canonical(&space, i, buffer), i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("names");
	TCase *tcase = tcase_create("names");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, every_spelling_of_a_line_finds_it);
	tcase_add_test(tcase, an_alias_goes_before_the_kernels_name);
	tcase_add_test(tcase, a_kernel_name_goes_before_chip_and_header);
	tcase_add_test(tcase, a_name_of_two_lines_is_ambiguous_and_lists_them);
	tcase_add_test(tcase, a_label_of_two_chips_is_ambiguous);
	tcase_add_test(tcase, no_more_than_eight_candidates_are_listed);
	tcase_add_test(tcase, an_unknown_name_suggests_the_nearest);
	tcase_add_test(tcase, the_nearest_is_found_behind_many_names);
	tcase_add_test(tcase, all_lines_are_not_a_line);
	tcase_add_test(tcase, an_empty_name_finds_no_unnamed_line);
	tcase_add_test(tcase, a_name_of_64_bytes_is_looked_for_and_one_of_65_is_not);
	tcase_add_test(tcase, an_offset_beyond_the_chip_says_how_many_lines_it_has);
	tcase_add_test(tcase, an_offset_that_is_no_plain_number_is_refused);
	tcase_add_test(tcase, header_pins_without_a_gpio_say_so);
	tcase_add_test(tcase, without_a_board_map_the_message_says_how_to_set_one);
	tcase_add_test(tcase, a_header_chip_that_is_not_there_is_named);
	tcase_add_test(tcase, two_header_chips_are_ambiguous);
	tcase_add_test(tcase, the_canonical_name_is_alias_then_name_then_offset);
	tcase_add_test(tcase, every_canonical_name_finds_its_own_line);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
