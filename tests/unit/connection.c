/* SPDX-License-Identifier: MIT */
/* client/lib/connection.c, against a listener in this process. */

#include "connection.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[] = "/tmp/connection-XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener = -1, peer = -1;
static struct connection *connection;

static void setup(void)
{
	strcpy(directory, "/tmp/connection-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(connection_open(address.sun_path, 1000, &connection), 0);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
}

static void teardown(void)
{
	connection = connection_free(connection);
	close(peer);
	close(listener);
	unlink(address.sun_path);
	rmdir(directory);
}

static void say(const char *bytes, size_t n)
{
	ck_assert_int_eq(send(peer, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void expect_line(const char *wanted)
{
	char *line;
	size_t n;

	ck_assert_int_eq(connection_receive(connection, 1000, &line, &n), 0);
	ck_assert_str_eq(line, wanted);
	ck_assert_uint_eq(n, strlen(wanted));
}

static int receive_fails(int timeout_ms)
{
	char *line;
	size_t n;

	return connection_receive(connection, timeout_ms, &line, &n);
}

START_TEST(lines_are_cut_wherever_the_reads_end)
{
	static const char text[] = "{\"ok\":true}\n\n{\"event\":\"edge\"}\n";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		say(text + i, 1);
		ck_assert_int_eq(connection_fill(connection), 0);
	}
	expect_line("{\"ok\":true}");
	expect_line("");
	expect_line("{\"event\":\"edge\"}");
	ck_assert_int_eq(receive_fails(0), -ETIMEDOUT);
}
END_TEST

START_TEST(a_line_of_65536_bytes_is_taken_and_a_longer_one_is_not)
{
	static char line[65537];

	memset(line, 'x', sizeof(line));
	line[65535] = '\n';
	say(line, 65536);
	line[65535] = '\0';
	expect_line(line);

	line[65535] = 'x';
	say(line, 65537);
	ck_assert_int_eq(receive_fails(1000), -EMSGSIZE);
}
END_TEST

START_TEST(what_arrived_before_the_end_is_delivered)
{
	say("last\nhalf", 9);
	close(peer);
	peer = -1;
	expect_line("last");
	ck_assert_int_eq(receive_fails(1000), -EPIPE);
}
END_TEST

START_TEST(a_peer_that_ends_with_requests_unread_is_an_end_too)
{
	ck_assert_int_eq(connection_send(connection, "x\n", 2, 0), 0);
	close(peer);
	peer = -1;
	ck_assert_int_eq(receive_fails(1000), -EPIPE);
	ck_assert_int_eq(connection_send(connection, "x\n", 2, 0), -EPIPE);
}
END_TEST

START_TEST(a_peer_that_reads_nothing_ends_a_send_in_time)
{
	static char much[1 << 22];

	ck_assert_int_eq(connection_send(connection, much, sizeof(much), 10), -ETIMEDOUT);
}
END_TEST

START_TEST(the_end_of_requests_leaves_the_other_way_open)
{
	char byte;

	ck_assert_int_eq(connection_send(connection, "x", 1, 0), 0);
	ck_assert_int_eq(connection_end_requests(connection), 0);
	ck_assert_int_eq(read(peer, &byte, 1), 1);
	ck_assert_int_eq(read(peer, &byte, 1), 0);
	say("reply\n", 6);
	expect_line("reply");
}
END_TEST

START_TEST(its_descriptor_becomes_readable_and_is_not_inherited)
{
	struct pollfd pollfd = { .fd = connection_fd(connection), .events = POLLIN };

	ck_assert_int_eq(poll(&pollfd, 1, 0), 0);
	say("x\n", 2);
	ck_assert_int_eq(poll(&pollfd, 1, 1000), 1);
	ck_assert_int_eq(fcntl(pollfd.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

START_TEST(a_daemon_that_accepts_nobody_is_given_up)
{
	struct connection *others[8] = { NULL }, *one_more;
	int r = 0;

	/* The queue of one takes a few; then connecting would wait for ever. */
	for (size_t i = 0; i < 8 && r == 0; i++)
		r = connection_open(address.sun_path, 10, &others[i]);
	ck_assert_int_eq(r, -EAGAIN);
	for (size_t i = 0; i < 8; i++)
		connection_free(others[i]);

	ck_assert_int_eq(connection_open("/nonexistent/socket", 10, &one_more), -ENOENT);
	close(listener);
	listener = -1;
	ck_assert_int_eq(connection_open(address.sun_path, 10, &one_more), -ECONNREFUSED);
}
END_TEST

START_TEST(a_path_of_107_bytes_fits_and_of_108_does_not)
{
	struct connection *none;
	char path[109];

	memset(path, '/', sizeof(path));
	path[108] = '\0';
	ck_assert_int_eq(connection_open(path, 10, &none), -ENAMETOOLONG);
	path[107] = '\0';
	ck_assert_int_eq(connection_open(path, 10, &none), -ECONNREFUSED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection");
	TCase *tcase = tcase_create("connection");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lines_are_cut_wherever_the_reads_end);
	tcase_add_test(tcase, a_line_of_65536_bytes_is_taken_and_a_longer_one_is_not);
	tcase_add_test(tcase, what_arrived_before_the_end_is_delivered);
	tcase_add_test(tcase, a_peer_that_ends_with_requests_unread_is_an_end_too);
	tcase_add_test(tcase, a_peer_that_reads_nothing_ends_a_send_in_time);
	tcase_add_test(tcase, the_end_of_requests_leaves_the_other_way_open);
	tcase_add_test(tcase, its_descriptor_becomes_readable_and_is_not_inherited);
	tcase_add_test(tcase, a_daemon_that_accepts_nobody_is_given_up);
	tcase_add_test(tcase, a_path_of_107_bytes_fits_and_of_108_does_not);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
