/* SPDX-License-Identifier: MIT */
#include "kernel_line.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_called(
	const struct gpiochip_info *chip, const struct gpio_v2_line_info *line, const char *name)
{
	char numbered[2][KERNEL_NAME_BYTES + 16];

	snprintf(numbered[0], sizeof(numbered[0]), "%.31s:%u", chip->name, line->offset);
	snprintf(numbered[1], sizeof(numbered[1]), "%.31s:%u", chip->label, line->offset);
	return !strncmp(line->name, name, sizeof(line->name)) || !strcmp(numbered[0], name) ||
	       !strcmp(numbered[1], name);
}

/* How many lines of the chip have the name; *ret is the last of them. */
static unsigned search(int fd, const char *name, struct kernel_line *ret)
{
	struct gpiochip_info chip = { 0 };
	unsigned n = 0;

	if (ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &chip) < 0)
		return 0;
	for (unsigned i = 0; i < chip.lines; i++) {
		struct gpio_v2_line_info line = { .offset = i };

		if (ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, &line) < 0 ||
			!is_called(&chip, &line, name))
			continue;
		n++;
		*ret = (struct kernel_line){ .offset = i,
			.used = line.flags & GPIO_V2_LINE_FLAG_USED };
		snprintf(ret->chip, sizeof(ret->chip), "%.31s", chip.name);
		snprintf(ret->consumer, sizeof(ret->consumer), "%.31s", line.consumer);
	}
	return n;
}

/* A symbolic link is another name of a chip that is there under its own. */
static bool is_device(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

int kernel_line_find(const char *name, struct kernel_line *ret)
{
	struct kernel_line found;
	bool denied = false;
	unsigned n = 0;
	glob_t paths;

	if (glob("/dev/gpiochip*", 0, NULL, &paths) != 0)
		return -ENOENT;
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		int fd;

		if (!is_device(paths.gl_pathv[i]))
			continue;
		fd = open(paths.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			denied |= errno == EACCES;
			continue;
		}
		n += search(fd, name, &found);
		close(fd);
	}
	globfree(&paths);
	if (n == 0)
		return denied ? -EACCES : -ENOENT;
	if (n > 1)
		return -ENOTUNIQ;
	*ret = found;
	return 0;
}
