/* SPDX-License-Identifier: MIT */

/* Timers whose time the test says: an expiry comes as late as it likes. */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "peer.h"
#include "rig.h"
#include "timer.h"

#define HOUR UINT64_C(3600000000000)

static struct client owner, other;
static struct backend_ops ops;
static bool set_fails;

static int set_or_fail(struct backend_request *request, uint64_t mask, uint64_t bits)
{
	return set_fails ? -EIO : backend_sim.set(request, mask, bits);
}

static void start(void)
{
	rig_start("log-size = 64K\ntimers = 3\ntimers-per-client = 2\n");
	ops = backend_sim;
	ops.set = set_or_fail;
	rig.daemon.ops = &ops;
	set_fails = false;
	client_connect(&owner);
	client_connect(&other);
}

static void stop(void)
{
	client_done(&owner);
	client_done(&other);
	rig_stop();
}

static const char *ask(struct client *client, const char *request)
{
	const char *reply = client_ask(client, "%s", request);

	ck_assert_msg(has_in(reply, "\"ok\":true"), "%s", reply);
	return reply;
}

static void refused_for_limit(struct client *client, const char *request, const char *limit)
{
	const char *reply = client_ask(client, "%s", request);

	ck_assert_msg(has_in(reply, "\"limit\"") && has_in(reply, limit), "%s", reply);
}

static struct timer *shared_timer(void)
{
	struct timer *timer = timer_find(other.peer, "t");

	ck_assert_ptr_nonnull(timer);
	ck_assert(deadline_is_set(&timer->deadline));
	return timer;
}

/* The timer is due, and the daemon gets to it so much later. */
static void expire_late(struct timer *timer, uint64_t late_ns)
{
	struct deadline *deadline = &timer->deadline;

	loop_clear_deadline(&rig.daemon.loop, deadline);
	deadline->expire(deadline, deadline->at_ns + late_ns);
	rig_settle();
	if (owner.fd >= 0)
		client_read(&owner);
	client_read(&other);
}

/* It is due in the next round. */
static void let_be_due(struct timer *timer)
{
	ck_assert_int_eq(
		loop_set_deadline(&rig.daemon.loop, &timer->deadline, clock_now_ns() - 1), 0);
}

static const struct {
	uint64_t late_ns, expirations;
} delays[] = {
	{ 0, 1 },
	{ 1, 1 },
	{ HOUR - 1, 1 },
	{ HOUR, 2 },
	{ HOUR + 1, 2 },
	{ 10 * HOUR + HOUR / 2, 11 },
	{ 100000 * HOUR - 1, 100000 },
};

START_TEST(a_late_expiry_counts_those_missed_and_keeps_the_phase)
{
	const uint64_t n = delays[_i].expirations;
	uint64_t first_ns;

	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"every\":\"1h\"}");
	first_ns = shared_timer()->deadline.at_ns;
	client_clear(&owner);
	expire_late(shared_timer(), delays[_i].late_ns);
	ck_assert_uint_eq(number_in(owner.in, "expirations"), n);
	ck_assert_uint_eq(number_in(owner.in, "timestamp_ns"), first_ns + (n - 1) * HOUR);
	ck_assert_uint_eq(shared_timer()->deadline.at_ns, first_ns + n * HOUR);

	/* Those are told: the next event counts from there. */
	client_clear(&owner);
	expire_late(shared_timer(), 0);
	ck_assert_uint_eq(number_in(owner.in, "expirations"), 1);
	ck_assert_uint_eq(number_in(owner.in, "timestamp_ns"), first_ns + n * HOUR);
}
END_TEST

START_TEST(a_timer_that_expires_once_does_so_however_late)
{
	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\"}");
	client_clear(&owner);
	expire_late(shared_timer(), 1000 * HOUR);
	ck_assert_uint_eq(number_in(owner.in, "expirations"), 1);
	ck_assert_ptr_null(timer_find(owner.peer, "t"));
	ck_assert_uint_eq(rig.daemon.timers.n, 0);
	ck_assert_uint_eq(owner.peer->n_timers, 0);
}
END_TEST

START_TEST(the_phase_begins_with_the_first_expiry)
{
	uint64_t first_ns;

	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"5h\",\"every\":\"1h\"}");
	first_ns = shared_timer()->deadline.at_ns;
	client_clear(&owner);
	expire_late(shared_timer(), HOUR / 2);
	ck_assert_uint_eq(number_in(owner.in, "expirations"), 1);
	ck_assert_uint_eq(number_in(owner.in, "timestamp_ns"), first_ns);
	ck_assert_uint_eq(shared_timer()->deadline.at_ns, first_ns + HOUR);
}
END_TEST

START_TEST(a_periodic_timer_goes_on_after_a_write_that_failed)
{
	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"every\":\"1h\",\"values\":{\"x\":1}}");
	client_clear(&owner);
	set_fails = true;
	expire_late(shared_timer(), 0);
	ck_assert_msg(has_in(owner.in, "\"error\":{") && has_in(owner.in, "\"line\":\"x\""), "%s",
		owner.in);
	ck_assert_uint_eq(rig.daemon.lines.v[10]->value, 0);

	client_clear(&owner);
	set_fails = false;
	expire_late(shared_timer(), 0);
	ck_assert_msg(!has_in(owner.in, "\"error\""), "%s", owner.in);
	ck_assert_uint_eq(rig.daemon.lines.v[10]->value, 1);
}
END_TEST

START_TEST(armed_again_by_another_it_is_wholly_the_others)
{
	uint64_t first;

	first = number_in(ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"every\":\"1h\","
				      "\"tag\":\"mine\",\"values\":{\"x\":1}}"),
		"armed");
	ask(&other, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"2h\"}");
	ck_assert_uint_eq(owner.peer->n_timers, 0);
	ck_assert_uint_eq(other.peer->n_timers, 1);
	client_clear(&owner);
	client_clear(&other);
	expire_late(shared_timer(), 0);
	ck_assert_uint_eq(owner.n, 0);
	ck_assert_uint_eq(number_in(other.in, "armed"), first + 1);
	ck_assert_msg(!has_in(other.in, "tag"), "%s", other.in);
	ck_assert_uint_eq(rig.daemon.lines.v[10]->value, 0);
	ck_assert_uint_eq(rig.daemon.timers.n, 0);
}
END_TEST

START_TEST(who_no_longer_owns_a_timer_does_not_end_it)
{
	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\"}");
	ask(&other, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\"}");
	client_clear(&other);
	client_done(&owner);
	rig_settle();
	ck_assert_ptr_eq(shared_timer()->owner, other.peer);
	client_read(&other);
	ck_assert_uint_eq(other.n, 0);
}
END_TEST

/* Edges and deadlines come before requests: what was due has expired when the request runs. */

START_TEST(disarmed_in_the_round_of_its_expiry_it_has_expired)
{
	char *rest, *line;

	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\"}");
	client_clear(&owner);
	let_be_due(shared_timer());
	client_ask(&owner, "{\"op\":\"disarm\",\"timer\":\"t\"}");
	rest = owner.in;
	ck_assert(has_in(next_line(&rest), "\"event\":\"timer\""));
	line = next_line(&rest);
	ck_assert_msg(has_in(line, "\"was_armed\":false"), "%s", line);
	ck_assert_ptr_null(next_line(&rest));
}
END_TEST

static const char *const endings[] = {
	"{\"op\":\"disarm\",\"timer\":\"t\"}",
	"{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\"}",
};

/* Though the reader takes nothing meanwhile, the event stands before the reply, and none after. */
START_TEST(after_the_reply_no_event_of_an_earlier_arming_follows)
{
	char *rest, *line;

	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"every\":\"1h\"}");
	client_clear(&owner);
	owner.budget = 0;
	let_be_due(shared_timer());
	client_send(&owner, "%s", endings[_i]);
	rig_settle();
	owner.budget = SIZE_MAX;
	rig_settle();
	client_read(&owner);
	rest = owner.in;
	ck_assert(has_in(next_line(&rest), "\"event\":\"timer\""));
	line = next_line(&rest);
	ck_assert_msg(has_in(line, "\"was_armed\":true"), "%s", line);
	ck_assert_ptr_null(next_line(&rest));
}
END_TEST

START_TEST(two_of_a_client_and_three_of_all_are_armed_and_no_more)
{
	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\"}");
	ask(&owner, "{\"op\":\"arm\",\"timer\":\"~u\",\"after\":\"1h\"}");
	refused_for_limit(&owner, "{\"op\":\"arm\",\"timer\":\"v\",\"after\":\"1h\"}", "2 timers");
	ask(&other, "{\"op\":\"arm\",\"timer\":\"~u\",\"after\":\"1h\"}");
	refused_for_limit(&other, "{\"op\":\"arm\",\"timer\":\"v\",\"after\":\"1h\"}", "3 timers");
	ck_assert_uint_eq(rig.daemon.timers.n, 3);

	/* One that is armed already adds none to all; it may add one to a client's. */
	ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"2h\"}");
	ask(&other, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"2h\"}");
	ck_assert_uint_eq(rig.daemon.timers.n, 3);
	ck_assert_uint_eq(owner.peer->n_timers, 1);
	ck_assert_uint_eq(other.peer->n_timers, 2);
}
END_TEST

START_TEST(a_client_at_its_limit_leaves_anothers_timer_as_it_is)
{
	uint64_t armed, due_ns;

	armed = number_in(
		ask(&owner, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\"}"), "armed");
	due_ns = shared_timer()->deadline.at_ns;
	ask(&other, "{\"op\":\"arm\",\"timer\":\"~u\",\"after\":\"1h\"}");
	ask(&other, "{\"op\":\"arm\",\"timer\":\"~v\",\"after\":\"1h\"}");
	refused_for_limit(&other, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"2h\"}", "2 timers");
	ck_assert_ptr_eq(shared_timer()->owner, owner.peer);
	ck_assert_uint_eq(shared_timer()->armed, armed);
	ck_assert_uint_eq(shared_timer()->deadline.at_ns, due_ns);
}
END_TEST

static const char arm_kept[] =
	"{\"op\":\"arm\",\"timer\":\"t\",\"every\":\"1h\",\"keep\":true,\"values\":{\"x\":1}}";

START_TEST(a_kept_timer_works_on_for_nobody)
{
	const uint32_t number = owner.peer->id.peer;

	client_ask(&owner, "{\"op\":\"hello\",\"client\":\"lift\"}");
	ask(&owner, arm_kept);
	client_done(&owner);
	rig_settle();
	ck_assert_ptr_null(shared_timer()->owner);
	ck_assert_uint_eq(shared_timer()->owner_number, 0);

	ask(&other, "{\"op\":\"subscribe\",\"line\":\"x\"}");
	client_clear(&other);
	expire_late(shared_timer(), 0);
	/* Nobody is told unasked; the output says who it was. */
	ck_assert_msg(!has_in(other.in, "\"event\":\"timer\""), "%s", other.in);
	ck_assert(has_in(other.in, "\"cause\":\"timer:t\",\"by\":{\"client\":\"lift\""));
	ck_assert_uint_eq(number_in(other.in, "peer"), number);
	ck_assert(has_in(ask(&other, "{\"op\":\"timers\"}"), "\"client\":\"lift\""));
}
END_TEST

START_TEST(a_kept_timer_has_a_new_owner_when_it_is_armed_again)
{
	ask(&owner, arm_kept);
	client_done(&owner);
	rig_settle();
	ask(&other, "{\"op\":\"arm\",\"timer\":\"t\",\"every\":\"1h\"}");
	ck_assert_ptr_eq(shared_timer()->owner, other.peer);
	ck_assert_uint_eq(rig.daemon.timers.n, 1);
	client_clear(&other);
	expire_late(shared_timer(), 0);
	ck_assert(has_in(other.in, "\"event\":\"timer\""));

	client_connect(&owner);
	ask(&owner, "{\"op\":\"subscribe\",\"timers\":\"t\"}");
	client_clear(&owner);
	client_done(&other);
	rig_settle();
	client_read(&owner);
	ck_assert_msg(has_in(owner.in, "\"timer-ended\""), "%s", owner.in);
	ck_assert_uint_eq(rig.daemon.timers.n, 0);
}
END_TEST

START_TEST(a_kept_timer_that_nobody_owns_can_be_disarmed)
{
	ask(&owner, arm_kept);
	client_done(&owner);
	rig_settle();
	ck_assert(has_in(ask(&other, endings[0]), "\"was_armed\":true"));
	ck_assert_uint_eq(rig.daemon.timers.n, 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("timer");
	TCase *tcase = tcase_create("timer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_loop_test(
		tcase, a_late_expiry_counts_those_missed_and_keeps_the_phase, 0, COUNT(delays));
	tcase_add_test(tcase, a_timer_that_expires_once_does_so_however_late);
	tcase_add_test(tcase, the_phase_begins_with_the_first_expiry);
	tcase_add_test(tcase, a_periodic_timer_goes_on_after_a_write_that_failed);
	tcase_add_test(tcase, armed_again_by_another_it_is_wholly_the_others);
	tcase_add_test(tcase, who_no_longer_owns_a_timer_does_not_end_it);
	tcase_add_test(tcase, disarmed_in_the_round_of_its_expiry_it_has_expired);
	tcase_add_loop_test(
		tcase, after_the_reply_no_event_of_an_earlier_arming_follows, 0, COUNT(endings));
	tcase_add_test(tcase, two_of_a_client_and_three_of_all_are_armed_and_no_more);
	tcase_add_test(tcase, a_client_at_its_limit_leaves_anothers_timer_as_it_is);
	tcase_add_test(tcase, a_kept_timer_works_on_for_nobody);
	tcase_add_test(tcase, a_kept_timer_has_a_new_owner_when_it_is_armed_again);
	tcase_add_test(tcase, a_kept_timer_that_nobody_owns_can_be_disarmed);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
