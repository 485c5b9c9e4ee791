/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What people read. Names come from the daemon, from device trees and from other programs: control
 * characters in them are shown as "?", so that they cannot drive a terminal or break a line.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* "gpioctl: MESSAGE" on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same; always -EINVAL, so that it can be returned. */
int complain_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Replaces control characters, in place. Returns its argument. */
char *clean_text(char *text);
/* printf() to stdout, cleaned; one newline at the end stays. */
void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum style { STYLE_PLAIN, STYLE_HEAD, STYLE_ONE, STYLE_BAD, STYLE_N };

/*
 * A table whose columns become as wide as they must. Styles show only on a terminal, and not if
 * NO_COLOR is set. Memory that cannot be had ends the program.
 */
#define TABLE_COLUMNS 8
struct table {
	size_t n_columns, n_cells, room;
	struct table_cell {
		char *text;
		enum style style;
	} * cells;
};
#define TABLE(columns)                 \
	{                              \
		.n_columns = (columns) \
	}
void table_cell(struct table *table, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void table_head(struct table *table, const char *const *titles);
void table_print(struct table *table);
void table_free(struct table *table);

/* Members of an object; NULL or `otherwise` when it is absent or of another type. */
const cJSON *member(const cJSON *object, const char *key);
const char *member_string(const cJSON *object, const char *key, const char *otherwise);
double member_number(const cJSON *object, const char *key, double otherwise);
/* A whole number of at most 2^53. */
uint64_t member_u64(const cJSON *object, const char *key, uint64_t otherwise);
bool member_true(const cJSON *object, const char *key);
/* A value as the protocol sends it: 0, 1, or -1 for null and for anything else. */
int value_of(const cJSON *value);
/* "0", "1", or "-". */
const char *value_word(int value);
/*
 * "lift (pid 411, uid 1000)" of a user or `by` object into buffer, which is returned; "kept for
 * lift (...)" if the daemon keeps the line for it, which may be gone.
 */
#define WHO_MAX 160
const char *who(const cJSON *by, char buffer[static WHO_MAX]);
