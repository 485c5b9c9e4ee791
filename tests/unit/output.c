/* SPDX-License-Identifier: MIT */

/* Writes that the hardware refuses, which no simulated line does. */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "line.h"
#include "output.h"
#include "request.h"
#include "rig.h"

static struct client client;
static struct backend_ops ops;
static int n_sets, failing_set; /* the set that fails, from 1; 0: none */

static int set_or_fail(struct backend_request *request, uint64_t mask, uint64_t bits)
{
	if (++n_sets == failing_set)
		return -EIO;
	return backend_sim.set(request, mask, bits);
}

static void start(void)
{
	rig_start(NULL);
	ops = backend_sim;
	ops.set = set_or_fail;
	rig.daemon.ops = &ops;
	n_sets = failing_set = 0;
	client_connect(&client);
	client_ask(&client, "{\"op\":\"subscribe\",\"lines\":\"*\",\"timers\":\"*\"}");
	client_clear(&client);
}

static void stop(void)
{
	client_done(&client);
	rig_stop();
}

/* "101": the levels of x, y and z as the backend has them. */
static const char *levels(void)
{
	static char text[4];

	for (int i = 0; i < 3; i++) {
		const struct line *line = rig.daemon.lines.v[10 + i];
		uint64_t bits = 0;

		ck_assert_int_eq(backend_sim.get(line->request->backend, 1, &bits), 0);
		text[i] = '0' + (char)bits;
		ck_assert_uint_eq(line->value, bits);
	}
	return text;
}

static const struct {
	int failing;
	const char *applied, *levels;
	unsigned events;
} failures[] = {
	{ 1, NULL, "000", 0 },
	{ 2, "\"applied\":[\"x\"]", "100", 1 },
	{ 3, "\"applied\":[\"x\",\"y\"]", "110", 2 },
};

START_TEST(a_failure_part_way_says_what_was_applied)
{
	const char *reply;
	char *rest, *line;
	unsigned outputs = 0;

	failing_set = failures[_i].failing;
	reply = client_ask(&client, "{\"op\":\"set\",\"values\":{\"x\":1,\"y\":1,\"z\":1}}");
	ck_assert(has_in(reply, "\"ok\":false"));
	if (failures[_i].applied)
		ck_assert_msg(has_in(reply, failures[_i].applied), "%s", reply);
	else
		ck_assert(!has_in(reply, "\"applied\":[\""));
	ck_assert_int_eq(n_sets, failures[_i].failing); /* nothing after it is tried */
	ck_assert_str_eq(levels(), failures[_i].levels);
	for (rest = client.in; (line = next_line(&rest));)
		outputs += has_in(line, "\"event\":\"output\"");
	ck_assert_uint_eq(outputs, failures[_i].events);
}
END_TEST

START_TEST(a_group_is_written_in_one_call_or_not_at_all)
{
	const char *reply = client_ask(&client, "{\"op\":\"set\",\"values\":{\"p\":1,\"q\":1}}");

	ck_assert(has_in(reply, "\"ok\":true"));
	ck_assert_int_eq(n_sets, 1);

	failing_set = 2;
	reply = client_ask(&client, "{\"op\":\"set\",\"values\":{\"p\":0,\"q\":0}}");
	ck_assert(has_in(reply, "\"ok\":false"));
	reply = client_ask(&client, "{\"op\":\"get\",\"lines\":[\"p\",\"q\"]}");
	ck_assert(has_in(reply, "{\"p\":1,\"q\":1}"));
}
END_TEST

START_TEST(a_group_among_others_is_still_one_call)
{
	const char *reply = client_ask(
		&client, "{\"op\":\"set\",\"values\":{\"p\":1,\"x\":1,\"q\":1,\"y\":1}}");

	ck_assert(has_in(reply, "\"ok\":true"));
	ck_assert_int_eq(n_sets, 3);
}
END_TEST

/* Rounds until something was sent that contains the text. */
static void wait_for(const char *text)
{
	const uint64_t until_ns = clock_now_ns() + 5 * NSEC_PER_SEC;

	for (client_read(&client); !has_in(client.in, text); client_read(&client)) {
		ck_assert_uint_lt(clock_now_ns(), until_ns);
		rig_wait();
	}
}

START_TEST(a_timer_whose_values_fail_tells_why)
{
	char *rest, *line;

	client_ask(&client,
		"{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1ms\",\"values\":{\"x\":1,\"y\":1}}");
	client_clear(&client);
	failing_set = 2;
	wait_for("\"event\":\"timer\"");
	rest = client.in;
	line = next_line(&rest);
	ck_assert(has_in(line, "\"event\":\"output\"") && has_in(line, "\"timer:t\""));
	line = next_line(&rest);
	ck_assert(has_in(line, "\"error\":{") && has_in(line, "\"line\":\"y\""));
	ck_assert_str_eq(levels(), "100");
}
END_TEST

/* The value stays what it is, and so does what is said of it. */
START_TEST(a_pulse_that_cannot_be_ended_leaves_the_line_as_it_is)
{
	const struct line *x = rig.daemon.lines.v[10];

	client_ask(&client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1,\"pulse\":\"1ms\"}");
	failing_set = 2;
	while (deadline_is_set(&x->revert.deadline))
		rig_wait();
	ck_assert_int_eq(n_sets, 2);
	ck_assert_str_eq(levels(), "100");
}
END_TEST

/* The next event of x with an error is all of this. */
static void expect_failure(const char *cause)
{
	char expected[64], *rest = client.in, *line;

	wait_for("\"error\":{");
	do
		line = next_line(&rest);
	while (line && !has_in(line, "\"error\":{"));
	snprintf(expected, sizeof(expected), "\"line\":\"x\",\"value\":1,\"cause\":\"%s\"", cause);
	ck_assert_msg(has_in(line, "\"event\":\"output\"") && has_in(line, expected), "%s", line);
	ck_assert(has_in(line, "\"error\":{\"code\":\"unavailable\",\"message\":\"x cannot be "
			       "written: Input/output error\"}"));
}

START_TEST(a_pulse_that_cannot_be_ended_is_an_event_of_the_line)
{
	client_ask(&client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1,\"pulse\":\"1ms\"}");
	client_clear(&client);
	failing_set = 2;
	expect_failure("revert");
	ck_assert_uint_eq(rig.daemon.stats.outputs, 1);
}
END_TEST

START_TEST(an_exit_value_that_is_not_taken_is_an_event_of_the_line)
{
	client_ask(&client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1}");
	client_clear(&client);
	failing_set = 2;
	output_set_later(rig.daemon.lines.v[10], 0, "exit", NULL);
	expect_failure("exit");
	ck_assert(!has_in(client.in, "\"by\""));
}
END_TEST

START_TEST(a_write_that_fails_starts_no_pulse_and_cancels_none)
{
	const struct line *x = rig.daemon.lines.v[10];

	failing_set = 1;
	client_ask(&client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1,\"pulse\":\"1s\"}");
	ck_assert(!deadline_is_set(&x->revert.deadline));
	failing_set = 3;
	client_ask(&client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1,\"pulse\":\"1s\"}");
	ck_assert(deadline_is_set(&x->revert.deadline));
	client_ask(&client, "{\"op\":\"set\",\"line\":\"x\",\"value\":0}");
	ck_assert(deadline_is_set(&x->revert.deadline));
	ck_assert_str_eq(levels(), "100");
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("output");
	TCase *tcase = tcase_create("output");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_loop_test(tcase, a_failure_part_way_says_what_was_applied, 0, COUNT(failures));
	tcase_add_test(tcase, a_group_is_written_in_one_call_or_not_at_all);
	tcase_add_test(tcase, a_group_among_others_is_still_one_call);
	tcase_add_test(tcase, a_timer_whose_values_fail_tells_why);
	tcase_add_test(tcase, a_pulse_that_cannot_be_ended_leaves_the_line_as_it_is);
	tcase_add_test(tcase, a_pulse_that_cannot_be_ended_is_an_event_of_the_line);
	tcase_add_test(tcase, an_exit_value_that_is_not_taken_is_an_event_of_the_line);
	tcase_add_test(tcase, a_write_that_fails_starts_no_pulse_and_cancels_none);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
