/* SPDX-License-Identifier: MIT */

/* What a request makes of edges that do not fit to each other or to the level. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "request.h"
#include "rig.h"

#define SUBSCRIBE_ALL "{\"op\":\"subscribe\",\"lines\":\"*\",\"events\":\"edge\"}"

/* Further lines, not fed: a group of two, named against the order of
 * their offsets, and one of rising edges only. */
#define FURTHER_LINES                               \
	"log-size = 64K\n"                          \
	"[line i]\nline = GPIO21\ngroup = inputs\n" \
	"[line j]\nline = GPIO20\ngroup = inputs\n" \
	"[line r]\nline = GPIO22\nedges = rising\n"

static struct client client;
static struct backend_ops ops;
static char *rest; /* of what the client has received */

/* What the backend says of the lines' levels from now on, one string of bits a call, in the order
 * of offsets, NULL at the end; the last one stays. NULL: the truth. */
static const char *const *levels;
static int n_gets;

static const char *const always_1[] = { "1", NULL };
static const char *const twice_1[] = { "1", "1", "0", NULL };
static const char *const always_01[] = { "01", NULL };

static int get_levels(struct backend_request *request, uint64_t mask, uint64_t *ret_bits)
{
	uint64_t bits = 0;

	if (!levels)
		return backend_sim.get(request, mask, ret_bits);
	for (size_t i = 0; levels[0][i]; i++)
		bits |= (uint64_t)(levels[0][i] == '1') << i;
	if (levels[1])
		levels++;
	n_gets++;
	*ret_bits = bits & mask;
	return 0;
}

static void start(void)
{
	rig_start(FURTHER_LINES);
	ops = backend_sim;
	ops.get = get_levels;
	rig.daemon.ops = &ops;
	levels = NULL;
	n_gets = 0;
	client_connect(&client);
	client_ask(&client, SUBSCRIBE_ALL);
	client_clear(&client);
}

static void stop(void)
{
	client_done(&client);
	rig_stop();
}

static void simulate(unsigned offset, bool level)
{
	ck_assert_int_eq(backend_sim.simulate(rig.daemon.backend, 0, offset, level), 0);
}

/* Reads what the client has got. */
static void receive(void)
{
	rig_settle();
	client_read(&client);
	rest = client.in;
}

static void ask(const char *request)
{
	client_clear(&client);
	client_ask(&client, "%s", request);
	rest = client.in;
}

/* The next message received has each of the texts. */
#define expect(...) expect_texts((const char *const[]){ __VA_ARGS__, NULL })

static const char *expect_texts(const char *const *texts)
{
	char *line = next_line(&rest);

	ck_assert_msg(line != NULL, "nothing more came instead of %s", texts[0]);
	for (; *texts; texts++)
		ck_assert_msg(has_in(line, *texts), "no %s in %s", *texts, line);
	return line;
}

static void expect_edge(const char *line, const char *edge, unsigned line_seq)
{
	char name[32], seq[32];

	snprintf(name, sizeof(name), "\"line\":\"%s\"", line);
	snprintf(seq, sizeof(seq), "\"line_seq\":%u,", line_seq);
	expect("\"event\":\"edge\"", name, edge, seq);
}

static void expect_merged(const char *values)
{
	const char *line = expect("\"event\":\"lost\"", "\"reason\":\"merged\"", values);

	ck_assert_msg(!has_in(line, "\"count\""), "%s", line);
	ck_assert_uint_eq(number_in(line, "from"), number_in(line, "seq"));
	ck_assert_uint_eq(number_in(line, "to"), number_in(line, "seq"));
}

static void expect_end(void)
{
	ck_assert_str_eq(rest, "");
}

#define RISING	"\"edge\":\"rising\""
#define FALLING "\"edge\":\"falling\""

START_TEST(two_equal_edges_are_one_and_what_was_between_is_lost)
{
	rig_edge(0, true, 1000);
	rig_edge(0, true, 1000);
	rig_edge(0, false, 1000);
	rig_edge(0, false, 1000);
	receive();
	expect_edge("a", RISING, 1);
	expect_merged("\"values\":{\"a\":0}");
	expect_edge("a", RISING, 2);
	expect_edge("a", FALLING, 3);
	expect_merged("\"values\":{\"a\":1}");
	expect_edge("a", FALLING, 4);
	expect_end();
}
END_TEST

START_TEST(an_edge_to_the_value_that_a_line_has_from_the_start_follows_a_lost_one)
{
	rig_edge(1, false, 1000);
	receive();
	expect_merged("\"values\":{\"b\":1}");
	expect_edge("b", FALLING, 1);
	expect_end();
}
END_TEST

START_TEST(a_line_of_rising_edges_has_equal_ones_and_no_loss)
{
	for (int i = 0; i < 4; i++)
		simulate(22, !(i & 1));
	receive();
	expect_edge("r", RISING, 1);
	expect_edge("r", RISING, 2);
	expect_end();
}
END_TEST

START_TEST(an_edge_that_was_logged_before_is_ignored)
{
	rig_edge(0, true, 1000);
	receive();
	expect_edge("a", RISING, 1);
	client_clear(&client);
	rig.line_seqno[0]--;
	rig_edge(0, true, 1000);
	rig_edge(0, false, 1000);
	receive();
	expect_edge("a", FALLING, 2);
	expect_end();
}
END_TEST

/* Whatever states values: the loss stands before its reply. */
static const char *const snapshots[] = {
	"{\"op\":\"get\",\"line\":\"a\"}",
	"{\"op\":\"subscribe\",\"line\":\"a\"}",
	"{\"op\":\"lines\",\"line\":\"a\"}",
};

START_TEST(a_level_that_no_edge_explains_is_a_loss_before_the_reply)
{
	const char *reply;

	levels = always_1;
	ask(snapshots[_i]);
	ck_assert_int_eq(n_gets, 3);
	expect_merged("\"values\":{\"a\":1}");
	reply = expect("\"ok\":true", _i < 2 ? "\"values\":{\"a\":1}" : "\"value\":1");
	if (_i < 2)
		ck_assert_uint_eq(number_in(reply, "seq"), rig.daemon.log.head);
	expect_end();
	/* Once. */
	ask(snapshots[_i]);
	ck_assert_int_eq(n_gets, 4);
	expect("\"ok\":true");
	expect_end();
	/* The next edge fits to it. */
	client_clear(&client);
	rig_edge(0, false, 1000);
	receive();
	expect_edge("a", FALLING, 1);
	expect_end();
}
END_TEST

START_TEST(two_levels_that_differ_and_then_one_that_does_not_are_no_loss)
{
	levels = twice_1;
	ask(snapshots[_i]);
	ck_assert_int_eq(n_gets, 3);
	expect("\"ok\":true", _i < 2 ? "\"values\":{\"a\":0}" : "\"value\":0");
	expect_end();
}
END_TEST

static int get_while_an_edge_comes(
	struct backend_request *request, uint64_t mask, uint64_t *ret_bits)
{
	(void)request;
	if (n_gets++ == 0)
		rig_edge(0, true, 1000);
	*ret_bits = mask;
	return 0;
}

START_TEST(an_edge_that_comes_while_the_level_is_read_is_logged_before_the_reply)
{
	ops.get = get_while_an_edge_comes;
	ask(snapshots[_i]);
	ck_assert_int_eq(n_gets, 2);
	expect_edge("a", RISING, 1);
	expect("\"ok\":true", _i < 2 ? "\"values\":{\"a\":1}" : "\"value\":1");
	expect_end();
}
END_TEST

/* Who watches one edge only cannot know whether there was another. */
START_TEST(a_level_of_a_line_of_rising_edges_is_no_loss)
{
	simulate(22, true);
	simulate(22, false);
	ask("{\"op\":\"get\",\"line\":\"r\"}");
	expect_edge("r", RISING, 1);
	expect("\"values\":{\"r\":0}");
	expect_end();
}
END_TEST

START_TEST(edges_of_a_group_are_of_the_line_at_their_offset)
{
	simulate(21, true);
	simulate(20, true);
	simulate(20, false);
	simulate(21, false);
	simulate(20, true);
	receive();
	expect_edge("i", RISING, 1);
	expect_edge("j", RISING, 1);
	expect_edge("j", FALLING, 2);
	expect_edge("i", FALLING, 2);
	expect_edge("j", RISING, 3);
	expect_end();
	ask("{\"op\":\"get\",\"lines\":[\"i\",\"j\"]}");
	expect("\"values\":{\"i\":0,\"j\":1}");
	expect_end();
}
END_TEST

START_TEST(the_level_of_one_line_of_a_group_is_a_loss_of_that_line)
{
	levels = always_01;
	ask("{\"op\":\"get\",\"lines\":[\"i\",\"j\"]}");
	ck_assert_int_eq(n_gets, 4);
	expect_merged("\"values\":{\"i\":1}");
	expect("\"values\":{\"i\":1,\"j\":0}");
	expect_end();
}
END_TEST

int main(void)
{
	const int n_snapshots = sizeof(snapshots) / sizeof(*snapshots);
	Suite *suite = suite_create("request");
	TCase *tcase = tcase_create("merged");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, two_equal_edges_are_one_and_what_was_between_is_lost);
	tcase_add_test(
		tcase, an_edge_to_the_value_that_a_line_has_from_the_start_follows_a_lost_one);
	tcase_add_test(tcase, a_line_of_rising_edges_has_equal_ones_and_no_loss);
	tcase_add_test(tcase, an_edge_that_was_logged_before_is_ignored);
	tcase_add_loop_test(
		tcase, a_level_that_no_edge_explains_is_a_loss_before_the_reply, 0, n_snapshots);
	tcase_add_loop_test(tcase, two_levels_that_differ_and_then_one_that_does_not_are_no_loss, 0,
		n_snapshots);
	tcase_add_loop_test(tcase,
		an_edge_that_comes_while_the_level_is_read_is_logged_before_the_reply, 0,
		n_snapshots);
	tcase_add_test(tcase, a_level_of_a_line_of_rising_edges_is_no_loss);
	tcase_add_test(tcase, edges_of_a_group_are_of_the_line_at_their_offset);
	tcase_add_test(tcase, the_level_of_one_line_of_a_group_is_a_loss_of_that_line);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
