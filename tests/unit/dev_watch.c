/* SPDX-License-Identifier: MIT */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dev_watch.h"

static char directory[] = "/tmp/gpioeventd.XXXXXX";
static int fd;

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void make(const char *name)
{
	int file = open(path_of(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(file, 0);
	close(file);
}

static void start(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	make("gpiochip0");
	make("tty0");
	make("tty1");
	fd = dev_watch_open(directory);
	ck_assert_int_ge(fd, 0);
}

static void stop(void)
{
	static const char *const names[] = { "gpiochip0", "gpiochip1", "tty0", "tty1", "tty2" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(path_of(names[i]));
	(void)rmdir(directory);
	close(fd);
}

static bool is_ready(void)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0;
}

START_TEST(nothing_is_told_when_nothing_happens)
{
	ck_assert(!is_ready());
	ck_assert(!dev_watch_read(fd));
}
END_TEST

START_TEST(a_chip_that_is_made_is_told_once)
{
	make("gpiochip1");
	ck_assert(is_ready());
	ck_assert(dev_watch_read(fd));
	ck_assert(!is_ready());
}
END_TEST

START_TEST(a_chip_that_gets_its_mode_is_told)
{
	ck_assert_int_eq(chmod(path_of("gpiochip0"), 0660), 0);
	ck_assert(dev_watch_read(fd));
}
END_TEST

START_TEST(a_chip_that_gets_its_name_is_told)
{
	char to[64];

	snprintf(to, sizeof(to), "%s", path_of("gpiochip1"));
	ck_assert_int_eq(rename(path_of("tty0"), to), 0);
	ck_assert(dev_watch_read(fd));
}
END_TEST

START_TEST(other_devices_are_not_told)
{
	make("tty2");
	ck_assert_int_eq(chmod(path_of("tty0"), 0666), 0);
	ck_assert_int_eq(unlink(path_of("gpiochip0")), 0);
	ck_assert(!dev_watch_read(fd));
	ck_assert(!is_ready());
}
END_TEST

static unsigned queue_length(void)
{
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	unsigned n = 16384;

	ck_assert(!file || fscanf(file, "%u", &n) == 1);
	if (file)
		fclose(file);
	return n;
}

/* The chip is among what the kernel has dropped. */
START_TEST(more_than_the_kernel_keeps_is_told_as_a_chip_that_may_have_come)
{
	bool told = false;

	for (unsigned i = 0; i < queue_length() + 2; i++)
		ck_assert_int_eq(chmod(path_of(i % 2 ? "tty0" : "tty1"), 0600), 0);
	make("gpiochip1");
	while (is_ready())
		told |= dev_watch_read(fd);
	ck_assert(told);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
	ck_assert_int_eq(dev_watch_open(path_of("pts")), -ENOENT);
	ck_assert_int_eq(dev_watch_open(path_of("tty0")), -ENOTDIR);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dev_watch");
	TCase *tcase = tcase_create("dev_watch");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, nothing_is_told_when_nothing_happens);
	tcase_add_test(tcase, a_chip_that_is_made_is_told_once);
	tcase_add_test(tcase, a_chip_that_gets_its_mode_is_told);
	tcase_add_test(tcase, a_chip_that_gets_its_name_is_told);
	tcase_add_test(tcase, other_devices_are_not_told);
	tcase_add_test(tcase, more_than_the_kernel_keeps_is_told_as_a_chip_that_may_have_come);
	tcase_add_test(tcase, a_directory_that_is_not_there_is_an_error);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
