/* SPDX-License-Identifier: MIT */

#include "chip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon.h"
#include "diag.h"
#include "event.h"
#include "line.h"
#include "request.h"

/* As many events as the kernel keeps for a chip; more are left for the next round. */
#define CHIP_EVENTS 32

static void chip_gone(struct chip *chip)
{
	diag_warning("chip %s (%s) is gone", chip->info.name, chip->info.label);
	chip->available = false;
	loop_remove(&chip->daemon->loop, &chip->source);
	for (unsigned i = 0; i < chip->info.n_lines; i++) {
		struct line *line = chip->lines[i];

		if (line->request)
			request_free(line->request, "gone");
		else if (line->unavailable != -ENODEV)
			event_line(line, "gone"); /* not told yet by its own request */
		line->taken = false;
		line->leaving = false; /* what the service manager has of it holds no line */
	}
	/* It may be back already, and was not found as long as this was not told. */
	daemon_look_again(chip->daemon);
}

static void dispatch(struct source *source, uint32_t events)
{
	struct chip *chip = list_object(source, struct chip, source);
	struct daemon *daemon = chip->daemon;
	struct chip_event event;

	(void)events;
	for (int i = 0; i < CHIP_EVENTS; i++) {
		int r = daemon->ops->chip_event(daemon->backend, chip->info.index, &event);

		if (r == 0)
			return;
		if (r < 0 || event.type == CHIP_GONE) {
			chip_gone(chip);
			return;
		}
		/* What the event says may be old by now, so the line is asked. */
		if (event.offset < chip->info.n_lines)
			line_check_taken(chip->lines[event.offset]);
	}
}

static int start_listening(struct chip *chip)
{
	struct daemon *daemon = chip->daemon;
	int fd = daemon->ops->chip_fd(daemon->backend, chip->info.index);

	return fd < 0 ? fd : loop_add(&daemon->loop, &chip->source, fd, EPOLLIN, dispatch);
}

static void set_info(struct chip *chip, const struct chip_info *info)
{
	chip->info = *info;
	line_copy_name(chip->info.name, info->name);
	line_copy_name(chip->info.label, info->label);
}

static void chip_free(struct chip *chip)
{
	if (!chip)
		return;

	loop_remove(&chip->daemon->loop, &chip->source);
	free(chip->lines);
	free(chip);
}

static int chip_new(struct daemon *daemon, const struct chip_info *info, struct chip **ret)
{
	struct chip *chip = calloc(1, sizeof(*chip));
	int r = -ENOMEM;

	if (!chip)
		return r;

	chip->daemon = daemon;
	chip->source.fd = -1;
	set_info(chip, info);
	chip->lines = calloc(info->n_lines ? info->n_lines : 1, sizeof(struct line *));
	if (chip->lines)
		r = lines_add(daemon, chip, info->n_lines, chip->lines);
	if (r < 0) {
		chip_free(chip);
		return r;
	}
	*ret = chip;
	return 0;
}

static int make_place(struct daemon *daemon, unsigned index)
{
	struct chip **v;

	if (index < daemon->chips.n)
		return 0;

	v = reallocarray(daemon->chips.v, index + 1, sizeof(struct chip *));
	if (!v)
		return -ENOMEM;

	memset(v + daemon->chips.n, 0, (index + 1 - daemon->chips.n) * sizeof(struct chip *));
	daemon->chips.v = v;
	daemon->chips.n = index + 1;
	return 0;
}

/* Lines that come back. Those that nobody wants are only told; the others are taken first. */
static void come_back(struct chip *chip)
{
	for (unsigned i = 0; i < chip->info.n_lines; i++) {
		struct line *line = chip->lines[i];
		struct line_info info;

		line->taken = line_read_info(line, &info) == 0 && info.used;
		if (line->config || !list_empty(&line->uses))
			continue;
		line->unavailable = 0;
		event_line(line, "available");
	}
}

/* The kernel has given the number of a chip that is away to another one: who names that number
 * means the one that is there. */
static void pass_name_on(const struct daemon *daemon, const char *name)
{
	for (size_t i = 0; i < daemon->chips.n; i++) {
		struct chip *chip = daemon->chips.v[i];

		if (chip && !chip->available && strcmp(chip->info.name, name) == 0)
			line_copy_name(chip->info.name, chip->info.label);
	}
}

/* It might be one that went, and nothing tells which. */
static void warn_of_twins(const struct daemon *daemon, const struct chip_info *info)
{
	for (size_t i = 0; i < daemon->chips.n; i++) {
		const struct chip *chip = daemon->chips.v[i];

		if (!chip || chip->available || chip->info.n_lines != info->n_lines ||
			strcmp(chip->info.label, info->label) != 0)
			continue;
		diag_warning("chip %s (%s) may be any of several that are gone, so it is taken for "
			     "another; start the daemon again when all are back",
			info->name, info->label);
		return;
	}
}

static void found(const struct chip_info *info, void *data)
{
	struct daemon *daemon = data;
	int r = make_place(daemon, info->index);
	struct chip *chip = r < 0 ? NULL : daemon->chips.v[info->index];
	const bool is_new = !chip;

	if (is_new)
		warn_of_twins(daemon, info);
	if (r == 0 && is_new)
		r = chip_new(daemon, info, &chip);
	if (chip)
		daemon->chips.v[info->index] = chip;
	if (r == 0)
		r = start_listening(chip);
	if (r < 0) {
		diag_error(
			"chip %s (%s) cannot be used: %s", info->name, info->label, strerror(-r));
		return;
	}
	pass_name_on(daemon, info->name);
	set_info(chip, info);
	chip->available = true;
	diag_info("chip %s (%s): %u lines", chip->info.name, chip->info.label, chip->info.n_lines);
	if (!is_new)
		come_back(chip);
}

int chips_scan(struct daemon *daemon)
{
	return daemon->ops->scan(daemon->backend, found, daemon);
}

static void dispatch_arrivals(struct source *source, uint32_t events)
{
	struct daemon *daemon = list_object(source, struct daemon, arrivals);

	(void)events;
	if (daemon->ops->arrived(daemon->backend))
		daemon_look_again(daemon);
}

int chips_listen(struct daemon *daemon)
{
	int fd = daemon->ops->arrival_fd(daemon->backend);

	return fd < 0 ? fd
		      : loop_add(&daemon->loop, &daemon->arrivals, fd, EPOLLIN, dispatch_arrivals);
}

void chips_done(struct daemon *daemon)
{
	loop_remove(&daemon->loop, &daemon->arrivals);
	for (size_t i = 0; i < daemon->chips.n; i++)
		chip_free(daemon->chips.v[i]);
	free(daemon->chips.v);
}
