/* SPDX-License-Identifier: MIT */

/* How bytes become requests, in whatever portions and rounds they come. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "rig.h"

#define PING  "{\"op\":\"ping\"}"
#define LINES "{\"op\":\"lines\"}"

static struct client client, other;

static void start(void)
{
	rig_start(NULL);
	client_connect(&client);
	client_connect(&other);
}

static void stop(void)
{
	client_done(&client);
	client_done(&other);
	rig_stop();
}

static void put(const char *bytes, size_t n)
{
	ck_assert_int_eq(send(client.fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT), (ssize_t)n);
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

/* The same text so often, in one write. */
static void put_times(unsigned n, const char *text)
{
	static char joined[65536];
	size_t length = 0;

	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_lt(length + strlen(text), sizeof(joined));
		length += (size_t)sprintf(joined + length, "%s", text);
	}
	put(joined, length);
}

static void end_input(void)
{
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
}

static unsigned n_lines(const struct client *from)
{
	unsigned n = 0;

	for (size_t i = 0; i < from->n; i++)
		n += from->in[i] == '\n';
	return n;
}

/* Everything has been answered, by so many replies. */
static void expect_replies(unsigned n)
{
	rig_settle();
	client_read(&client);
	ck_assert_uint_eq(n_lines(&client), n);
}

static void expect_end(void)
{
	client_read(&client);
	ck_assert(client.ended);
	ck_assert_ptr_eq(rig.daemon.server.peers.next, rig.daemon.server.peers.prev);
}

START_TEST(requests_may_be_cut_at_each_byte)
{
	static const char text[] = "{\"op\":\"ping\",\"id\":\"\xc3\xa4\"}\n"
				   "{\"op\":\"get\",\"line\":\"x\",\"id\":2}\n";
	const size_t n = strlen(text), first = strcspn(text, "\n") + 1;

	for (size_t at = 0; at <= n; at++) {
		put(text, at);
		rig_settle();
		/* What is not a whole line yet is all that is kept. */
		ck_assert_uint_eq(client.peer->in_n, at < first ? at : at < n ? at - first : 0);
		put(text + at, n - at);
		expect_replies(2);
		ck_assert(has_in(client.in, "\"id\":\"\xc3\xa4\",\"ok\":true"));
		ck_assert(has_in(client.in, "\"id\":2,\"ok\":true"));
		ck_assert_ptr_null(client.peer->in);
		client_clear(&client);
	}
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte)
{
	for (const char *p = PING "\n"; *p; p++) {
		expect_replies(0);
		put(p, 1);
	}
	expect_replies(1);
}
END_TEST

/* Lengths with the newline, which may be missing at the end of the input. */

static char long_line[WIRE_MAX_LINE_BYTES + 2];

static void make_line(size_t n)
{
	memset(long_line, ' ', n);
	memcpy(long_line, PING, strlen(PING));
	long_line[n - 1] = '\n';
}

static const struct {
	size_t n;
	bool taken;
} lengths[] = {
	{ 65535, true },
	{ 65536, true },
	{ 65537, false },
};

static void expect_taken_or_the_end(bool taken)
{
	expect_replies(1);
	if (taken) {
		ck_assert(has_in(client.in, "\"ok\":true"));
		put_text(PING "\n");
		expect_replies(2);
		return;
	}
	ck_assert_msg(
		has_in(client.in, "\"id\":null,\"ok\":false,\"error\":{\"code\":\"too-long\""),
		"%s", client.in);
	expect_end();
}

START_TEST(a_line_has_at_most_64_kib)
{
	make_line(lengths[_i].n);
	put(long_line, lengths[_i].n);
	expect_taken_or_the_end(lengths[_i].taken);
}
END_TEST

static const size_t portions[] = { 1, 4096, 32768, 65534, 65535 };

START_TEST(a_line_in_two_portions_has_at_most_64_kib)
{
	const size_t n = lengths[_i % 3].n, portion = portions[_i / 3];

	if (portion >= n)
		return;
	make_line(n);
	put(long_line, portion);
	expect_replies(0);
	put(long_line + portion, n - portion);
	expect_taken_or_the_end(lengths[_i % 3].taken);
}
END_TEST

START_TEST(a_line_without_an_end_is_refused_when_it_is_too_long)
{
	make_line(65537);
	put(long_line, 65535);
	expect_replies(0);
	put(long_line + 65535, 1);
	expect_taken_or_the_end(false);
}
END_TEST

START_TEST(the_last_line_needs_no_newline_and_has_at_most_64_kib)
{
	make_line(lengths[_i].n);
	put(long_line, lengths[_i].n - 1);
	end_input();
	expect_replies(1);
	ck_assert_int_eq(has_in(client.in, "\"ok\":true"), lengths[_i].taken);
	expect_end();
}
END_TEST

START_TEST(nothing_behind_a_line_that_is_too_long_is_run)
{
	make_line(65537);
	put_text(PING "\n");
	put(long_line, 65537);
	put_text(PING "\n" PING "\n");
	expect_replies(2);
	expect_end();
}
END_TEST

/* Rounds. */

START_TEST(a_round_runs_64_requests_of_a_connection_at_most)
{
	unsigned rounds = 0;

	put_times(200, PING "\n");
	while (client_read(&client), n_lines(&client) < 200) {
		const unsigned before = n_lines(&client);

		rig_wait();
		client_read(&client);
		ck_assert_uint_gt(n_lines(&client), before);
		ck_assert_uint_le(n_lines(&client), before + 64);
		rounds++;
	}
	ck_assert_uint_ge(rounds, 4);
	expect_replies(200);
}
END_TEST

/* All clients together have their time in a round; who had no turn comes first in the next. */
START_TEST(a_connection_with_many_requests_delays_no_other)
{
	int rounds = 0;

	put_times(1000, PING "\n");
	rig_wait();
	client_send(&other, PING);
	for (client_read(&other); other.n == 0; client_read(&other)) {
		ck_assert_int_lt(rounds++, 2);
		rig_wait();
	}
	client_read(&client);
	ck_assert_uint_le(n_lines(&client), 3 * 64);
	expect_replies(1000);
}
END_TEST

/* One write fills the reading buffer and more, and is cut somewhere in a line. */
START_TEST(more_than_one_read_takes_is_run_in_order)
{
	static char text[180000];
	size_t n = 0;
	unsigned lines = 0;
	char *rest;

	while (n < sizeof(text) - 200)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"{\"op\":\"ping\",\"id\":%u%100s}\n", lines++, "");
	ck_assert_uint_gt(n, 131072);
	put(text, n);
	expect_replies(lines);
	rest = client.in;
	for (unsigned i = 0; i < lines; i++)
		ck_assert_uint_eq(number_in(next_line(&rest), "id"), i);
}
END_TEST

/* Lines without a request. */

START_TEST(blank_lines_are_no_requests)
{
	put_text("\n\n \n\t\n \r\n\r\n" PING "\n\n  \n");
	expect_replies(1);
	ck_assert_uint_eq(client.peer->in_n, 0);
	ck_assert_uint_eq(rig.daemon.stats.requests, 1);
}
END_TEST

static const char *const blanks[] = { "", "\n", " ", "\t \r", "\n\n " };

START_TEST(a_blank_last_line_is_just_the_end)
{
	put_text(PING "\n");
	put_text(blanks[_i]);
	end_input();
	expect_replies(1);
	expect_end();
}
END_TEST

/* The last line. */

START_TEST(the_last_line_runs_after_all_before_it)
{
	put_times(200, PING "\n");
	put_text("{\"op\":\"ping\",\"id\":\"last\"}");
	end_input();
	expect_replies(201);
	ck_assert(has_in(memrchr(client.in, '{', client.n), "\"id\":\"last\""));
	expect_end();
}
END_TEST

START_TEST(the_last_line_waits_for_its_end)
{
	put_text(PING);
	expect_replies(0);
	ck_assert_uint_eq(client.peer->in_n, strlen(PING));
	end_input();
	expect_replies(1);
	expect_end();
}
END_TEST

/* Who does not read its replies is not read from, and loses nothing by it. */
START_TEST(requests_wait_while_replies_do_and_then_run_once)
{
	client.budget = 0;
	put_times(100, LINES "\n");
	put_text("{\"op\":\"ping\",\"id\":\"last\"}");
	end_input();
	rig_settle();
	ck_assert(peer_must_wait(client.peer));
	/* Half of the bound, and the reply that went beyond it. */
	ck_assert_uint_le(client.peer->out_n - client.peer->out_sent, 131072 + 65536);
	ck_assert_uint_le(client.peer->in_size, 131072);

	client.budget = SIZE_MAX;
	for (int reads = 0; !client.ended; reads++) {
		ck_assert_int_lt(reads, 101);
		rig_settle();
		client_read(&client);
	}
	ck_assert_uint_eq(n_lines(&client), 101);
	ck_assert_uint_eq(rig.daemon.stats.requests, 101);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("peer_in");
	TCase *tcase = tcase_create("peer_in");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, requests_may_be_cut_at_each_byte);
	tcase_add_test(tcase, a_request_may_come_byte_by_byte);
	tcase_add_loop_test(tcase, a_line_has_at_most_64_kib, 0, COUNT(lengths));
	tcase_add_loop_test(tcase, a_line_in_two_portions_has_at_most_64_kib, 0,
		COUNT(lengths) * COUNT(portions));
	tcase_add_test(tcase, a_line_without_an_end_is_refused_when_it_is_too_long);
	tcase_add_loop_test(
		tcase, the_last_line_needs_no_newline_and_has_at_most_64_kib, 0, COUNT(lengths));
	tcase_add_test(tcase, nothing_behind_a_line_that_is_too_long_is_run);
	tcase_add_test(tcase, a_round_runs_64_requests_of_a_connection_at_most);
	tcase_add_test(tcase, a_connection_with_many_requests_delays_no_other);
	tcase_add_test(tcase, more_than_one_read_takes_is_run_in_order);
	tcase_add_test(tcase, blank_lines_are_no_requests);
	tcase_add_loop_test(tcase, a_blank_last_line_is_just_the_end, 0, COUNT(blanks));
	tcase_add_test(tcase, the_last_line_runs_after_all_before_it);
	tcase_add_test(tcase, the_last_line_waits_for_its_end);
	tcase_add_test(tcase, requests_wait_while_replies_do_and_then_run_once);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
