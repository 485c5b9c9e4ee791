/* SPDX-License-Identifier: MIT */

/* `since` where the log is not as it was: after another size, and while memory is short. */

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "left.h"
#include "rig.h"

static struct client client;

/* Edges of b, and of nothing else. */
static void press(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		rig_edge(1, i % 2 == 0, 1000);
		if (i % 32 == 31)
			rig_settle();
	}
	rig_settle();
}

static const char *subscribe_since(const char *line, uint64_t since)
{
	return client_ask(&client,
		"{\"op\":\"subscribe\",\"line\":\"%s\",\"since\":%" PRIu64
		",\"instance\":\"%016" PRIx64 "\"}",
		line, since, rig.daemon.log.instance);
}

/* All that was received after the reply, which comes first. */
static const char *events(void)
{
	const char *first = strstr(client.in, "{\"event\"");

	client_read(&client);
	return first ? first : "";
}

START_TEST(what_a_smaller_log_had_no_room_for_is_lost_and_said_so)
{
	uint64_t since;
	int log;

	rig_start("log-size = 1M\n");
	press(1000);
	since = rig.daemon.log.head - 900;
	log = left_copy();
	rig_stop();
	left_hand_over(log);
	rig_start("log-size = 64K\n");
	ck_assert_uint_gt(rig.daemon.log.tail, since + 1);
	client_connect(&client);
	(void)subscribe_since("b", since);
	ck_assert_msg(has_in(client.in, "\"resumed\":true"), "%.300s", client.in);
	ck_assert_msg(has_in(events(), "\"event\":\"lost\""), "%.600s", events());
	ck_assert_uint_eq(number_in(events(), "from"), since + 1);
	ck_assert_uint_eq(number_in(events(), "to"), rig.daemon.log.tail - 1);
	ck_assert_uint_eq(number_in(events(), "count"), rig.daemon.log.tail - 1 - since);
	client_done(&client);
	rig_stop();
}
END_TEST

START_TEST(what_a_quiet_line_lost_before_a_restart_is_not_forgotten_by_it)
{
	uint64_t since;
	int log;

	rig_start(NULL);
	since = rig.daemon.log.head;
	rig_edge(0, true, 1000);
	rig_settle();
	press(700);
	ck_assert_uint_gt(rig.daemon.log.tail, since + 1);
	log = left_copy();
	rig_stop();
	left_hand_over(log);
	rig_start(NULL);
	client_connect(&client);
	(void)subscribe_since("a", since);
	ck_assert_msg(has_in(events(), "\"reason\":\"log\""), "%.600s", client.in);
	ck_assert_uint_eq(number_in(events(), "from"), since + 1);
	client_done(&client);
	rig_stop();
}
END_TEST

START_TEST(without_memory_nothing_is_replayed_as_if_it_were_all)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		rig_start(NULL);
		press(10);
		client_connect(&client);
		client_send(&client,
			"{\"op\":\"subscribe\",\"line\":\"b\",\"since\":0,\"instance\":\"%"
			"016" PRIx64 "\"}",
			rig.daemon.log.instance);
		rig_fail_allocation(n);
		rig_settle();
		rig_fail_allocation(0);
		failed = rig_has_failed();
		client_read(&client);
		if (!client.ended && has_in(client.in, "\"ok\":true"))
			ck_assert_msg(number_in(client.in, "replay") >= 10, "allocation %u: %s", n,
				client.in);
		client_done(&client);
		rig_stop();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resume");
	TCase *tcase = tcase_create("resume");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_a_smaller_log_had_no_room_for_is_lost_and_said_so);
	tcase_add_test(tcase, what_a_quiet_line_lost_before_a_restart_is_not_forgotten_by_it);
	tcase_add_test(tcase, without_memory_nothing_is_replayed_as_if_it_were_all);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
