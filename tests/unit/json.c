/* SPDX-License-Identifier: MIT */
/* client/lib/json.c: each thing that cJSON lets through, or that others might read differently. */

#include "json.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_fault fault;

static int parse_n(const char *text, size_t n, cJSON **ret)
{
	/* a copy of the exact size, so that reading past it is seen */
	char *copy = malloc(n ? n : 1);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, n);
	memset(&fault, 0, sizeof(fault));
	r = json_parse(copy, n, &json_request_limits, ret, &fault);
	free(copy);
	return r;
}

static void assert_accepted(const char *text)
{
	cJSON *tree = NULL;

	ck_assert_msg(parse_n(text, strlen(text), &tree) == 0, "%s: %s", text, fault.message);
	ck_assert(cJSON_IsObject(tree));
	cJSON_Delete(tree);
}

static void assert_fault(const char *text, enum json_fault_kind kind)
{
	cJSON *tree = NULL;

	ck_assert_msg(parse_n(text, strlen(text), &tree) == -EBADMSG, "%s", text);
	ck_assert_int_eq(fault.kind, kind);
	ck_assert_str_ne(fault.message, "");
	ck_assert_ptr_null(tree);
}

static const char *const accepted[] = { "{}", " { } ", "{\"a\":1}",
	"{ \"a\" : [ 1 , -2.5e+3 ] , \"b\" : null }", "{\"\":\"\"}",
	"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\"}", "{\"a\":[true,false,null]}",
	"{\"a\":0,\"b\":-0,\"c\":0.5,\"d\":1E2,\"e\":1e-2}", "{\"A\":1,\"a\":2}" };

START_TEST(json_is_accepted)
{
	assert_accepted(accepted[_i]);
}
END_TEST

static const char *const no_json[] = { "", " ", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
	"{,}", "{\"a\":1 \"b\":2}", "{a:1}", "{'a':1}", "{\"a\":[1,]}", "{\"a\":[1 2]}",
	"{\"a\":[1}", "{\"a\":tru}", "{\"a\":nul", "{\"a\":True}", "{\"a\":\"b}", "{\"a\":\"\\x\"}",
	"{\"a\":\"\\u12g4\"}", "{\"a\":\"\\", "{1:1}", "{\"a\":undefined}", "{\"a\":1}}",
	"{\"a\" 1}" };

START_TEST(what_is_not_json_is_refused)
{
	assert_fault(no_json[_i], JSON_FAULT_SYNTAX);
}
END_TEST

static const char *const trailing[] = { "{} x", "{}{}", "{},", "{} {}" };

START_TEST(only_space_may_follow_the_value)
{
	assert_fault(trailing[_i], JSON_FAULT_SYNTAX);
}
END_TEST

static const char *const not_objects[] = { "[]", "1", "\"op\"", "null", "true", "\xef\xbb\xbf{}" };

START_TEST(the_outermost_value_is_an_object)
{
	assert_fault(not_objects[_i], JSON_FAULT_SYNTAX);
}
END_TEST

static const char *const numbers[] = { "{\"a\":01}", "{\"a\":1.}", "{\"a\":-.5}", "{\"a\":.5}",
	"{\"a\":+1}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":-}", "{\"a\":0x10}", "{\"a\":NaN}",
	"{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":inf}", "{\"a\":1-2}", "{\"a\":1_000}" };

START_TEST(numbers_follow_the_grammar)
{
	assert_fault(numbers[_i], JSON_FAULT_SYNTAX);
}
END_TEST

START_TEST(a_number_has_at_most_63_characters)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "{\"a\":%063d}", 0);
	memset(strchr(text, '0'), '1', 63);
	assert_accepted(text);
	(void)snprintf(text, sizeof(text), "{\"a\":%064d}", 0);
	memset(strchr(text, '0'), '1', 64);
	assert_fault(text, JSON_FAULT_SYNTAX);
}
END_TEST

START_TEST(a_repeated_key_is_refused_and_named)
{
	assert_fault("{\"a\":1,\"b\":2,\"a\":1}", JSON_FAULT_REPEATED);
	ck_assert_str_eq(fault.key, "a");
}
END_TEST

START_TEST(a_key_repeated_by_an_escape_is_refused)
{
	assert_fault("{\"a\":1,\"\\u0061\":2}", JSON_FAULT_REPEATED);
	ck_assert_str_eq(fault.key, "a");
}
END_TEST

START_TEST(a_repeated_key_inside_is_refused)
{
	assert_fault("{\"values\":{\"led\":1,\"x\":0,\"led\":1}}", JSON_FAULT_REPEATED);
	ck_assert_str_eq(fault.key, "led");
	assert_fault("{\"a\":[{\"k\":1,\"k\":1}]}", JSON_FAULT_REPEATED);
}
END_TEST

/* {"k0":1,"k1":1,...} around or as the value of "values" */
static char *members(const char *before, int n, const char *after)
{
	static char text[65536];
	char *p = text + sprintf(text, "%s", before);

	for (int i = 0; i < n; i++)
		p += sprintf(p, "%s\"k%d\":1", i ? "," : "", i);
	(void)sprintf(p, "%s", after);
	return text;
}

START_TEST(thirty_two_members_at_the_top_are_accepted_one_more_refused)
{
	assert_accepted(members("{", 32, "}"));
	assert_fault(members("{", 33, "}"), JSON_FAULT_MEMBERS);
}
END_TEST

START_TEST(a_thousand_and_twenty_four_elements_inside_are_accepted_one_more_refused)
{
	assert_accepted(members("{\"values\":{", 1024, "}}"));
	assert_fault(members("{\"values\":{", 1025, "}}"), JSON_FAULT_ELEMENTS);
	ck_assert_str_eq(fault.key, "values");
}
END_TEST

START_TEST(the_last_of_many_keys_may_not_repeat_the_first)
{
	assert_fault(members("{\"values\":{", 1023, ",\"k0\":1}}"), JSON_FAULT_REPEATED);
	ck_assert_str_eq(fault.key, "k0");
}
END_TEST

START_TEST(four_levels_are_accepted_a_fifth_refused)
{
	assert_accepted("{\"a\":[[[1]]]}");
	assert_fault("{\"a\":[[[[1]]]]}", JSON_FAULT_DEPTH);
	assert_fault("{\"a\":[[[{}]]]}", JSON_FAULT_DEPTH);
}
END_TEST

START_TEST(brackets_in_strings_are_not_levels)
{
	assert_accepted("{\"[[[[[{{{{\":\"[[[[[[\\\"{{{{\"}");
}
END_TEST

/* A hundred thousand brackets must not take a hundred thousand stack frames. */
START_TEST(deep_nesting_is_refused_at_once)
{
	static char text[100000];

	memset(text, '[', sizeof(text) - 1);
	memcpy(text, "{\"a\":", 5);
	assert_fault(text, JSON_FAULT_DEPTH);
}
END_TEST

static const char *const not_utf8[] = { "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}",
	"{\"a\":\"\xc0\xaf\"}", "{\"a\":\"\xe0\x80\x80\"}", "{\"a\":\"\xed\xa0\x80\"}",
	"{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"\x80\"}", "\xe2\x82",
	"{\"a\":\"\xf8\x88\x80\x80\x80\"}" };

START_TEST(invalid_utf8_is_refused)
{
	assert_fault(not_utf8[_i], JSON_FAULT_UTF8);
}
END_TEST

START_TEST(tabs_and_carriage_returns_between_tokens_are_space)
{
	assert_accepted("\t{ \"a\"\t:\r\"x\"\t}\r");
}
END_TEST

/* In a string, between tokens, at the end. Between tokens, tab and carriage return are space. */
START_TEST(bytes_below_0x20_are_refused)
{
	char text[] = "{\"a\": \"x\"} ";
	static const size_t places[] = { 7, 5, 10 };
	cJSON *tree = NULL;
	const size_t n = _i == '\t' || _i == '\r' ? 1 : 3;

	for (size_t i = 0; i < n; i++) {
		char was = text[places[i]];

		text[places[i]] = (char)_i;
		ck_assert_int_eq(parse_n(text, sizeof(text) - 1, &tree), -EBADMSG);
		ck_assert_int_eq(fault.kind, JSON_FAULT_SYNTAX);
		text[places[i]] = was;
	}
	assert_accepted(text);
}
END_TEST

START_TEST(an_escaped_nul_is_refused)
{
	assert_fault("{\"a\":\"x\\u0000y\"}", JSON_FAULT_SYNTAX);
	assert_fault("{\"x\\u0000\":1}", JSON_FAULT_SYNTAX);
	assert_accepted("{\"a\":\"x\\\\u0000y\"}"); /* an escaped backslash, then text */
}
END_TEST

static const char *const halves[] = { "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800x\"}",
	"{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\ud800\\n\"}",
	"{\"a\":\"\\ud800\\ud800\"}" };

START_TEST(half_a_surrogate_pair_is_refused)
{
	assert_fault(halves[_i], JSON_FAULT_SYNTAX);
}
END_TEST

START_TEST(the_message_says_where)
{
	assert_fault("{\"a\":1 x}", JSON_FAULT_SYNTAX);
	ck_assert_ptr_nonnull(strstr(fault.message, "byte 8 is 'x'"));
	assert_fault("{\"a\":1", JSON_FAULT_SYNTAX);
	ck_assert_ptr_nonnull(strstr(fault.message, "the line ends"));
}
END_TEST

static int integer_of(const char *number, int64_t *ret)
{
	char text[128];
	cJSON *tree = NULL;
	int r;

	(void)snprintf(text, sizeof(text), "{\"n\":%s}", number);
	ck_assert_int_eq(parse_n(text, strlen(text), &tree), 0);
	r = json_integer(tree->child, ret);
	cJSON_Delete(tree);
	return r;
}

static const struct {
	const char *number;
	int r;
	int64_t value;
} integers[] = {
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "1e3", 0, 1000 },
	{ "2147483648", 0, INT64_C(2147483648) },
	{ "9007199254740991", 0, INT64_C(9007199254740991) },
	{ "-9007199254740991", 0, -INT64_C(9007199254740991) },
	{ "9007199254740992", -ERANGE, 0 },
	{ "9007199254740993", -ERANGE, 0 },
	{ "-9007199254740992", -ERANGE, 0 },
	{ "1e999", -ERANGE, 0 },
	{ "-1e999", -ERANGE, 0 },
	{ "1.5", -EINVAL, 0 },
	{ "1e-3", -EINVAL, 0 },
	{ "true", -EINVAL, 0 },
	{ "\"1\"", -EINVAL, 0 },
	{ "null", -EINVAL, 0 },
};

START_TEST(integers_are_whole_and_below_two_to_the_53rd)
{
	int64_t value = 0;

	ck_assert_int_eq(integer_of(integers[_i].number, &value), integers[_i].r);
	ck_assert_int_eq(value, integers[_i].value);
}
END_TEST

static long allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

START_TEST(lack_of_memory_is_told_apart_from_bad_input)
{
	static const char text[] = "{\"a\":[1,\"x\"],\"b\":{\"c\":null}}";
	cJSON_Hooks hooks = { failing_malloc, free };
	cJSON *tree = NULL;
	long n = 0;
	int r;

	cJSON_InitHooks(&hooks);
	do {
		allocations_left = n++;
		r = parse_n(text, sizeof(text) - 1, &tree);
		ck_assert(r == 0 || r == -ENOMEM);
	} while (r < 0);
	ck_assert_int_gt(n, 5);
	cJSON_Delete(tree);
	cJSON_InitHooks(NULL);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *parse_tests(void)
{
	TCase *tcase = tcase_create("json_parse");

	tcase_add_loop_test(tcase, json_is_accepted, 0, N(accepted));
	tcase_add_loop_test(tcase, what_is_not_json_is_refused, 0, N(no_json));
	tcase_add_loop_test(tcase, only_space_may_follow_the_value, 0, N(trailing));
	tcase_add_loop_test(tcase, the_outermost_value_is_an_object, 0, N(not_objects));
	tcase_add_loop_test(tcase, numbers_follow_the_grammar, 0, N(numbers));
	tcase_add_test(tcase, a_number_has_at_most_63_characters);
	tcase_add_test(tcase, a_repeated_key_is_refused_and_named);
	tcase_add_test(tcase, a_key_repeated_by_an_escape_is_refused);
	tcase_add_test(tcase, a_repeated_key_inside_is_refused);
	tcase_add_test(tcase, thirty_two_members_at_the_top_are_accepted_one_more_refused);
	tcase_add_test(
		tcase, a_thousand_and_twenty_four_elements_inside_are_accepted_one_more_refused);
	tcase_add_test(tcase, the_last_of_many_keys_may_not_repeat_the_first);
	tcase_add_test(tcase, four_levels_are_accepted_a_fifth_refused);
	tcase_add_test(tcase, brackets_in_strings_are_not_levels);
	tcase_add_test(tcase, deep_nesting_is_refused_at_once);
	tcase_add_loop_test(tcase, invalid_utf8_is_refused, 0, N(not_utf8));
	tcase_add_loop_test(tcase, bytes_below_0x20_are_refused, 0, 0x20);
	tcase_add_test(tcase, tabs_and_carriage_returns_between_tokens_are_space);
	tcase_add_test(tcase, an_escaped_nul_is_refused);
	tcase_add_loop_test(tcase, half_a_surrogate_pair_is_refused, 0, N(halves));
	tcase_add_test(tcase, the_message_says_where);
	tcase_add_test(tcase, lack_of_memory_is_told_apart_from_bad_input);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = tcase_create("json_integer");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, parse_tests());
	tcase_add_loop_test(tcase, integers_are_whole_and_below_two_to_the_53rd, 0, N(integers));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
