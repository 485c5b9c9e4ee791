/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What another configuration would change: a step for each line that the one in force or the new
 * one names, and a lot for each request that there would be. Making a plan touches no line, so it
 * can be thrown away; making it finds what only the running daemon can know to be wrong.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "config.h"
#include "problems.h"

struct board;
struct daemon;
struct line;

/* What becomes of one line. */
struct reload_step {
	struct line *line;
	const struct line_config *before, *after; /* NULL: not named */
	struct line_settings settings;		  /* as it shall be held */
	enum initial initial;			  /* of an output that it is not yet */
	const struct line *excluded_by; /* is 1, so that `initial` is 0 for now; NULL: nobody */
	bool was_held;
	bool leaves;  /* is given back in the end */
	bool differs; /* before and after do not say the same */
	bool told;    /* clients can see the difference: there is a line event */

	/* While it is being applied: how the line was, to put it back. */
	size_t old_group;   /* lines that were one request have the same; 0: it was not broken up */
	unsigned old_index; /* its place there */
	struct line_settings old_settings;
	uint8_t old_value, old_wanted;
	int old_unavailable;
	bool was_input;			     /* nobody held or drove it */
	uint64_t on_since_ns, on_claimed_ns; /* as in struct on_time */
	uint64_t pulse_ns;		     /* when its pulse ends; 0: none */
	uint8_t pulse_value;
};

enum lot_change {
	LOT_STAYS,   /* as it is, held or not */
	LOT_CHANGES, /* the same lines, other settings: in place */
	LOT_TAKEN,   /* no line of it is held yet */
	LOT_REMADE,  /* lines that were held with others, or without: taken anew */
};

/* The steps from `begin` on become one request. */
struct reload_lot {
	size_t begin, n;
	enum lot_change change;
};

struct reload_plan {
	struct daemon *daemon;
	const struct config *config; /* the new one */
	const struct board *board;
	struct problems problems;
	size_t n, n_lots;
	struct reload_step *steps; /* owned; in the order of the lots */
	struct reload_lot *lots;   /* owned */
};

/*
 * Makes the plan of `config`, with `board` to look names up in; plan->problems says where to tell
 * problems, and counts them. 0; -EINVAL, told; -ENOMEM. To be freed in any case.
 */
int reload_plan_make(struct reload_plan *plan, struct daemon *daemon, const struct config *config,
	const struct board *board);
void reload_plan_free(struct reload_plan *plan);

/* A problem of the section that a step stands for. */
void reload_plan_refuse(struct reload_plan *plan, const struct line_config *config, const char *key,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
