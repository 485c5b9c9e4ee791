/* SPDX-License-Identifier: MIT */

#include <check.h>
#include <stdlib.h>

#include "filter.h"

#define PEER	  7
#define LINES	  4
#define MS	  UINT64_C(1000000)
#define BIT(kind) ((uint8_t)(1u << (kind)))

static struct filter *filter;

static void init(void)
{
	filter = filter_new(LINES, PEER);
	ck_assert_ptr_nonnull(filter);
}

static void done(void)
{
	filter = filter_free(filter);
}

static void set_line(uint32_t line, uint8_t mask, uint64_t lockout_ns)
{
	const struct filter_entry entry = { .mask = mask, .lockout_ns = lockout_ns };

	ck_assert_int_eq(filter_set_line(filter, line, &entry), 0);
}

static struct log_entry edge(uint32_t line, uint64_t at_ns)
{
	return (struct log_entry){ .subject = line, .kind = LOG_RISING, .timestamp_ns = at_ns };
}

static bool passes_edge(uint32_t line, uint64_t at_ns)
{
	const struct log_entry entry = edge(line, at_ns);

	return filter_passes(filter, &entry);
}

static struct log_entry timer(const char *name, uint32_t owner, uint8_t flags)
{
	return (struct log_entry){ .kind = LOG_TIMER,
		.timer_hash = filter_timer_hash(name),
		.subject = owner,
		.value = flags };
}

static bool passes_timer(const char *name, uint32_t owner, uint8_t flags)
{
	const struct log_entry entry = timer(name, owner, flags);

	ck_assert_int_eq(filter_wants(filter, &entry), filter_passes(filter, &entry));
	return filter_passes(filter, &entry);
}

START_TEST(a_new_filter_passes_nothing)
{
	for (uint8_t kind = 0; kind < LOG_KINDS; kind++) {
		const struct log_entry entry = { .subject = 1, .kind = kind };

		ck_assert(!filter_passes(filter, &entry));
	}
}
END_TEST

START_TEST(each_kind_has_its_bit_of_a_line)
{
	for (uint8_t mask = 0; mask < 1u << LOG_LINE_KINDS; mask++) {
		set_line(2, mask, 0);
		for (uint8_t kind = 0; kind < LOG_LINE_KINDS; kind++) {
			const struct log_entry of_it = { .subject = 2, .kind = kind };
			const struct log_entry of_another = { .subject = 1, .kind = kind };

			ck_assert_int_eq(filter_passes(filter, &of_it), (mask >> kind) & 1);
			ck_assert_int_eq(filter_wants(filter, &of_it), (mask >> kind) & 1);
			ck_assert(!filter_passes(filter, &of_another));
		}
	}
}
END_TEST

START_TEST(shutdown_passes_with_any_subscription)
{
	const struct log_entry entry = { .kind = LOG_SHUTDOWN };

	ck_assert(!filter_passes(filter, &entry));
	filter->active = true;
	ck_assert(filter_passes(filter, &entry));
}
END_TEST

START_TEST(lockout_counts_from_the_last_edge_that_passed)
{
	set_line(0, BIT(LOG_RISING), 10 * MS);
	ck_assert(passes_edge(0, 100 * MS));
	ck_assert(!passes_edge(0, 106 * MS));
	ck_assert(!passes_edge(0, 110 * MS - 1));
	ck_assert(passes_edge(0, 110 * MS)); /* 10 ms are enough */
	ck_assert(!passes_edge(0, 115 * MS));
}
END_TEST

START_TEST(lockout_of_a_line_is_its_own)
{
	set_line(0, BIT(LOG_RISING), 10 * MS);
	set_line(1, BIT(LOG_RISING), 20 * MS);
	set_line(2, BIT(LOG_RISING), 0);
	ck_assert(passes_edge(0, 100 * MS));
	ck_assert(passes_edge(1, 100 * MS));
	ck_assert(passes_edge(2, 100 * MS));
	ck_assert(passes_edge(2, 100 * MS));
	ck_assert(passes_edge(0, 110 * MS));
	ck_assert(!passes_edge(1, 110 * MS));
}
END_TEST

START_TEST(an_edge_that_the_mask_drops_does_not_lock_out)
{
	struct log_entry falling = edge(0, 100 * MS);

	falling.kind = LOG_FALLING;
	set_line(0, BIT(LOG_RISING), 10 * MS);
	ck_assert(!filter_passes(filter, &falling));
	ck_assert(passes_edge(0, 101 * MS));
}
END_TEST

START_TEST(lockout_drops_edges_only)
{
	const struct log_entry line = { .kind = LOG_LINE }, output = { .kind = LOG_OUTPUT },
			       lost = { .kind = LOG_LOST, .count = 1 };

	set_line(0, (1u << LOG_LINE_KINDS) - 1, 10 * MS);
	ck_assert(passes_edge(0, 100 * MS));
	ck_assert(filter_passes(filter, &line));
	ck_assert(filter_passes(filter, &output));
	ck_assert(filter_passes(filter, &lost));
	ck_assert(!passes_edge(0, 101 * MS));
}
END_TEST

/* Replay walks the same entries again with the filter as it was: what passes is the same. */
START_TEST(a_copy_drops_what_the_original_drops)
{
	static const uint64_t at_ms[] = { 100, 103, 109, 110, 125, 126, 134, 136 };
	struct filter *copy;

	set_line(3, BIT(LOG_RISING), 10 * MS);
	ck_assert(passes_edge(3, 95 * MS));
	copy = filter_copy(filter, LINES);
	ck_assert_ptr_nonnull(copy);
	for (size_t i = 0; i < sizeof(at_ms) / sizeof(at_ms[0]); i++) {
		const struct log_entry entry = edge(3, at_ms[i] * MS);

		ck_assert_int_eq(filter_passes(copy, &entry), passes_edge(3, at_ms[i] * MS));
	}
	filter_free(copy);
}
END_TEST

START_TEST(wanting_leaves_no_trace)
{
	const struct log_entry first = edge(0, 100 * MS), second = edge(0, 101 * MS);

	set_line(0, BIT(LOG_RISING), 10 * MS);
	ck_assert(filter_wants(filter, &first));
	ck_assert(filter_wants(filter, &second));
	ck_assert(filter_passes(filter, &second));
}
END_TEST

START_TEST(a_line_that_is_set_again_has_a_fresh_lockout)
{
	set_line(0, BIT(LOG_RISING), 10 * MS);
	ck_assert(passes_edge(0, 100 * MS));
	set_line(0, BIT(LOG_RISING), 20 * MS);
	ck_assert(passes_edge(0, 101 * MS));
	set_line(0, BIT(LOG_RISING), 0);
	ck_assert(passes_edge(0, 102 * MS));
	ck_assert(passes_edge(0, 102 * MS));
}
END_TEST

START_TEST(a_copy_with_more_lines_gives_new_ones_what_the_star_has)
{
	struct filter *copy;
	const struct log_entry old = edge(1, 101 * MS), fresh = edge(LINES + 1, 100 * MS),
			       again = edge(LINES + 1, 101 * MS);

	filter->star = (struct filter_entry){ .mask = BIT(LOG_RISING), .lockout_ns = 10 * MS };
	for (uint32_t line = 0; line < LINES; line++)
		set_line(line, BIT(LOG_RISING), 10 * MS);
	ck_assert(passes_edge(1, 100 * MS));

	copy = filter_copy(filter, LINES + 2);
	ck_assert_ptr_nonnull(copy);
	ck_assert_uint_eq(copy->n_lines, LINES + 2);
	ck_assert(!filter_passes(copy, &old)); /* locked out before the copy was made */
	ck_assert(filter_passes(copy, &fresh));
	ck_assert(!filter_passes(copy, &again));
	filter_free(copy);
}
END_TEST

START_TEST(a_copy_with_more_lines_gives_new_ones_nothing_without_a_star)
{
	struct filter *copy;
	const struct log_entry fresh = edge(LINES, 1);

	set_line(0, 0xff, 0);
	copy = filter_copy(filter, LINES + 1);
	ck_assert_ptr_nonnull(copy);
	ck_assert(!filter_passes(copy, &fresh));
	ck_assert_uint_eq(copy->mask[0], 0xff);
	filter_free(copy);
}
END_TEST

START_TEST(an_owner_gets_its_timers_unasked)
{
	ck_assert(passes_timer("off", PEER, LOG_TIMER_NOTIFY));
	ck_assert(!passes_timer("off", PEER, 0)); /* "notify":false */
	ck_assert(!passes_timer("off", PEER + 1, LOG_TIMER_NOTIFY));
}
END_TEST

START_TEST(timers_are_known_by_name)
{
	filter->timers[filter->n_timers++] = filter_timer_hash("off");
	filter->timers[filter->n_timers++] = filter_timer_hash("tick");
	ck_assert(passes_timer("off", PEER + 1, 0));
	ck_assert(passes_timer("tick", 0, 0));
	ck_assert(!passes_timer("of", PEER + 1, 0));
	ck_assert(!passes_timer("offf", PEER + 1, 0));
}
END_TEST

START_TEST(private_timers_are_for_their_owner_only)
{
	filter->all_timers = true;
	filter->timers[filter->n_timers++] = filter_timer_hash("~own");
	ck_assert(passes_timer("shared", PEER + 1, LOG_TIMER_NOTIFY));
	ck_assert(!passes_timer("~own", PEER + 1, LOG_TIMER_PRIVATE | LOG_TIMER_NOTIFY));
	ck_assert(!passes_timer("~own", 0, LOG_TIMER_PRIVATE));
	ck_assert(passes_timer("~own", PEER, LOG_TIMER_PRIVATE));
}
END_TEST

START_TEST(ended_timers_pass_as_timers_do)
{
	struct log_entry ended = timer("off", 0, 0);

	ended.kind = LOG_TIMER_ENDED;
	ck_assert(!filter_passes(filter, &ended));
	filter->timers[filter->n_timers++] = filter_timer_hash("off");
	ck_assert(filter_passes(filter, &ended));
}
END_TEST

START_TEST(the_hash_is_fnv_1a)
{
	ck_assert_uint_eq(filter_timer_hash(""), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(filter_timer_hash("a"), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(filter_timer_hash("foobar"), UINT64_C(0x85944171f73967e8));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("filter");
	TCase *tcase = tcase_create("filter");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, init, done);
	tcase_add_test(tcase, a_new_filter_passes_nothing);
	tcase_add_test(tcase, each_kind_has_its_bit_of_a_line);
	tcase_add_test(tcase, shutdown_passes_with_any_subscription);
	tcase_add_test(tcase, lockout_counts_from_the_last_edge_that_passed);
	tcase_add_test(tcase, lockout_of_a_line_is_its_own);
	tcase_add_test(tcase, an_edge_that_the_mask_drops_does_not_lock_out);
	tcase_add_test(tcase, lockout_drops_edges_only);
	tcase_add_test(tcase, a_copy_drops_what_the_original_drops);
	tcase_add_test(tcase, wanting_leaves_no_trace);
	tcase_add_test(tcase, a_line_that_is_set_again_has_a_fresh_lockout);
	tcase_add_test(tcase, a_copy_with_more_lines_gives_new_ones_what_the_star_has);
	tcase_add_test(tcase, a_copy_with_more_lines_gives_new_ones_nothing_without_a_star);
	tcase_add_test(tcase, an_owner_gets_its_timers_unasked);
	tcase_add_test(tcase, timers_are_known_by_name);
	tcase_add_test(tcase, private_timers_are_for_their_owner_only);
	tcase_add_test(tcase, ended_timers_pass_as_timers_do);
	tcase_add_test(tcase, the_hash_is_fnv_1a);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
