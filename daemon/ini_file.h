/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reads a file of [sections] and key = value lines. inih splits the lines; what it would cut, join
 * or pass over in silence is refused here, with file and line. Comments begin with # or ;, at the
 * start of a line or after a space.
 */

#include "problems.h"

#define INI_LINE_BYTES 197	   /* of a line, without its end: inih's buffer has 200 */
#define INI_FILE_BYTES (1u << 20u) /* of a file */

/* A section that begins (key NULL) or a key in it. The strings are valid during the call. */
struct ini_item {
	struct where where;
	const char *section; /* between [ and ], without spaces around; NULL: before any section */
	const char *key, *value;
};

/*
 * Calls item() in the order of the file. 0; -EINVAL when something was told to problems; -errno,
 * told as well, when the file cannot be read, but for -ENOENT, which is left to the caller. Keeps
 * nothing; `path` stands in the items as it is.
 */
int ini_file_read(const char *path, struct problems *problems,
	void (*item)(const struct ini_item *item, void *data), void *data);

/* The base name of each entry of `folder` that ends in `suffix` and does not begin with a dot, in
 * the order of their bytes; NULL-terminated, to be freed with ini_folder_free. A folder that is not
 * there has none. */
int ini_folder(const char *folder, const char *suffix, char ***ret_names);
void ini_folder_free(char **names); /* accepts NULL */
