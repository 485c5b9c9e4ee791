/* SPDX-License-Identifier: MIT */

/* What a reload makes of each difference, and that a refusal at any of its steps leaves no trace.
 */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hold.h"
#include "line.h"
#include "opinion.h"
#include "reload.h"
#include "request.h"
#include "rig.h"

#define DAEMON "[daemon]\nbackend = sim\nboard = none\nsocket = %s/socket\nlog-size = 64K\n"
#define IN     "[line in]\nline = GPIO5\n"
#define OUT    "[line out]\nline = GPIO6\ndirection = output\ninitial = 1\n"
#define ONE    "[line one]\nline = GPIO7\ndirection = output\ninitial = 1\ngroup = g\n"
#define TWO    "[line two]\nline = GPIO8\ndirection = output\ninitial = 0\ngroup = g\n"

#define BUSY_OFFSET 23 /* somebody else has it */

static struct backend_ops ops;
static int calls_left; /* until one of the backend's calls fails; negative: none */
static bool has_failed;
static bool goes_on_failing; /* each call after that one as well */

static bool fails(void)
{
	if (calls_left < 0)
		return false;
	if (calls_left > 0) {
		calls_left--;
		return false;
	}
	if (!goes_on_failing)
		calls_left = -1;
	has_failed = true;
	return true;
}

static int request(
	struct backend *backend, const struct request_spec *spec, struct backend_request **ret)
{
	if (spec->offsets[0] == BUSY_OFFSET)
		return -EBUSY;
	return fails() ? -EOPNOTSUPP : backend_sim.request(backend, spec, ret);
}

static int reconfigure(struct backend_request *backend, const struct line_settings *settings,
	const enum initial *initials)
{
	return fails() ? -EOPNOTSUPP : backend_sim.reconfigure(backend, settings, initials);
}

static void configure(const char *text)
{
	FILE *file = fopen(rig.path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, DAEMON "%s", rig.directory, text);
	fclose(file);
}

static void start(const char *text)
{
	rig_start(NULL);
	ops = backend_sim;
	ops.request = request;
	ops.reconfigure = reconfigure;
	rig.daemon.ops = &ops;
	calls_left = -1;
	has_failed = false;
	goes_on_failing = false;
	configure(text);
	ck_assert_int_eq(rig_reload(), 0);
	rig_settle();
}

static const struct line *line_of(const char *name)
{
	for (size_t id = 0; id < rig.daemon.lines.n; id++)
		if (strcmp(rig.daemon.lines.v[id]->canonical, name) == 0)
			return rig.daemon.lines.v[id];
	ck_abort_msg("no line %s", name);
}

/* All that a refusal must leave as it was. */
static char *snapshot(void)
{
	static char texts[2][1 << 16];
	static int turn;
	char *text = texts[turn ^= 1];
	size_t n = 0;

	for (size_t id = 0; id < rig.daemon.lines.n; id++) {
		const struct line *line = rig.daemon.lines.v[id];
		const struct line_settings *s = &line->settings;
		const struct line *first = line->request ? line->request->lines[0] : NULL;
		struct line_info info = { 0 };

		if (line_is_absent(line) && !line->config)
			continue;
		(void)line_read_info(line, &info);
		n += (size_t)snprintf(text + n, sizeof(texts[0]) - n,
			"%s %s with %s: %d%d%d%d%d%d value %u wanted %u unavailable %d pulse %d "
			"%llu %u on %llu; %d\n",
			line->canonical, line->config ? "configured" : "free",
			first ? first->canonical : "nobody", (int)s->direction, (int)s->bias,
			(int)s->drive, (int)s->edges, s->active_low, (int)(s->debounce_ns >> 10),
			line->value, line->wanted, line->unavailable,
			deadline_is_set(&line->revert.deadline),
			deadline_is_set(&line->revert.deadline)
				? (unsigned long long)line->revert.deadline.at_ns
				: 0,
			deadline_is_set(&line->revert.deadline) ? line->revert.value : 0,
			(unsigned long long)line->on_time.since_ns, (int)info.settings.direction);
	}
	return text;
}

/* Each kind of difference, and what becomes of the requests. */

static const struct difference {
	const char *before, *after;
	enum lot_change change; /* of the lot that has the line `name` */
	const char *name;	/* before the reload */
} differences[] = {
	{ IN OUT, IN OUT, LOT_STAYS, "in" },
	{ IN OUT, OUT IN, LOT_STAYS, "in" },
	{ IN, IN OUT, LOT_TAKEN, "GPIO6" },
	{ IN OUT, IN, LOT_STAYS, "out" },
	{ IN, "[line in]\nline = gpiochip0:5\n", LOT_STAYS, "in" },
	{ IN, "[line other]\nline = GPIO5\n", LOT_STAYS, "in" },
	{ IN, IN "debounce = 1ms\n", LOT_CHANGES, "in" },
	{ IN, IN "bias = pull-up\n", LOT_CHANGES, "in" },
	{ IN, IN "edges = none\n", LOT_CHANGES, "in" },
	{ IN, IN "active-low = yes\n", LOT_CHANGES, "in" },
	{ IN, IN "direction = output\n", LOT_CHANGES, "in" },
	{ OUT, OUT "drive = open-drain\n", LOT_CHANGES, "out" },
	{ OUT, OUT "on-exit = 0\n", LOT_STAYS, "out" },
	{ IN, IN "group = g\n", LOT_STAYS, "in" },
	{ ONE TWO, ONE "group = other\n" TWO, LOT_REMADE, "two" },
	{ ONE TWO, TWO, LOT_REMADE, "two" },
	{ ONE TWO, TWO, LOT_REMADE, "one" },
	{ ONE TWO, IN, LOT_STAYS, "two" },
	{ ONE TWO, ONE TWO "bias = pull-up\n", LOT_CHANGES, "one" },
	{ ONE TWO OUT, ONE TWO OUT "group = g\n", LOT_REMADE, "out" },
	{ ONE TWO OUT, ONE TWO OUT "group = g\n", LOT_REMADE, "one" },
	{ "[line x]\nline = NOWHERE\n", "[line x]\nline = NOWHERE\nbias = pull-up\n", LOT_STAYS,
		"x" },
};

static enum lot_change change_of(const struct reload_plan *plan, const struct line *line)
{
	for (size_t i = 0; i < plan->n_lots; i++)
		for (size_t k = 0; k < plan->lots[i].n; k++)
			if (plan->steps[plan->lots[i].begin + k].line == line)
				return plan->lots[i].change;
	ck_abort_msg("no step for %s", line->canonical);
}

/* The text with "group = g" given again: the last one counts in another file only. */
static void configure_after(const char *after)
{
	char text[1024];
	const char *again = strstr(after, "group = g\ngroup = other\n");

	if (again)
		snprintf(text, sizeof(text), "%.*s%s", (int)(again - after), after,
			again + strlen("group = g\n"));
	configure(again ? text : after);
}

START_TEST(each_difference_costs_the_line_no_more_than_it_must)
{
	const struct difference *difference = &differences[_i];
	const struct line *line;

	start(difference->before);
	line = line_of(difference->name);
	configure_after(difference->after);
	ck_assert_int_eq(rig_reload(), 0);
	ck_assert_int_eq(change_of(&rig.daemon.reload.plan, line), difference->change);
	rig_stop();
}
END_TEST

/* Everything at once. */
#define BEFORE                                                             \
	IN OUT ONE TWO "[line low]\nline = GPIO15\ndirection = output\n"   \
		       "initial = 1\nmax-on = 1h\nsafe = 0\n"              \
		       "[line three]\nline = GPIO16\ndirection = output\n" \
		       "[line gone]\nline = GPIO17\ndirection = output\n"  \
		       "[line k1]\nline = GPIO18\ngroup = k\n[line k2]\n"  \
		       "line = GPIO19\ngroup = k\n"
#define AFTER                                                                              \
	"[line input]\nline = GPIO5\nbias = pull-up\nactive-low = yes\n"                   \
	"[line out]\nline = GPIO6\n" ONE "active-low = yes\nmax-on = 1h\nsafe = 0\n"       \
	"[line low]\nline = GPIO15\ndirection = output\nactive-low = yes\n"                \
	"[line three]\nline = GPIO16\ndirection = output\ngroup = g\ndrive = open-drain\n" \
	"[line two]\nline = GPIO8\ndirection = output\n"                                   \
	"[line k1]\nline = GPIO18\n[line new]\nline = GPIO20\ndirection = output\n"        \
	"initial = 1\n[line k2]\nline = GPIO19\ngroup = l\n[line k3]\nline = GPIO21\n"     \
	"group = l\n[line busy]\nline = GPIO23\n[line nowhere]\nline = NOWHERE\n"

static struct client client;

static void prepare(void)
{
	start(BEFORE);
	client_connect(&client);
	client_ask(&client, "{\"op\":\"simulate\",\"line\":\"in\",\"value\":0}");
	client_ask(&client, "{\"op\":\"set\",\"line\":\"one\",\"value\":0,\"pulse\":\"1h\"}");
	client_ask(&client, "{\"op\":\"set\",\"line\":\"out\",\"value\":0,\"pulse\":\"1h\"}");
	client_ask(&client, "{\"op\":\"set\",\"line\":\"low\",\"value\":1,\"pulse\":\"1h\"}");
	client_ask(&client, "{\"op\":\"request\",\"line\":\"GPIO22\",\"direction\":\"output\"}");
	client_ask(&client, "{\"op\":\"claim\",\"line\":\"out\",\"on_disconnect\":0}");
	ck_assert(!has_in(client_ask(&client, "{\"op\":\"subscribe\",\"line\":\"*\"}"), "error"));
	client_clear(&client);
	configure(AFTER);
}

/* Both in whole would be too long a message. */
static void check_same(const char *now, const char *before)
{
	size_t line = 0;

	for (size_t i = 0; now[i] || before[i]; i++) {
		if (now[i] != before[i])
			ck_abort_msg("%.160s\nshould be\n%.160s", now + line, before + line);
		if (now[i] == '\n')
			line = i + 1;
	}
}

/* Of an input that was given back and taken again nobody knows what was missed. */
static void check_refused(const char *before, uint64_t head, uint32_t generation)
{
	const bool was_taken_anew = line_of("k1")->request->generation != generation;

	check_same(snapshot(), before);
	ck_assert_uint_eq(rig.daemon.log.head, head + (was_taken_anew ? 2 : 0));
	rig_settle();
	client_read(&client);
	ck_assert(was_taken_anew == has_in(client.in, "\"reason\":\"reload\""));
	ck_assert_ptr_nonnull(line_of("out")->claim);
}

static void check_done(void)
{
	const struct line *one = line_of("one"), *input = line_of("input");

	ck_assert_ptr_eq(one->request, line_of("three")->request);
	ck_assert_ptr_ne(one->request, line_of("two")->request);
	ck_assert(deadline_is_set(&one->revert.deadline));
	ck_assert_uint_eq(one->revert.value, 0);
	ck_assert_uint_eq(one->value, 1);
	ck_assert_int_eq(input->settings.bias, BIAS_PULL_UP);
	ck_assert(line_is_input(line_of("out")));
	ck_assert_ptr_null(line_of("out")->claim);
	ck_assert_uint_eq(line_of("new")->value, 1);
	ck_assert_ptr_eq(line_of("k2")->request, line_of("k3")->request);
	ck_assert_int_eq(line_of("nowhere")->unavailable, -ENODEV);
	ck_assert_int_eq(line_of("busy")->unavailable, -EBUSY);
	ck_assert_ptr_null(line_of("GPIO17")->request);
}

/* Each call to the backend in turn is refused; those that put things back are not. */
START_TEST(a_refusal_at_any_call_leaves_no_trace)
{
	for (int call = 0;; call++) {
		uint32_t generation;
		uint64_t head;
		char *before;
		int r;

		prepare();
		before = snapshot();
		head = rig.daemon.log.head;
		generation = line_of("k1")->request->generation;
		calls_left = call;
		r = rig_reload();
		calls_left = -1;
		if (!has_failed) {
			ck_assert_int_eq(r, 0);
			ck_assert_int_gt(call, 6);
			check_done();
			client_done(&client);
			rig_stop();
			return;
		}
		ck_assert_int_eq(r, -EINVAL);
		check_refused(before, head, generation);
		ck_assert_uint_eq(rig.daemon.reload.n_problems, 1);
		rig_settle();
		ck_assert_int_eq(rig_reload(), 0);
		check_done();
		client_done(&client);
		rig_stop();
		has_failed = false;
	}
}
END_TEST

/* Memory is short at each place in turn: all of it happens, or nothing does. */
START_TEST(a_lack_of_memory_at_any_place_leaves_all_or_nothing)
{
	unsigned refused = 0, nth;

	for (nth = 1;; nth++) {
		uint32_t generation;
		uint64_t head;
		char *before;
		bool failed;
		int r;

		prepare();
		before = snapshot();
		head = rig.daemon.log.head;
		generation = line_of("k1")->request->generation;
		rig_fail_allocation(nth);
		r = rig_reload();
		failed = rig_has_failed();
		rig_fail_allocation(0);
		if (r < 0) {
			check_refused(before, head, generation);
			refused++;
		} else {
			check_done();
		}
		client_done(&client);
		rig_stop();
		if (!failed)
			break;
	}
	ck_assert_uint_gt(refused, 10);
}
END_TEST

/* Nothing can be put back either, and the lines are taken when that is possible again: not at the
 * level of a pulse that nobody would end. */
START_TEST(a_line_that_cannot_be_put_back_comes_back_without_its_pulse)
{
	start(ONE TWO "[line three]\nline = GPIO16\ndirection = output\n");
	client_connect(&client);
	client_ask(&client, "{\"op\":\"set\",\"line\":\"one\",\"value\":0,\"pulse\":\"1h\"}");
	client_ask(&client, "{\"op\":\"set\",\"line\":\"two\",\"value\":1,\"pulse\":\"1h\"}");
	configure(ONE TWO "[line three]\nline = GPIO16\ndirection = output\ngroup = g\n");
	goes_on_failing = true;
	calls_left = 0;
	ck_assert_int_eq(rig_reload(), -EINVAL);
	ck_assert_ptr_null(line_of("two")->request);
	ck_assert_uint_eq(line_of("two")->wanted, 0);
	goes_on_failing = false;
	calls_left = -1;
	hold_missing(&rig.daemon);
	ck_assert_ptr_nonnull(line_of("two")->request);
	ck_assert_uint_eq(line_of("two")->value, 0);
	client_done(&client);
	rig_stop();
}
END_TEST

START_TEST(a_refused_file_is_not_remembered_and_the_next_one_counts)
{
	start(IN);
	configure(IN "nonsense = 1\n[line two]\n");
	ck_assert_int_eq(rig_reload(), -EINVAL);
	ck_assert_uint_eq(rig.daemon.reload.n_problems, 2);
	configure(IN OUT);
	ck_assert_int_eq(rig_reload(), 0);
	ck_assert_uint_eq(rig.daemon.reload.n_problems, 0);
	ck_assert_uint_eq(reload_count(&rig.daemon.reload).added, 1);
	ck_assert_int_eq(rig_reload(), 0);
	ck_assert(!reload_changes(&rig.daemon.reload));
	rig_stop();
}
END_TEST

/* The struct of a line that is not there is used again, but not while the log speaks of it. */
START_TEST(lines_that_are_not_there_do_not_pile_up)
{
	uint32_t first = 0;
	size_t n = 0;

	start(IN);
	for (int i = 0; i < 3000; i++) {
		char text[128];

		snprintf(text, sizeof(text), IN "[line x%d]\nline = NOWHERE%d\n", i, i);
		configure(text);
		ck_assert_int_eq(rig_reload(), 0);
		if (i == 0)
			first = line_of("x0")->id;
		if (i == 2)
			ck_assert_uint_ne(line_of("x2")->id, first);
		if (i == 1500)
			n = rig.daemon.lines.n;
	}
	ck_assert_uint_le(rig.daemon.lines.n, n + 50);
	rig_stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reload");
	TCase *plan = tcase_create("plan"), *apply = tcase_create("apply");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(plan, each_difference_costs_the_line_no_more_than_it_must, 0,
		(int)(sizeof(differences) / sizeof(differences[0])));
	tcase_set_timeout(apply, 30);
	tcase_add_test(apply, a_refusal_at_any_call_leaves_no_trace);
	tcase_add_test(apply, a_lack_of_memory_at_any_place_leaves_all_or_nothing);
	tcase_add_test(apply, a_line_that_cannot_be_put_back_comes_back_without_its_pulse);
	tcase_add_test(apply, a_refused_file_is_not_remembered_and_the_next_one_counts);
	tcase_add_test(apply, lines_that_are_not_there_do_not_pile_up);
	suite_add_tcase(suite, plan);
	suite_add_tcase(suite, apply);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
