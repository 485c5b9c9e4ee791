/* SPDX-License-Identifier: MIT */
/* The enumerations of wire.def: words and numbers. The tables are a handful of rows each, so that
 * every look-up is a short walk. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

#define WORDS_MAX 128 /* bytes of all words of one enumeration, joined */

struct enum_value {
	uint32_t number;
	const char *word;
};

struct wire_enumeration {
	const char *name;
	const struct enum_value *values;
	size_t n;
	char *words; /* WORDS_MAX bytes, made at the first use */
};

#define WIRE_ENUM_BEGIN(name, what)		     static const struct enum_value values_##name[] = {
#define WIRE_ENUM_VALUE(name, NUMBER, word, meaning) { NUMBER, word },
#define WIRE_ENUM_END(name) \
	}                   \
	;                   \
	static char words_##name[WORDS_MAX];
#include "wire.def"

static const struct wire_enumeration enumerations[] = {
#define WIRE_ENUM_BEGIN(name, what) \
	{ #name, values_##name, sizeof(values_##name) / sizeof(values_##name[0]), words_##name },
#include "wire.def"
};

enum {
#define WIRE_ENUM_BEGIN(name, what) ENUMERATION_##name,
#include "wire.def"
	ENUMERATION_N
};

const struct wire_enumeration *wire_enumeration_find(const char *name)
{
	for (size_t i = 0; i < ENUMERATION_N; i++)
		if (strcmp(enumerations[i].name, name) == 0)
			return &enumerations[i];
	return NULL;
}

const char *wire_enumeration_word(const struct wire_enumeration *enumeration, uint32_t number)
{
	for (size_t i = 0; i < enumeration->n; i++)
		if (enumeration->values[i].number == number)
			return enumeration->values[i].word;
	return NULL;
}

const char *wire_enumeration_nth(const struct wire_enumeration *enumeration, size_t i)
{
	return i < enumeration->n ? enumeration->values[i].word : NULL;
}

int wire_enumeration_number(const struct wire_enumeration *enumeration, const char *word)
{
	for (size_t i = 0; i < enumeration->n; i++)
		if (strcmp(enumeration->values[i].word, word) == 0)
			return (int)enumeration->values[i].number;
	return -ENOENT;
}

const char *wire_enumeration_words(const struct wire_enumeration *enumeration)
{
	size_t n = 0;

	if (enumeration->words[0])
		return enumeration->words;
	for (size_t i = 0; i < enumeration->n; i++) {
		const char *between = i == 0 ? "" : i + 1 == enumeration->n ? " or " : ", ";

		n += (size_t)snprintf(enumeration->words + n, WORDS_MAX - n, "%s%s", between,
			enumeration->values[i].word);
		if (n >= WORDS_MAX)
			break;
	}
	return enumeration->words;
}

const char *wire_enumeration_nearest(
	const struct wire_enumeration *enumeration, const char *written)
{
	const char *words[16];
	size_t n = 0;

	for (; n < enumeration->n && n < sizeof(words) / sizeof(words[0]); n++)
		words[n] = enumeration->values[n].word;
	return nearest_name(written, words, n);
}

const char *direction_word(enum direction direction)
{
	return wire_enumeration_word(&enumerations[ENUMERATION_direction], direction);
}

const char *bias_word(enum bias bias)
{
	return wire_enumeration_word(&enumerations[ENUMERATION_bias], bias);
}

const char *drive_word(enum drive drive)
{
	return wire_enumeration_word(&enumerations[ENUMERATION_drive], drive);
}

const char *edges_word(enum edges edges)
{
	return wire_enumeration_word(&enumerations[ENUMERATION_edges], edges);
}
