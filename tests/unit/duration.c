/* SPDX-License-Identifier: MIT */
/* client/lib/duration.c */

#include "duration.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	uint64_t ns;
} good[] = {
	{ "0s", 0 },
	{ "1ns", 1 },
	{ "250us", 250000 },
	{ "1.5ms", 1500000 },
	{ "0.1us", 100 },
	{ "2s", UINT64_C(2000000000) },
	{ "2.000000000s", UINT64_C(2000000000) },
	{ "1.000000001s", UINT64_C(1000000001) },
	{ "1.5min", UINT64_C(90000000000) },
	{ "0.5h", UINT64_C(1800000000000) },
	{ "1d", UINT64_C(86400000000000) },
	{ "007s", UINT64_C(7000000000) },
	{ "18446744073709551615ns", UINT64_MAX },
	{ "18446744073.709551615s", UINT64_MAX },
};

START_TEST(text_with_a_unit_is_read)
{
	uint64_t ns = 1;

	ck_assert_int_eq(duration_parse(good[_i].text, &ns), 0);
	ck_assert_uint_eq(ns, good[_i].ns);
}
END_TEST

static const char *const malformed[] = { "", "2", "s", "2 s", " 2s", "2s ", "-2s", "+2s", "2S",
	"2sec", "1e3s", "1.s", ".5s", "1..5s", "1,5s", "0x2s", "1min30s", "0.5ns", "0.0000000001s",
	"1.0000000000000001d", "99999999999999999999" };

START_TEST(anything_else_is_refused)
{
	uint64_t ns = 42;

	ck_assert_int_eq(duration_parse(malformed[_i], &ns), -EINVAL);
	ck_assert_uint_eq(ns, 42);
}
END_TEST

static const char *const too_large[] = { "18446744073709551616ns", "18446744073.709551616s",
	"213504d", "99999999999999999999s", "184467440737095516160000000000000000ms" };

START_TEST(what_passes_64_bits_is_out_of_range)
{
	uint64_t ns = 42;

	ck_assert_int_eq(duration_parse(too_large[_i], &ns), -ERANGE);
	ck_assert_uint_eq(ns, 42);
}
END_TEST

static const struct {
	uint64_t ns;
	const char *text;
} shortest[] = {
	{ 0, "0s" },
	{ 1, "1ns" },
	{ 999, "999ns" },
	{ 128000, "128us" },
	{ UINT64_C(500000000), "500ms" },
	{ UINT64_C(1500000000), "1.5s" },
	{ UINT64_C(12000000000), "12s" },
	{ UINT64_C(100000000000), "100s" },
	{ UINT64_C(3600000000000), "1h" },
	{ UINT64_C(604800000000000), "7d" },
	{ UINT64_C(1000000001), "1.000000001s" },
	{ UINT64_MAX, "18446744073.709551615s" },
};

START_TEST(the_shortest_exact_form_is_written)
{
	char buffer[DURATION_MAX];

	ck_assert_str_eq(
		duration_format(shortest[_i].ns, buffer, sizeof(buffer)), shortest[_i].text);
}
END_TEST

/* Numbers of every size, from a fixed seed. */
START_TEST(what_is_written_reads_back_the_same)
{
	char buffer[DURATION_MAX];
	uint64_t random = 88172645463325252u;

	for (int i = 0; i < 20000; i++) {
		uint64_t ns, back = 0;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		ns = (random >> (i % 64)) / (i % 3 ? 1 : 1000) * (i % 3 ? 1 : 1000);
		duration_format(ns, buffer, sizeof(buffer));
		ck_assert_int_eq(duration_parse(buffer, &back), 0);
		ck_assert_uint_eq(back, ns);
	}
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("duration");
	TCase *tcase = tcase_create("duration");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, text_with_a_unit_is_read, 0, N(good));
	tcase_add_loop_test(tcase, anything_else_is_refused, 0, N(malformed));
	tcase_add_loop_test(tcase, what_passes_64_bits_is_out_of_range, 0, N(too_large));
	tcase_add_loop_test(tcase, the_shortest_exact_form_is_written, 0, N(shortest));
	tcase_add_test(tcase, what_is_written_reads_back_the_same);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
