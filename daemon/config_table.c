/* SPDX-License-Identifier: MIT */
/* The rows of config.def, and what can be said of a row alone. */

#include "config_table.h"

#include <stdio.h>
#include <string.h>

#include "duration.h"

#define BASE_DAEMON    struct config
#define BASE_LINE      struct line_config
#define BASE_INTERLOCK struct interlock_config
#define BASE_CHIP      struct chip_draft
#define BASE_SOCKET    struct socket_config
#define BASE_ACCESS    struct access_rule

const struct config_section_row config_sections[CONFIG_SECTION_N] = {
#define CONFIG_SECTION(NAME, word, argument, what) { word, argument, what },
#include "config.def"
};

const struct config_row config_rows[CONFIG_ROWS_N] = {
#define CONFIG_KEY(SECTION, member, key, TYPE, words, presence, standard, min, max, unit, help)   \
	{ CONFIG_SECTION_##SECTION, key, CONFIG_##TYPE, #words, CONFIG_##presence, standard, min, \
		max, unit, help, offsetof(BASE_##SECTION, member) },
#include "config.def"
};

/* A choice is stored through a pointer to unsigned. */
#define FITS(type) _Static_assert(sizeof(type) == sizeof(unsigned), #type)
FITS(enum direction);
FITS(enum bias);
FITS(enum drive);
FITS(enum edges);
FITS(enum initial);
FITS(enum on_exit);
FITS(enum safe);

static const struct config_choice choices[] = {
#define CONFIG_CHOICE(words, NUMBER, word, meaning) { #words, NUMBER, word, meaning },
#include "config.def"
#define WIRE_ENUM_VALUE(name, NUMBER, word, meaning) { #name, NUMBER, word, meaning },
#include "wire.def"
	{ 0 },
};

const struct config_row *config_row_find(enum config_section section, const char *key)
{
	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (config_rows[i].section == section && strcmp(config_rows[i].key, key) == 0)
			return &config_rows[i];
	return NULL;
}

const struct config_choice *config_choice_next(
	const struct config_row *row, const struct config_choice *last)
{
	const struct config_choice *choice = last ? last + 1 : choices;

	for (; choice->words; choice++)
		if (strcmp(choice->words, row->words) == 0 && choice->number >= row->min &&
			choice->number <= row->max)
			return choice;
	return NULL;
}

static const char *allowed_words(const struct config_row *row, char *buffer)
{
	const struct config_choice *choice = config_choice_next(row, NULL);
	size_t n = 0;

	*buffer = '\0';
	while (choice && n < CONFIG_ALLOWED_BYTES) {
		const struct config_choice *next = config_choice_next(row, choice);
		const char *between = n == 0 ? "" : next ? ", " : " or ";

		n += (size_t)snprintf(
			buffer + n, CONFIG_ALLOWED_BYTES - n, "%s%s", between, choice->word);
		choice = next;
	}
	return buffer;
}

static const char *allowed_duration(const struct config_row *row, char *buffer)
{
	char min[DURATION_MAX], max[DURATION_MAX];

	(void)snprintf(buffer, CONFIG_ALLOWED_BYTES,
		"%s to %s, with a unit: ns, us, ms, s, min, h or d",
		duration_format((uint64_t)row->min, min, sizeof(min)),
		duration_format((uint64_t)row->max, max, sizeof(max)));
	return buffer;
}

static const char *allowed_size(const struct config_row *row, char *buffer)
{
	(void)snprintf(buffer, CONFIG_ALLOWED_BYTES, "%uK to %uM, a power of two",
		(unsigned)(row->min >> 10), (unsigned)(row->max >> 20));
	return buffer;
}

static const char *allowed_number(const struct config_row *row, char *buffer)
{
	(void)snprintf(buffer, CONFIG_ALLOWED_BYTES, "%d to %d %s", (int)row->min, (int)row->max,
		row->unit);
	return buffer;
}

static const char *allowed_bool(const struct config_row *row, char *buffer)
{
	(void)row;
	return strcpy(buffer, "yes, true, on or 1, and no, false, off or 0");
}

static const char *allowed_mode(const struct config_row *row, char *buffer)
{
	(void)row;
	return strcpy(buffer, "0000 to 0777, octal digits");
}

static const char *(*const allowed[CONFIG_TYPE_N])(const struct config_row *row, char *buffer) = {
	[CONFIG_TEXT] = allowed_number,
	[CONFIG_MODE] = allowed_mode,
	[CONFIG_BACKEND] = allowed_words,
	[CONFIG_SIZE] = allowed_size,
	[CONFIG_COUNT] = allowed_number,
	[CONFIG_CHOICE] = allowed_words,
	[CONFIG_WORDS] = allowed_words,
	[CONFIG_BOOL] = allowed_bool,
	[CONFIG_DURATION] = allowed_duration,
};

const char *config_allowed(const struct config_row *row, char buffer[static CONFIG_ALLOWED_BYTES])
{
	return allowed[row->type](row, buffer);
}
