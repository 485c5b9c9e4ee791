/* SPDX-License-Identifier: MIT */

/*
 * What a reader gets does not depend on how its socket takes it: of two connections that ask the
 * same, one takes all at once, the other any number of bytes at a time.
 */

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "rig.h"
#include "watch.h"

#define MS UINT64_C(1000000)

static struct client quick, slow, writer;
static bool level[RIG_FEEDS];

static void start(void)
{
	rig_start(NULL);
	memset(level, 0, sizeof(level));
	client_connect(&quick);
	client_connect(&slow);
	client_connect(&writer);
}

static void stop(void)
{
	client_done(&quick);
	client_done(&slow);
	client_done(&writer);
	rig_stop();
}

static void edge(unsigned feed, uint64_t after_ns)
{
	level[feed] = !level[feed];
	rig_edge(feed, level[feed], after_ns);
}

static void ask_both(const char *request)
{
	client_send(&quick, "%s", request);
	client_send(&slow, "%s", request);
}

static void settle(void)
{
	rig_settle();
	client_read(&quick);
	client_read(&slow);
	client_clear(&writer);
}

static void assert_same_stream(void)
{
	char *quick_rest = quick.in, *slow_rest = slow.in, *line;

	while ((line = next_line(&quick_rest))) {
		const char *same = next_line(&slow_rest);

		ck_assert_msg(same && strcmp(line, same) == 0, "quick: %s; slow: %s", line, same);
	}
	ck_assert_uint_eq(quick.n, slow.n);
}

/* Subscriptions, edges, writes and replies in every order, the second reader as the test goes. */

static const char *const requests[] = {
	"{\"op\":\"subscribe\",\"line\":\"a\",\"lockout\":\"4ms\"}",
	"{\"op\":\"subscribe\",\"line\":\"b\",\"lockout\":\"7ms\",\"edges\":\"rising\"}",
	"{\"op\":\"subscribe\",\"lines\":\"*\",\"lockout\":\"3ms\"}",
	"{\"op\":\"subscribe\",\"lines\":[\"a\",\"x\"]}",
	"{\"op\":\"subscribe\",\"lines\":[\"b\",\"c\"],\"edges\":\"falling\"}",
	"{\"op\":\"subscribe\",\"lines\":\"*\",\"events\":[\"output\"]}",
	"{\"op\":\"subscribe\",\"timers\":\"*\"}",
	"{\"op\":\"unsubscribe\",\"lines\":\"*\"}",
	"{\"op\":\"unsubscribe\",\"line\":\"a\"}",
	"{\"op\":\"unsubscribe\"}",
	"{\"op\":\"ping\"}",
	"{\"op\":\"get\",\"lines\":[\"x\",\"y\"]}",
	"not json",
};

#define N_REQUESTS (sizeof(requests) / sizeof(requests[0]))

static void do_something(void)
{
	switch (rand() % 6) {
	case 0:
		ask_both(requests[(size_t)rand() % N_REQUESTS]);
		break;
	case 1:
		client_send(&writer, "{\"op\":\"toggle\",\"line\":\"%c\"}", 'x' + rand() % 2);
		break;
	case 2:
		if (rand() % 4 == 0)
			rig_skip(0, 1 + (uint32_t)rand() % 3);
		break;
	default:
		for (int n = 1 + rand() % 4; n > 0; n--)
			edge((unsigned)rand() % RIG_FEEDS, (uint64_t)(rand() % 3) * MS + 1);
	}
}

/* Nothing, a part, or, in time before filters or replies are too many, all. */
static size_t next_budget(void)
{
	if (slow.peer->watch && slow.peer->watch->n_filters > WATCH_FILTERS - 2)
		return SIZE_MAX;
	switch (rand() % 8) {
	case 0:
		return SIZE_MAX;
	case 1:
	case 2:
	case 3:
		return 0;
	default:
		return 1 + (size_t)rand() % 400;
	}
}

START_TEST(a_reader_that_takes_any_portions_gets_the_same_stream)
{
	srand((unsigned)_i);
	ask_both(_i % 2 ? "{\"op\":\"subscribe\",\"lines\":[\"a\",\"b\",\"c\"],\"lockout\":\"2ms\"}"
			: "{\"op\":\"subscribe\",\"lines\":[\"a\",\"b\",\"c\"]}");
	settle();
	for (int i = 0; i < 60; i++) {
		do_something();
		slow.budget = next_budget();
		settle();
	}
	slow.budget = SIZE_MAX;
	settle();
	assert_same_stream();
}
END_TEST

/* Cuts at each byte of a stream that has everything in it. */

static void one_of_everything(void)
{
	ask_both("{\"op\":\"subscribe\",\"lines\":[\"a\",\"x\"],\"lockout\":\"2ms\"}");
	rig_settle();
	edge(0, 5 * MS);
	edge(1, 1);
	edge(0, 5 * MS);
	ask_both("{\"op\":\"ping\"}\n{\"op\":\"get\",\"line\":\"x\"}");
	rig_settle();
	edge(0, 1 * MS);
	client_send(&writer, "{\"op\":\"toggle\",\"line\":\"x\"}");
	rig_settle();
	edge(0, 2 * MS);
	ask_both("{\"op\":\"subscribe\",\"line\":\"b\",\"lockout\":\"1ms\"}");
	rig_settle();
	edge(1, 1 * MS);
	edge(1, 1);
	edge(0, 1);
	rig_settle();
}

START_TEST(a_stream_may_be_cut_at_each_byte)
{
	size_t n = 1;

	for (size_t k = 1; k <= n; k++) {
		slow.budget = 0;
		one_of_everything();
		slow.budget = k;
		rig_settle();
		slow.budget = SIZE_MAX;
		settle();
		assert_same_stream();
		n = quick.n;
		ask_both("{\"op\":\"unsubscribe\"}");
		settle();
		client_clear(&quick);
		client_clear(&slow);
	}
	ck_assert_uint_gt(n, 900);
}
END_TEST

START_TEST(a_stream_may_go_byte_by_byte)
{
	slow.budget = 0;
	one_of_everything();
	client_read(&quick);
	while (slow.n < quick.n) {
		slow.budget = 1;
		rig_settle();
		client_read(&slow);
	}
	assert_same_stream();
}
END_TEST

/* What was begun is finished, also when the log has gone past it. */
START_TEST(a_message_sent_in_part_outlives_its_place_in_the_log)
{
	char *rest, *line;
	uint64_t first;

	ask_both("{\"op\":\"subscribe\",\"line\":\"a\"}");
	settle();
	client_clear(&quick);
	client_clear(&slow);
	slow.budget = 10;
	edge(0, MS);
	settle();
	ck_assert_uint_eq(slow.n, 10);
	for (int i = 0; i < 2000; i++) {
		edge(0, MS);
		settle();
	}
	slow.budget = SIZE_MAX;
	settle();

	rest = quick.in;
	line = next_line(&rest);
	first = number_in(line, "seq");
	ck_assert_int_eq(strncmp(slow.in, line, strlen(line)), 0);
	rest = slow.in;
	next_line(&rest);
	line = next_line(&rest);
	ck_assert(has_in(line, "\"lost\""));
	ck_assert_uint_eq(number_in(line, "from"), first + 1);
}
END_TEST

/*
 * A connection that ends while it is flushed gives its lines back: events of that come after others
 * have been flushed in the same round.
 */
START_TEST(what_is_logged_while_flushing_is_sent)
{
	const char *const request =
		"{\"op\":\"request\",\"line\":\"GPIO20\",\"direction\":\"output\"}";
	struct client leaver;
	char *rest;
	const char *line;
	bool taken = false, given_back = false;

	client_connect(&leaver);
	client_ask(&quick, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
	client_clear(&quick);
	/* No newline: it is run at the end of input, in the round that also ends the connection. */
	ck_assert_int_eq(write(leaver.fd, request, strlen(request)), (ssize_t)strlen(request));
	shutdown(leaver.fd, SHUT_WR);
	rig_settle();
	client_read(&quick);
	for (rest = quick.in; (line = next_line(&rest));) {
		taken |= has_in(line, "\"requested\"");
		given_back |= has_in(line, "\"released\"");
	}
	ck_assert(taken);
	ck_assert(given_back);
	client_done(&leaver);
}
END_TEST

/*
 * Nothing is sent to a reader whose socket is full, so its time was not started either: who had
 * stopped to read events and then asked was never disconnected.
 */
START_TEST(a_reply_behind_a_full_socket_of_events_has_its_time)
{
	client_ask(&slow, "{\"op\":\"subscribe\",\"line\":\"a\"}");
	slow.budget = 0;
	edge(0, MS);
	rig_settle();
	ck_assert(slow.peer->blocked);
	ck_assert(!deadline_is_set(&slow.peer->stall));

	client_send(&slow, "{\"op\":\"ping\"}");
	rig_settle();
	ck_assert_uint_eq(slow.peer->n_replies, 1);
	ck_assert(deadline_is_set(&slow.peer->stall));

	slow.budget = SIZE_MAX;
	rig_settle();
	ck_assert_uint_eq(slow.peer->n_replies, 0);
	ck_assert(!deadline_is_set(&slow.peer->stall));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("peer_out");
	TCase *tcase = tcase_create("portions");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, a_reader_that_takes_any_portions_gets_the_same_stream, 0, 60);
	tcase_add_test(tcase, a_stream_may_be_cut_at_each_byte);
	tcase_add_test(tcase, a_stream_may_go_byte_by_byte);
	tcase_add_test(tcase, a_message_sent_in_part_outlives_its_place_in_the_log);
	tcase_add_test(tcase, what_is_logged_while_flushing_is_sent);
	tcase_add_test(tcase, a_reply_behind_a_full_socket_of_events_has_its_time);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
