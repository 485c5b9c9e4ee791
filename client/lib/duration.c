/* SPDX-License-Identifier: MIT */
/* Durations: text to nanoseconds and back, exact both ways; what is not a whole number of
 * nanoseconds is refused rather than rounded. */

#include "duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* From the largest to the smallest. */
static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "d", 86400 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "min", 60 * NSEC_PER_SEC },
	{ "s", NSEC_PER_SEC },
	{ "ms", NSEC_PER_MSEC },
	{ "us", NSEC_PER_USEC },
	{ "ns", 1 },
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct unit *unit_find(const char *name)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

/*
 * Nanoseconds of the n digits after the point; -EINVAL when they are not a whole number. From the
 * last digit to the first, each step divides by ten; where one leaves a rest, so does the whole.
 */
static int fraction_ns(const char *digits, size_t n, uint64_t unit_ns, uint64_t *ret_ns)
{
	uint64_t ns = 0;

	while (n > 0) {
		ns += (uint64_t)(digits[--n] - '0') * unit_ns;
		if (ns % 10 != 0)
			return -EINVAL;
		ns /= 10;
	}
	*ret_ns = ns;
	return 0;
}

/* The digits before the point; *too_large when they pass 64 bits, so that the rest is still read.
 */
static const char *read_whole(const char *p, uint64_t *ret, bool *too_large)
{
	*ret = 0;
	*too_large = false;
	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(*ret, UINT64_C(10), ret) ||
			__builtin_add_overflow(*ret, (uint64_t)(*p - '0'), ret))
			*too_large = true;
	}
	return p;
}

int duration_parse(const char *text, uint64_t *ret_ns)
{
	const char *p, *fraction = NULL;
	uint64_t whole, part, ns;
	const struct unit *unit;
	size_t n_fraction = 0;
	bool too_large;
	int r;

	p = read_whole(text, &whole, &too_large);
	if (p == text)
		return -EINVAL;
	if (*p == '.') {
		for (fraction = ++p; is_digit(*p); p++)
			n_fraction++;
		if (n_fraction == 0)
			return -EINVAL;
	}
	unit = unit_find(p);
	if (!unit)
		return -EINVAL;
	r = fraction_ns(fraction, n_fraction, unit->ns, &part);
	if (r < 0)
		return r;

	if (too_large || __builtin_mul_overflow(whole, unit->ns, &ns) ||
		__builtin_add_overflow(ns, part, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

/* ns in this unit; 0 when that has no end, as a third of a minute in minutes. Else the length. */
static size_t format_in(const struct unit *unit, uint64_t ns, char text[DURATION_MAX])
{
	uint64_t rest = ns % unit->ns;
	size_t n = (size_t)snprintf(text, DURATION_MAX, "%" PRIu64, ns / unit->ns);

	if (rest != 0)
		text[n++] = '.';
	while (rest != 0) {
		if (n >= DURATION_MAX - sizeof("min"))
			return 0;
		rest *= 10;
		text[n++] = (char)('0' + rest / unit->ns);
		rest %= unit->ns;
	}
	strcpy(text + n, unit->name);
	return n + strlen(unit->name);
}

const char *duration_format(uint64_t ns, char *buffer, size_t size)
{
	char best[DURATION_MAX] = "0s", text[DURATION_MAX];
	size_t n_best = 0;

	for (size_t i = 0; i < N_UNITS; i++) {
		size_t n = ns >= units[i].ns ? format_in(&units[i], ns, text) : 0;

		if (n > 0 && (n_best == 0 || n < n_best)) {
			memcpy(best, text, n + 1);
			n_best = n;
		}
	}
	(void)snprintf(buffer, size, "%s", best);
	return buffer;
}
