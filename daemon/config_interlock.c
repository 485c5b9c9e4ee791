/* SPDX-License-Identifier: MIT */
/* Lines of which one at a time may be 1: whether the configuration itself would break that. */

#include <stdio.h>
#include <string.h>

#include "config_draft.h"

const char *config_next_word(const char *list, size_t *ret_n)
{
	list += strspn(list, " \t");
	*ret_n = strcspn(list, " \t");
	return *ret_n ? list : NULL;
}

struct members {
	size_t n;
	const struct config_object *v[CONFIG_VALUE_BYTES / 2]; /* a letter and a space each */
};

static const struct config_object *find_line(
	const struct config_draft *draft, const char *alias, size_t n)
{
	for (size_t i = 0; i < draft->n_objects; i++) {
		const struct config_object *object = &draft->objects[i];

		if (object->section == CONFIG_SECTION_LINE &&
			strlen(config_object_name(object)) == n &&
			strncmp(config_object_name(object), alias, n) == 0)
			return object;
	}
	return NULL;
}

static bool is_member(const struct members *members, const struct config_object *object)
{
	for (size_t i = 0; i < members->n; i++)
		if (members->v[i] == object)
			return true;
	return false;
}

static void find_members(
	struct config_draft *draft, const struct config_object *interlock, struct members *ret)
{
	char text[CONFIG_WHY_BYTES];
	size_t n;

	ret->n = 0;
	for (const char *word = config_next_word(interlock->value.interlock.lines, &n); word;
		word = config_next_word(word + n, &n)) {
		const struct config_object *line = find_line(draft, word, n);

		(void)snprintf(text, sizeof(text),
			line ? "%.*s is named twice" : "there is no [line %.*s]", (int)n, word);
		if (!line || is_member(ret, line))
			config_tell(draft, interlock, "lines", text);
		else
			ret->v[ret->n++] = line;
	}
	if (ret->n < 2)
		config_tell(draft, interlock, "lines",
			"an interlock is of two lines or more; name them by their aliases, with "
			"spaces between");
}

/* Of a line, but because of the interlock that it is in. */
static void tell_line(struct config_draft *draft, const struct config_object *interlock,
	const struct config_object *line, const char *key, const char *what)
{
	char text[2 * CONFIG_WHY_BYTES];

	(void)snprintf(text, sizeof(text), "in [%s] %s", interlock->title, what);
	config_tell(draft, line, key, text);
}

static bool is_output(const struct line_config *line)
{
	return line->settings.direction == DIRECTION_OUTPUT;
}

static void check_member(struct config_draft *draft, const struct config_object *interlock,
	const struct config_object *object)
{
	const struct line_config *line = &object->value.line;

	if (!is_output(line))
		tell_line(draft, interlock, object, "direction",
			"there are only outputs; write direction = output");
	/* A safe value is for when something has gone wrong: it must always be possible. */
	if (line->safe == SAFE_1)
		tell_line(draft, interlock, object, "safe",
			"1 may be refused just when it is needed; allowed is 0 or none");
}

static bool stays_on(const struct line_config *line)
{
	return line->on_exit == ON_EXIT_1 || line->on_exit == ON_EXIT_RELEASE;
}

static void check_pair(struct config_draft *draft, const struct config_object *interlock,
	const struct config_object *a, const struct config_object *b)
{
	const struct line_config *one = &a->value.line, *other = &b->value.line;
	char text[CONFIG_WHY_BYTES];

	if (!is_output(one) || !is_output(other))
		return; /* told */
	if (one->initial == INITIAL_1 && other->initial == INITIAL_1) {
		(void)snprintf(
			text, sizeof(text), "[%s] begins with 1 too; one line may", a->title);
		tell_line(draft, interlock, b, "initial", text);
	}
	if ((one->on_exit == ON_EXIT_1 && stays_on(other)) ||
		(stays_on(one) && other->on_exit == ON_EXIT_1)) {
		(void)snprintf(text, sizeof(text),
			"[%s] or this line ends with 1 while the other may be 1; the other must "
			"have on-exit = 0 or input",
			a->title);
		tell_line(draft, interlock, b, "on-exit", text);
	}
}

void config_check_interlock(struct config_draft *draft, struct config_object *interlock)
{
	static struct members members;

	if (!*interlock->value.interlock.lines)
		return; /* missing, and told */

	find_members(draft, interlock, &members);
	for (size_t i = 0; i < members.n; i++) {
		check_member(draft, interlock, members.v[i]);
		for (size_t k = 0; k < i; k++)
			check_pair(draft, interlock, members.v[k], members.v[i]);
	}
}
