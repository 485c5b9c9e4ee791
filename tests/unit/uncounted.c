/* SPDX-License-Identifier: MIT */

/*
 * A request that is taken up without its log: what the kernel had counted before is nobody's loss,
 * in that life and in the ones after it. Simulated lines with one request of another process, whose
 * fd is a pipe of the test's (-Wl,--wrap).
 */

#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "left.h"
#include "line.h"
#include "request.h"
#include "request_fd.h"
#include "rig.h"

#define OFFSET 1 /* of b */

static const struct backend_ops found_ops; /* of the request that was found; a mark */
static int pipe_fds[2];

int __wrap_request_fd_read(int fd, struct request_fd_lines *ret);

int __wrap_request_fd_read(int fd, struct request_fd_lines *ret)
{
	(void)fd;
	*ret = (struct request_fd_lines){ .chip_name = "gpiochip0", .n = 1, .offsets = { OFFSET } };
	return 0;
}

static bool is_found(const struct backend_request *request)
{
	return request && request->ops == &found_ops;
}

static int adopt(struct backend *backend, int fd, const struct request_spec *spec,
	struct line_settings *settings, struct backend_request **ret)
{
	struct backend_request *request = calloc(1, sizeof(*request));

	(void)backend;
	(void)settings;
	ck_assert_ptr_nonnull(request);
	ck_assert_uint_eq(spec->n, 1);
	*request = (struct backend_request){ .ops = &found_ops,
		.fd = fd,
		.n = 1,
		.offsets = { OFFSET },
		.event_buffer = spec->event_buffer };
	*ret = request;
	return 0;
}

static void release(struct backend_request *request)
{
	if (!is_found(request)) {
		backend_sim.release(request);
		return;
	}
	close(request->fd);
	free(request);
}

static int get(struct backend_request *request, uint64_t mask, uint64_t *ret_bits)
{
	if (!is_found(request))
		return backend_sim.get(request, mask, ret_bits);
	*ret_bits = 0;
	return 0;
}

/* The line is left as an earlier daemon, or none, has called it. */
static void start(int log, const char *name)
{
	static struct backend_ops ops;

	ops = backend_sim;
	ops.adopt = adopt;
	ops.release = release;
	ops.get = get;
	rig_backend = &ops;
	left_hand_over(log);
	left_hand_over_line(fcntl(pipe_fds[0], F_DUPFD_CLOEXEC, 0), name);
	rig_start(NULL);
	ck_assert_ptr_nonnull(rig.daemon.lines.v[OFFSET]->request);
	ck_assert(is_found(rig.daemon.lines.v[OFFSET]->request->backend));
}

/* The next life goes on; the kernel goes on counting. */
static void restart(void)
{
	const int log = left_copy();
	char name[64];

	snprintf(name, sizeof(name), "line-%016" PRIx64 "-%" PRIu32, rig.daemon.log.instance,
		rig.daemon.lines.v[OFFSET]->request->generation);
	rig_stop();
	start(log, name);
}

static void edge(uint32_t line_seqno)
{
	const struct gpio_v2_line_event event = { .timestamp_ns = clock_now_ns(),
		.id = line_seqno % 2 ? GPIO_V2_LINE_EVENT_RISING_EDGE
				     : GPIO_V2_LINE_EVENT_FALLING_EDGE,
		.offset = OFFSET,
		.line_seqno = line_seqno };

	ck_assert_int_eq(write(pipe_fds[1], &event, sizeof(event)), sizeof(event));
	rig_settle();
}

/* Of b, in all lives. */
static void check_losses(uint64_t wanted)
{
	const struct log *log = &rig.daemon.log;
	uint64_t lost = 0;

	for (uint64_t seq = log->tail; seq <= log->head; seq++)
		if (log_at(log, seq)->kind == LOG_LOST && log_at(log, seq)->subject == OFFSET)
			lost += log_at(log, seq)->count;
	ck_assert_uint_eq(lost, wanted);
}

START_TEST(what_was_counted_before_is_nobodys_loss)
{
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	start(-1, "line-0123456789abcdef-7");
	for (int i = 0; i < _i; i++)
		restart();
	edge(501);
	check_losses(0);
	edge(504);
	check_losses(2);
	restart();
	edge(505);
	check_losses(2);
	rig_stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uncounted");
	TCase *tcase = tcase_create("uncounted");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, what_was_counted_before_is_nobodys_loss, 0, 3);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
