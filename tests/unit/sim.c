/* SPDX-License-Identifier: MIT */

/* What only the simulated backend does; the rest is the contract of backend.c. */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "config.h"

static struct config config; /* large, for its feeds */
static struct backend *sim;

static const struct line_settings both = { .edges = EDGES_BOTH };
static const struct line_settings output = { .direction = DIRECTION_OUTPUT };

static void keep_chip(const struct chip_info *chip, void *data)
{
	*(struct chip_info *)data = *chip;
}

static struct chip_info open_sim(void)
{
	struct chip_info chip = { .index = UINT32_MAX };

	ck_assert_int_eq(backend_sim.open(&config, &sim), 0);
	ck_assert_int_eq(backend_sim.scan(sim, keep_chip, &chip), 0);
	return chip;
}

static int try_request(unsigned offset, const struct line_settings *settings, unsigned events,
	struct backend_request **ret)
{
	return backend_sim.request(sim,
		&(struct request_spec){
			0, 1, &offset, settings, (const enum initial[]){ INITIAL_KEEP }, events },
		ret);
}

static struct backend_request *request(unsigned offset, const struct line_settings *settings)
{
	struct backend_request *ret;

	ck_assert_int_eq(try_request(offset, settings, 16, &ret), 0);
	return ret;
}

static int value(struct backend_request *req)
{
	uint64_t bits;
	int r = backend_sim.get(req, 1, &bits);

	return r < 0 ? r : (int)bits;
}

static short ready(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	ck_assert_int_ge(poll(&poll_fd, 1, 0), 0);
	return poll_fd.revents;
}

/* A feed for the line; the write end. */
static int feed(const char *line)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	snprintf(config.feeds[config.n_feeds].line, sizeof(config.feeds->line), "%s", line);
	config.feeds[config.n_feeds++].fd = fds[0];
	return fds[1];
}

START_TEST(without_configuration_there_is_one_chip_of_28_lines)
{
	struct chip_info chip = open_sim();
	struct line_info info;

	ck_assert_uint_eq(chip.index, 0);
	ck_assert_str_eq(chip.name, "gpiochip0");
	ck_assert_str_eq(chip.label, "gpioeventd-sim");
	ck_assert_uint_eq(chip.n_lines, 28);
	ck_assert_int_eq(backend_sim.line_info(sim, 0, 27, &info), 0);
	ck_assert_str_eq(info.name, "GPIO27");
	backend_sim.free(sim);
	backend_sim.free(NULL);
}
END_TEST

START_TEST(a_free_input_stays_where_it_was)
{
	struct line_settings pulled = both;
	struct backend_request *req;

	open_sim();
	pulled.bias = BIAS_PULL_UP;
	req = request(0, &pulled);
	backend_sim.release(req);
	req = request(0, &both);
	ck_assert_int_eq(value(req), 1);
	backend_sim.release(req);
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_driven_input_ignores_its_bias)
{
	struct line_settings pulled = both;
	struct backend_request *req;

	open_sim();
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 0, false), 0);
	pulled.bias = BIAS_PULL_UP;
	req = request(0, &pulled);
	ck_assert_int_eq(value(req), 0);
	backend_sim.release(req);
	backend_sim.free(sim);
}
END_TEST

START_TEST(an_output_cannot_be_driven_from_outside)
{
	enum initial initial = INITIAL_0;
	struct backend_request *req;

	open_sim();
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 0, true), 0);
	req = request(0, &both);
	ck_assert_int_eq(backend_sim.reconfigure(req, &output, &initial), 0);
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 0, true), -EPERM);
	ck_assert_int_eq(value(req), 0);
	/* What was outside is still there. */
	ck_assert_int_eq(backend_sim.reconfigure(req, &both, &initial), 0);
	ck_assert_int_eq(value(req), 1);
	ck_assert_int_eq(ready(req->fd), 0);
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 28, true), -EINVAL);
	ck_assert_int_eq(backend_sim.simulate(sim, 1, 0, true), -ENODEV);
	backend_sim.release(req);
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_new_bias_makes_an_edge_while_edges_are_watched)
{
	struct line_settings pulled = both;
	enum initial initial = INITIAL_KEEP;
	struct gpio_v2_line_event event;
	struct backend_request *req;

	open_sim();
	req = request(0, &both);
	pulled.bias = BIAS_PULL_UP;
	ck_assert_int_eq(backend_sim.reconfigure(req, &pulled, &initial), 0);
	ck_assert_int_eq(read(req->fd, &event, sizeof(event)), sizeof(event));
	ck_assert_uint_eq(event.id, GPIO_V2_LINE_EVENT_RISING_EDGE);
	backend_sim.release(req);
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_level_that_does_not_change_is_no_edge)
{
	struct backend_request *req;

	open_sim();
	req = request(0, &both);
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 0, false), 0);
	ck_assert_int_eq(ready(req->fd), 0);
	backend_sim.release(req);
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_buffer_of_1024_events_is_exact)
{
	struct gpio_v2_line_event event;
	struct backend_request *req;

	open_sim();
	ck_assert_int_eq(try_request(0, &both, 1024, &req), 0);
	ck_assert_uint_eq(req->event_buffer, 1024);
	for (unsigned i = 0; i < 1024; i++)
		ck_assert_int_eq(backend_sim.simulate(sim, 0, 0, !(i & 1)), 0);
	ck_assert_int_eq(read(req->fd, &event, sizeof(event)), sizeof(event));
	ck_assert_uint_eq(event.line_seqno, 1);
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 0, true), 0);
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 0, false), 0);
	for (uint32_t i = 3; i <= 1026; i++) {
		ck_assert_int_eq(read(req->fd, &event, sizeof(event)), sizeof(event));
		ck_assert_uint_eq(event.line_seqno, i);
	}
	ck_assert_int_eq(ready(req->fd), 0);
	backend_sim.release(req);
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_fed_line_reads_what_is_written_to_its_feed)
{
	const struct gpio_v2_line_event written = {
		.timestamp_ns = 77, .id = 2, .offset = 5, .seqno = 900, .line_seqno = 901
	};
	struct gpio_v2_line_event event;
	struct backend_request *req, *none;
	int fd = feed("GPIO5");

	open_sim();
	req = request(5, &both);
	ck_assert(fcntl(req->fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(req->fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(ready(req->fd), 0);
	ck_assert_int_eq(write(fd, &written, sizeof(written)), sizeof(written));
	ck_assert_int_eq(read(req->fd, &event, sizeof(event)), sizeof(event));
	ck_assert_int_eq(memcmp(&event, &written, sizeof(event)), 0);
	ck_assert_int_eq(value(req), -ENODATA);
	ck_assert_int_eq(backend_sim.simulate(sim, 0, 5, true), -EPERM);
	ck_assert_int_eq(try_request(5, &both, 16, &none), -EBUSY);
	backend_sim.release(req);
	/* The feed is still there for the next request. */
	ck_assert_int_eq(try_request(5, &output, 16, &none), -EINVAL);
	req = request(5, &both);
	ck_assert_int_eq(write(fd, &written, sizeof(written)), sizeof(written));
	ck_assert_int_eq(ready(req->fd), POLLIN);
	backend_sim.release(req);
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_feed_that_ends_is_read_out_and_then_gone)
{
	const struct gpio_v2_line_event written = { .id = 1, .offset = 5, .line_seqno = 1 };
	struct gpio_v2_line_event event;
	struct backend_request *req;
	int fd = feed("gpiochip0:5");

	open_sim();
	req = request(5, &both);
	ck_assert_int_eq(write(fd, &written, sizeof(written)), sizeof(written));
	close(fd);
	ck_assert_int_eq(ready(req->fd), POLLIN | POLLHUP);
	ck_assert_int_eq(read(req->fd, &event, sizeof(event)), sizeof(event));
	ck_assert_int_eq(read(req->fd, &event, sizeof(event)), 0);
	ck_assert_int_eq(ready(req->fd), POLLHUP);
	backend_sim.release(req);
	ck_assert_int_eq(try_request(5, &both, 16, &req), -ENODEV);
	backend_sim.release(request(6, &both));
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_feed_may_be_named_by_alias)
{
	struct line_config line = { .alias = "button", .line = "gpioeventd-sim:7" };
	struct backend_request *req;

	config.n_lines = 1;
	config.lines = &line;
	close(feed("button"));
	open_sim();
	ck_assert_int_eq(try_request(7, &both, 16, &req), -ENODEV);
	backend_sim.free(sim);
}
END_TEST

START_TEST(a_feed_of_no_line_is_an_error)
{
	feed("GPIO28");
	ck_assert_int_eq(backend_sim.open(&config, &sim), -ENOENT);
	config.feeds[0] = (struct sim_feed){ .line = "GPIO1", .fd = 999 };
	ck_assert_int_eq(backend_sim.open(&config, &sim), -EBADF);
}
END_TEST

START_TEST(a_feed_of_an_ambiguous_name_is_an_error)
{
	char names[2][BACKEND_NAME_BYTES] = { "LED", "LED" };
	struct sim_chip_config chip = {
		.name = "gpiochip0", .label = "board", .n_lines = 2, .names = names
	};

	config.n_chips = 1;
	config.chips = &chip;
	feed("LED");
	ck_assert_int_eq(backend_sim.open(&config, &sim), -ENOTUNIQ);
	strcpy(config.feeds[0].line, "board:1");
	ck_assert_int_eq(backend_sim.open(&config, &sim), 0);
	backend_sim.free(sim);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim");
	TCase *tcase = tcase_create("sim");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, without_configuration_there_is_one_chip_of_28_lines);
	tcase_add_test(tcase, a_free_input_stays_where_it_was);
	tcase_add_test(tcase, a_driven_input_ignores_its_bias);
	tcase_add_test(tcase, an_output_cannot_be_driven_from_outside);
	tcase_add_test(tcase, a_new_bias_makes_an_edge_while_edges_are_watched);
	tcase_add_test(tcase, a_level_that_does_not_change_is_no_edge);
	tcase_add_test(tcase, a_buffer_of_1024_events_is_exact);
	tcase_add_test(tcase, a_fed_line_reads_what_is_written_to_its_feed);
	tcase_add_test(tcase, a_feed_that_ends_is_read_out_and_then_gone);
	tcase_add_test(tcase, a_feed_may_be_named_by_alias);
	tcase_add_test(tcase, a_feed_of_no_line_is_an_error);
	tcase_add_test(tcase, a_feed_of_an_ambiguous_name_is_an_error);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
