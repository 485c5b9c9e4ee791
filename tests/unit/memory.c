/* SPDX-License-Identifier: MIT */

/*
 * Short of memory: each allocation that a request needs fails once. The request is then refused as
 * a whole, or its connection is closed; nobody else notices, and the next time it works.
 */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "peer.h"
#include "rig.h"
#include "watch.h"

static struct client client, other;

static void start(void)
{
	rig_start(NULL);
	client_connect(&other);
}

static void stop(void)
{
	rig_fail_allocation(0);
	client_done(&client);
	client_done(&other);
	rig_stop();
}

static const char *const requests[] = {
	"{\"op\":\"subscribe\",\"line\":\"a\"}",
	"{\"op\":\"subscribe\",\"lines\":[\"a\",\"b\",\"x\"],\"lockout\":\"5ms\"}",
	"{\"op\":\"subscribe\",\"lines\":\"*\",\"timers\":\"*\",\"lockout\":\"1ms\"}",
	"{\"op\":\"subscribe\",\"lines\":[\"GPIO20\",\"a\",\"GPIO21\"]}",
	"{\"op\":\"subscribe\",\"timers\":[\"t\",\"u\"]}",
	"{\"op\":\"request\",\"lines\":[\"GPIO20\",\"GPIO21\"],\"direction\":\"output\"}",
	"{\"op\":\"request\",\"line\":\"GPIO20\",\"alias\":\"mine\",\"keep\":true}",
	"{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\",\"tag\":\"tag\",\"values\":{\"x\":1,"
	"\"y\":1}}",
	"{\"op\":\"arm\",\"timer\":\"~t\",\"every\":\"1h\"}",
	"{\"op\":\"set\",\"values\":{\"x\":1,\"y\":1},\"pulse\":\"1h\"}",
	"{\"op\":\"get\",\"lines\":[\"a\",\"GPIO20\"]}",
	"{\"op\":\"lines\"}",
	"{\"op\":\"stats\"}",
	"{\"op\":\"hello\",\"client\":\"test\"}",
	"not json",
};

#define N_REQUESTS ((int)(sizeof(requests) / sizeof(requests[0])))

/* What other connections see of lines and timers; nothing of a refused request may be left. */
static void look(char *ret, size_t size)
{
	const struct daemon *daemon = &rig.daemon;
	size_t n = 0;

	n += (size_t)snprintf(
		ret + n, size - n, "timers %zu held %u:", daemon->timers.n, daemon->n_held);
	for (size_t id = 0; id < daemon->lines.n; id++) {
		const struct line *line = daemon->lines.v[id];

		n += (size_t)snprintf(ret + n, size - n, " %d%d%d%d%d", line->request != NULL,
			line->value, !list_empty(&line->uses), !list_empty(&line->watchers),
			deadline_is_set(&line->revert.deadline));
	}
}

static bool has_ended(void)
{
	client_read(&client);
	return client.ended;
}

/* Fails the nth allocation of the request. Whether there was one. */
static bool short_of(const char *request, unsigned n)
{
	char before[1024], after[1024];
	bool refused;

	client_connect(&client);
	look(before, sizeof(before));
	client_send(&client, "%s", request);
	rig_fail_allocation(n);
	rig_settle();
	rig_fail_allocation(0);
	if (!rig_has_failed())
		return false;

	/* Whose reply cannot be kept is closed, and does not know what was done. */
	refused = !has_ended() && has_in(client.in, "\"ok\":false");
	look(after, sizeof(after));
	if (refused)
		ck_assert_msg(strcmp(before, after) == 0, "allocation %u: %s\n%s\n%s", n, client.in,
			before, after);
	client_done(&client);
	rig_settle();
	ck_assert(has_in(client_ask(&other, "{\"op\":\"ping\"}"), "\"ok\":true"));
	return true;
}

START_TEST(a_request_that_lacks_memory_changes_nothing)
{
	unsigned n = 1;

	while (short_of(requests[_i], n))
		n++;
	/* With enough of it, it is answered. */
	client_read(&client);
	ck_assert_msg(has_in(client.in, "\"ok\":true") || _i == N_REQUESTS - 1, "%s", client.in);
}
END_TEST

START_TEST(a_pulse_that_could_not_be_ended_does_not_begin)
{
	const struct line *x = rig.daemon.lines.v[10];

	client_connect(&client);
	client_send(&client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1,\"pulse\":\"1h\"}");
	rig_fail_allocation(1);
	rig_settle();
	ck_assert(rig_has_failed());
	client_read(&client);
	ck_assert_msg(has_in(client.in, "\"ok\":false"), "%s", client.in);
	ck_assert_uint_eq(x->value, 0);
	ck_assert(!deadline_is_set(&x->revert.deadline));
}
END_TEST

/* Whoever cannot be remembered half a message, or a filter, is closed; the others go on. */
START_TEST(a_reader_that_lacks_memory_disturbs_nobody)
{
	for (unsigned n = 1, more = 1; more; n++) {
		bool level = rig.line_seqno[0] % 2;

		client_connect(&client);
		client_ask(&other, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
		client_ask(&client, "{\"op\":\"subscribe\",\"lines\":\"*\",\"lockout\":\"1us\"}");
		client_clear(&other);
		client.budget = 50;
		rig_fail_allocation(n);
		rig_edge(0, !level, 1000000);
		rig_edge(0, level, 1000000);
		rig_settle();
		if (!has_ended())
			client_send(&client, "{\"op\":\"subscribe\",\"line\":\"b\"}");
		rig_edge(1, rig.line_seqno[1] % 2 == 0, 1000000);
		rig_settle();
		more = rig_has_failed();
		rig_fail_allocation(0);
		client.budget = SIZE_MAX;
		rig_settle();
		client_read(&other);
		ck_assert(has_in(other.in, "\"edge\":\"rising\"") &&
			  has_in(other.in, "\"edge\":\"falling\""));
		ck_assert(has_in(other.in, "\"line\":\"b\""));
		client_done(&client);
		rig_settle();
	}
}
END_TEST

static int added;

static void add_lines(struct deadline *deadline, uint64_t now_ns)
{
	static struct line *lines[100];

	(void)deadline;
	(void)now_ns;
	added = lines_add(&rig.daemon, &rig.daemon.absent, 100, lines);
}

/* As when a chip comes. */
START_TEST(lines_that_lack_memory_are_in_no_filter)
{
	struct daemon *daemon = &rig.daemon;
	const size_t before = daemon->lines.n;
	struct deadline deadline;
	bool failed = true;

	client_connect(&client);
	client_ask(&client, "{\"op\":\"subscribe\",\"lines\":\"*\",\"lockout\":\"1ms\"}");
	client_ask(&other, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
	for (unsigned nth = 1; failed; nth++) {
		deadline_init(&deadline, add_lines);
		ck_assert_int_eq(loop_set_deadline(&daemon->loop, &deadline, 1), 0);
		rig_fail_allocation(nth);
		rig_wait();
		failed = rig_has_failed();
		rig_fail_allocation(0);
		ck_assert_int_eq(added, failed ? -ENOMEM : 0);
		ck_assert_uint_eq(daemon->lines.n, before + (failed ? 0 : 100));
		ck_assert_uint_eq(client.peer->watch->filters[0]->n_lines, daemon->lines.n);
		ck_assert_uint_eq(other.peer->watch->filters[0]->n_lines, daemon->lines.n);
		/* Walks the filter. */
		client_ask(&other, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
	}
	ck_assert_uint_eq(other.peer->watch->filters[0]->mask[before + 99],
		other.peer->watch->filters[0]->star.mask);
}
END_TEST

START_TEST(a_connection_that_lacks_memory_is_closed)
{
	for (unsigned n = 1, more = 1; more; n++) {
		rig_fail_allocation(n);
		client_connect(&client);
		more = rig_has_failed();
		rig_fail_allocation(0);
		if (more)
			ck_assert(has_ended());
		client_done(&client);
		rig_settle();
	}
	ck_assert(has_in(client_ask(&other, "{\"op\":\"ping\"}"), "\"ok\":true"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tcase = tcase_create("memory");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_loop_test(tcase, a_request_that_lacks_memory_changes_nothing, 0, N_REQUESTS);
	tcase_add_test(tcase, a_pulse_that_could_not_be_ended_does_not_begin);
	tcase_add_test(tcase, a_reader_that_lacks_memory_disturbs_nobody);
	tcase_add_test(tcase, lines_that_lack_memory_are_in_no_filter);
	tcase_add_test(tcase, a_connection_that_lacks_memory_is_closed);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
