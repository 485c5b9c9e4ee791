/* SPDX-License-Identifier: MIT */
#pragma once

/* config.def as C: the rows, and values as text by their row. Shared by what reads, checks, prints
 * and documents the configuration. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "ini_file.h"

enum config_section {
#define CONFIG_SECTION(NAME, word, argument, what) CONFIG_SECTION_##NAME,
#include "config.def"
	CONFIG_SECTION_N
};

enum config_type {
	CONFIG_TEXT,
	CONFIG_MODE,
	CONFIG_BACKEND,
	CONFIG_SIZE,
	CONFIG_COUNT,
	CONFIG_CHOICE,
	CONFIG_WORDS,
	CONFIG_BOOL,
	CONFIG_DURATION,
	CONFIG_TYPE_N
};

enum config_presence { CONFIG_OPTIONAL, CONFIG_REQUIRED };

/* A simulated chip as written: the names of its lines are found when all files are read. */
struct chip_draft {
	struct sim_chip_config chip;
	char names[INI_LINE_BYTES + 1];
};

struct config_section_row {
	const char *word;
	const char *argument; /* NULL: the section stands for itself */
	const char *what;
};
extern const struct config_section_row config_sections[CONFIG_SECTION_N];

struct config_row {
	enum config_section section;
	const char *key;
	enum config_type type;
	const char *words; /* the list of a CHOICE, WORDS or BACKEND */
	enum config_presence presence;
	const char *standard; /* the default; of a required key an example */
	int64_t min, max;
	const char *unit;
	const char *help;
	size_t offset; /* in struct config, struct line_config or struct chip_draft */
};
enum {
	CONFIG_ROWS_N = 0
#define CONFIG_KEY(SECTION, member, key, TYPE, words, presence, standard, min, max, unit, help) +1
#include "config.def"
};
extern const struct config_row config_rows[CONFIG_ROWS_N];

static inline bool config_row_has_words(const struct config_row *row)
{
	return row->type == CONFIG_CHOICE || row->type == CONFIG_BACKEND ||
	       row->type == CONFIG_WORDS;
}

/* NULL when the section has no such key. */
const struct config_row *config_row_find(enum config_section section, const char *key);

struct config_choice {
	const char *words;
	unsigned number;
	const char *word, *meaning;
};
/* The choices that a row allows, one after the other: begin with NULL, ends with NULL. */
const struct config_choice *config_choice_next(
	const struct config_row *row, const struct config_choice *last);

#define CONFIG_ALLOWED_BYTES 160
/* What a row allows, as "1 to 1024 connections" or "input or output". Returns buffer. */
const char *config_allowed(const struct config_row *row, char buffer[static CONFIG_ALLOWED_BYTES]);

#define CONFIG_WHY_BYTES 600
/*
 * Puts the value of `text` into the struct at `base`. 0, or -EINVAL and what is wrong and what is
 * allowed in `why`.
 */
int config_value_parse(const struct config_row *row, const char *text, void *base,
	char why[static CONFIG_WHY_BYTES]);

#define CONFIG_VALUE_BYTES (INI_LINE_BYTES + 1)
/* The value in the struct at `base` as it is written; config_value_parse reads it back. Returns
 * buffer. */
const char *config_value_format(
	const struct config_row *row, const void *base, char buffer[static CONFIG_VALUE_BYTES]);

/* The values in the structs at `a` and `b`, or `to` and `from`, by their row. */
bool config_value_same(const struct config_row *row, const void *a, const void *b);
void config_value_copy(const struct config_row *row, void *to, const void *from);
