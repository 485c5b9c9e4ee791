/* SPDX-License-Identifier: MIT */

/*
 * Simulated lines and their requests. A request's fd is the read end of a pipe of whole events,
 * whose write end closes when the chip goes; so epoll and read(2) behave as on the kernel's. When
 * the buffer is full the oldest event makes room, as in the kernel.
 *
 * A free input floats at the level of its bias, or where it was without one, until simulate drives
 * it. Only the requested edges are reported, with the type that the line's logical value has. An
 * output reads as what it drives, open drain and open source included.
 *
 * Debounce is what the kernel does in software: each change of the level begins the period anew,
 * and a level that lasts for it becomes the one that get and edges show. So the edge's time is
 * after the period, and a shorter pulse was never there. A new period holds from the next change
 * on; what waits when the debounce ends, the line is given back or its chip goes, is dropped.
 *
 * A fed line (--sim-feed) hands out a duplicate of the feed as the fd of its request; what the
 * feed's writer wrote is read as it is, settings do not change it. Its value is known to nobody but
 * the reader of its events: get is -ENODATA. When the feed ends the fd hangs up as if its chip had
 * gone, and the line cannot be requested any more (-ENODEV).
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"
#include "uapi.h"

struct sim_request {
	struct backend_request base;
	struct sim_chip *chip; /* NULL once it went away */
	int write_fd;	       /* -1: fed, or the chip went away */
	uint32_t seqno;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static bool is_output(const struct sim_line *line)
{
	return line->settings.direction == DIRECTION_OUTPUT;
}

static bool logical(const struct sim_line *line)
{
	bool level = line->settings.debounce_ns ? line->stable : line->level;

	return level != line->settings.active_low;
}

static void drop_oldest(struct sim_request *request)
{
	struct gpio_v2_line_event event;

	(void)!read(request->base.fd, &event, sizeof(event));
}

static void queue_event(struct sim_request *request, const struct gpio_v2_line_event *event)
{
	int bytes = 0;

	if (ioctl(request->base.fd, FIONREAD, &bytes) == 0 &&
		(size_t)bytes / sizeof(*event) >= request->base.event_buffer)
		drop_oldest(request);
	(void)!write(request->write_fd, event, sizeof(*event));
}

static void report_edge(struct sim_line *line)
{
	struct sim_request *request = line->request;
	bool rising = logical(line);

	if (!request || line->feed >= 0 ||
		!(line->settings.edges & (rising ? EDGES_RISING : EDGES_FALLING)))
		return;
	line->line_seqno++;
	request->seqno++;
	queue_event(request, &(struct gpio_v2_line_event){
				     .timestamp_ns = now_ns(),
				     .id = rising ? GPIO_V2_LINE_EVENT_RISING_EDGE
						  : GPIO_V2_LINE_EVENT_FALLING_EDGE,
				     .offset = (uint32_t)(line - request->chip->lines),
				     .seqno = request->seqno,
				     .line_seqno = line->line_seqno,
			     });
}

void sim_line_settle(struct sim_line *line)
{
	if (!line->due_ns)
		return;
	if (line->due_ns > now_ns()) {
		sim_chip_expire_at(line->request->chip, line->due_ns);
		return;
	}
	line->due_ns = 0;
	if (line->stable == line->level)
		return;
	line->stable = line->level;
	report_edge(line);
}

static void line_set_level(struct sim_line *line, bool level)
{
	sim_line_settle(line);
	if (line->level == level)
		return;
	line->level = level;
	if (!line->settings.debounce_ns) {
		report_edge(line);
		return;
	}
	line->due_ns = now_ns() + line->settings.debounce_ns;
	sim_chip_expire_at(line->request->chip, line->due_ns);
}

/* What drove an input before it was an output is still there when it is an input again. */
static void line_float(struct sim_line *line)
{
	if (line->driven)
		line_set_level(line, line->outside);
	else if (line->settings.bias == BIAS_PULL_UP)
		line_set_level(line, true);
	else if (line->settings.bias == BIAS_PULL_DOWN)
		line_set_level(line, false);
}

static void line_output(struct sim_line *line, enum initial initial)
{
	if (initial != INITIAL_KEEP)
		line->level = (initial == INITIAL_1) != line->settings.active_low;
}

static void line_set_debounce(struct sim_line *line, uint64_t debounce_ns)
{
	if (!line->settings.debounce_ns)
		line->stable = line->level;
	if (!debounce_ns)
		line->due_ns = 0;
	line->settings.debounce_ns = debounce_ns;
}

/* The level moves under the debounce before, and under those edges that are wanted before and
 * after; the others start afterwards. */
static void line_apply(
	struct sim_line *line, const struct line_settings *settings, enum initial initial)
{
	struct line_settings old = line->settings;

	sim_line_settle(line);
	line->settings = *settings;
	line->settings.debounce_ns = old.debounce_ns;
	if (settings->direction == DIRECTION_ANY)
		line->settings.direction = old.direction;
	line->settings.edges = old.edges & settings->edges;
	if (is_output(line))
		line_output(line, initial);
	else
		line_float(line);
	line->settings.edges = settings->edges;
	line_set_debounce(line, settings->debounce_ns);
}

/* A line that nobody holds keeps direction and level, and forgets the rest. */
static void line_give_back(struct sim_chip *chip, struct sim_line *line)
{
	line->settings = (struct line_settings){ .direction = line->settings.direction };
	line->request = NULL;
	line->due_ns = 0;
	line->line_seqno = 0;
	sim_line_changed(chip, line);
}

void sim_line_reset(struct sim_line *line)
{
	struct sim_line fresh = { .feed = line->feed };

	memcpy(fresh.name, line->name, sizeof(fresh.name));
	*line = fresh;
}

void sim_line_drive(struct sim_line *line, bool level)
{
	line->driven = true;
	line->outside = level;
	line_set_level(line, level);
}

void sim_line_lose(struct sim_line *line)
{
	struct sim_request *request = line->request;

	sim_line_settle(line);
	line->due_ns = 0;
	line->request = NULL;
	if (!request)
		return;
	request->chip = NULL;
	if (request->write_fd >= 0)
		close(request->write_fd);
	request->write_fd = -1;
}

/* A feed whose writer is gone and whose events are read has nothing more to give. */
static bool feed_ended(int feed)
{
	struct pollfd poll_fd = { .fd = feed, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0 && !(poll_fd.revents & POLLIN);
}

static int request_feed(struct sim_request *request, int feed, unsigned wanted)
{
	int flags;

	if (feed_ended(feed))
		return -ENODEV;
	request->base.event_buffer = wanted;
	request->base.fd = fcntl(feed, F_DUPFD_CLOEXEC, 0);
	if (request->base.fd < 0)
		return -errno;
	flags = fcntl(feed, F_GETFL);
	if (flags < 0 || fcntl(request->base.fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* Events that surely fit: the kernel may have given a small pipe, a page takes whole writes only
 * and the page that is being read counts as full. */
static unsigned pipe_events(int fd)
{
	int bytes = fcntl(fd, F_GETPIPE_SZ);
	unsigned page = (unsigned)sysconf(_SC_PAGESIZE);
	unsigned pages = bytes > 0 ? (unsigned)bytes / page : 1;

	if (pages < 2)
		return page / sizeof(struct gpio_v2_line_event) / 2;
	return (pages - 1) * (page / sizeof(struct gpio_v2_line_event));
}

static int request_pipe(struct sim_request *request, unsigned wanted)
{
	int fds[2];
	unsigned most;

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return -errno;
	request->base.fd = fds[0];
	request->write_fd = fds[1];
	most = pipe_events(fds[1]);
	if (most > SIM_EVENTS_MAX)
		most = SIM_EVENTS_MAX;
	if (wanted == 0)
		wanted = 16 * (unsigned)request->base.n;
	request->base.event_buffer = wanted < most ? wanted : most;
	return 0;
}

static int spec_check(const struct sim_chip *chip, const struct request_spec *spec)
{
	if (spec->n == 0 || spec->n > REQUEST_LINES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < spec->n; i++) {
		const struct line_settings *settings = &spec->settings[i];

		if (spec->offsets[i] >= chip->info.n_lines || uapi_check(settings) < 0)
			return -EINVAL;
		if (chip->lines[spec->offsets[i]].feed >= 0 &&
			(spec->n > 1 || settings->direction == DIRECTION_OUTPUT))
			return -EINVAL;
	}
	return 0;
}

/* All or none; a line that is named twice is busy the second time. */
static int take_lines(struct sim_request *request)
{
	for (size_t i = 0; i < request->base.n; i++) {
		struct sim_line *line = &request->chip->lines[request->base.offsets[i]];

		if (line->request) {
			while (i-- > 0)
				request->chip->lines[request->base.offsets[i]].request = NULL;
			return -EBUSY;
		}
		line->request = request;
	}
	return 0;
}

static void request_free(struct sim_request *request)
{
	if (request->base.fd >= 0)
		close(request->base.fd);
	if (request->write_fd >= 0)
		close(request->write_fd);
	free(request);
}

static int request_new(
	struct sim_chip *chip, const struct request_spec *spec, struct sim_request **ret)
{
	struct sim_request *request = malloc(sizeof(*request));
	int feed = chip->lines[spec->offsets[0]].feed;
	int r;

	if (!request)
		return -ENOMEM;
	*request = (struct sim_request){
		.base = { .ops = &backend_sim, .fd = -1, .chip = spec->chip, .n = spec->n },
		.chip = chip,
		.write_fd = -1,
	};
	memcpy(request->base.offsets, spec->offsets, spec->n * sizeof(*spec->offsets));
	r = feed >= 0 ? request_feed(request, feed, spec->event_buffer)
		      : request_pipe(request, spec->event_buffer);
	if (r == 0)
		r = take_lines(request);
	if (r < 0) {
		request_free(request);
		return r;
	}
	*ret = request;
	return 0;
}

static void apply_all(struct sim_request *request, const struct line_settings *settings,
	const enum initial *initials)
{
	for (size_t i = 0; i < request->base.n; i++) {
		struct sim_line *line = &request->chip->lines[request->base.offsets[i]];

		line_apply(line, &settings[i],
			settings[i].direction == DIRECTION_OUTPUT ? initials[i] : INITIAL_KEEP);
		sim_line_changed(request->chip, line);
	}
}

int sim_request(
	struct backend *backend, const struct request_spec *spec, struct backend_request **ret)
{
	struct sim_chip *chip = sim_chip_get(backend, spec->chip);
	struct sim_request *request;
	int r;

	if (!chip)
		return -ENODEV;
	r = spec_check(chip, spec);
	if (r < 0)
		return r;
	r = request_new(chip, spec, &request);
	if (r < 0)
		return r;
	apply_all(request, spec->settings, spec->initials);
	*ret = &request->base;
	return 0;
}

void sim_release(struct backend_request *base)
{
	struct sim_request *request = (struct sim_request *)base;

	if (!request)
		return;
	for (size_t i = 0; request->chip && i < base->n; i++)
		line_give_back(request->chip, &request->chip->lines[base->offsets[i]]);
	request_free(request);
}

static int mask_check(const struct sim_request *request, uint64_t mask)
{
	if (!request->chip)
		return -ENODEV;
	return (mask & (UINT64_MAX >> (REQUEST_LINES_MAX - request->base.n))) ? 0 : -EINVAL;
}

int sim_get(struct backend_request *base, uint64_t mask, uint64_t *ret_bits)
{
	struct sim_request *request = (struct sim_request *)base;
	uint64_t bits = 0;
	int r = mask_check(request, mask);

	if (r < 0)
		return r;
	for (size_t i = 0; i < base->n; i++) {
		struct sim_line *line = &request->chip->lines[base->offsets[i]];

		if (line->feed >= 0)
			return -ENODATA;
		sim_line_settle(line);
		bits |= (uint64_t)logical(line) << i;
	}
	*ret_bits = bits & mask;
	return 0;
}

int sim_set(struct backend_request *base, uint64_t mask, uint64_t bits)
{
	struct sim_request *request = (struct sim_request *)base;
	int r = mask_check(request, mask);

	if (r < 0)
		return r;
	for (size_t i = 0; i < base->n; i++)
		if ((mask >> i & 1) && !is_output(&request->chip->lines[base->offsets[i]]))
			return -EPERM;
	for (size_t i = 0; i < base->n; i++) {
		struct sim_line *line = &request->chip->lines[base->offsets[i]];

		if (mask >> i & 1)
			line->level = (bits >> i & 1) != line->settings.active_low;
	}
	return 0;
}

int sim_reconfigure(struct backend_request *base, const struct line_settings *settings,
	const enum initial *initials)
{
	struct sim_request *request = (struct sim_request *)base;

	if (!request->chip)
		return -ENODEV;
	for (size_t i = 0; i < base->n; i++) {
		if (settings[i].direction == DIRECTION_ANY || uapi_check(&settings[i]) < 0)
			return -EINVAL;
		if (request->chip->lines[base->offsets[i]].feed >= 0 &&
			settings[i].direction == DIRECTION_OUTPUT)
			return -EINVAL;
	}
	apply_all(request, settings, initials);
	return 0;
}
