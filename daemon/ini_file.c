/* SPDX-License-Identifier: MIT */
/*
 * A file is read whole and checked for being text; then inih is fed one line at a time by a reader
 * that counts them, takes the section headers out (inih cuts their names at 49 bytes) and refuses
 * what inih would treat in its own way: indented lines (it joins them to the line before), long
 * lines (it cuts them), lines without = (it only remembers the first).
 */

#include "ini_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "utf8.h"

struct reading {
	struct problems *problems;
	void (*item)(const struct ini_item *item, void *data);
	void *data;
	struct where where;
	const char *rest, *end; /* what is still to be read */
	char section[INI_LINE_BYTES + 1];
	bool in_section;
	bool skipping; /* after a header that cannot be read: its keys belong nowhere */
	bool pending;  /* a line was given to inih that it has not called back for */
};

static int read_whole(int fd, char *buffer, size_t size, size_t *ret_n)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, buffer + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret_n = n;
	return 0;
}

/* A file, or a device such as /dev/null; reading of neither takes longer than it has to. */
static int check_kind(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	return S_ISREG(status.st_mode) || S_ISCHR(status.st_mode) ? 0 : -ESPIPE;
}

/* The file in memory, to be freed by the caller; -EFBIG when it is larger than the limit. */
static int load(const char *path, char **ret_text, size_t *ret_n)
{
	char *buffer = NULL;
	size_t n = 0;
	int fd, r;

	/* A pipe would be waited for, here and in every read. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;

	r = check_kind(fd);
	if (r == 0) {
		buffer = malloc(INI_FILE_BYTES + 1);
		r = buffer ? read_whole(fd, buffer, INI_FILE_BYTES + 1, &n) : -ENOMEM;
	}
	(void)close(fd);
	if (r == 0 && n > INI_FILE_BYTES)
		r = -EFBIG;
	if (r < 0) {
		free(buffer);
		return r;
	}
	*ret_text = buffer;
	*ret_n = n;
	return 0;
}

/* Whether a line has nothing but printable UTF-8 and tabs. */
static bool is_text(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return utf8_valid(line, n);
}

/* The next line without its end; false when there is none. */
static bool next_line(struct reading *reading, const char **ret_line, size_t *ret_n)
{
	const char *line = reading->rest, *newline;
	size_t n;

	if (line == reading->end)
		return false;

	n = (size_t)(reading->end - line);
	newline = memchr(line, '\n', n);
	if (newline)
		n = (size_t)(newline - line);
	reading->rest = newline ? newline + 1 : reading->end;
	reading->where.line++;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	*ret_line = line;
	*ret_n = n;
	return true;
}

/* Garbage is named once, not once a line. */
static bool all_text(struct reading reading)
{
	const char *line;
	size_t n;

	while (next_line(&reading, &line, &n)) {
		if (is_text(line, n))
			continue;
		problems_add(reading.problems, reading.where, NULL, NULL,
			"this is not text: printable UTF-8 is allowed, without control characters");
		return false;
	}
	return true;
}

static bool is_comment(char c)
{
	return c == '#' || c == ';';
}

/* Length of a line without its comment and the space before it. */
static size_t without_comment(const char *line, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (is_comment(line[i]) && isblank((unsigned char)line[i - 1]))
			n = i;
	while (n > 0 && isblank((unsigned char)line[n - 1]))
		n--;
	return n;
}

static void begin_section(struct reading *reading, const char *line, size_t n)
{
	const char *close = memchr(line, ']', n);
	struct ini_item item = { .where = reading->where, .section = reading->section };

	reading->skipping = !close || close != line + n - 1;
	if (reading->skipping) {
		problems_add(reading->problems, reading->where, NULL, NULL,
			"\"%.*s\" is not a section; write [name], with nothing after it", (int)n,
			line);
		return;
	}
	line++;
	while (line < close && isblank((unsigned char)*line))
		line++;
	while (close > line && isblank((unsigned char)close[-1]))
		close--;
	memcpy(reading->section, line, (size_t)(close - line));
	reading->section[close - line] = '\0';
	reading->in_section = true;
	reading->item(&item, reading->data);
}

/* Takes what is not key = value; true when the line is for inih. */
static bool for_inih(struct reading *reading, const char *line, size_t n, size_t room)
{
	size_t indent = 0;

	while (indent < n && isblank((unsigned char)line[indent]))
		indent++;
	if (indent == n || is_comment(line[indent]))
		return false;
	if (indent > 0) {
		problems_add(reading->problems, reading->where, NULL, NULL,
			"the line begins with a space; a value cannot go on in another line, and "
			"keys and "
			"sections begin in the first column");
		return false;
	}
	if (n > room) {
		problems_add(reading->problems, reading->where, NULL, NULL,
			"the line has %zu bytes; %zu are allowed", n, room);
		return false;
	}
	if (*line == '[') {
		begin_section(reading, line, n);
		return false;
	}
	return true;
}

static void refuse_pending(struct reading *reading)
{
	if (reading->pending)
		problems_add(reading->problems, reading->where, NULL, NULL,
			"this is neither key = value nor a [section]");
	reading->pending = false;
}

/* inih's fgets(): one line of key = value a call. */
static char *give_line(char *buffer, int size, void *stream)
{
	struct reading *reading = stream;
	size_t room = size < INI_LINE_BYTES + 3 ? (size_t)size - 3 : INI_LINE_BYTES;
	const char *line;
	size_t n;

	refuse_pending(reading);
	while (next_line(reading, &line, &n)) {
		n = without_comment(line, n);
		if (!for_inih(reading, line, n, room))
			continue;
		memcpy(buffer, line, n);
		memcpy(buffer + n, "\n", 2);
		reading->pending = true;
		return buffer;
	}
	return NULL;
}

/* inih's own section is not used: its line is never seen by inih. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;
	struct ini_item item = {
		.where = reading->where,
		.section = reading->in_section ? reading->section : NULL,
		.key = name,
		.value = value,
	};

	(void)section;
	if (*name == '\0')
		return 1;
	reading->pending = false;
	if (!reading->skipping)
		reading->item(&item, reading->data);
	return 1;
}

static void parse(struct reading *reading)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t n = (size_t)(reading->end - reading->rest);

	if (n >= 3 && memcmp(reading->rest, bom, 3) == 0)
		reading->rest += 3;
	if (all_text(*reading))
		(void)ini_parse_stream(give_line, reading, take_pair, reading);
}

static void report_unreadable(struct problems *problems, const char *path, int r)
{
	struct where where = { .file = path };

	if (r == -EFBIG)
		problems_add(problems, where, NULL, NULL,
			"the file is too large; %u bytes are allowed", INI_FILE_BYTES);
	else if (r == -ESPIPE)
		problems_add(problems, where, NULL, NULL,
			"this is a pipe or a socket; a file is allowed");
	else
		problems_add(problems, where, NULL, NULL, "cannot read it: %s", strerror(-r));
}

int ini_file_read(const char *path, struct problems *problems,
	void (*item)(const struct ini_item *item, void *data), void *data)
{
	struct reading reading = {
		.problems = problems,
		.item = item,
		.data = data,
		.where = { .file = path },
	};
	size_t before = problems->n, n = 0;
	char *text = NULL;
	int r;

	r = load(path, &text, &n);
	if (r == -ENOENT)
		return r;
	if (r < 0) {
		report_unreadable(problems, path, r);
		return r;
	}
	reading.rest = text;
	reading.end = text + n;
	parse(&reading);
	free(text);
	return problems->n > before ? -EINVAL : 0;
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), n_suffix = strlen(suffix);

	return *name != '.' && n > n_suffix && strcmp(name + n - n_suffix, suffix) == 0;
}

/* alphasort() would follow the locale. */
static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int append(char ***names, size_t n, const char *name)
{
	char **grown = reallocarray(*names, n + 2, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*names = grown;
	grown[n] = name ? strdup(name) : NULL;
	grown[n + 1] = NULL;
	return name && !grown[n] ? -ENOMEM : 0;
}

static int list(DIR *dir, const char *suffix, char ***names)
{
	struct dirent *entry;
	size_t n = 0;
	int r;

	r = append(names, 0, NULL);
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (ends_in(entry->d_name, suffix))
			r = append(names, n++, entry->d_name);
	if (r == 0 && errno != 0)
		r = -errno;
	if (r == 0)
		qsort(*names, n, sizeof(**names), by_bytes);
	return r;
}

int ini_folder(const char *folder, const char *suffix, char ***ret_names)
{
	char **names = NULL;
	DIR *dir = opendir(folder);
	int r;

	if (!dir && errno != ENOENT)
		return -errno;

	r = dir ? list(dir, suffix, &names) : append(&names, 0, NULL);
	if (dir)
		(void)closedir(dir);
	if (r < 0) {
		ini_folder_free(names);
		return r;
	}
	*ret_names = names;
	return 0;
}

void ini_folder_free(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}
