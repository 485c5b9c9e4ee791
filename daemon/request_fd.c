/* SPDX-License-Identifier: MIT */

#include "request_fd.h"

#include <errno.h>
#include <poll.h>
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

/* One line of fdinfo; counts the lines of the request that it names. */
static int check_row(
	const char *row, const char *chip_name, size_t n, const unsigned *offsets, size_t *found)
{
	char chip[64];
	unsigned offset;

	if (sscanf(row, "gpio-chip: %63s", chip) == 1)
		return strcmp(chip, chip_name) == 0 ? 0 : -ESTALE;
	if (sscanf(row, "gpio-line: %u", &offset) != 1)
		return 0;
	if (*found >= n || offsets[*found] != offset)
		return -ESTALE;

	(*found)++;
	return 0;
}

static int check_lines(int fd, const char *chip_name, size_t n, const unsigned *offsets)
{
	char path[64], row[256];
	size_t found = 0;
	FILE *file;
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return -errno;

	while (r == 0 && fgets(row, sizeof(row), file))
		r = check_row(row, chip_name, n, offsets, &found);
	(void)fclose(file);
	if (r < 0)
		return r;
	/* An older kernel says nothing of the lines. */
	return found == 0 || found == n ? 0 : -ESTALE;
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
