/* SPDX-License-Identifier: MIT */

#include "diag.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "journal.h"
#include "peer_id.h"

static bool to_journal;

void diag_init(const char *journal)
{
	to_journal = journal_is_behind(STDERR_FILENO);
	if (to_journal)
		journal_open(journal);
}

static bool send_fields(enum diag_level level, const struct diag_subject *subject, const char *text)
{
	char priority[2] = { (char)('0' + level), 0 }, uid[16] = "";

	if (subject->peer)
		(void)snprintf(uid, sizeof(uid), "%u", (unsigned)subject->peer->uid);
	return journal_send(
		(const struct journal_field[]){
			{ "PRIORITY", priority },
			{ "SYSLOG_IDENTIFIER", "gpioeventd" },
			{ "LINE", subject->line },
			{ "CLIENT", subject->peer ? subject->peer->client : NULL },
			{ "UID", uid },
			{ "MESSAGE", text },
		},
		6);
}

void diag_about(enum diag_level level, struct diag_subject subject, const char *format, ...)
{
	static const char *const words[] = {
		[DIAG_ERROR] = "error: ", [DIAG_WARNING] = "warning: "
	};
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (!to_journal)
		(void)fprintf(stderr, "gpioeventd: %s%s\n",
			level <= DIAG_WARNING ? words[level] : "", text);
	else if (!send_fields(level, &subject, text))
		(void)fprintf(stderr, "<%d>%s\n", level, text);
}
