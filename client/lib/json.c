/* SPDX-License-Identifier: MIT */
/*
 * The strict door. cJSON lets much through that is not JSON, or that would be read differently by
 * somebody else: text after the value, numbers such as 01 or 1., control characters, invalid UTF-8,
 * repeated keys, and \u0000, which silently cuts the string. So the text is recognised here first,
 * by the grammar of RFC 8259, in one pass and with the limits at hand; cJSON then only builds a
 * tree of bounded size, and when it returns nothing it was for lack of memory. Repeated keys are
 * looked for in the tree, where escapes are resolved.
 */

#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "strset.h"
#include "utf8.h"
#include "wire.h"

/* cJSON copies a number into a buffer of 64 bytes. */
#define NUMBER_MAX_BYTES 63

const struct json_limits json_request_limits = {
	.depth = WIRE_MAX_DEPTH,
	.n_members = WIRE_MAX_MEMBERS,
	.n_elements = WIRE_MAX_LINES,
};
const struct json_limits json_reply_limits = {
	.depth = 8,
	.n_members = WIRE_MAX_LINES,
	.n_elements = WIRE_MAX_LINES,
};
_Static_assert(WIRE_MAX_LINES <= STRSET_MAX, "the keys of one object fit a strset");

struct scan {
	const char *start, *p, *end;
	const struct json_limits *limits;
	struct json_fault *fault;
	unsigned depth;
	const char *key; /* the outermost object's newest key, as written, behind its quote */
};

static int scan_value(struct scan *scan);

static int fail(
	struct json_fault *fault, enum json_fault_kind kind, const char *key, const char *message)
{
	*fault = (struct json_fault){ .kind = kind };
	utf8_copy(fault->key, sizeof(fault->key), key);
	utf8_copy(fault->message, sizeof(fault->message), message);
	return -EBADMSG;
}

/* "the text ends" or "byte 17 is 'x'", with what should be there. */
static int fail_syntax(struct scan *scan, const char *expected)
{
	char message[240], found[48];
	unsigned char byte;

	if (scan->p >= scan->end) {
		(void)snprintf(found, sizeof(found), "the line ends");
	} else {
		byte = (unsigned char)*scan->p;
		(void)snprintf(found, sizeof(found),
			byte >= 0x20 && byte < 0x7f ? "byte %zu is '%c'" : "byte %zu is 0x%02x",
			(size_t)(scan->p - scan->start) + 1, byte);
	}
	(void)snprintf(
		message, sizeof(message), "not JSON: %s where %s is expected", found, expected);
	return fail(scan->fault, JSON_FAULT_SYNTAX, "", message);
}

static bool at(const struct scan *scan, char c)
{
	return scan->p < scan->end && *scan->p == c;
}

static bool take(struct scan *scan, char c)
{
	if (!at(scan, c))
		return false;
	scan->p++;
	return true;
}

static void skip_space(struct scan *scan)
{
	while (at(scan, ' ') || at(scan, '\t') || at(scan, '\r'))
		scan->p++;
}

/* Skips digits; false when there is none. */
static bool take_digits(struct scan *scan)
{
	const char *first = scan->p;

	while (scan->p < scan->end && *scan->p >= '0' && *scan->p <= '9')
		scan->p++;
	return scan->p > first;
}

static int scan_number(struct scan *scan)
{
	const char *first = scan->p;

	(void)take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return fail_syntax(scan, "a digit");
	if (take(scan, '.') && !take_digits(scan))
		return fail_syntax(scan, "a digit");
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '+'))
			(void)take(scan, '-');
		if (!take_digits(scan))
			return fail_syntax(scan, "a digit");
	}
	if (scan->p - first > NUMBER_MAX_BYTES)
		return fail(scan->fault, JSON_FAULT_SYNTAX, "", "a number has more than 63 digits");
	return 0;
}

/* The four digits of \uXXXX; -1 when they are not there. */
static int take_hex4(struct scan *scan)
{
	int code = 0;

	for (int i = 0; i < 4; i++) {
		char c = scan->p < scan->end ? *scan->p : '\0';

		if (c >= '0' && c <= '9')
			code = code * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
		scan->p++;
	}
	return code;
}

/* Behind \u: a code that stands for something, or two that make a surrogate pair. */
static int scan_unicode(struct scan *scan)
{
	int code = take_hex4(scan);

	if (code < 0)
		return fail_syntax(scan, "a hexadecimal digit");
	if (code == 0)
		return fail(scan->fault, JSON_FAULT_SYNTAX, "", "a string contains \\u0000");
	if (code < 0xd800 || code > 0xdfff)
		return 0;
	if (code < 0xdc00 && take(scan, '\\') && take(scan, 'u')) {
		code = take_hex4(scan);
		if (code >= 0xdc00 && code <= 0xdfff)
			return 0;
	}
	return fail(scan->fault, JSON_FAULT_SYNTAX, "", "a string contains half a surrogate pair");
}

static int scan_escape(struct scan *scan)
{
	char c = scan->p < scan->end ? *scan->p : '\0';

	if (c == '\0' || !strchr("\"\\/bfnrtu", c))
		return fail_syntax(scan, "an escape (one of \"\\/bfnrtu)");
	scan->p++;
	return c == 'u' ? scan_unicode(scan) : 0;
}

static int scan_string(struct scan *scan)
{
	int r;

	if (!take(scan, '"'))
		return fail_syntax(scan, "a string");
	while (scan->p < scan->end) {
		if ((unsigned char)*scan->p < 0x20)
			return fail_syntax(
				scan, "a character of a string (control characters are escaped)");
		if (take(scan, '"'))
			return 0;
		if (take(scan, '\\')) {
			r = scan_escape(scan);
			if (r < 0)
				return r;
		} else {
			scan->p++;
		}
	}
	return fail_syntax(scan, "the end of a string");
}

static int scan_word(struct scan *scan, const char *word)
{
	for (; *word; word++)
		if (!take(scan, *word))
			return fail_syntax(scan, "a value");
	return 0;
}

/* Too much in one object or array; inside the outermost one the member that it belongs to is named.
 */
static int fail_elements(struct scan *scan)
{
	char message[240], key[65];
	size_t n = 0;

	if (scan->depth == 1) {
		(void)snprintf(message, sizeof(message), "an object of more than %zu members",
			scan->limits->n_members);
		return fail(scan->fault, JSON_FAULT_MEMBERS, "", message);
	}
	while (scan->key[n] != '"' && scan->key[n] != '\\')
		n++;
	n = utf8_cut(scan->key, n, sizeof(key) - 1);
	memcpy(key, scan->key, n);
	key[n] = '\0';
	(void)snprintf(message, sizeof(message), "\"%s\" has more than %zu elements", key,
		scan->limits->n_elements);
	return fail(scan->fault, JSON_FAULT_ELEMENTS, key, message);
}

static int scan_key(struct scan *scan)
{
	int r;

	if (scan->depth == 1)
		scan->key = scan->p + 1;
	r = scan_string(scan);
	if (r < 0)
		return r;

	skip_space(scan);
	return take(scan, ':') ? 0 : fail_syntax(scan, "':'");
}

/* How many an object may have; an array is bounded by the line, and by the field that takes it. */
static size_t max_elements(const struct scan *scan, char close)
{
	if (close == ']')
		return SIZE_MAX;
	return scan->depth == 1 ? scan->limits->n_members : scan->limits->n_elements;
}

/* The elements of an object or array up to its closing bracket. */
static int scan_elements(struct scan *scan, char close)
{
	const size_t max = max_elements(scan, close);
	int r;

	skip_space(scan);
	if (take(scan, close))
		return 0;
	for (size_t n = 1;; n++) {
		if (n > max)
			return fail_elements(scan);
		skip_space(scan);
		r = close == '}' ? scan_key(scan) : 0;
		if (r < 0)
			return r;
		r = scan_value(scan);
		if (r < 0)
			return r;
		skip_space(scan);
		if (take(scan, close))
			return 0;
		if (!take(scan, ','))
			return fail_syntax(scan, close == '}' ? "',' or '}'" : "',' or ']'");
	}
}

static int scan_container(struct scan *scan, char close)
{
	char message[80];
	int r;

	if (scan->depth == scan->limits->depth) {
		(void)snprintf(message, sizeof(message),
			"objects and arrays nested deeper than %u levels", scan->limits->depth);
		return fail(scan->fault, JSON_FAULT_DEPTH, "", message);
	}
	scan->depth++;
	r = scan_elements(scan, close);
	scan->depth--;
	return r;
}

static int scan_value(struct scan *scan)
{
	skip_space(scan);
	if (take(scan, '{'))
		return scan_container(scan, '}');
	if (take(scan, '['))
		return scan_container(scan, ']');
	if (at(scan, '"'))
		return scan_string(scan);
	if (at(scan, 't'))
		return scan_word(scan, "true");
	if (at(scan, 'f'))
		return scan_word(scan, "false");
	if (at(scan, 'n'))
		return scan_word(scan, "null");
	if (at(scan, '-') || (scan->p < scan->end && *scan->p >= '0' && *scan->p <= '9'))
		return scan_number(scan);
	return fail_syntax(scan, "a value");
}

static int scan_text(struct scan *scan)
{
	int r;

	skip_space(scan);
	if (!at(scan, '{'))
		return fail_syntax(scan, "an object, such as {\"op\":\"ping\"},");
	r = scan_value(scan);
	if (r < 0)
		return r;

	skip_space(scan);
	if (scan->p < scan->end)
		return fail_syntax(scan, "the end of the line");
	return 0;
}

/* A key that this object has twice, or NULL. */
static const char *repeated_key(const cJSON *object)
{
	struct strset set;
	const cJSON *member;

	strset_init(&set, (size_t)cJSON_GetArraySize(object));
	cJSON_ArrayForEach(
		member, object) if (!strset_add(&set, member->string)) return member->string;
	return NULL;
}

/* Looks through the whole tree; the depth is bounded by now. */
static int check_keys(const cJSON *item, struct json_fault *fault)
{
	const char *key = cJSON_IsObject(item) ? repeated_key(item) : NULL;
	char message[240], shown[65];
	const cJSON *child;
	int r;

	if (key) {
		utf8_copy(shown, sizeof(shown), key);
		(void)snprintf(message, sizeof(message), "\"%s\" is given twice", shown);
		return fail(fault, JSON_FAULT_REPEATED, key, message);
	}
	cJSON_ArrayForEach(child, item)
	{
		r = check_keys(child, fault);
		if (r < 0)
			return r;
	}
	return 0;
}

int json_parse(const char *text, size_t n, const struct json_limits *limits, cJSON **ret,
	struct json_fault *fault)
{
	struct scan scan = {
		.start = text,
		.p = text,
		.end = text + n,
		.limits = limits,
		.fault = fault,
	};
	cJSON *tree;
	int r;

	if (!utf8_valid(text, n))
		return fail(fault, JSON_FAULT_UTF8, "", "not valid UTF-8");
	r = scan_text(&scan);
	if (r < 0)
		return r;

	tree = cJSON_ParseWithLength(text, n);
	if (!tree)
		return -ENOMEM;
	r = check_keys(tree, fault);
	if (r < 0) {
		cJSON_Delete(tree);
		return r;
	}
	*ret = tree;
	return 0;
}

int json_integer(const cJSON *item, int64_t *ret)
{
	double number = item->valuedouble;

	if (!cJSON_IsNumber(item))
		return -EINVAL;
	if (!(number >= -(double)JSON_INTEGER_MAX && number <= (double)JSON_INTEGER_MAX))
		return -ERANGE;
	if ((double)(int64_t)number != number)
		return -EINVAL;
	*ret = (int64_t)number;
	return 0;
}

const char *json_kind(const cJSON *item)
{
	static const struct {
		int type;
		const char *kind;
	} kinds[] = {
		{ cJSON_NULL, "null" },
		{ cJSON_True, "true" },
		{ cJSON_False, "false" },
		{ cJSON_Number, "a number" },
		{ cJSON_String, "a string" },
		{ cJSON_Array, "an array" },
		{ cJSON_Object, "an object" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((item->type & 0xff) == kinds[i].type)
			return kinds[i].kind;
	return "something else";
}
