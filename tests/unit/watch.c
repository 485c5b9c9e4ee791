/* SPDX-License-Identifier: MIT */

/*
 * What a reader is told when the log has overtaken it, or when it comes back: compared with one
 * that asked the same and was told everything.
 */

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "rig.h"
#include "watch.h"

#define MS	UINT64_C(1000000)
#define N_LINES 5 /* a, b, c, x, y */

static struct client quick, slow, observer, writer;
static bool level[RIG_FEEDS];

static void start(void)
{
	rig_start(NULL);
	memset(level, 0, sizeof(level));
	client_connect(&quick);
	client_connect(&slow);
	client_connect(&observer);
	client_connect(&writer);
	client_ask(&observer, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
}

static void stop(void)
{
	client_done(&quick);
	client_done(&slow);
	client_done(&observer);
	client_done(&writer);
	rig_stop();
}

static void settle(void)
{
	rig_settle();
	client_read(&quick);
	client_read(&slow);
	client_read(&observer);
	client_clear(&writer);
}

/* Some of anything, in one round. */
static void happen(void)
{
	for (int n = 1 + rand() % 20; n > 0; n--) {
		unsigned feed = (unsigned)rand() % RIG_FEEDS;

		if (rand() % 20 == 0)
			rig_skip(feed, 1 + (uint32_t)rand() % 4);
		level[feed] = !level[feed];
		rig_edge(feed, level[feed], 1 + (uint64_t)rand() % MS);
	}
	if (rand() % 3 == 0)
		client_send(&writer, "{\"op\":\"toggle\",\"line\":\"%c\"}", 'x' + rand() % 2);
	settle();
}

/* A stream, taken apart: events by number, replies in their order. */

#define EVENTS_MAX 20000

struct stream {
	char *rest;
	char *events[EVENTS_MAX], *replies[1000];
	size_t n_events, n_replies;
};

static struct stream told, got, all;

static void take_apart(struct client *client, struct stream *stream)
{
	uint64_t last = 0;
	char *line;

	stream->rest = client->in;
	stream->n_events = stream->n_replies = 0;
	while ((line = next_line(&stream->rest))) {
		if (has_in(line, "\"ok\":"))
			stream->replies[stream->n_replies++] = line;
		else
			stream->events[stream->n_events++] = line;
		/* Whatever it is, numbers never go back. */
		if (has_in(line, "\"seq\":")) {
			ck_assert_uint_ge(number_in(line, "seq"), last);
			last = number_in(line, "seq");
		}
	}
	ck_assert_uint_lt(stream->n_events, EVENTS_MAX);
}

static const char *const line_names[N_LINES] = { "a", "b", "c", "x", "y" };

static bool is_of(const char *event, int line)
{
	char text[32];

	snprintf(text, sizeof(text), "\"line\":\"%s\"", line_names[line]);
	return has_in(event, text);
}

static uint64_t value_in(const char *event, int line)
{
	return number_in(event, has_in(event, "\"values\"") ? line_names[line] : "value");
}

/* The value that the observer knows of the line at that number. */
static uint64_t value_at(int line, uint64_t seq)
{
	uint64_t value = 0;

	for (size_t i = 0; i < all.n_events && number_in(all.events[i], "seq") <= seq; i++)
		if (is_of(all.events[i], line))
			value = value_in(all.events[i], line);
	return value;
}

/* What `lost` says against what was told to the other reader in its place. Returns where that goes
 * on. */
static size_t check_loss(const char *lost, size_t at, bool same_filter)
{
	const uint64_t from = number_in(lost, "from"), to = number_in(lost, "to");
	const char *values = strstr(lost, "\"values\":");
	bool affected[N_LINES] = { false }, known = true;
	uint64_t count = 0;

	ck_assert(has_in(lost, "slow-reader"));
	ck_assert_uint_eq(number_in(lost, "seq"), to);
	for (; at < told.n_events && number_in(told.events[at], "seq") <= to; at++) {
		const char *event = told.events[at];

		ck_assert_uint_ge(number_in(event, "seq"), from);
		if (!has_in(event, "\"lost\""))
			count++;
		else if (has_in(event, "\"count\""))
			count += number_in(event, "count");
		else
			known = false;
		for (int line = 0; line < N_LINES; line++)
			affected[line] |= is_of(event, line);
	}
	ck_assert_int_eq(has_in(lost, "\"count\""), known);
	if (known)
		ck_assert_uint_eq(number_in(lost, "count"), count);

	for (int line = 0; line < N_LINES; line++) {
		char key[8];

		snprintf(key, sizeof(key), "\"%s\":", line_names[line]);
		if (same_filter)
			ck_assert_int_eq(has_in(values, key), affected[line]);
		if (has_in(values, key))
			ck_assert_uint_eq(number_in(values, line_names[line]), value_at(line, to));
	}
	return at;
}

static unsigned losses;

static void compare(bool same_filter)
{
	size_t at = 0;

	client_read(&observer);
	take_apart(&observer, &all);
	take_apart(&quick, &told);
	take_apart(&slow, &got);
	for (size_t i = 0; i < got.n_events; i++) {
		if (has_in(got.events[i], "slow-reader")) {
			at = check_loss(got.events[i], at, same_filter);
			losses++;
			continue;
		}
		ck_assert_uint_lt(at, told.n_events);
		ck_assert_str_eq(got.events[i], told.events[at]);
		at++;
	}
	ck_assert_uint_eq(at, told.n_events);
	ck_assert_uint_eq(got.n_replies, told.n_replies);
	for (size_t i = 0; i < got.n_replies; i++)
		ck_assert_str_eq(got.replies[i], told.replies[i]);
}

static const char *const filters[] = {
	"{\"op\":\"subscribe\",\"lines\":[\"a\",\"b\",\"c\",\"x\",\"y\"]}",
	"{\"op\":\"subscribe\",\"lines\":\"*\"}",
	"{\"op\":\"subscribe\",\"line\":\"a\",\"edges\":\"rising\"}",
	"{\"op\":\"subscribe\",\"lines\":[\"b\",\"x\"],\"edges\":\"falling\"}",
	"{\"op\":\"subscribe\",\"lines\":\"*\",\"events\":[\"output\"]}",
	"{\"op\":\"subscribe\",\"lines\":[\"a\",\"b\"],\"events\":[\"edge\"]}",
	"{\"op\":\"subscribe\",\"lines\":\"*\",\"events\":[\"line\"]}",
	"{\"op\":\"unsubscribe\",\"lines\":\"*\"}",
	"{\"op\":\"unsubscribe\",\"lines\":[\"a\",\"b\",\"c\"]}",
};

#define N_FILTERS   ((int)(sizeof(filters) / sizeof(filters[0])))
#define N_SUBSCRIBE 7 /* of them */

static void ask_both(const char *request)
{
	client_send(&quick, "%s", request);
	client_send(&slow, "%s", request);
	settle();
}

START_TEST(an_overtaken_reader_is_told_what_its_filter_lost)
{
	srand((unsigned)_i);
	losses = 0;
	ask_both(filters[_i % N_SUBSCRIBE]);
	slow.budget = 0;
	for (int i = 0; i < 150; i++) {
		happen();
		if (rand() % 10 == 0) {
			slow.budget = (size_t)rand() % 2000;
			settle();
		}
	}
	slow.budget = SIZE_MAX;
	settle();
	compare(true);
	if (_i % N_SUBSCRIBE < 2)
		ck_assert_uint_gt(losses, 0);
}
END_TEST

START_TEST(each_part_of_a_loss_is_counted_by_the_filter_of_its_time)
{
	srand((unsigned)_i);
	losses = 0;
	ask_both(filters[0]);
	for (int part = 0; part < 10; part++) {
		slow.budget = 0;
		for (int i = 0; i < 5; i++) {
			for (int n = rand() % 15; n > 0; n--)
				happen();
			ask_both(filters[rand() % N_FILTERS]);
		}
		slow.budget = rand() % 2 ? SIZE_MAX : (size_t)rand() % 3000;
		settle();
		slow.budget = SIZE_MAX;
		settle();
	}
	compare(false);
	ck_assert_uint_gt(losses, 0);
}
END_TEST

/* Coming back. */

static const char *const resumes[] = {
	"\"lines\":\"*\"",
	"\"lines\":[\"a\",\"b\"]",
	"\"line\":\"a\",\"edges\":\"rising\"",
	"\"lines\":\"*\",\"events\":[\"output\"]",
	"\"lines\":[\"a\",\"b\",\"c\"],\"lockout\":\"2ms\"",
};

#define N_RESUMES (sizeof(resumes) / sizeof(resumes[0]))

static bool would_pass(size_t resume, const char *event)
{
	if (has_in(event, "\"lost\""))
		return resume == 0 || resume == 3 || is_of(event, 0) ||
		       (is_of(event, 1) && resume != 2) || (is_of(event, 2) && resume == 4);
	switch (resume) {
	case 0:
		return true;
	case 1:
		return is_of(event, 0) || is_of(event, 1);
	case 2:
		return is_of(event, 0) && !has_in(event, "\"falling\"");
	case 3:
		return has_in(event, "\"output\"");
	default:
		return is_of(event, 0) || is_of(event, 1) || is_of(event, 2);
	}
}

/* What the observer was told of (since, until] that passes; UINT64_MAX: it cannot be counted. */
static uint64_t count_told(size_t resume, uint64_t since, uint64_t until)
{
	uint64_t count = 0;

	for (size_t i = 0; i < all.n_events; i++) {
		uint64_t seq = number_in(all.events[i], "seq");

		if (seq <= since || seq > until || !would_pass(resume, all.events[i]))
			continue;
		if (!has_in(all.events[i], "\"lost\""))
			count++;
		else if (has_in(all.events[i], "\"count\""))
			count += number_in(all.events[i], "count");
		else
			return UINT64_MAX;
	}
	return count;
}

static void check_resumed(struct client *client, size_t resume, uint64_t since)
{
	const struct log *log = &rig.daemon.log;
	const uint64_t evicted = since < log->tail - 1 ? log->tail - 1 : since;
	const uint64_t lost = count_told(resume, since, evicted);
	char *rest = client->in, *line = next_line(&rest);
	uint64_t replay;
	size_t n = 0;

	ck_assert_msg(has_in(line, "\"resumed\":true"), "%s", line);
	replay = number_in(line, "replay");
	while ((line = next_line(&rest))) {
		bool is_loss = has_in(line, "\"reason\":\"log\"");

		ck_assert_int_eq(is_loss, n == 0 && lost > 0);
		if (is_loss) {
			ck_assert_uint_eq(number_in(line, "from"), since + 1);
			ck_assert_uint_eq(number_in(line, "to"), evicted);
			/* The index remembers 1024 events, longer than the bytes are there. */
			ck_assert_int_eq(has_in(line, "\"count\""),
				lost != UINT64_MAX && since + 1 + 1024 > log->head);
			if (has_in(line, "\"count\""))
				ck_assert_uint_eq(number_in(line, "count"), lost);
		} else {
			ck_assert_uint_gt(number_in(line, "seq"), since);
		}
		n++;
	}
	ck_assert_uint_eq(n, replay);
}

START_TEST(a_replay_has_as_many_messages_as_it_says)
{
	uint64_t head, tail;

	srand((unsigned)_i);
	while (rig.daemon.log.head < 1600)
		happen();
	take_apart(&observer, &all);
	head = rig.daemon.log.head;
	tail = rig.daemon.log.tail;
	/* Every one about the oldest event, and some of the others. */
	for (uint64_t since = 8 + (uint64_t)_i; since <= head;
		since += since + 13 > tail && since < tail + 6 ? 1 : 7) {
		struct client client;

		client_connect(&client);
		client_send(&client,
			"{\"op\":\"subscribe\",\"instance\":\"%016" PRIx64 "\",\"since\":%" PRIu64
			",%s}",
			rig.daemon.log.instance, since, resumes[since % N_RESUMES]);
		rig_settle();
		client_read(&client);
		ck_assert_uint_eq(rig.daemon.log.head, head);
		check_resumed(&client, since % N_RESUMES, since);
		client_done(&client);
		rig_settle();
	}
}
END_TEST

/* A change that comes when as many are under way as there is room for waits, and is not lost. */
START_TEST(requests_wait_while_too_many_filters_are_under_way)
{
	char *rest, *line;
	unsigned replies = 0;

	client_ask(&slow, "{\"op\":\"subscribe\",\"line\":\"a\"}");
	slow.budget = 0;
	for (int i = 0; i < 30; i++) {
		rig_edge(0, level[0] = !level[0], MS);
		client_send(&slow, "{\"op\":\"subscribe\",\"line\":\"%s\"}", i % 2 ? "b" : "c");
		settle();
		ck_assert_uint_le(slow.peer->watch->n_filters, WATCH_FILTERS);
	}
	client_clear(&slow);
	slow.budget = SIZE_MAX;
	settle();
	for (rest = slow.in; (line = next_line(&rest));)
		replies += has_in(line, "\"ok\":true");
	ck_assert_uint_eq(replies, 30);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *tcase = tcase_create("watch");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, an_overtaken_reader_is_told_what_its_filter_lost, 0, 14);
	tcase_add_loop_test(tcase, each_part_of_a_loss_is_counted_by_the_filter_of_its_time, 0, 10);
	tcase_add_loop_test(tcase, a_replay_has_as_many_messages_as_it_says, 0, 3);
	tcase_add_test(tcase, requests_wait_while_too_many_filters_are_under_way);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
