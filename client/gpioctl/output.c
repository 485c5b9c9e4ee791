/* SPDX-License-Identifier: MIT */
/*
 * Text for people: messages, tables, and access to what the daemon sent. Numbers in a cJSON tree
 * are doubles; everything that is shown from one stays below 2^53 but timestamp_ns after 104 days,
 * of which only a rounded distance from now is shown. --json prints the daemon's bytes.
 */
#include "output.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpioctl.h"

char *clean_text(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		/* U+0080 to U+009F are control characters too, in UTF-8 two bytes. */
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
	}
	return text;
}

/* Formats and cleans; the caller frees. Memory that cannot be had ends the program. */
static char *format_clean(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		errx(STATUS_FAILED, "out of memory");
	return clean_text(text);
}

static void vcomplain(const char *format, va_list args)
{
	char *text = format_clean(format, args);

	/* What has been printed comes first when both go to one place. */
	fflush(stdout);
	fprintf(stderr, "gpioctl: %s\n", text);
	free(text);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
}

int complain_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
	return -EINVAL;
}

void put(const char *format, ...)
{
	size_t n = strlen(format);
	bool newline = n > 0 && format[n - 1] == '\n';
	va_list args;
	char *text;

	va_start(args, format);
	text = format_clean(format, args);
	va_end(args);
	if (newline)
		text[strlen(text) - 1] = '\n';
	fputs(text, stdout);
	free(text);
}

static bool colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void table_cell(struct table *table, enum style style, const char *format, ...)
{
	va_list args;

	if (table->n_cells == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = reallocarray(table->cells, table->room, sizeof(*table->cells));
		if (!table->cells)
			errx(STATUS_FAILED, "out of memory");
	}

	va_start(args, format);
	table->cells[table->n_cells++] =
		(struct table_cell){ .text = format_clean(format, args), .style = style };
	va_end(args);
}

void table_head(struct table *table, const char *const *titles)
{
	for (size_t i = 0; i < table->n_columns; i++)
		table_cell(table, STYLE_HEAD, "%s", titles[i]);
}

/* Characters, not bytes: those of UTF-8 that begin one. */
static size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(const struct table_cell *cell, size_t width, bool last, bool styled)
{
	static const char *const codes[STYLE_N] = {
		[STYLE_HEAD] = "\033[1m", [STYLE_ONE] = "\033[1;32m", [STYLE_BAD] = "\033[31m"
	};
	const char *code = styled ? codes[cell->style] : NULL;
	size_t n = text_width(cell->text);

	printf("%s%s%s", code ? code : "", cell->text, code ? "\033[0m" : "");
	if (last)
		putchar('\n');
	else
		printf("%*s", (int)(width - n + 2), "");
}

void table_print(struct table *table)
{
	size_t n = table->n_columns, widths[TABLE_COLUMNS] = { 0 };
	bool styled = colour();

	assert(n <= TABLE_COLUMNS);
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t width = text_width(table->cells[i].text);

		if (width > widths[i % n])
			widths[i % n] = width;
	}

	for (size_t i = 0; i < table->n_cells; i++)
		print_cell(&table->cells[i], widths[i % n], i % n == n - 1, styled);
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
	free(table->cells);
}

const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *member_string(const cJSON *object, const char *key, const char *otherwise)
{
	const cJSON *item = member(object, key);

	return cJSON_IsString(item) ? item->valuestring : otherwise;
}

double member_number(const cJSON *object, const char *key, double otherwise)
{
	const cJSON *item = member(object, key);

	return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

uint64_t member_u64(const cJSON *object, const char *key, uint64_t otherwise)
{
	double number = member_number(object, key, -1);

	return number >= 0 && number <= 9007199254740992.0 ? (uint64_t)number : otherwise;
}

bool member_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(member(object, key));
}

int value_of(const cJSON *value)
{
	return cJSON_IsNumber(value) ? value->valuedouble != 0 : -1;
}

const char *value_word(int value)
{
	return value < 0 ? "-" : value ? "1" : "0";
}

const char *who(const cJSON *by, char buffer[static WHO_MAX])
{
	const char *client = member_string(by, "client", "");

	snprintf(buffer, WHO_MAX, "%s%s%s(pid %.0f, uid %.0f)",
		member_true(by, "keep") ? "kept for " : "", client, *client ? " " : "",
		member_number(by, "pid", 0), member_number(by, "uid", 0));
	return buffer;
}
