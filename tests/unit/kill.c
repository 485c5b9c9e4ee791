/* SPDX-License-Identifier: MIT */

/*
 * The daemon, killed. A child runs rounds of the whole daemon, edges in and log out, until the
 * parent kills it at some point of its work; the log is in a memfd that both have. What is found
 * then must be whole, and no edge may be missing: each one that was taken out of its pipe is in the
 * log, or in the staging area and newer than what the log last said of its line. The next daemon,
 * which is handed a copy, tells those first.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "left.h"
#include "line.h"
#include "log.h"
#include "rig.h"

#define KILLS 320

static const char *const log_sizes[] = { "log-size = 64K\n", "log-size = 128K\n",
	"log-size = 1M\n" };

/* Edges of all three lines, in lots that a pipe takes whole or not at all. */
static void feed_some(bool level[RIG_FEEDS])
{
	struct gpio_v2_line_event lot[20];

	for (unsigned feed = 0; feed < RIG_FEEDS; feed++) {
		uint32_t first = rig.line_seqno[feed];

		for (uint32_t i = 0; i < 20; i++) {
			level[feed] = !level[feed];
			lot[i] = (struct gpio_v2_line_event){ .timestamp_ns = rig.edge_ns += 1000,
				.id = level[feed] ? GPIO_V2_LINE_EVENT_RISING_EDGE
						  : GPIO_V2_LINE_EVENT_FALLING_EDGE,
				.offset = feed,
				.line_seqno = first + i + 1 };
		}
		if (write(rig.feeds[feed], lot, sizeof(lot)) == (ssize_t)sizeof(lot))
			rig.line_seqno[feed] += 20;
	}
}

static void run(void)
{
	for (;;)
		if (daemon_round(&rig.daemon) < 0)
			_exit(1);
}

/* Feeds the child until it has logged so much, and kills it at that moment. */
static void kill_at(pid_t child, uint64_t seq)
{
	bool level[RIG_FEEDS] = { false };
	int status;

	while (atomic_load(&rig.daemon.log.header->published) < seq) {
		feed_some(level);
		if (rand() % 4 == 0)
			sched_yield();
	}
	/* And a little later, so that it is at any instruction. */
	for (volatile int spin = rand() % 3000; spin > 0; spin--)
		;
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}

static double member(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	ck_assert_ptr_nonnull(item);
	return item->valuedouble;
}

/* Every line is whole JSON with its number, and each line's edges are without a gap; the last of
 * each. */
static void read_log(const struct log *log, uint32_t last[RIG_FEEDS])
{
	for (uint64_t seq = log->tail; seq <= log->head; seq++) {
		const struct log_entry *entry = log_at(log, seq);
		cJSON *event = cJSON_ParseWithLength(log_bytes(log, entry), entry->length);
		unsigned feed;
		uint32_t line_seq;

		ck_assert_msg(event != NULL, "%.*s", entry->length, log_bytes(log, entry));
		ck_assert(member(event, "seq") == (double)seq);
		if (entry->kind <= LOG_FALLING) {
			feed = (unsigned)cJSON_GetObjectItem(event, "line")->valuestring[0] - 'a';
			line_seq = (uint32_t)member(event, "line_seq");
			ck_assert_uint_lt(feed, RIG_FEEDS);
			ck_assert(last[feed] == 0 || line_seq == last[feed] + 1);
			last[feed] = line_seq;
		} else {
			ck_assert_uint_ne(entry->kind, LOG_LOST);
		}
		cJSON_Delete(event);
	}
}

static const struct log_line_copy *copy_of(const struct log *log, uint32_t state)
{
	return &log->states[state].copy[log->states[state].turn & 1];
}

/* What the state table says of each line is what the log says of it. */
static void compare_states(const struct log *log, const uint32_t last[RIG_FEEDS])
{
	for (unsigned feed = 0; feed < RIG_FEEDS; feed++) {
		const struct line *line = rig.daemon.lines.v[feed];
		const struct log_line_copy *copy = copy_of(
			log, (uint32_t)(line->state - rig.daemon.log.states));

		ck_assert_uint_eq(copy->held, 1);
		ck_assert_uint_eq(copy->line_seqno, copy->line_seq);
		if (last[feed] == 0) /* its edges have all gone from the log, or there were none */
			continue;
		ck_assert_uint_eq(copy->line_seqno, last[feed]);
		ck_assert_uint_eq(copy->value, last[feed] & 1);
	}
}

/* The staged edges that the log does not have yet: they follow on what it has, without a gap. */
static void read_stages(const struct log *log, uint32_t next[RIG_FEEDS])
{
	for (size_t i = 0; i < LOG_STAGE_SLOTS; i++) {
		const struct log_stage *stage = &log->stages[i];

		for (size_t k = 0; k < LOG_STAGE_EVENTS && stage->events[k].line_seqno; k++) {
			const struct gpio_v2_line_event *edge = &stage->events[k];
			const struct log_line_copy *copy = copy_of(log, stage->state);

			ck_assert_uint_eq(log->states[stage->state].offset, edge->offset);
			ck_assert_uint_eq(copy->generation, stage->generation);
			if ((int32_t)(edge->line_seqno - copy->line_seqno) <= 0)
				continue;
			ck_assert_uint_eq(edge->line_seqno, next[edge->offset]);
			next[edge->offset]++;
		}
	}
}

/* What nobody has read yet follows on that, or nothing is left and that was the last. */
static void read_pipes(const uint32_t next[RIG_FEEDS])
{
	for (unsigned feed = 0; feed < RIG_FEEDS; feed++) {
		struct gpio_v2_line_event edge;
		int fd = rig.daemon.config->feeds[feed].fd;

		if (read(fd, &edge, sizeof(edge)) == (ssize_t)sizeof(edge))
			ck_assert_uint_eq(edge.line_seqno, next[feed]);
		else
			ck_assert_uint_eq(rig.line_seqno[feed] + 1, next[feed]);
	}
}

/* What the next daemon has logged after `head`: first the edges that follow on the last ones and
 * were read, then, of each line, that more may be missing. */
static void read_next_log(uint64_t head, uint32_t last[RIG_FEEDS], const uint32_t next[RIG_FEEDS])
{
	const struct log *log = &rig.daemon.log;
	bool lost[RIG_FEEDS] = { false };

	ck_assert_uint_gt(log->head, head);
	for (uint64_t seq = head + 1; seq <= log->head; seq++) {
		const struct log_entry *entry = log_at(log, seq);
		cJSON *event = cJSON_ParseWithLength(log_bytes(log, entry), entry->length);
		unsigned feed = (unsigned)cJSON_GetObjectItem(event, "line")->valuestring[0] - 'a';

		if (entry->kind <= LOG_FALLING) {
			ck_assert(!lost[feed]);
			ck_assert_uint_eq((uint32_t)member(event, "line_seq"), ++last[feed]);
		} else if (entry->kind == LOG_LOST) {
			ck_assert(!lost[feed]);
			lost[feed] = true;
		}
		cJSON_Delete(event);
	}
	for (unsigned feed = 0; feed < RIG_FEEDS; feed++) {
		ck_assert_uint_eq(last[feed] + 1, next[feed]);
		ck_assert(lost[feed]);
	}
}

static unsigned staged, evicted;

/* Of what was found: its head, the last edge that it has of each line, and the next that was not
 * read. */
static uint64_t examine(uint32_t last[RIG_FEEDS], uint32_t next[RIG_FEEDS])
{
	uint64_t head;
	struct log found;
	const char *why = "";
	int fd = fcntl(rig.daemon.log.fd, F_DUPFD_CLOEXEC, 0);

	ck_assert_msg(log_adopt(&found, fd, &why) == 0, "%s", why);
	ck_assert_msg(log_check(&found, &why) == 0, "%s", why);
	read_log(&found, last);
	compare_states(&found, last);
	for (unsigned feed = 0; feed < RIG_FEEDS; feed++) {
		const struct line *line = rig.daemon.lines.v[feed];
		uint32_t state = (uint32_t)(line->state - rig.daemon.log.states);

		last[feed] = copy_of(&found, state)->line_seqno;
		next[feed] = last[feed] + 1;
	}
	read_stages(&found, next);
	read_pipes(next);
	for (unsigned feed = 0; feed < RIG_FEEDS; feed++)
		staged += next[feed] != last[feed] + 1;
	evicted += found.tail > 1;
	head = found.head;
	log_done(&found);
	return head;
}

START_TEST(a_killed_daemon_loses_no_edge)
{
	const int kills = getenv("LD_PRELOAD") ? 10
					       : KILLS; /* under valgrind each takes a second */

	staged = evicted = 0;
	for (int i = 0; i < kills; i++) {
		uint32_t last[RIG_FEEDS] = { 0 }, next[RIG_FEEDS];
		uint64_t head;
		pid_t child;
		int fd;

		srand((unsigned)i);
		rig_start(log_sizes[i % 3]);
		child = fork();
		if (child == 0)
			run();
		ck_assert_int_gt(child, 0);
		kill_at(child, rig.daemon.log.head + (uint64_t)(rand() % 3000));
		fd = left_copy(); /* the daemon in this process, which ends as it should, writes to
				     it */
		head = examine(last, next);
		rig_stop();
		left_hand_over(fd);
		rig_start(log_sizes[i % 3]);
		read_next_log(head, last, next);
		rig_stop();
	}
	/* Both were met: edges caught between reading and logging, and logs that had turned over.
	 */
	ck_assert_uint_gt(staged, 0);
	ck_assert_uint_gt(evicted, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kill");
	TCase *tcase = tcase_create("kill");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_killed_daemon_loses_no_edge);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
