/* SPDX-License-Identifier: MIT */
/* Where a message goes and what it carries. Each test is a process of its own, whose stderr is a
 * pipe that the test reads; a socket of the test's is the journal. */

#include <check.h>
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "diag.h"
#include "journal.h"
#include "peer_id.h"

static const struct peer_id lift = { .peer = 3, .pid = 411, .uid = 1000, .client = "lift" };
static const struct peer_id nameless = { .peer = 4, .pid = 412, .uid = 0 };

static int ends[2], real_stderr, journal;
static struct sockaddr_un address;
static char said[8192];

static void set_up(void)
{
	address.sun_family = AF_UNIX;
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		"/tmp/gpioeventd-test-journal-%d", (int)getpid());
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(journal, (struct sockaddr *)&address, sizeof(address)), 0);
	real_stderr = dup(STDERR_FILENO);
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
}

static void tear_down(void)
{
	(void)dup2(real_stderr, STDERR_FILENO);
	(void)unlink(address.sun_path);
}

/* As the manager does when it connects stderr with the journal; other: it was connected elsewhere
 * since. */
static void name_stream(int other)
{
	struct stat st;
	char stream[64];

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino + (uintmax_t)other);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
}

static const char *heard(int fd)
{
	ssize_t n = read(fd, said, sizeof(said) - 1);

	said[n > 0 ? n : 0] = 0;
	return said;
}

START_TEST(without_a_journal_it_is_a_line_on_stderr)
{
	unsetenv("JOURNAL_STREAM");
	diag_init(address.sun_path);
	diag_line(DIAG_WARNING, "led", "%s is dark", "led");
	diag_peer(DIAG_INFO, &lift, "hello");
	ck_assert_str_eq(heard(ends[0]), "gpioeventd: warning: led is dark\ngpioeventd: hello\n");
	ck_assert_str_eq(heard(journal), "");
}
END_TEST

START_TEST(another_stderr_than_the_journals_gets_plain_lines)
{
	static const char *const streams[] = { "", "1", ":", "a:b", "0:0" };

	name_stream(1);
	diag_init(address.sun_path);
	diag_error("no");
	ck_assert_str_eq(heard(ends[0]), "gpioeventd: error: no\n");
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		setenv("JOURNAL_STREAM", streams[i], 1);
		diag_init(address.sun_path);
		diag_error("no");
		ck_assert_str_eq(heard(ends[0]), "gpioeventd: error: no\n");
	}
	ck_assert_str_eq(heard(journal), "");
}
END_TEST

START_TEST(the_journal_gets_level_and_subject)
{
	name_stream(0);
	diag_init(address.sun_path);
	diag_notice("serving");
	ck_assert_str_eq(
		heard(journal), "PRIORITY=5\nSYSLOG_IDENTIFIER=gpioeventd\nMESSAGE=serving\n");
	diag_line(DIAG_WARNING, "led", "%s is dark", "led");
	ck_assert_str_eq(heard(journal),
		"PRIORITY=4\nSYSLOG_IDENTIFIER=gpioeventd\nLINE=led\nMESSAGE=led is dark\n");
	diag_peer(DIAG_ERROR, &lift, "gone");
	ck_assert_str_eq(heard(journal),
		"PRIORITY=3\nSYSLOG_IDENTIFIER=gpioeventd\nCLIENT=lift\nUID=1000\nMESSAGE=gone\n");
	diag_about(DIAG_INFO, (struct diag_subject){ .line = "led", .peer = &nameless }, "both");
	ck_assert_str_eq(heard(journal),
		"PRIORITY=6\nSYSLOG_IDENTIFIER=gpioeventd\nLINE=led\nUID=0\nMESSAGE=both\n");
	ck_assert_str_eq(heard(ends[0]), "");
}
END_TEST

START_TEST(a_newline_in_a_value_begins_no_field)
{
	const uint64_t length = htole64(strlen("a\n_UID=0"));
	const char *value;

	name_stream(0);
	diag_init(address.sun_path);
	diag_error("a\n_UID=0");
	value = strstr(heard(journal), "MESSAGE\n");
	ck_assert_ptr_nonnull(value);
	ck_assert_mem_eq(value + strlen("MESSAGE\n"), &length, sizeof(length));
	ck_assert_str_eq(value + strlen("MESSAGE\n") + sizeof(length), "a\n_UID=0\n");
}
END_TEST

START_TEST(a_long_message_is_cut_off_and_sent)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	name_stream(0);
	diag_init(address.sun_path);
	diag_line(DIAG_ERROR, "led", "%s", text);
	ck_assert_uint_eq(strlen(strstr(heard(journal), "MESSAGE=")), strlen("MESSAGE=\n") + 1023);
}
END_TEST

START_TEST(fields_that_do_not_fit_are_left_out)
{
	char text[8000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	journal_open(address.sun_path);
	ck_assert(journal_send(
		(const struct journal_field[]){ { "A", "1" }, { "B", text }, { "C", "3" } }, 3));
	ck_assert_str_eq(heard(journal), "A=1\nC=3\n");
}
END_TEST

START_TEST(a_journal_that_does_not_read_delays_nobody)
{
	name_stream(0);
	diag_init(address.sun_path);
	for (int i = 0; i < 100000 && !heard(ends[0])[0]; i++)
		diag_error("again");
	ck_assert_str_eq(said, "<3>again\n");
}
END_TEST

START_TEST(a_journal_that_is_not_there_is_spoken_to_through_stderr)
{
	name_stream(0);
	diag_init("/nowhere/socket");
	diag_notice("hello");
	ck_assert_str_eq(heard(ends[0]), "<5>hello\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diag");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, without_a_journal_it_is_a_line_on_stderr);
	tcase_add_test(tcase, another_stderr_than_the_journals_gets_plain_lines);
	tcase_add_test(tcase, the_journal_gets_level_and_subject);
	tcase_add_test(tcase, a_newline_in_a_value_begins_no_field);
	tcase_add_test(tcase, a_long_message_is_cut_off_and_sent);
	tcase_add_test(tcase, fields_that_do_not_fit_are_left_out);
	tcase_add_test(tcase, a_journal_that_does_not_read_delays_nobody);
	tcase_add_test(tcase, a_journal_that_is_not_there_is_spoken_to_through_stderr);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
