/* SPDX-License-Identifier: MIT */

/* Each kind of event byte for byte as the protocol's examples have it, and with the largest numbers
 * and the longest names within the bound of an event. */

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "clock.h"
#include "event.h"
#include "line.h"
#include "output.h"
#include "peer.h"
#include "rig.h"
#include "use.h"

/* The examples of the protocol by the event's name. */
#define WIRE_EVENT_EXAMPLE(name, event) static const char example_##name[] = event "\n";
#include "wire.def"

#define QUOTES_32 "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
#define QUOTES_64 QUOTES_32 QUOTES_32

static struct line *button, *led;
static const struct peer_id lift = { .client = "lift", .peer = 3, .pid = 411, .uid = 1000 };
/* Each byte of the name takes two. */
static const struct peer_id longest = {
	.client = QUOTES_64, .peer = UINT32_MAX, .pid = INT32_MAX, .uid = UINT32_MAX
};

static void start(void)
{
	rig_start("log-size = 64K\n"
		  "[line button]\nline = GPIO20\n"
		  "[line led]\nline = GPIO21\ndirection = output\n");
	button = rig.daemon.lines.v[20];
	led = rig.daemon.lines.v[21];
}

static void stop(void)
{
	rig_stop();
}

/* The next event has number seq; what there was is forgotten. */
static void next_is(uint64_t seq)
{
	struct log *log = &rig.daemon.log;

	log->head = seq - 1;
	log->tail = seq;
	log->tail_offset = log->head_offset;
}

/* What turns the timestamp of the examples into their realtime. */
static void set_realtime(uint64_t timestamp_ns, uint64_t realtime_us)
{
	rig.daemon.realtime_offset_ns = (int64_t)(realtime_us * 1000 - timestamp_ns);
}

/* The newest event, NUL-terminated. */
static const char *newest(void)
{
	static char text[WIRE_MAX_EVENT_BYTES + 1];
	const struct log *log = &rig.daemon.log;
	const struct log_entry *entry = log_at(log, log->head);

	ck_assert_uint_eq(entry->seq, log->head);
	ck_assert_uint_le(entry->length, WIRE_MAX_EVENT_BYTES);
	memcpy(text, log_bytes(log, entry), entry->length);
	text[entry->length] = 0;
	ck_assert_uint_eq(strlen(text), entry->length);
	ck_assert_int_eq(text[entry->length - 1], '\n');
	return text;
}

/* The newest event has these bytes, and then the two times, which are those of now. */
static void expect_now(const char *bytes, size_t n, uint64_t before_ns)
{
	char text[WIRE_MAX_EVENT_BYTES + 1];
	const char *event = newest();
	const uint64_t now_ns = number_in(event, "timestamp_ns");

	ck_assert_uint_ge(now_ns, before_ns);
	ck_assert_uint_le(now_ns, clock_now_ns());
	snprintf(text, sizeof(text),
		"%.*s,\"timestamp_ns\":%" PRIu64 ",\"realtime_us\":%" PRIu64 "}\n", (int)n, bytes,
		now_ns, (now_ns + (uint64_t)rig.daemon.realtime_offset_ns) / 1000);
	ck_assert_str_eq(event, text);
}

/* As the example but for its times. */
static void expect_example(const char *example, uint64_t before_ns)
{
	const char *times = strstr(example, ",\"timestamp_ns\"");

	expect_now(example, (size_t)(times - example), before_ns);
}

START_TEST(an_edge_is_as_in_the_example)
{
	set_realtime(81230000123, 1766231415123456);
	next_is(8123);
	button->line_seq = 16;
	event_edge(button, false, 5, 81230000123);
	ck_assert_str_eq(newest(), example_edge);
	ck_assert_uint_eq(button->line_seqno, 5);
	ck_assert_uint_eq(button->value, 0);

	event_edge(button, true, 6, 81230000123);
	ck_assert_str_eq(newest(),
		"{\"event\":\"edge\",\"seq\":8124,\"line\":\"button\",\"edge\":\"rising\","
		"\"value\":1,"
		"\"line_seq\":18,\"timestamp_ns\":81230000123,\"realtime_us\":1766231415123456}\n");
	ck_assert_uint_eq(button->value, 1);
}
END_TEST

START_TEST(the_largest_numbers_of_an_edge_are_exact)
{
	rig.daemon.realtime_offset_ns = 0;
	next_is(UINT64_MAX - 1000);
	button->line_seq = UINT64_MAX - 1;
	event_edge(button, true, UINT32_MAX, UINT64_MAX);
	ck_assert_str_eq(newest(),
		"{\"event\":\"edge\",\"seq\":18446744073709550615,\"line\":\"button\","
		"\"edge\":\"rising\",\"value\":1,\"line_seq\":18446744073709551615,"
		"\"timestamp_ns\":18446744073709551615,\"realtime_us\":18446744073709551}\n");
}
END_TEST

/* Beyond what a double has exactly. */
START_TEST(numbers_beyond_2_to_the_53_keep_their_last_digit)
{
	rig.daemon.realtime_offset_ns = 0;
	next_is((UINT64_C(1) << 53) + 1);
	button->line_seq = UINT64_C(1) << 53;
	event_edge(button, true, 1, (UINT64_C(1) << 53) + 1);
	ck_assert_str_eq(newest(),
		"{\"event\":\"edge\",\"seq\":9007199254740993,\"line\":\"button\","
		"\"edge\":\"rising\",\"value\":1,\"line_seq\":9007199254740993,"
		"\"timestamp_ns\":9007199254740993,\"realtime_us\":9007199254740}\n");
}
END_TEST

START_TEST(an_output_is_as_in_the_example)
{
	const uint64_t before_ns = clock_now_ns();

	next_is(8124);
	led->value = 1;
	event_output(led, "set", &lift);
	expect_example(example_output, before_ns);
}
END_TEST

START_TEST(an_output_of_the_daemon_itself_is_by_nobody)
{
	static const char text[] =
		"{\"event\":\"output\",\"seq\":8124,\"line\":\"led\",\"value\":0,"
		"\"cause\":\"revert\"";
	const struct peer_id nobody = { 0 };
	const uint64_t before_ns = clock_now_ns();

	led->value = 0;
	next_is(8124);
	event_output(led, "revert", NULL);
	expect_now(text, strlen(text), before_ns);
	next_is(8124);
	event_output(led, "revert", &nobody);
	expect_now(text, strlen(text), before_ns);
}
END_TEST

static const struct timer off = { .name = "off", .armed = 12, .notify = true };

START_TEST(a_timer_is_as_in_the_example)
{
	set_realtime(82230000123, 1766231416123456);
	next_is(8126);
	event_timer(&rig.daemon, &off, 1, 82230000123, NULL);
	ck_assert_str_eq(newest(), example_timer);
}
END_TEST

START_TEST(a_timer_says_its_tag_and_why_it_wrote_nothing)
{
	struct timer timer = off;
	struct wire_problem problem;

	timer.tag = (char[]){ "kitchen" };
	problem_set(&problem, WIRE_E_WRONG_DIRECTION, "led is an input");
	strcpy(problem.line, "led");
	set_realtime(82230000123, 1766231416123456);
	next_is(8126);
	event_timer(&rig.daemon, &timer, 3, 82230000123, &problem);
	ck_assert_str_eq(newest(),
		"{\"event\":\"timer\",\"seq\":8126,\"timer\":\"off\",\"armed\":12,\"expirations\":"
		"3,"
		"\"tag\":\"kitchen\",\"error\":{\"code\":\"wrong-direction\",\"line\":\"led\","
		"\"message\":\"led is an input\"},\"timestamp_ns\":82230000123,"
		"\"realtime_us\":1766231416123456}\n");

	problem_set(&problem, WIRE_E_INTERNAL, "memory is short");
	event_timer(&rig.daemon, &timer, 1, 82230000123, &problem);
	ck_assert(has_in(
		newest(), "\"error\":{\"code\":\"internal\",\"message\":\"memory is short\"}"));
}
END_TEST

/* 160 bytes of it, and no half of a character. */
START_TEST(a_long_message_is_cut_between_two_characters)
{
	char message[300], expected[300];
	struct wire_problem problem;

	memset(message, 'x', sizeof(message));
	strcpy(message + 159, "\xc3\xa4 and more");
	problem_set(&problem, WIRE_E_INTERNAL, "%s", message);
	event_timer(&rig.daemon, &off, 1, 1, &problem);
	snprintf(expected, sizeof(expected), "\"message\":\"%.159s\"}", message);
	ck_assert(has_in(newest(), expected));

	strcpy(message + 158, "\xc3\xa4 and more");
	problem_set(&problem, WIRE_E_INTERNAL, "%s", message);
	event_timer(&rig.daemon, &off, 1, 1, &problem);
	snprintf(expected, sizeof(expected), "\"message\":\"%.160s\"}", message);
	ck_assert(has_in(newest(), expected));
}
END_TEST

START_TEST(the_end_of_a_timer_is_as_in_the_example)
{
	const uint64_t before_ns = clock_now_ns();

	next_is(8127);
	event_timer_ended(&rig.daemon, &off, "disconnect");
	expect_example(example_timer_ended, before_ns);
}
END_TEST

START_TEST(a_loss_at_the_source_says_its_line_and_counts_its_edges)
{
	static const char text[] = "{\"event\":\"lost\",\"seq\":9031,\"reason\":\"kernel\","
				   "\"count\":412,\"from\":9031,\"to\":9031,\"line\":\"button\","
				   "\"values\":{\"button\":1}";
	const uint64_t before_ns = clock_now_ns();

	button->line_seq = 10;
	next_is(9031);
	event_lost(button, "kernel", 412, 1);
	expect_now(text, strlen(text), before_ns);
	ck_assert_uint_eq(button->line_seq, 422);
	ck_assert_uint_eq(button->value, 1);
}
END_TEST

START_TEST(a_loss_that_cannot_be_counted_has_no_count)
{
	static const char text[] = "{\"event\":\"lost\",\"seq\":9031,\"reason\":\"unplug\","
				   "\"from\":9031,\"to\":9031,\"line\":\"button\","
				   "\"values\":{\"button\":null}";
	const uint64_t before_ns = clock_now_ns();

	button->line_seq = 10;
	next_is(9031);
	event_lost(button, "unplug", LOG_COUNT_UNKNOWN, LOG_VALUE_NULL);
	expect_now(text, strlen(text), before_ns);
	ck_assert_uint_eq(button->line_seq, 10);
}
END_TEST

static bool write_button(struct jsonw *w, void *data)
{
	jsonw_member_u64(w, "button", 1);
	return *(bool *)data;
}

START_TEST(a_readers_own_loss_is_as_in_the_example)
{
	struct reader_loss loss = {
		.reason = "slow-reader", .count = 412, .from = 8440, .to = 9031
	};
	char text[512];
	bool all = true;
	size_t n = event_write_reader_loss(&loss, text, sizeof(text), write_button, &all);

	ck_assert_uint_eq(n, strlen(example_lost));
	ck_assert_mem_eq(text, example_lost, n);

	all = false;
	loss.count = LOG_COUNT_UNKNOWN;
	n = event_write_reader_loss(&loss, text, sizeof(text), write_button, &all);
	text[n] = 0;
	ck_assert_str_eq(text,
		"{\"event\":\"lost\",\"seq\":9031,\"reason\":\"slow-reader\",\"from\":8440,"
		"\"to\":9031,\"values\":{\"button\":1},\"truncated\":true}\n");
}
END_TEST

START_TEST(a_free_line_is_as_in_the_example)
{
	const uint64_t before_ns = clock_now_ns();

	next_is(9);
	event_line(rig.daemon.lines.v[23], "released");
	expect_example(example_line, before_ns);
}
END_TEST

START_TEST(a_held_line_says_its_settings)
{
	static const char text[] =
		"{\"event\":\"line\",\"seq\":9,\"line\":\"led\",\"change\":\"requested\","
		"\"value\":0,\"info\":{\"line\":\"led\",\"name\":\"GPIO21\",\"chip\":\"gpiochip0\","
		"\"label\":\"gpioeventd-sim\",\"offset\":21,\"configured\":true,\"held\":true,"
		"\"value\":0,\"direction\":\"output\",\"active_low\":false,\"bias\":\"as-is\","
		"\"drive\":\"push-pull\",\"users\":[]}";
	const uint64_t before_ns = clock_now_ns();

	next_is(9);
	event_line(led, "requested");
	expect_now(text, strlen(text), before_ns);
}
END_TEST

START_TEST(a_shutdown_is_as_in_the_example)
{
	const uint64_t before_ns = clock_now_ns();

	next_is(9032);
	event_shutdown(&rig.daemon);
	expect_example(example_shutdown, before_ns);
}
END_TEST

/* The longest names, of which each byte takes two, and numbers of 20 digits. */

static struct chip_info chip_info;

static void make_longest(struct line *line)
{
	rig.daemon.realtime_offset_ns = 0;
	next_is(UINT64_MAX - 1000);
	line->canonical = QUOTES_64;
	line->line_seq = UINT64_MAX - 1;
	memset(line->name, '"', sizeof(line->name) - 1);
	ck_assert_int_eq(event_prepare_line(line), 0);
	chip_info = line->chip->info;
	memset(line->chip->info.name, '"', sizeof(line->chip->info.name) - 1);
	memset(line->chip->info.label, '"', sizeof(line->chip->info.label) - 1);
}

/* It is whole: the braces outside of strings are balanced, and end with it. */
static const char *whole(void)
{
	const char *event = newest();
	bool in_string = false;
	int depth = 0;

	for (const char *p = event; *p != '\n'; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '"')
			in_string = !in_string;
		else if (!in_string)
			depth += (*p == '{') - (*p == '}');
		ck_assert(depth > 0 || p[1] == '\n');
	}
	ck_assert_int_eq(depth, 0);
	return event;
}

START_TEST(an_edge_of_the_longest_name_fits)
{
	make_longest(button);
	event_edge(button, false, UINT32_MAX, UINT64_MAX);
	ck_assert_uint_eq(number_in(whole(), "line_seq"), UINT64_MAX);
}
END_TEST

START_TEST(an_output_of_the_longest_names_fits)
{
	make_longest(led);
	event_output(led, "timer:" QUOTES_64, &longest);
	ck_assert_uint_eq(number_in(whole(), "uid"), UINT32_MAX);
}
END_TEST

START_TEST(a_failed_output_of_the_longest_names_fits)
{
	struct wire_problem problem;

	make_longest(led);
	problem_set(&problem, WIRE_E_WRONG_DIRECTION, "%s%s%s", QUOTES_64, QUOTES_64, QUOTES_64);
	event_output_failed(led, "disconnect", &longest, &problem);
	ck_assert(has_in(whole(), "\"code\":\"wrong-direction\""));
	led->value = LOG_VALUE_NULL;
	event_output_failed(led, "disconnect", &longest, &problem);
	ck_assert(has_in(whole(), "\"value\":null"));
}
END_TEST

START_TEST(a_loss_of_the_longest_name_fits)
{
	make_longest(button);
	event_lost(button, "kernel", UINT64_MAX - 1, LOG_VALUE_NULL);
	ck_assert_uint_eq(number_in(whole(), "count"), UINT64_MAX - 1);
}
END_TEST

/* With the message that the longest name gets: it quotes the request to send. */
START_TEST(a_timer_of_the_longest_names_fits)
{
	struct timer timer = {
		.name = QUOTES_64, .armed = UINT64_MAX, .tag = (char[]){ QUOTES_64 }
	};
	struct line *const line = rig.daemon.lines.v[23];
	const uint8_t value = 1;
	const struct output_write write = { .n = 1, .lines = &line, .values = &value };
	struct wire_problem problem = { 0 };

	make_longest(line);
	ck_assert_int_eq(output_check(&write, &problem), WIRE_E_NOT_REQUESTED);
	strcpy(problem.line, line->canonical);
	event_timer(&rig.daemon, &timer, UINT64_MAX, UINT64_MAX, &problem);
	ck_assert_uint_eq(number_in(whole(), "expirations"), UINT64_MAX);
	event_timer_ended(&rig.daemon, &timer, "disconnect");
	ck_assert_uint_eq(number_in(whole(), "armed"), UINT64_MAX);
}
END_TEST

#define N_USERS 10

/* Users of a line, by the side of the daemon's own book-keeping. */
static void use_line(struct line *line, const struct peer_id *id, struct use uses[static N_USERS])
{
	for (int i = 0; i < N_USERS; i++) {
		uses[i] = (struct use){ .line = line, .id = *id };
		list_append(&line->uses, &uses[i].line_link);
	}
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void event_line_used_by(struct line *line, const struct peer_id *id)
{
	struct use uses[N_USERS];

	use_line(line, id, uses);
	event_line(line, "reconfigured");
	for (int i = 0; i < N_USERS; i++)
		list_remove(&uses[i].line_link);
}

START_TEST(four_users_are_listed_and_the_others_counted)
{
	event_line_used_by(led, &lift);
	ck_assert_uint_eq(count(newest(), "\"client\":"), 4);
	ck_assert_uint_eq(number_in(newest(), "more_users"), 6);
}
END_TEST

START_TEST(users_of_long_names_are_listed_as_far_as_they_fit)
{
	struct line *lines[] = { button, led };
	unsigned listed;

	for (int i = 0; i < 2; i++) {
		make_longest(lines[i]);
		event_line_used_by(lines[i], &longest);
		lines[i]->chip->info = chip_info;
		listed = count(whole(), "\"peer\":");
		ck_assert_uint_lt(listed, 4);
		ck_assert_uint_eq(number_in(newest(), "more_users"), N_USERS - listed);
	}
}
END_TEST

/* A claim of the longest names, and the end of it; the line's users make room for them. */
START_TEST(a_claim_of_the_longest_names_fits)
{
	struct line *lines[] = { button, led };

	for (int i = 0; i < 2; i++) {
		struct peer holder = { .id = longest };
		struct claim claim = { .line = lines[i],
			.owner = &holder,
			.terms = { .on_disconnect = ON_DISCONNECT_HOLD,
				.ttl_ns = UINT64_C(86399999999999),
				.max_on_ns = UINT64_C(86399999999999) } };

		make_longest(lines[i]);
		lines[i]->claim = &claim;
		event_line_used_by(lines[i], &longest);
		ck_assert(has_in(whole(), "\"on_disconnect\":\"hold\""));
		ck_assert_uint_eq(number_in(strstr(newest(), "\"claim\""), "uid"), UINT32_MAX);
		lines[i]->claim = NULL;
		lines[i]->unavailable = -EXDEV;
		event_unclaimed(lines[i], &claim, "reconfigured");
		ck_assert(has_in(whole(), "\"reason\":\"reconfigured\""));
		ck_assert_uint_eq(number_in(strstr(newest(), "\"holder\""), "uid"), UINT32_MAX);
		lines[i]->unavailable = 0;
		lines[i]->chip->info = chip_info;
	}
}
END_TEST

/* Each is tried with one user fewer: from some length on a further byte leaves one out. */
START_TEST(a_line_of_any_length_of_names_fits)
{
	struct peer_id id = longest;
	unsigned before = 4;

	make_longest(led);
	for (size_t n = 0; n <= WIRE_MAX_NAME_BYTES; n++) {
		unsigned listed;

		memset(id.client, '"', sizeof(id.client));
		id.client[n] = 0;
		event_line_used_by(led, &id);
		listed = count(whole(), "\"peer\":");
		ck_assert_uint_le(listed, before);
		ck_assert_uint_eq(number_in(newest(), "more_users"), N_USERS - listed);
		before = listed;
	}
	ck_assert_uint_lt(before, 4);
	led->chip->info = chip_info;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event");
	TCase *bytes = tcase_create("bytes"), *bounds = tcase_create("bounds");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(bytes, start, stop);
	tcase_add_test(bytes, an_edge_is_as_in_the_example);
	tcase_add_test(bytes, the_largest_numbers_of_an_edge_are_exact);
	tcase_add_test(bytes, numbers_beyond_2_to_the_53_keep_their_last_digit);
	tcase_add_test(bytes, an_output_is_as_in_the_example);
	tcase_add_test(bytes, an_output_of_the_daemon_itself_is_by_nobody);
	tcase_add_test(bytes, a_timer_is_as_in_the_example);
	tcase_add_test(bytes, a_timer_says_its_tag_and_why_it_wrote_nothing);
	tcase_add_test(bytes, a_long_message_is_cut_between_two_characters);
	tcase_add_test(bytes, the_end_of_a_timer_is_as_in_the_example);
	tcase_add_test(bytes, a_loss_at_the_source_says_its_line_and_counts_its_edges);
	tcase_add_test(bytes, a_loss_that_cannot_be_counted_has_no_count);
	tcase_add_test(bytes, a_readers_own_loss_is_as_in_the_example);
	tcase_add_test(bytes, a_free_line_is_as_in_the_example);
	tcase_add_test(bytes, a_held_line_says_its_settings);
	tcase_add_test(bytes, a_shutdown_is_as_in_the_example);
	suite_add_tcase(suite, bytes);
	tcase_add_checked_fixture(bounds, start, stop);
	tcase_add_test(bounds, a_claim_of_the_longest_names_fits);
	tcase_add_test(bounds, an_edge_of_the_longest_name_fits);
	tcase_add_test(bounds, an_output_of_the_longest_names_fits);
	tcase_add_test(bounds, a_failed_output_of_the_longest_names_fits);
	tcase_add_test(bounds, a_loss_of_the_longest_name_fits);
	tcase_add_test(bounds, a_timer_of_the_longest_names_fits);
	tcase_add_test(bounds, four_users_are_listed_and_the_others_counted);
	tcase_add_test(bounds, users_of_long_names_are_listed_as_far_as_they_fit);
	tcase_add_test(bounds, a_line_of_any_length_of_names_fits);
	suite_add_tcase(suite, bounds);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
