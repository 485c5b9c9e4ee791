/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void read_text(const char *text, int expected, const char *part)
{
	char path[] = "/tmp/board-test-XXXXXX.ini";
	int fd = mkstemps(path, 4);
	struct board *board = NULL;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(close(fd), 0);
	*message = '\0';
	ck_assert_int_eq(board_read(path, keep, NULL, &board), expected);
	ck_assert_msg(strstr(message, part), "%s", message);
	ck_assert_int_eq(unlink(path), 0);
	(void)board_free(board);
}

#define BOARD "[board]\nchips = a\nheader = J1\n"

START_TEST(a_wrong_map_is_refused_with_its_line)
{
	read_text(BOARD, 0, "");
	read_text("[board]\nchips = a\n", -EINVAL, ": [board] header: the key is missing");
	read_text("", -EINVAL, ": [board] chips: the key is missing");
	read_text(BOARD "modle = x\n", -EINVAL, ":4: [board] modle: there is no such key");
	read_text(BOARD "[pin]\n", -EINVAL, ":4: [pin]: there is no such section");
	read_text("chips = a\n" BOARD, -EINVAL, ":1: chips: ");
	read_text(BOARD "[pins]\n127 = 1023\n", 0, "");
	read_text(BOARD "[pins]\n128 = 1\n", -EINVAL, ":5: [pins] 128: ");
	read_text(BOARD "[pins]\n1 = 1024\n", -EINVAL, ":5: [pins] 1: \"1024\" is not an offset");
	read_text(BOARD "[wpi]\n1 = -1\n", -EINVAL, ":5: [wpi] 1: ");
	read_text(BOARD "[wpi]\n1 = 4294967297\n", -EINVAL, ":5: [wpi] 1: ");
	read_text(BOARD "[pins]\n1 = 1\n1 = 2\n", -EINVAL, ":6: [pins] 1: the number is there");
	read_text("[board]\nheader = J1\nchips = a b c d e f g h\n", 0, "");
	read_text("[board]\nheader = J1\nchips = a b c d e f g h i\n", -EINVAL,
		":3: [board] chips: ");
	read_text(
		"[board]\nheader = 0123456789abcdef\nchips = a\n", -EINVAL, ":2: [board] header: ");
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
	tcase_add_test(tcase, a_wrong_map_is_refused_with_its_line);
	tcase_add_test(tcase, models_with_the_header_fit_and_the_first_ones_do_not);
	tcase_add_test(tcase, a_label_alone_does_not_decide_against_the_model);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
