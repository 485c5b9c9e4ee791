/* SPDX-License-Identifier: MIT */
/*
 * Prints a configuration as a file that can be read again: each key with what it means, what is
 * allowed and its default; commented out where the default is in force.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config_draft.h"

#define COLUMNS 90

struct printer {
	void (*put)(const char *text, void *data);
	void *data;
};

static void putf(const struct printer *to, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void putf(const struct printer *to, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	to->put(text, to->data);
}

/* As a comment, broken between words. */
static void put_comment(const struct printer *to, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column > 0 && column + 1 + n > COLUMNS) {
			to->put("\n", to->data);
			column = 0;
		}
		putf(to, "%s %.*s", column == 0 ? "#" : "", (int)n, text);
		column += n + 1 + (column == 0);
		text += n + strspn(text + n, " ");
	}
	to->put("\n", to->data);
}

static void put_choices(const struct printer *to, const struct config_row *row)
{
	const struct config_choice *choice = NULL;

	while ((choice = config_choice_next(row, choice)))
		putf(to, "#   %-12s %s\n", choice->word, choice->meaning);
}

static void put_help(const struct printer *to, const struct config_row *row)
{
	char text[CONFIG_ALLOWED_BYTES + 64], allowed[CONFIG_ALLOWED_BYTES];
	const char *standard = *row->standard ? row->standard : "empty";

	to->put("\n", to->data);
	put_comment(to, row->help);
	if (config_row_has_words(row))
		put_choices(to, row);
	if (config_row_has_words(row))
		(void)snprintf(text, sizeof(text), "Default: %s.", standard);
	else if (row->presence == CONFIG_REQUIRED)
		(void)snprintf(
			text, sizeof(text), "Must be given: %s.", config_allowed(row, allowed));
	else
		(void)snprintf(text, sizeof(text), "Default: %s. Allowed: %s.", standard,
			config_allowed(row, allowed));
	put_comment(to, text);
}

static bool is_standard(const struct config_row *row, const char *value)
{
	return row->presence == CONFIG_OPTIONAL && strcmp(value, row->standard) == 0;
}

/* After a space, # and ; would begin a comment. */
static void put_key(const struct printer *to, const char *mark, const char *key, const char *value)
{
	bool space = *value && *value != '#' && *value != ';';

	putf(to, "%s%s =%s%s\n", mark, key, space ? " " : "", value);
}

static void put_daemon(const struct printer *to, const struct config *config)
{
	char value[CONFIG_VALUE_BYTES];

	to->put("\n[daemon]\n", to->data);
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		if (row->section != CONFIG_SECTION_DAEMON)
			continue;
		put_help(to, row);
		(void)config_value_format(row, config, value);
		put_key(to, is_standard(row, value) ? "#" : "", row->key, value);
	}
}

/* A section that may be there any number of times, explained in a comment. */
static void put_template(const struct printer *to, enum config_section section, const char *name)
{
	to->put("\n\n", to->data);
	put_comment(to, config_sections[section].what);
	putf(to, "#\n#[%s %s]\n", config_sections[section].word, name);
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		if (row->section != section)
			continue;
		put_help(to, row);
		put_key(to, "#", row->key, row->standard);
	}
}

/* Edges that an output has not are not written. */
static bool is_derived(const struct config_row *row, const struct line_config *line)
{
	return strcmp(row->key, "edges") == 0 && line->settings.direction == DIRECTION_OUTPUT;
}

static void put_line(const struct printer *to, const struct line_config *line)
{
	char value[CONFIG_VALUE_BYTES];

	putf(to, "\n[line %s]\n", line->alias);
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		if (row->section != CONFIG_SECTION_LINE || is_derived(row, line))
			continue;
		(void)config_value_format(row, line, value);
		if (!is_standard(row, value))
			put_key(to, "", row->key, value);
	}
}

static void put_interlock(const struct printer *to, const struct interlock_config *interlock)
{
	putf(to, "\n[interlock %s]\n", interlock->name);
	put_key(to, "", "lines", interlock->lines);
}

static void put_chip(const struct printer *to, const struct sim_chip_config *chip)
{
	struct chip_draft draft = { .chip = *chip };
	char value[CONFIG_VALUE_BYTES];

	config_chip_names_format(chip, draft.names);
	putf(to, "\n[chip %s]\n", chip->name);
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		if (row->section != CONFIG_SECTION_CHIP)
			continue;
		(void)config_value_format(row, &draft, value);
		if (!is_standard(row, value))
			put_key(to, "", row->key, value);
	}
}

/* The keys of a [socket] or [access] section that are not as by default. */
static void put_object(
	const struct printer *to, enum config_section section, const char *name, const void *object)
{
	char value[CONFIG_VALUE_BYTES];

	putf(to, "\n[%s %s]\n", config_sections[section].word, name);
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		if (row->section != section)
			continue;
		(void)config_value_format(row, object, value);
		if (!is_standard(row, value))
			put_key(to, "", row->key, value);
	}
}

static const char head[] =
	"# SPDX-License-Identifier: MIT\n"
	"#\n"
	"# Configuration of gpioeventd: every key, what it means and its default. A key that is\n"
	"# commented out has its default.\n"
	"#\n"
	"# Files in gpioeventd.conf.d/ beside this one whose names end in .conf are read after it, "
	"in\n"
	"# the order of their names; a value there replaces the value of the same key here.\n"
	"# A comment begins with # or ; at the start of a line or after a space. A value goes on\n"
	"# to the end of its line, of at most 197 bytes, and is written without quotes.\n"
	"# `gpioeventd --check` tells what is wrong with it.\n";

void config_print(
	const struct config *config, void (*put)(const char *text, void *data), void *data)
{
	struct printer to = { .put = put, .data = data };

	put(head, data);
	put_daemon(&to, config);
	put_template(&to, CONFIG_SECTION_LINE, "button");
	for (size_t i = 0; i < config->n_lines; i++)
		put_line(&to, &config->lines[i]);
	put_template(&to, CONFIG_SECTION_INTERLOCK, "motor");
	for (size_t i = 0; i < config->n_interlocks; i++)
		put_interlock(&to, &config->interlocks[i]);
	put_template(&to, CONFIG_SECTION_CHIP, "gpiochip0");
	for (size_t i = 0; i < config->n_chips; i++)
		put_chip(&to, &config->chips[i]);
	put_template(&to, CONFIG_SECTION_SOCKET, "box");
	for (size_t i = 0; i < config->n_sockets; i++)
		put_object(
			&to, CONFIG_SECTION_SOCKET, config->sockets[i].name, &config->sockets[i]);
	put_template(&to, CONFIG_SECTION_ACCESS, "operators");
	for (size_t i = 0; i < config->n_rules; i++)
		put_object(&to, CONFIG_SECTION_ACCESS, config->rules[i].name, &config->rules[i]);
}
