/* SPDX-License-Identifier: MIT */
/*
 * Which rules fit whom, and what they give. The kernel's answers of who is connected are this
 * file's (-Wl,--wrap), since a test cannot be everybody, and since they may fail.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "access.h"
#include "clock.h"
#include "line.h"
#include "peer.h"
#include "rig.h"

int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *n);

static int failing_option, failure; /* of the next calls; 0: none */
static size_t n_groups;		    /* that the next clients are in: 1000, 1001 and so on */

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *n)
{
	const socklen_t bytes = (socklen_t)(n_groups * sizeof(gid_t));

	if (failure && option == failing_option) {
		errno = failure;
		return -1;
	}
	if (option != SO_PEERGROUPS || n_groups == 0)
		return __real_getsockopt(fd, level, option, value, n);
	if (*n < bytes) {
		*n = bytes;
		errno = ERANGE;
		return -1;
	}
	for (size_t i = 0; i < n_groups; i++)
		((gid_t *)value)[i] = (gid_t)(1000 + i);
	*n = bytes;
	return 0;
}

int __real_accept4(int fd, struct sockaddr *address, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *n, int flags);

static int accept_failure; /* of the next failing_accepts calls */
static unsigned failing_accepts;

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *n, int flags)
{
	if (failing_accepts == 0)
		return __real_accept4(fd, address, n, flags);
	failing_accepts--;
	errno = accept_failure;
	return -1;
}

int __real_bind(int fd, const struct sockaddr *address, socklen_t n);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t n);

static const char *swapped_path, *swapped_for; /* once bound, it is a link to this; NULL: no */

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t n)
{
	const char *path = ((const struct sockaddr_un *)address)->sun_path;
	int r = __real_bind(fd, address, n);

	if (r == 0 && swapped_path && strcmp(path, swapped_path) == 0) {
		ck_assert_int_eq(unlink(path), 0);
		ck_assert_int_eq(symlink(swapped_for, path), 0);
	}
	return r;
}

int __wrap___getsockopt64(int fd, int level, int option, void *value, socklen_t *n)
	__attribute__((alias("__wrap_getsockopt")));

#define DAEMON "log-size = 64K\n[socket box]\n"

static void start(void)
{
	failure = 0;
	failing_accepts = 0;
	n_groups = 0;
	rig_start(DAEMON "[access users]\nusers = 20001, 20002\nlines = x\nverbs = see\n"
			 "[access groups]\ngroups = 30001 30002\nlines = x y\nverbs = watch\n"
			 "[access both]\nusers = 20003\ngroups = 30003\nlines = z\nverbs = set\n"
			 "[access box]\nusers = *\nsockets = box\nlines = p\nverbs = configure\n"
			 "[access all]\nusers = 20009\nsockets = *\nlines = *\nverbs = see\n"
			 "[access admins]\nusers = 20010\nverbs = admin\n");
}

static void stop(void)
{
	rig_stop();
}

static struct peer_id who(uid_t uid, gid_t gid, const char *socket)
{
	struct peer_id id = { .peer = 1, .uid = uid, .gid = gid };

	(void)snprintf(id.socket, sizeof(id.socket), "%s", socket);
	return id;
}

static uint64_t rules_of(uid_t uid, gid_t gid, gid_t group, const char *socket)
{
	struct peer_id id = who(uid, gid, socket);

	access_identify(&rig.daemon, &id, &group, 1);
	return id.rules;
}

enum { USERS = 1, GROUPS = 2, BOTH = 4, BOX = 8, ALL = 16, ADMINS = 32 };

START_TEST(a_rule_fits_by_user_or_group_and_by_socket)
{
	static const struct {
		uid_t uid;
		gid_t gid, group;
		const char *socket;
		uint64_t rules;
	} rows[] = {
		{ 20001, 1, 1, "gpioeventd", USERS },
		{ 20002, 1, 1, "gpioeventd", USERS },
		{ 20001, 1, 1, "box", BOX },
		{ 20001, 1, 1, "gpioevent", 0 },
		{ 20004, 1, 1, "gpioeventd", 0 },
		{ 20004, 30001, 1, "gpioeventd", GROUPS },
		{ 20004, 1, 30002, "gpioeventd", GROUPS },
		{ 20001, 1, 30002, "gpioeventd", USERS | GROUPS },
		{ 20003, 1, 1, "gpioeventd", BOTH },
		{ 1, 1, 30003, "gpioeventd", BOTH },
		{ 20009, 1, 1, "gpioeventd", ALL },
		{ 20009, 1, 1, "box", BOX | ALL },
		{ 20010, 1, 1, "gpioeventd", ADMINS },
		{ 30001, 20001, 20001, "gpioeventd", 0 }, /* a group is no user */
		{ 0, 0, 0, "gpioeventd", ACCESS_ALL },
		{ 0, 30001, 0, "gpioeventd", ACCESS_ALL | GROUPS },
		{ 0, 0, 0, "box", BOX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(rules_of(rows[i].uid, rows[i].gid, rows[i].group, rows[i].socket) ==
				      rows[i].rules,
			"row %zu", i);
}
END_TEST

static struct line *line_of(const char *name)
{
	struct wire_problem problem;
	struct line *line;

	ck_assert_int_eq(line_find_any(&rig.daemon, name, &line, &problem), WIRE_OK);
	return line;
}

START_TEST(a_verb_gives_the_weaker_ones)
{
	static const struct {
		const char *verb;
		bool may[ACCESS_VERB_N]; /* see, watch, set, configure, admin */
	} rows[] = {
		{ "see", { true } },
		{ "watch", { true, true } },
		{ "set", { true, false, true } },
		{ "configure", { true, true, true, true } },
		{ "watch set", { true, true, true } },
		{ "see admin", { true, false, false, false, true } },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer_id id = who(20001, 1, "gpioeventd");

		rig_stop();
		(void)snprintf(text, sizeof(text),
			DAEMON "[access a]\nusers = 20001\nlines = x\nverbs = %s\n", rows[i].verb);
		rig_start(text);
		access_identify(&rig.daemon, &id, NULL, 0);
		for (int verb = 0; verb < ACCESS_VERB_N; verb++)
			ck_assert_msg(access_may_any(&rig.daemon, &id, verb) == rows[i].may[verb],
				"%s: %d", rows[i].verb, verb);
		for (int verb = 0; verb < ACCESS_LINE_VERBS; verb++) {
			ck_assert(access_may(&id, line_of("x"), verb) == rows[i].may[verb]);
			ck_assert(!access_may(&id, line_of("y"), verb));
			ck_assert(access_may(NULL, line_of("y"), verb));
		}
	}
}
END_TEST

START_TEST(lines_are_named_in_any_spelling_and_by_patterns)
{
	static const struct {
		const char *lines, *has, *has_not;
	} rows[] = {
		{ "x", "x", "y" },
		{ "GPIO10", "x", "y" },
		{ "gpiochip0:10", "x", "y" },
		{ "gpioeventd-sim:10", "x", "y" },
		{ "?", "x", "GPIO20" },
		{ "GPIO1[01]", "x", "z" },
		{ "GPIO1*", "z", "GPIO20" },
		{ "gpiochip0:1?", "x", "GPIO2" },
		{ "gpioeventd-sim:*", "GPIO20", NULL },
		{ "*", "GPIO20", NULL },
		{ "nothing-there, x", "x", "y" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer_id id = who(20001, 1, "gpioeventd");

		rig_stop();
		(void)snprintf(text, sizeof(text),
			DAEMON "[access a]\nusers = 20001\nlines = %s\nverbs = see\n",
			rows[i].lines);
		rig_start(text);
		access_identify(&rig.daemon, &id, NULL, 0);
		ck_assert_msg(
			access_may(&id, line_of(rows[i].has), ACCESS_SEE), "%s", rows[i].lines);
		ck_assert_msg(
			!rows[i].has_not || !access_may(&id, line_of(rows[i].has_not), ACCESS_SEE),
			"%s", rows[i].lines);
	}
}
END_TEST

START_TEST(without_rules_everybody_may_do_everything_but_administer)
{
	struct peer_id id = who(20001, 1, "gpioeventd");

	rig_stop();
	rig_start(DAEMON);
	access_identify(&rig.daemon, &id, NULL, 0);
	ck_assert(access_may(&id, line_of("x"), ACCESS_CONFIGURE));
	ck_assert(access_may(&id, line_of("GPIO20"), ACCESS_CONFIGURE));
	ck_assert(!access_may_any(&rig.daemon, &id, ACCESS_ADMIN));
	/* A further socket gives only what a rule for it does, even to root. */
	id = who(0, 0, "box");
	access_identify(&rig.daemon, &id, NULL, 0);
	ck_assert(!access_may_any(&rig.daemon, &id, ACCESS_SEE));
	ck_assert(!access_may_any(&rig.daemon, &id, ACCESS_ADMIN));
}
END_TEST

/* A claim, say, that was made by who has left, under rules that are no more. */
START_TEST(what_is_known_of_a_user_is_asked_anew_when_the_rules_change)
{
	struct peer_id id = who(20001, 1, "gpioeventd");

	access_identify(&rig.daemon, &id, NULL, 0);
	ck_assert(access_may(&id, line_of("x"), ACCESS_SEE));
	rig.daemon.config->rules[0].uids[0] = 20005;
	access_reload(&rig.daemon);
	ck_assert_uint_ne(id.rules, 0);
	ck_assert(!access_may(&id, line_of("x"), ACCESS_SEE));
	rig.daemon.config->rules[0].uids[1] = 20001;
	access_reload(&rig.daemon);
	ck_assert(access_may(&id, line_of("x"), ACCESS_SEE));
}
END_TEST

START_TEST(of_many_groups_those_that_rules_name_are_remembered)
{
	struct peer_id id = who(20007, 1, "gpioeventd");
	gid_t groups[100];

	for (gid_t i = 0; i < 100; i++)
		groups[i] = i == 98 ? 30003 : i == 99 ? 30001 : 40000 + i;
	access_identify(&rig.daemon, &id, groups, 100);
	ck_assert_uint_eq(id.rules, GROUPS | BOTH);
	ck_assert_uint_eq(id.n_groups, PEER_GROUPS);
	ck_assert_uint_eq(id.groups[0], 30003);
	ck_assert_uint_eq(id.groups[1], 30001);
	ck_assert_uint_eq(id.groups[2], 40000);
	access_identify(&rig.daemon, &id, NULL, 0);
	ck_assert_uint_eq(id.rules, GROUPS | BOTH);
}
END_TEST

/* The least of some times that it takes to find the rules of who is in as many groups as can be. */
static uint64_t identify_ns(void)
{
	static gid_t groups[65536];
	struct peer_id id = who(20007, 1, "gpioeventd");
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < 65536; i++)
		groups[i] = (gid_t)(i < 65535 ? 100000 + i : 30003);
	for (int i = 0; i < 5; i++) {
		const uint64_t begin_ns = clock_now_ns();
		uint64_t took_ns;

		access_identify(&rig.daemon, &id, groups, 65536);
		took_ns = clock_now_ns() - begin_ns;
		least = took_ns < least ? took_ns : least;
		ck_assert(id.rules & BOTH);
		ck_assert_uint_eq(id.groups[0], 30003);
		ck_assert_uint_eq(id.groups[1], 100000);
	}
	return least;
}

/* Who connects again and again with many groups takes nobody's time. */
START_TEST(many_groups_and_many_rules_do_not_multiply)
{
	const uint64_t few_ns = identify_ns();
	struct config *config = rig.daemon.config;
	struct access_rule *few = config->rules, *rules = calloc(CONFIG_RULES_MAX, sizeof(*rules));
	const size_t n_few = config->n_rules;

	memcpy(rules, few, n_few * sizeof(*few));
	for (size_t i = n_few; i < CONFIG_RULES_MAX; i++) {
		rules[i] = few[1];
		rules[i].n_gids = ACCESS_IDS_MAX;
		for (size_t k = 0; k < ACCESS_IDS_MAX; k++)
			rules[i].gids[k] = (gid_t)(50000 + i * ACCESS_IDS_MAX + k);
	}
	config->rules = rules;
	config->n_rules = CONFIG_RULES_MAX;
	ck_assert_uint_lt(identify_ns(), 30 * few_ns);
	config->rules = few;
	config->n_rules = n_few;
	free(rules);
}
END_TEST

/* Who has the folder, as a container, must not get at files elsewhere. */
START_TEST(a_link_put_in_the_place_of_a_socket_is_not_followed)
{
	char folder[] = "/tmp/gpioeventd-unit-XXXXXX", path[64], victim[64], text[256];
	struct stat st;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	(void)snprintf(victim, sizeof(victim), "%s/victim", folder);
	fd = open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	rig_stop();
	swapped_path = path;
	swapped_for = victim;
	(void)snprintf(text, sizeof(text), DAEMON "path = %s\nmode = 0666\ngroup = 12345\n", path);
	rig_start(text);
	swapped_path = NULL;
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_ne(st.st_gid, 12345);
	close(fd);

	/* And the mode and the group are those that are said. */
	rig_stop();
	(void)unlink(path);
	rig_start(text);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0666);
	ck_assert(geteuid() != 0 || st.st_gid == 12345);
	rig_stop();
	rig_start(DAEMON);
	(void)unlink(victim);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/socket.lock", folder);
	(void)unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", rig.directory);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	rig_settle();
	return fd;
}

START_TEST(who_cannot_be_known_is_refused)
{
	static const int options[] = { SO_PEERCRED, SO_PEERGROUPS };
	static const int failures[] = { ENOPROTOOPT, EINVAL, ENODATA, ERANGE };
	const uint64_t before = rig.daemon.stats.refused;
	char byte;

	for (size_t i = 0; i < 8; i++) {
		int fd;

		failing_option = options[i % 2];
		failure = failures[i / 2];
		fd = connect_raw();
		ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
		close(fd);
		ck_assert_uint_eq(rig.daemon.server.n_peers, 0);
		ck_assert(list_empty(&rig.daemon.server.users));
	}
	ck_assert_uint_eq(rig.daemon.stats.refused, before + 8);
	failure = 0;
	close(connect_raw());
}
END_TEST

START_TEST(groups_are_read_however_many_there_are)
{
	static const size_t numbers[] = { 1, 63, 64, 65, 1000, 65536 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct client client;

		n_groups = numbers[i];
		rig.daemon.config->rules[1].gids[0] = (gid_t)(1000 + n_groups - 1);
		client_connect(&client);
		ck_assert_msg(client.peer->id.rules & GROUPS, "%zu", n_groups);
		client_done(&client);
		rig_settle();
	}
}
END_TEST

START_TEST(a_lack_that_accepting_meets_is_waited_for)
{
	static const int lacks[] = { ENOMEM, ENOBUFS };

	for (size_t i = 0; i < 2; i++) {
		int fd;

		accept_failure = lacks[i];
		failing_accepts = 3;
		fd = connect_raw();
		ck_assert_uint_eq(failing_accepts, 2);
		while (rig.daemon.server.n_peers == 0)
			rig_wait();
		ck_assert_uint_eq(failing_accepts, 0);
		close(fd);
		rig_settle();
	}
}
END_TEST

/* Nobody would wake it. */
START_TEST(without_memory_to_wait_accepting_goes_on)
{
	int fd;

	accept_failure = ENOMEM;
	failing_accepts = 3;
	rig_fail_allocation(1);
	fd = connect_raw();
	ck_assert(rig_has_failed());
	while (rig.daemon.server.n_peers == 0)
		rig_wait();
	close(fd);
}
END_TEST

/* Numbers come round; 0 would be the daemon itself. */
START_TEST(no_connection_gets_the_number_of_the_daemon_or_of_another)
{
	struct client one, two, three;

	client_connect(&one);
	client_connect(&two);
	ck_assert_uint_eq(one.peer->id.peer, 1);
	rig.daemon.server.next_peer = UINT32_MAX;
	client_connect(&three);
	ck_assert_uint_eq(three.peer->id.peer, 3);
	client_done(&one);
	client_done(&two);
	client_done(&three);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(all, start, stop);
	tcase_add_test(all, a_rule_fits_by_user_or_group_and_by_socket);
	tcase_add_test(all, a_verb_gives_the_weaker_ones);
	tcase_add_test(all, lines_are_named_in_any_spelling_and_by_patterns);
	tcase_add_test(all, without_rules_everybody_may_do_everything_but_administer);
	tcase_add_test(all, what_is_known_of_a_user_is_asked_anew_when_the_rules_change);
	tcase_add_test(all, of_many_groups_those_that_rules_name_are_remembered);
	tcase_add_test(all, many_groups_and_many_rules_do_not_multiply);
	tcase_add_test(all, a_link_put_in_the_place_of_a_socket_is_not_followed);
	tcase_add_test(all, who_cannot_be_known_is_refused);
	tcase_add_test(all, groups_are_read_however_many_there_are);
	tcase_add_test(all, a_lack_that_accepting_meets_is_waited_for);
	tcase_add_test(all, without_memory_to_wait_accepting_goes_on);
	tcase_add_test(all, no_connection_gets_the_number_of_the_daemon_or_of_another);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
