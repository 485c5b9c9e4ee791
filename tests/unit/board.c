/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"

static const char *const sim[] = { "gpioeventd-sim" };
static char message[1024];

static void keep(const char *text, void *data)
{
	(void)data;
	(void)strncat(message, text, sizeof(message) - strlen(message) - 1);
}

static struct board *load_or_fail(const char *name)
{
	struct board *board = NULL;

	ck_assert_int_eq(board_load(name, sim, 1, keep, NULL, &board), 0);
	ck_assert_str_eq(message, "");
	return board;
}

START_TEST(the_simulated_chip_gets_the_raspberry_pi_header)
{
	struct board *board = load_or_fail("");

	ck_assert_str_eq(board->name, "raspberry-pi-40");
	ck_assert_str_eq(board->header, "J8");
	ck_assert_ptr_null(board_free(board));
}
END_TEST

START_TEST(the_header_has_28_pins_and_each_is_another_gpio)
{
	struct board *board = load_or_fail("raspberry-pi-40");
	unsigned seen = 0, n_pins = 0, n_wpi = 0;

	for (int i = 0; i < BOARD_PINS_MAX; i++) {
		if (board->pins[i] >= 0)
			seen |= 1u << board->pins[i];
		n_pins += board->pins[i] >= 0;
		n_wpi += board->wpi[i] >= 0;
	}
	ck_assert_uint_eq(seen, (1u << 28) - 1);
	ck_assert_uint_eq(n_pins, 28);
	ck_assert_uint_eq(n_wpi, 28);
	ck_assert_int_eq(board->pins[16], 23);
	ck_assert_int_eq(board->pins[12], 18);
	ck_assert_int_eq(board->pins[6], -1);
	ck_assert_int_eq(board->wpi[4], 23);
	ck_assert_int_eq(board->wpi[1], 18);
	(void)board_free(board);
}
END_TEST

START_TEST(wiringpi_and_header_agree_with_the_published_tables)
{
	/* WiringPi's number and the pin that it stands beside in its own table. */
	static const int pairs[][2] = { { 0, 11 }, { 1, 12 }, { 2, 13 }, { 3, 15 }, { 4, 16 },
		{ 5, 18 }, { 6, 22 }, { 7, 7 }, { 8, 3 }, { 9, 5 }, { 10, 24 }, { 11, 26 },
		{ 12, 19 }, { 13, 21 }, { 14, 23 }, { 15, 8 }, { 16, 10 }, { 21, 29 }, { 22, 31 },
		{ 23, 33 }, { 24, 35 }, { 25, 37 }, { 26, 32 }, { 27, 36 }, { 28, 38 }, { 29, 40 },
		{ 30, 27 }, { 31, 28 } };
	struct board *board = load_or_fail("raspberry-pi-40");

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		ck_assert_int_eq(board->wpi[pairs[i][0]], board->pins[pairs[i][1]]);
	(void)board_free(board);
}
END_TEST

START_TEST(none_and_paths_are_no_board)
{
	struct board *board = NULL;

	ck_assert_int_eq(board_load("none", sim, 1, keep, NULL, &board), -ENOENT);
	ck_assert_int_eq(
		board_load("../boards/raspberry-pi-40", sim, 1, keep, NULL, &board), -ENOENT);
	ck_assert_int_eq(board_load("no-such-board", sim, 1, keep, NULL, &board), -ENOENT);
	ck_assert_ptr_null(board);
}
END_TEST

START_TEST(models_with_the_header_fit_and_the_first_ones_do_not)
{
	struct board *board = load_or_fail("raspberry-pi-40");

	ck_assert(board_fits_model(board, "Raspberry Pi 4 Model B Rev 1.4"));
	ck_assert(board_fits_model(board, "Raspberry Pi 400 Rev 1.0"));
	ck_assert(board_fits_model(board, "Raspberry Pi 5 Model B Rev 1.0"));
	ck_assert(board_fits_model(board, "Raspberry Pi Zero 2 W Rev 1.0"));
	ck_assert(board_fits_model(board, "Raspberry Pi Model B Plus Rev 1.2"));
	ck_assert(!board_fits_model(board, "Raspberry Pi Model B Rev 1"));
	ck_assert(!board_fits_model(board, "Orange Pi Zero"));
	(void)board_free(board);
}
END_TEST

START_TEST(a_label_alone_does_not_decide_against_the_model)
{
	static const char *const real[] = { "pinctrl-bcm2835" };
	struct board *board = load_or_fail("raspberry-pi-40");

	ck_assert_uint_eq(board_rank(board, "Raspberry Pi 3 Model B Rev 1.2", real, 1), 3);
	ck_assert_uint_eq(board_rank(board, "Raspberry Pi 3 Model B Rev 1.2", NULL, 0), 1);
	ck_assert_uint_eq(board_rank(board, "", real, 1), 2);
	ck_assert_uint_eq(board_rank(board, "Raspberry Pi Model B Rev 1", real, 1), 0);
	ck_assert_uint_eq(board_rank(board, "linux,dummy-virt", sim, 1), 2);
	(void)board_free(board);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("board");
	TCase *tcase = tcase_create("board");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, the_simulated_chip_gets_the_raspberry_pi_header);
	tcase_add_test(tcase, the_header_has_28_pins_and_each_is_another_gpio);
	tcase_add_test(tcase, wiringpi_and_header_agree_with_the_published_tables);
	tcase_add_test(tcase, none_and_paths_are_no_board);
	tcase_add_test(tcase, models_with_the_header_fit_and_the_first_ones_do_not);
	tcase_add_test(tcase, a_label_alone_does_not_decide_against_the_model);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
