/* SPDX-License-Identifier: MIT */

/*
 * A daemon that goes on where another was killed, at moments that a kill from outside seldom hits:
 * when an event is in the log and the records are as they were before it, and before and after each
 * change of a record (-Wl,--wrap).
 */

#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kept.h"
#include "left.h"
#include "log.h"
#include "rig.h"

static void sleep_ms(long ms)
{
	ck_assert_int_eq(nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL), 0);
}

static unsigned count(enum log_kind kind)
{
	const struct log *log = &rig.daemon.log;
	unsigned n = 0;

	for (uint64_t seq = log->tail; seq <= log->head; seq++)
		n += log_at(log, seq)->kind == kind;
	return n;
}

static void run_until(enum log_kind kind, unsigned n)
{
	while (count(kind) < n)
		rig_wait();
}

/* The daemon that armed a timer is killed when its next expiry has been logged; the next one. */
static void kill_after_expiry(struct client *client, long after_ms)
{
	const unsigned told = count(LOG_TIMER);
	int records = left_copy(), log;

	sleep_ms(after_ms);
	run_until(LOG_TIMER, told + 1);
	log = left_copy();
	left_mix(log, records);
	close(records);
	rig_stop();
	left_hand_over(log);
	rig_start(NULL);
	client_connect(client);
}

START_TEST(an_expiry_that_was_told_is_not_told_again)
{
	struct client client;

	rig_start(NULL);
	client_connect(&client);
	client_ask(&client, "{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"2ms\",\"keep\":true}");
	kill_after_expiry(&client, 0);
	ck_assert(has_in(client_ask(&client, "{\"op\":\"timers\"}"), "\"timers\":[]"));
	ck_assert_uint_eq(count(LOG_TIMER), 1);
	rig_stop();
}
END_TEST

/* Of all events together, each due time once. */
static void check_expirations(uint64_t first_ns, uint64_t every_ns)
{
	const struct log *log = &rig.daemon.log;
	uint64_t total = 0;

	for (uint64_t seq = log->tail; seq <= log->head; seq++) {
		const struct log_entry *entry = log_at(log, seq);
		char line[WIRE_MAX_EVENT_BYTES + 1] = "";

		if (entry->kind != LOG_TIMER)
			continue;
		memcpy(line, log_bytes(log, entry), entry->length);
		total += number_in(line, "expirations");
		ck_assert_uint_eq(
			number_in(line, "timestamp_ns"), first_ns + (total - 1) * every_ns);
	}
	ck_assert_uint_gt(total, 0);
}

START_TEST(a_periodic_timer_is_told_each_due_time_once)
{
	static const long late_ms[] = { 0, 12, 37 };
	struct client client;
	uint64_t first_ns;

	rig_start(NULL);
	client_connect(&client);
	first_ns = number_in(
		client_ask(&client,
			"{\"op\":\"arm\",\"timer\":\"t\",\"every\":\"10ms\",\"keep\":true}"),
		"timestamp_ns");
	kill_after_expiry(&client, late_ms[_i]);
	sleep_ms(late_ms[_i]);
	kill_after_expiry(&client, late_ms[_i]);
	sleep_ms(25);
	rig_settle();
	check_expirations(first_ns, 10000000);
	rig_stop();
}
END_TEST

/* Killed at a change of a record. */

static unsigned die_at; /* counts down in the process that dies; 0: never */

void __real_kept_put(
	struct kept *kept, uint32_t *handle, enum kept_kind kind, const void *record, size_t n);
void __real_kept_drop(struct kept *kept, uint32_t *handle);
void __wrap_kept_put(
	struct kept *kept, uint32_t *handle, enum kept_kind kind, const void *record, size_t n);
void __wrap_kept_drop(struct kept *kept, uint32_t *handle);

static void may_die(void)
{
	if (die_at > 0 && --die_at == 0)
		(void)raise(SIGKILL);
}

void __wrap_kept_put(
	struct kept *kept, uint32_t *handle, enum kept_kind kind, const void *record, size_t n)
{
	may_die();
	__real_kept_put(kept, handle, kind, record, n);
	may_die();
}

void __wrap_kept_drop(struct kept *kept, uint32_t *handle)
{
	may_die();
	__real_kept_drop(kept, handle);
	may_die();
}

/* How many requests had been replied to; both processes see it. */
static unsigned *replied;

static void ask(struct client *client, const char *request)
{
	ck_assert(has_in(client_ask(client, "%s", request), "\"ok\":true"));
	++*replied;
}

/* Has `act` done by a process that is killed at the nth moment; false: it came to its end. The rig
 * is then the next daemon. */
static bool die_in(void (*act)(struct client *client), unsigned n, struct client *client)
{
	pid_t child;
	int status, log;

	*replied = 0;
	rig_start(NULL);
	client_connect(client);
	rig_settle();
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		die_at = n;
		act(client);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
	log = left_copy();
	rig_stop();
	left_hand_over(log);
	rig_start(NULL);
	client_connect(client);
	return WIFSIGNALED(status);
}

/* Whether the output is 1 by now, which is what the log says. */
static bool is_on(struct client *client, const char *line)
{
	const char *reply = client_ask(client, "{\"op\":\"get\",\"line\":\"%s\"}", line);

	ck_assert(has_in(reply, "\"ok\":true"));
	return has_in(reply, ":1}");
}

static void pulse(struct client *client)
{
	ask(client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1,\"pulse\":\"2ms\"}");
	run_until(LOG_OUTPUT, 2);
}

START_TEST(a_pulse_ends_whenever_the_daemon_dies)
{
	bool died = true;

	for (unsigned n = 1; died; n++) {
		struct client client;

		died = die_in(pulse, n, &client);
		sleep_ms(3);
		rig_settle();
		ck_assert_msg(!is_on(&client, "x"), "killed at moment %u", n);
		ck_assert_uint_eq(count(LOG_OUTPUT) % 2, 0);
		rig_stop();
	}
}
END_TEST

static void cancelled_pulse(struct client *client)
{
	ask(client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1,\"pulse\":\"20ms\"}");
	ask(client, "{\"op\":\"set\",\"line\":\"x\",\"value\":1}");
}

START_TEST(a_pulse_that_was_cancelled_never_ends)
{
	bool died = true;

	for (unsigned n = 1; died; n++) {
		struct client client;

		died = die_in(cancelled_pulse, n, &client);
		sleep_ms(25);
		rig_settle();
		if (*replied == 2)
			ck_assert(is_on(&client, "x"));
		rig_stop();
	}
}
END_TEST

static void expiry(struct client *client)
{
	ask(client,
		"{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"2ms\",\"values\":{\"x\":1,\"y\":1},"
		"\"keep\":true}");
	run_until(LOG_TIMER, 1);
}

START_TEST(a_timer_expires_once_whenever_the_daemon_dies)
{
	bool died = true;

	for (unsigned n = 1; died; n++) {
		struct client client;

		died = die_in(expiry, n, &client);
		sleep_ms(3);
		rig_settle();
		if (*replied == 1)
			ck_assert_uint_eq(count(LOG_TIMER), 1);
		ck_assert_uint_le(count(LOG_TIMER), 1);
		ck_assert_uint_eq(count(LOG_OUTPUT), 2 * count(LOG_TIMER));
		ck_assert(is_on(&client, "x") == (count(LOG_TIMER) == 1));
		rig_stop();
	}
}
END_TEST

static void armed_again(struct client *client)
{
	ask(client,
		"{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"1h\",\"tag\":\"old\",\"keep\":true}");
	ask(client,
		"{\"op\":\"arm\",\"timer\":\"t\",\"after\":\"2h\",\"tag\":\"new\",\"keep\":true}");
	ask(client, "{\"op\":\"disarm\",\"timer\":\"t\"}");
}

START_TEST(a_timer_is_armed_as_it_was_said_last)
{
	static const char *const wanted[] = { "", "\"old\"", "\"new\"", "\"timers\":[]" };
	bool died = true;

	for (unsigned n = 1; died; n++) {
		struct client client;
		const char *list;

		died = die_in(armed_again, n, &client);
		list = client_ask(&client, "{\"op\":\"timers\"}");
		/* What was being done may have been done. */
		ck_assert_msg(has_in(list, wanted[*replied]) ||
				      (*replied < 3 && has_in(list, wanted[*replied + 1])),
			"killed at moment %u, after %u replies: %s", n, *replied, list);
		rig_stop();
	}
}
END_TEST

static void dynamic_lines(struct client *client)
{
	ask(client, "{\"op\":\"request\",\"line\":\"GPIO20\",\"direction\":\"output\",\"initial\":"
		    "1,\"keep\":true}");
	ask(client, "{\"op\":\"set\",\"line\":\"GPIO20\",\"value\":0}");
	ask(client,
		"{\"op\":\"request\",\"line\":\"GPIO20\",\"drive\":\"open-drain\",\"keep\":true}");
	ask(client, "{\"op\":\"release\",\"line\":\"GPIO20\"}");
}

START_TEST(a_kept_line_is_as_it_was_said_last)
{
	static const char *const wanted[] = { "\"held\":false", "\"value\":1,", "\"value\":0,",
		"open-drain", "\"held\":false" };
	bool died = true;

	for (unsigned n = 1; died; n++) {
		struct client client;
		const char *info;

		died = die_in(dynamic_lines, n, &client);
		info = client_ask(&client, "{\"op\":\"lines\",\"line\":\"GPIO20\"}");
		ck_assert_msg(has_in(info, wanted[*replied]) ||
				      (*replied < 4 && has_in(info, wanted[*replied + 1])) ||
				      (*replied == 3 && has_in(info, "\"input\"")),
			"killed at moment %u, after %u replies: %s", n, *replied, info);
		ck_assert_msg(has_in(info, "\"held\":false") == has_in(info, "\"users\":[]"),
			"killed at moment %u, after %u replies: %s", n, *replied, info);
		/* The connection that requested it may still be awaited. */
		ask(&client, "{\"op\":\"release\",\"line\":\"GPIO20\"}");
		info = client_ask(&client, "{\"op\":\"lines\",\"line\":\"GPIO20\"}");
		ck_assert_msg(!has_in(info, "\"keep\":true"), "%s", info);
		rig_stop();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adopt");
	TCase *tcase = tcase_create("adopt");
	SRunner *runner = srunner_create(suite);
	int failed;

	replied = mmap(
		NULL, sizeof(*replied), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_expiry_that_was_told_is_not_told_again);
	tcase_add_loop_test(tcase, a_periodic_timer_is_told_each_due_time_once, 0, 3);
	tcase_add_test(tcase, a_pulse_ends_whenever_the_daemon_dies);
	tcase_add_test(tcase, a_pulse_that_was_cancelled_never_ends);
	tcase_add_test(tcase, a_timer_expires_once_whenever_the_daemon_dies);
	tcase_add_test(tcase, a_timer_is_armed_as_it_was_said_last);
	tcase_add_test(tcase, a_kept_line_is_as_it_was_said_last);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
