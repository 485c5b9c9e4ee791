/* SPDX-License-Identifier: MIT */
/* What is said to the service manager, byte for byte; each test is a process of its own. */

#include <check.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "notify.h"

static int manager;
static char heard[1024];

/* In the abstract namespace, as a container's manager has it. */
static void listen_or_fail(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[64];
	int n = snprintf(name, sizeof(name), "@gpioeventd-test-%d", (int)getpid());

	memcpy(address.sun_path + 1, name + 1, (size_t)n - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(manager, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
		0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static const char *hear(void)
{
	ssize_t n = recv(manager, heard, sizeof(heard) - 1, 0);

	heard[n > 0 ? n : 0] = 0;
	return heard;
}

START_TEST(nobody_is_told_where_nobody_listens)
{
	unsetenv("NOTIFY_SOCKET");
	ck_assert(!notify_is_on());
	notify_ready();
	notify_status_text("nobody");
	ck_assert_uint_eq(notify_watchdog_ns(), 0);
	ck_assert_str_eq(hear(), "");
}
END_TEST

START_TEST(readiness_has_both_halves_of_the_status)
{
	notify_ready();
	ck_assert_str_eq(hear(), "READY=1\nSTATUS=");
	notify_status_counts("3 lines");
	ck_assert_str_eq(hear(), "STATUS=3 lines");
	notify_status_text("reload refused: file.conf:3: what is that?");
	ck_assert_str_eq(hear(), "STATUS=3 lines; reload refused: file.conf:3: what is that?");
	notify_ready();
	ck_assert_str_eq(
		hear(), "READY=1\nSTATUS=3 lines; reload refused: file.conf:3: what is that?");
	notify_status_text("");
	ck_assert_str_eq(hear(), "STATUS=3 lines");
}
END_TEST

START_TEST(a_text_cannot_say_anything_else)
{
	notify_status_text("a\nMAINPID=1\n");
	ck_assert_str_eq(hear(), "STATUS=a MAINPID=1 ");
}
END_TEST

START_TEST(a_long_text_is_cut_off)
{
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	notify_status_counts(text);
	(void)hear();
	notify_status_text(text);
	ck_assert_uint_eq(strlen(hear()), strlen("STATUS=; ") + 2 * (NOTIFY_STATUS_BYTES - 1));
}
END_TEST

START_TEST(a_reload_says_when_it_began)
{
	uint64_t before = clock_now_ns() / 1000, at;

	notify_reloading();
	ck_assert_int_eq(sscanf(hear(), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &at), 1);
	ck_assert_uint_ge(at, before);
	ck_assert_uint_le(at, clock_now_ns() / 1000);
}
END_TEST

START_TEST(the_end_and_the_loop_are_told_in_a_word)
{
	notify_stopping();
	ck_assert_str_eq(hear(), "STOPPING=1");
	notify_alive();
	ck_assert_str_eq(hear(), "WATCHDOG=1");
}
END_TEST

static const struct {
	const char *usec, *pid;
	uint64_t ns;
} intervals[] = {
	{ "1", NULL, 1000 },
	{ "5000000", NULL, 5000000000 },
	{ "18446744073709551", NULL, 18446744073709551000u },
	{ "18446744073709552", NULL, 0 },
	{ "18446744073709551616", NULL, 0 },
	{ "0", NULL, 0 },
	{ "", NULL, 0 },
	{ "-1", NULL, 0 },
	{ " 1", NULL, 0 },
	{ "5s", NULL, 0 },
	{ "5000000", "self", 5000000000 },
	{ "5000000", "1", 0 },
	{ "5000000", "", 0 },
	{ "5000000", "me", 0 },
};

START_TEST(the_watchdog_is_for_whom_it_names)
{
	char self[16];

	(void)snprintf(self, sizeof(self), "%d", (int)getpid());
	setenv("WATCHDOG_USEC", intervals[_i].usec, 1);
	if (intervals[_i].pid)
		setenv("WATCHDOG_PID",
			strcmp(intervals[_i].pid, "self") == 0 ? self : intervals[_i].pid, 1);
	ck_assert_uint_eq(notify_watchdog_ns(), intervals[_i].ns);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, listen_or_fail, NULL);
	tcase_add_test(tcase, nobody_is_told_where_nobody_listens);
	tcase_add_test(tcase, readiness_has_both_halves_of_the_status);
	tcase_add_test(tcase, a_text_cannot_say_anything_else);
	tcase_add_test(tcase, a_long_text_is_cut_off);
	tcase_add_test(tcase, a_reload_says_when_it_began);
	tcase_add_test(tcase, the_end_and_the_loop_are_told_in_a_word);
	tcase_add_loop_test(tcase, the_watchdog_is_for_whom_it_names, 0,
		(int)(sizeof(intervals) / sizeof(intervals[0])));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
