/* SPDX-License-Identifier: MIT */
/*
 * client/lib/wire.c, wire_enum.c and problem.c. Most tests walk the rows of wire_ops, so that a new
 * row brings its own tests: for each field a request that is right but for this field.
 */

#include "wire.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "utf8.h"

static struct wire_decoder *decoder;
static struct wire_request request;
static struct wire_problem problem;
static char text[WIRE_MAX_LINE_BYTES + 16];

static void set_up(void)
{
	ck_assert_int_eq(wire_decoder_new(&decoder), 0);
}

static void tear_down(void)
{
	decoder = wire_decoder_free(decoder);
	ck_assert_ptr_null(decoder);
}

static enum wire_error decode_n(const char *frame, size_t n)
{
	/* a copy of the exact size, so that reading past it is seen */
	char *copy = malloc(n ? n : 1);
	enum wire_error error;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, frame, n);
	memset(&problem, 0, sizeof(problem));
	error = wire_decode(decoder, copy, n, &request, &problem);
	free(copy);
	ck_assert_int_eq(problem.code, error);
	return error;
}

static enum wire_error decode(const char *frame)
{
	return decode_n(frame, strlen(frame));
}

static void decode_or_fail(const char *frame)
{
	enum wire_error error = decode(frame);

	ck_assert_msg(error == WIRE_OK, "%s: %s", frame, problem.message);
}

static void assert_refused(const char *frame, enum wire_error code, const char *field)
{
	enum wire_error error = decode(frame);

	ck_assert_msg(error == code, "%.200s: %s instead of %s: %s", frame,
		error ? wire_error_code(error) : "ok", wire_error_code(code), problem.message);
	ck_assert_str_eq(problem.field, field);
	ck_assert_str_ne(problem.message, "");
	ck_assert(utf8_valid(problem.message, strlen(problem.message)));
}

/* n bytes of x */
static const char *repeat(char x, int64_t n)
{
	static char buffer[1024];

	ck_assert_int_lt(n, (int64_t)sizeof(buffer));
	memset(buffer, x, (size_t)n);
	buffer[n] = '\0';
	return buffer;
}

/* A value of the row's type that has this length, duration or number; false when there is none. */
static bool bounded_value(const struct wire_field_row *row, int64_t bound, char *ret, size_t size)
{
	char duration[DURATION_MAX];

	switch (row->type) {
	case WIRE_STRING:
	case WIRE_NAMES:
		(void)snprintf(ret, size, "\"%s\"", repeat('n', bound < 0 ? 0 : bound));
		return bound >= 0;
	case WIRE_VALUES:
		(void)snprintf(ret, size, "{\"%s\":1}", repeat('n', bound < 0 ? 0 : bound));
		return bound >= 0;
	case WIRE_INTEGER:
		(void)snprintf(ret, size, "%" PRId64, bound);
		return true;
	case WIRE_DURATION:
		duration_format((uint64_t)bound, duration, sizeof(duration));
		(void)snprintf(ret, size, "\"%s\"", duration);
		return bound >= 0;
	case WIRE_VALUE:
		(void)snprintf(ret, size, "%" PRId64, bound);
		return true;
	default:
		return false;
	}
}

static void good_value(const struct wire_field_row *row, char *ret, size_t size)
{
	const struct wire_enumeration *words = wire_enumeration_find(row->enumeration);

	if (bounded_value(row, row->min, ret, size))
		return;
	if (row->type == WIRE_BOOL)
		(void)snprintf(ret, size, "true");
	else
		(void)snprintf(ret, size, "\"%s\"", wire_enumeration_word(words, 1));
}

/*
 * The request of an op with its required fields, without the row `skip`, into text; then the member
 * `extra` as printf has it.
 */
static const char *request_with(const struct wire_op_row *op, const struct wire_field_row *skip,
	const char *extra, ...) __attribute__((format(printf, 3, 4)));

static const char *request_with(
	const struct wire_op_row *op, const struct wire_field_row *skip, const char *extra, ...)
{
	char *p = text + sprintf(text, "{\"op\":\"%s\"", op->name);
	char value[1100];
	va_list ap;

	for (size_t i = 0; i < op->n_fields; i++) {
		const struct wire_field_row *row = &op->fields[i];

		if (row == skip || row->presence != WIRE_REQUIRED)
			continue;
		good_value(row, value, sizeof(value));
		p += sprintf(p, ",\"%s\":%s", row->key, value);
	}
	va_start(ap, extra);
	p += vsprintf(p, extra, ap);
	va_end(ap);
	(void)strcpy(p, "}");
	return text;
}

#define for_each_op(op) \
	for (const struct wire_op_row *op = wire_ops; op < wire_ops + WIRE_OP_N; op++)
#define for_each_field(op, row)                                                                    \
	for (const struct wire_field_row *row = (op)->fields; row < (op)->fields + (op)->n_fields; \
		row++)

static uint32_t bit_of(const struct wire_op_row *op, const struct wire_field_row *row)
{
	return UINT32_C(1) << (row - op->fields);
}

START_TEST(each_operation_is_accepted_with_what_it_requires)
{
	for_each_op(op)
	{
		decode_or_fail(request_with(op, NULL, "%s", ""));
		ck_assert_ptr_eq(&wire_ops[request.op], op);
	}
}
END_TEST

START_TEST(each_field_is_accepted_and_marked_as_given)
{
	char value[1100];

	for_each_op(op)
	{
		for_each_field(op, row)
		{
			good_value(row, value, sizeof(value));
			decode_or_fail(request_with(op, row, ",\"%s\":%s", row->key, value));
			ck_assert(request.args.ping.given & bit_of(op, row));
			ck_assert_uint_eq(request.args.ping.nulls, 0);
		}
	}
}
END_TEST

START_TEST(each_required_field_is_missed)
{
	for_each_op(op)
	{
		for_each_field(op, row)
		{
			if (row->presence == WIRE_REQUIRED)
				assert_refused(request_with(op, row, "%s", ""),
					WIRE_E_MISSING_FIELD, row->key);
		}
	}
}
END_TEST

/* What each type does not take, besides an object, which only VALUES does. */
static const char *const wrong[][6] = {
	[WIRE_STRING] = { "1", "true", "[\"x\"]", "{}" },
	[WIRE_NAMES] = { "1", "true", "{}", "[1]", "[\"x\",null]", "[[\"x\"]]" },
	[WIRE_INTEGER] = { "\"1\"", "true", "[1]", "{}", "1.5" },
	[WIRE_DURATION] = { "1", "true", "[\"2s\"]", "{}", "\"2\"", "\"2 s\"" },
	[WIRE_BOOL] = { "1", "0", "\"true\"", "[true]", "{}" },
	[WIRE_ENUM] = { "[]", "{}", "[\"input\"]" },
	[WIRE_FLAGS] = { "1", "true", "{}", "[1]", "[null]" },
	[WIRE_VALUE] = { "\"1\"", "[1]", "{}" },
	[WIRE_VALUES] = { "1", "\"led\"", "true", "{\"led\":\"1\"}", "{\"led\":null}",
		"{\"led\":[1]}" },
};

START_TEST(each_field_refuses_the_wrong_types)
{
	for_each_op(op)
	{
		for_each_field(op, row)
		{
			for (size_t i = 0; i < 6 && wrong[row->type][i]; i++)
				assert_refused(request_with(op, row, ",\"%s\":%s", row->key,
						       wrong[row->type][i]),
					WIRE_E_BAD_TYPE, row->key);
		}
	}
}
END_TEST

START_TEST(null_takes_back_where_the_row_says_so_and_is_refused_elsewhere)
{
	for_each_op(op)
	{
		for_each_field(op, row)
		{
			const char *frame = request_with(op, row, ",\"%s\":null", row->key);

			if (row->presence != WIRE_NULLABLE) {
				assert_refused(frame, WIRE_E_BAD_TYPE, row->key);
				continue;
			}
			decode_or_fail(frame);
			ck_assert(request.args.ping.given & bit_of(op, row));
			ck_assert_uint_eq(request.args.ping.nulls, bit_of(op, row));
		}
	}
}
END_TEST

START_TEST(each_bound_is_accepted)
{
	char value[1100];

	for_each_op(op)
	{
		for_each_field(op, row)
		{
			if (bounded_value(row, row->min, value, sizeof(value)))
				decode_or_fail(
					request_with(op, row, ",\"%s\":%s", row->key, value));
			if (bounded_value(row, row->max, value, sizeof(value)))
				decode_or_fail(
					request_with(op, row, ",\"%s\":%s", row->key, value));
		}
	}
}
END_TEST

START_TEST(one_below_and_one_above_each_bound_is_out_of_range)
{
	char value[1100];

	for_each_op(op)
	{
		for_each_field(op, row)
		{
			if (bounded_value(row, row->min - 1, value, sizeof(value)))
				assert_refused(request_with(op, row, ",\"%s\":%s", row->key, value),
					WIRE_E_OUT_OF_RANGE, row->key);
			if (bounded_value(row, row->max + 1, value, sizeof(value)))
				assert_refused(request_with(op, row, ",\"%s\":%s", row->key, value),
					WIRE_E_OUT_OF_RANGE, row->key);
		}
	}
}
END_TEST

START_TEST(infinity_is_out_of_range)
{
	for_each_op(op)
	{
		for_each_field(op, row)
		{
			if (row->type != WIRE_INTEGER && row->type != WIRE_VALUE)
				continue;
			assert_refused(request_with(op, row, ",\"%s\":1e999", row->key),
				WIRE_E_OUT_OF_RANGE, row->key);
		}
	}
}
END_TEST

START_TEST(a_word_that_is_none_is_out_of_range)
{
	for_each_op(op)
	{
		for_each_field(op, row)
		{
			if (row->type == WIRE_ENUM || row->type == WIRE_FLAGS)
				assert_refused(
					request_with(op, row, ",\"%s\":\"Rising\"", row->key),
					WIRE_E_OUT_OF_RANGE, row->key);
		}
	}
}
END_TEST

START_TEST(an_unknown_field_is_refused_by_every_operation)
{
	for_each_op(op) assert_refused(
		request_with(op, NULL, ",\"colour\":1"), WIRE_E_UNKNOWN_FIELD, "colour");
}
END_TEST

START_TEST(a_doubled_field_is_refused_by_every_operation)
{
	char value[1100];

	for_each_op(op)
	{
		assert_refused(request_with(op, NULL, ",\"op\":\"ping\""), WIRE_E_BAD_JSON, "op");
		for_each_field(op, row)
		{
			good_value(row, value, sizeof(value));
			assert_refused(request_with(op, row, ",\"%s\":%s,\"%s\":%s", row->key,
					       value, row->key, value),
				WIRE_E_BAD_JSON, row->key);
		}
	}
}
END_TEST

START_TEST(names_refuse_control_characters)
{
	static const char *const controls[] = { "\\n", "\\u0001", "\\u007f", "\\u0085", "\x7f" };

	for_each_op(op)
	{
		for_each_field(op, row)
		{
			bool in_object = row->type == WIRE_VALUES;

			if (row->type != WIRE_STRING && row->type != WIRE_NAMES &&
				row->type != WIRE_VALUES)
				continue;
			for (size_t i = 0; i < 5; i++) {
				char extra[128];

				(void)snprintf(extra, sizeof(extra), ",\"%s\":%s\"a%s\"%s",
					row->key, in_object ? "{" : "", controls[i],
					in_object ? ":1}" : "");
				assert_refused(request_with(op, row, "%s", extra), WIRE_E_BAD_TYPE,
					row->key);
			}
		}
	}
}
END_TEST

/* The frame and its newline. */
START_TEST(a_line_of_64_kib_is_read_one_byte_more_is_too_long)
{
	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"op\":\"ping\"}", 13);
	ck_assert_int_eq(decode_n(text, 65535), WIRE_OK);
	ck_assert_int_eq(decode_n(text, 65536), WIRE_E_TOO_LONG);
	ck_assert_int_eq(request.id.type, WIRE_ID_NULL);
}
END_TEST

START_TEST(what_is_not_utf8_has_its_own_code)
{
	assert_refused("{\"op\":\"ping\",\"id\":\"\xff\"}", WIRE_E_BAD_UTF8, "");
	ck_assert_int_eq(request.id.type, WIRE_ID_NULL);
}
END_TEST

START_TEST(what_is_not_json_has_a_null_id)
{
	assert_refused("{\"id\":1,\"op\":\"ping\"", WIRE_E_BAD_JSON, "");
	ck_assert_int_eq(request.id.type, WIRE_ID_NULL);
	assert_refused("", WIRE_E_BAD_JSON, "");
	assert_refused("{\"op\":[[[[]]]]}", WIRE_E_BAD_JSON, "");
}
END_TEST

START_TEST(keys_are_compared_exactly)
{
	assert_refused("{\"OP\":\"ping\"}", WIRE_E_MISSING_FIELD, "op");
	assert_refused("{\"op\":\"Ping\"}", WIRE_E_UNKNOWN_OP, "op");
	assert_refused("{\"op\":\"get\",\"Line\":\"a\"}", WIRE_E_UNKNOWN_FIELD, "Line");
}
END_TEST

START_TEST(a_missing_or_wrong_op_is_refused)
{
	assert_refused("{}", WIRE_E_MISSING_FIELD, "op");
	assert_refused("{\"id\":4}", WIRE_E_MISSING_FIELD, "op");
	ck_assert_int_eq(request.id.integer, 4);
	assert_refused("{\"op\":1}", WIRE_E_BAD_TYPE, "op");
	assert_refused("{\"op\":null}", WIRE_E_BAD_TYPE, "op");
}
END_TEST

START_TEST(an_unknown_op_suggests_the_nearest)
{
	assert_refused("{\"op\":\"subscibe\"}", WIRE_E_UNKNOWN_OP, "op");
	ck_assert_ptr_nonnull(strstr(problem.message, "did you mean \"subscribe\"?"));
	assert_refused("{\"op\":\"frobnicate\"}", WIRE_E_UNKNOWN_OP, "op");
	ck_assert_ptr_null(strstr(problem.message, "did you mean"));
}
END_TEST

START_TEST(an_unknown_field_suggests_the_nearest)
{
	assert_refused("{\"op\":\"subscribe\",\"line\":\"a\",\"edge\":\"both\"}",
		WIRE_E_UNKNOWN_FIELD, "edge");
	ck_assert_ptr_nonnull(strstr(problem.message, "did you mean \"edges\"?"));
}
END_TEST

START_TEST(a_long_unknown_field_is_cut_at_a_character)
{
	/* 63 bytes, then one of three */
	(void)snprintf(
		text, sizeof(text), "{\"op\":\"ping\",\"%s\xe2\x82\xac\":1}", repeat('x', 63));
	assert_refused(text, WIRE_E_UNKNOWN_FIELD, repeat('x', 63));
	(void)snprintf(text, sizeof(text), "{\"op\":\"ping\",\"%s\":1}", repeat('x', 1000));
	assert_refused(text, WIRE_E_UNKNOWN_FIELD, repeat('x', 64));
}
END_TEST

static const struct {
	const char *id;
	int64_t integer;
} integer_ids[] = {
	{ "0", 0 },
	{ "7", 7 },
	{ "-1", -1 },
	{ "2147483648", INT64_C(2147483648) },
	{ "9007199254740991", INT64_C(9007199254740991) },
	{ "-9007199254740991", -INT64_C(9007199254740991) },
};

START_TEST(an_integer_id_comes_back_unchanged)
{
	(void)snprintf(text, sizeof(text), "{\"op\":\"ping\",\"id\":%s}", integer_ids[_i].id);
	decode_or_fail(text);
	ck_assert_int_eq(request.id.type, WIRE_ID_INTEGER);
	ck_assert_int_eq(request.id.integer, integer_ids[_i].integer);
}
END_TEST

START_TEST(a_string_id_of_up_to_64_bytes_comes_back_unchanged)
{
	decode_or_fail("{\"op\":\"ping\",\"id\":\"\"}");
	ck_assert_int_eq(request.id.type, WIRE_ID_STRING);
	ck_assert_str_eq(request.id.string, "");
	(void)snprintf(text, sizeof(text), "{\"op\":\"ping\",\"id\":\"%s\"}", repeat('i', 64));
	decode_or_fail(text);
	ck_assert_str_eq(request.id.string, repeat('i', 64));
	(void)snprintf(text, sizeof(text), "{\"op\":\"ping\",\"id\":\"%s\"}", repeat('i', 65));
	assert_refused(text, WIRE_E_OUT_OF_RANGE, "id");
	ck_assert_int_eq(request.id.type, WIRE_ID_NULL);
}
END_TEST

static const char *const bad_ids[] = { "null", "true", "1.5", "[1]", "{}" };
static const char *const large_ids[] = { "9007199254740992", "-9007199254740992", "1e999" };

START_TEST(any_other_id_is_refused_and_answered_with_null)
{
	(void)snprintf(text, sizeof(text), "{\"op\":\"ping\",\"id\":%s}", bad_ids[_i]);
	assert_refused(text, WIRE_E_BAD_TYPE, "id");
	ck_assert_int_eq(request.id.type, WIRE_ID_NULL);
}
END_TEST

START_TEST(an_id_that_is_too_large_is_refused_and_answered_with_null)
{
	(void)snprintf(text, sizeof(text), "{\"op\":\"ping\",\"id\":%s}", large_ids[_i]);
	assert_refused(text, WIRE_E_OUT_OF_RANGE, "id");
	ck_assert_int_eq(request.id.type, WIRE_ID_NULL);
}
END_TEST

START_TEST(the_id_is_known_when_another_field_is_wrong)
{
	assert_refused("{\"op\":\"get\",\"line\":1,\"id\":\"x\"}", WIRE_E_BAD_TYPE, "line");
	ck_assert_int_eq(request.id.type, WIRE_ID_STRING);
	ck_assert_str_eq(request.id.string, "x");
	decode_or_fail("{\"op\":\"ping\"}");
	ck_assert_int_eq(request.id.type, WIRE_ID_ABSENT);
}
END_TEST

START_TEST(line_and_lines_are_one_field)
{
	static const char *const same[] = { "\"line\":\"a\"", "\"lines\":\"a\"", "\"line\":[\"a\"]",
		"\"lines\":[\"a\"]" };

	for_each_op(op)
	{
		for_each_field(op, row)
		{
			if (strcmp(row->key, "lines") != 0)
				continue;
			for (size_t i = 0; i < 4; i++) {
				struct wire_names *names;

				decode_or_fail(request_with(op, row, ",%s", same[i]));
				names = (struct wire_names *)((char *)&request.args + row->offset);
				ck_assert_uint_eq(names->n, 1);
				ck_assert_str_eq(names->v[0], "a");
				ck_assert(!names->all);
			}
			assert_refused(request_with(op, row, ",\"line\":\"a\",\"lines\":\"a\""),
				WIRE_E_BAD_TYPE, "lines");
			assert_refused(request_with(op, row, ",\"lines\":[\"a\"],\"line\":\"b\""),
				WIRE_E_BAD_TYPE, "line");
		}
	}
}
END_TEST

START_TEST(line_is_unknown_where_lines_is)
{
	assert_refused("{\"op\":\"ping\",\"line\":\"a\"}", WIRE_E_UNKNOWN_FIELD, "line");
}
END_TEST

START_TEST(names_keep_their_order_and_lose_repetitions)
{
	const struct wire_names *names = &request.args.get.lines;

	decode_or_fail("{\"op\":\"get\",\"lines\":[\"c\",\"a\",\"c\",\"b\",\"a\",\"\\u0061\"]}");
	ck_assert_uint_eq(names->n, 3);
	ck_assert_str_eq(names->v[0], "c");
	ck_assert_str_eq(names->v[1], "a");
	ck_assert_str_eq(names->v[2], "b");
}
END_TEST

START_TEST(a_star_alone_means_all)
{
	decode_or_fail("{\"op\":\"subscribe\",\"lines\":\"*\",\"timers\":[\"*\"]}");
	ck_assert(request.args.subscribe.lines.all && request.args.subscribe.timers.all);
	ck_assert_uint_eq(request.args.subscribe.lines.n, 0);
	ck_assert_uint_eq(request.args.subscribe.timers.n, 0);
	assert_refused("{\"op\":\"subscribe\",\"lines\":[\"*\",\"a\"]}", WIRE_E_BAD_TYPE, "lines");
	assert_refused("{\"op\":\"subscribe\",\"lines\":[\"a\",\"*\"]}", WIRE_E_BAD_TYPE, "lines");
}
END_TEST

START_TEST(an_empty_list_is_out_of_range)
{
	assert_refused("{\"op\":\"get\",\"lines\":[]}", WIRE_E_OUT_OF_RANGE, "lines");
	assert_refused("{\"op\":\"set\",\"values\":{}}", WIRE_E_OUT_OF_RANGE, "values");
	assert_refused(
		"{\"op\":\"set\",\"lines\":\"a\",\"values\":[]}", WIRE_E_OUT_OF_RANGE, "values");
	assert_refused("{\"op\":\"subscribe\",\"lines\":\"a\",\"events\":[]}", WIRE_E_OUT_OF_RANGE,
		"events");
}
END_TEST

/* n elements between before and after, with the number of each in place of # */
static const char *many(const char *before, const char *element, int n, const char *after)
{
	char *p = text + sprintf(text, "%s", before);

	for (int i = 0; i < n; i++) {
		*p = ',';
		p += i > 0;
		for (const char *from = element; *from; from++) {
			if (*from == '#')
				p += sprintf(p, "%d", i);
			else
				*p++ = *from;
		}
	}
	(void)strcpy(p, after);
	return text;
}

START_TEST(a_request_may_name_1024_lines_and_not_one_more)
{
	decode_or_fail(many("{\"op\":\"get\",\"lines\":[", "\"GPIO#\"", 1024, "]}"));
	ck_assert_uint_eq(request.args.get.lines.n, 1024);
	ck_assert_str_eq(request.args.get.lines.v[1023], "GPIO1023");
	assert_refused(many("{\"op\":\"get\",\"lines\":[", "\"GPIO#\"", 1025, "]}"), WIRE_E_LIMIT,
		"lines");
	assert_refused(
		many("{\"op\":\"get\",\"line\":[", "\"GPIO#\"", 1025, "]}"), WIRE_E_LIMIT, "line");
}
END_TEST

START_TEST(values_may_have_1024_lines_and_not_one_more)
{
	decode_or_fail(many("{\"op\":\"set\",\"values\":{", "\"GPIO#\":1", 1024, "}}"));
	ck_assert_uint_eq(request.args.set.values.n, 1024);
	ck_assert_str_eq(request.args.set.values.names[1023], "GPIO1023");
	ck_assert_uint_eq(request.args.set.values.v[1023], 1);
	assert_refused(many("{\"op\":\"set\",\"values\":{", "\"GPIO#\":1", 1025, "}}"),
		WIRE_E_LIMIT, "values");
}
END_TEST

START_TEST(lines_and_values_may_both_be_full)
{
	static char values[4096];
	char *p = values + sprintf(values, "],\"values\":[1");

	for (int i = 1; i < 1024; i++)
		p += sprintf(p, ",0");
	(void)strcpy(p, "]}");
	decode_or_fail(many("{\"op\":\"set\",\"lines\":[", "\"GPIO#\"", 1024, values));
	ck_assert_uint_eq(request.args.set.lines.n, 1024);
	ck_assert_uint_eq(request.args.set.values.n, 1024);
	ck_assert_str_eq(request.args.set.lines.v[1023], "GPIO1023");
	ck_assert_ptr_null(request.args.set.values.names[1023]);
}
END_TEST

START_TEST(values_take_numbers_and_booleans)
{
	const struct wire_values *values = &request.args.set.values;

	decode_or_fail("{\"op\":\"set\",\"values\":{\"a\":1,\"b\":false,\"c\":true,\"d\":0}}");
	ck_assert_uint_eq(values->n, 4);
	ck_assert_str_eq(values->names[1], "b");
	ck_assert_mem_eq(values->v, "\1\0\1\0", 4);
	decode_or_fail("{\"op\":\"set\",\"line\":\"a\",\"value\":true}");
	ck_assert_uint_eq(request.args.set.value, 1);
	ck_assert(WIRE_GIVEN(&request.args.set, set, value));
	ck_assert(!WIRE_GIVEN(&request.args.set, set, values));
}
END_TEST

START_TEST(values_refuse_other_numbers_and_repeated_names)
{
	assert_refused("{\"op\":\"set\",\"values\":{\"a\":2}}", WIRE_E_OUT_OF_RANGE, "values");
	assert_refused("{\"op\":\"set\",\"values\":{\"a\":0.5}}", WIRE_E_OUT_OF_RANGE, "values");
	assert_refused("{\"op\":\"set\",\"values\":{\"a\":1,\"a\":1}}", WIRE_E_BAD_JSON, "a");
	assert_refused("{\"op\":\"set\",\"values\":{\"\":1}}", WIRE_E_OUT_OF_RANGE, "values");
}
END_TEST

START_TEST(an_array_of_values_needs_an_operation_with_lines)
{
	decode_or_fail("{\"op\":\"set\",\"lines\":[\"a\",\"b\"],\"values\":[0,true]}");
	ck_assert_uint_eq(request.args.set.values.n, 2);
	ck_assert_mem_eq(request.args.set.values.v, "\0\1", 2);
	assert_refused(
		"{\"op\":\"arm\",\"timer\":\"t\",\"values\":[0]}", WIRE_E_BAD_TYPE, "values");
}
END_TEST

START_TEST(the_words_0_and_1_are_also_numbers_and_booleans)
{
	static const struct {
		const char *json;
		uint32_t number;
	} forms[] = { { "0", 0 }, { "1", 1 }, { "false", 0 }, { "true", 1 }, { "\"0\"", 0 },
		{ "\"1\"", 1 } };

	for (size_t i = 0; i < 6; i++) {
		(void)snprintf(text, sizeof(text),
			"{\"op\":\"request\",\"line\":\"a\",\"initial\":%s,\"on_release\":%s}",
			forms[i].json, forms[i].json);
		decode_or_fail(text);
		ck_assert_uint_eq(request.args.request.initial, forms[i].number);
		ck_assert_uint_eq(request.args.request.on_release, forms[i].number);
	}
	assert_refused("{\"op\":\"request\",\"line\":\"a\",\"initial\":2}", WIRE_E_OUT_OF_RANGE,
		"initial");
	assert_refused(
		"{\"op\":\"request\",\"line\":\"a\",\"initial\":null}", WIRE_E_BAD_TYPE, "initial");
	assert_refused("{\"op\":\"request\",\"line\":\"a\",\"edges\":1}", WIRE_E_BAD_TYPE, "edges");
}
END_TEST

START_TEST(flags_join_words)
{
	decode_or_fail("{\"op\":\"subscribe\",\"line\":\"a\",\"events\":\"line\"}");
	ck_assert_uint_eq(request.args.subscribe.kinds, KIND_LINE);
	decode_or_fail(
		"{\"op\":\"subscribe\",\"line\":\"a\",\"events\":[\"edge\",\"output\",\"edge\"]}");
	ck_assert_uint_eq(request.args.subscribe.kinds, KIND_EDGE | KIND_OUTPUT);
}
END_TEST

START_TEST(a_bare_number_as_duration_is_told_to_have_a_unit)
{
	assert_refused("{\"op\":\"arm\",\"timer\":\"t\",\"after\":2}", WIRE_E_BAD_TYPE, "after");
	ck_assert_ptr_nonnull(strstr(problem.message, "with a unit, such as \"2s\""));
	decode_or_fail("{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1.5s\",\"every\":\"1ms\"}");
	ck_assert_uint_eq(request.args.arm.after_ns, UINT64_C(1500000000));
	ck_assert_uint_eq(request.args.arm.every_ns, UINT64_C(1000000));
}
END_TEST

START_TEST(a_word_out_of_place_suggests_the_nearest)
{
	assert_refused("{\"op\":\"subscribe\",\"line\":\"a\",\"edges\":\"faling\"}",
		WIRE_E_OUT_OF_RANGE, "edges");
	ck_assert_ptr_nonnull(strstr(problem.message, "none, rising, falling or both"));
	ck_assert_ptr_nonnull(strstr(problem.message, "did you mean \"falling\"?"));
}
END_TEST

START_TEST(a_request_keeps_nothing_of_the_one_before)
{
	decode_or_fail("{\"op\":\"set\",\"values\":{\"a\":1},\"pulse\":\"1s\",\"id\":1}");
	decode_or_fail("{\"op\":\"set\"}");
	ck_assert_uint_eq(request.args.set.given, 0);
	ck_assert_uint_eq(request.args.set.values.n, 0);
	ck_assert_uint_eq(request.args.set.pulse_ns, 0);
	ck_assert_int_eq(request.id.type, WIRE_ID_ABSENT);
}
END_TEST

#define WIRE_OP_BEGIN(NAME, name, what) enum { WIRE_OP_OF_##name = WIRE_OP_##NAME };
#include "wire.def"

static const struct {
	int op;
	const char *request;
} examples[] = {
#define WIRE_EXAMPLE(name, request, reply) { WIRE_OP_OF_##name, request },
#include "wire.def"
};

START_TEST(each_example_of_the_table_is_accepted)
{
	decode_or_fail(examples[_i].request);
	ck_assert_int_eq((int)request.op, examples[_i].op);
}
END_TEST

START_TEST(each_error_has_a_code_and_a_class)
{
	for (int error = WIRE_OK + 1; error < WIRE_E_N; error++) {
		ck_assert_ptr_nonnull(wire_error_code(error));
		ck_assert_ptr_nonnull(wire_class_name(wire_error_class(error)));
	}
	ck_assert_ptr_null(wire_error_code(WIRE_OK));
	ck_assert_ptr_null(wire_error_code(WIRE_E_N));
	ck_assert_ptr_null(wire_class_name(WIRE_CLASS_N));
	ck_assert_str_eq(wire_class_name(wire_error_class(WIRE_E_UNKNOWN_LINE)), "not-found");
}
END_TEST

START_TEST(words_and_numbers_go_both_ways)
{
	static const char *const all[] = {
#define WIRE_ENUM_BEGIN(name, what) #name,
#include "wire.def"
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct wire_enumeration *words = wire_enumeration_find(all[i]);

		ck_assert_ptr_nonnull(words);
		ck_assert_int_eq(wire_enumeration_number(words, "nonsense"), -ENOENT);
		ck_assert_ptr_null(wire_enumeration_word(words, 99));
		for (uint32_t number = 0; number < 8; number++) {
			const char *word = wire_enumeration_word(words, number);

			if (word)
				ck_assert_int_eq(wire_enumeration_number(words, word), (int)number);
		}
	}
	ck_assert_ptr_null(wire_enumeration_find("nonsense"));
	ck_assert_ptr_null(wire_enumeration_find("NONE"));
}
END_TEST

START_TEST(the_words_are_listed_for_people)
{
	const struct wire_enumeration *words = wire_enumeration_find("direction");

	ck_assert_str_eq(wire_enumeration_words(words), "input, output or any");
	ck_assert_str_eq(wire_enumeration_words(words), "input, output or any");
	ck_assert_str_eq(direction_word(DIRECTION_OUTPUT), "output");
	ck_assert_str_eq(bias_word(BIAS_AS_IS), "as-is");
	ck_assert_str_eq(drive_word(DRIVE_OPEN_DRAIN), "open-drain");
	ck_assert_str_eq(edges_word(EDGES_BOTH), "both");
}
END_TEST

START_TEST(a_problem_may_be_worded_anew_from_itself)
{
	problem_field(&problem, WIRE_E_BAD_TYPE, "line", "first");
	problem.n_candidates = 3;
	ck_assert_int_eq(
		problem_field(&problem, WIRE_E_LIMIT, problem.field, "then %s", problem.message),
		WIRE_E_LIMIT);
	ck_assert_str_eq(problem.message, "then first");
	ck_assert_str_eq(problem.field, "line");
	ck_assert_uint_eq(problem.n_candidates, 0);
	problem_set(&problem, WIRE_E_BUSY, "%s", repeat('m', 1000));
	ck_assert_str_eq(problem.message, repeat('m', 399));
	ck_assert_str_eq(problem.field, "");
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *row_tests(void)
{
	TCase *tcase = tcase_create("every row");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, each_operation_is_accepted_with_what_it_requires);
	tcase_add_test(tcase, each_field_is_accepted_and_marked_as_given);
	tcase_add_test(tcase, each_required_field_is_missed);
	tcase_add_test(tcase, each_field_refuses_the_wrong_types);
	tcase_add_test(tcase, null_takes_back_where_the_row_says_so_and_is_refused_elsewhere);
	tcase_add_test(tcase, each_bound_is_accepted);
	tcase_add_test(tcase, one_below_and_one_above_each_bound_is_out_of_range);
	tcase_add_test(tcase, infinity_is_out_of_range);
	tcase_add_test(tcase, a_word_that_is_none_is_out_of_range);
	tcase_add_test(tcase, an_unknown_field_is_refused_by_every_operation);
	tcase_add_test(tcase, a_doubled_field_is_refused_by_every_operation);
	tcase_add_test(tcase, names_refuse_control_characters);
	tcase_add_test(tcase, line_and_lines_are_one_field);
	tcase_add_loop_test(tcase, each_example_of_the_table_is_accepted, 0, N(examples));
	return tcase;
}

static TCase *frame_tests(void)
{
	TCase *tcase = tcase_create("frame, op and id");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_line_of_64_kib_is_read_one_byte_more_is_too_long);
	tcase_add_test(tcase, what_is_not_utf8_has_its_own_code);
	tcase_add_test(tcase, what_is_not_json_has_a_null_id);
	tcase_add_test(tcase, keys_are_compared_exactly);
	tcase_add_test(tcase, a_missing_or_wrong_op_is_refused);
	tcase_add_test(tcase, an_unknown_op_suggests_the_nearest);
	tcase_add_test(tcase, an_unknown_field_suggests_the_nearest);
	tcase_add_test(tcase, a_long_unknown_field_is_cut_at_a_character);
	tcase_add_loop_test(tcase, an_integer_id_comes_back_unchanged, 0, N(integer_ids));
	tcase_add_test(tcase, a_string_id_of_up_to_64_bytes_comes_back_unchanged);
	tcase_add_loop_test(tcase, any_other_id_is_refused_and_answered_with_null, 0, N(bad_ids));
	tcase_add_loop_test(
		tcase, an_id_that_is_too_large_is_refused_and_answered_with_null, 0, N(large_ids));
	tcase_add_test(tcase, the_id_is_known_when_another_field_is_wrong);
	tcase_add_test(tcase, a_request_keeps_nothing_of_the_one_before);
	return tcase;
}

static TCase *field_tests(void)
{
	TCase *tcase = tcase_create("fields");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, line_is_unknown_where_lines_is);
	tcase_add_test(tcase, names_keep_their_order_and_lose_repetitions);
	tcase_add_test(tcase, a_star_alone_means_all);
	tcase_add_test(tcase, an_empty_list_is_out_of_range);
	tcase_add_test(tcase, a_request_may_name_1024_lines_and_not_one_more);
	tcase_add_test(tcase, values_may_have_1024_lines_and_not_one_more);
	tcase_add_test(tcase, lines_and_values_may_both_be_full);
	tcase_add_test(tcase, values_take_numbers_and_booleans);
	tcase_add_test(tcase, values_refuse_other_numbers_and_repeated_names);
	tcase_add_test(tcase, an_array_of_values_needs_an_operation_with_lines);
	tcase_add_test(tcase, the_words_0_and_1_are_also_numbers_and_booleans);
	tcase_add_test(tcase, flags_join_words);
	tcase_add_test(tcase, a_bare_number_as_duration_is_told_to_have_a_unit);
	tcase_add_test(tcase, a_word_out_of_place_suggests_the_nearest);
	return tcase;
}

static TCase *table_tests(void)
{
	TCase *tcase = tcase_create("look-ups and problems");

	tcase_add_test(tcase, each_error_has_a_code_and_a_class);
	tcase_add_test(tcase, words_and_numbers_go_both_ways);
	tcase_add_test(tcase, the_words_are_listed_for_people);
	tcase_add_test(tcase, a_problem_may_be_worded_anew_from_itself);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("wire");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, row_tests());
	suite_add_tcase(suite, frame_tests());
	suite_add_tcase(suite, field_tests());
	suite_add_tcase(suite, table_tests());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
