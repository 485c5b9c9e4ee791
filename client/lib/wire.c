/* SPDX-License-Identifier: MIT */
/*
 * The decoder: one frame to one checked struct, driven by the rows of wire.def. It knows types,
 * bounds, words and presence; what fields mean together, and whether names exist, is left to those
 * who carry out the request. Every refusal names the field, what it must be and what it is.
 *
 * A request points into the tree that cJSON made and into the decoder's arrays; nothing else is
 * allocated, and the next frame takes it all back.
 */

#include "wire.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "json.h"
#include "strset.h"
#include "utf8.h"

/* No operation has more than two fields that name lines or timers. */
#define ARENA_NAMES (2 * WIRE_MAX_LINES)

struct wire_decoder {
	cJSON *tree;
	size_t n_names;
	const char *names[ARENA_NAMES];
	uint8_t values[WIRE_MAX_LINES];
	struct strset seen;
};

/* The rows. */

#define WIRE_OP_BEGIN(NAME, name, what) static const struct wire_field_row fields_##name[] = {
#define WIRE_FIELD(name, member, key, TYPE, enumeration, presence, min, max, meaning) \
	{ key, WIRE_##TYPE, #enumeration, WIRE_##presence, min, max, meaning,         \
		offsetof(struct args_##name, member) },
#define WIRE_OP_END(NAME, name) \
	}                       \
	;                       \
	_Static_assert(WIRE_N_FIELDS_##name <= 32, "given is a mask of 32 bits");
#include "wire.def"

const struct wire_op_row wire_ops[WIRE_OP_N] = {
#define WIRE_OP_BEGIN(NAME, name, what) { #name, what, fields_##name, WIRE_N_FIELDS_##name },
#include "wire.def"
};

static const struct {
	const char *code;
	enum wire_class class;
} errors[WIRE_E_N] = {
#define WIRE_ERROR(NAME, code, CLASS, when) [WIRE_E_##NAME] = { code, WIRE_CLASS_##CLASS },
#include "wire.def"
};

static const char *const classes[WIRE_CLASS_N] = {
	[WIRE_CLASS_USAGE] = "usage",
	[WIRE_CLASS_NOT_FOUND] = "not-found",
	[WIRE_CLASS_DENIED] = "denied",
	[WIRE_CLASS_BUSY] = "busy",
	[WIRE_CLASS_LIMIT] = "limit",
	[WIRE_CLASS_FAILED] = "failed",
};

const char *wire_error_code(enum wire_error error)
{
	return (unsigned)error < WIRE_E_N ? errors[error].code : NULL;
}

enum wire_class wire_error_class(enum wire_error error)
{
	return (unsigned)error < WIRE_E_N ? errors[error].class : WIRE_CLASS_FAILED;
}

const char *wire_class_name(enum wire_class class)
{
	return (unsigned)class < WIRE_CLASS_N ? classes[class] : NULL;
}

/* One field while it is decoded. */
struct field {
	struct wire_decoder *decoder;
	const struct wire_op_row *op;
	const struct wire_field_row *row;
	const cJSON *item; /* item->string is the key as written */
	void *to;	   /* the member of the operation's struct */
	struct wire_problem *problem;
};

/* What a client wrote, cut for a message. */
struct shown {
	char text[WIRE_MAX_NAME_BYTES + 1];
};

static struct shown show(const char *text)
{
	struct shown shown;

	utf8_copy(shown.text, sizeof(shown.text), text);
	return shown;
}

static enum wire_error bad_type(const struct field *field, const char *expected)
{
	const char *key = field->item->string;
	bool may_go = cJSON_IsNull(field->item) && field->row->presence != WIRE_REQUIRED;

	return problem_field(field->problem, WIRE_E_BAD_TYPE, key, "\"%s\" must be %s, not %s%s",
		key, expected, json_kind(field->item),
		may_go ? "; leave the field out instead" : "");
}

/* A string that is used as a name: no control characters, and of the row's length. */
static enum wire_error check_name(const struct field *field, const char *name)
{
	const struct wire_field_row *row = field->row;
	const char *key = field->item->string;
	size_t n = strlen(name);

	if (utf8_has_control(name))
		return problem_field(field->problem, WIRE_E_BAD_TYPE, key,
			"\"%s\" must be text without control characters", key);
	if (n < (uint64_t)row->min || n > (uint64_t)row->max)
		return problem_field(field->problem, WIRE_E_OUT_OF_RANGE, key,
			"\"%s\" must have %" PRId64 " to %" PRId64 " bytes, not %zu", key, row->min,
			row->max, n);
	return WIRE_OK;
}

static enum wire_error decode_string(struct field *field)
{
	if (!cJSON_IsString(field->item))
		return bad_type(field, "a string");
	*(const char **)field->to = field->item->valuestring;
	return check_name(field, field->item->valuestring);
}

/* Room for n more names; there always is, since rows and limits are known when this is compiled. */
static const char **take_names(struct wire_decoder *decoder, size_t n)
{
	const char **names = decoder->names + decoder->n_names;

	assert(n <= ARENA_NAMES - decoder->n_names);
	decoder->n_names += n;
	return names;
}

/* How many elements an array or object of names has. */
static enum wire_error count_names(const struct field *field, size_t *ret_n)
{
	const char *key = field->item->string;
	size_t n = (size_t)cJSON_GetArraySize(field->item);

	if (n == 0)
		return problem_field(field->problem, WIRE_E_OUT_OF_RANGE, key,
			"\"%s\" must name at least one; it is empty", key);
	if (n > WIRE_MAX_LINES)
		return problem_field(field->problem, WIRE_E_LIMIT, key,
			"\"%s\" has %zu elements; one request may have %d", key, n, WIRE_MAX_LINES);
	*ret_n = n;
	return WIRE_OK;
}

static enum wire_error decode_name(struct field *field, const cJSON *item)
{
	const char *key = field->item->string;
	enum wire_error error;

	if (!cJSON_IsString(item))
		return problem_field(field->problem, WIRE_E_BAD_TYPE, key,
			"\"%s\" must be a name or an array of names, not an array with %s", key,
			json_kind(item));
	error = check_name(field, item->valuestring);
	if (error)
		return error;

	if (strcmp(item->valuestring, "*") == 0)
		return problem_field(field->problem, WIRE_E_BAD_TYPE, key,
			"\"*\" stands for all and must be alone in \"%s\"", key);
	return WIRE_OK;
}

static enum wire_error decode_name_array(struct field *field, size_t n)
{
	struct wire_names *names = field->to;
	const cJSON *item;
	enum wire_error error;

	names->v = take_names(field->decoder, n);
	strset_init(&field->decoder->seen, n);
	cJSON_ArrayForEach(item, field->item)
	{
		error = decode_name(field, item);
		if (error)
			return error;
		if (strset_add(&field->decoder->seen, item->valuestring))
			names->v[names->n++] = item->valuestring;
	}
	return WIRE_OK;
}

static bool is_star(const cJSON *item)
{
	return cJSON_IsString(item) && strcmp(item->valuestring, "*") == 0;
}

static enum wire_error decode_names(struct field *field)
{
	struct wire_names *names = field->to;
	enum wire_error error;
	size_t n = 0;

	if (is_star(field->item)) {
		names->all = true;
		return WIRE_OK;
	}
	if (cJSON_IsString(field->item)) {
		names->v = take_names(field->decoder, 1);
		names->v[names->n++] = field->item->valuestring;
		return check_name(field, field->item->valuestring);
	}
	if (!cJSON_IsArray(field->item))
		return bad_type(field, "a name or an array of names");
	error = count_names(field, &n);
	if (error)
		return error;

	if (n == 1 && is_star(field->item->child)) {
		names->all = true;
		return WIRE_OK;
	}
	return decode_name_array(field, n);
}

static enum wire_error decode_integer(struct field *field)
{
	const struct wire_field_row *row = field->row;
	const char *key = field->item->string;
	int64_t number = 0;
	int r;

	r = json_integer(field->item, &number);
	if (r == -EINVAL)
		return cJSON_IsNumber(field->item)
			       ? problem_field(field->problem, WIRE_E_BAD_TYPE, key,
					 "\"%s\" must be a whole number", key)
			       : bad_type(field, "a whole number");
	if (r < 0 || number < row->min || number > row->max)
		return problem_field(field->problem, WIRE_E_OUT_OF_RANGE, key,
			"\"%s\" must be from %" PRId64 " to %" PRId64, key, row->min, row->max);
	*(int64_t *)field->to = number;
	return WIRE_OK;
}

static enum wire_error duration_out_of_range(const struct field *field)
{
	char min[DURATION_MAX], max[DURATION_MAX];
	const char *key = field->item->string;

	return problem_field(field->problem, WIRE_E_OUT_OF_RANGE, key,
		"\"%s\" must be from \"%s\" to \"%s\", not \"%s\"", key,
		duration_format((uint64_t)field->row->min, min, sizeof(min)),
		duration_format((uint64_t)field->row->max, max, sizeof(max)),
		show(field->item->valuestring).text);
}

static enum wire_error decode_duration(struct field *field)
{
	const struct wire_field_row *row = field->row;
	const char *key = field->item->string;
	uint64_t ns = 0;
	int r;

	if (!cJSON_IsString(field->item))
		return bad_type(field, "a string with a unit, such as \"2s\" or \"250ms\"");
	r = duration_parse(field->item->valuestring, &ns);
	if (r == -EINVAL)
		return problem_field(field->problem, WIRE_E_BAD_TYPE, key,
			"\"%s\" must be a number with a unit (ns, us, ms, s, min, h or d), such as "
			"\"2s\", not \"%s\"",
			key, show(field->item->valuestring).text);
	if (r < 0 || ns < (uint64_t)row->min || ns > (uint64_t)row->max)
		return duration_out_of_range(field);
	*(uint64_t *)field->to = ns;
	return WIRE_OK;
}

static enum wire_error decode_bool(struct field *field)
{
	if (!cJSON_IsBool(field->item))
		return bad_type(field, "true or false");
	*(bool *)field->to = cJSON_IsTrue(field->item);
	return WIRE_OK;
}

/* 0, 1, false or true: the number, or -EINVAL for another type and -ERANGE for another number. */
static int value_of(const cJSON *item)
{
	if (cJSON_IsBool(item))
		return cJSON_IsTrue(item);
	if (!cJSON_IsNumber(item))
		return -EINVAL;
	if (item->valuedouble == 0.0 || item->valuedouble == 1.0)
		return item->valuedouble == 1.0;
	return -ERANGE;
}

static enum wire_error decode_value(struct field *field)
{
	const char *key = field->item->string;
	int value = value_of(field->item);

	if (value == -EINVAL)
		return bad_type(field, "0, 1, false or true");
	if (value < 0)
		return problem_field(
			field->problem, WIRE_E_OUT_OF_RANGE, key, "\"%s\" must be 0 or 1", key);
	*(uint8_t *)field->to = (uint8_t)value;
	return WIRE_OK;
}

static enum wire_error decode_word(struct field *field, const cJSON *item, uint32_t *ret)
{
	const struct wire_enumeration *words = wire_enumeration_find(field->row->enumeration);
	const char *key = field->item->string, *nearest;
	int number = wire_enumeration_number(words, item->valuestring);

	if (number >= 0) {
		*ret = (uint32_t)number;
		return WIRE_OK;
	}
	nearest = wire_enumeration_nearest(words, item->valuestring);
	return problem_field(field->problem, WIRE_E_OUT_OF_RANGE, key,
		"\"%s\" must be %s, not \"%s\"%s%s%s", key, wire_enumeration_words(words),
		show(item->valuestring).text, nearest ? "; did you mean \"" : "",
		nearest ? nearest : "", nearest ? "\"?" : "");
}

/* Where the words are "0" and "1" among others, the numbers mean the same. */
static enum wire_error decode_enum(struct field *field)
{
	const struct wire_enumeration *words = wire_enumeration_find(field->row->enumeration);
	int value = value_of(field->item);
	int number;

	if (cJSON_IsString(field->item))
		return decode_word(field, field->item, field->to);
	number = wire_enumeration_number(words, value == 1 ? "1" : "0");
	if (number < 0 || value == -EINVAL)
		return bad_type(field, wire_enumeration_words(words));
	if (value < 0)
		return problem_field(field->problem, WIRE_E_OUT_OF_RANGE, field->item->string,
			"\"%s\" must be %s", field->item->string, wire_enumeration_words(words));
	*(uint32_t *)field->to = (uint32_t)number;
	return WIRE_OK;
}

static enum wire_error decode_flags(struct field *field)
{
	const char *key = field->item->string;
	uint32_t *flags = field->to, bit = 0;
	enum wire_error error;
	const cJSON *item;

	if (cJSON_IsString(field->item))
		return decode_word(field, field->item, flags);
	if (!cJSON_IsArray(field->item))
		return bad_type(field, "a word or an array of words");
	cJSON_ArrayForEach(item, field->item)
	{
		if (!cJSON_IsString(item))
			return problem_field(field->problem, WIRE_E_BAD_TYPE, key,
				"\"%s\" must be a word or an array of words, not an array with %s",
				key, json_kind(item));
		error = decode_word(field, item, &bit);
		if (error)
			return error;
		*flags |= bit;
	}
	if (!field->item->child)
		return problem_field(field->problem, WIRE_E_OUT_OF_RANGE, key,
			"\"%s\" must have at least one word; it is empty", key);
	return WIRE_OK;
}

/* The value of one line; `name` is NULL in an array. */
static enum wire_error decode_line_value(
	struct field *field, const cJSON *item, const char *name, uint8_t *ret)
{
	const char *key = field->item->string;
	int value = value_of(item);

	if (value >= 0) {
		*ret = (uint8_t)value;
		return WIRE_OK;
	}
	return problem_field(field->problem,
		value == -EINVAL ? WIRE_E_BAD_TYPE : WIRE_E_OUT_OF_RANGE, key,
		"\"%s\" must have 0, 1, false or true for %s%s", key, name ? "line " : "each line",
		name ? show(name).text : "");
}

static bool op_has_lines(const struct wire_op_row *op)
{
	for (size_t i = 0; i < op->n_fields; i++)
		if (strcmp(op->fields[i].key, "lines") == 0)
			return true;
	return false;
}

static enum wire_error decode_values(struct field *field)
{
	struct wire_values *values = field->to;
	enum wire_error error;
	const cJSON *item;
	size_t n = 0;

	if (!cJSON_IsObject(field->item) &&
		!(cJSON_IsArray(field->item) && op_has_lines(field->op)))
		return bad_type(
			field, op_has_lines(field->op)
				       ? "an object of name and value, or an array of values"
				       : "an object of name and value");
	error = count_names(field, &n);
	if (error)
		return error;

	values->names = take_names(field->decoder, n);
	values->v = field->decoder->values;
	cJSON_ArrayForEach(item, field->item)
	{
		error = item->string ? check_name(field, item->string) : WIRE_OK;
		if (!error)
			error = decode_line_value(
				field, item, item->string, &field->decoder->values[values->n]);
		if (error)
			return error;
		values->names[values->n++] = item->string;
	}
	return WIRE_OK;
}

static enum wire_error (*const decoders[])(struct field *field) = {
	[WIRE_STRING] = decode_string,
	[WIRE_NAMES] = decode_names,
	[WIRE_INTEGER] = decode_integer,
	[WIRE_DURATION] = decode_duration,
	[WIRE_BOOL] = decode_bool,
	[WIRE_ENUM] = decode_enum,
	[WIRE_FLAGS] = decode_flags,
	[WIRE_VALUE] = decode_value,
	[WIRE_VALUES] = decode_values,
};

static enum wire_error decode_id(
	const cJSON *tree, struct wire_id *ret, struct wire_problem *problem)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, "id");

	if (!item) {
		ret->type = WIRE_ID_ABSENT;
		return WIRE_OK;
	}
	if (cJSON_IsString(item) && strlen(item->valuestring) <= WIRE_MAX_NAME_BYTES) {
		ret->type = WIRE_ID_STRING;
		strcpy(ret->string, item->valuestring);
		return WIRE_OK;
	}
	if (json_integer(item, &ret->integer) == 0) {
		ret->type = WIRE_ID_INTEGER;
		return WIRE_OK;
	}
	return problem_field(problem,
		cJSON_IsString(item) || json_integer(item, &ret->integer) == -ERANGE
			? WIRE_E_OUT_OF_RANGE
			: WIRE_E_BAD_TYPE,
		"id", "\"id\" must be a string of at most %d bytes or a whole number below 2^53",
		WIRE_MAX_NAME_BYTES);
}

static enum wire_error unknown_op(const char *written, struct wire_problem *problem)
{
	const char *names[WIRE_OP_N], *nearest;

	for (size_t i = 0; i < WIRE_OP_N; i++)
		names[i] = wire_ops[i].name;
	nearest = nearest_name(written, names, WIRE_OP_N);
	return problem_field(problem, WIRE_E_UNKNOWN_OP, "op", "no operation \"%s\"%s%s%s",
		show(written).text, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
		nearest ? "\"?" : "");
}

static enum wire_error decode_op(const cJSON *tree, enum wire_op *ret, struct wire_problem *problem)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, "op");

	if (!item)
		return problem_field(problem, WIRE_E_MISSING_FIELD, "op",
			"\"op\" is missing: say which operation, as in {\"op\":\"ping\"}");
	if (!cJSON_IsString(item))
		return problem_field(problem, WIRE_E_BAD_TYPE, "op",
			"\"op\" must be a string, not %s", json_kind(item));
	for (size_t i = 0; i < WIRE_OP_N; i++) {
		if (strcmp(wire_ops[i].name, item->valuestring) == 0) {
			*ret = (enum wire_op)i;
			return WIRE_OK;
		}
	}
	return unknown_op(item->valuestring, problem);
}

/* The row that a key means; `line` is another spelling of `lines`. */
static const struct wire_field_row *find_row(const struct wire_op_row *op, const char *key)
{
	if (strcmp(key, "line") == 0)
		key = "lines";
	for (size_t i = 0; i < op->n_fields; i++)
		if (strcmp(op->fields[i].key, key) == 0)
			return &op->fields[i];
	return NULL;
}

static enum wire_error unknown_field(
	const struct wire_op_row *op, const char *key, struct wire_problem *problem)
{
	const char *names[32 + 3] = { "id", "op" }, *nearest;
	size_t n = 2;

	for (size_t i = 0; i < op->n_fields; i++)
		names[n++] = op->fields[i].key;
	if (op_has_lines(op))
		names[n++] = "line";
	nearest = nearest_name(key, names, n);
	return problem_field(problem, WIRE_E_UNKNOWN_FIELD, key, "%s has no field \"%s\"%s%s%s",
		op->name, show(key).text, nearest ? "; did you mean \"" : "",
		nearest ? nearest : "", nearest ? "\"?" : "");
}

/* One member of the request into its struct, whose head is the same for all operations. */
static enum wire_error decode_field(struct field *field, struct args_ping *head)
{
	uint32_t bit;

	field->row = find_row(field->op, field->item->string);
	if (!field->row)
		return unknown_field(field->op, field->item->string, field->problem);
	bit = UINT32_C(1) << (field->row - field->op->fields);
	if (head->given & bit)
		return problem_field(field->problem, WIRE_E_BAD_TYPE, field->item->string,
			"\"line\" and \"lines\" are one field; give only one of them, a name or an "
			"array "
			"of names");
	head->given |= bit;
	if (cJSON_IsNull(field->item) && field->row->presence == WIRE_NULLABLE) {
		head->nulls |= bit;
		return WIRE_OK;
	}
	field->to = (char *)head + field->row->offset;
	return decoders[field->row->type](field);
}

static enum wire_error check_required(
	const struct wire_op_row *op, uint32_t given, struct wire_problem *problem)
{
	for (size_t i = 0; i < op->n_fields; i++) {
		const struct wire_field_row *row = &op->fields[i];

		if (row->presence == WIRE_REQUIRED && !((given >> i) & 1))
			return problem_field(problem, WIRE_E_MISSING_FIELD, row->key,
				"%s needs \"%s\": %s", op->name, row->key, row->meaning);
	}
	return WIRE_OK;
}

static enum wire_error decode_fields(
	struct wire_decoder *decoder, struct wire_request *request, struct wire_problem *problem)
{
	struct args_ping *head = &request->args.ping;
	struct field field = {
		.decoder = decoder,
		.op = &wire_ops[request->op],
		.problem = problem,
	};
	enum wire_error error;

	cJSON_ArrayForEach(field.item, decoder->tree)
	{
		if (strcmp(field.item->string, "op") == 0 || strcmp(field.item->string, "id") == 0)
			continue;
		error = decode_field(&field, head);
		if (error)
			return error;
	}
	return check_required(field.op, head->given, problem);
}

static enum wire_error parse(
	struct wire_decoder *decoder, const char *frame, size_t n, struct wire_problem *problem)
{
	static const enum wire_error codes[] = {
		[JSON_FAULT_UTF8] = WIRE_E_BAD_UTF8,
		[JSON_FAULT_SYNTAX] = WIRE_E_BAD_JSON,
		[JSON_FAULT_DEPTH] = WIRE_E_BAD_JSON,
		[JSON_FAULT_MEMBERS] = WIRE_E_BAD_JSON,
		[JSON_FAULT_ELEMENTS] = WIRE_E_LIMIT,
		[JSON_FAULT_REPEATED] = WIRE_E_BAD_JSON,
	};
	struct json_fault fault;
	int r;

	if (n + 1 > WIRE_MAX_LINE_BYTES)
		return problem_set(problem, WIRE_E_TOO_LONG,
			"a request may have %d bytes, its newline "
			"included",
			WIRE_MAX_LINE_BYTES);
	r = json_parse(frame, n, &json_request_limits, &decoder->tree, &fault);
	if (r == -EBADMSG)
		return problem_field(problem, codes[fault.kind], fault.key, "%s", fault.message);
	if (r < 0)
		return problem_set(
			problem, WIRE_E_INTERNAL, "no memory to read the request; try again");
	return WIRE_OK;
}

enum wire_error wire_decode(struct wire_decoder *decoder, const char *frame, size_t n,
	struct wire_request *ret, struct wire_problem *problem)
{
	enum wire_error error;

	cJSON_Delete(decoder->tree);
	decoder->tree = NULL;
	decoder->n_names = 0;
	memset(ret, 0, sizeof(*ret));
	ret->id.type = WIRE_ID_NULL;

	error = parse(decoder, frame, n, problem);
	if (error)
		return error;
	error = decode_id(decoder->tree, &ret->id, problem);
	if (error)
		return error;
	error = decode_op(decoder->tree, &ret->op, problem);
	if (error)
		return error;
	return decode_fields(decoder, ret, problem);
}

int wire_decoder_new(struct wire_decoder **ret)
{
	struct wire_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return -ENOMEM;
	*ret = decoder;
	return 0;
}

struct wire_decoder *wire_decoder_free(struct wire_decoder *decoder)
{
	if (decoder) {
		cJSON_Delete(decoder->tree);
		free(decoder);
	}
	return NULL;
}
