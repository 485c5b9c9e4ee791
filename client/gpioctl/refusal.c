/* SPDX-License-Identifier: MIT */
/*
 * Refusals, told in gpioctl's words. A message whose advice is not in the table stands as it came,
 * so that a daemon with other words is still understood.
 */
#include "refusal.h"

#include <stdio.h>
#include <string.h>

#include "output.h"
#include "wire.h"

#define MESSAGE_MAX 512

/* From `advice` on, which begins where the daemon says which request to send. */
static const struct translation {
	const char *code;
	const char *advice;
	const char *before, *after; /* said instead, the line's name between if there is `after` */
} translations[] = {
	{ "unknown-line", "; the operation lines ", "; \"gpioctl list\" shows all", NULL },
	{ "not-requested", "; take it first: ", "; \"gpioctl set ",
		"=0\" takes it as an output and keeps it" },
	{ "not-requested", "; to read it: ", "", NULL },
	{ "wrong-direction", "; request it with ", "; \"gpioctl info ", "\" tells whose" },
};

static void translate_advice(const cJSON *error, const char *code, char message[static MESSAGE_MAX])
{
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
		const struct translation *t = &translations[i];
		char *advice = strcmp(t->code, code) == 0 ? strstr(message, t->advice) : NULL;

		if (!advice)
			continue;
		snprintf(advice, MESSAGE_MAX - (size_t)(advice - message), "%s%s%s", t->before,
			t->after ? member_string(error, "line", "LINE") : "",
			t->after ? t->after : "");
		return;
	}
}

/* What people call a field of a request: the option that it came from, or what it is. */
static const char *field_name(const char *field, char buffer[static 32])
{
	static const char *const members[OPTION_N] = {
#define OPTION(NAME, member, name, TYPE, enumeration, metavar, help) #member,
#include "options.def"
	};

	if (strcmp(field, "line") == 0 || strcmp(field, "lines") == 0)
		return "a line's name";
	if (strcmp(field, "timer") == 0)
		return "a timer's name";
	for (size_t i = 0; i < OPTION_N; i++)
		if (strcmp(field, members[i]) == 0) {
			snprintf(buffer, 32, "--%s", option_rows[i].name);
			return buffer;
		}
	return NULL;
}

/* A message that begins with the field in quotes: "pulse" is --for here. */
static void translate_field(const cJSON *error, char message[static MESSAGE_MAX])
{
	const char *field = member_string(error, "field", "");
	size_t n = strlen(field);
	char buffer[32], rest[MESSAGE_MAX];
	const char *name = field_name(field, buffer);

	if (!name || message[0] != '"' || strncmp(message + 1, field, n) != 0 ||
		message[n + 1] != '"')
		return;
	snprintf(rest, sizeof(rest), "%s", message + n + 2);
	snprintf(message, MESSAGE_MAX, "%s%.*s", name, (int)(MESSAGE_MAX - 1 - strlen(name)), rest);
}

/* What often makes a name wrong, where the daemon knows nothing near. */
static void explain_name(const char *line, const char *message)
{
	if (!*line || strstr(message, "did you mean"))
		return;
	if (line[strspn(line, "0123456789")] == '\0')
		complain("a number alone is no name: write GPIO%s, BCM%s or BOARD%s, whichever you "
			 "mean",
			line, line, line);
	else if (strchr(line, ','))
		complain("names of lines stand apart with spaces, not commas");
}

/* The names that an ambiguous one may mean, unless the message has them. */
static void complain_candidates(const cJSON *candidates, const char *message)
{
	const cJSON *candidate;

	cJSON_ArrayForEach(candidate, candidates) if (cJSON_IsString(candidate) &&
						      !strstr(message, candidate->valuestring))
		complain("it may be %s", candidate->valuestring);
}

/* What is wrong with a configuration. */
static void complain_problems(const cJSON *error)
{
	const cJSON *problem;
	double more = member_number(error, "more_problems", 0);

	cJSON_ArrayForEach(problem, member(error, "problems"))
		complain("%s", cJSON_IsString(problem) ? problem->valuestring : "?");
	if (more > 0)
		complain("... and %.0f problems more", more);
}

static enum status class_status(const char *class)
{
	static const enum status statuses[WIRE_CLASS_N] = {
		[WIRE_CLASS_USAGE] = STATUS_USAGE,
		[WIRE_CLASS_NOT_FOUND] = STATUS_NOT_FOUND,
		[WIRE_CLASS_DENIED] = STATUS_DENIED,
		[WIRE_CLASS_BUSY] = STATUS_BUSY,
		[WIRE_CLASS_LIMIT] = STATUS_FAILED,
		[WIRE_CLASS_FAILED] = STATUS_FAILED,
	};

	for (int i = 0; i < WIRE_CLASS_N; i++)
		if (strcmp(class, wire_class_name((enum wire_class)i)) == 0)
			return statuses[i];
	return STATUS_FAILED;
}

static enum status tell(const cJSON *error, const char *message)
{
	complain("%s", message);
	complain_candidates(member(error, "candidates"), message);
	complain_problems(error);
	return class_status(member_string(error, "class", ""));
}

static const char *message_of(const cJSON *error)
{
	return member_string(error, "message", "the daemon refused, without saying why");
}

enum status reply_check_raw(const cJSON *reply)
{
	const cJSON *error = member(reply, "error");

	return member_true(reply, "ok") ? STATUS_OK : tell(error, message_of(error));
}

enum status reply_check(const cJSON *reply)
{
	const cJSON *error = member(reply, "error");
	const char *code = member_string(error, "code", "");
	char message[MESSAGE_MAX];
	enum status status;

	if (member_true(reply, "ok"))
		return STATUS_OK;

	snprintf(message, sizeof(message), "%s", message_of(error));
	translate_advice(error, code, message);
	translate_field(error, message);
	status = tell(error, message);
	if (strcmp(code, "unknown-line") == 0)
		explain_name(member_string(error, "line", ""), message);
	return status;
}
