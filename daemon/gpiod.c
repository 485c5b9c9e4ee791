/* SPDX-License-Identifier: MIT */

/*
 * The kernel's lines. libgpiod does what is done around requests: it opens chips, reads and watches
 * infos, makes requests. One gpiod_chip stays open per chip, watching all of its lines. A request
 * leaves libgpiod as soon as it is made: its fd is duplicated, which keeps the lines, and
 * everything after goes through uapi.c.
 *
 * The kernel's queue of info changes has 32 places and drops the newest when full. When that many
 * were read without a pause, all infos are read again and compared with those told last.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backend.h"
#include "dev_watch.h"
#include "identity.h"
#include "names.h"
#include "request_fd.h"
#include "uapi.h"

#define EVENTS_MIN 16	/* below it a short memory is an error */
#define EVENTS_MAX 1024 /* the kernel allocates no more */
#define INFO_QUEUE 32	/* the kernel's, of one chip fd */

struct kernel_chip {
	struct chip_info info;
	struct gpiod_chip *gpiod; /* NULL: gone */
	dev_t device;
	uint64_t line_names, place; /* for its identity */
	struct line_info *told;	    /* info.n_lines of them, as last told; owned */
	unsigned n_read;	    /* changes since the queue was empty */
	unsigned recheck;	    /* the next line to compare; info.n_lines: none */
};

struct backend {
	unsigned n_chips;
	struct kernel_chip *chips;
	int dev_watch; /* -errno: there is none */
};

struct kernel_request {
	struct backend_request base;
	/* By line; the values are logical. An open drain may read otherwise than it is driven. */
	uint64_t outputs, driven, active_low;
};

static void name_copy(char *to, const char *from)
{
	snprintf(to, BACKEND_NAME_BYTES, "%s", from ? from : "");
}

/* Our words in libgpiod's. What of its words is missing here (unknown) means our first. */

static const enum gpiod_line_direction directions[] = {
	[DIRECTION_INPUT] = GPIOD_LINE_DIRECTION_INPUT,
	[DIRECTION_OUTPUT] = GPIOD_LINE_DIRECTION_OUTPUT,
	[DIRECTION_ANY] = GPIOD_LINE_DIRECTION_AS_IS,
};

static const enum gpiod_line_bias biases[] = {
	[BIAS_AS_IS] = GPIOD_LINE_BIAS_AS_IS,
	[BIAS_DISABLED] = GPIOD_LINE_BIAS_DISABLED,
	[BIAS_PULL_UP] = GPIOD_LINE_BIAS_PULL_UP,
	[BIAS_PULL_DOWN] = GPIOD_LINE_BIAS_PULL_DOWN,
};

static const enum gpiod_line_drive drives[] = {
	[DRIVE_PUSH_PULL] = GPIOD_LINE_DRIVE_PUSH_PULL,
	[DRIVE_OPEN_DRAIN] = GPIOD_LINE_DRIVE_OPEN_DRAIN,
	[DRIVE_OPEN_SOURCE] = GPIOD_LINE_DRIVE_OPEN_SOURCE,
};

static const enum gpiod_line_edge edge_kinds[] = {
	[EDGES_NONE] = GPIOD_LINE_EDGE_NONE,
	[EDGES_RISING] = GPIOD_LINE_EDGE_RISING,
	[EDGES_FALLING] = GPIOD_LINE_EDGE_FALLING,
	[EDGES_BOTH] = GPIOD_LINE_EDGE_BOTH,
};

#define INDEX_OF(table, value) \
	index_of((const int *)(table), sizeof(table) / sizeof(*(table)), (int)(value))

static unsigned index_of(const int *table, size_t n, int value)
{
	for (size_t i = 0; i < n; i++)
		if (table[i] == value)
			return (unsigned)i;
	return 0;
}

static void info_read(struct gpiod_line_info *from, struct line_info *ret)
{
	*ret = (struct line_info){
		.used = gpiod_line_info_is_used(from),
		.settings = {
			.direction = INDEX_OF(directions, gpiod_line_info_get_direction(from)),
			.bias = INDEX_OF(biases, gpiod_line_info_get_bias(from)),
			.drive = INDEX_OF(drives, gpiod_line_info_get_drive(from)),
			.edges = INDEX_OF(edge_kinds, gpiod_line_info_get_edge_detection(from)),
			.active_low = gpiod_line_info_is_active_low(from),
			.debounce_ns = UINT64_C(1000) *
				gpiod_line_info_get_debounce_period_us(from),
		},
	};
	name_copy(ret->name, gpiod_line_info_get_name(from));
	name_copy(ret->consumer, gpiod_line_info_get_consumer(from));
}

static bool info_same(const struct line_info *a, const struct line_info *b)
{
	const struct line_settings *x = &a->settings, *y = &b->settings;

	return a->used == b->used && !strcmp(a->consumer, b->consumer) &&
	       x->direction == y->direction && x->bias == y->bias && x->drive == y->drive &&
	       x->edges == y->edges && x->active_low == y->active_low &&
	       x->debounce_ns == y->debounce_ns;
}

/* Chips. */

static struct kernel_chip *chip_get(struct backend *backend, unsigned index)
{
	if (index >= backend->n_chips || !backend->chips[index].gpiod)
		return NULL;
	return &backend->chips[index];
}

static bool hung_up(const struct kernel_chip *chip)
{
	struct pollfd poll_fd = { .fd = gpiod_chip_get_fd(chip->gpiod) };

	return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR));
}

static void chip_close(struct kernel_chip *chip)
{
	if (chip->gpiod)
		gpiod_chip_close(chip->gpiod);
	free(chip->told);
	chip->gpiod = NULL;
	chip->told = NULL;
}

static int chip_watch(struct kernel_chip *chip)
{
	int fd = gpiod_chip_get_fd(chip->gpiod);
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	chip->told = calloc(chip->info.n_lines ? chip->info.n_lines : 1, sizeof(*chip->told));
	if (!chip->told)
		return -ENOMEM;
	for (unsigned i = 0; i < chip->info.n_lines; i++) {
		struct gpiod_line_info *info = gpiod_chip_watch_line_info(chip->gpiod, i);

		if (!info)
			return uapi_error(errno);
		info_read(info, &chip->told[i]);
		gpiod_line_info_free(info);
		chip->line_names = 31 * chip->line_names + name_hash(chip->told[i].name);
	}
	chip->recheck = chip->info.n_lines;
	return 0;
}

static int chip_open(const char *path, dev_t device, struct kernel_chip *ret)
{
	struct kernel_chip chip = { .gpiod = gpiod_chip_open(path), .device = device };
	struct gpiod_chip_info *info;
	int r;

	if (!chip.gpiod)
		return uapi_error(errno);
	info = gpiod_chip_get_info(chip.gpiod);
	r = info ? 0 : uapi_error(errno);
	if (info) {
		name_copy(chip.info.name, gpiod_chip_info_get_name(info));
		name_copy(chip.info.label, gpiod_chip_info_get_label(info));
		chip.info.n_lines = (unsigned)gpiod_chip_info_get_num_lines(info);
		gpiod_chip_info_free(info);
		chip.place = identity_place(major(device), minor(device));
		r = chip_watch(&chip);
	}
	if (r < 0) {
		chip_close(&chip);
		return r;
	}
	*ret = chip;
	return 0;
}

static bool same_label(const struct chip_info *a, const struct chip_info *b)
{
	return a->n_lines == b->n_lines && !strcmp(a->label, b->label);
}

static struct identity identity_of(const struct kernel_chip *chip)
{
	return (struct identity){ .label = chip->info.label,
		.n_lines = chip->info.n_lines,
		.line_names = chip->line_names,
		.place = chip->place,
		.name = chip->info.name };
}

/* The one of those that went; NULL: a chip that is new. */
static int find_gone(
	struct backend *backend, const struct kernel_chip *found, struct kernel_chip **ret)
{
	const size_t n = backend->n_chips;
	struct identity *gone = calloc(n + 1, sizeof(*gone)), sought = identity_of(found);
	const struct identity **choice = calloc(n + 1, sizeof(*choice));
	int i = -ENOMEM;

	if (gone && choice) {
		for (size_t k = 0; k < n; k++) {
			gone[k] = identity_of(&backend->chips[k]);
			choice[k] = backend->chips[k].gpiod ? NULL : &gone[k];
		}
		i = identity_pick(n, choice, &sought);
	}
	free(gone);
	free(choice);
	*ret = i < 0 ? NULL : &backend->chips[i];
	return i == -ENOMEM ? i : 0;
}

/* The chip went and came back, but its going was not told yet. */
static bool going_is_untold(const struct backend *backend, const struct chip_info *info)
{
	for (unsigned i = 0; i < backend->n_chips; i++) {
		const struct kernel_chip *chip = &backend->chips[i];

		if (chip->gpiod && same_label(&chip->info, info) && hung_up(chip))
			return true;
	}
	return false;
}

/* Takes over `chip`, also on failure. */
static int chip_add(struct backend *backend, struct kernel_chip *chip, struct kernel_chip **ret)
{
	struct kernel_chip *place;
	int r = find_gone(backend, chip, &place);

	if (r < 0) {
		chip_close(chip);
		return r;
	}
	if (!place) {
		struct kernel_chip *chips = reallocarray(
			backend->chips, backend->n_chips + 1, sizeof(*chips));

		if (!chips) {
			chip_close(chip);
			return -ENOMEM;
		}
		backend->chips = chips;
		place = &chips[backend->n_chips];
		chip->info.index = backend->n_chips++;
	} else {
		chip->info.index = place->info.index;
	}
	*place = *chip;
	*ret = place;
	return 0;
}

/* A device may have several names: symbolic links lead to the same chip. */
static bool device_is_open(const struct backend *backend, dev_t device)
{
	for (unsigned i = 0; i < backend->n_chips; i++)
		if (backend->chips[i].gpiod && backend->chips[i].device == device)
			return true;
	return false;
}

/* What is short now and may not be later, unlike a mode that udev has not set yet: that is told. */
static bool is_short(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* 0 and the chip, or NULL when there is nothing new that can be opened. */
static int chip_find(struct backend *backend, const char *name, struct kernel_chip **ret)
{
	char path[sizeof("/dev/") + NAME_MAX];
	struct kernel_chip chip;
	struct stat st;
	int r;

	*ret = NULL;
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (stat(path, &st) < 0 || !S_ISCHR(st.st_mode) || device_is_open(backend, st.st_rdev))
		return 0;
	r = chip_open(path, st.st_rdev, &chip);
	if (r < 0)
		return is_short(r) ? r : 0;
	if (going_is_untold(backend, &chip.info)) {
		chip_close(&chip);
		return 0;
	}
	return chip_add(backend, &chip, ret);
}

static int is_chip_name(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "gpiochip", strlen("gpiochip"));
}

static int kernel_scan(struct backend *backend,
	void (*found)(const struct chip_info *chip, void *data), void *data)
{
	struct dirent **entries;
	int n = scandir("/dev", &entries, is_chip_name, versionsort);
	int r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct kernel_chip *chip;

		if (r == 0)
			r = chip_find(backend, entries[i]->d_name, &chip);
		if (r == 0 && chip) {
			/* found() may come back in here, which may move the chips. */
			struct chip_info info = chip->info;

			found(&info, data);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int kernel_open(const struct config *config, struct backend **ret)
{
	struct backend *backend = calloc(1, sizeof(*backend));

	(void)config;
	if (!backend)
		return -ENOMEM;
	backend->dev_watch = dev_watch_open("/dev");
	*ret = backend;
	return 0;
}

static void kernel_free(struct backend *backend)
{
	for (unsigned i = 0; backend && i < backend->n_chips; i++)
		chip_close(&backend->chips[i]);
	if (backend && backend->dev_watch >= 0)
		close(backend->dev_watch);
	if (backend)
		free(backend->chips);
	free(backend);
}

static int kernel_arrival_fd(struct backend *backend)
{
	return backend->dev_watch;
}

static bool kernel_arrived(struct backend *backend)
{
	return dev_watch_read(backend->dev_watch);
}

static int kernel_chip_fd(struct backend *backend, unsigned index)
{
	struct kernel_chip *chip = chip_get(backend, index);

	return chip ? gpiod_chip_get_fd(chip->gpiod) : -ENODEV;
}

static int line_info_get(struct kernel_chip *chip, unsigned offset, struct line_info *ret)
{
	struct gpiod_line_info *info = gpiod_chip_get_line_info(chip->gpiod, offset);

	if (!info)
		return uapi_error(errno);
	info_read(info, ret);
	gpiod_line_info_free(info);
	return 0;
}

static int kernel_line_info(
	struct backend *backend, unsigned index, unsigned offset, struct line_info *ret)
{
	struct kernel_chip *chip = chip_get(backend, index);

	return chip ? line_info_get(chip, offset, ret) : -ENODEV;
}

static int tell_change(struct kernel_chip *chip, unsigned offset, const struct line_info *info,
	struct chip_event *ret)
{
	chip->told[offset] = *info;
	*ret = (struct chip_event){ .type = CHIP_LINE_CHANGED, .offset = offset, .info = *info };
	return 1;
}

/* After a suspicion of loss: the next line that is not as told. */
static int recheck(struct kernel_chip *chip, struct chip_event *ret)
{
	if (chip->n_read >= INFO_QUEUE)
		chip->recheck = 0;
	chip->n_read = 0;
	while (chip->recheck < chip->info.n_lines) {
		unsigned offset = chip->recheck++;
		struct line_info info;
		int r = line_info_get(chip, offset, &info);

		if (r < 0)
			return r;
		if (!info_same(&info, &chip->told[offset]))
			return tell_change(chip, offset, &info, ret);
	}
	return 0;
}

static int read_change(struct kernel_chip *chip, struct chip_event *ret)
{
	struct gpiod_info_event *event = gpiod_chip_read_info_event(chip->gpiod);
	struct gpiod_line_info *info;
	struct line_info line;
	unsigned offset;

	if (!event)
		return errno == EAGAIN ? recheck(chip, ret) : uapi_error(errno);
	info = gpiod_info_event_get_line_info(event);
	offset = gpiod_line_info_get_offset(info);
	info_read(info, &line);
	gpiod_info_event_free(event);
	chip->n_read++;
	return tell_change(chip, offset, &line, ret);
}

static int kernel_chip_event(struct backend *backend, unsigned index, struct chip_event *ret)
{
	struct kernel_chip *chip = chip_get(backend, index);
	int r;

	if (!chip)
		return -ENODEV;
	r = read_change(chip, ret);
	if (r >= 0 || !(r == -ENODEV || hung_up(chip)))
		return r;
	chip_close(chip);
	*ret = (struct chip_event){ .type = CHIP_GONE };
	return 1;
}

/* Requests. */

static uint64_t bit(size_t i)
{
	return UINT64_C(1) << i;
}

/* Of the outputs, a bit for each that keeps its level. */
static uint64_t kept_outputs(
	size_t n, const struct line_settings *settings, const enum initial *initials)
{
	uint64_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (settings[i].direction == DIRECTION_OUTPUT && initials[i] == INITIAL_KEEP)
			kept |= bit(i);
	return kept;
}

static uint64_t initial_values(
	size_t n, const struct line_settings *settings, const enum initial *initials)
{
	uint64_t values = 0;

	for (size_t i = 0; i < n; i++)
		if (settings[i].direction == DIRECTION_OUTPUT && initials[i] == INITIAL_1)
			values |= bit(i);
	return values;
}

static uint64_t active_low_lines(size_t n, const struct line_settings *settings)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		if (settings[i].active_low)
			lines |= bit(i);
	return lines;
}

static uint64_t output_lines(size_t n, const struct line_settings *settings)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		if (settings[i].direction == DIRECTION_OUTPUT)
			lines |= bit(i);
	return lines;
}

/* libgpiod takes a line named twice for a correction; to the kernel the second is busy. */
static int spec_check(const struct request_spec *spec)
{
	int r;

	if (spec->n == 0 || spec->n > REQUEST_LINES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < spec->n; i++) {
		r = uapi_check(&spec->settings[i]);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (spec->offsets[k] == spec->offsets[i])
				return -EBUSY;
	}
	return 0;
}

/* A line that keeps its level is first taken as it is. */
static int line_add(struct gpiod_line_config *config, unsigned offset,
	const struct line_settings *from, enum initial initial)
{
	struct gpiod_line_settings *to = gpiod_line_settings_new();
	bool keep = from->direction == DIRECTION_OUTPUT && initial == INITIAL_KEEP;
	int r;

	if (!to)
		return -ENOMEM;
	gpiod_line_settings_set_active_low(to, from->active_low);
	gpiod_line_settings_set_event_clock(to, GPIOD_LINE_CLOCK_MONOTONIC);
	gpiod_line_settings_set_direction(to, directions[keep ? DIRECTION_ANY : from->direction]);
	if (!keep) {
		gpiod_line_settings_set_bias(to, biases[from->bias]);
		gpiod_line_settings_set_drive(to, drives[from->drive]);
		gpiod_line_settings_set_edge_detection(to, edge_kinds[from->edges]);
		gpiod_line_settings_set_debounce_period_us(to, uapi_debounce_us(from));
		gpiod_line_settings_set_output_value(to,
			initial == INITIAL_1 ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE);
	}
	r = gpiod_line_config_add_line_settings(config, &offset, 1, to);
	if (r < 0)
		r = uapi_error(errno);
	gpiod_line_settings_free(to);
	return r;
}

/* A duplicate of the request's fd: the lines stay with it when libgpiod's object goes. */
static int duplicate(struct gpiod_line_request *request)
{
	int fd = fcntl(gpiod_line_request_get_fd(request), F_DUPFD_CLOEXEC, 0);
	int flags, r;

	if (fd < 0)
		return -errno;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Asks for the buffer that is wanted, and for half of it while memory is short. */
static int request_sized(struct gpiod_chip *chip, struct gpiod_request_config *config,
	struct gpiod_line_config *lines, unsigned *events, struct gpiod_line_request **ret)
{
	for (;; *events /= 2) {
		gpiod_request_config_set_event_buffer_size(config, *events);
		*ret = gpiod_chip_request_lines(chip, config, lines);
		if (*ret)
			return 0;
		if (errno != ENOMEM || *events / 2 < EVENTS_MIN)
			return uapi_error(errno);
	}
}

/* The fd of the request. */
static int request_lines(struct gpiod_chip *chip, struct gpiod_line_config *lines, unsigned wanted,
	unsigned *ret_events)
{
	struct gpiod_request_config *config = gpiod_request_config_new();
	struct gpiod_line_request *request;
	unsigned events = wanted < EVENTS_MAX ? wanted : EVENTS_MAX;
	int r;

	if (!config)
		return -ENOMEM;
	gpiod_request_config_set_consumer(config, BACKEND_CONSUMER);
	r = request_sized(chip, config, lines, &events, &request);
	gpiod_request_config_free(config);
	if (r < 0)
		return r;
	r = duplicate(request);
	gpiod_line_request_release(request);
	*ret_events = events;
	return r;
}

static int request_fd(
	struct kernel_chip *chip, const struct request_spec *spec, unsigned *ret_events)
{
	struct gpiod_line_config *config = gpiod_line_config_new();
	unsigned wanted = spec->event_buffer ? spec->event_buffer : EVENTS_MIN * (unsigned)spec->n;
	int r = 0;

	if (!config)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < spec->n; i++)
		r = line_add(config, spec->offsets[i], &spec->settings[i], spec->initials[i]);
	if (r == 0)
		r = request_lines(chip->gpiod, config, wanted, ret_events);
	gpiod_line_config_free(config);
	return r;
}

/* Makes the lines that were taken as they are into outputs of the level that they have. */
static int drive_kept(
	struct kernel_request *request, const struct request_spec *spec, uint64_t kept)
{
	uint64_t levels;
	int r = uapi_get(request->base.fd, kept, &levels);

	if (r < 0)
		return r;
	request->driven |= levels;
	return uapi_reconfigure(request->base.fd, spec->n, spec->settings, request->driven);
}

static void kernel_release(struct backend_request *base)
{
	if (base && base->fd >= 0)
		close(base->fd);
	free(base);
}

static int request_make(
	struct kernel_chip *chip, const struct request_spec *spec, struct kernel_request *request)
{
	uint64_t kept = kept_outputs(spec->n, spec->settings, spec->initials);
	struct gpio_v2_line_config config;
	int r;

	/* Find out what cannot be before a line is taken that would have to be given back. */
	if (kept) {
		r = uapi_line_config(spec->n, spec->settings, 0, &config);
		if (r < 0)
			return r;
	}
	r = request_fd(chip, spec, &request->base.event_buffer);
	if (r < 0)
		return r;
	request->base.fd = r;
	return kept ? drive_kept(request, spec, kept) : 0;
}

static int kernel_request(
	struct backend *backend, const struct request_spec *spec, struct backend_request **ret)
{
	struct kernel_chip *chip = chip_get(backend, spec->chip);
	struct kernel_request *request;
	int r;

	if (!chip)
		return -ENODEV;
	r = spec_check(spec);
	if (r < 0)
		return r;
	request = malloc(sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct kernel_request){
		.base = { .ops = &backend_gpiod, .fd = -1, .chip = spec->chip, .n = spec->n },
		.outputs = output_lines(spec->n, spec->settings),
		.driven = initial_values(spec->n, spec->settings, spec->initials),
		.active_low = active_low_lines(spec->n, spec->settings),
	};
	memcpy(request->base.offsets, spec->offsets, spec->n * sizeof(*spec->offsets));
	r = request_make(chip, spec, request);
	if (r < 0) {
		kernel_release(&request->base);
		return r;
	}
	*ret = &request->base;
	return 0;
}

static int kernel_get(struct backend_request *base, uint64_t mask, uint64_t *ret_bits)
{
	return uapi_get(base->fd, mask, ret_bits);
}

static int kernel_set(struct backend_request *base, uint64_t mask, uint64_t bits)
{
	struct kernel_request *request = (struct kernel_request *)base;
	int r = uapi_set(base->fd, mask, bits);

	if (r == 0)
		request->driven = (request->driven & ~mask) | (bits & mask);
	return r;
}

/* The levels that lines keep, physical: outputs what they drive, inputs what they read. */
static int kept_levels(const struct kernel_request *request, uint64_t kept, uint64_t *ret)
{
	uint64_t read = 0;
	int r = 0;

	if (kept & ~request->outputs)
		r = uapi_get(request->base.fd, kept & ~request->outputs, &read);
	if (r < 0)
		return r;
	*ret = ((request->driven & request->outputs) | (read & ~request->outputs)) ^
	       request->active_low;
	return 0;
}

static int kernel_reconfigure(struct backend_request *base, const struct line_settings *settings,
	const enum initial *initials)
{
	struct kernel_request *request = (struct kernel_request *)base;
	uint64_t kept = kept_outputs(base->n, settings, initials);
	uint64_t active_low = active_low_lines(base->n, settings);
	uint64_t values = initial_values(base->n, settings, initials);
	uint64_t levels;
	int r = kept_levels(request, kept, &levels);

	if (r < 0)
		return r;
	values |= (levels ^ active_low) & kept;
	r = uapi_reconfigure(base->fd, base->n, settings, values);
	if (r < 0)
		return r;
	request->outputs = output_lines(base->n, settings);
	request->driven = values;
	request->active_low = active_low;
	return 0;
}

/* The kernel's view of what was asked for: as it is held, or -ESTALE when it is not held by us. */
static int adopted_settings(
	struct kernel_chip *chip, const struct request_spec *spec, struct line_settings *settings)
{
	for (size_t i = 0; i < spec->n; i++) {
		const bool any = spec->settings[i].direction == DIRECTION_ANY;
		struct line_info info;
		int r = line_info_get(chip, spec->offsets[i], &info);

		if (r < 0)
			return r;
		if (!info.used || strcmp(info.consumer, BACKEND_CONSUMER) != 0)
			return -ESTALE;
		settings[i] = info.settings;
		/* Taken as it was: the kernel says what it found. */
		if (any)
			settings[i].direction = DIRECTION_ANY;
	}
	return 0;
}

/* Of outputs what they were last driven to, as far as that is known; else what they read. */
static int adopted_values(const struct request_spec *spec, struct kernel_request *request)
{
	const uint64_t kept = kept_outputs(spec->n, spec->settings, spec->initials);
	uint64_t read = 0;
	int r = request->outputs ? uapi_get(request->base.fd, request->outputs, &read) : 0;

	request->driven = initial_values(spec->n, spec->settings, spec->initials) | (read & kept);
	return r;
}

static int kernel_adopt(struct backend *backend, int fd, const struct request_spec *spec,
	struct line_settings *settings, struct backend_request **ret)
{
	struct kernel_chip *chip = chip_get(backend, spec->chip);
	struct kernel_request *request;
	int r;

	if (!chip)
		return -ENODEV;
	r = request_fd_check(fd, chip->info.name, spec->n, spec->offsets);
	if (r == 0)
		r = adopted_settings(chip, spec, settings);
	if (r < 0)
		return r;
	request = malloc(sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct kernel_request){
		.base = { .ops = &backend_gpiod,
			.fd = fd,
			.chip = spec->chip,
			.n = spec->n,
			.event_buffer = spec->event_buffer },
		.outputs = output_lines(spec->n, settings),
		.active_low = active_low_lines(spec->n, settings),
	};
	memcpy(request->base.offsets, spec->offsets, spec->n * sizeof(*spec->offsets));
	r = adopted_values(spec, request);
	if (r < 0) {
		free(request);
		return r;
	}
	*ret = &request->base;
	return 0;
}

const struct backend_ops backend_gpiod = {
	.name = "gpiod",
	.open = kernel_open,
	.free = kernel_free,
	.scan = kernel_scan,
	.arrival_fd = kernel_arrival_fd,
	.arrived = kernel_arrived,
	.chip_fd = kernel_chip_fd,
	.chip_event = kernel_chip_event,
	.line_info = kernel_line_info,
	.request = kernel_request,
	.adopt = kernel_adopt,
	.release = kernel_release,
	.get = kernel_get,
	.set = kernel_set,
	.reconfigure = kernel_reconfigure,
};
