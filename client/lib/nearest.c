/* SPDX-License-Identifier: MIT */
/*
 * The nearest name: the number of letters to insert, delete, replace or swap with their neighbour,
 * letter case not counted. A name is near when about one letter in six is wrong; for one or two
 * letters only the case may differ. Names longer than any valid one are never near.
 */

#include <ctype.h>
#include <string.h>

#include "wire.h"

#define NAME_MAX_BYTES WIRE_MAX_NAME_BYTES

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* One row of the distance table from the two before it; returns the row's smallest number. */
static unsigned next_row(
	const char *a, size_t i, const char *b, size_t n_b, unsigned row[3][NAME_MAX_BYTES + 1])
{
	unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
	unsigned smallest = now[0] = (unsigned)i;

	for (size_t j = 1; j <= n_b; j++) {
		unsigned best = min_of(before[j], now[j - 1]) + 1;

		best = min_of(best, before[j - 1] + !same(a[i - 1], b[j - 1]));
		if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
			best = min_of(best, earlier[j - 2] + 1);
		now[j] = best;
		smallest = min_of(smallest, best);
	}
	return smallest;
}

/* The distance, or limit + 1 as soon as it is known to be above the limit. */
static unsigned distance(const char *a, size_t n_a, const char *b, size_t n_b, unsigned limit)
{
	unsigned row[3][NAME_MAX_BYTES + 1];

	for (size_t j = 0; j <= n_b; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n_a; i++)
		if (next_row(a, i, b, n_b, row) > limit)
			return limit + 1;
	return min_of(row[n_a % 3][n_b], limit + 1);
}

const char *nearest_name(const char *written, const char *const *names, size_t n)
{
	size_t n_written = strnlen(written, NAME_MAX_BYTES + 1);
	unsigned limit = n_written < 3 ? 0 : 1 + (unsigned)n_written / 6;
	const char *nearest = NULL;

	if (n_written == 0 || n_written > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t n_name = strnlen(names[i], NAME_MAX_BYTES + 1);
		size_t gap = n_name > n_written ? n_name - n_written : n_written - n_name;
		unsigned d;

		if (n_name > NAME_MAX_BYTES || gap > limit)
			continue;
		d = distance(written, n_written, names[i], n_name, limit);
		if (d > limit)
			continue;
		nearest = names[i];
		if (d == 0)
			break;
		limit = d - 1; /* from here on only a nearer one; the first of equals stays */
	}
	return nearest;
}
