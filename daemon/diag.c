/* SPDX-License-Identifier: MIT */

#include "diag.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool to_journal;

void diag_init(void)
{
	to_journal = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
}

void diag(enum diag_level level, const char *format, ...)
{
	static const char *const words[] = {
		[DIAG_ERROR] = "error: ", [DIAG_WARNING] = "warning: "
	};
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (to_journal)
		(void)fprintf(stderr, "<%d>%s\n", level, text);
	else
		(void)fprintf(stderr, "gpioeventd: %s%s\n",
			level <= DIAG_WARNING ? words[level] : "", text);
}
