/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The settings of a line, in the words of libgpiod and the kernel. The names that the wire and the
 * configuration use for the values are the WIRE_ENUM rows of wire.def.
 */

#include <stdbool.h>
#include <stdint.h>

enum direction { DIRECTION_INPUT, DIRECTION_OUTPUT, DIRECTION_ANY };
enum bias { BIAS_AS_IS, BIAS_DISABLED, BIAS_PULL_UP, BIAS_PULL_DOWN };
enum drive { DRIVE_PUSH_PULL, DRIVE_OPEN_DRAIN, DRIVE_OPEN_SOURCE };
enum edges { EDGES_NONE = 0, EDGES_RISING = 1, EDGES_FALLING = 2, EDGES_BOTH = 3 };

/* What a line does when its owner leaves it: 0 and 1 drive that logical value. */
enum on_release { ON_RELEASE_0, ON_RELEASE_1, ON_RELEASE_HOLD, ON_RELEASE_INPUT };

/* What a claimed output does when the client that claimed it is gone. */
enum on_disconnect { ON_DISCONNECT_0, ON_DISCONNECT_1, ON_DISCONNECT_HOLD, ON_DISCONNECT_SAFE };

/* The value that an output begins with; KEEP is the level that the line has at that moment. */
enum initial { INITIAL_0, INITIAL_1, INITIAL_KEEP };

struct line_settings {
	enum direction direction; /* ANY: leave the direction as it is (reading only) */
	enum bias bias;
	enum drive drive;
	enum edges edges; /* which edges the kernel reports; inputs only */
	bool active_low;
	uint64_t debounce_ns; /* 0: none; the kernel rounds to whole microseconds */
};
