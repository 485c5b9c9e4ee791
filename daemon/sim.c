/* SPDX-License-Identifier: MIT */

/*
 * The simulated backend: chips whose lines are memory of this process. A chip's fd has the read end
 * of a pipe that carries the offsets of lines that changed; an offset waits in it once at most, so
 * that it cannot overflow. Beside it in an epoll there is a timer for all lines that wait for the
 * end of their debounce. Taking a chip away closes the write ends, its own and those of the
 * requests. That a chip is back is told by an eventfd. What lines and requests do is in
 * sim_request.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "config.h"
#include "sim.h"

#define DEFAULT_LINES 28

struct backend {
	unsigned n_chips;
	struct sim_chip *chips;
	int arrival_fd;
};

static void name_copy(char *to, const char *from)
{
	snprintf(to, BACKEND_NAME_BYTES, "%s", from);
}

static int chip_init(struct sim_chip *chip, unsigned index, const char *name, const char *label,
	unsigned n_lines)
{
	*chip = (struct sim_chip){
		.present = true, .fd = -1, .watch_fd = -1, .timer_fd = -1, .write_fd = -1
	};
	chip->info.index = index;
	chip->info.n_lines = n_lines;
	name_copy(chip->info.name, name);
	name_copy(chip->info.label, label);
	chip->lines = calloc(n_lines ? n_lines : 1, sizeof(*chip->lines));
	if (!chip->lines)
		return -ENOMEM;
	for (unsigned i = 0; i < n_lines; i++)
		chip->lines[i].feed = -1;
	return 0;
}

static int add_default(struct backend *sim)
{
	struct sim_chip *chip = &sim->chips[0];
	int r = chip_init(chip, 0, "gpiochip0", "gpioeventd-sim", DEFAULT_LINES);

	sim->n_chips = 1;
	for (unsigned i = 0; r == 0 && i < DEFAULT_LINES; i++)
		snprintf(chip->lines[i].name, sizeof(chip->lines[i].name), "GPIO%u", i);
	return r;
}

static int add_configured(struct backend *sim, const struct sim_chip_config *config)
{
	struct sim_chip *chip = &sim->chips[sim->n_chips];
	int r = chip_init(chip, sim->n_chips, config->name, config->label, config->n_lines);

	sim->n_chips++;
	for (unsigned i = 0; r == 0 && config->names && i < config->n_lines; i++)
		name_copy(chip->lines[i].name, config->names[i]);
	return r;
}

static int add_chips(struct backend *sim, const struct config *config)
{
	size_t n = config && config->n_chips ? config->n_chips : 1;
	int r = 0;

	sim->chips = calloc(n, sizeof(*sim->chips));
	if (!sim->chips)
		return -ENOMEM;
	if (!config || !config->n_chips)
		return add_default(sim);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_configured(sim, &config->chips[i]);
	return r;
}

/* The line's own name, chip:offset or label:offset. */
static bool line_is_called(const struct sim_chip *chip, unsigned offset, const char *name)
{
	char numbered[2][BACKEND_NAME_BYTES + 16];

	snprintf(numbered[0], sizeof(numbered[0]), "%s:%u", chip->info.name, offset);
	snprintf(numbered[1], sizeof(numbered[1]), "%s:%u", chip->info.label, offset);
	return !strcmp(chip->lines[offset].name, name) || !strcmp(numbered[0], name) ||
	       !strcmp(numbered[1], name);
}

static const char *feed_line_name(const struct config *config, const struct sim_feed *feed)
{
	for (size_t i = 0; i < config->n_lines; i++)
		if (!strcmp(config->lines[i].alias, feed->line))
			return config->lines[i].line;
	return feed->line;
}

/* -ENOENT: no line of that name; -ENOTUNIQ: several. */
static int attach_feed(struct backend *sim, const char *name, int fd)
{
	struct sim_line *found = NULL;

	for (unsigned c = 0; c < sim->n_chips; c++)
		for (unsigned i = 0; i < sim->chips[c].info.n_lines; i++) {
			if (!line_is_called(&sim->chips[c], i, name))
				continue;
			if (found)
				return -ENOTUNIQ;
			found = &sim->chips[c].lines[i];
		}
	if (!found)
		return -ENOENT;
	if (fcntl(fd, F_GETFD) < 0)
		return -errno;
	found->feed = fd;
	return 0;
}

static int attach_feeds(struct backend *sim, const struct config *config)
{
	int r = 0;

	for (size_t i = 0; config && r == 0 && i < config->n_feeds; i++)
		r = attach_feed(
			sim, feed_line_name(config, &config->feeds[i]), config->feeds[i].fd);
	return r;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void chip_close(struct sim_chip *chip)
{
	close_fd(&chip->fd);
	close_fd(&chip->watch_fd);
	close_fd(&chip->timer_fd);
	close_fd(&chip->write_fd);
}

static int chip_open(struct sim_chip *chip)
{
	struct epoll_event readable = { .events = EPOLLIN };
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return -errno;
	chip->watch_fd = fds[0];
	chip->write_fd = fds[1];
	chip->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (chip->timer_fd < 0)
		return -errno;
	chip->expiry_ns = 0;
	chip->fd = epoll_create1(EPOLL_CLOEXEC);
	if (chip->fd < 0 || epoll_ctl(chip->fd, EPOLL_CTL_ADD, chip->watch_fd, &readable) < 0 ||
		epoll_ctl(chip->fd, EPOLL_CTL_ADD, chip->timer_fd, &readable) < 0)
		return -errno;
	return 0;
}

static void sim_free(struct backend *sim)
{
	for (unsigned i = 0; sim && i < sim->n_chips; i++) {
		chip_close(&sim->chips[i]);
		free(sim->chips[i].lines);
	}
	if (sim) {
		close_fd(&sim->arrival_fd);
		free(sim->chips);
	}
	free(sim);
}

static int sim_open(const struct config *config, struct backend **ret)
{
	struct backend *sim = calloc(1, sizeof(*sim));
	int r;

	if (!sim)
		return -ENOMEM;
	sim->arrival_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r = sim->arrival_fd < 0 ? -errno : add_chips(sim, config);
	if (r == 0)
		r = attach_feeds(sim, config);
	if (r < 0) {
		sim_free(sim);
		return r;
	}
	*ret = sim;
	return 0;
}

static int sim_scan(
	struct backend *sim, void (*found)(const struct chip_info *chip, void *data), void *data)
{
	for (unsigned i = 0; i < sim->n_chips; i++) {
		struct sim_chip *chip = &sim->chips[i];
		int r;

		if (!chip->present || chip->fd >= 0)
			continue;
		r = chip_open(chip);
		if (r < 0) {
			chip_close(chip);
			return r;
		}
		found(&chip->info, data);
	}
	return 0;
}

static int sim_arrival_fd(struct backend *sim)
{
	return sim->arrival_fd;
}

static bool sim_arrived(struct backend *sim)
{
	eventfd_t n;

	return eventfd_read(sim->arrival_fd, &n) == 0;
}

struct sim_chip *sim_chip_get(struct backend *sim, unsigned index)
{
	return index < sim->n_chips && sim->chips[index].write_fd >= 0 ? &sim->chips[index] : NULL;
}

void sim_line_changed(struct sim_chip *chip, struct sim_line *line)
{
	uint32_t offset = (uint32_t)(line - chip->lines);

	if (line->changed)
		return;
	line->changed = write(chip->write_fd, &offset, sizeof(offset)) == sizeof(offset);
}

void sim_chip_expire_at(struct sim_chip *chip, uint64_t due_ns)
{
	const struct itimerspec at = { .it_value = { .tv_sec = (time_t)(due_ns / 1000000000),
					       .tv_nsec = (long)(due_ns % 1000000000) } };

	if (chip->expiry_ns && chip->expiry_ns <= due_ns)
		return;
	chip->expiry_ns = due_ns;
	(void)timerfd_settime(chip->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* A line that has changed again since is not due yet and has the timer armed once more. */
static void chip_settle(struct sim_chip *chip)
{
	uint64_t n_expired;

	if (read(chip->timer_fd, &n_expired, sizeof(n_expired)) < 0)
		return;
	chip->expiry_ns = 0;
	for (unsigned i = 0; i < chip->info.n_lines; i++)
		sim_line_settle(&chip->lines[i]);
}

static int sim_chip_fd(struct backend *sim, unsigned index)
{
	return index < sim->n_chips && sim->chips[index].fd >= 0 ? sim->chips[index].fd : -ENODEV;
}

static void line_info_fill(const struct sim_line *line, struct line_info *ret)
{
	*ret = (struct line_info){ .used = line->request, .settings = line->settings };
	name_copy(ret->name, line->name);
	if (line->request)
		name_copy(ret->consumer, "gpioeventd");
}

static int sim_chip_event(struct backend *sim, unsigned index, struct chip_event *ret)
{
	struct sim_chip *chip = index < sim->n_chips ? &sim->chips[index] : NULL;
	uint32_t offset;
	ssize_t n;

	if (!chip || chip->fd < 0)
		return -ENODEV;
	chip_settle(chip);
	n = read(chip->watch_fd, &offset, sizeof(offset));
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	*ret = (struct chip_event){ .type = n ? CHIP_LINE_CHANGED : CHIP_GONE };
	if (n) {
		chip->lines[offset].changed = false;
		ret->offset = offset;
		line_info_fill(&chip->lines[offset], &ret->info);
	} else {
		chip_close(chip);
	}
	return 1;
}

static int sim_line_info(
	struct backend *sim, unsigned index, unsigned offset, struct line_info *ret)
{
	struct sim_chip *chip = sim_chip_get(sim, index);

	if (!chip)
		return -ENODEV;
	if (offset >= chip->info.n_lines)
		return -EINVAL;
	line_info_fill(&chip->lines[offset], ret);
	return 0;
}

/* -EPERM for an output and a fed line: something else says what their level is. */
static int sim_simulate(struct backend *sim, unsigned index, unsigned offset, bool level)
{
	struct sim_chip *chip = sim_chip_get(sim, index);

	if (!chip)
		return -ENODEV;
	if (offset >= chip->info.n_lines)
		return -EINVAL;
	if (chip->lines[offset].settings.direction == DIRECTION_OUTPUT ||
		chip->lines[offset].feed >= 0)
		return -EPERM;
	sim_line_drive(&chip->lines[offset], level);
	return 0;
}

static void chip_take_away(struct sim_chip *chip)
{
	for (unsigned i = 0; i < chip->info.n_lines; i++)
		sim_line_lose(&chip->lines[i]);
	close_fd(&chip->write_fd);
}

/* A chip that comes back is a new one to look at; scan finds it once its going was told. */
static int sim_simulate_present(struct backend *sim, unsigned index, bool present)
{
	struct sim_chip *chip = index < sim->n_chips ? &sim->chips[index] : NULL;

	if (!chip)
		return -ENODEV;
	if (chip->present == present)
		return 0;
	chip->present = present;
	if (!present)
		chip_take_away(chip);
	for (unsigned i = 0; present && i < chip->info.n_lines; i++)
		sim_line_reset(&chip->lines[i]);
	if (present)
		(void)eventfd_write(sim->arrival_fd, 1);
	return 0;
}

const struct backend_ops backend_sim = {
	.name = "sim",
	.open = sim_open,
	.free = sim_free,
	.scan = sim_scan,
	.arrival_fd = sim_arrival_fd,
	.arrived = sim_arrived,
	.chip_fd = sim_chip_fd,
	.chip_event = sim_chip_event,
	.line_info = sim_line_info,
	.request = sim_request,
	.release = sim_release,
	.get = sim_get,
	.set = sim_set,
	.reconfigure = sim_reconfigure,
	.simulate = sim_simulate,
	.simulate_present = sim_simulate_present,
};
