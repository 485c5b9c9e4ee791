/* SPDX-License-Identifier: MIT */

#include "timer_kept.h"

#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "diag.h"
#include "event.h"
#include "kept_records.h"
#include "line.h"
#include "peer.h"
#include "session.h"
#include "user.h"

#define VALUES_MAX WIRE_MAX_LINES

static union {
	struct kept_timer timer;
	char bytes[sizeof(struct kept_timer) + VALUES_MAX * sizeof(struct kept_value)];
} record;

static size_t record_bytes(size_t n_values)
{
	return sizeof(struct kept_timer) + n_values * sizeof(struct kept_value);
}

void timer_remember(struct timer *timer)
{
	struct daemon *daemon = timer->daemon;

	record.timer = (struct kept_timer){ .by = timer->by,
		.owner_number = timer->owner ? timer->owner_number : 0,
		.armed = timer->armed,
		.every_ns = timer->every_ns,
		.at_ns = timer->deadline.at_ns,
		.seq = daemon->log.head,
		.keep = timer->keep,
		.notify = timer->notify,
		.has_tag = timer->tag != NULL,
		.n_values = (uint32_t)timer->n_values };
	memcpy(record.timer.name, timer->name, sizeof(record.timer.name));
	if (timer->tag)
		strncpy(record.timer.tag, timer->tag, sizeof(record.timer.tag) - 1);
	for (size_t i = 0; i < timer->n_values; i++) {
		kept_name_line(timer->lines[i], &record.timer.values[i].line);
		record.timer.values[i].value = timer->values[i];
	}
	kept_put(&daemon->log.kept, &timer->kept, KEPT_TIMER, &record,
		record_bytes(timer->n_values));
}

void timer_forget(struct timer *timer)
{
	kept_drop(&timer->daemon->log.kept, &timer->kept);
}

static uint64_t read_due(const char *bytes, size_t n)
{
	static const char key[] = "\"timestamp_ns\":";
	const char *at = memmem(bytes, n, key, strlen(key));

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* The newest due time that the log tells and the record does not know of; 0: none. */
static uint64_t find_told(const struct log *log, const struct timer *timer)
{
	for (uint64_t seq = log->head; seq > record.timer.seq && seq >= log->tail; seq--) {
		const struct log_entry *entry = log_at(log, seq);

		if (entry->kind == LOG_TIMER && entry->timer_hash == (uint32_t)timer->hash &&
			(!timer_is_private(timer) || entry->subject == timer->owner_number))
			return read_due(log_bytes(log, entry), entry->length);
	}
	return 0;
}

/* False: a line is not there any more, or memory is short. */
static bool restore_values(struct timer *timer)
{
	const size_t n = record.timer.n_values;

	if (n == 0)
		return true;
	timer->lines = malloc(n * (sizeof(*timer->lines) + sizeof(*timer->values)));
	if (!timer->lines)
		return false;

	timer->values = (uint8_t *)(timer->lines + n);
	timer->n_values = n;
	for (size_t i = 0; i < n; i++) {
		timer->lines[i] = kept_find_line(timer->daemon, &record.timer.values[i].line);
		timer->values[i] = record.timer.values[i].value != 0;
		if (!timer->lines[i])
			return false;
	}
	return true;
}

static bool restore_details(struct timer *timer)
{
	struct user *user;

	timer->by = record.timer.by;
	user = user_get(&timer->daemon->server, &timer->by);
	if (!user)
		return false;
	timer_set_user(timer, user);
	user_let_go(user);
	timer->armed = record.timer.armed;
	timer->every_ns = record.timer.every_ns;
	timer->keep = record.timer.keep;
	timer->notify = record.timer.notify;
	if (record.timer.has_tag) {
		timer->tag = strndup(record.timer.tag, WIRE_MAX_NAME_BYTES);
		if (!timer->tag)
			return false;
	}
	return restore_values(timer) &&
	       loop_set_deadline(&timer->daemon->loop, &timer->deadline, record.timer.at_ns) == 0;
}

/* The process died after the expiry was logged: it is not told twice. */
static void skip_told(struct timer *timer, uint64_t told_ns)
{
	if (!timer->every_ns) {
		timer_disarm(timer);
		return;
	}
	(void)loop_set_deadline(&timer->daemon->loop, &timer->deadline, told_ns + timer->every_ns);
	timer_remember(timer);
}

static bool is_sound(size_t n)
{
	return n >= sizeof(struct kept_timer) && record.timer.n_values <= VALUES_MAX &&
	       n == record_bytes(record.timer.n_values) &&
	       memchr(record.timer.name, 0, sizeof(record.timer.name)) && record.timer.name[0];
}

static void restore(uint32_t handle, size_t n, void *data)
{
	struct daemon *daemon = data;
	struct peer *owner = NULL;
	struct timer *timer;
	struct peer_id by;
	uint64_t told_ns;

	if (!is_sound(n)) {
		kept_drop(&daemon->log.kept, &handle);
		return;
	}
	by = record.timer.by;
	by.peer = record.timer.owner_number;
	if (by.peer)
		owner = session_owner(daemon, &by);
	timer = timer_restore(daemon, record.timer.name, owner);
	if (!timer) {
		diag_error("timer %s is lost: memory is short", record.timer.name);
		kept_drop(&daemon->log.kept, &handle);
		return;
	}
	timer->kept = handle;
	if (!restore_details(timer)) {
		diag_warning("timer %s has ended: a line that it sets is not there any more",
			timer->name);
		event_timer_ended(daemon, timer, "restart");
		timer_disarm(timer);
		return;
	}
	told_ns = find_told(&daemon->log, timer);
	if (told_ns >= timer->deadline.at_ns)
		skip_told(timer, told_ns);
}

void timers_restore(struct daemon *daemon)
{
	kept_each(&daemon->log.kept, KEPT_TIMER, &record, sizeof(record), restore, daemon);
}
