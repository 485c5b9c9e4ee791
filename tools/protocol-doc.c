/* SPDX-License-Identifier: MIT */
/*
 * Writes what follows from wire.def, so that it cannot differ from the code:
 *
 *   protocol-doc markdown docs/protocol.in.md    the document: the prose, with each line @NAME@
 *                                                replaced by the tables of that name
 *   protocol-doc json                            all rows, for tests and tools
 *   protocol-doc dict                            libFuzzer's dictionary
 *   protocol-doc seeds DIRECTORY                 the example requests, one file each, to fuzz from
 *
 * It needs no library but the JSON writer, so that it also builds where nothing is installed.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "jsonw.h"
#include "wire.h"

/* One row of any kind of field; `of` is the operation, event, object or enumeration it belongs to.
 */
struct row {
	const char *of, *key, *type, *enumeration, *presence;
	int64_t min, max;
	const char *meaning;
};

struct group {
	const char *name, *what;
};

struct example {
	const char *of, *request, *reply; /* of an event: reply alone */
};

static const struct row errors[] = {
#define WIRE_ERROR(NAME, code, CLASS, when) { "", code, #CLASS, "", "", 0, 0, when },
#include "wire.def"
	{ 0 }
};

static const struct row limits[] = {
#define WIRE_LIMIT(NAME, number, unit, what) { "", #NAME, unit, "", "", number, 0, what },
#include "wire.def"
	{ 0 }
};

static const struct group enumerations[] = {
#define WIRE_ENUM_BEGIN(name, what) { #name, what },
#include "wire.def"
	{ 0 }
};

static const struct row words[] = {
#define WIRE_ENUM_VALUE(name, NUMBER, word, meaning) \
	{ #name, word, "", "", "", NUMBER, 0, meaning },
#include "wire.def"
	{ 0 }
};

static const struct group ops[] = {
#define WIRE_OP_BEGIN(NAME, name, what) { #name, what },
#include "wire.def"
	{ 0 }
};

static const struct row fields[] = {
#define WIRE_FIELD(name, member, key, TYPE, enumeration, presence, min, max, meaning) \
	{ #name, key, #TYPE, #enumeration, #presence, min, max, meaning },
#include "wire.def"
	{ 0 }
};

static const struct row results[] = {
#define WIRE_RESULT(name, key, TYPE, presence, meaning) \
	{ #name, key, #TYPE, "NONE", #presence, 0, 0, meaning },
#include "wire.def"
	{ 0 }
};

static const struct example examples[] = {
#define WIRE_EXAMPLE(name, request, reply) { #name, request, reply },
#include "wire.def"
	{ 0 }
};

static const struct group events[] = {
#define WIRE_EVENT_BEGIN(NAME, name, event, when) { event, when },
#include "wire.def"
	{ 0 }
};

/* Event rows are told apart by the C name, the document by the wire's: "timer-ended". */
static const struct group event_names[] = {
#define WIRE_EVENT_BEGIN(NAME, name, event, when) { #name, event },
#include "wire.def"
	{ 0 }
};

static const struct row event_fields[] = {
#define WIRE_EVENT_FIELD(name, key, TYPE, presence, meaning) \
	{ #name, key, #TYPE, "NONE", #presence, 0, 0, meaning },
#include "wire.def"
	{ 0 }
};

static const struct example event_examples[] = {
#define WIRE_EVENT_EXAMPLE(name, event) { #name, NULL, event },
#include "wire.def"
	{ 0 }
};

static const struct group objects[] = {
#define WIRE_OBJECT_BEGIN(name, what) { #name, what },
#include "wire.def"
	{ 0 }
};

static const struct row object_fields[] = {
#define WIRE_OBJECT_FIELD(name, key, TYPE, presence, meaning) \
	{ #name, key, #TYPE, "NONE", #presence, 0, 0, meaning },
#include "wire.def"
	{ 0 }
};

static const struct {
	const char *type, *request, *reply;
} type_words[] = {
	{ "STRING", "string", "string" },
	{ "NAMES", "name or array of names", "" },
	{ "INTEGER", "integer", "integer" },
	{ "DURATION", "duration", "duration" },
	{ "BOOL", "boolean", "boolean" },
	{ "ENUM", "word", "word" },
	{ "FLAGS", "word or array of words", "array of words" },
	{ "VALUE", "value: 0, 1, false, true", "value: 0, 1 or null" },
	{ "VALUES", "object or array of values", "" },
	{ "OBJECT", "object", "object" },
	{ "ARRAY", "array", "array" },
	{ "OBJECTS", "array of objects", "array of objects" },
};

/* WORDS in lower case with hyphens: NOT_FOUND becomes not-found. */
static const char *lower(const char *word, char buffer[64])
{
	size_t i = 0;

	for (; word[i] && i < 63; i++)
		buffer[i] = word[i] == '_'
				    ? '-'
				    : (char)(word[i] | ((word[i] >= 'A' && word[i] <= 'Z') << 5));
	buffer[i] = '\0';
	return buffer;
}

static const char *type_word(const char *type, bool in_request)
{
	for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]); i++)
		if (strcmp(type_words[i].type, type) == 0)
			return in_request ? type_words[i].request : type_words[i].reply;
	return "";
}

static bool is_of(const char *of, const char *name)
{
	return strcmp(of, name) == 0;
}

/* Markdown. */

static void print_bounds(const struct row *row)
{
	char min[DURATION_MAX], max[DURATION_MAX];

	if (is_of(row->type, "STRING") || is_of(row->type, "NAMES") || is_of(row->type, "VALUES"))
		printf(", %" PRId64 " to %" PRId64 " bytes", row->min, row->max);
	else if (is_of(row->type, "INTEGER"))
		printf(", %" PRId64 " to %" PRId64, row->min, row->max);
	else if (is_of(row->type, "DURATION"))
		printf(", %s to %s", duration_format((uint64_t)row->min, min, sizeof(min)),
			duration_format((uint64_t)row->max, max, sizeof(max)));
	else if (!is_of(row->enumeration, "NONE"))
		printf(" of [%s](#%s)", row->enumeration, row->enumeration);
}

static void print_rows(const char *of, const struct row *rows, const char *title, bool in_request)
{
	char presence[64];
	bool any = false;

	for (; rows->key; rows++) {
		if (!is_of(rows->of, of))
			continue;
		if (!any)
			printf("| %s | type | | meaning |\n| --- | --- | --- | --- |\n", title);
		any = true;
		printf("| %s`%s` | %s", in_request && is_of(rows->key, "lines") ? "`line`, " : "",
			rows->key, type_word(rows->type, in_request));
		if (in_request)
			print_bounds(rows);
		printf(" | %s | %s |\n", lower(rows->presence, presence), rows->meaning);
	}
	if (any)
		printf("\n");
}

static void print_examples(const char *of, const struct example *rows)
{
	for (; rows->of; rows++) {
		if (!is_of(rows->of, of))
			continue;
		printf("```\n");
		if (rows->request)
			printf("%s\n", rows->request);
		printf("%s\n```\n\n", rows->reply);
	}
}

static void print_operations(void)
{
	for (const struct group *op = ops; op->name; op++) {
		printf("### %s\n\n%s\n\n", op->name, op->what);
		print_rows(op->name, fields, "field", true);
		print_rows(op->name, results, "reply", false);
		print_examples(op->name, examples);
	}
}

static void print_events(void)
{
	for (size_t i = 0; events[i].name; i++) {
		printf("### Event %s\n\n%s\n\n", events[i].name, events[i].what);
		print_rows(event_names[i].name, event_fields, "field", false);
		print_examples(event_names[i].name, event_examples);
	}
}

static void print_objects(void)
{
	for (const struct group *object = objects; object->name; object++) {
		printf("### %c%s objects\n\n%s\n\n", object->name[0] & ~0x20, object->name + 1,
			object->what);
		print_rows(object->name, object_fields, "field", false);
	}
}

static void print_enumerations(void)
{
	for (const struct group *enumeration = enumerations; enumeration->name; enumeration++) {
		printf("### %s\n\n%s\n\n| word | meaning |\n| --- | --- |\n", enumeration->name,
			enumeration->what);
		for (const struct row *row = words; row->key; row++)
			if (is_of(row->of, enumeration->name))
				printf("| `%s` | %s |\n", row->key, row->meaning);
		printf("\n");
	}
}

static void print_limits(void)
{
	printf("| limit | what |\n| --- | --- |\n");
	for (const struct row *row = limits; row->key; row++)
		printf("| %" PRId64 " %s | %s |\n", row->min, row->type, row->meaning);
	printf("\n");
}

static void print_errors(void)
{
	char class[64];

	printf("| code | class | when |\n| --- | --- | --- |\n");
	for (const struct row *row = errors; row->key; row++)
		printf("| `%s` | %s | %s |\n", row->key, lower(row->type, class), row->meaning);
	printf("\n");
}

static const struct {
	const char *marker;
	void (*print)(void);
} parts[] = {
	{ "@operations@\n", print_operations },
	{ "@events@\n", print_events },
	{ "@objects@\n", print_objects },
	{ "@enumerations@\n", print_enumerations },
	{ "@limits@\n", print_limits },
	{ "@errors@\n", print_errors },
};

static int write_markdown(const char *template)
{
	FILE *file = fopen(template, "r");
	char line[4096];

	if (!file)
		return -errno;
	printf("<!-- Made by `make docs` from %s and client/lib/wire.def; change those. -->\n",
		template);
	while (fgets(line, sizeof(line), file)) {
		size_t i = 0;

		while (i < sizeof(parts) / sizeof(parts[0]) && strcmp(parts[i].marker, line) != 0)
			i++;
		if (i < sizeof(parts) / sizeof(parts[0]))
			parts[i].print();
		else
			fputs(line, stdout);
	}
	fclose(file);
	return 0;
}

/* JSON. */

static void json_rows(
	struct jsonw *w, const char *key, const char *of, const struct row *rows, bool bounds)
{
	char word[64];

	jsonw_key(w, key);
	jsonw_begin_object(w);
	for (; rows->key; rows++) {
		if (!is_of(rows->of, of))
			continue;
		jsonw_key(w, rows->key);
		jsonw_begin_object(w);
		jsonw_member_string(w, "type", lower(rows->type, word));
		jsonw_member_string(w, "presence", lower(rows->presence, word));
		if (bounds) {
			jsonw_member_i64(w, "min", rows->min);
			jsonw_member_i64(w, "max", rows->max);
			jsonw_member_string(w, "enumeration",
				is_of(rows->enumeration, "NONE") ? NULL : rows->enumeration);
		}
		jsonw_member_string(w, "meaning", rows->meaning);
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void json_examples(struct jsonw *w, const char *of, const struct example *rows)
{
	jsonw_key(w, "examples");
	jsonw_begin_array(w);
	for (; rows->of; rows++) {
		if (!is_of(rows->of, of))
			continue;
		jsonw_begin_object(w);
		if (rows->request) {
			jsonw_key(w, "request");
			jsonw_raw(w, rows->request, strlen(rows->request));
		}
		jsonw_key(w, rows->request ? "reply" : "event");
		jsonw_raw(w, rows->reply, strlen(rows->reply));
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void json_operations(struct jsonw *w)
{
	jsonw_key(w, "operations");
	jsonw_begin_object(w);
	for (const struct group *op = ops; op->name; op++) {
		jsonw_key(w, op->name);
		jsonw_begin_object(w);
		jsonw_member_string(w, "what", op->what);
		json_rows(w, "fields", op->name, fields, true);
		json_rows(w, "results", op->name, results, false);
		json_examples(w, op->name, examples);
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void json_events(struct jsonw *w)
{
	jsonw_key(w, "events");
	jsonw_begin_object(w);
	for (size_t i = 0; events[i].name; i++) {
		jsonw_key(w, events[i].name);
		jsonw_begin_object(w);
		jsonw_member_string(w, "when", events[i].what);
		json_rows(w, "fields", event_names[i].name, event_fields, false);
		json_examples(w, event_names[i].name, event_examples);
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void json_objects(struct jsonw *w)
{
	jsonw_key(w, "objects");
	jsonw_begin_object(w);
	for (const struct group *object = objects; object->name; object++) {
		jsonw_key(w, object->name);
		jsonw_begin_object(w);
		jsonw_member_string(w, "what", object->what);
		json_rows(w, "fields", object->name, object_fields, false);
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void json_enumerations(struct jsonw *w)
{
	jsonw_key(w, "enumerations");
	jsonw_begin_object(w);
	for (const struct group *enumeration = enumerations; enumeration->name; enumeration++) {
		jsonw_key(w, enumeration->name);
		jsonw_begin_object(w);
		for (const struct row *row = words; row->key; row++)
			if (is_of(row->of, enumeration->name))
				jsonw_member_i64(w, row->key, row->min);
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void json_limits(struct jsonw *w)
{
	jsonw_key(w, "limits");
	jsonw_begin_object(w);
	for (const struct row *row = limits; row->key; row++)
		jsonw_member_i64(w, row->key, row->min);
	jsonw_end_object(w);
}

static void json_errors(struct jsonw *w)
{
	char class[64];

	jsonw_key(w, "errors");
	jsonw_begin_object(w);
	for (const struct row *row = errors; row->key; row++)
		jsonw_member_string(w, row->key, lower(row->type, class));
	jsonw_end_object(w);
}

static int write_json(const char *unused)
{
	static char buffer[256 * 1024];
	struct jsonw w;

	(void)unused;
	jsonw_init(&w, buffer, sizeof(buffer));
	jsonw_begin_object(&w);
	jsonw_member_i64(&w, "protocol", WIRE_PROTOCOL);
	json_limits(&w);
	json_errors(&w);
	json_enumerations(&w);
	json_objects(&w);
	json_operations(&w);
	json_events(&w);
	jsonw_end_object(&w);
	if (w.overflow)
		return -ENOSPC;
	printf("%.*s\n", (int)w.n, buffer);
	return 0;
}

/* What the fuzzer uses. */

static bool seen_before(const struct row *rows, const struct row *row)
{
	for (; rows < row; rows++)
		if (strcmp(rows->key, row->key) == 0)
			return true;
	return false;
}

static void dict_keys(const struct row *rows)
{
	for (const struct row *row = rows; row->key; row++)
		if (!seen_before(rows, row))
			printf("\"\\\"%s\\\"\"\n", row->key);
}

static int write_dict(const char *unused)
{
	static const char *const tokens[] = { "{", "}", "[", "]", ":", ",", "null", "true", "false",
		"1e999", "\\\\u0000", "\\\\ud800", "\\\"*\\\"",
		"\\\"op\\\":", "\\\"id\\\":", "\\\"line\\\":", "\\\"2s\\\"", "\\\"1.5ms\\\"",
		"9007199254740991" };

	(void)unused;
	printf("# SPDX-License-Identifier: MIT\n# Made by `make docs` from client/lib/wire.def.\n");
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		printf("\"%s\"\n", tokens[i]);
	for (const struct group *op = ops; op->name; op++)
		printf("\"{\\\"op\\\":\\\"%s\\\"\"\n", op->name);
	dict_keys(fields);
	dict_keys(words);
	return 0;
}

static int write_seeds(const char *directory)
{
	for (const struct example *example = examples; example->of; example++) {
		char path[4096];
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/%s", directory, example->of);
		file = fopen(path, "w");
		if (!file)
			return -errno;
		fputs(example->request, file);
		fclose(file);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const char *argument);
	bool has_argument;
} modes[] = {
	{ "markdown", write_markdown, true },
	{ "json", write_json, false },
	{ "dict", write_dict, false },
	{ "seeds", write_seeds, true },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		int r;

		if (strcmp(modes[i].name, argv[1]) != 0 || argc != 2 + modes[i].has_argument)
			continue;
		r = modes[i].run(argv[2]);
		if (r < 0)
			fprintf(stderr, "protocol-doc: %s: %s\n", argv[1], strerror(-r));
		return r < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	fprintf(stderr, "usage: protocol-doc markdown TEMPLATE | json | dict | seeds DIRECTORY\n");
	return EXIT_FAILURE;
}
