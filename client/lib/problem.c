/* SPDX-License-Identifier: MIT */
/*
 * Filling a wire_problem. The text is made before the problem is cleared, so that its arguments may
 * point into the problem itself, as when one layer words another's refusal anew.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"
#include "wire.h"

static void fill(struct wire_problem *problem, enum wire_error code, const char *field,
	const char *format, va_list ap) __attribute__((format(printf, 4, 0)));

static void fill(struct wire_problem *problem, enum wire_error code, const char *field,
	const char *format, va_list ap)
{
	char message[1024];
	char name[sizeof(problem->field)];

	(void)vsnprintf(message, sizeof(message), format, ap);
	utf8_copy(name, sizeof(name), field);
	*problem = (struct wire_problem){ .code = code };
	utf8_copy(problem->message, sizeof(problem->message), message);
	memcpy(problem->field, name, sizeof(name));
}

enum wire_error problem_set(
	struct wire_problem *problem, enum wire_error code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fill(problem, code, "", format, ap);
	va_end(ap);
	return code;
}

enum wire_error problem_field(struct wire_problem *problem, enum wire_error code, const char *field,
	const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fill(problem, code, field, format, ap);
	va_end(ap);
	return code;
}
