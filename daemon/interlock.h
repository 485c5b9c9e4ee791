/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Interlocks: of their lines at most one is 1 at a time, as far as the daemon drives them. A write
 * that would break one is refused whole; within a write what goes off is written first.
 */

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

struct daemon;
struct line;
struct output_write;

/* The same refusal for somebody from whom the other line may be hidden. */
enum wire_error interlock_refuse_unnamed(const struct line *line, struct wire_problem *problem);
/* The lines of the write have write_mark `mark` and their write_value. WIRE_OK, or conflict. */
enum wire_error interlock_check(
	const struct output_write *write, uint64_t mark, struct wire_problem *problem);
/* Part of the write, all of it marked: the line goes off so that one of another request may go on.
 */
bool interlock_comes_first(
	const struct line *line, const struct output_write *write, uint64_t mark);

/* They stand in one interlock. */
bool interlock_excludes(const struct line *a, const struct line *b);
/* Another line of one of its interlocks that is 1 now, or NULL. */
const struct line *interlock_find_on(const struct line *line);
/* Lines that were found 1 together, as with initial = keep, all go off; told. */
void interlocks_settle(struct daemon *daemon);
