/* SPDX-License-Identifier: MIT */
/* Line objects in words; what is usual is left unsaid, so that what is not stands out. */
#include "describe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

/* Adds an item to a list in words; what does not fit is cut. */
static void add(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void add(char *buffer, size_t size, const char *format, ...)
{
	size_t n = strlen(buffer);
	va_list args;

	if (n > 0)
		n += (size_t)snprintf(buffer + n, size - n, ", ");
	if (n >= size)
		return;
	va_start(args, format);
	vsnprintf(buffer + n, size - n, format, args);
	va_end(args);
}

static void finish(char *buffer, size_t size)
{
	if (!*buffer)
		snprintf(buffer, size, "-");
}

void describe_settings(const cJSON *line, char *buffer, size_t size)
{
	/* The value of each member that is not worth a word, and the words that others need. */
	static const struct {
		const char *key, *usual, *before;
	} settings[] = {
		{ "bias", "as-is", "bias " },
		{ "drive", "push-pull", "" },
		{ "debounce", "0s", "debounce " },
	};
	const char *edges = member_string(line, "edges", "both");

	*buffer = '\0';
	if (member_true(line, "active_low"))
		add(buffer, size, "active-low");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *word = member_string(line, settings[i].key, settings[i].usual);

		if (strcmp(word, settings[i].usual) != 0)
			add(buffer, size, "%s%s", settings[i].before, word);
	}
	if (strcmp(edges, "both") != 0 &&
		strcmp(member_string(line, "direction", ""), "input") == 0)
		add(buffer, size, "edges %s", edges);
	finish(buffer, size);
}

void describe_users(const cJSON *line, char *buffer, size_t size)
{
	const char *consumer = member_string(line, "consumer", NULL);
	const char *reason = member_string(line, "why", NULL);
	const cJSON *user;
	double more = member_number(line, "more_users", 0);
	char name[WHO_MAX];

	*buffer = '\0';
	cJSON_ArrayForEach(user, member(line, "users")) add(buffer, size, "%s", who(user, name));
	if (more > 0)
		add(buffer, size, "%.0f more", more);
	if (consumer && *consumer && !member_true(line, "held"))
		add(buffer, size, "\"%s\" (another process)", consumer);
	if (!*buffer && member_true(line, "held"))
		add(buffer, size, "the daemon");
	if (reason)
		add(buffer, size, "unavailable: %s", reason);
	finish(buffer, size);
}

void describe_place(const cJSON *line, char *buffer, size_t size)
{
	const char *wanted = member_string(line, "wanted", NULL);

	if (wanted)
		snprintf(buffer, size, "%s?", wanted);
	else
		snprintf(buffer, size, "%s:%.0f", member_string(line, "chip", "?"),
			member_number(line, "offset", 0));
}
