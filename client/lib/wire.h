/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The protocol as C: enumerators, argument structs and tables made from wire.def, and the decoder
 * that turns one request line into a checked struct. Daemon, gpioctl, docs and tests read the same
 * rows, so that they cannot disagree.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

#define WIRE_PROTOCOL 1

/* Kinds of a line's events, as bits. */
enum kinds { KIND_EDGE = 1, KIND_OUTPUT = 2, KIND_LINE = 4, KIND_ALL = 7 };

enum wire_class {
	WIRE_CLASS_USAGE,
	WIRE_CLASS_NOT_FOUND,
	WIRE_CLASS_DENIED,
	WIRE_CLASS_BUSY,
	WIRE_CLASS_LIMIT,
	WIRE_CLASS_FAILED,
	WIRE_CLASS_N
};

enum wire_error {
	WIRE_OK,
#define WIRE_ERROR(NAME, code, CLASS, when) WIRE_E_##NAME,
#include "wire.def"
	WIRE_E_N
};

enum wire_limit {
#define WIRE_LIMIT(NAME, number, unit, what) WIRE_MAX_##NAME = number,
#include "wire.def"
};

enum wire_op {
#define WIRE_OP_BEGIN(NAME, name, what) WIRE_OP_##NAME,
#include "wire.def"
	WIRE_OP_N
};

enum wire_type {
	WIRE_STRING,
	WIRE_NAMES,
	WIRE_INTEGER,
	WIRE_DURATION,
	WIRE_BOOL,
	WIRE_ENUM,
	WIRE_FLAGS,
	WIRE_VALUE,
	WIRE_VALUES,
	WIRE_OBJECT,
	WIRE_ARRAY,
	WIRE_OBJECTS
};

enum wire_presence { WIRE_REQUIRED, WIRE_OPTIONAL, WIRE_NULLABLE };

/* Names as written, in order, without repetition; "*" alone sets `all` and leaves n at 0. */
struct wire_names {
	size_t n;
	bool all;
	const char **v;
};

/* n names with a value each; when given as an array, name[i] is NULL and `lines` has the names. */
struct wire_values {
	size_t n;
	const char **names;
	const uint8_t *v;
};

/*
 * The arguments of each operation: struct args_set and so on, with `given` and `nulls` as bit masks
 * of the fields that were present and that were null: bit i is the i-th WIRE_FIELD row. All
 * pointers point into the decoder and are valid until its next use.
 */
#define WIRE_C_STRING	const char *
#define WIRE_C_NAMES	struct wire_names
#define WIRE_C_INTEGER	int64_t
#define WIRE_C_DURATION uint64_t
#define WIRE_C_BOOL	bool
#define WIRE_C_ENUM	uint32_t
#define WIRE_C_FLAGS	uint32_t
#define WIRE_C_VALUE	uint8_t
#define WIRE_C_VALUES	struct wire_values

#define WIRE_OP_BEGIN(NAME, name, what) \
	struct args_##name {            \
		uint32_t given;         \
		uint32_t nulls;
#define WIRE_FIELD(name, member, key, TYPE, enumeration, presence, min, max, meaning) \
	WIRE_C_##TYPE member;
#define WIRE_OP_END(NAME, name) \
	}                       \
	;
#include "wire.def"

/* WIRE_GIVEN_set_value and so on: the bits of `given`. */
#define WIRE_OP_BEGIN(NAME, name, what) enum {
#define WIRE_FIELD(name, member, key, TYPE, enumeration, presence, min, max, meaning) \
	WIRE_BIT_##name##_##member,
#define WIRE_OP_END(NAME, name) \
	WIRE_N_FIELDS_##name    \
	}                       \
	;
#include "wire.def"
#define WIRE_GIVEN(args, name, member) (((args)->given >> WIRE_BIT_##name##_##member) & 1u)
#define WIRE_NULL(args, name, member)  (((args)->nulls >> WIRE_BIT_##name##_##member) & 1u)

/* `id` of a request, to be returned unchanged. */
struct wire_id {
	enum { WIRE_ID_ABSENT, WIRE_ID_NULL, WIRE_ID_INTEGER, WIRE_ID_STRING } type;
	int64_t integer;
	char string[WIRE_MAX_NAME_BYTES + 1];
};

struct wire_request {
	enum wire_op op;
	struct wire_id id;
	union {
#define WIRE_OP_BEGIN(NAME, name, what) struct args_##name name;
#include "wire.def"
	} args;
};

/* What is wrong with a request, in enough detail for a reply that a person can act on. */
#define PROBLEM_CANDIDATES 8
struct wire_problem {
	enum wire_error code;
	char message[400];
	char field[WIRE_MAX_NAME_BYTES + 1]; /* "" when no field is to blame; so below */
	char line[WIRE_MAX_NAME_BYTES + 1];
	char have[32];
	size_t n_candidates;
	char candidates[PROBLEM_CANDIDATES][WIRE_MAX_NAME_BYTES + 1];
	struct {
		bool is_client, is_other; /* other: another process, known by its consumer only */
		char client[WIRE_MAX_NAME_BYTES + 1];
		uint64_t peer;
		int32_t pid;
		uint32_t uid;
		char consumer[32];
	} holder;
	char interlock[WIRE_MAX_NAME_BYTES + 1]; /* and the line of it that is 1 */
	char on[WIRE_MAX_NAME_BYTES + 1];
	bool has_supported;	    /* unsupported protocol: the reply says what is supported */
	size_t n_applied;	    /* lines written before a hardware error */
	const char *const *applied; /* their canonical names; owned by whoever fills it */
	size_t n_problems;
	char *const *problems; /* of the configuration; owned by whoever fills it */
};

/* Fills code and message, clears the rest; returns code, so that callers can return it. */
enum wire_error problem_set(struct wire_problem *problem, enum wire_error code, const char *format,
	...) __attribute__((format(printf, 3, 4)));
/* The same with the field to blame. */
enum wire_error problem_field(struct wire_problem *problem, enum wire_error code, const char *field,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

struct wire_decoder; /* owns the parsed tree and the arrays that a request points into */
int wire_decoder_new(struct wire_decoder **ret);
struct wire_decoder *wire_decoder_free(
	struct wire_decoder *decoder); /* accepts NULL, returns NULL */

/*
 * Decodes one frame of n bytes without its newline, checking everything that the table can say:
 * JSON, UTF-8, unknown, missing and doubled fields, types, bounds, words. ret->id is set as soon as
 * it could be read, also on failure (NULL type when the frame could not be parsed). `line` and
 * `lines` are one field; giving both is bad-type. A word that an enumeration lacks is out-of-range,
 * more than WIRE_MAX_LINES names are limit. WIRE_OK, or the code that is in *problem.
 */
enum wire_error wire_decode(struct wire_decoder *decoder, const char *frame, size_t n,
	struct wire_request *ret, struct wire_problem *problem);

/* Look-ups in the table. wire_word and wire_code_name: NULL when there is none. */
const char *wire_error_code(enum wire_error error);
enum wire_class wire_error_class(enum wire_error error);
const char *wire_class_name(enum wire_class class);
/* The nearest of n names to what was written, by edit distance, or NULL when none is near. */
const char *nearest_name(const char *written, const char *const *names, size_t n);

/* Enumerations by name ("bias"): word of a number and number of a word (-ENOENT). */
struct wire_enumeration;
const struct wire_enumeration *wire_enumeration_find(const char *name);
const char *wire_enumeration_word(const struct wire_enumeration *enumeration, uint32_t number);
/* The words in their order; NULL behind the last. */
const char *wire_enumeration_nth(const struct wire_enumeration *enumeration, size_t i);
int wire_enumeration_number(const struct wire_enumeration *enumeration, const char *word);
/* "input, output or any", for messages; static storage per enumeration. */
const char *wire_enumeration_words(const struct wire_enumeration *enumeration);
/* The nearest word to what was written, or NULL. */
const char *wire_enumeration_nearest(
	const struct wire_enumeration *enumeration, const char *written);
/* Short forms for what the daemon writes all the time. */
const char *direction_word(enum direction direction);
const char *bias_word(enum bias bias);
const char *drive_word(enum drive drive);
const char *edges_word(enum edges edges);

/* The rows themselves, for help, documentation and tests. */
struct wire_field_row {
	const char *key;
	enum wire_type type;
	const char *enumeration; /* "NONE" or a name for wire_enumeration_find */
	enum wire_presence presence;
	int64_t min, max;
	const char *meaning;
	size_t offset; /* in the operation's struct */
};
struct wire_op_row {
	const char *name;
	const char *what;
	const struct wire_field_row *fields;
	size_t n_fields;
};
extern const struct wire_op_row wire_ops[WIRE_OP_N];
