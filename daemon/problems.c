/* SPDX-License-Identifier: MIT */
/*
 * One problem, one line of text, the place first, as compilers do it and editors understand it.
 * Checks of the whole find theirs after the reader has found its own; told in the order of the
 * lines, they can be repaired from the top.
 */

#include "problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define PROBLEM_BYTES 1000

struct problem {
	struct where where;
	size_t number; /* of finding; the first of a line is told first */
	char *message; /* owned */
};

/* False without memory. */
static bool keep(struct problems *problems, struct where where, const char *message)
{
	struct problem *grown;
	char *copy;

	if (problems->n_kept == problems->room) {
		size_t room = problems->room ? problems->room * 2 : 8;

		grown = reallocarray(problems->list, room, sizeof(*grown));
		if (!grown)
			return false;
		problems->list = grown;
		problems->room = room;
	}
	copy = strdup(message);
	if (!copy)
		return false;
	problems->list[problems->n_kept++] =
		(struct problem){ .where = where, .number = problems->n, .message = copy };
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct problem *one = a, *two = b;
	int files = strcmp(one->where.file, two->where.file);

	if (files != 0)
		return files;
	if (one->where.line != two->where.line)
		return one->where.line < two->where.line ? -1 : 1;
	return one->number < two->number ? -1 : 1;
}

void problems_tell(struct problems *problems)
{
	if (problems->n_kept > 0)
		qsort(problems->list, problems->n_kept, sizeof(*problems->list), by_place);
	for (size_t i = 0; i < problems->n_kept; i++) {
		problems->report(problems->list[i].message, problems->data);
		free(problems->list[i].message);
	}
	free(problems->list);
	problems->list = NULL;
	problems->n_kept = problems->room = 0;
}

void problems_add(struct problems *problems, struct where where, const char *section,
	const char *key, const char *format, ...)
{
	char text[PROBLEM_BYTES * 2], place[16] = "", cut[PROBLEM_BYTES], message[PROBLEM_BYTES];
	va_list ap;

	problems->n++;
	if (!problems->report)
		return;

	va_start(ap, format);
	(void)vsnprintf(cut, sizeof(cut), format, ap);
	va_end(ap);
	if (where.line > 0)
		(void)snprintf(place, sizeof(place), ":%u", where.line);
	(void)snprintf(text, sizeof(text), "%s%s:%s%s%s%s%s%s %s", where.file, place,
		section ? " [" : "", section ? section : "", section ? "]" : "", key ? " " : "",
		key ? key : "", key || section ? ":" : "", cut);
	utf8_copy(message, sizeof(message), text);
	if (!problems->kept || !keep(problems, where, message))
		problems->report(message, problems->data);
}
