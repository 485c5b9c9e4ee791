/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which of the chips that went is the one that has come. The number in a chip's name is given by
 * the kernel to whoever comes next, so it is the last thing that counts; and where nothing tells
 * two chips apart, none is chosen: a relay must not be switched on the wrong board.
 */

#include <stddef.h>
#include <stdint.h>

struct identity {
	const char *label; /* has to be the same, and n_lines */
	unsigned n_lines;
	uint64_t line_names; /* hashes; of two that could be meant the one with the same ... */
	uint64_t place;	     /* the device that it hangs on, such as a USB port; 0: unknown */
	const char *name;    /* gpiochip0 */
};

/* The hash of the device that a character device hangs on, by its number; 0 when it is unknown. */
uint64_t identity_place(unsigned device_major, unsigned device_minor);

/*
 * The index of `found` among n that went, NULL standing for one that is there; -ENOENT: none of
 * them; -ENOTUNIQ: any of several.
 */
int identity_pick(size_t n, const struct identity *const *gone, const struct identity *found);
