/* SPDX-License-Identifier: MIT */
/*
 * One value: from text and back, by the type of its row. A refusal names what was written and what
 * is allowed; nothing is cut, rounded or guessed.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config_table.h"
#include "duration.h"
#include "word.h"

static int refuse(const struct config_row *row, const char *text, char *why)
{
	char allowed[CONFIG_ALLOWED_BYTES];

	(void)snprintf(why, CONFIG_WHY_BYTES, "\"%s\" is not allowed; allowed is %s", text,
		config_allowed(row, allowed));
	return -EINVAL;
}

/* Digits of the base and nothing else, up to max. */
static int parse_digits(const char *text, size_t n, unsigned base, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;

	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(text[i] - '0');

		if (digit >= base)
			return -EINVAL;
		number = number * base + digit;
		if (number > max)
			return -ERANGE;
	}
	*ret = number;
	return 0;
}

static int parse_text(const struct config_row *row, const char *text, void *value, char *why)
{
	size_t n = strlen(text);

	if (n < (size_t)row->min || n > (size_t)row->max) {
		(void)snprintf(why, CONFIG_WHY_BYTES, "\"%s\" has %zu bytes; allowed is %d to %d",
			text, n, (int)row->min, (int)row->max);
		return -EINVAL;
	}
	memcpy(value, text, n + 1);
	return 0;
}

static const char *format_text(const struct config_row *row, const void *value, char *buffer)
{
	(void)row;
	(void)snprintf(buffer, CONFIG_VALUE_BYTES, "%s", (const char *)value);
	return buffer;
}

static int parse_mode(const struct config_row *row, const char *text, void *value, char *why)
{
	size_t n = strlen(text);
	uint64_t mode;

	if (n < 3 || n > 4 || parse_digits(text, n, 8, (uint64_t)row->max, &mode) < 0)
		return refuse(row, text, why);
	*(mode_t *)value = (mode_t)mode;
	return 0;
}

static const char *format_mode(const struct config_row *row, const void *value, char *buffer)
{
	(void)row;
	(void)snprintf(buffer, CONFIG_VALUE_BYTES, "%04o", (unsigned)*(const mode_t *)value);
	return buffer;
}

static int parse_count(const struct config_row *row, const char *text, void *value, char *why)
{
	uint64_t number;
	int r;

	r = parse_digits(text, strlen(text), 10, (uint64_t)row->max, &number);
	if (r < 0 || number < (uint64_t)row->min)
		return refuse(row, text, why);
	*(unsigned *)value = (unsigned)number;
	return 0;
}

static const char *format_count(const struct config_row *row, const void *value, char *buffer)
{
	(void)row;
	(void)snprintf(buffer, CONFIG_VALUE_BYTES, "%u", *(const unsigned *)value);
	return buffer;
}

/* The largest size that this machine can map twice, whatever the row says. */
static struct config_row fit_machine(const struct config_row *row)
{
	struct config_row fit = *row;

	if (sizeof(size_t) < 8 && fit.max > 64 << 20)
		fit.max = 64 << 20;
	return fit;
}

static int parse_size(const struct config_row *row, const char *text, void *value, char *why)
{
	struct config_row fit = fit_machine(row);
	size_t n = strlen(text);
	unsigned shift = 0;
	uint64_t number;

	if (n > 0 && text[n - 1] == 'K')
		shift = 10;
	if (n > 0 && text[n - 1] == 'M')
		shift = 20;
	if (parse_digits(text, n - (shift > 0), 10, (uint64_t)fit.max, &number) < 0)
		return refuse(&fit, text, why);
	number <<= shift;
	if (number < (uint64_t)fit.min || number > (uint64_t)fit.max || (number & (number - 1)))
		return refuse(&fit, text, why);
	*(size_t *)value = (size_t)number;
	return 0;
}

static const char *format_size(const struct config_row *row, const void *value, char *buffer)
{
	size_t kib = *(const size_t *)value >> 10;

	(void)row;
	(void)snprintf(buffer, CONFIG_VALUE_BYTES, "%zu%c", kib % 1024 ? kib : kib >> 10,
		kib % 1024 ? 'K' : 'M');
	return buffer;
}

static const char *nearest_word(const struct config_row *row, const char *text)
{
	const struct config_choice *choice = NULL;
	const char *names[16];
	size_t n = 0;

	while (n < 16 && (choice = config_choice_next(row, choice)))
		names[n++] = choice->word;
	return nearest_name(text, names, n);
}

/* Words that people know from elsewhere, for those that are meant. */
static const struct {
	const char *said, *meant;
} synonyms[] = {
	{ "in", "input" },
	{ "out", "output" },
	{ "low", "0" },
	{ "off", "0" },
	{ "no", "0" },
	{ "false", "0" },
	{ "inactive", "0" },
	{ "high", "1" },
	{ "on", "1" },
	{ "yes", "1" },
	{ "true", "1" },
	{ "active", "1" },
	{ "up", "pull-up" },
	{ "pullup", "pull-up" },
	{ "down", "pull-down" },
	{ "pulldown", "pull-down" },
	{ "off", "disabled" },
	{ "none", "disabled" },
	{ "simulated", "sim" },
	{ "kernel", "gpiod" },
	{ "hold", "release" },
	{ "leave", "keep" },
};

static const char *synonym_of(const char *text, const char *word)
{
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (strcmp(synonyms[i].meant, word) == 0 && strcasecmp(synonyms[i].said, text) == 0)
			return word;
	return NULL;
}

static const char *meant_word(const struct config_row *row, const char *text)
{
	const struct config_choice *choice = NULL;
	const char *word = NULL;

	while (!word && (choice = config_choice_next(row, choice)))
		word = synonym_of(text, choice->word);
	return word ? word : nearest_word(row, text);
}

static int parse_choice(const struct config_row *row, const char *text, void *value, char *why)
{
	const struct config_choice *choice = NULL;
	const char *near;
	size_t n;

	while ((choice = config_choice_next(row, choice)))
		if (strcmp(choice->word, text) == 0) {
			*(unsigned *)value = choice->number;
			return 0;
		}
	(void)refuse(row, text, why);
	near = meant_word(row, text);
	n = strlen(why);
	if (near)
		(void)snprintf(why + n, CONFIG_WHY_BYTES - n, "; did you mean \"%s\"?", near);
	return -EINVAL;
}

static const char *word_of(const struct config_row *row, unsigned number)
{
	const struct config_choice *choice = NULL;

	while ((choice = config_choice_next(row, choice)))
		if (choice->number == number)
			return choice->word;
	return "";
}

static const char *format_choice(const struct config_row *row, const void *value, char *buffer)
{
	(void)snprintf(buffer, CONFIG_VALUE_BYTES, "%s", word_of(row, *(const unsigned *)value));
	return buffer;
}

/* The number of a word of n bytes, as a bit; 0 when there is none. */
static unsigned bit_of(const struct config_row *row, const char *text, size_t n)
{
	const struct config_choice *choice = NULL;

	while ((choice = config_choice_next(row, choice)))
		if (strlen(choice->word) == n && strncmp(choice->word, text, n) == 0)
			return 1u << choice->number;
	return 0;
}

static int parse_words(const struct config_row *row, const char *text, void *value, char *why)
{
	char word[INI_LINE_BYTES + 1];
	unsigned bits = 0, bit;

	while (word_next(&text, word, sizeof(word))) {
		bit = bit_of(row, word, strlen(word));
		if (!bit)
			return parse_choice(row, word, &bit, why); /* which says what is meant */
		bits |= bit;
	}
	if (!bits)
		return refuse(row, text, why);
	*(unsigned *)value = bits;
	return 0;
}

static const char *format_words(const struct config_row *row, const void *value, char *buffer)
{
	const unsigned bits = *(const unsigned *)value;
	const struct config_choice *choice = NULL;
	size_t n = 0;

	*buffer = '\0';
	while ((choice = config_choice_next(row, choice)))
		if ((bits >> choice->number) & 1)
			n += (size_t)snprintf(buffer + n, CONFIG_VALUE_BYTES - n, "%s%s",
				n > 0 ? " " : "", choice->word);
	return buffer;
}

/* By the number of their word in config.def. */
static const struct backend_ops *const backends[] = { &backend_gpiod, &backend_sim };

static int parse_backend(const struct config_row *row, const char *text, void *value, char *why)
{
	unsigned number;
	int r;

	r = parse_choice(row, text, &number, why);
	if (r < 0)
		return r;

	*(const struct backend_ops **)value = backends[number];
	return 0;
}

static const char *format_backend(const struct config_row *row, const void *value, char *buffer)
{
	const struct backend_ops *ops = *(const struct backend_ops *const *)value;

	return format_choice(row, &(unsigned){ ops == &backend_sim }, buffer);
}

static int parse_bool(const struct config_row *row, const char *text, void *value, char *why)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], text) == 0) {
			*(bool *)value = i % 2;
			return 0;
		}
	return refuse(row, text, why);
}

static const char *format_bool(const struct config_row *row, const void *value, char *buffer)
{
	(void)row;
	return strcpy(buffer, *(const bool *)value ? "yes" : "no");
}

/* "5 ms" has its unit, only not where it belongs. */
static bool is_duration_with_spaces(const char *text, char joined[static INI_LINE_BYTES + 1])
{
	uint64_t ns;
	size_t n = 0;

	for (const char *c = text; *c && n < INI_LINE_BYTES; c++)
		if (*c != ' ' && *c != '\t')
			joined[n++] = *c;
	joined[n] = '\0';
	return n < strlen(text) && duration_parse(joined, &ns) == 0;
}

static int parse_duration(const struct config_row *row, const char *text, void *value, char *why)
{
	char joined[INI_LINE_BYTES + 1];
	uint64_t ns;

	if (is_duration_with_spaces(text, joined)) {
		(void)snprintf(why, CONFIG_WHY_BYTES,
			"\"%s\" is not allowed; write it without a space, %s", text, joined);
		return -EINVAL;
	}

	if (duration_parse(text, &ns) < 0 || ns < (uint64_t)row->min || ns > (uint64_t)row->max)
		return refuse(row, text, why);
	*(uint64_t *)value = ns;
	return 0;
}

static const char *format_duration(const struct config_row *row, const void *value, char *buffer)
{
	uint64_t ns = *(const uint64_t *)value;

	(void)row;
	return ns ? duration_format(ns, buffer, CONFIG_VALUE_BYTES) : strcpy(buffer, "0ms");
}

static const struct type {
	int (*parse)(const struct config_row *row, const char *text, void *value, char *why);
	const char *(*format)(const struct config_row *row, const void *value, char *buffer);
	size_t bytes; /* 0: as long as the text is */
} types[CONFIG_TYPE_N] = {
	[CONFIG_TEXT] = { parse_text, format_text, 0 },
	[CONFIG_MODE] = { parse_mode, format_mode, sizeof(mode_t) },
	[CONFIG_BACKEND] = { parse_backend, format_backend, sizeof(const struct backend_ops *) },
	[CONFIG_SIZE] = { parse_size, format_size, sizeof(size_t) },
	[CONFIG_COUNT] = { parse_count, format_count, sizeof(unsigned) },
	[CONFIG_CHOICE] = { parse_choice, format_choice, sizeof(unsigned) },
	[CONFIG_WORDS] = { parse_words, format_words, sizeof(unsigned) },
	[CONFIG_BOOL] = { parse_bool, format_bool, sizeof(bool) },
	[CONFIG_DURATION] = { parse_duration, format_duration, sizeof(uint64_t) },
};

/* Of a line, quotes would become part of its name. */
static bool is_quoted(const char *text)
{
	size_t n = strlen(text);

	return n > 1 && (*text == '"' || *text == '\'') && text[n - 1] == *text;
}

int config_value_parse(const struct config_row *row, const char *text, void *base,
	char why[static CONFIG_WHY_BYTES])
{
	if (is_quoted(text)) {
		(void)snprintf(why, CONFIG_WHY_BYTES,
			"values stand without quotes; write %s = %.*s", row->key,
			(int)strlen(text) - 2, text + 1);
		return -EINVAL;
	}
	return types[row->type].parse(row, text, (char *)base + row->offset, why);
}

const char *config_value_format(
	const struct config_row *row, const void *base, char buffer[static CONFIG_VALUE_BYTES])
{
	return types[row->type].format(row, (const char *)base + row->offset, buffer);
}

bool config_value_same(const struct config_row *row, const void *a, const void *b)
{
	const char *one = (const char *)a + row->offset, *two = (const char *)b + row->offset;
	const size_t bytes = types[row->type].bytes;

	return bytes ? memcmp(one, two, bytes) == 0 : strcmp(one, two) == 0;
}

void config_value_copy(const struct config_row *row, void *to, const void *from)
{
	const char *value = (const char *)from + row->offset;
	const size_t bytes = types[row->type].bytes;

	memcpy((char *)to + row->offset, value, bytes ? bytes : strlen(value) + 1);
}
