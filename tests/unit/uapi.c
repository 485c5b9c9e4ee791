/* SPDX-License-Identifier: MIT */

/* The kernel's form of settings. What the kernel does with it is in the contract of backend.c. */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "uapi.h"

#define INPUT  GPIO_V2_LINE_FLAG_INPUT
#define OUTPUT GPIO_V2_LINE_FLAG_OUTPUT

START_TEST(one_line_is_flags_and_a_value)
{
	const struct line_settings settings = { .direction = DIRECTION_OUTPUT,
		.active_low = true,
		.drive = DRIVE_OPEN_DRAIN,
		.bias = BIAS_PULL_UP };
	struct gpio_v2_line_config config;

	ck_assert_int_eq(uapi_line_config(1, &settings, 1, &config), 0);
	ck_assert_uint_eq(config.flags, OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW |
						GPIO_V2_LINE_FLAG_OPEN_DRAIN |
						GPIO_V2_LINE_FLAG_BIAS_PULL_UP);
	ck_assert_uint_eq(config.num_attrs, 1);
	ck_assert_uint_eq(config.attrs[0].attr.id, GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES);
	ck_assert_uint_eq(config.attrs[0].attr.values, 1);
	ck_assert_uint_eq(config.attrs[0].mask, 1);
}
END_TEST

START_TEST(lines_of_the_same_settings_share_an_attribute)
{
	const struct line_settings settings[] = {
		{ .direction = DIRECTION_INPUT },
		{ .direction = DIRECTION_INPUT, .edges = EDGES_BOTH, .debounce_ns = 1 },
		{ .direction = DIRECTION_OUTPUT },
		{ .direction = DIRECTION_INPUT, .edges = EDGES_BOTH, .debounce_ns = 1000 },
		{ .direction = DIRECTION_OUTPUT },
	};
	struct gpio_v2_line_config config;

	ck_assert_int_eq(uapi_line_config(5, settings, 0x10, &config), 0);
	ck_assert_uint_eq(config.flags, INPUT);
	ck_assert_uint_eq(config.num_attrs, 4);
	ck_assert_uint_eq(config.attrs[0].attr.flags,
		INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING);
	ck_assert_uint_eq(config.attrs[0].mask, 0x0a);
	ck_assert_uint_eq(config.attrs[1].attr.debounce_period_us, 1);
	ck_assert_uint_eq(config.attrs[1].mask, 0x0a);
	ck_assert_uint_eq(config.attrs[2].attr.flags, OUTPUT);
	ck_assert_uint_eq(config.attrs[2].mask, 0x14);
	ck_assert_uint_eq(config.attrs[3].attr.values, 0x10);
	ck_assert_uint_eq(config.attrs[3].mask, 0x14);
}
END_TEST

START_TEST(ten_attributes_fit_and_eleven_are_too_many)
{
	struct line_settings settings[11];
	struct gpio_v2_line_config config;

	for (unsigned i = 0; i < 11; i++)
		settings[i] = (struct line_settings){ .debounce_ns = 1000 * (i + 1) };
	ck_assert_int_eq(uapi_line_config(10, settings, 0, &config), 0);
	ck_assert_uint_eq(config.num_attrs, 10);
	ck_assert_int_eq(uapi_line_config(11, settings, 0, &config), -E2BIG);
}
END_TEST

START_TEST(each_line_needs_a_direction)
{
	const struct line_settings settings[] = { { .direction = DIRECTION_INPUT },
		{ .direction = DIRECTION_ANY } };
	struct gpio_v2_line_config config;

	ck_assert_int_eq(uapi_line_config(1, settings, 0, &config), 0);
	ck_assert_int_eq(uapi_line_config(2, settings, 0, &config), -EINVAL);
	ck_assert_int_eq(uapi_line_config(0, settings, 0, &config), -EINVAL);
}
END_TEST

START_TEST(the_debounce_is_rounded_up_to_microseconds)
{
	ck_assert_uint_eq(uapi_debounce_us(&(struct line_settings){ .debounce_ns = 0 }), 0);
	ck_assert_uint_eq(uapi_debounce_us(&(struct line_settings){ .debounce_ns = 1 }), 1);
	ck_assert_uint_eq(uapi_debounce_us(&(struct line_settings){ .debounce_ns = 1000 }), 1);
	ck_assert_uint_eq(uapi_debounce_us(&(struct line_settings){ .debounce_ns = 1001 }), 2);
	ck_assert_uint_eq(
		uapi_debounce_us(&(struct line_settings){ .debounce_ns = UINT64_C(4294967295000) }),
		UINT32_MAX);
}
END_TEST

START_TEST(the_longest_debounce_is_32_bits_of_microseconds)
{
	struct line_settings settings = { .debounce_ns = UINT64_C(4294967295000) };

	ck_assert_int_eq(uapi_check(&settings), 0);
	settings.debounce_ns++;
	ck_assert_int_eq(uapi_check(&settings), -EINVAL);
}
END_TEST

START_TEST(errors_are_negative_errno)
{
	uint64_t bits;
	int fds[2];

	ck_assert_int_eq(uapi_error(524), -EOPNOTSUPP);
	ck_assert_int_eq(uapi_error(EBUSY), -EBUSY);
	ck_assert_int_eq(uapi_get(-1, 1, &bits), -EBADF);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(uapi_set(fds[0], 1, 1), -ENOTTY);
	ck_assert_int_eq(uapi_reconfigure(fds[0], 1, &(struct line_settings){ 0 }, 0), -ENOTTY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uapi");
	TCase *tcase = tcase_create("line_config");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, one_line_is_flags_and_a_value);
	tcase_add_test(tcase, lines_of_the_same_settings_share_an_attribute);
	tcase_add_test(tcase, ten_attributes_fit_and_eleven_are_too_many);
	tcase_add_test(tcase, each_line_needs_a_direction);
	tcase_add_test(tcase, the_debounce_is_rounded_up_to_microseconds);
	tcase_add_test(tcase, the_longest_debounce_is_32_bits_of_microseconds);
	tcase_add_test(tcase, errors_are_negative_errno);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
