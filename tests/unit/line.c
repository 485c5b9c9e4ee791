/* SPDX-License-Identifier: MIT */

/* Places in the log's state table, which lines that are held have and others may have to give. */

#include <check.h>
#include <stdlib.h>

#include "hold.h"
#include "line.h"
#include "request.h"
#include "rig.h"

static struct client client;

static void start(void)
{
	rig_start(NULL);
	client_connect(&client);
}

static void stop(void)
{
	client_done(&client);
	rig_stop();
}

/* A line that is free again, with its place. */
static void make_free_place(const char *name)
{
	client_ask(&client, "{\"op\":\"request\",\"line\":\"%s\"}", name);
	client_ask(&client, "{\"op\":\"release\",\"line\":\"%s\"}", name);
}

/*
 * None of a group's lines is held while they are given places: when all had been used, the second
 * one took the place of the first, which was then held without one.
 */
START_TEST(lines_requested_together_have_each_a_place_of_their_own)
{
	struct line *p = rig.daemon.lines.v[13], *q = rig.daemon.lines.v[14];

	make_free_place("GPIO20");
	make_free_place("GPIO21");
	request_free(p->request, NULL);
	p->state = q->state = NULL;
	rig.daemon.n_states = WIRE_MAX_LINES;

	line_retry(p);
	ck_assert_ptr_nonnull(p->request);
	ck_assert_ptr_eq(p->request, q->request);
	ck_assert_ptr_nonnull(p->state);
	ck_assert_ptr_nonnull(q->state);
	ck_assert_ptr_ne(p->state, q->state);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("line");
	TCase *tcase = tcase_create("places");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, lines_requested_together_have_each_a_place_of_their_own);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
