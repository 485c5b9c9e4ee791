/* SPDX-License-Identifier: MIT */

/*
 * The contract of backend.h, the same tests for each backend. sim runs everywhere; gpiod where the
 * kernel's gpio-sim can make chips (as root in the kernel lab).
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "config.h"
#include "gpiosim.h"

#define CHIPS	2
#define LINES	8
#define WAIT_MS 2000

/* A backend with two chips of eight lines. */
struct rig {
	const struct backend_ops *ops;
	struct backend *backend;
	unsigned chip[CHIPS]; /* handles; the first is where most tests happen */
	char label[CHIPS][BACKEND_NAME_BYTES];
	struct gpiosim *kernel[CHIPS]; /* NULL with the simulation */
	unsigned n_found;	       /* by the last scan, of our chips */
	char name[BACKEND_NAME_BYTES]; /* of the first chip */
};

static const struct backend_ops *const backends[] = { &backend_sim, &backend_gpiod };

static const struct line_settings input = { .direction = DIRECTION_INPUT };
static const struct line_settings both = { .direction = DIRECTION_INPUT, .edges = EDGES_BOTH };
static const struct line_settings output = { .direction = DIRECTION_OUTPUT };

static void chip_found(const struct chip_info *chip, void *data)
{
	struct rig *rig = data;

	for (int i = 0; i < CHIPS; i++)
		if (!strcmp(chip->label, rig->label[i])) {
			ck_assert_uint_eq(chip->n_lines, LINES);
			ck_assert_str_ne(chip->name, "");
			rig->chip[i] = chip->index;
			if (i == 0)
				memcpy(rig->name, chip->name, sizeof(rig->name));
			rig->n_found++;
		}
}

static unsigned scan(struct rig *rig)
{
	rig->n_found = 0;
	ck_assert_int_eq(rig->ops->scan(rig->backend, chip_found, rig), 0);
	return rig->n_found;
}

static const struct config *rig_config(struct rig *rig)
{
	static char names[CHIPS][LINES][BACKEND_NAME_BYTES];
	static struct sim_chip_config chips[CHIPS];
	static struct config config;

	config.n_chips = CHIPS;
	config.chips = chips;
	for (int c = 0; c < CHIPS; c++) {
		snprintf(chips[c].name, sizeof(chips[c].name), "gpiochip%d", c);
		snprintf(chips[c].label, sizeof(chips[c].label), "board-%d", c);
		snprintf(rig->label[c], sizeof(rig->label[c]), "board-%d", c);
		chips[c].n_lines = LINES;
		chips[c].names = names[c];
		for (int i = 0; i < LINES; i++)
			snprintf(names[c][i], BACKEND_NAME_BYTES, "%c%d", 'A' + c, i);
	}
	return &config;
}

static void rig_kernel(struct rig *rig)
{
	static const char *const names[CHIPS] = { "A", "B" };

	for (int i = 0; i < CHIPS; i++) {
		rig->kernel[i] = gpiosim_new(names[i], LINES);
		ck_assert_ptr_nonnull(rig->kernel[i]);
		snprintf(rig->label[i], sizeof(rig->label[i]), "%s", gpiosim_label(rig->kernel[i]));
	}
}

static struct rig *rig_open(int which)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	const struct config *config = rig_config(rig);

	rig->ops = backends[which];
	if (rig->ops == &backend_gpiod)
		rig_kernel(rig);
	ck_assert_int_eq(rig->ops->open(config, &rig->backend), 0);
	ck_assert_uint_eq(scan(rig), CHIPS);
	return rig;
}

static void rig_close(struct rig *rig)
{
	rig->ops->free(rig->backend);
	for (int i = 0; i < CHIPS; i++)
		gpiosim_free(rig->kernel[i]);
	free(rig);
}

/* The physical level of an input, from outside. */
static void drive_chip(struct rig *rig, int chip, unsigned offset, bool level)
{
	int r = rig->kernel[chip]
			? gpiosim_pull(rig->kernel[chip], offset, level)
			: rig->ops->simulate(rig->backend, rig->chip[chip], offset, level);

	ck_assert_int_eq(r, 0);
}

static void drive(struct rig *rig, unsigned offset, bool level)
{
	drive_chip(rig, 0, offset, level);
}

static void chip_present(struct rig *rig, int chip, bool present)
{
	int r = rig->kernel[chip]
			? gpiosim_live(rig->kernel[chip], present)
			: rig->ops->simulate_present(rig->backend, rig->chip[chip], present);

	ck_assert_int_eq(r, 0);
}

static int try_request(struct rig *rig, unsigned offset, const struct line_settings *settings,
	enum initial initial, struct backend_request **ret)
{
	return rig->ops->request(rig->backend,
		&(struct request_spec){
			.chip = rig->chip[0],
			.n = 1,
			.offsets = &offset,
			.settings = settings,
			.initials = &initial,
			.event_buffer = 16,
		},
		ret);
}

static struct backend_request *request(struct rig *rig, unsigned offset,
	const struct line_settings *settings, enum initial initial)
{
	struct backend_request *ret = NULL;

	ck_assert_int_eq(try_request(rig, offset, settings, initial, &ret), 0);
	ck_assert_ptr_eq(ret->ops, rig->ops);
	ck_assert_uint_eq(ret->n, 1);
	ck_assert_uint_eq(ret->offsets[0], offset);
	ck_assert_uint_eq(ret->chip, rig->chip[0]);
	return ret;
}

static struct backend_request *request_group(struct rig *rig, size_t n, const unsigned *offsets,
	const struct line_settings *settings, const enum initial *initials)
{
	struct backend_request *ret = NULL;

	ck_assert_int_eq(
		rig->ops->request(rig->backend,
			&(struct request_spec){ rig->chip[0], n, offsets, settings, initials, 64 },
			&ret),
		0);
	return ret;
}

static int value(struct backend_request *req)
{
	uint64_t bits;
	int r = req->ops->get(req, 1, &bits);

	return r < 0 ? r : (int)bits;
}

/* The physical level where the kernel shows it from outside, else what the request makes of it. */
static int level(struct rig *rig, struct backend_request *req, bool active_low)
{
	return rig->kernel[0] ? gpiosim_level(rig->kernel[0], req->offsets[0])
			      : value(req) != active_low;
}

static short ready(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	ck_assert_int_ge(poll(&poll_fd, 1, timeout_ms), 0);
	return poll_fd.revents;
}

/* Waits for the next event. */
static struct gpio_v2_line_event next(struct backend_request *req)
{
	struct gpio_v2_line_event event;

	ck_assert_int_eq(ready(req->fd, WAIT_MS), POLLIN);
	ck_assert_int_eq(read(req->fd, &event, sizeof(event)), sizeof(event));
	return event;
}

static void expect_edge(struct backend_request *req, uint32_t id, uint32_t line_seqno)
{
	struct gpio_v2_line_event event = next(req);

	ck_assert_uint_eq(event.id, id);
	ck_assert_uint_eq(event.line_seqno, line_seqno);
}

#define RISING	GPIO_V2_LINE_EVENT_RISING_EDGE
#define FALLING GPIO_V2_LINE_EVENT_FALLING_EDGE

static void expect_nothing(struct backend_request *req)
{
	struct gpio_v2_line_event event;

	ck_assert_int_eq(ready(req->fd, 0), 0);
	ck_assert_int_eq(read(req->fd, &event, sizeof(event)), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

/* Until the chip's fd tells a change of the line; the info that came with it. */
static struct line_info next_change(struct rig *rig, unsigned offset)
{
	int fd = rig->ops->chip_fd(rig->backend, rig->chip[0]);
	struct chip_event event;

	for (;;) {
		ck_assert_int_eq(ready(fd, WAIT_MS), POLLIN);
		ck_assert_int_eq(rig->ops->chip_event(rig->backend, rig->chip[0], &event), 1);
		ck_assert_int_eq(event.type, CHIP_LINE_CHANGED);
		if (event.offset == offset)
			return event.info;
	}
}

/* Reads the chip's events up to CHIP_GONE. */
static void expect_gone(struct rig *rig, int chip)
{
	struct chip_event event;

	ck_assert(ready(rig->ops->chip_fd(rig->backend, rig->chip[chip]), WAIT_MS) != 0);
	do
		ck_assert_int_eq(rig->ops->chip_event(rig->backend, rig->chip[chip], &event), 1);
	while (event.type != CHIP_GONE);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Serves the chip until the request has an event. */
static void await(struct rig *rig, struct backend_request *req)
{
	struct pollfd fds[] = { { .fd = req->fd, .events = POLLIN },
		{ .fd = rig->ops->chip_fd(rig->backend, rig->chip[0]), .events = POLLIN } };
	struct chip_event event;

	do {
		ck_assert_int_gt(poll(fds, 2, WAIT_MS), 0);
		while (rig->ops->chip_event(rig->backend, rig->chip[0], &event) > 0)
			;
	} while (!(fds[0].revents & POLLIN));
}

/* Long enough for a test that is held up not to see a bounce as a level that lasts. */
#define PERIOD_NS UINT64_C(150000000)
/* The kernel counts in jiffies, and the one that runs is the first. */
#define JIFFY_NS UINT64_C(10000000)

static const struct line_settings debounced = {
	.direction = DIRECTION_INPUT, .edges = EDGES_BOTH, .debounce_ns = PERIOD_NS
};

static struct backend_request *request_marker(struct rig *rig, uint64_t debounce_ns)
{
	struct line_settings settings = debounced;

	settings.debounce_ns = debounce_ns;
	return request(rig, LINES - 1, &settings, INITIAL_KEEP);
}

/* Until a level of the marker has lasted; gives it back. */
static void await_marker(struct rig *rig, struct backend_request *marker)
{
	drive(rig, LINES - 1, 1);
	await(rig, marker);
	rig->ops->release(marker);
}

/* A period after this call is over, and what it could bring is here. */
static void let_a_period_pass(struct rig *rig)
{
	await_marker(rig, request_marker(rig, PERIOD_NS + PERIOD_NS / 2));
}

START_TEST(an_idle_request_is_not_ready_and_does_not_block)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 3, &both, INITIAL_KEEP);

	expect_nothing(req);
	ck_assert(fcntl(req->fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(req->fd, F_GETFD) & FD_CLOEXEC);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(events_come_in_order_until_drained)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 3, &both, INITIAL_KEEP);
	uint64_t start = now_ns(), last = start;

	drive(rig, 3, 1);
	drive(rig, 3, 0);
	drive(rig, 3, 1);
	for (uint32_t i = 1; i <= 3; i++) {
		struct gpio_v2_line_event event = next(req);

		ck_assert_uint_eq(event.offset, 3);
		ck_assert_uint_eq(event.line_seqno, i);
		ck_assert_uint_eq(event.seqno, i);
		ck_assert_uint_eq(event.id, i == 2 ? FALLING : RISING);
		ck_assert_uint_ge(event.timestamp_ns, last);
		last = event.timestamp_ns;
	}
	ck_assert_uint_le(last, now_ns());
	expect_nothing(req);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_read_returns_all_that_waits_as_whole_records)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP);
	struct backend_request *last = request(rig, 1, &both, INITIAL_KEEP);
	struct gpio_v2_line_event events[8];

	for (int i = 0; i < 5; i++)
		drive(rig, 0, !(i & 1));
	drive(rig, 1, 1);
	(void)next(last);
	ck_assert_int_eq(read(req->fd, events, 3 * sizeof(*events)), 3 * sizeof(*events));
	ck_assert_int_eq(read(req->fd, events, sizeof(events)), 2 * sizeof(*events));
	ck_assert_uint_eq(events[1].line_seqno, 5);
	rig->ops->release(req);
	rig->ops->release(last);
	rig_close(rig);
}
END_TEST

START_TEST(a_full_buffer_drops_the_oldest_and_line_seqno_jumps)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP);
	struct backend_request *last = request(rig, 1, &both, INITIAL_KEEP);

	ck_assert_uint_eq(req->event_buffer, 16);
	for (int i = 0; i < 20; i++)
		drive(rig, 0, !(i & 1));
	drive(rig, 1, 1);
	(void)next(last);
	for (uint32_t i = 5; i <= 20; i++)
		expect_edge(req, i & 1 ? RISING : FALLING, i);
	expect_nothing(req);
	drive(rig, 0, 1);
	expect_edge(req, RISING, 21);
	rig->ops->release(req);
	rig->ops->release(last);
	rig_close(rig);
}
END_TEST

START_TEST(a_full_buffer_of_16_loses_nothing)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP);
	struct backend_request *last = request(rig, 1, &both, INITIAL_KEEP);

	for (int i = 0; i < 16; i++)
		drive(rig, 0, !(i & 1));
	drive(rig, 1, 1);
	(void)next(last);
	for (uint32_t i = 1; i <= 16; i++)
		expect_edge(req, i & 1 ? RISING : FALLING, i);
	expect_nothing(req);
	rig->ops->release(req);
	rig->ops->release(last);
	rig_close(rig);
}
END_TEST

START_TEST(the_largest_buffer_is_1024_events)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = NULL;
	struct request_spec spec = { rig->chip[0], 1, (const unsigned[]){ 0 }, &both,
		(const enum initial[]){ INITIAL_KEEP }, 5000 };

	ck_assert_int_eq(rig->ops->request(rig->backend, &spec, &req), 0);
	ck_assert_uint_eq(req->event_buffer, 1024);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(each_request_counts_from_one)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP);

	drive(rig, 0, 1);
	expect_edge(req, RISING, 1);
	rig->ops->release(req);
	req = request(rig, 0, &both, INITIAL_KEEP);
	drive(rig, 0, 0);
	drive(rig, 0, 1);
	(void)next(req);
	expect_edge(req, RISING, 2);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(only_the_requested_edges_are_reported)
{
	struct rig *rig = rig_open(_i);
	struct line_settings rising = both, falling = both, none = both;
	struct backend_request *req[3];

	rising.edges = EDGES_RISING;
	falling.edges = EDGES_FALLING;
	none.edges = EDGES_NONE;
	req[0] = request(rig, 0, &rising, INITIAL_KEEP);
	req[1] = request(rig, 1, &falling, INITIAL_KEEP);
	req[2] = request(rig, 2, &none, INITIAL_KEEP);
	for (int i = 0; i < 4; i++)
		for (unsigned line = 3; line-- > 0;)
			drive(rig, line, !(i & 1));
	for (uint32_t i = 1; i <= 2; i++) {
		expect_edge(req[0], RISING, i);
		expect_edge(req[1], FALLING, i);
	}
	for (int i = 0; i < 3; i++) {
		expect_nothing(req[i]);
		rig->ops->release(req[i]);
	}
	rig_close(rig);
}
END_TEST

START_TEST(active_low_inverts_values_and_edges)
{
	struct rig *rig = rig_open(_i);
	struct line_settings low = both;
	struct backend_request *req, *rising;

	low.active_low = true;
	req = request(rig, 0, &low, INITIAL_KEEP);
	low.edges = EDGES_RISING;
	rising = request(rig, 1, &low, INITIAL_KEEP);
	ck_assert_int_eq(value(req), 1);
	drive(rig, 0, 1);
	expect_edge(req, FALLING, 1);
	ck_assert_int_eq(value(req), 0);
	drive(rig, 0, 0);
	expect_edge(req, RISING, 2);
	ck_assert_int_eq(value(req), 1);
	drive(rig, 1, 1);
	drive(rig, 1, 0);
	expect_edge(rising, RISING, 1);
	expect_nothing(rising);
	rig->ops->release(req);
	rig->ops->release(rising);
	rig_close(rig);
}
END_TEST

START_TEST(a_free_input_is_where_its_bias_pulls_it)
{
	struct rig *rig = rig_open(_i);
	struct line_settings settings = both;
	struct backend_request *req;

	settings.bias = BIAS_PULL_UP;
	req = request(rig, 0, &settings, INITIAL_KEEP);
	ck_assert_int_eq(value(req), 1);
	expect_nothing(req);
	drive(rig, 0, 0);
	expect_edge(req, FALLING, 1);
	ck_assert_int_eq(value(req), 0);
	rig->ops->release(req);
	settings.bias = BIAS_PULL_DOWN;
	req = request(rig, 1, &settings, INITIAL_KEEP);
	ck_assert_int_eq(value(req), 0);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(an_output_begins_with_its_initial_value)
{
	struct rig *rig = rig_open(_i);
	struct line_settings low = output;
	struct backend_request *req[4];

	low.active_low = true;
	req[0] = request(rig, 0, &output, INITIAL_0);
	req[1] = request(rig, 1, &output, INITIAL_1);
	req[2] = request(rig, 2, &low, INITIAL_0);
	req[3] = request(rig, 3, &low, INITIAL_1);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(value(req[i]), i & 1);
		ck_assert_int_eq(level(rig, req[i], i >= 2), (i & 1) != (i >= 2));
		rig->ops->release(req[i]);
	}
	rig_close(rig);
}
END_TEST

START_TEST(initial_keep_is_the_level_that_the_line_has)
{
	struct rig *rig = rig_open(_i);
	struct line_settings low = output;
	struct backend_request *req[4];

	low.active_low = true;
	drive(rig, 1, 1);
	drive(rig, 3, 1);
	for (unsigned i = 0; i < 4; i++) {
		req[i] = request(rig, i, i < 2 ? &output : &low, INITIAL_KEEP);
		ck_assert_int_eq(value(req[i]), (i & 1) != (i >= 2));
		ck_assert_int_eq(level(rig, req[i], i >= 2), i & 1);
		ck_assert_int_eq(rig->ops->set(req[i], 1, 1), 0);
		rig->ops->release(req[i]);
	}
	rig_close(rig);
}
END_TEST

START_TEST(lines_of_a_group_may_keep_their_levels)
{
	struct rig *rig = rig_open(_i);
	const struct line_settings low = { .direction = DIRECTION_OUTPUT, .active_low = true };
	const unsigned offsets[] = { 7, 0, 2, 5, 4 };
	const struct line_settings settings[] = { output, low, both, output, output };
	const enum initial initials[] = { INITIAL_KEEP, INITIAL_KEEP, INITIAL_KEEP, INITIAL_1,
		INITIAL_KEEP };
	struct backend_request *req;
	uint64_t bits;

	drive(rig, 7, 1);
	drive(rig, 0, 1);
	req = request_group(rig, 5, offsets, settings, initials);
	ck_assert_int_eq(rig->ops->get(req, 0x1f, &bits), 0);
	ck_assert_uint_eq(bits, 0x09);
	ck_assert_int_eq(rig->ops->set(req, 0x1b, 0x1a), 0);
	ck_assert_int_eq(rig->ops->get(req, 0x1f, &bits), 0);
	ck_assert_uint_eq(bits, 0x1a);
	drive(rig, 2, 1);
	ck_assert_uint_eq(next(req).offset, 2);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(an_output_reads_what_was_set)
{
	struct rig *rig = rig_open(_i);
	struct line_settings low = output;
	struct backend_request *req = request(rig, 0, &output, INITIAL_0), *inverted;

	low.active_low = true;
	inverted = request(rig, 1, &low, INITIAL_0);
	for (int i = 0; i < 3; i++) {
		bool active = !(i & 1);

		ck_assert_int_eq(rig->ops->set(req, 1, active), 0);
		ck_assert_int_eq(rig->ops->set(inverted, 1, active), 0);
		ck_assert_int_eq(value(req), active);
		ck_assert_int_eq(level(rig, req, false), active);
		ck_assert_int_eq(value(inverted), active);
		ck_assert_int_eq(level(rig, inverted, true), !active);
	}
	rig->ops->release(req);
	rig->ops->release(inverted);
	rig_close(rig);
}
END_TEST

/* An open drain that is let go may be pulled low by others; that is not what it drives. */
START_TEST(an_open_drain_keeps_what_it_drives_not_what_it_reads)
{
	struct rig *rig = rig_open(_i);
	struct line_settings drain = output;
	enum initial initial = INITIAL_KEEP;
	struct backend_request *req;

	drain.drive = DRIVE_OPEN_DRAIN;
	req = request(rig, 0, &drain, INITIAL_1);
	if (rig->kernel[0])
		drive(rig, 0, 0);
	drain.bias = BIAS_PULL_UP;
	ck_assert_int_eq(rig->ops->reconfigure(req, &drain, &initial), 0);
	ck_assert_int_eq(rig->ops->reconfigure(req, &output, &initial), 0);
	ck_assert_int_eq(value(req), 1);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(an_input_cannot_be_set)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &input, INITIAL_KEEP);

	ck_assert_int_eq(rig->ops->set(req, 1, 1), -EPERM);
	ck_assert_int_eq(value(req), 0);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_group_is_read_and_set_by_mask)
{
	struct rig *rig = rig_open(_i);
	const unsigned offsets[] = { 6, 1, 4, 3 };
	const struct line_settings settings[] = { output, input, output, output };
	const enum initial initials[] = { INITIAL_1, INITIAL_KEEP, INITIAL_0, INITIAL_1 };
	struct backend_request *req = request_group(rig, 4, offsets, settings, initials);
	uint64_t bits;

	drive(rig, 1, 1);
	ck_assert_int_eq(rig->ops->get(req, 0xf, &bits), 0);
	ck_assert_uint_eq(bits, 0xb);
	ck_assert_int_eq(rig->ops->get(req, 0x5, &bits), 0);
	ck_assert_uint_eq(bits, 0x1);
	ck_assert_int_eq(rig->ops->set(req, 0x5, 0xe), 0);
	ck_assert_int_eq(rig->ops->get(req, 0xf, &bits), 0);
	ck_assert_uint_eq(bits, 0xe);
	/* One input in the mask, and nothing is set. */
	ck_assert_int_eq(rig->ops->set(req, 0x7, 0x1), -EPERM);
	ck_assert_int_eq(rig->ops->get(req, 0xf, &bits), 0);
	ck_assert_uint_eq(bits, 0xe);
	ck_assert_int_eq(rig->ops->get(req, 0, &bits), -EINVAL);
	ck_assert_int_eq(rig->ops->set(req, 0, 0), -EINVAL);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(the_lines_of_a_group_count_their_events_apart)
{
	struct rig *rig = rig_open(_i);
	const unsigned offsets[] = { 5, 2 };
	const struct line_settings settings[] = { both, both };
	const enum initial initials[] = { INITIAL_KEEP, INITIAL_KEEP };
	struct backend_request *req = request_group(rig, 2, offsets, settings, initials);

	for (uint32_t i = 0; i < 6; i++) {
		struct gpio_v2_line_event event;

		drive(rig, offsets[i & 1], i % 4 < 2);
		event = next(req);
		ck_assert_uint_eq(event.offset, offsets[i & 1]);
		ck_assert_uint_eq(event.seqno, i + 1);
		ck_assert_uint_eq(event.line_seqno, i / 2 + 1);
	}
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_line_is_held_once)
{
	struct rig *rig = rig_open(_i);
	const unsigned twice[] = { 4, 5, 4 }, overlapping[] = { 6, 0 };
	const struct line_settings settings[] = { input, input, input };
	const enum initial initials[] = { INITIAL_KEEP, INITIAL_KEEP, INITIAL_KEEP };
	struct backend_request *req = request(rig, 0, &input, INITIAL_KEEP), *none = NULL;
	struct request_spec spec = { rig->chip[0], 3, twice, settings, initials, 16 };

	ck_assert_int_eq(try_request(rig, 0, &input, INITIAL_KEEP, &none), -EBUSY);
	ck_assert_int_eq(rig->ops->request(rig->backend, &spec, &none), -EBUSY);
	spec.n = 2;
	spec.offsets = overlapping;
	ck_assert_int_eq(rig->ops->request(rig->backend, &spec, &none), -EBUSY);
	ck_assert_ptr_null(none);
	/* What was refused holds nothing. */
	rig->ops->release(request(rig, 4, &input, INITIAL_KEEP));
	rig->ops->release(request(rig, 6, &input, INITIAL_KEEP));
	rig->ops->release(req);
	rig->ops->release(request(rig, 0, &input, INITIAL_KEEP));
	rig->ops->release(NULL);
	rig_close(rig);
}
END_TEST

START_TEST(what_the_kernel_refuses_is_invalid)
{
	struct rig *rig = rig_open(_i);
	const struct line_settings refused[] = {
		{ .direction = DIRECTION_OUTPUT, .edges = EDGES_BOTH },
		{ .direction = DIRECTION_OUTPUT, .debounce_ns = 1000000 },
		{ .direction = DIRECTION_INPUT, .drive = DRIVE_OPEN_DRAIN },
		{ .direction = DIRECTION_ANY, .bias = BIAS_PULL_UP },
		{ .direction = DIRECTION_ANY, .edges = EDGES_RISING },
		{ .direction = DIRECTION_INPUT, .debounce_ns = UINT64_C(4294967295001) },
	};
	struct backend_request *req = NULL;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		ck_assert_int_eq(try_request(rig, 0, &refused[i], INITIAL_KEEP, &req), -EINVAL);
	ck_assert_int_eq(try_request(rig, LINES, &input, INITIAL_KEEP, &req), -EINVAL);
	rig->ops->release(request(rig, LINES - 1, &input, INITIAL_KEEP));
	ck_assert_ptr_null(req);
	rig_close(rig);
}
END_TEST

START_TEST(any_direction_only_reads)
{
	struct rig *rig = rig_open(_i);
	const struct line_settings any = { .direction = DIRECTION_ANY, .active_low = true };
	struct backend_request *req;

	drive(rig, 0, 1);
	req = request(rig, 0, &any, INITIAL_KEEP);
	ck_assert_int_eq(value(req), 0);
	ck_assert_int_eq(rig->ops->set(req, 1, 1), -EPERM);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(direction_changes_in_place)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP), *other = NULL;
	enum initial initial = INITIAL_1;
	int fd = req->fd;

	drive(rig, 0, 1);
	expect_edge(req, RISING, 1);
	drive(rig, 0, 0);
	expect_edge(req, FALLING, 2);
	ck_assert_int_eq(rig->ops->reconfigure(req, &output, &initial), 0);
	ck_assert_int_eq(value(req), 1);
	ck_assert_int_eq(level(rig, req, false), 1);
	ck_assert_int_eq(rig->ops->set(req, 1, 0), 0);
	ck_assert_int_eq(try_request(rig, 0, &input, INITIAL_KEEP, &other), -EBUSY);
	ck_assert_int_eq(rig->ops->reconfigure(req, &both, &initial), 0);
	ck_assert_int_eq(req->fd, fd);
	ck_assert_int_eq(value(req), 0);
	ck_assert_int_eq(rig->ops->set(req, 1, 1), -EPERM);
	expect_nothing(req);
	drive(rig, 0, 1);
	expect_edge(req, RISING, 3);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(an_output_made_an_edge_input_reports_edges)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &output, INITIAL_0);
	enum initial initial = INITIAL_KEEP;

	ck_assert_int_eq(rig->ops->reconfigure(req, &both, &initial), 0);
	expect_nothing(req);
	drive(rig, 0, 1);
	expect_edge(req, RISING, 1);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(reconfigure_keeps_the_level_of_an_output)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &output, INITIAL_0);
	struct line_settings settings = output;
	enum initial initial = INITIAL_KEEP;

	ck_assert_int_eq(rig->ops->set(req, 1, 1), 0);
	settings.drive = DRIVE_OPEN_SOURCE;
	ck_assert_int_eq(rig->ops->reconfigure(req, &settings, &initial), 0);
	ck_assert_int_eq(value(req), 1);
	settings = output;
	settings.active_low = true;
	ck_assert_int_eq(rig->ops->reconfigure(req, &settings, &initial), 0);
	ck_assert_int_eq(value(req), 0);
	ck_assert_int_eq(level(rig, req, true), 1);
	initial = INITIAL_1;
	ck_assert_int_eq(rig->ops->reconfigure(req, &settings, &initial), 0);
	ck_assert_int_eq(value(req), 1);
	ck_assert_int_eq(level(rig, req, true), 0);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_refused_reconfigure_changes_nothing)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &output, INITIAL_1);
	struct line_settings settings = output;
	enum initial initial = INITIAL_0;

	settings.edges = EDGES_BOTH;
	ck_assert_int_eq(rig->ops->reconfigure(req, &settings, &initial), -EINVAL);
	settings = (struct line_settings){ .direction = DIRECTION_ANY };
	ck_assert_int_eq(rig->ops->reconfigure(req, &settings, &initial), -EINVAL);
	ck_assert_int_eq(value(req), 1);
	ck_assert_int_eq(rig->ops->set(req, 1, 0), 0);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_line_is_described)
{
	struct rig *rig = rig_open(_i);
	const struct line_settings settings = { .direction = DIRECTION_INPUT,
		.bias = BIAS_PULL_UP,
		.edges = EDGES_FALLING,
		.active_low = true,
		.debounce_ns = 5000000 };
	struct line_info info;
	struct backend_request *req;

	ck_assert_int_eq(rig->ops->line_info(rig->backend, rig->chip[0], 3, &info), 0);
	ck_assert_str_eq(info.name, "A3");
	ck_assert_str_eq(info.consumer, "");
	ck_assert(!info.used);
	ck_assert_int_eq(info.settings.direction, DIRECTION_INPUT);
	req = request(rig, 3, &settings, INITIAL_KEEP);
	ck_assert_int_eq(rig->ops->line_info(rig->backend, rig->chip[0], 3, &info), 0);
	ck_assert_str_eq(info.consumer, "gpioeventd");
	ck_assert(info.used);
	ck_assert_int_eq(info.settings.direction, DIRECTION_INPUT);
	ck_assert_int_eq(info.settings.bias, BIAS_PULL_UP);
	ck_assert_int_eq(info.settings.edges, EDGES_FALLING);
	ck_assert(info.settings.active_low);
	ck_assert_uint_eq(info.settings.debounce_ns, 5000000);
	ck_assert_int_eq(rig->ops->line_info(rig->backend, rig->chip[1], 3, &info), 0);
	ck_assert_str_eq(info.name, "B3");
	ck_assert(!info.used);
	ck_assert_int_eq(rig->ops->line_info(rig->backend, rig->chip[0], LINES, &info), -EINVAL);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(the_chip_tells_what_happens_to_its_lines)
{
	struct rig *rig = rig_open(_i);
	enum initial initial = INITIAL_KEEP;
	struct backend_request *req;
	struct line_info info;
	struct chip_event event;

	ck_assert_int_eq(rig->ops->chip_event(rig->backend, rig->chip[0], &event), 0);
	ck_assert_int_eq(ready(rig->ops->chip_fd(rig->backend, rig->chip[0]), 0), 0);
	req = request(rig, 2, &both, INITIAL_KEEP);
	info = next_change(rig, 2);
	ck_assert(info.used);
	ck_assert_str_eq(info.name, "A2");
	ck_assert_str_eq(info.consumer, "gpioeventd");
	ck_assert_int_eq(rig->ops->reconfigure(req, &output, &initial), 0);
	info = next_change(rig, 2);
	ck_assert_int_eq(info.settings.direction, DIRECTION_OUTPUT);
	rig->ops->release(req);
	info = next_change(rig, 2);
	ck_assert(!info.used);
	ck_assert_str_eq(info.consumer, "");
	ck_assert_int_eq(rig->ops->chip_event(rig->backend, rig->chip[0], &event), 0);
	ck_assert_int_eq(rig->ops->chip_event(rig->backend, rig->chip[1], &event), 0);
	rig_close(rig);
}
END_TEST

/* The kernel queues 32 changes; here there are more before anybody reads. */
START_TEST(the_last_state_is_told_however_many_changes)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req[LINES];
	bool used[LINES] = { false };
	struct chip_event event;
	int r;

	for (int round = 0; round < 6; round++)
		for (unsigned i = 0; i < LINES; i++) {
			req[i] = request(rig, i, &input, INITIAL_KEEP);
			if (round < 5 || i % 3 == 0)
				rig->ops->release(req[i]);
		}
	while ((r = rig->ops->chip_event(rig->backend, rig->chip[0], &event)) > 0)
		used[event.offset] = event.info.used;
	ck_assert_int_eq(r, 0);
	for (unsigned i = 0; i < LINES; i++) {
		ck_assert_int_eq(used[i], i % 3 != 0);
		if (i % 3)
			rig->ops->release(req[i]);
	}
	rig_close(rig);
}
END_TEST

START_TEST(a_scan_finds_each_chip_once)
{
	struct rig *rig = rig_open(_i);

	ck_assert_uint_ne(rig->chip[0], rig->chip[1]);
	ck_assert_uint_eq(scan(rig), 0);
	rig_close(rig);
}
END_TEST

START_TEST(a_link_to_a_chip_is_not_another_chip)
{
	struct rig *rig = rig_open(_i);
	char target[64];

	if (rig->kernel[0]) {
		snprintf(target, sizeof(target), "/dev/%s", rig->name);
		unlink("/dev/gpiochip-test");
		ck_assert_int_eq(symlink(target, "/dev/gpiochip-test"), 0);
		ck_assert_uint_eq(scan(rig), 0);
		rig->ops->free(rig->backend);
		ck_assert_int_eq(rig->ops->open(NULL, &rig->backend), 0);
		ck_assert_uint_eq(scan(rig), CHIPS);
		unlink("/dev/gpiochip-test");
	}
	rig_close(rig);
}
END_TEST

/* The kernel takes ten attributes: here one of the values, and the flags and debounce that differ.
 */
START_TEST(a_group_of_too_many_settings_is_refused_whole)
{
	struct rig *rig = rig_open(_i);
	const unsigned offsets[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct line_settings settings[LINES];
	enum initial initials[LINES];
	struct backend_request *req = NULL;
	struct request_spec spec = { rig->chip[0], LINES, offsets, settings, initials, 16 };

	for (unsigned i = 0; i < LINES; i++) {
		settings[i] = (struct line_settings){ .bias = (enum bias)(i / 2),
			.active_low = i & 1,
			.debounce_ns = 1000000 * (i + 1) };
		initials[i] = INITIAL_KEEP;
	}
	if (rig->kernel[0]) {
		ck_assert_int_eq(rig->ops->request(rig->backend, &spec, &req), -E2BIG);
		rig->ops->release(request(rig, 0, &input, INITIAL_KEEP));
		for (unsigned i = 0; i < LINES; i++)
			settings[i].debounce_ns = i < 3 ? 1000000 * (i + 1) : 0;
		ck_assert_int_eq(rig->ops->request(rig->backend, &spec, &req), 0);
		settings[3].debounce_ns = 4000000;
		ck_assert_int_eq(rig->ops->reconfigure(req, settings, initials), -E2BIG);
	}
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(two_chips_are_apart)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *a = request(rig, 0, &both, INITIAL_KEEP), *b = NULL;
	struct request_spec spec = { rig->chip[1], 1, (const unsigned[]){ 0 }, &both,
		(const enum initial[]){ INITIAL_KEEP }, 16 };

	ck_assert_int_eq(rig->ops->request(rig->backend, &spec, &b), 0);
	drive_chip(rig, 1, 0, 1);
	expect_edge(b, RISING, 1);
	expect_nothing(a);
	ck_assert_int_eq(value(a), 0);
	chip_present(rig, 0, false);
	drive_chip(rig, 1, 0, 0);
	expect_edge(b, FALLING, 2);
	ck_assert(ready(a->fd, WAIT_MS) & POLLHUP);
	rig->ops->release(a);
	rig->ops->release(b);
	rig_close(rig);
}
END_TEST

START_TEST(a_chip_that_goes_hangs_up_its_requests)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP), *other = NULL;
	struct gpio_v2_line_event record;
	struct line_info info;
	enum initial initial = INITIAL_KEEP;
	ssize_t n;

	chip_present(rig, 0, false);
	ck_assert_int_eq(ready(req->fd, WAIT_MS) & (POLLHUP | POLLIN), POLLHUP);
	n = read(req->fd, &record, sizeof(record));
	ck_assert(n == 0 || (n < 0 && errno == ENODEV));
	ck_assert_int_eq(value(req), -ENODEV);
	ck_assert_int_eq(rig->ops->set(req, 1, 1), -ENODEV);
	ck_assert_int_eq(rig->ops->reconfigure(req, &output, &initial), -ENODEV);
	ck_assert_int_eq(try_request(rig, 1, &both, INITIAL_KEEP, &other), -ENODEV);
	ck_assert_int_eq(rig->ops->line_info(rig->backend, rig->chip[0], 0, &info), -ENODEV);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_chip_may_go_while_events_wait)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP);
	struct gpio_v2_line_event events[4];
	ssize_t n;

	drive(rig, 0, 1);
	drive(rig, 0, 0);
	ck_assert_int_eq(ready(req->fd, WAIT_MS), POLLIN);
	chip_present(rig, 0, false);
	ck_assert(ready(req->fd, WAIT_MS) & POLLHUP);
	n = read(req->fd, events, sizeof(events));
	if (rig->kernel[0])
		ck_assert(n < 0 && errno == ENODEV);
	else
		ck_assert_int_eq(n, 2 * sizeof(*events));
	n = read(req->fd, events, sizeof(events));
	ck_assert(n == 0 || (n < 0 && errno == ENODEV));
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_chip_is_gone_once)
{
	struct rig *rig = rig_open(_i);
	struct chip_event event;

	chip_present(rig, 0, false);
	expect_gone(rig, 0);
	ck_assert_int_eq(rig->ops->chip_event(rig->backend, rig->chip[0], &event), -ENODEV);
	ck_assert_int_eq(rig->ops->chip_fd(rig->backend, rig->chip[0]), -ENODEV);
	ck_assert_uint_eq(scan(rig), 0);
	ck_assert_int_ge(rig->ops->chip_fd(rig->backend, rig->chip[1]), 0);
	rig_close(rig);
}
END_TEST

START_TEST(a_chip_that_comes_back_keeps_its_index)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *old = request(rig, 0, &both, INITIAL_KEEP), *req;
	unsigned index = rig->chip[0];

	drive(rig, 0, 1);
	for (int i = 0; i < 2; i++) {
		chip_present(rig, 0, false);
		expect_gone(rig, 0);
		chip_present(rig, 0, true);
		rig->chip[0] = UINT32_MAX;
		ck_assert_uint_eq(scan(rig), 1);
		ck_assert_uint_eq(rig->chip[0], index);
	}
	ck_assert_int_eq(value(old), -ENODEV);
	req = request(rig, 0, &both, INITIAL_KEEP);
	rig->ops->release(old);
	ck_assert_int_eq(value(req), 0);
	drive(rig, 0, 1);
	expect_edge(req, RISING, 1);
	ck_assert(next_change(rig, 0).used);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

/* Back before anybody looked: found after its going was told, not before. */
START_TEST(a_chip_that_was_away_shortly_is_told_as_gone_first)
{
	struct rig *rig = rig_open(_i);
	unsigned index = rig->chip[0];

	chip_present(rig, 0, false);
	chip_present(rig, 0, true);
	ck_assert_uint_eq(scan(rig), 0);
	expect_gone(rig, 0);
	ck_assert_uint_eq(scan(rig), 1);
	ck_assert_uint_eq(rig->chip[0], index);
	rig_close(rig);
}
END_TEST

/* Until the fd tells nothing more: the node of a chip is made, then gets its mode. */
static bool read_arrivals(struct rig *rig, int timeout_ms)
{
	bool arrived = false;

	while (ready(rig->ops->arrival_fd(rig->backend), timeout_ms)) {
		arrived |= rig->ops->arrived(rig->backend);
		timeout_ms = 0;
	}
	return arrived;
}

START_TEST(a_chip_that_comes_is_told)
{
	struct rig *rig = rig_open(_i);

	ck_assert(fcntl(rig->ops->arrival_fd(rig->backend), F_GETFD) & FD_CLOEXEC);
	ck_assert(!read_arrivals(rig, 0));
	ck_assert(!rig->ops->arrived(rig->backend)); /* does not block */
	for (int i = 0; i < 2; i++) {
		chip_present(rig, 1, false);
		expect_gone(rig, 1);
		/* The kernel changes the mode of a node before it removes it. */
		(void)read_arrivals(rig, 0);
		ck_assert_uint_eq(scan(rig), 0);
		chip_present(rig, 1, true);
		ck_assert(read_arrivals(rig, WAIT_MS));
		ck_assert_uint_eq(scan(rig), 1);
		ck_assert(!read_arrivals(rig, 0));
	}
	rig_close(rig);
}
END_TEST

/* With the kernel the second to go has the first one's number when it is the first to come back. */
START_TEST(chips_that_come_back_in_another_order_are_the_same)
{
	struct rig *rig = rig_open(_i);
	unsigned index[CHIPS];

	memcpy(index, rig->chip, sizeof(index));
	for (int i = 0; i < CHIPS; i++) {
		chip_present(rig, i, false);
		expect_gone(rig, i);
	}
	for (int i = CHIPS; i-- > 0;) {
		chip_present(rig, i, true);
		rig->chip[i] = UINT32_MAX;
		ck_assert_uint_eq(scan(rig), 1);
		ck_assert_uint_eq(rig->chip[i], index[i]);
	}
	rig_close(rig);
}
END_TEST

/* A chip with another label is another chip, though it has the number of one that is away. */
START_TEST(a_number_is_not_a_chip)
{
	struct rig *rig = rig_open(_i);
	unsigned index = rig->chip[0];
	struct gpiosim *other;

	if (!rig->kernel[0]) {
		rig_close(rig);
		return;
	}
	chip_present(rig, 0, false);
	expect_gone(rig, 0);
	other = gpiosim_new("C", LINES);
	ck_assert_ptr_nonnull(other);
	snprintf(rig->label[0], sizeof(rig->label[0]), "%s", gpiosim_label(other));
	ck_assert_uint_eq(scan(rig), 1);
	ck_assert_uint_ne(rig->chip[0], index);
	gpiosim_free(other);
	rig_close(rig);
}
END_TEST

/* udev gives a node its mode a moment after the kernel has made it. */
START_TEST(a_chip_that_may_not_be_opened_is_told_when_it_may)
{
	struct rig *rig = rig_open(_i);
	char path[64];

	if (!rig->kernel[0]) {
		rig_close(rig);
		return;
	}
	chip_present(rig, 0, false);
	expect_gone(rig, 0);
	chip_present(rig, 0, true);
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert(read_arrivals(rig, WAIT_MS));
	ck_assert_uint_eq(scan(rig), 0);
	ck_assert_int_eq(seteuid(0), 0);
	snprintf(path, sizeof(path), "/dev/%s", rig->name);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert(read_arrivals(rig, WAIT_MS));
	ck_assert_uint_eq(scan(rig), 1);
	ck_assert_int_eq(seteuid(0), 0);
	rig_close(rig);
}
END_TEST

/* Somebody else: a second opening of the same chips, with file descriptors of its own. */
START_TEST(a_line_held_by_somebody_else_is_busy_and_told)
{
	struct rig *rig = rig_open(_i), other;
	struct backend_request *req, *none = NULL;
	struct line_info info;

	if (!rig->kernel[0]) {
		rig_close(rig);
		return;
	}
	other = *rig;
	ck_assert_int_eq(other.ops->open(NULL, &other.backend), 0);
	ck_assert_uint_eq(scan(&other), CHIPS);
	req = request(&other, 0, &both, INITIAL_KEEP);
	info = next_change(rig, 0);
	ck_assert(info.used);
	ck_assert_str_eq(info.consumer, "gpioeventd");
	ck_assert_int_eq(info.settings.edges, EDGES_BOTH);
	ck_assert_int_eq(try_request(rig, 0, &input, INITIAL_KEEP, &none), -EBUSY);
	other.ops->release(req);
	ck_assert(!next_change(rig, 0).used);
	other.ops->free(other.backend);
	rig_close(rig);
}
END_TEST

START_TEST(a_bouncing_line_has_one_edge_when_its_level_has_lasted)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &debounced, INITIAL_KEEP);
	struct gpio_v2_line_event event;
	uint64_t last;

	for (int i = 0; i < 4; i++)
		drive(rig, 0, !(i & 1));
	last = now_ns();
	drive(rig, 0, 1);
	await(rig, req);
	event = next(req);
	ck_assert_uint_eq(event.id, RISING);
	ck_assert_uint_eq(event.line_seqno, 1);
	ck_assert_uint_ge(event.timestamp_ns, last + PERIOD_NS - JIFFY_NS);
	ck_assert_uint_le(event.timestamp_ns, now_ns());
	ck_assert_int_eq(value(req), 1);
	let_a_period_pass(rig);
	expect_nothing(req);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(each_change_begins_the_debounce_anew)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &debounced, INITIAL_KEEP);
	struct backend_request *half = request_marker(rig, PERIOD_NS / 2);
	uint64_t again;

	drive(rig, 0, 1);
	await_marker(rig, half);
	again = now_ns();
	drive(rig, 0, 0);
	drive(rig, 0, 1);
	await(rig, req);
	ck_assert_uint_ge(now_ns(), again + PERIOD_NS - JIFFY_NS);
	expect_edge(req, RISING, 1);
	expect_nothing(req);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_pulse_shorter_than_the_debounce_was_never_there)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &debounced, INITIAL_KEEP);

	drive(rig, 0, 1);
	drive(rig, 0, 0);
	let_a_period_pass(rig);
	expect_nothing(req);
	ck_assert_int_eq(value(req), 0);
	drive(rig, 0, 1);
	await(rig, req);
	expect_edge(req, RISING, 1);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

/* Nobody serves the chip: to read the value is enough. */
START_TEST(the_value_is_the_debounced_one_and_its_edge_comes_with_it)
{
	struct rig *rig = rig_open(_i);
	struct line_settings low = debounced;
	struct backend_request *req;
	uint64_t start = now_ns();

	low.active_low = true;
	req = request(rig, 0, &low, INITIAL_KEEP);
	ck_assert_int_eq(value(req), 1);
	drive(rig, 0, 1);
	while (value(req) == 1)
		ck_assert_uint_lt(now_ns(), start + WAIT_MS * UINT64_C(1000000));
	ck_assert_uint_ge(now_ns(), start + PERIOD_NS - JIFFY_NS);
	expect_edge(req, FALLING, 1);
	expect_nothing(req);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_debounce_that_ends_drops_what_waits)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &debounced, INITIAL_KEEP);
	enum initial initial = INITIAL_KEEP;

	drive(rig, 0, 1);
	ck_assert_int_eq(rig->ops->reconfigure(req, &both, &initial), 0);
	ck_assert_int_eq(value(req), 1);
	let_a_period_pass(rig);
	expect_nothing(req);
	drive(rig, 0, 0);
	expect_edge(req, FALLING, 1);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(a_debounce_begins_with_the_level_that_there_is)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &both, INITIAL_KEEP);
	enum initial initial = INITIAL_KEEP;

	drive(rig, 0, 1);
	expect_edge(req, RISING, 1);
	ck_assert_int_eq(rig->ops->reconfigure(req, &debounced, &initial), 0);
	ck_assert_int_eq(value(req), 1);
	drive(rig, 0, 0);
	drive(rig, 0, 1);
	let_a_period_pass(rig);
	expect_nothing(req);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

/* A shorter one: what waits keeps the time that it has. */
START_TEST(another_debounce_holds_from_the_next_change_on)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &debounced, INITIAL_KEEP);
	struct line_settings shorter = debounced;
	enum initial initial = INITIAL_KEEP;
	uint64_t start = now_ns();

	shorter.debounce_ns = PERIOD_NS / 8;
	drive(rig, 0, 1);
	ck_assert_int_eq(rig->ops->reconfigure(req, &shorter, &initial), 0);
	await(rig, req);
	ck_assert_uint_ge(next(req).timestamp_ns, start + PERIOD_NS - JIFFY_NS);
	drive(rig, 0, 0);
	await(rig, req);
	expect_edge(req, FALLING, 2);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(what_waits_for_its_debounce_ends_with_the_request)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &debounced, INITIAL_KEEP);

	drive(rig, 0, 1);
	rig->ops->release(req);
	req = request(rig, 0, &debounced, INITIAL_KEEP);
	ck_assert_int_eq(value(req), 1);
	let_a_period_pass(rig);
	expect_nothing(req);
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

START_TEST(what_waits_for_its_debounce_goes_with_the_chip)
{
	struct rig *rig = rig_open(_i);
	struct backend_request *req = request(rig, 0, &debounced, INITIAL_KEEP);
	struct gpio_v2_line_event event;
	ssize_t n;

	drive(rig, 0, 1);
	chip_present(rig, 0, false);
	ck_assert(ready(req->fd, WAIT_MS) & POLLHUP);
	expect_gone(rig, 0);
	chip_present(rig, 0, true);
	ck_assert_uint_eq(scan(rig), 1);
	let_a_period_pass(rig);
	n = read(req->fd, &event, sizeof(event));
	ck_assert(n == 0 || (n < 0 && errno == ENODEV));
	rig->ops->release(req);
	rig_close(rig);
}
END_TEST

static const TTest **const contract[] = {
	&an_idle_request_is_not_ready_and_does_not_block,
	&events_come_in_order_until_drained,
	&a_read_returns_all_that_waits_as_whole_records,
	&a_full_buffer_drops_the_oldest_and_line_seqno_jumps,
	&a_full_buffer_of_16_loses_nothing,
	&the_largest_buffer_is_1024_events,
	&each_request_counts_from_one,
	&only_the_requested_edges_are_reported,
	&active_low_inverts_values_and_edges,
	&a_free_input_is_where_its_bias_pulls_it,
	&an_output_begins_with_its_initial_value,
	&initial_keep_is_the_level_that_the_line_has,
	&lines_of_a_group_may_keep_their_levels,
	&an_output_reads_what_was_set,
	&an_open_drain_keeps_what_it_drives_not_what_it_reads,
	&an_input_cannot_be_set,
	&a_group_is_read_and_set_by_mask,
	&the_lines_of_a_group_count_their_events_apart,
	&a_line_is_held_once,
	&what_the_kernel_refuses_is_invalid,
	&any_direction_only_reads,
	&direction_changes_in_place,
	&an_output_made_an_edge_input_reports_edges,
	&reconfigure_keeps_the_level_of_an_output,
	&a_refused_reconfigure_changes_nothing,
	&a_line_is_described,
	&the_chip_tells_what_happens_to_its_lines,
	&the_last_state_is_told_however_many_changes,
	&a_scan_finds_each_chip_once,
	&a_link_to_a_chip_is_not_another_chip,
	&a_group_of_too_many_settings_is_refused_whole,
	&two_chips_are_apart,
	&a_chip_that_goes_hangs_up_its_requests,
	&a_chip_may_go_while_events_wait,
	&a_chip_is_gone_once,
	&a_chip_that_comes_back_keeps_its_index,
	&a_chip_that_was_away_shortly_is_told_as_gone_first,
	&a_chip_that_comes_is_told,
	&chips_that_come_back_in_another_order_are_the_same,
	&a_number_is_not_a_chip,
	&a_chip_that_may_not_be_opened_is_told_when_it_may,
	&a_line_held_by_somebody_else_is_busy_and_told,
	&a_bouncing_line_has_one_edge_when_its_level_has_lasted,
	&each_change_begins_the_debounce_anew,
	&a_pulse_shorter_than_the_debounce_was_never_there,
	&the_value_is_the_debounced_one_and_its_edge_comes_with_it,
	&a_debounce_that_ends_drops_what_waits,
	&a_debounce_begins_with_the_level_that_there_is,
	&another_debounce_holds_from_the_next_change_on,
	&what_waits_for_its_debounce_ends_with_the_request,
	&what_waits_for_its_debounce_goes_with_the_chip,
};

static void add_backend(Suite *suite, int which)
{
	TCase *tcase = tcase_create(backends[which]->name);

	tcase_set_timeout(tcase, 20);
	for (size_t i = 0; i < sizeof(contract) / sizeof(*contract); i++)
		tcase_add_loop_test(tcase, *contract[i], which, which + 1);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("backend");
	SRunner *runner;
	int failed;

	add_backend(suite, 0);
	if (gpiosim_available())
		add_backend(suite, 1);
	else
		printf("backend: gpiod skipped: the kernel's gpio-sim is not there\n");
	gpiosim_clean();
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	gpiosim_clean();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
