/* SPDX-License-Identifier: MIT */

/* Edges of all lines and deadlines of one round come in the order of their times. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "rig.h"

static struct client client;
static bool level[RIG_FEEDS];

static void start(void)
{
	rig_start(NULL);
	memset(level, 0, sizeof(level));
	client_connect(&client);
	client_ask(&client, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
	client_clear(&client);
}

static void stop(void)
{
	client_done(&client);
	rig_stop();
}

static void edge_at(unsigned feed, uint64_t at_ns)
{
	level[feed] = !level[feed];
	rig_edge(feed, level[feed], at_ns - rig.edge_ns);
}

/* Times of what was received are in order; how many there are. */
static unsigned assert_order(void)
{
	char *rest = client.in, *line;
	uint64_t last = 0;
	unsigned n = 0;

	while ((line = next_line(&rest))) {
		if (has_in(line, "\"ok\":"))
			continue;
		ck_assert_msg(number_in(line, "timestamp_ns") >= last, "%s", line);
		last = number_in(line, "timestamp_ns");
		n++;
	}
	return n;
}

START_TEST(edges_of_several_lines_are_merged_by_time)
{
	const uint64_t now_ns = clock_now_ns();

	srand((unsigned)_i);
	/* Each line's own are in order; written line by line, read in one round. */
	for (unsigned feed = 0; feed < RIG_FEEDS; feed++) {
		uint64_t at_ns = now_ns;

		for (int n = 0; n < 63; n++)
			edge_at(feed, at_ns += 1 + (uint64_t)rand() % 1000);
	}
	rig_settle();
	client_read(&client);
	ck_assert_uint_eq(assert_order(), 63 * RIG_FEEDS);
}
END_TEST

/* What is not read yet may be older than what others have. */
START_TEST(more_edges_than_one_read_takes_stay_in_order)
{
	const uint64_t now_ns = clock_now_ns();

	srand((unsigned)_i);
	for (unsigned feed = 0; feed < RIG_FEEDS; feed++) {
		uint64_t at_ns = now_ns;

		for (int n = 0; n < 50 + 300 * (int)feed; n++)
			edge_at(feed, at_ns += 1 + (uint64_t)rand() % (1000 - 400 * feed));
	}
	rig_settle();
	client_read(&client);
	ck_assert_uint_eq(assert_order(), 50 + 350 + 650);
}
END_TEST

/* Arms a timer and lets it become due without a round. */
static uint64_t arm_and_let_pass(void)
{
	uint64_t due_ns;

	client_ask(&client, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"3ms\"}");
	due_ns = loop_next_deadline(&rig.daemon.loop);
	while (clock_now_ns() <= due_ns + 1000000)
		;
	client_clear(&client);
	return due_ns;
}

START_TEST(a_deadline_comes_between_the_edges_around_it)
{
	const uint64_t due_ns = arm_and_let_pass();
	char *rest, *line;

	edge_at(0, due_ns - 2);
	edge_at(1, due_ns - 1);
	edge_at(0, due_ns + 1);
	edge_at(1, due_ns + 2);
	rig_settle();
	client_read(&client);
	rest = client.in;
	for (int n = 0; (line = next_line(&rest)); n++) {
		ck_assert_int_eq(has_in(line, "\"timer\""), n == 2);
		if (n == 2)
			ck_assert_uint_eq(number_in(line, "timestamp_ns"), due_ns);
	}
	rest = client.in;
}
END_TEST

/* The deadline is due, but older edges are still in the kernel. */
START_TEST(a_deadline_waits_for_older_edges_that_are_not_read_yet)
{
	const uint64_t due_ns = arm_and_let_pass();

	for (uint64_t n = 0; n < 200; n++)
		edge_at(2, due_ns - 150 + n);
	edge_at(0, due_ns - 10);
	rig_settle();
	client_read(&client);
	ck_assert_uint_eq(assert_order(), 202);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gather");
	TCase *tcase = tcase_create("gather");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_loop_test(tcase, edges_of_several_lines_are_merged_by_time, 0, 5);
	tcase_add_loop_test(tcase, more_edges_than_one_read_takes_stay_in_order, 0, 5);
	tcase_add_test(tcase, a_deadline_comes_between_the_edges_around_it);
	tcase_add_test(tcase, a_deadline_waits_for_older_edges_that_are_not_read_yet);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
