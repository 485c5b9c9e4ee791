/* SPDX-License-Identifier: MIT */
#pragma once

/* Lists in one value: words between spaces and commas. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WORD_ENDS " \t,"

/* Copies the next word, cut at size - 1 bytes, and moves *text behind it; false at the end. */
static inline bool word_next(const char **text, char *word, size_t size)
{
	const char *begin = *text + strspn(*text, WORD_ENDS);
	size_t n = strcspn(begin, WORD_ENDS), kept = n < size ? n : size - 1;

	memcpy(word, begin, kept);
	word[kept] = '\0';
	*text = begin + n;
	return n > 0;
}

/* Whether one of the words is this. */
static inline bool word_in(const char *text, const char *word)
{
	const size_t wanted = strlen(word);

	for (;;) {
		size_t n;

		text += strspn(text, WORD_ENDS);
		n = strcspn(text, WORD_ENDS);
		if (n == 0)
			return false;
		if (n == wanted && strncmp(text, word, n) == 0)
			return true;
		text += n;
	}
}
