/* SPDX-License-Identifier: MIT */
/* Names of a simulated chip's lines: "GPIO*" numbers them, "0=BUTTON 1=LED" names some of them. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_draft.h"

/* A name with a number after it must fit as well. */
#define PREFIX_BYTES (BACKEND_NAME_BYTES - 5)

static int refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, CONFIG_WHY_BYTES, format, ap);
	va_end(ap);
	return -EINVAL;
}

static int number_all(const char *prefix, size_t n_prefix, unsigned n_lines,
	char (*names)[BACKEND_NAME_BYTES], char *why)
{
	if (n_prefix > PREFIX_BYTES)
		return refuse(why, "\"%s\" is too long; %d bytes before the * are allowed", prefix,
			PREFIX_BYTES);
	for (unsigned i = 0; i < n_lines; i++)
		(void)snprintf(names[i], BACKEND_NAME_BYTES, "%.*s%u", (int)n_prefix, prefix, i);
	return 0;
}

/* An offset of the chip; n_lines when it is none. */
static unsigned parse_offset(const char *text, size_t n, unsigned n_lines)
{
	unsigned offset = 0;

	if (n == 0)
		return n_lines;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return n_lines;
		offset = offset * 10 + (unsigned)(text[i] - '0');
		if (offset >= n_lines)
			return n_lines;
	}
	return offset;
}

static int name_one(
	const char *item, size_t n, unsigned n_lines, char (*names)[BACKEND_NAME_BYTES], char *why)
{
	const char *equals = memchr(item, '=', n);
	unsigned offset;
	size_t n_name;

	if (!equals)
		return refuse(
			why, "\"%.*s\" is neither OFFSET=NAME nor the only NAME*", (int)n, item);
	offset = parse_offset(item, (size_t)(equals - item), n_lines);
	if (offset == n_lines)
		return refuse(why, "\"%.*s\": the chip has no such offset; allowed is 0 to %u",
			(int)n, item, n_lines - 1);
	n_name = n - (size_t)(equals + 1 - item);
	if (n_name == 0 || n_name >= BACKEND_NAME_BYTES)
		return refuse(why, "\"%.*s\": the name has %zu bytes; allowed is 1 to %d", (int)n,
			item, n_name, BACKEND_NAME_BYTES - 1);
	if (*names[offset])
		return refuse(why, "\"%.*s\": offset %u has a name already", (int)n, item, offset);
	memcpy(names[offset], equals + 1, n_name);
	return 0;
}

static int fill(const char *text, unsigned n_lines, char (*names)[BACKEND_NAME_BYTES], char *why)
{
	size_t n = strlen(text);
	int r = 0;

	if (n > 0 && text[n - 1] == '*' && !strpbrk(text, "= \t"))
		return number_all(text, n - 1, n_lines, names, why);
	while (r == 0 && *(text += strspn(text, " \t"))) {
		n = strcspn(text, " \t");
		r = name_one(text, n, n_lines, names, why);
		text += n;
	}
	return r;
}

int config_chip_names_parse(const char *text, unsigned n_lines, char (**ret)[BACKEND_NAME_BYTES],
	char why[static CONFIG_WHY_BYTES])
{
	char(*names)[BACKEND_NAME_BYTES] = calloc(n_lines, sizeof(*names));
	int r;

	if (!names)
		return -ENOMEM;
	r = fill(text, n_lines, names, why);
	if (r < 0) {
		free(names);
		return r;
	}
	*ret = names;
	return 0;
}

/* Whether the names are those that "PREFIX*" gives, and the length of the prefix. */
static bool is_numbered(const struct sim_chip_config *chip, size_t *ret_n_prefix)
{
	size_t n = strlen(chip->names[0]);
	char name[BACKEND_NAME_BYTES];

	if (n == 0 || n - 1 > PREFIX_BYTES || strpbrk(chip->names[0], "= \t"))
		return false;
	for (unsigned i = 0; i < chip->n_lines; i++) {
		(void)snprintf(name, sizeof(name), "%.*s%u", (int)n - 1, chip->names[0], i);
		if (strcmp(chip->names[i], name) != 0)
			return false;
	}
	*ret_n_prefix = n - 1;
	return true;
}

void config_chip_names_format(
	const struct sim_chip_config *chip, char buffer[static INI_LINE_BYTES + 1])
{
	size_t n = 0, n_prefix;

	*buffer = '\0';
	if (is_numbered(chip, &n_prefix)) {
		(void)snprintf(buffer, INI_LINE_BYTES + 1, "%.*s*", (int)n_prefix, chip->names[0]);
		return;
	}
	for (unsigned i = 0; i < chip->n_lines && n < INI_LINE_BYTES; i++)
		if (*chip->names[i])
			n += (size_t)snprintf(buffer + n, INI_LINE_BYTES + 1 - n, "%s%u=%s",
				n > 0 ? " " : "", i, chip->names[i]);
}
