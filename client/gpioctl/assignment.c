/* SPDX-License-Identifier: MIT */
/* LINE=VALUE, taken apart and checked before anything is asked of the daemon. */
#include "assignment.h"

#include <errno.h>
#include <string.h>

#include "output.h"

int level_parse(const char *text)
{
	static const char *const words[2][4] = { { "0", "off", "false", "no" },
		{ "1", "on", "true", "yes" } };

	for (int level = 0; level < 2; level++)
		for (int i = 0; i < 4; i++)
			if (strcmp(text, words[level][i]) == 0)
				return level;
	return -EINVAL;
}

int assignment_parse(const char *word, struct assignment *ret)
{
	const char *equals = strrchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : 0;
	int level = equals ? level_parse(equals + 1) : -EINVAL;

	if (level < 0 || n == 0)
		return -EINVAL;
	if (n > WIRE_MAX_NAME_BYTES)
		return -ENAMETOOLONG;

	memcpy(ret->line, word, n);
	ret->line[n] = '\0';
	ret->value = level;
	return 0;
}

/* Shows how to write it, also to who has written a space for the "=". */
static int refuse(struct strings words, size_t i)
{
	const char *word = words.v[i], *next = i + 1 < words.n ? words.v[i + 1] : "";
	const char *equals = strrchr(word, '=');

	if (equals && equals > word)
		return complain_usage(
			"\"%s\" is not LINE=0 or LINE=1 (or off, on, false, true, no, "
			"yes)",
			word);
	if (!equals && level_parse(next) >= 0)
		return complain_usage(
			"\"%s\" is not LINE=0 or LINE=1; write %s=%s", word, word, next);
	return complain_usage("\"%s\" is not LINE=0 or LINE=1", word);
}

int assignments_check(struct strings words)
{
	for (size_t i = 0; i < words.n; i++) {
		struct assignment word, other;
		int r = assignment_parse(words.v[i], &word);

		if (r == -ENAMETOOLONG)
			return complain_usage("the name in \"%s\" is longer than %d bytes",
				words.v[i], WIRE_MAX_NAME_BYTES);
		if (r < 0)
			return refuse(words, i);
		for (size_t k = 0; k < i; k++)
			if (assignment_parse(words.v[k], &other) == 0 &&
				strcmp(word.line, other.line) == 0)
				return complain_usage("%s is set twice", word.line);
	}
	return 0;
}
