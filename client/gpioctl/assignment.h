/* SPDX-License-Identifier: MIT */
#pragma once

/* Words of the form LINE=VALUE, as in `gpioctl set led=1`. */

#include "options.h"
#include "wire.h"

struct assignment {
	char line[WIRE_MAX_NAME_BYTES + 1];
	int value;
};

/* "0", "off", "false", "no": 0; "1", "on", "true", "yes": 1; else -EINVAL. */
int level_parse(const char *text);
/* The last "=" divides, since a name may hold others. 0; -EINVAL; -ENAMETOOLONG. */
int assignment_parse(const char *word, struct assignment *ret);
/* 0, or -EINVAL after saying on stderr which word is wrong or which line is named twice. */
int assignments_check(struct strings words);
