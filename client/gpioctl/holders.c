/* SPDX-License-Identifier: MIT */
#include "holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 64 lines of a request take less. */
#define FDINFO_BYTES 4096

enum match { MATCH_NONE, MATCH_UNKNOWN, MATCH_LINE };

struct wanted {
	const char *chip;
	unsigned offset;
};

/* Text of a file, with a NUL behind it; its length, or -errno. */
static ssize_t read_file(int dir_fd, const char *name, char *text, size_t size)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* A request of lines of either interface: gpio-line, gpio-linehandle, gpio-event. */
static bool is_request(int dir_fd, const char *name)
{
	char target[64];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return strncmp(target, "anon_inode:", strlen("anon_inode:")) == 0 &&
	       strstr(target, "gpio-") != NULL;
}

/* "gpio-chip:\tgpiochip0\ngpio-line:\t3\ngpio-line:\t4\n" among other rows. */
static enum match match_fdinfo(char *text, const struct wanted *wanted)
{
	bool told = false, chip = false, line = false;

	for (char *row; (row = strsep(&text, "\n"));) {
		char name[32];
		unsigned offset;

		if (sscanf(row, "gpio-chip: %31s", name) == 1) {
			told = true;
			chip = strcmp(name, wanted->chip) == 0;
		} else if (sscanf(row, "gpio-line: %u", &offset) == 1) {
			line |= offset == wanted->offset;
		}
	}
	if (!told)
		return MATCH_UNKNOWN;
	return chip && line ? MATCH_LINE : MATCH_NONE;
}

static enum match match_fd(
	int process_fd, int fds_fd, const char *fd_name, const struct wanted *wanted)
{
	char path[32], text[FDINFO_BYTES];

	if (!is_request(fds_fd, fd_name))
		return MATCH_NONE;
	snprintf(path, sizeof(path), "fdinfo/%.16s", fd_name);
	if (read_file(process_fd, path, text, sizeof(text)) < 0)
		return MATCH_UNKNOWN;
	return match_fdinfo(text, wanted);
}

/* The best of what its descriptors say. */
static enum match match_process(int process_fd, const struct wanted *wanted, bool *hidden)
{
	int fd = openat(process_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *fds = fd < 0 ? NULL : fdopendir(fd);
	enum match best = MATCH_NONE;
	struct dirent *entry;

	if (!fds) {
		*hidden |= errno == EACCES || errno == EPERM;
		if (fd >= 0)
			close(fd);
		return MATCH_NONE;
	}
	while ((entry = readdir(fds))) {
		enum match match = match_fd(process_fd, dirfd(fds), entry->d_name, wanted);

		if (match > best)
			best = match;
	}
	closedir(fds);
	return best;
}

static void make_printable(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = ' ';
		else if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	while (n > 0 && text[n - 1] == ' ')
		text[--n] = '\0';
}

static void describe(int process_fd, struct holder *holder)
{
	struct stat st;
	ssize_t n = read_file(process_fd, "comm", holder->name, sizeof(holder->name));

	make_printable(holder->name, n > 0 ? (size_t)n : 0);
	n = read_file(process_fd, "cmdline", holder->command, sizeof(holder->command));
	make_printable(holder->command, n > 0 ? (size_t)n : 0);
	if (!holder->command[0])
		snprintf(holder->command, sizeof(holder->command), "%s", holder->name);
	holder->uid = fstat(process_fd, &st) == 0 ? st.st_uid : (uid_t)-1;
}

static int add(struct holders *holders, const struct holder *holder)
{
	struct holder *v = reallocarray(holders->v, holders->n + 1, sizeof(*v));
	size_t i = holders->n;

	if (!v)
		return -ENOMEM;
	holders->v = v;
	for (; holder->certain && i > 0 && !v[i - 1].certain; i--)
		v[i] = v[i - 1];
	v[i] = *holder;
	holders->n++;
	return 0;
}

static int look_into(
	int proc_fd, const char *name, const struct wanted *wanted, struct holders *holders)
{
	int process_fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	enum match match;

	if (process_fd < 0)
		return 0; /* it has ended */
	match = match_process(process_fd, wanted, &holders->hidden);
	if (match != MATCH_NONE) {
		struct holder holder = { .pid = (pid_t)atoi(name), .certain = match == MATCH_LINE };

		describe(process_fd, &holder);
		r = add(holders, &holder);
	}
	close(process_fd);
	return r;
}

int holders_find(const char *proc, const char *chip, unsigned offset, struct holders *ret)
{
	const struct wanted wanted = { .chip = chip, .offset = offset };
	DIR *dir = opendir(proc);
	struct dirent *entry;
	int r = 0;

	*ret = (struct holders){ 0 };
	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			r = look_into(dirfd(dir), entry->d_name, &wanted, ret);
	closedir(dir);
	return r;
}

void holders_done(struct holders *holders)
{
	free(holders->v);
	*holders = (struct holders){ 0 };
}
