/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reading the configuration again while the daemon runs: the files are read and checked whole, the
 * difference is put in force, and what is the same is not touched. A file that is wrong, or
 * hardware that refuses, changes nothing.
 *
 *   reload.c        reads, decides, tells what came of it
 *   reload_diff.c   what differs besides lines
 *   reload_plan.c   what would change, line by line
 *   reload_apply.c  requests: changes, takes, and puts back
 *   reload_report.c what is said of it
 */

#include <stdbool.h>
#include <stddef.h>

#include "config_table.h"
#include "reload_plan.h"

struct daemon;
struct jsonw;
struct options;

/* What the last reload came to. */
struct reload {
	const struct options *options; /* of the start; what they say holds for each reload */
	bool wanted;		       /* by SIGHUP: at the next turn */

	struct reload_plan
		plan; /* names in it belong to `before` and to the configuration in force */
	struct config *before;		 /* owned; the one that was in force; NULL: it still is */
	bool keys[CONFIG_ROWS_N];	 /* of [daemon]: those that differ */
	bool sections[CONFIG_SECTION_N]; /* of those that are not lines: those that differ */
	size_t n_problems;
	char **problems; /* owned; why it was refused */
};

/* Reads the files again and puts what changed in force. 0; -EINVAL: refused, and nothing changed.
 */
int reload_run(struct daemon *daemon);
void reload_done(struct reload *reload);

/* How many lines were added, removed and changed. */
struct reload_counts {
	size_t added, removed, changed;
};
struct reload_counts reload_count(const struct reload *reload);
/* Whether the files said anything else than before. */
bool reload_changes(const struct reload *reload);
/* The members that say what changed. False: names were left out, so that `room` bytes are left. */
bool reload_write(struct jsonw *w, const struct reload *reload, bool with_names, size_t room);
/* Notes what differs besides lines. */
void reload_diff(struct daemon *daemon, const struct config *config, const struct board *board);
/* Lets what needs a restart stay as it is: takes it over from the configuration before. */
void reload_keep(struct config *config, struct config *before);
/* To the operator: what came of a reload that returned r. */
void reload_tell(const struct reload *reload, int r);
/* A key of [daemon] that a reload can put in force. */
bool reload_is_live(const struct config_row *row);
