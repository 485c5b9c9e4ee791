/* SPDX-License-Identifier: MIT */
#pragma once

/* The command line, taken apart by the rows of options.def. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option {
#define OPTION(NAME, member, name, TYPE, enumeration, metavar, help) OPTION_##NAME,
#include "options.def"
	OPTION_N
};
#define BIT(NAME)      (UINT64_C(1) << OPTION_##NAME)
#define OPTIONS_GLOBAL (BIT(SOCKET) | BIT(JSON) | BIT(VERSION) | BIT(HELP))

enum option_type {
	OPTION_TYPE_FLAG,
	OPTION_TYPE_STRING,
	OPTION_TYPE_NUMBER,
	OPTION_TYPE_COUNT,
	OPTION_TYPE_DURATION,
	OPTION_TYPE_WORD,
	OPTION_TYPE_LEVEL,
	OPTION_TYPE_LIST,
};

/* A duration as written, which is how the daemon is told, and what it means here. */
struct duration {
	const char *text;
	uint64_t ns;
};

struct strings {
	size_t n;
	const char **v; /* owned; each points into argv */
};

#define OPTION_C_FLAG	  bool
#define OPTION_C_STRING	  const char *
#define OPTION_C_NUMBER	  uint64_t
#define OPTION_C_COUNT	  uint64_t
#define OPTION_C_DURATION struct duration
#define OPTION_C_WORD	  const char *
#define OPTION_C_LEVEL	  int
#define OPTION_C_LIST	  struct strings

/* What was written; a member has a meaning only if its bit is in `given`. Strings point into argv.
 */
struct options {
	uint64_t given;
	struct strings args; /* what is no option: the command, then its arguments */
	size_t n_after;	     /* so many of them stand behind "--" */
#define OPTION(NAME, member, name, TYPE, enumeration, metavar, help) OPTION_C_##TYPE member;
#include "options.def"
};
#define GIVEN(options, NAME) (((options)->given & BIT(NAME)) != 0)

struct option_row {
	const char *name;
	enum option_type type;
	const char *enumeration; /* NULL: free */
	const char *metavar;
	const char *help;
	size_t offset; /* in struct options */
};
extern const struct option_row option_rows[OPTION_N];

/*
 * Takes argv apart; lists are cut in place. 0, or -EINVAL after saying on stderr what is wrong.
 * options_done() is due in both cases.
 */
int options_parse(struct options *options, int argc, char **argv);
void options_done(struct options *options);
