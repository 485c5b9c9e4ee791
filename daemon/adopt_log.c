/* SPDX-License-Identifier: MIT */

#include "adopt_log.h"

#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "diag.h"
#include "kept_records.h"
#include "line.h"
#include "request.h"

/* Subjects. */

#define SUBJECT_UNKNOWN UINT32_MAX
#define CACHE_SIZE	1024 /* ids of the process before, direct-mapped */

struct cached {
	uint32_t before, id;
	char name[WIRE_MAX_NAME_BYTES + 1]; /* "": free */
};

struct subjects {
	struct daemon *daemon;
	struct cached cache[CACHE_SIZE];
	uint32_t former; /* of the stand-in; UINT32_MAX until it is needed */
};

/* The name of the event's line; false: it has none. */
static bool read_name(const char *bytes, size_t n, char name[static WIRE_MAX_NAME_BYTES + 1])
{
	static const char key[] = "\"line\":\"";
	const char *at = memmem(bytes, n, key, strlen(key));
	size_t length = 0;

	if (!at)
		return false;
	for (at += strlen(key); at < bytes + n && *at != '"'; at++) {
		if (*at == '\\')
			at++;
		if (at == bytes + n || length == WIRE_MAX_NAME_BYTES)
			return false;
		name[length++] = *at;
	}
	name[length] = 0;
	return length > 0;
}

/* By its name now, else by the name that it had when the state table was written. */
static struct line *find_line(const struct daemon *daemon, const char *name)
{
	for (size_t id = 0; id < daemon->lines.n; id++)
		if (strcmp(daemon->lines.v[id]->canonical, name) == 0)
			return daemon->lines.v[id];

	for (size_t i = 0; i < daemon->n_states; i++) {
		const struct log_line_state *state = &daemon->log.states[i];

		if (strncmp(state->canonical, name, sizeof(state->canonical)) == 0)
			return kept_find_line_of(daemon, state);
	}
	return NULL;
}

/* A line that nobody can name, for the events of those that are no longer there. */
static uint32_t former_line(struct subjects *subjects)
{
	struct line *line;

	if (subjects->former == UINT32_MAX) {
		if (lines_add(subjects->daemon, &subjects->daemon->absent, 1, &line) < 0)
			return 0;
		line->canonical = line->canonical_buffer;
		subjects->former = line->id;
	}
	return subjects->former;
}

static uint32_t id_of(struct subjects *subjects, uint32_t before, const char *bytes, size_t n)
{
	struct cached *cached = &subjects->cache[before % CACHE_SIZE];
	char name[WIRE_MAX_NAME_BYTES + 1];
	const struct line *line;

	if (!read_name(bytes, n, name))
		return former_line(subjects);
	if (cached->before == before && strcmp(cached->name, name) == 0)
		return cached->id;

	line = find_line(subjects->daemon, name);
	cached->before = before;
	cached->id = line ? line->id : former_line(subjects);
	memcpy(cached->name, name, sizeof(name));
	return cached->id;
}

/* Of an entry whose bytes have gone only the id is left. */
static uint32_t id_without_name(const struct subjects *subjects, uint32_t before)
{
	const struct cached *cached = &subjects->cache[before % CACHE_SIZE];

	return cached->name[0] && cached->before == before ? cached->id : SUBJECT_UNKNOWN;
}

/* The index of what the log has dropped, as far back as each line is known. */
static void translate_dropped(struct subjects *subjects)
{
	struct log *log = &subjects->daemon->log;
	const uint64_t oldest = log->head > log->entries_mask ? log->head - log->entries_mask : 1;

	log->indexed_from = oldest;
	for (uint64_t seq = oldest; seq < log->tail; seq++) {
		struct log_entry *entry = &log->entries[seq & log->entries_mask];

		if (entry->seq == seq && entry->kind < LOG_LINE_KINDS)
			entry->subject = id_without_name(subjects, entry->subject);
		if (entry->seq != seq || entry->kind >= LOG_KINDS ||
			(entry->kind < LOG_LINE_KINDS && entry->subject == SUBJECT_UNKNOWN))
			log->indexed_from = seq + 1;
	}
}

static void translate(struct subjects *subjects)
{
	struct log *log = &subjects->daemon->log;

	for (uint64_t seq = log->tail; seq <= log->head; seq++) {
		struct log_entry *entry = &log->entries[seq & log->entries_mask];

		if (entry->kind < LOG_LINE_KINDS)
			entry->subject = id_of(
				subjects, entry->subject, log_bytes(log, entry), entry->length);
	}
	translate_dropped(subjects);
}

/* The value before the oldest event that is left; of an edge or an output it was the other one. */
static void note_evicted_value(struct line *line, const struct log_entry *entry, bool seen[])
{
	if (seen[line->id] || entry->kind > LOG_OUTPUT)
		return;

	seen[line->id] = true;
	line->evicted_value = !entry->value;
}

/* What the log has dropped is no longer known: it may have been of any line, and of any timer. */
static void note_evicted(struct daemon *daemon)
{
	struct log *log = &daemon->log;
	bool *seen = calloc(daemon->lines.n ? daemon->lines.n : 1, sizeof(*seen));

	for (size_t id = 0; id < daemon->lines.n; id++)
		for (int kind = 0; kind < LOG_LINE_KINDS; kind++)
			daemon->lines.v[id]->evicted_seq[kind] = log->tail - 1;
	for (size_t i = 0; i < TIMER_BUCKETS; i++)
		daemon->timers.evicted[i] = log->tail - 1;
	daemon->timers.evicted_any = log->tail - 1;

	for (uint64_t seq = log->tail; seen && seq <= log->head; seq++) {
		const struct log_entry *entry = log_at(log, seq);

		if (entry->kind < LOG_LINE_KINDS)
			note_evicted_value(daemon->lines.v[entry->subject], entry, seen);
	}
	free(seen);
}

static uint32_t count_states(const struct log *log)
{
	uint32_t n = WIRE_MAX_LINES;

	while (n > 0 && !log->states[n - 1].chip_label[0] && !log->states[n - 1].chip_name[0])
		n--;
	return n;
}

void adopt_subjects(struct daemon *daemon)
{
	struct subjects *subjects;

	daemon->n_states = count_states(&daemon->log);
	if (daemon->log.head == 0)
		return;

	subjects = calloc(1, sizeof(*subjects));
	if (!subjects) {
		diag_error("memory is short");
		abort();
	}
	subjects->daemon = daemon;
	subjects->former = UINT32_MAX;
	translate(subjects);
	free(subjects);
	if (daemon->log.tail > 1)
		note_evicted(daemon);
}

void adopt_state(struct line *line)
{
	if (!line->state)
		line->state = line_find_state(line);
}

/* Staged edges. */

static unsigned count_staged(const struct log_stage *stage)
{
	unsigned n = 0;

	while (n < LOG_STAGE_EVENTS && stage->events[n].line_seqno)
		n++;
	return n;
}

static struct request *find_request(const struct daemon *daemon, uint32_t generation)
{
	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct request *request = daemon->lines.v[id]->request;

		if (request && request->generation == generation)
			return request;
	}
	return NULL;
}

/* Of a line whose request could not be taken up; by its record. */
struct search {
	struct daemon *daemon;
	struct kept_line record;
	uint32_t generation;
	unsigned offset;
	struct line *found;
};

static void match(uint32_t handle, size_t n, void *data)
{
	struct search *search = data;

	(void)handle;
	if (n == sizeof(search->record) && search->record.generation == search->generation &&
		search->record.line.offset == search->offset)
		search->found = kept_find_line(search->daemon, &search->record.line);
}

static void log_without_request(struct daemon *daemon, const struct log_stage *stage, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct gpio_v2_line_event *edge = &stage->events[i];
		struct search search = {
			.daemon = daemon, .generation = stage->generation, .offset = edge->offset
		};
		struct line *line;

		kept_each(&daemon->log.kept, KEPT_LINE, &search.record, sizeof(search.record),
			match, &search);
		line = search.found;
		if (!line || line->request || !line->state || line_prepare(line) < 0)
			continue;
		line->reserved = false;
		line->line_seqno = log_line_now(line->state)->line_seqno;
		line->value = (uint8_t)log_line_now(line->state)->value;
		if ((int32_t)(edge->line_seqno - line->line_seqno) > 0)
			request_log_edge(line, edge);
		line->value = LOG_VALUE_NULL;
	}
}

static void adopt_stage(struct daemon *daemon, struct log_stage *stage)
{
	const unsigned n = count_staged(stage);
	struct request *request = n ? find_request(daemon, stage->generation) : NULL;

	if (request && request_adopt_stage(request, stage, n))
		return;
	if (n && !request)
		log_without_request(daemon, stage, n);
	/* How much of it was written is not known: all of it goes. */
	memset(stage, 0, sizeof(*stage));
}

void adopt_staged(struct daemon *daemon)
{
	for (size_t i = 0; i < LOG_STAGE_SLOTS; i++)
		adopt_stage(daemon, &daemon->log.stages[i]);
}
