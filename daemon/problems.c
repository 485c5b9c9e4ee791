/* SPDX-License-Identifier: MIT */
/* One problem, one line of text, the place first, as compilers do it and editors understand it. */

#include "problems.h"

#include <stdarg.h>
#include <stdio.h>

#include "utf8.h"

#define PROBLEM_BYTES 1000

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
	problems->report(message, problems->data);
}
