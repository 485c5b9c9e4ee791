/* SPDX-License-Identifier: MIT */

#include "identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "names.h"

/* How much speaks for it; a higher bit outweighs all lower ones. 0: it is another chip. */
enum { POINTS_NAME = 1, POINTS_PLACE = 2, POINTS_LINE_NAMES = 4, POINTS_LABEL = 8 };

static int points(const struct identity *a, const struct identity *b)
{
	int n = POINTS_LABEL;

	if (a->n_lines != b->n_lines || strcmp(a->label, b->label) != 0)
		return 0;
	if (a->line_names == b->line_names)
		n += POINTS_LINE_NAMES;
	if (a->place && a->place == b->place)
		n += POINTS_PLACE;
	if (strcmp(a->name, b->name) == 0)
		n += POINTS_NAME;
	return n;
}

int identity_pick(size_t n, const struct identity *const *gone, const struct identity *found)
{
	int best = 0, ret = -ENOENT;

	for (size_t i = 0; i < n; i++) {
		int p = gone[i] ? points(gone[i], found) : 0;

		if (p > best)
			ret = (int)i;
		else if (p > 0 && p == best)
			ret = -ENOTUNIQ;
		if (p > best)
			best = p;
	}
	return ret;
}

uint64_t identity_place(unsigned device_major, unsigned device_minor)
{
	char link[64], target[1024], *last;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", device_major, device_minor);
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	/* ".../usb1/1-1/1-1:1.0/gpiochip4": the port, without the number. */
	last = strrchr(target, '/');
	if (!last)
		return 0;
	*last = '\0';
	return name_hash(target);
}
