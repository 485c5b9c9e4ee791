/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Finds the line that a name means. Accepted, in this order; the first kind that matches decides:
 *
 *   button                 configured alias
 *   GPIO23                 the kernel's line name; several lines of that name are ambiguous
 *   gpiochip0:23           chip name and offset
 *   pinctrl-bcm2711:23     chip label and offset; several chips of that label are ambiguous
 *   BCM23                  SoC number: the offset on the board's header chip
 *   BOARD16, J8:16         pin of the header
 *   WPI4                   WiringPi's number
 *
 * The last three need a board map (config/boards/). Names are compared exactly, letter case
 * included, but for the prefixes BCM, BOARD, J8 and WPI. Nothing is ever guessed: what is ambiguous
 * is refused with its candidates, what is unknown with the nearest name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* One line as the name finder sees it. */
struct name_entry {
	const char *alias; /* NULL: not configured */
	const char *name;  /* "" when the kernel has none */
	const char *chip_name, *chip_label;
	unsigned offset;
	uint32_t name_hash, alias_hash; /* of name_hash(), to compare fast; 0: not computed */
	uint64_t see;			/* the rules that give the right to see it, see access.h */
};

/* What is there to be found; the pointers belong to the caller. */
struct name_space {
	size_t n;
	const struct name_entry *entries;
	const struct board *board; /* NULL: no map */
	/* Lines that none of `rules` gives the right to see do not exist. */
	bool restricted;
	uint64_t rules;
};

/* Never 0. */
uint32_t name_hash(const char *name);

/* Resolves `written`. WIRE_OK and the index of the entry, or the code that is in *problem
 * (unknown-line, ambiguous-line) with field "line", line and candidates filled. */
enum wire_error name_resolve(const struct name_space *space, const char *written, size_t *ret_index,
	struct wire_problem *problem);

/* The canonical name: alias, else kernel name if unique, else chip:offset. Returns a pointer into
 * the entry or `buffer`. */
const char *name_canonical(
	const struct name_space *space, size_t index, char buffer[static WIRE_MAX_NAME_BYTES + 1]);
