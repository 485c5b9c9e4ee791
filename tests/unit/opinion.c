/* SPDX-License-Identifier: MIT */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "opinion.h"

/* Two values of each setting. */
static const struct {
	const char *name;
	uint64_t one, other;
	const char *word;
} settings[SETTING_N] = {
	[SETTING_DIRECTION] = { "direction", DIRECTION_INPUT, DIRECTION_OUTPUT, "output" },
	[SETTING_BIAS] = { "bias", BIAS_PULL_DOWN, BIAS_PULL_UP, "pull-up" },
	[SETTING_DRIVE] = { "drive", DRIVE_PUSH_PULL, DRIVE_OPEN_DRAIN, "open-drain" },
	[SETTING_ACTIVE_LOW] = { "active_low", false, true, "true" },
	[SETTING_EDGES] = { "edges", EDGES_RISING, EDGES_FALLING, "falling" },
	[SETTING_DEBOUNCE] = { "debounce", 1000000, 5000000, "5ms" },
};

START_TEST(each_setting_has_a_name_a_place_and_words)
{
	char buffer[DURATION_MAX];
	struct line_settings all = { 0 };

	for (enum setting s = 0; s < SETTING_N; s++)
		setting_put(&all, s, settings[s].other);
	for (enum setting s = 0; s < SETTING_N; s++) {
		ck_assert_str_eq(setting_name(s), settings[s].name);
		ck_assert_uint_eq(setting_get(&all, s), settings[s].other);
		ck_assert_str_eq(setting_word(s, settings[s].other, buffer), settings[s].word);
	}
}
END_TEST

START_TEST(who_says_nothing_contradicts_nobody)
{
	struct opinion none = { 0 }, all = { 0 };

	for (enum setting s = 0; s < SETTING_N; s++)
		opinion_state(&all, s, settings[s].other);
	ck_assert_int_eq(opinion_conflict(&none, &all), SETTING_N);
	ck_assert_int_eq(opinion_conflict(&all, &none), SETTING_N);
	ck_assert_int_eq(opinion_conflict(&all, &all), SETTING_N);
}
END_TEST

START_TEST(two_values_of_one_setting_conflict)
{
	struct opinion a = { 0 }, b = { 0 };

	opinion_state(&a, (enum setting)_i, settings[_i].one);
	opinion_state(&b, (enum setting)_i, settings[_i].other);
	ck_assert_int_eq(opinion_conflict(&a, &b), _i);
	ck_assert_int_eq(opinion_conflict(&b, &a), _i);
	opinion_withdraw(&b, (enum setting)_i);
	ck_assert_int_eq(opinion_conflict(&a, &b), SETTING_N);
	ck_assert(!opinion_has(&b, (enum setting)_i));
}
END_TEST

START_TEST(values_that_were_withdrawn_are_not_applied)
{
	struct opinion opinion = { 0 };
	struct line_settings got = { .bias = BIAS_DISABLED, .edges = EDGES_BOTH };

	opinion_state(&opinion, SETTING_BIAS, BIAS_PULL_UP);
	opinion_state(&opinion, SETTING_EDGES, EDGES_NONE);
	opinion_withdraw(&opinion, SETTING_EDGES);
	opinion_apply(&opinion, &got);
	ck_assert_int_eq(got.bias, BIAS_PULL_UP);
	ck_assert_int_eq(got.edges, EDGES_BOTH);
}
END_TEST

START_TEST(a_fixed_setting_can_be_differed_from)
{
	struct opinion opinion = { 0 };
	struct line_settings fixed = { .bias = BIAS_PULL_UP };

	ck_assert_int_eq(opinion_differs(&opinion, &fixed), SETTING_N);
	opinion_state(&opinion, SETTING_BIAS, BIAS_PULL_UP);
	ck_assert_int_eq(opinion_differs(&opinion, &fixed), SETTING_N);
	opinion_state(&opinion, SETTING_BIAS, BIAS_PULL_DOWN);
	ck_assert_int_eq(opinion_differs(&opinion, &fixed), SETTING_BIAS);
}
END_TEST

#define SAYS(member) (1u << WIRE_BIT_request_##member)

START_TEST(a_request_adds_replaces_and_withdraws)
{
	struct opinion opinion = { 0 };
	struct args_request first = {
		.given = SAYS(bias) | SAYS(active_low), .bias = BIAS_PULL_UP, .active_low = true
	};
	struct args_request second = { .given = SAYS(bias) | SAYS(active_low) | SAYS(debounce_ns),
		.nulls = SAYS(active_low),
		.bias = BIAS_PULL_DOWN,
		.debounce_ns = 1000 };

	opinion_merge_request(&opinion, &first);
	ck_assert(opinion_has(&opinion, SETTING_BIAS) && opinion_has(&opinion, SETTING_ACTIVE_LOW));
	ck_assert(!opinion_has(&opinion, SETTING_DEBOUNCE));
	opinion_merge_request(&opinion, &second);
	ck_assert_int_eq(opinion.settings.bias, BIAS_PULL_DOWN);
	ck_assert(!opinion_has(&opinion, SETTING_ACTIVE_LOW));
	ck_assert_uint_eq(opinion.settings.debounce_ns, 1000);
}
END_TEST

START_TEST(any_direction_is_no_opinion)
{
	struct opinion opinion = { 0 };
	struct args_request output = { .given = SAYS(direction), .direction = DIRECTION_OUTPUT };
	struct args_request any = { .given = SAYS(direction), .direction = DIRECTION_ANY };

	opinion_merge_request(&opinion, &output);
	ck_assert(opinion_has(&opinion, SETTING_DIRECTION));
	opinion_merge_request(&opinion, &any);
	ck_assert(!opinion_has(&opinion, SETTING_DIRECTION));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("opinion");
	TCase *tcase = tcase_create("opinion");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, each_setting_has_a_name_a_place_and_words);
	tcase_add_test(tcase, who_says_nothing_contradicts_nobody);
	tcase_add_loop_test(tcase, two_values_of_one_setting_conflict, 0, SETTING_N);
	tcase_add_test(tcase, values_that_were_withdrawn_are_not_applied);
	tcase_add_test(tcase, a_fixed_setting_can_be_differed_from);
	tcase_add_test(tcase, a_request_adds_replaces_and_withdraws);
	tcase_add_test(tcase, any_direction_is_no_opinion);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
