/* SPDX-License-Identifier: MIT */
/* UTF-8: checking and cutting. Strings are bytes everywhere else. */

#include "utf8.h"

#include <stdint.h>
#include <string.h>

/*
 * The forms that a sequence can have, by its first byte; `low` and `high` bound the second byte and
 * thereby keep out overlong forms, surrogates and what lies above U+10FFFF.
 */
static const struct form {
	uint8_t first, last, length, low, high;
} forms[] = {
	{ 0x00, 0x7f, 1, 0, 0 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct form *form_of(uint8_t first)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (first >= forms[i].first && first <= forms[i].last)
			return &forms[i];
	return NULL;
}

size_t utf8_sequence(const char *p, size_t n)
{
	const uint8_t *byte = (const uint8_t *)p;
	const struct form *form = n > 0 ? form_of(byte[0]) : NULL;

	if (!form || form->length > n)
		return 0;
	if (form->length > 1 && (byte[1] < form->low || byte[1] > form->high))
		return 0;
	for (size_t i = 2; i < form->length; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	return form->length;
}

bool utf8_valid(const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t length = (text[i] & 0x80) ? utf8_sequence(text + i, n - i) : 1;

		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

size_t utf8_cut(const char *text, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

void utf8_copy(char *to, size_t size, const char *string)
{
	size_t n = utf8_cut(string, strlen(string), size - 1);

	memcpy(to, string, n);
	to[n] = '\0';
}

bool utf8_has_control(const char *string)
{
	for (const uint8_t *p = (const uint8_t *)string; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return true;
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			return true;
	}
	return false;
}
