/* SPDX-License-Identifier: MIT */
/*
 * The encoder of events. Edges, the hot path, are put together from two texts that each line keeps
 * ready and four numbers; everything else goes through jsonw. The order is always: bytes, entry and
 * line state in one log_commit, then the marks.
 */

#include "event.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "clock.h"
#include "daemon.h"
#include "jsonw.h"
#include "line.h"
#include "peer.h"
#include "request.h"
#include "timer.h"
#include "watch.h"

/* The longest names leave room for everything else of an event, users apart. */
#define TEXT_MAX    512
#define MESSAGE_MAX 160
#define TIMES_MAX   96 /* the two times that end each event */

static uint64_t realtime_us(const struct daemon *daemon, uint64_t timestamp_ns)
{
	return (timestamp_ns + (uint64_t)daemon->realtime_offset_ns) / 1000;
}

/* What stands between the number and the line's own number in each edge event of one direction. */
static size_t write_text(const struct line *line, bool rising, char *text)
{
	struct jsonw w;

	jsonw_init(&w, text, TEXT_MAX);
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "line", line->canonical);
	jsonw_member_string(&w, "edge", rising ? "rising" : "falling");
	jsonw_member_u64(&w, "value", rising);
	jsonw_member_string(&w, "line_seq", "");
	assert(!w.overflow);
	text[0] = ','; /* for the brace */
	return w.n - strlen("\"\"");
}

int event_prepare_line(struct line *line)
{
	char text[2][TEXT_MAX], *copy;
	size_t bytes[2] = { write_text(line, false, text[0]), write_text(line, true, text[1]) };

	copy = malloc(bytes[0] + bytes[1]);
	if (!copy)
		return -ENOMEM;

	free(line->texts[0]);
	for (int i = 0; i < 2; i++) {
		line->texts[i] = i ? copy + bytes[0] : copy;
		line->text_bytes[i] = (uint16_t)bytes[i];
		memcpy(line->texts[i], text[i], bytes[i]);
	}
	return 0;
}

static char *put(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}
#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

void event_edge(struct line *line, bool rising, uint32_t line_seqno, uint64_t timestamp_ns)
{
	struct daemon *daemon = line->chip->daemon;
	struct log *log = &daemon->log;
	char *const start = log_reserve(log), *p = start;
	const struct log_entry entry = { .timestamp_ns = timestamp_ns,
		.subject = line->id,
		.kind = rising ? LOG_RISING : LOG_FALLING,
		.value = rising };
	struct log_line_copy copy;
	uint64_t seq;

	line->line_seq++;
	line->line_seqno = line_seqno;
	line->value = rising;
	copy = line_copy(line);

	p = PUT(p, "{\"event\":\"edge\",\"seq\":");
	p = put_u64(p, log->head + 1);
	p = put(p, line->texts[rising], line->text_bytes[rising]);
	p = put_u64(p, line->line_seq);
	p = PUT(p, ",\"timestamp_ns\":");
	p = put_u64(p, timestamp_ns);
	p = PUT(p, ",\"realtime_us\":");
	p = put_u64(p, realtime_us(daemon, timestamp_ns));
	p = PUT(p, "}\n");

	seq = log_commit(log, &entry, (size_t)(p - start), line->state, &copy);
	daemon->stats.edges++;
	stats_latency(&daemon->stats, timestamp_ns, daemon->now_ns);
	watch_mark_line(line, seq);
}

/* Begins any other event; the caller adds members and calls finish(). */
static void begin(struct daemon *daemon, struct jsonw *w, const char *event)
{
	/* One byte is kept for the newline. */
	jsonw_init(w, log_reserve(&daemon->log), WIRE_MAX_EVENT_BYTES - 1);
	jsonw_begin_object(w);
	jsonw_member_string(w, "event", event);
	jsonw_member_u64(w, "seq", daemon->log.head + 1);
}

static uint64_t finish(struct daemon *daemon, struct jsonw *w, const struct log_entry *entry,
	uint64_t timestamp_ns, struct line *line)
{
	struct log_line_copy copy = { 0 };

	jsonw_member_u64(w, "timestamp_ns", timestamp_ns);
	jsonw_member_u64(w, "realtime_us", realtime_us(daemon, timestamp_ns));
	jsonw_end_object(w);
	assert(!w->overflow);
	w->buffer[w->n++] = '\n';
	if (line && line->state)
		copy = line_copy(line);
	return log_commit(&daemon->log, entry, w->n, line ? line->state : NULL, &copy);
}

/* The message cut to what fits an event, not inside a character. */
static const char *short_text(const char *message, char text[static MESSAGE_MAX + 1])
{
	size_t n = strnlen(message, MESSAGE_MAX);

	while (n > 0 && message[n] != 0 && ((unsigned char)message[n] & 0xc0) == 0x80)
		n--;
	memcpy(text, message, n);
	text[n] = 0;
	return text;
}

/* Why a write was refused or failed; the line is left out where the event is about it. */
static void write_error(struct jsonw *w, const struct wire_problem *why, const char *line)
{
	char text[MESSAGE_MAX + 1];

	jsonw_key(w, "error");
	jsonw_begin_object(w);
	jsonw_member_string(w, "code", wire_error_code(why->code));
	if (line && line[0])
		jsonw_member_string(w, "line", line);
	jsonw_member_string(w, "message", short_text(why->message, text));
	jsonw_end_object(w);
}

static void log_output(struct line *line, const char *cause, const struct peer_id *by,
	const struct wire_problem *why)
{
	struct daemon *daemon = line->chip->daemon;
	const uint64_t now_ns = clock_now_ns();
	const struct log_entry entry = { .timestamp_ns = now_ns,
		.subject = line->id,
		.kind = LOG_OUTPUT,
		.value = line->value };
	struct jsonw w;

	begin(daemon, &w, "output");
	jsonw_member_string(&w, "line", line->canonical);
	line_write_value(&w, "value", line->value);
	jsonw_member_string(&w, "cause", cause);
	if (by && by->peer) {
		jsonw_key(&w, "by");
		peer_id_write(&w, by);
	}
	if (why)
		write_error(&w, why, NULL);
	watch_mark_line(line, finish(daemon, &w, &entry, now_ns, line));
}

void event_output(struct line *line, const char *cause, const struct peer_id *by)
{
	line->chip->daemon->stats.outputs++;
	log_output(line, cause, by, NULL);
}

void event_output_failed(struct line *line, const char *cause, const struct peer_id *by,
	const struct wire_problem *why)
{
	log_output(line, cause, by, why);
}

/* The members that every lost event has, up to the values; leaves the values' object open. */
static void write_loss(struct jsonw *w, const struct reader_loss *loss)
{
	jsonw_member_string(w, "reason", loss->reason);
	if (loss->count != LOG_COUNT_UNKNOWN)
		jsonw_member_u64(w, "count", loss->count);
	jsonw_member_u64(w, "from", loss->from);
	jsonw_member_u64(w, "to", loss->to);
}

void event_lost(struct line *line, const char *reason, uint64_t count, uint8_t value)
{
	struct daemon *daemon = line->chip->daemon;
	const uint64_t seq = daemon->log.head + 1;
	const struct reader_loss loss = {
		.reason = reason, .count = count, .from = seq, .to = seq
	};
	const struct log_entry entry = {
		.count = count, .subject = line->id, .kind = LOG_LOST, .value = value
	};
	struct jsonw w;

	line->value = value;
	if (count != LOG_COUNT_UNKNOWN)
		line->line_seq += count;
	daemon->stats.lost_kernel += count == LOG_COUNT_UNKNOWN ? 1 : count;

	jsonw_init(&w, log_reserve(&daemon->log), WIRE_MAX_EVENT_BYTES - 1);
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "event", "lost");
	jsonw_member_u64(&w, "seq", seq);
	write_loss(&w, &loss);
	jsonw_member_string(&w, "line", line->canonical);
	jsonw_key(&w, "values");
	jsonw_begin_object(&w);
	line_write_value(&w, line->canonical, value);
	jsonw_end_object(&w);
	watch_mark_line(line, finish(daemon, &w, &entry, clock_now_ns(), line));
}

/* `ended` NULL, or the claim that this is the end of, and why. */
static void log_line(
	struct line *line, const char *change, const struct claim *ended, const char *reason)
{
	struct daemon *daemon = line->chip->daemon;
	struct peer *owner = ended && ended->terms.ttl_ns ? ended->owner : NULL;
	const struct log_entry entry = { .owner = owner ? owner->id.peer : 0,
		.subject = line->id,
		.kind = LOG_LINE,
		.value = line->value };
	struct jsonw w, mark;
	uint64_t seq;

	begin(daemon, &w, "line");
	jsonw_member_string(&w, "line", line->canonical);
	jsonw_member_string(&w, "change", change);
	line_write_value(&w, "value", line->value);
	if (ended)
		jsonw_member_string(&w, "reason", reason);

	/* As many users as fit, with room for the two times; at last without the holder's name. */
	mark = jsonw_mark(&w);
	w.size -= TIMES_MAX;
	for (unsigned users = 4;; users--) {
		if (ended)
			claim_write_holder(&w, ended, users > 0);
		jsonw_key(&w, "info");
		line_write(&w, line, users);
		if (!w.overflow || users == 0)
			break;
		jsonw_rewind(&w, mark);
		w.size -= TIMES_MAX;
	}
	w.size += TIMES_MAX;
	seq = finish(daemon, &w, &entry, clock_now_ns(), line);
	watch_mark_line(line, seq);
	if (owner)
		watch_mark_peer(owner, seq);
}

void event_line(struct line *line, const char *change)
{
	log_line(line, change, NULL, NULL);
}

void event_unclaimed(struct line *line, const struct claim *claim, const char *reason)
{
	log_line(line, "unclaimed", claim, reason);
}

static void log_timer(struct daemon *daemon, struct jsonw *w, const struct timer *timer,
	enum log_kind kind, uint64_t timestamp_ns)
{
	const struct log_entry entry = { .timer_hash = (uint32_t)timer->hash,
		.timer_user = access_user_tag(&timer->by),
		.subject = timer->owner_number,
		.kind = (uint8_t)kind,
		.value = (uint8_t)((timer->notify ? LOG_TIMER_NOTIFY : 0) |
				   (timer_is_private(timer) ? LOG_TIMER_PRIVATE : 0)) };

	watch_mark_timer(daemon, timer->owner, finish(daemon, w, &entry, timestamp_ns, NULL));
}

void event_timer(struct daemon *daemon, const struct timer *timer, uint64_t expirations,
	uint64_t due_ns, const struct wire_problem *refused)
{
	struct jsonw w;

	begin(daemon, &w, "timer");
	jsonw_member_string(&w, "timer", timer->name);
	jsonw_member_u64(&w, "armed", timer->armed);
	jsonw_member_u64(&w, "expirations", expirations);
	if (timer->tag)
		jsonw_member_string(&w, "tag", timer->tag);
	if (refused)
		write_error(&w, refused, refused->line);
	daemon->stats.expirations += expirations;
	log_timer(daemon, &w, timer, LOG_TIMER, due_ns);
}

void event_timer_ended(struct daemon *daemon, const struct timer *timer, const char *reason)
{
	struct jsonw w;

	begin(daemon, &w, "timer-ended");
	jsonw_member_string(&w, "timer", timer->name);
	jsonw_member_u64(&w, "armed", timer->armed);
	jsonw_member_string(&w, "reason", reason);
	log_timer(daemon, &w, timer, LOG_TIMER_ENDED, clock_now_ns());
}

void event_config(struct daemon *daemon)
{
	/* Everybody gets it; so it must not tell of lines that somebody may not see. */
	const bool all_see_all = access_nothing_is_hidden(daemon) &&
				 !daemon->reload.plan.config->n_rules;
	const struct log_entry entry = { .kind = LOG_CONFIG, .value = all_see_all };
	struct jsonw w;

	begin(daemon, &w, "config");
	if (!reload_write(&w, &daemon->reload, all_see_all, TIMES_MAX + 96))
		jsonw_member_bool(&w, "truncated", true);
	watch_mark_all(daemon, finish(daemon, &w, &entry, clock_now_ns(), NULL));
}

void event_shutdown(struct daemon *daemon)
{
	const struct log_entry entry = { .kind = LOG_SHUTDOWN };
	struct jsonw w;

	begin(daemon, &w, "shutdown");
	watch_mark_all(daemon, finish(daemon, &w, &entry, clock_now_ns(), NULL));
}

size_t event_write_reader_loss(const struct reader_loss *loss, char *buffer, size_t size,
	bool (*write_values)(struct jsonw *w, void *data), void *data)
{
	bool all;
	struct jsonw w;

	jsonw_init(&w, buffer, size - 1);
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "event", "lost");
	jsonw_member_u64(&w, "seq", loss->to);
	write_loss(&w, loss);
	jsonw_key(&w, "values");
	jsonw_begin_object(&w);
	all = write_values(&w, data);
	jsonw_end_object(&w);
	if (!all)
		jsonw_member_bool(&w, "truncated", true);
	jsonw_end_object(&w);
	assert(!w.overflow);
	w.buffer[w.n++] = '\n';
	return w.n;
}
