/* SPDX-License-Identifier: MIT */
#pragma once

/* What an adopted log says of lines and edges; the parts of adopt.c that read it. */

struct daemon;
struct line;

/*
 * The entries of lines carry ids, which are the process's own: they get those of this one, by the
 * names in the events. Events of lines that are no longer there get the id of a stand-in. Also
 * notes for each line that anything of it may have been in what the log has dropped.
 */
void adopt_subjects(struct daemon *daemon);
/* Connects the line with its place in the state table, if it has one, and goes on counting there.
 */
void adopt_state(struct line *line);
/* Edges that had been read and not logged: they come first. */
void adopt_staged(struct daemon *daemon);
