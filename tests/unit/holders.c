/* SPDX-License-Identifier: MIT */

/* A /proc of our own, since kernels of all ages cannot be had. */

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/gpioctl/holders.h"

static char proc[] = "/tmp/gpioeventd.XXXXXX";
static struct holders holders;

static const char *path_of(const char *format, va_list args)
{
	static char path[256];
	int n = snprintf(path, sizeof(path), "%s/", proc);

	vsnprintf(path + n, sizeof(path) - (size_t)n, format, args);
	return path;
}

__attribute__((format(printf, 1, 2))) static void make_dir(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	ck_assert_int_eq(mkdir(path_of(format, args), 0755), 0);
	va_end(args);
}

__attribute__((format(printf, 3, 4))) static void make_file(
	const char *text, size_t n, const char *format, ...)
{
	va_list args;
	FILE *file;

	va_start(args, format);
	file = fopen(path_of(format, args), "we");
	va_end(args);
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, n, file), n);
	ck_assert_int_eq(fclose(file), 0);
}

__attribute__((format(printf, 2, 3))) static void make_link(
	const char *target, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	ck_assert_int_eq(symlink(target, path_of(format, args)), 0);
	va_end(args);
}

static void make_process(int pid, const char *name)
{
	char cmdline[64];
	int n = snprintf(cmdline, sizeof(cmdline), "/usr/bin/%s%c-x\x1b", name, 0);

	make_dir("%d", pid);
	make_dir("%d/fd", pid);
	make_dir("%d/fdinfo", pid);
	make_file(name, strlen(name), "%d/comm", pid);
	make_file(cmdline, (size_t)n + 1, "%d/cmdline", pid);
	make_link("/dev/null", "%d/fd/0", pid);
	make_file("pos:\t0\n", 7, "%d/fdinfo/0", pid);
}

/* A descriptor, and the rows that the kernel adds for it. */
static void make_fd(int pid, int fd, const char *target, const char *rows)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "pos:\t0\nflags:\t02000000\nmnt_id:\t17\n%s", rows);

	make_link(target, "%d/fd/%d", pid, fd);
	make_file(text, (size_t)n, "%d/fdinfo/%d", pid, fd);
}

static void start(void)
{
	ck_assert_ptr_nonnull(mkdtemp(proc));
	make_dir("sys");
	make_process(1, "systemd");
	make_process(300, "gpioeventd");
}

static void stop(void)
{
	char command[64];

	holders_done(&holders);
	snprintf(command, sizeof(command), "rm -r %s", proc);
	ck_assert_int_eq(system(command), 0);
}

#define LINE_FD "anon_inode:gpio-line"
#define LINE_7	"gpio-chip:\tgpiochip0\ngpio-line:\t7\n"

static void find(void)
{
	ck_assert_int_eq(holders_find(proc, "gpiochip0", 7, &holders), 0);
}

START_TEST(nobody_holds_a_line_that_no_descriptor_names)
{
	find();
	ck_assert_uint_eq(holders.n, 0);
	ck_assert(!holders.hidden);
}
END_TEST

START_TEST(a_process_that_holds_the_line_is_found)
{
	make_process(411, "gpiomon");
	make_fd(411, 5, LINE_FD, LINE_7);
	find();
	ck_assert_uint_eq(holders.n, 1);
	ck_assert_int_eq(holders.v[0].pid, 411);
	ck_assert(holders.v[0].certain);
	ck_assert_str_eq(holders.v[0].name, "gpiomon");
	ck_assert_str_eq(holders.v[0].command, "/usr/bin/gpiomon -x?");
	ck_assert_uint_eq(holders.v[0].uid, getuid());
}
END_TEST

START_TEST(a_line_among_others_of_a_request_is_found)
{
	make_process(411, "gpiomon");
	make_fd(411, 5, LINE_FD,
		"gpio-chip:\tgpiochip0\ngpio-line:\t3\ngpio-line:\t7\ngpio-line:\t9\n");
	find();
	ck_assert_uint_eq(holders.n, 1);
	ck_assert(holders.v[0].certain);
}
END_TEST

static const struct {
	const char *target, *rows;
} others[] = {
	{ LINE_FD, "gpio-chip:\tgpiochip0\ngpio-line:\t6\n" },
	{ LINE_FD, "gpio-chip:\tgpiochip0\ngpio-line:\t77\n" },
	{ LINE_FD, "gpio-chip:\tgpiochip1\ngpio-line:\t7\n" },
	{ LINE_FD, "gpio-chip:\tgpiochip01\ngpio-line:\t7\n" },
	{ "/dev/gpiochip0", LINE_7 },
	{ "/tmp/anon_inode:gpio-line", LINE_7 },
	{ "anon_inode:[eventfd]", "" },
};

START_TEST(other_lines_and_files_do_not_count)
{
	make_process(411, "gpiomon");
	make_fd(411, 5, others[_i].target, others[_i].rows);
	find();
	ck_assert_uint_eq(holders.n, 0);
}
END_TEST

static const char *const silent[] = { LINE_FD, "anon_inode:gpio-linehandle",
	"anon_inode:gpio-event" };

START_TEST(a_kernel_that_does_not_say_which_lines_leaves_it_uncertain)
{
	make_process(411, "gpiomon");
	make_fd(411, 5, silent[_i], "");
	find();
	ck_assert_uint_eq(holders.n, 1);
	ck_assert(!holders.v[0].certain);
}
END_TEST

START_TEST(who_is_certain_comes_first_and_each_process_once)
{
	for (int pid = 411; pid < 415; pid++) {
		make_process(pid, "gpiomon");
		make_fd(pid, 5, "anon_inode:gpio-event", "");
		make_fd(pid, 6, "anon_inode:gpio-event", "");
		if (pid == 412 || pid == 414)
			make_fd(pid, 7, LINE_FD, LINE_7);
	}
	find();
	ck_assert_uint_eq(holders.n, 4);
	for (size_t i = 0; i < holders.n; i++)
		ck_assert(holders.v[i].certain == (i < 2));
}
END_TEST

static void become(uid_t uid)
{
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(uid), 0);
}

START_TEST(processes_of_others_are_said_to_be_hidden)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/300/fd", proc);
	ck_assert_int_eq(chmod(proc, 0755), 0);
	ck_assert_int_eq(chmod(path, 0), 0);
	become(65534);
	find();
	become(0);
	ck_assert(holders.hidden);
	ck_assert_int_eq(chmod(path, 0755), 0);
}
END_TEST

START_TEST(a_process_that_has_ended_meanwhile_is_no_error)
{
	make_dir("500"); /* nothing in it any more */
	find();
	ck_assert_uint_eq(holders.n, 0);
	ck_assert(!holders.hidden);
}
END_TEST

START_TEST(without_proc_it_is_an_error)
{
	ck_assert_int_eq(holders_find("/nonexistent", "gpiochip0", 7, &holders), -ENOENT);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("holders");
	TCase *tcase = tcase_create("holders");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, nobody_holds_a_line_that_no_descriptor_names);
	tcase_add_test(tcase, a_process_that_holds_the_line_is_found);
	tcase_add_test(tcase, a_line_among_others_of_a_request_is_found);
	tcase_add_loop_test(tcase, other_lines_and_files_do_not_count, 0, COUNT(others));
	tcase_add_loop_test(tcase, a_kernel_that_does_not_say_which_lines_leaves_it_uncertain, 0,
		COUNT(silent));
	tcase_add_test(tcase, who_is_certain_comes_first_and_each_process_once);
	tcase_add_test(tcase, processes_of_others_are_said_to_be_hidden);
	tcase_add_test(tcase, a_process_that_has_ended_meanwhile_is_no_error);
	tcase_add_test(tcase, without_proc_it_is_an_error);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
