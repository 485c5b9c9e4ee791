/* SPDX-License-Identifier: MIT */
#pragma once

/* The configuration while it is being read: values with the places where they are written, so that
 * checks of the whole can point at a line. */

#include "config_table.h"
#include "problems.h"

/* One section, whichever files it is written in. */
struct config_object {
	enum config_section section;
	char title[WIRE_MAX_NAME_BYTES + 8]; /* "line button" */
	size_t name_at;			     /* where the argument stands in it */
	struct where where;		     /* the newest header; file NULL: not written */
	struct where keys[CONFIG_ROWS_N];    /* by row; file NULL: not given */
	union {
		struct line_config line;
		struct interlock_config interlock;
		struct chip_draft chip; /* owns chip.names */
		struct access_rule access;
		struct socket_config socket;
	} value;
};

struct config_draft {
	struct config *config;
	size_t n_objects, room;
	struct config_object *objects; /* owned; the first is [daemon] */
	size_t current;		       /* the section being read, or NO_OBJECT */
	struct problems problems;
};
#define NO_OBJECT SIZE_MAX

/* The argument of the section, "" without; valid until the next item. */
static inline const char *config_object_name(const struct config_object *object)
{
	return object->title + object->name_at;
}
/* Where the values of an object are: the base of config_value_parse. */
void *config_object_base(struct config_draft *draft, struct config_object *object);
/* Where a key is given, else where the section begins. */
struct where config_object_where(const struct config_object *object, const struct config_row *row);
static inline bool config_object_has(
	const struct config_object *object, const struct config_row *row)
{
	return object->keys[row - config_rows].file;
}

/* Takes an item of a file into the draft. -ENOMEM is told to the problems. */
void config_draft_item(const struct ini_item *item, void *draft);
/* Makes [daemon] with its defaults. */
int config_draft_init(struct config_draft *draft);

/* What a rule of the rows cannot say of one object. */
void config_tell(struct config_draft *draft, const struct config_object *object, const char *key,
	const char *what);
/* The lines of an [interlock] are there, are outputs, and have no values that would break it. */
void config_check_interlock(struct config_draft *draft, struct config_object *object);
/* The next word of a list between spaces, its length in *ret_n; NULL at the end. */
const char *config_next_word(const char *list, size_t *ret_n);

/* Checks the whole and derives what depends on several keys; problems are told. */
void config_draft_check(struct config_draft *draft);

/* The name, path and group of a [socket] section; problems are told. */
void config_check_socket(struct config_draft *draft, struct config_object *object);
/* What the users, groups and sockets of an [access] section mean; problems are told. */
void config_check_access(struct config_draft *draft, struct config_object *object);

/*
 * Names of a simulated chip's lines from how they are written, and back. parse: *ret has n_lines
 * names, to be freed by the caller; -EINVAL with `why`; -ENOMEM.
 */
int config_chip_names_parse(const char *text, unsigned n_lines, char (**ret)[BACKEND_NAME_BYTES],
	char why[static CONFIG_WHY_BYTES]);
void config_chip_names_format(
	const struct sim_chip_config *chip, char buffer[static INI_LINE_BYTES + 1]);
