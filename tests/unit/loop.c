/* SPDX-License-Identifier: MIT */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "list.h"
#include "loop.h"

#define N 8

static struct loop loop;
/* Pipes; all of them are ready. */
static struct end {
	struct source source;
	int fds[2];
	unsigned dispatched;
	struct end *victim; /* removed when this one is dispatched */
} ends[N];

static void dispatch(struct source *source, uint32_t events)
{
	struct end *end = list_object(source, struct end, source);

	ck_assert_uint_eq(events & EPOLLIN, EPOLLIN);
	end->dispatched++;
	if (end->victim)
		loop_remove(&loop, &end->victim->source);
}

static void init(void)
{
	ck_assert_int_eq(loop_init(&loop), 0);
	for (int i = 0; i < N; i++) {
		ends[i] = (struct end){ 0 };
		ck_assert_int_eq(pipe2(ends[i].fds, O_CLOEXEC | O_NONBLOCK), 0);
		ck_assert_int_eq(
			loop_add(&loop, &ends[i].source, ends[i].fds[0], EPOLLIN, dispatch), 0);
		ck_assert_int_eq(write(ends[i].fds[1], "", 1), 1);
	}
}

static void done(void)
{
	for (int i = 0; i < N; i++) {
		loop_remove(&loop, &ends[i].source);
		close(ends[i].fds[0]);
		close(ends[i].fds[1]);
	}
	loop_done(&loop);
}

static unsigned total(void)
{
	unsigned n = 0;

	for (int i = 0; i < N; i++)
		n += ends[i].dispatched;
	return n;
}

START_TEST(all_that_is_ready_is_dispatched_once)
{
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	for (int i = 0; i < N; i++)
		ck_assert_uint_eq(ends[i].dispatched, 1);
}
END_TEST

START_TEST(what_stays_ready_is_dispatched_again)
{
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_int_eq(loop_wait(&loop, false), 0);
	ck_assert_uint_eq(total(), 2 * N);
}
END_TEST

START_TEST(a_source_may_remove_itself)
{
	ends[3].victim = &ends[3];
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_uint_eq(ends[3].dispatched, 1);
	ck_assert_uint_eq(total(), 2 * N - 1);
}
END_TEST

/* Whoever of a pair comes first, the other one is not dispatched any more. */
START_TEST(a_source_may_remove_another_that_is_ready)
{
	for (int i = 0; i < N; i++)
		ends[i].victim = &ends[i ^ 1];
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	for (int i = 0; i < N; i += 2)
		ck_assert_uint_eq(ends[i].dispatched + ends[i + 1].dispatched, 1);
}
END_TEST

/* What is added again in the place of one that is removed has nothing to do with its events. */
static void replace(struct source *source, uint32_t events)
{
	struct end *other = &ends[source == &ends[0].source];

	(void)events;
	list_object(source, struct end, source)->dispatched++;
	loop_remove(&loop, &other->source);
	ck_assert_int_eq(loop_add(&loop, &other->source, other->fds[0], EPOLLIN, dispatch), 0);
}

START_TEST(a_source_added_anew_waits_for_the_next_round)
{
	for (int i = 0; i < 2; i++) {
		loop_remove(&loop, &ends[i].source);
		ck_assert_int_eq(
			loop_add(&loop, &ends[i].source, ends[i].fds[0], EPOLLIN, replace), 0);
	}
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_uint_eq(ends[0].dispatched + ends[1].dispatched, 1);
}
END_TEST

START_TEST(no_interest_no_dispatch)
{
	for (int i = 0; i < N; i++)
		loop_change(&loop, &ends[i].source, 0);
	ck_assert_int_eq(loop_wait(&loop, false), 0);
	ck_assert_uint_eq(total(), 0);
	loop_change(&loop, &ends[5].source, EPOLLIN);
	ck_assert_int_eq(loop_wait(&loop, false), 0);
	ck_assert_uint_eq(total(), 1);
}
END_TEST

START_TEST(what_epoll_refuses_is_not_added)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct source source;

	ck_assert_int_eq(loop_add(&loop, &source, file, EPOLLIN, dispatch), -EPERM);
	ck_assert_int_lt(source.fd, 0);
	loop_remove(&loop, &source); /* no effect */
	close(file);
}
END_TEST

/* Deadlines. */

static void silence(void)
{
	for (int i = 0; i < N; i++)
		loop_change(&loop, &ends[i].source, 0);
}

static struct deadline deadline(void)
{
	struct deadline ret;

	deadline_init(&ret, NULL);
	return ret;
}

START_TEST(waiting_ends_at_the_deadline)
{
	struct deadline soon = deadline(), late = deadline();
	uint64_t at_ns = clock_now_ns() + 2000000;

	silence();
	ck_assert_int_eq(loop_set_deadline(&loop, &late, at_ns + 3600 * NSEC_PER_SEC), 0);
	ck_assert_int_eq(loop_set_deadline(&loop, &soon, at_ns), 0);
	ck_assert_ptr_null(loop_take_due(&loop, at_ns - 1));
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_uint_ge(clock_now_ns(), at_ns);
	ck_assert_ptr_eq(loop_take_due(&loop, at_ns), &soon);
	ck_assert_ptr_null(loop_take_due(&loop, clock_now_ns()));
	loop_clear_deadline(&loop, &late);
	ck_assert_uint_eq(loop_next_deadline(&loop), UINT64_MAX);
}
END_TEST

START_TEST(the_timer_is_read_so_that_it_does_not_stay_ready)
{
	struct deadline soon = deadline();
	struct pollfd poll_fd = { .fd = loop.epoll_fd, .events = POLLIN };

	silence();
	ck_assert_int_eq(loop_set_deadline(&loop, &soon, clock_now_ns()), 0);
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_ptr_eq(loop_take_due(&loop, clock_now_ns()), &soon);
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 0);
}
END_TEST

START_TEST(a_deadline_before_the_armed_one_is_met)
{
	struct deadline first = deadline(), second = deadline();
	uint64_t now_ns = clock_now_ns();

	ck_assert_int_eq(loop_set_deadline(&loop, &first, now_ns + 3600 * NSEC_PER_SEC), 0);
	ck_assert_int_eq(loop_wait(&loop, true), 0); /* armed; a pipe is ready */
	silence();
	ck_assert_int_eq(loop_set_deadline(&loop, &second, now_ns + 1000000), 0);
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_ptr_eq(loop_take_due(&loop, clock_now_ns()), &second);
	loop_clear_deadline(&loop, &first);
}
END_TEST

START_TEST(a_deadline_after_one_that_was_cleared_is_met)
{
	struct deadline first = deadline(), second = deadline();
	uint64_t now_ns = clock_now_ns();

	ck_assert_int_eq(loop_set_deadline(&loop, &first, now_ns + 1000000), 0);
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	silence();
	loop_clear_deadline(&loop, &first);
	ck_assert_int_eq(loop_set_deadline(&loop, &second, now_ns + 5000000), 0);
	while (clock_now_ns() < now_ns + 5000000)
		ck_assert_int_eq(loop_wait(&loop, true), 0); /* once in vain */
	ck_assert_ptr_eq(loop_take_due(&loop, clock_now_ns()), &second);
}
END_TEST

START_TEST(a_deadline_at_zero_is_met_at_once)
{
	struct deadline zero = deadline();

	silence();
	ck_assert_int_eq(loop_set_deadline(&loop, &zero, 0), 0);
	ck_assert_int_eq(loop_wait(&loop, true), 0);
	ck_assert_ptr_eq(loop_take_due(&loop, 0), &zero);
}
END_TEST

START_TEST(due_deadlines_are_taken_in_order)
{
	struct deadline third = deadline(), first = deadline(), second = deadline();

	ck_assert_int_eq(loop_set_deadline(&loop, &third, 30), 0);
	ck_assert_int_eq(loop_set_deadline(&loop, &first, 10), 0);
	ck_assert_int_eq(loop_set_deadline(&loop, &second, 20), 0);
	ck_assert_ptr_eq(loop_take_due(&loop, 30), &first);
	ck_assert_ptr_eq(loop_take_due(&loop, 30), &second);
	ck_assert_ptr_null(loop_take_due(&loop, 29));
	ck_assert_ptr_eq(loop_take_due(&loop, 30), &third);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *sources = tcase_create("sources"), *deadlines = tcase_create("deadlines");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(sources, init, done);
	tcase_add_test(sources, all_that_is_ready_is_dispatched_once);
	tcase_add_test(sources, what_stays_ready_is_dispatched_again);
	tcase_add_test(sources, a_source_may_remove_itself);
	tcase_add_test(sources, a_source_may_remove_another_that_is_ready);
	tcase_add_test(sources, a_source_added_anew_waits_for_the_next_round);
	tcase_add_test(sources, no_interest_no_dispatch);
	tcase_add_test(sources, what_epoll_refuses_is_not_added);
	tcase_add_checked_fixture(deadlines, init, done);
	tcase_add_test(deadlines, waiting_ends_at_the_deadline);
	tcase_add_test(deadlines, the_timer_is_read_so_that_it_does_not_stay_ready);
	tcase_add_test(deadlines, a_deadline_before_the_armed_one_is_met);
	tcase_add_test(deadlines, a_deadline_after_one_that_was_cleared_is_met);
	tcase_add_test(deadlines, a_deadline_at_zero_is_met_at_once);
	tcase_add_test(deadlines, due_deadlines_are_taken_in_order);
	suite_add_tcase(suite, sources);
	suite_add_tcase(suite, deadlines);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
