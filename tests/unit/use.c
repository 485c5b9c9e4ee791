/* SPDX-License-Identifier: MIT */

/* What several users make of one line, and what the hardware may refuse of it. */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "peer.h"
#include "rig.h"
#include "use.h"

#define REQUEST "{\"op\":\"request\",\"line\":\"GPIO23\""
#define RELEASE "{\"op\":\"release\",\"line\":\"GPIO23\"}"

static struct client one, two, watcher;
static struct line *line; /* GPIO23, which no configuration names */
static struct backend_ops ops;
static bool no_interrupt, set_fails, reconfigure_fails;

static bool wants_interrupt(size_t n, const struct line_settings *settings)
{
	for (size_t i = 0; i < n; i++)
		if (settings[i].direction != DIRECTION_OUTPUT &&
			(settings[i].edges != EDGES_NONE || settings[i].debounce_ns))
			return true;
	return false;
}

static int request(
	struct backend *backend, const struct request_spec *spec, struct backend_request **ret)
{
	if (no_interrupt && wants_interrupt(spec->n, spec->settings))
		return -ENXIO;
	return backend_sim.request(backend, spec, ret);
}

static int reconfigure(struct backend_request *backend, const struct line_settings *settings,
	const enum initial *initials)
{
	if (no_interrupt && wants_interrupt(backend->n, settings))
		return -ENXIO;
	return reconfigure_fails ? -EIO : backend_sim.reconfigure(backend, settings, initials);
}

static int set(struct backend_request *backend, uint64_t mask, uint64_t bits)
{
	return set_fails ? -EIO : backend_sim.set(backend, mask, bits);
}

static void start(void)
{
	rig_start(NULL);
	ops = backend_sim;
	ops.request = request;
	ops.reconfigure = reconfigure;
	ops.set = set;
	rig.daemon.ops = &ops;
	no_interrupt = set_fails = reconfigure_fails = false;
	line = rig.daemon.lines.v[23];
	client_connect(&one);
	client_connect(&two);
	client_connect(&watcher);
	client_ask(&watcher, "{\"op\":\"subscribe\",\"lines\":\"*\"}");
	client_ask(&one, "{\"op\":\"hello\",\"client\":\"lift\"}");
	client_clear(&watcher);
}

static void stop(void)
{
	client_done(&one);
	client_done(&two);
	client_done(&watcher);
	rig_stop();
}

static void ask(struct client *client, const char *text)
{
	const char *reply = client_ask(client, "%s", text);

	ck_assert_msg(has_in(reply, "\"ok\":true"), "%s: %s", text, reply);
}

/* The reply, which has each of these. */
static const char *refused(struct client *client, const char *text, const char *code)
{
	const char *reply = client_ask(client, "%s", text);

	ck_assert_msg(has_in(reply, "\"ok\":false") && has_in(reply, code), "%s: %s", text, reply);
	return reply;
}

static void leave(struct client *client)
{
	client_done(client);
	rig_settle();
}

/* The events that the watcher has had meanwhile. */
static const char *told(void)
{
	static char text[8192];

	client_read(&watcher);
	ck_assert_uint_lt(watcher.n, sizeof(text));
	memcpy(text, watcher.in, watcher.n + 1);
	client_clear(&watcher);
	return text;
}

static unsigned n_uses(void)
{
	unsigned n = 0;

	list_for_each (link, &line->uses)
		n++;
	return n;
}

START_TEST(what_a_user_says_adds_up)
{
	const struct use *use;

	ask(&one, REQUEST ",\"direction\":\"input\",\"bias\":\"pull-up\"}");
	ask(&one, REQUEST ",\"debounce\":\"5ms\"}");
	use = use_find(line, one.peer);
	ck_assert_uint_eq(use->opinion.given,
		1u << SETTING_DIRECTION | 1u << SETTING_BIAS | 1u << SETTING_DEBOUNCE);
	ck_assert_uint_eq(n_uses(), 1);
	ck_assert_int_eq(line->settings.bias, BIAS_PULL_UP);
	ck_assert_uint_eq(line->settings.debounce_ns, 5000000);
	ck_assert_int_eq(line->settings.edges, EDGES_BOTH);
}
END_TEST

START_TEST(null_takes_back_what_nobody_else_says)
{
	ask(&one, REQUEST ",\"bias\":\"pull-up\",\"active_low\":true}");
	ask(&two, REQUEST ",\"bias\":\"pull-up\"}");
	ask(&one, REQUEST ",\"bias\":null,\"active_low\":null}");
	ck_assert_int_eq(line->settings.bias, BIAS_PULL_UP);
	ck_assert(!line->settings.active_low);
	ask(&two, REQUEST ",\"bias\":null}");
	ck_assert_int_eq(line->settings.bias, BIAS_AS_IS);
	ck_assert_uint_eq(n_uses(), 2);
}
END_TEST

START_TEST(null_of_what_was_never_said_changes_nothing)
{
	ask(&one, REQUEST ",\"bias\":\"pull-up\"}");
	told();
	ask(&two, REQUEST ",\"bias\":null,\"edges\":null,\"direction\":null}");
	ck_assert_int_eq(line->settings.bias, BIAS_PULL_UP);
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(a_conflict_names_who_holds_and_what)
{
	const char *reply;

	ask(&one, REQUEST ",\"bias\":\"pull-up\",\"edges\":\"rising\"}");
	told();
	reply = refused(&two, REQUEST ",\"edges\":\"both\"}", "\"conflict\"");
	ck_assert(has_in(reply, "\"field\":\"edges\""));
	ck_assert(has_in(reply, "\"have\":\"rising\""));
	ck_assert(has_in(reply, "\"client\":\"lift\""));
	ck_assert_uint_eq(number_in(reply, "peer"), one.peer->id.peer);
	ck_assert_uint_eq(number_in(reply, "pid"), (uint64_t)getpid());
	ck_assert_uint_eq(n_uses(), 1);
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(a_conflict_leaves_what_one_had_said_before)
{
	ask(&one, REQUEST ",\"bias\":\"pull-up\"}");
	ask(&two, REQUEST ",\"debounce\":\"5ms\"}");
	told();
	refused(&two, REQUEST ",\"debounce\":\"1ms\",\"bias\":\"pull-down\"}",
		"\"have\":\"pull-up\"");
	ck_assert_uint_eq(use_find(line, two.peer)->opinion.given, 1u << SETTING_DEBOUNCE);
	ck_assert_uint_eq(use_find(line, two.peer)->opinion.settings.debounce_ns, 5000000);
	ck_assert_uint_eq(line->settings.debounce_ns, 5000000);
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(the_configuration_holds_as_the_daemon)
{
	const char *reply = refused(&two,
		"{\"op\":\"request\",\"line\":\"x\",\"direction\":\"input\"}", "\"conflict\"");

	ck_assert(has_in(reply, "\"have\":\"output\""));
	ck_assert(has_in(reply, "\"client\":\"configuration\""));
	ck_assert_uint_eq(number_in(reply, "pid"), (uint64_t)getpid());
}
END_TEST

START_TEST(what_is_kept_is_still_said_by_who_has_left)
{
	const uint32_t number = one.peer->id.peer;
	const char *reply;

	ask(&one, REQUEST ",\"direction\":\"output\",\"initial\":1,\"keep\":true}");
	leave(&one);
	ck_assert_uint_eq(n_uses(), 1);
	ck_assert_ptr_nonnull(use_find(line, NULL));
	ck_assert_uint_eq(line->value, 1);
	reply = refused(&two, REQUEST ",\"direction\":\"input\"}", "\"conflict\"");
	ck_assert(has_in(reply, "\"client\":\"lift\""));
	ck_assert_uint_eq(number_in(reply, "peer"), number);

	ask(&two, RELEASE);
	ck_assert_uint_eq(n_uses(), 0);
	ck_assert_ptr_null(line->request);
}
END_TEST

START_TEST(keeping_twice_is_one_use)
{
	ask(&one, REQUEST ",\"direction\":\"output\",\"keep\":true}");
	ask(&one, REQUEST ",\"drive\":\"open-drain\",\"keep\":true}");
	ask(&two, REQUEST ",\"keep\":true}");
	ck_assert_uint_eq(n_uses(), 3);
	ck_assert_int_eq(line->settings.drive, DRIVE_OPEN_DRAIN);
}
END_TEST

/* What an output does when its last requester leaves. */

static const struct {
	const char *given;
	enum direction direction;
	uint8_t value; /* of the output */
	bool driven;   /* by an event */
} releases[] = {
	{ "", DIRECTION_INPUT, 0, false },
	{ ",\"on_release\":\"input\"", DIRECTION_INPUT, 0, false },
	{ ",\"on_release\":\"hold\"", DIRECTION_OUTPUT, 1, false },
	{ ",\"on_release\":0", DIRECTION_OUTPUT, 0, true },
	{ ",\"on_release\":1", DIRECTION_OUTPUT, 1, false },
};

static void request_output(const char *more)
{
	const char *reply = client_ask(
		&one, REQUEST ",\"direction\":\"output\",\"initial\":1%s}", more);

	if (!has_in(reply, "\"ok\":true"))
		ck_abort_msg("%s", reply);
	told();
}

static void assert_left(int i)
{
	const char *events = told();
	struct line_info info;

	ck_assert_int_eq(line_read_info(line, &info), 0);
	ck_assert_int_eq(info.settings.direction, releases[i].direction);
	if (releases[i].direction == DIRECTION_OUTPUT)
		ck_assert_uint_eq(line->value, releases[i].value);
	ck_assert_int_eq(has_in(events, "\"event\":\"output\""), releases[i].driven);
	if (releases[i].driven)
		ck_assert_msg(has_in(events, "\"cause\":\"release\",\"by\":{\"client\":\"lift\""),
			"%s", events);
}

START_TEST(an_output_is_left_as_its_user_said)
{
	request_output(releases[_i].given);
	leave(&one);
	assert_left(_i);
	/* What is not given back is the daemon's, until it is released. */
	ck_assert_int_eq(line->request != NULL, releases[_i].direction == DIRECTION_OUTPUT);
	ask(&two, RELEASE);
	ck_assert_ptr_null(line->request);
	ck_assert_uint_eq(n_uses(), 0);
}
END_TEST

START_TEST(a_watched_output_is_left_as_its_user_said)
{
	request_output(releases[_i].given);
	ask(&two, "{\"op\":\"subscribe\",\"line\":\"GPIO23\"}");
	leave(&one);
	assert_left(_i);
	ck_assert_ptr_nonnull(line->request);
	if (releases[_i].direction == DIRECTION_INPUT)
		ck_assert_int_eq(line->settings.edges, EDGES_BOTH);
}
END_TEST

START_TEST(an_output_with_another_requester_is_not_left)
{
	request_output(releases[_i].given);
	ask(&two, REQUEST "}");
	leave(&one);
	ck_assert_str_eq(told(), "");
	ck_assert(line_is_output(line));
	ck_assert_uint_eq(line->value, 1);
}
END_TEST

START_TEST(what_was_said_of_leaving_ends_with_the_line)
{
	request_output(",\"on_release\":\"hold\"");
	leave(&one);
	ask(&two, RELEASE);
	ask(&two, REQUEST ",\"direction\":\"output\",\"initial\":1}");
	ask(&two, RELEASE);
	ck_assert_ptr_null(line->request);
}
END_TEST

START_TEST(a_level_that_cannot_be_left_leaves_the_line_as_it_is)
{
	const char *text;

	request_output(",\"on_release\":0");
	set_fails = true;
	leave(&one);
	text = told();
	ck_assert(has_in(text, "\"value\":1,\"cause\":\"release\"") && has_in(text, "\"error\":{"));
	ck_assert(line_is_output(line));
	ck_assert_uint_eq(line->value, 1);
	ck_assert_ptr_nonnull(use_find(line, NULL));
}
END_TEST

START_TEST(a_line_that_cannot_be_made_an_input_is_given_back)
{
	const char *text;

	request_output("");
	reconfigure_fails = true;
	leave(&one);
	text = told();
	ck_assert(has_in(text, "GPIO23 cannot be made an input") && has_in(text, "\"released\""));
	ck_assert_ptr_null(line->request);
}
END_TEST

/* Lines without an interrupt. */

START_TEST(without_an_interrupt_a_line_is_read_without_edges)
{
	const char *reply;

	no_interrupt = true;
	reply = client_ask(&one, REQUEST ",\"bias\":\"pull-up\"}");
	ck_assert_msg(has_in(reply, "\"edges\":\"none\""), "%s", reply);
	ck_assert(has_in(reply, "\"values\":{\"GPIO23\":1}"));
	ask(&two, REQUEST ",\"active_low\":true}");
	ck_assert_int_eq(line->settings.edges, EDGES_NONE);
	reply = client_ask(&two, "{\"op\":\"get\",\"line\":\"GPIO23\"}");
	ck_assert_msg(has_in(reply, "\"values\":{\"GPIO23\":0}"), "%s", reply);
}
END_TEST

static const char *const wants[] = {
	REQUEST ",\"edges\":\"both\"}",
	REQUEST ",\"direction\":\"input\",\"edges\":\"rising\"}",
	REQUEST ",\"debounce\":\"5ms\"}",
	"{\"op\":\"subscribe\",\"line\":\"GPIO23\"}",
	"{\"op\":\"subscribe\",\"line\":\"GPIO23\",\"edges\":\"falling\"}",
	"{\"op\":\"subscribe\",\"line\":\"GPIO23\",\"edges\":\"none\",\"debounce\":\"5ms\"}",
};

START_TEST(without_an_interrupt_who_wants_edges_is_told)
{
	no_interrupt = true;
	refused(&one, wants[_i], "\"edges-unavailable\"");
	ck_assert_ptr_null(line->request);
	ck_assert_uint_eq(n_uses(), 0);

	ask(&two, REQUEST "}");
	refused(&one, wants[_i], "\"edges-unavailable\"");
	ck_assert_uint_eq(n_uses(), 1);
	ck_assert_int_eq(line->settings.edges, EDGES_NONE);
	ck_assert_uint_eq(line->settings.debounce_ns, 0);
}
END_TEST

START_TEST(without_an_interrupt_who_wants_none_subscribes)
{
	no_interrupt = true;
	ask(&one, "{\"op\":\"subscribe\",\"line\":\"GPIO23\",\"edges\":\"none\"}");
	ask(&two, "{\"op\":\"subscribe\",\"line\":\"GPIO23\",\"events\":\"line\"}");
	ck_assert_ptr_nonnull(line->request);
}
END_TEST

/* As an output it needed none, and nobody has asked for edges since. */
START_TEST(without_an_interrupt_an_output_becomes_an_input)
{
	no_interrupt = true;
	ask(&one, REQUEST ",\"direction\":\"output\"}");
	ask(&one, REQUEST ",\"direction\":\"input\"}");
	ck_assert_int_eq(line->settings.direction, DIRECTION_INPUT);
	ck_assert_int_eq(line->settings.edges, EDGES_NONE);
}
END_TEST

/* It went on being driven. */
START_TEST(without_an_interrupt_a_watched_output_is_left_as_an_input)
{
	no_interrupt = true;
	request_output("");
	ask(&two, "{\"op\":\"subscribe\",\"line\":\"GPIO23\",\"events\":\"output\"}");
	leave(&one);
	assert_left(0);
	ck_assert_ptr_nonnull(line->request);
	ck_assert_int_eq(line->settings.edges, EDGES_NONE);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_opinions(TCase *tcase)
{
	tcase_add_test(tcase, what_a_user_says_adds_up);
	tcase_add_test(tcase, null_takes_back_what_nobody_else_says);
	tcase_add_test(tcase, null_of_what_was_never_said_changes_nothing);
	tcase_add_test(tcase, a_conflict_names_who_holds_and_what);
	tcase_add_test(tcase, a_conflict_leaves_what_one_had_said_before);
	tcase_add_test(tcase, the_configuration_holds_as_the_daemon);
	tcase_add_test(tcase, what_is_kept_is_still_said_by_who_has_left);
	tcase_add_test(tcase, keeping_twice_is_one_use);
}

static void add_leaving(TCase *tcase)
{
	const int n = COUNT(releases);

	tcase_add_loop_test(tcase, an_output_is_left_as_its_user_said, 0, n);
	tcase_add_loop_test(tcase, a_watched_output_is_left_as_its_user_said, 0, n);
	tcase_add_loop_test(tcase, an_output_with_another_requester_is_not_left, 0, n);
	tcase_add_test(tcase, what_was_said_of_leaving_ends_with_the_line);
	tcase_add_test(tcase, a_level_that_cannot_be_left_leaves_the_line_as_it_is);
	tcase_add_test(tcase, a_line_that_cannot_be_made_an_input_is_given_back);
}

static void add_no_interrupt(TCase *tcase)
{
	tcase_add_test(tcase, without_an_interrupt_a_line_is_read_without_edges);
	tcase_add_loop_test(tcase, without_an_interrupt_who_wants_edges_is_told, 0, COUNT(wants));
	tcase_add_test(tcase, without_an_interrupt_who_wants_none_subscribes);
	tcase_add_test(tcase, without_an_interrupt_an_output_becomes_an_input);
	tcase_add_test(tcase, without_an_interrupt_a_watched_output_is_left_as_an_input);
}

static const struct {
	const char *name;
	void (*add)(TCase *tcase);
} cases[] = {
	{ "opinions", add_opinions },
	{ "leaving", add_leaving },
	{ "no interrupt", add_no_interrupt },
};

int main(void)
{
	Suite *suite = suite_create("use");
	SRunner *runner;
	int failed;

	for (int i = 0; i < COUNT(cases); i++) {
		TCase *tcase = tcase_create(cases[i].name);

		tcase_add_checked_fixture(tcase, start, stop);
		cases[i].add(tcase);
		suite_add_tcase(suite, tcase);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
