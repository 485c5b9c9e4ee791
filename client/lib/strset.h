/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A set of a limited number of strings, to find repetitions in what a client sends in less than
 * quadratic time. It allocates nothing and only points to the strings.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRSET_MAX 1024 /* strings; twice as many slots keep the chains short */

struct strset {
	uint32_t mask;
	const char *slots[2 * STRSET_MAX];
};

/* Ready for up to n strings, n <= STRSET_MAX. */
void strset_init(struct strset *set, size_t n);
/* Adds a string that stays valid; false when an equal one is in the set. */
bool strset_add(struct strset *set, const char *string);
