/* SPDX-License-Identifier: MIT */

/* Interlocks, call by call: what goes off is written before what goes on, in as few calls as can
 * be, and a refusal makes none. */

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interlock.h"
#include "line.h"
#include "output.h"
#include "request.h"
#include "rig.h"

static struct client client;
static struct backend_ops ops;
static char calls[512];	    /* "a=0 b=1,c=0 ": a call between spaces */
static unsigned failing_at; /* this call fails; 0: none */
static unsigned n_calls;

static const struct request *request_of(const struct backend_request *backend)
{
	for (size_t id = 0; id < rig.daemon.lines.n; id++) {
		const struct request *request = rig.daemon.lines.v[id]->request;

		if (request && request->backend == backend)
			return request;
	}
	ck_abort();
	return NULL;
}

static int set(struct backend_request *backend, uint64_t mask, uint64_t bits)
{
	const struct request *request = request_of(backend);
	size_t n = strlen(calls);

	for (size_t i = 0; i < request->n; i++)
		if ((mask >> i) & 1)
			n += (size_t)snprintf(calls + n, sizeof(calls) - n, "%s=%u,",
				request->lines[i]->canonical, (unsigned)(bits >> i) & 1);
	calls[n - 1] = ' ';
	if (++n_calls == failing_at)
		return -EIO;
	return backend_sim.set(backend, mask, bits);
}

#define OUTPUT(name, gpio, group) \
	"[line " name "]\nline = " gpio "\ndirection = output\ngroup = " group "\n"

/* f and r exclude each other; so do a1 with b2, and b1 with a2, of two groups; and all of s, t, u.
 */
static const char configuration[] = "log-size = 64K\n" OUTPUT("f", "GPIO15", "")
	OUTPUT("r", "GPIO16", "") OUTPUT("a1", "GPIO17", "a") OUTPUT("a2", "GPIO18", "a")
		OUTPUT("b1", "GPIO19", "b") OUTPUT("b2", "GPIO20", "b") OUTPUT("s", "GPIO21", "")
			OUTPUT("t", "GPIO22", "")
				OUTPUT("u", "GPIO23", "") "[interlock one]\nlines = f r\n"
							  "[interlock two]\nlines = a1 b2\n"
							  "[interlock three]\nlines = b1 a2\n"
							  "[interlock four]\nlines = s t u\n"
							  "[interlock five]\nlines = u x\n";

static void start(void)
{
	rig_start(configuration);
	ops = backend_sim;
	ops.set = set;
	rig.daemon.ops = &ops;
	calls[0] = 0;
	n_calls = failing_at = 0;
	client_connect(&client);
}

static void stop(void)
{
	client_done(&client);
	rig_stop();
}

static const char *set_values(const char *values)
{
	calls[0] = 0;
	n_calls = 0;
	return client_ask(&client, "{\"op\":\"set\",\"values\":%s}", values);
}

static void accept(const char *values, const char *wanted)
{
	const char *reply = set_values(values);

	ck_assert_msg(has_in(reply, "\"ok\":true"), "%s", reply);
	ck_assert_str_eq(calls, wanted);
}

static void refuse(const char *values, const char *line, const char *on, const char *interlock)
{
	const char *reply = set_values(values);
	char wanted[200];

	ck_assert_msg(has_in(reply, "\"code\":\"conflict\""), "%s", reply);
	(void)snprintf(wanted, sizeof(wanted), "\"line\":\"%s\"", line);
	ck_assert_msg(has_in(reply, wanted), "%s", reply);
	(void)snprintf(wanted, sizeof(wanted), "\"interlock\":\"%s\",\"on\":\"%s\"", interlock, on);
	ck_assert_msg(has_in(reply, wanted), "%s", reply);
	ck_assert_str_eq(calls, "");
}

START_TEST(what_goes_off_is_written_before_what_goes_on)
{
	accept("{\"f\":1}", "f=1 ");
	accept("{\"r\":1,\"f\":0}", "f=0 r=1 ");
	accept("{\"r\":0,\"f\":1}", "r=0 f=1 ");
	accept("{\"x\":1,\"r\":1,\"y\":0,\"f\":0}", "f=0 x=1 r=1 y=0 ");
}
END_TEST

START_TEST(lines_without_an_interlock_are_written_in_their_order)
{
	accept("{\"y\":1,\"z\":0,\"r\":0,\"p\":1,\"f\":0,\"q\":1}", "y=1 z=0 r=0 p=1,q=1 f=0 ");
}
END_TEST

START_TEST(a_group_stays_one_call_where_that_can_be)
{
	accept("{\"a1\":1,\"a2\":1}", "a1=1,a2=1 ");
	/* All of a goes first, also what need not. */
	accept("{\"b1\":1,\"b2\":1,\"a2\":0,\"a1\":0}", "a1=0,a2=0 b1=1,b2=1 ");
	accept("{\"a1\":0,\"b2\":0,\"b1\":0}", "a1=0 b1=0,b2=0 ");
}
END_TEST

START_TEST(two_groups_that_wait_for_each_other_are_split)
{
	accept("{\"a1\":1,\"b1\":1}", "a1=1 b1=1 ");
	accept("{\"a1\":0,\"a2\":1,\"b1\":0,\"b2\":1}", "a1=0 b1=0 a2=1 b2=1 ");
}
END_TEST

START_TEST(a_refusal_writes_nothing_and_names_the_line_and_the_interlock)
{
	accept("{\"f\":1,\"s\":1}", "f=1 s=1 ");
	refuse("{\"x\":1,\"r\":1}", "r", "f", "one");
	refuse("{\"r\":1,\"f\":1}", "r", "f", "one");
	refuse("{\"t\":1}", "t", "s", "four");
	refuse("{\"s\":0,\"t\":1,\"u\":1}", "t", "u", "four");
	accept("{\"s\":0,\"x\":1}", "s=0 x=1 ");
	refuse("{\"u\":1}", "u", "x", "five");
	accept("{\"f\":1}", "f=1 ");
}
END_TEST

START_TEST(what_could_not_go_off_lets_nothing_go_on)
{
	const char *reply;

	accept("{\"f\":1}", "f=1 ");
	failing_at = 1;
	reply = set_values("{\"r\":1,\"f\":0}");
	ck_assert_msg(has_in(reply, "\"applied\":[]"), "%s", reply);
	ck_assert_str_eq(calls, "f=0 ");
	failing_at = 0;
	refuse("{\"r\":1}", "r", "f", "one");
}
END_TEST

static struct line *line_of(const char *name)
{
	for (size_t id = 0; id < rig.daemon.lines.n; id++)
		if (strcmp(rig.daemon.lines.v[id]->canonical, name) == 0)
			return rig.daemon.lines.v[id];
	ck_abort();
	return NULL;
}

/* As after a start with initial = keep. */
START_TEST(lines_that_are_found_on_together_all_go_off)
{
	accept("{\"s\":1,\"f\":1}", "s=1 f=1 ");
	line_of("t")->value = line_of("u")->value = 1;
	calls[0] = 0;
	interlocks_settle(&rig.daemon);
	ck_assert_str_eq(calls, "s=0 t=0 u=0 ");
	ck_assert_uint_eq(line_of("f")->value, 1);
	calls[0] = 0;
	interlocks_settle(&rig.daemon);
	ck_assert_str_eq(calls, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("interlock");
	TCase *tcase = tcase_create("interlock");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, what_goes_off_is_written_before_what_goes_on);
	tcase_add_test(tcase, lines_without_an_interlock_are_written_in_their_order);
	tcase_add_test(tcase, a_group_stays_one_call_where_that_can_be);
	tcase_add_test(tcase, two_groups_that_wait_for_each_other_are_split);
	tcase_add_test(tcase, a_refusal_writes_nothing_and_names_the_line_and_the_interlock);
	tcase_add_test(tcase, what_could_not_go_off_lets_nothing_go_on);
	tcase_add_test(tcase, lines_that_are_found_on_together_all_go_off);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
