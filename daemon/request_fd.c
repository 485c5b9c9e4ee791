/* SPDX-License-Identifier: MIT */

#include "request_fd.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPEN_FILE "anon_inode:"
#define LINE_FILE "gpio-line"

static int check_name(int fd)
{
	char path[64], name[128];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name) - 1);
	if (n < 0)
		return -errno;

	name[n] = 0;
	return strncmp(name, OPEN_FILE, strlen(OPEN_FILE)) == 0 && strstr(name, LINE_FILE)
		       ? 0
		       : -ESTALE;
}

static void read_row(const char *row, struct request_fd_lines *ret)
{
	char chip[64];
	unsigned offset;

	if (sscanf(row, "gpio-chip: %63s", chip) == 1)
		memcpy(ret->chip_name, chip, sizeof(chip));
	else if (sscanf(row, "gpio-line: %u", &offset) == 1 && ret->n < REQUEST_FD_LINES)
		ret->offsets[ret->n++] = offset;
}

int request_fd_read(int fd, struct request_fd_lines *ret)
{
	char path[64], row[256];
	FILE *file;
	int r = check_name(fd);

	*ret = (struct request_fd_lines){ 0 };
	if (r < 0)
		return r;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return -errno;

	while (fgets(row, sizeof(row), file))
		read_row(row, ret);
	(void)fclose(file);
	return ret->n > 0 && ret->chip_name[0] ? 0 : -EOPNOTSUPP;
}

static bool same_lines(const struct request_fd_lines *lines, const char *chip_name, size_t n,
	const unsigned *offsets)
{
	return lines->n == n && strcmp(lines->chip_name, chip_name) == 0 &&
	       memcmp(lines->offsets, offsets, n * sizeof(*offsets)) == 0;
}

/* An older kernel says nothing of the lines. */
static int check_lines(int fd, const char *chip_name, size_t n, const unsigned *offsets)
{
	struct request_fd_lines lines;
	int r = request_fd_read(fd, &lines);

	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return r;
	return same_lines(&lines, chip_name, n, offsets) ? 0 : -ESTALE;
}

static int check_chip(int fd)
{
	struct pollfd poll_fd = { .fd = fd };

	if (poll(&poll_fd, 1, 0) < 0)
		return -errno;
	return poll_fd.revents & (POLLHUP | POLLERR) ? -ENODEV : 0;
}

int request_fd_check(int fd, const char *chip_name, size_t n, const unsigned *offsets)
{
	int r = check_name(fd);

	if (r == 0)
		r = check_chip(fd);
	if (r == 0)
		r = check_lines(fd, chip_name, n, offsets);
	return r;
}
