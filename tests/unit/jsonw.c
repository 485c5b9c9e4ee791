/* SPDX-License-Identifier: MIT */
/* client/lib/jsonw.c */

#include "jsonw.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static char buffer[1024];

static struct jsonw writer(size_t size)
{
	struct jsonw w;

	memset(buffer, '#', sizeof(buffer));
	jsonw_init(&w, buffer, size);
	return w;
}

static void assert_written(const struct jsonw *w, const char *expected)
{
	ck_assert(!w->overflow);
	ck_assert_uint_eq(w->n, strlen(expected));
	ck_assert_mem_eq(buffer, expected, w->n);
	ck_assert_int_eq(buffer[w->n], '#');
}

START_TEST(commas_and_colons_are_put_by_the_writer)
{
	struct jsonw w = writer(sizeof(buffer));

	jsonw_begin_object(&w);
	jsonw_member_bool(&w, "ok", true);
	jsonw_member_u64(&w, "seq", 8122);
	jsonw_key(&w, "values");
	jsonw_begin_object(&w);
	jsonw_end_object(&w);
	jsonw_key(&w, "list");
	jsonw_begin_array(&w);
	jsonw_i64(&w, -1);
	jsonw_null(&w);
	jsonw_begin_array(&w);
	jsonw_end_array(&w);
	jsonw_raw(&w, "{\"a\":1}", 7);
	jsonw_string(&w, "x");
	jsonw_end_array(&w);
	jsonw_member_string(&w, "name", NULL);
	jsonw_end_object(&w);
	assert_written(&w,
		"{\"ok\":true,\"seq\":8122,\"values\":{},\"list\":[-1,null,[],{\"a\":1},\"x\"],"
		"\"name\":null}");
}
END_TEST

static const uint64_t numbers[] = { 0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 65535, 4294967295u,
	4294967296u, UINT64_C(1766231415123456789), UINT64_C(9007199254740993), UINT64_MAX };

START_TEST(unsigned_integers_are_exact)
{
	char expected[32];
	struct jsonw w = writer(sizeof(buffer));

	(void)snprintf(expected, sizeof(expected), "%" PRIu64, numbers[_i]);
	jsonw_u64(&w, numbers[_i]);
	assert_written(&w, expected);
}
END_TEST

START_TEST(numbers_on_either_side_of_each_power_of_ten_are_exact)
{
	uint64_t power = 1;

	for (int digits = 1; digits <= 20; digits++, power *= 10) {
		for (uint64_t number = power - 1; number != power + 2; number++) {
			char expected[32];
			struct jsonw w = writer(sizeof(buffer));

			(void)snprintf(expected, sizeof(expected), "%" PRIu64, number);
			jsonw_u64(&w, number);
			assert_written(&w, expected);
		}
	}
}
END_TEST

START_TEST(signed_integers_are_exact)
{
	struct jsonw w = writer(sizeof(buffer));

	jsonw_begin_array(&w);
	jsonw_i64(&w, INT64_MIN);
	jsonw_i64(&w, INT64_MAX);
	jsonw_i64(&w, 0);
	jsonw_end_array(&w);
	assert_written(&w, "[-9223372036854775808,9223372036854775807,0]");
}
END_TEST

static const struct {
	const char *string, *json;
} strings[] = {
	{ "", "\"\"" },
	{ "button", "\"button\"" },
	{ "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
	{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
	{ "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
	{ "t\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80",
		"\"t\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80\"" },
	{ "a\xff"
	  "b",
		"\"a\xef\xbf\xbd"
		"b\"" },
	{ "cut \xe2\x82", "\"cut \xef\xbf\xbd\xef\xbf\xbd\"" },
};

START_TEST(strings_are_escaped)
{
	struct jsonw w = writer(sizeof(buffer));

	jsonw_string(&w, strings[_i].string);
	assert_written(&w, strings[_i].json);
}
END_TEST

START_TEST(every_byte_reads_back_the_same)
{
	char string[128];
	struct json_fault fault;
	struct jsonw w = writer(sizeof(buffer));
	cJSON *tree;

	for (int i = 0; i < 127; i++)
		string[i] = (char)(i + 1);
	string[127] = '\0';
	jsonw_begin_object(&w);
	jsonw_member_string(&w, string, string);
	jsonw_end_object(&w);
	ck_assert_int_eq(json_parse(buffer, w.n, &json_request_limits, &tree, &fault), 0);
	ck_assert_str_eq(tree->child->string, string);
	ck_assert_str_eq(tree->child->valuestring, string);
	cJSON_Delete(tree);
}
END_TEST

/* {"a":"b"} has 9 bytes */
START_TEST(what_fits_exactly_is_written_one_byte_less_overflows)
{
	for (size_t size = 0; size <= 9; size++) {
		struct jsonw w = writer(size);

		jsonw_begin_object(&w);
		jsonw_member_string(&w, "a", "b");
		jsonw_end_object(&w);
		ck_assert_int_eq(w.overflow, size < 9);
		ck_assert_uint_le(w.n, size);
		ck_assert_int_eq(buffer[size], '#');
	}
}
END_TEST

START_TEST(nothing_is_written_after_an_overflow)
{
	struct jsonw w = writer(4);

	jsonw_begin_array(&w);
	jsonw_string(&w, "long");
	ck_assert(w.overflow);
	ck_assert_uint_eq(w.n, 2);
	jsonw_u64(&w, 1);
	ck_assert_uint_eq(w.n, 2);
}
END_TEST

START_TEST(rewind_takes_a_part_back)
{
	struct jsonw w = writer(12), mark;

	jsonw_begin_array(&w);
	jsonw_u64(&w, 1);
	mark = jsonw_mark(&w);
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "too", "long");
	ck_assert(w.overflow);
	jsonw_rewind(&w, mark);
	jsonw_u64(&w, 2);
	jsonw_end_array(&w);
	ck_assert(!w.overflow);
	ck_assert_uint_eq(w.n, 5);
	ck_assert_mem_eq(buffer, "[1,2]", 5);
}
END_TEST

START_TEST(eight_levels_can_be_open)
{
	struct jsonw w = writer(sizeof(buffer));

	for (int i = 0; i < JSONW_DEPTH; i++)
		jsonw_begin_array(&w);
	for (int i = 0; i < JSONW_DEPTH; i++)
		jsonw_end_array(&w);
	assert_written(&w, "[[[[[[[[]]]]]]]]");
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("jsonw");
	TCase *tcase = tcase_create("jsonw");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, commas_and_colons_are_put_by_the_writer);
	tcase_add_loop_test(tcase, unsigned_integers_are_exact, 0, N(numbers));
	tcase_add_test(tcase, numbers_on_either_side_of_each_power_of_ten_are_exact);
	tcase_add_test(tcase, signed_integers_are_exact);
	tcase_add_loop_test(tcase, strings_are_escaped, 0, N(strings));
	tcase_add_test(tcase, every_byte_reads_back_the_same);
	tcase_add_test(tcase, what_fits_exactly_is_written_one_byte_less_overflows);
	tcase_add_test(tcase, nothing_is_written_after_an_overflow);
	tcase_add_test(tcase, rewind_takes_a_part_back);
	tcase_add_test(tcase, eight_levels_can_be_open);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
