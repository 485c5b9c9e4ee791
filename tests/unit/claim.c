/* SPDX-License-Identifier: MIT */

/* Claims and limits in time whose time the test says, with hardware and memory that fail. */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "clock.h"
#include "kept.h"
#include "line.h"
#include "on_time.h"
#include "rig.h"
#include "user.h"

#define SECOND UINT64_C(1000000000)

static struct client owner, other;
static struct backend_ops ops;
static bool set_fails;
static struct line *x, *motor, *brake;

static int set_or_fail(struct backend_request *request, uint64_t mask, uint64_t bits)
{
	return set_fails ? -EIO : backend_sim.set(request, mask, bits);
}

static void start(void)
{
	rig_start("log-size = 64K\n"
		  "[line motor]\nline = GPIO20\ndirection = output\nsafe = 0\nmax-on = 1h\n"
		  "[line brake]\nline = GPIO21\ndirection = output\nsafe = 1\n"
		  "[interlock i]\nlines = motor x\n");
	ops = backend_sim;
	ops.set = set_or_fail;
	rig.daemon.ops = &ops;
	set_fails = false;
	x = rig.daemon.lines.v[10];
	motor = rig.daemon.lines.v[20];
	brake = rig.daemon.lines.v[21];
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

/* It is due, and the daemon gets to it so much later. */
static void expire_late(struct deadline *deadline, uint64_t late_ns)
{
	const uint64_t at_ns = deadline->at_ns;

	ck_assert(deadline_is_set(deadline));
	loop_clear_deadline(&rig.daemon.loop, deadline);
	deadline->expire(deadline, at_ns + late_ns);
	rig_settle();
}

/* The only record of the kind, or that there is none. */
static unsigned n_records;
static void count_record(uint32_t handle, size_t n, void *data)
{
	(void)handle;
	(void)n;
	(void)data;
	n_records++;
}

static unsigned records(enum kept_kind kind)
{
	static unsigned char record[4096];

	n_records = 0;
	kept_each(&rig.daemon.log.kept, kind, record, sizeof(record), count_record, NULL);
	return n_records;
}

START_TEST(a_request_puts_the_end_off_to_the_ttl_after_it)
{
	uint64_t heard_ns;

	ask(&owner, "{\"op\":\"claim\",\"line\":\"x\",\"ttl\":\"1h\"}");
	ask(&owner, "{\"op\":\"ping\"}");
	heard_ns = owner.peer->heard_ns;
	ck_assert_uint_gt(heard_ns, x->claim->since_ns);
	expire_late(&x->claim->ttl, 0);
	ck_assert_ptr_nonnull(x->claim);
	ck_assert_uint_eq(x->claim->ttl.at_ns, heard_ns + 3600 * SECOND);
	expire_late(&x->claim->ttl, 0);
	ck_assert_ptr_null(x->claim);
	ck_assert_uint_eq(records(KEPT_CLAIM), 0);
}
END_TEST

/* What waits may be a sign of life: once, and for a moment. */
START_TEST(a_holder_whose_request_waits_is_given_a_moment)
{
	ask(&owner, "{\"op\":\"claim\",\"line\":\"x\",\"ttl\":\"1h\"}");
	owner.peer->readable = true;
	x->claim->ttl.expire(&x->claim->ttl, x->claim->ttl.at_ns);
	ck_assert_ptr_nonnull(x->claim);
	ck_assert(deadline_is_set(&x->claim->ttl));
	x->claim->ttl.expire(&x->claim->ttl, x->claim->ttl.at_ns);
	ck_assert_ptr_null(x->claim);
	owner.peer->readable = false;
}
END_TEST

/* One goes on, but only after the other has gone off, whichever is due first. */
START_TEST(claims_of_one_request_end_together_and_what_goes_off_first)
{
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	ask(&owner, "{\"op\":\"claim\",\"line\":\"x\",\"ttl\":\"1h\",\"on_disconnect\":1}");
	ask(&owner, "{\"op\":\"claim\",\"line\":\"motor\",\"ttl\":\"1h\",\"on_disconnect\":0}");
	expire_late(&x->claim->ttl, SECOND);
	ck_assert_ptr_null(x->claim);
	ck_assert_ptr_null(motor->claim);
	ck_assert_uint_eq(motor->value, 0);
	ck_assert_uint_eq(x->value, 1);
}
END_TEST

START_TEST(of_a_holder_that_leaves_what_goes_off_goes_first)
{
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	ask(&owner, "{\"op\":\"claim\",\"line\":\"x\",\"on_disconnect\":1}");
	ask(&owner, "{\"op\":\"claim\",\"line\":\"motor\",\"on_disconnect\":0}");
	ask(&other, "{\"op\":\"subscribe\",\"lines\":[\"x\",\"motor\"]}");
	client_done(&owner);
	rig_settle();
	client_read(&other);
	ck_assert_uint_eq(motor->value, 0);
	ck_assert_uint_eq(x->value, 1);
	ck_assert(!has_in(other.in, "\"error\""));
}
END_TEST

/* Others of its user have sent too much: its last requests wait, its lines do not. */
START_TEST(a_dead_holder_waits_for_nobody)
{
	struct user *user = owner.peer->user;
	struct peer *peer = owner.peer;

	ask(&owner, "{\"op\":\"set\",\"line\":\"x\",\"value\":1}");
	ask(&owner, "{\"op\":\"claim\",\"line\":\"x\",\"on_disconnect\":0}");
	ck_assert_int_eq(loop_set_deadline(&rig.daemon.loop, &user->pause, UINT64_MAX - 1), 0);
	client_send(&owner, "{\"op\":\"unclaim\",\"line\":\"x\"}");
	client_done(&owner);
	rig_settle();
	ck_assert_ptr_nonnull(x->claim);
	ck_assert_uint_le(peer->end.at_ns, clock_now_ns() + SECOND / 20);
	expire_late(&peer->end, 0);
	ck_assert_ptr_null(x->claim);
	ck_assert_uint_eq(x->value, 0);
	loop_clear_deadline(&rig.daemon.loop, &user->pause);
}
END_TEST

START_TEST(a_write_at_the_end_that_fails_is_told_and_the_claim_ends)
{
	ask(&owner, "{\"op\":\"claim\",\"line\":\"brake\"}");
	ask(&other, "{\"op\":\"subscribe\",\"line\":\"brake\"}");
	set_fails = true;
	client_done(&owner);
	rig_settle();
	client_read(&other);
	ck_assert(has_in(other.in, "\"cause\":\"disconnect\",\"by\":{"));
	ck_assert(has_in(other.in, "\"error\":{\"code\":"));
	ck_assert(
		has_in(other.in, "\"change\":\"unclaimed\",\"value\":0,\"reason\":\"disconnect\""));
	ck_assert_ptr_null(brake->claim);
}
END_TEST

/* Asks with the nth allocation failing: the connection is dropped, or the reply says so. True: it
 * was done all the same. */
static bool ask_with_failure(const char *request, unsigned n)
{
	struct client client;
	bool done;

	client_connect(&client);
	rig_fail_allocation(n);
	client_send(&client, "%s", request);
	rig_settle();
	rig_fail_allocation(0);
	client_read(&client);
	done = has_in(client.in, "\"ok\":true");
	ck_assert_msg(done || client.ended || has_in(client.in, "\"internal\""), "%s", client.in);
	ck_assert(done || rig_has_failed());
	client_done(&client);
	return done;
}

START_TEST(a_claim_for_which_memory_is_short_is_none)
{
	unsigned n = 1;

	ask(&other, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
	client_clear(&other);
	for (; !ask_with_failure(
		     "{\"op\":\"claim\",\"lines\":[\"x\",\"y\",\"z\"],\"ttl\":\"1h\"}", n);
		n++) {
		rig_settle();
		for (unsigned i = 10; i < 13; i++)
			ck_assert_ptr_null(rig.daemon.lines.v[i]->claim);
		ck_assert_uint_eq(records(KEPT_CLAIM), 0);
		ck_assert_uint_lt(n, 50);
	}
	ck_assert_uint_gt(n, 4); /* the three claims and the watch among them */
}
END_TEST

START_TEST(a_limit_has_its_record_as_long_as_the_line_is_on)
{
	ck_assert_uint_eq(records(KEPT_ON_TIME), 0);
	ask(&owner, "{\"op\":\"set\",\"lines\":[\"motor\",\"y\"],\"value\":1}");
	ck_assert_uint_eq(records(KEPT_ON_TIME), 1);
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	ck_assert_uint_eq(records(KEPT_ON_TIME), 1);
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":0}");
	ck_assert_uint_eq(records(KEPT_ON_TIME), 0);
}
END_TEST

START_TEST(a_line_that_could_not_go_on_has_no_limit)
{
	set_fails = true;
	client_ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	ck_assert(!deadline_is_set(&motor->on_time.deadline));
	ck_assert_uint_eq(records(KEPT_ON_TIME), 0);
	set_fails = false;
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	set_fails = true;
	client_ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	ck_assert(deadline_is_set(&motor->on_time.deadline));
	client_ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":0}");
	ck_assert(deadline_is_set(&motor->on_time.deadline));
}
END_TEST

START_TEST(what_cannot_be_switched_off_is_tried_again_and_again)
{
	ask(&other, "{\"op\":\"subscribe\",\"line\":\"motor\"}");
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	set_fails = true;
	for (int i = 0; i < 3; i++) {
		client_clear(&other);
		expire_late(&motor->on_time.deadline, 0);
		client_read(&other);
		ck_assert(has_in(other.in, "\"cause\":\"max-on\",\"error\":{"));
		ck_assert_uint_eq(motor->value, 1);
	}
	set_fails = false;
	expire_late(&motor->on_time.deadline, 0);
	ck_assert_uint_eq(motor->value, 0);
	ck_assert(!deadline_is_set(&motor->on_time.deadline));
}
END_TEST

START_TEST(a_limit_that_cannot_be_enforced_lets_nothing_go_on)
{
	static const char on[] = "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}";
	struct heap *deadlines = &rig.daemon.loop.deadlines;
	bool refused = false;

	deadlines->allocated = deadlines->n;
	for (unsigned n = 1; n < 20; n++) {
		if (ask_with_failure(on, n)) {
			ck_assert_uint_eq(motor->value, 1);
			ck_assert(deadline_is_set(&motor->on_time.deadline));
			ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":0}");
		} else if (motor->value == 0) {
			refused = true;
		} else {
			ck_assert(deadline_is_set(&motor->on_time.deadline));
			ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":0}");
		}
		deadlines->allocated = deadlines->n;
	}
	ck_assert(refused);
}
END_TEST

START_TEST(the_shortest_limit_counts_and_a_longer_one_gives_no_more)
{
	uint64_t at_ns;

	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	at_ns = motor->on_time.deadline.at_ns;
	ck_assert_uint_eq(at_ns, motor->on_time.since_ns + 3600 * SECOND);
	ask(&owner, "{\"op\":\"claim\",\"line\":\"motor\",\"max_on\":\"1min\"}");
	ck_assert_uint_eq(motor->on_time.deadline.at_ns, motor->claim->since_ns + 60 * SECOND);
	at_ns = motor->on_time.deadline.at_ns;
	ask(&owner, "{\"op\":\"claim\",\"line\":\"motor\",\"max_on\":\"10min\"}");
	ck_assert_uint_eq(motor->on_time.deadline.at_ns, at_ns);
	ask(&owner, "{\"op\":\"unclaim\",\"line\":\"motor\"}");
	ck_assert_uint_eq(motor->on_time.deadline.at_ns, at_ns);
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":0}");
	ask(&owner, "{\"op\":\"set\",\"line\":\"motor\",\"value\":1}");
	ck_assert_uint_eq(motor->on_time.deadline.at_ns, motor->on_time.since_ns + 3600 * SECOND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("claim");
	TCase *tcase = tcase_create("claim");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, a_request_puts_the_end_off_to_the_ttl_after_it);
	tcase_add_test(tcase, a_holder_whose_request_waits_is_given_a_moment);
	tcase_add_test(tcase, claims_of_one_request_end_together_and_what_goes_off_first);
	tcase_add_test(tcase, of_a_holder_that_leaves_what_goes_off_goes_first);
	tcase_add_test(tcase, a_dead_holder_waits_for_nobody);
	tcase_add_test(tcase, a_write_at_the_end_that_fails_is_told_and_the_claim_ends);
	tcase_add_test(tcase, a_claim_for_which_memory_is_short_is_none);
	tcase_add_test(tcase, a_limit_has_its_record_as_long_as_the_line_is_on);
	tcase_add_test(tcase, a_line_that_could_not_go_on_has_no_limit);
	tcase_add_test(tcase, what_cannot_be_switched_off_is_tried_again_and_again);
	tcase_add_test(tcase, a_limit_that_cannot_be_enforced_lets_nothing_go_on);
	tcase_add_test(tcase, the_shortest_limit_counts_and_a_longer_one_gives_no_more);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
