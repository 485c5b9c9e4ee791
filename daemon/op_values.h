/* SPDX-License-Identifier: MIT */
#pragma once

/* `values` of set and arm: names or lines, resolved, with a value each. */

#include <stdint.h>

#include "command.h"

struct line_values {
	struct named_lines named;
	uint8_t values[WIRE_MAX_LINES];
};

/* `lines` gives the names when the values are an array; otherwise it must be empty. May be NULL. */
enum wire_error op_read_values(struct call *call, const struct wire_values *values,
	const struct wire_names *lines, struct line_values *ret);
