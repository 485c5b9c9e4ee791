/* SPDX-License-Identifier: MIT */

/*
 * gpio-sim through configfs and sysfs. The kernel merges level changes of a line that follow each
 * other faster than it takes interrupts, so each pull is followed by a pause.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpiosim.h"

#define CONFIGFS "/sys/kernel/config/gpio-sim"
#define PAUSE_US 100

struct gpiosim {
	char name[64]; /* of the directory and the label */
	char sysfs[128];
	unsigned n_lines;
};

__attribute__((format(printf, 2, 3))) static int write_file(
	const char *text, const char *format, ...)
{
	char path[256];
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? (int)n : 0;
}

__attribute__((format(printf, 3, 4))) static int read_file(
	char *text, size_t size, const char *format, ...)
{
	char path[256];
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

__attribute__((format(printf, 1, 2))) static int make_dir(const char *format, ...)
{
	char path[256];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

static void remove_dirs(const char *name)
{
	char path[256];

	(void)write_file("0", CONFIGFS "/%s/live", name);
	for (unsigned i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), CONFIGFS "/%s/bank0/line%u", name, i);
		if (rmdir(path) < 0 && errno == ENOENT && i > 0)
			break;
	}
	snprintf(path, sizeof(path), CONFIGFS "/%s/bank0", name);
	rmdir(path);
	snprintf(path, sizeof(path), CONFIGFS "/%s", name);
	rmdir(path);
}

static int make_dirs(const struct gpiosim *sim, const char *name)
{
	char text[64];
	int r = make_dir(CONFIGFS "/%s", sim->name);

	if (r == 0)
		r = make_dir(CONFIGFS "/%s/bank0", sim->name);
	if (r == 0)
		r = write_file(sim->name, CONFIGFS "/%s/bank0/label", sim->name);
	snprintf(text, sizeof(text), "%u", sim->n_lines);
	if (r == 0)
		r = write_file(text, CONFIGFS "/%s/bank0/num_lines", sim->name);
	for (unsigned i = 0; r == 0 && i < sim->n_lines; i++) {
		snprintf(text, sizeof(text), "%s%u", name, i);
		r = make_dir(CONFIGFS "/%s/bank0/line%u", sim->name, i);
		if (r == 0)
			r = write_file(text, CONFIGFS "/%s/bank0/line%u/name", sim->name, i);
	}
	return r;
}

bool gpiosim_available(void)
{
	return access(CONFIGFS, W_OK) == 0;
}

void gpiosim_clean(void)
{
	DIR *dir = opendir(CONFIGFS);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, GPIOSIM_PREFIX, strlen(GPIOSIM_PREFIX)))
			remove_dirs(entry->d_name);
	if (dir)
		closedir(dir);
}

struct gpiosim *gpiosim_new(const char *name, unsigned n_lines)
{
	static unsigned serial;
	struct gpiosim *sim = calloc(1, sizeof(*sim));
	int r;

	if (!sim)
		return NULL;
	snprintf(sim->name, sizeof(sim->name), GPIOSIM_PREFIX "%d-%u", (int)getpid(), serial++);
	sim->n_lines = n_lines;
	r = make_dirs(sim, name);
	if (r == 0)
		r = gpiosim_live(sim, true);
	if (r < 0) {
		fprintf(stderr, "gpio-sim chip %s: %s\n", sim->name, strerror(-r));
		gpiosim_free(sim);
		return NULL;
	}
	return sim;
}

void gpiosim_free(struct gpiosim *sim)
{
	if (!sim)
		return;
	remove_dirs(sim->name);
	free(sim);
}

const char *gpiosim_label(const struct gpiosim *sim)
{
	return sim->name;
}

int gpiosim_live(struct gpiosim *sim, bool live)
{
	char device[48], chip[48];
	int r = write_file(live ? "1" : "0", CONFIGFS "/%s/live", sim->name);

	if (r < 0 || !live)
		return r;
	r = read_file(device, sizeof(device), CONFIGFS "/%s/dev_name", sim->name);
	if (r == 0)
		r = read_file(chip, sizeof(chip), CONFIGFS "/%s/bank0/chip_name", sim->name);
	if (r == 0)
		snprintf(sim->sysfs, sizeof(sim->sysfs), "/sys/devices/platform/%s/%s", device,
			chip);
	return r;
}

int gpiosim_pull(struct gpiosim *sim, unsigned offset, bool up)
{
	int r = write_file(up ? "pull-up" : "pull-down", "%s/sim_gpio%u/pull", sim->sysfs, offset);

	usleep(PAUSE_US);
	return r;
}

int gpiosim_level(struct gpiosim *sim, unsigned offset)
{
	char text[8];
	int r = read_file(text, sizeof(text), "%s/sim_gpio%u/value", sim->sysfs, offset);

	return r < 0 ? r : text[0] == '1';
}
