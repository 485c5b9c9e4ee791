/* SPDX-License-Identifier: MIT */

#include "request.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "claim.h"
#include "daemon.h"
#include "diag.h"
#include "event.h"
#include "kept_records.h"
#include "line.h"
#include "output.h"

static void dispatch(struct source *source, uint32_t events)
{
	struct request *request = list_object(source, struct request, source);

	(void)events;
	gather_note(&request->daemon->gather, request);
}

static struct line *line_at(const struct request *request, unsigned offset)
{
	if (request->n == 1)
		return request->lines[0];

	for (size_t i = 0; i < request->n; i++)
		if (request->lines[i]->offset == offset)
			return request->lines[i];
	return NULL;
}

/* Who watches both edges knows the value before an edge, and notices when one is missing. */
static bool sees_both_edges(const struct line *line)
{
	return line->settings.edges == EDGES_BOTH && line->settings.direction == DIRECTION_INPUT;
}

int request_stage(struct request *request)
{
	struct daemon *daemon = request->daemon;
	struct log_stage *stage;
	ssize_t n;

	if (request->stage)
		return (int)(request->stage_n - request->stage_at);

	stage = gather_take_slot(&daemon->gather, daemon);
	if (!stage)
		return 0;

	log_stage_prepare(stage, (uint32_t)(request->lines[0]->state - daemon->log.states),
		(uint32_t)request->n, request->generation);
	do {
		n = read(request->backend->fd, stage->events, sizeof(stage->events));
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		int r = n == 0 ? -ENODEV : errno == EAGAIN ? 0 : -errno;

		gather_return_slot(&daemon->gather, daemon, stage);
		return r;
	}
	stage->used = (uint32_t)((size_t)n / sizeof(stage->events[0]));
	request->stage = stage;
	request->stage_at = 0;
	request->stage_n = stage->used;
	return (int)stage->used;
}

static void unstage(struct request *request)
{
	struct daemon *daemon = request->daemon;

	if (request->stage)
		gather_return_slot(&daemon->gather, daemon, request->stage);
	request->stage = NULL;
}

/* An edge as the kernel numbered it; a gap in its numbers is a loss. */
void request_log_edge(struct line *line, const struct gpio_v2_line_event *edge)
{
	const bool rising = edge->id == GPIO_V2_LINE_EVENT_RISING_EDGE;
	const bool is_first = line->line_seqno == 0 && line->request && line->request->uncounted;
	const uint32_t step = is_first ? 1 : edge->line_seqno - line->line_seqno;
	const bool both = sees_both_edges(line);

	if (step == 0)
		return; /* logged before */

	if (step > 1) {
		line->line_seqno = edge->line_seqno - 1;
		event_lost(line, "kernel", step - 1, both ? !rising : line->value);
	} else if (both && line->value == rising) {
		event_lost(line, "merged", LOG_COUNT_UNKNOWN, !rising);
	}
	event_edge(line, rising, edge->line_seqno, edge->timestamp_ns);
}

void request_log_staged(struct request *request)
{
	const struct gpio_v2_line_event *edge = &request->stage->events[request->stage_at++];
	struct line *line = line_at(request, edge->offset);

	if (line)
		request_log_edge(line, edge);
	if (request->stage_at == request->stage_n)
		unstage(request);
}

static bool was_logged(const struct request *request, const struct gpio_v2_line_event *edge)
{
	const struct line *line = line_at(request, edge->offset);

	return !line || (int32_t)(edge->line_seqno - line->line_seqno) <= 0;
}

bool request_adopt_stage(struct request *request, struct log_stage *stage, unsigned n)
{
	unsigned at = 0;

	while (at < n && was_logged(request, &stage->events[at]))
		at++;
	if (at == n || request->stage)
		return false;

	gather_keep_slot(&request->daemon->gather, request->daemon, stage);
	stage->used = LOG_STAGE_EVENTS; /* how much is written is not known */
	request->stage = stage;
	request->stage_at = at;
	request->stage_n = n;
	return true;
}

/* Everything that waits, up to twice the kernel's buffer: a line that never rests must not hold us.
 */
void request_drain(struct request *request)
{
	struct daemon *daemon = request->daemon;
	unsigned bound = 2 * request->backend->event_buffer + LOG_STAGE_EVENTS;

	gather_unheap(&daemon->gather, request);
	for (unsigned n = 0; n < bound && request_stage(request) > 0; n++)
		request_log_staged(request);
}

/* The levels were read after the request: the value before the first edge that waits is the
 * opposite of that edge. */
static void correct_values(struct request *request)
{
	if (request_stage(request) <= 0)
		return;

	for (unsigned i = request->stage_n; i-- > 0;) {
		const struct gpio_v2_line_event *edge = &request->stage->events[i];
		struct line *line = line_at(request, edge->offset);

		if (line && sees_both_edges(line))
			line->value = edge->id != GPIO_V2_LINE_EVENT_RISING_EDGE;
	}
	gather_note(&request->daemon->gather, request);
}

static int prepare_lines(size_t n, struct line *const *lines)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = line_prepare(lines[i]);
	/* All have a place: from the request on they keep it, without one it may go. */
	for (size_t i = 0; i < n; i++)
		lines[i]->reserved = false;
	return r;
}

static void attach(struct request *request, const struct line_settings *settings)
{
	for (size_t i = 0; i < request->n; i++) {
		struct line *line = request->lines[i];

		line->request = request;
		line->request_index = (unsigned)i;
		line->settings = settings[i];
		line->unavailable = 0;
		line->taken = false;
		line->owed = false;
	}
	request->daemon->n_held += (unsigned)request->n;
}

/* So that the next daemon finds it, and before anybody is told of it. */
static void leave_to_the_next(const struct request *request)
{
	fdstore_put_request(&request->daemon->fdstore, request);
	for (size_t i = 0; i < request->n; i++)
		line_keep(request->lines[i]);
}

static void detach(struct request *request)
{
	for (size_t i = 0; i < request->n; i++) {
		output_cancel_revert(request->lines[i]);
		request->lines[i]->request = NULL;
		request->lines[i]->value = LOG_VALUE_NULL;
	}
	request->daemon->n_held -= (unsigned)request->n;
}

/* Everything but the struct itself. */
static void close_request(struct request *request)
{
	struct daemon *daemon = request->daemon;

	gather_forget(&daemon->gather, request);
	unstage(request);
	loop_remove(&daemon->loop, &request->source);
	fdstore_forget_request(&daemon->fdstore, request);
	daemon->ops->release(request->backend);
}

static uint64_t all_lines(const struct request *request)
{
	return request->n == 64 ? UINT64_MAX : (UINT64_C(1) << request->n) - 1;
}

static int take(struct request *request, const struct request_spec *spec, uint64_t *ret_bits)
{
	struct daemon *daemon = request->daemon;
	int r = daemon->ops->request(daemon->backend, spec, &request->backend);

	if (r < 0)
		return r;

	r = daemon->ops->get(request->backend, all_lines(request), ret_bits);
	if (r == 0 || r == -ENODATA)
		r = loop_add(
			&daemon->loop, &request->source, request->backend->fd, EPOLLIN, dispatch);
	if (r < 0)
		daemon->ops->release(request->backend);
	return r;
}

static struct request *make(
	struct daemon *daemon, size_t n, struct line *const *lines, unsigned *ret_offsets)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;

	*request = (struct request){ .daemon = daemon, .source.fd = -1, .n = n };
	list_init(&request->ready_link);
	for (size_t i = 0; i < n; i++) {
		ret_offsets[i] = lines[i]->offset;
		request->lines[i] = lines[i];
	}
	return request;
}

static uint32_t next_generation(struct daemon *daemon)
{
	const uint32_t generation = ++daemon->generations;

	atomic_store(&daemon->log.header->generations, generation);
	return generation;
}

/* A line that an earlier daemon held and could not leave to this one: nobody knows what was missed.
 */
static void tell_new(struct line *line, const char *change)
{
	const bool missed = line->restored && line_is_input(line) &&
			    line->settings.edges != EDGES_NONE;

	line->restored = false;
	if (missed)
		event_lost(line, "restart", LOG_COUNT_UNKNOWN, line->value);
	if (change)
		event_line(line, change);
}

int request_new(struct daemon *daemon, size_t n, struct line *const *lines,
	const struct line_settings *settings, const enum initial *initials, const char *change)
{
	unsigned offsets[REQUEST_LINES_MAX];
	const struct request_spec spec = { .chip = lines[0]->chip->info.index,
		.n = n,
		.offsets = offsets,
		.settings = settings,
		.initials = initials,
		.event_buffer = daemon->config->kernel_buffer };
	struct request *request;
	uint64_t bits = 0;
	int r = prepare_lines(n, lines);

	if (r < 0)
		return r;

	request = make(daemon, n, lines, offsets);
	if (!request)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++)
		fdstore_wait(lines[i]);
	r = take(request, &spec, &bits);
	if (r < 0) {
		free(request);
		return r;
	}
	request->generation = next_generation(daemon);
	attach(request, settings);
	for (size_t i = 0; i < n; i++) {
		lines[i]->value = (bits >> i) & 1;
		lines[i]->line_seqno = 0;
	}
	leave_to_the_next(request);
	correct_values(request);
	for (size_t i = 0; i < n; i++) {
		tell_new(lines[i], change);
		on_time_found(lines[i]);
	}
	return 0;
}

int request_adopt(struct daemon *daemon, int fd, uint32_t generation, size_t n,
	struct line *const *lines, struct line_settings *settings, unsigned event_buffer)
{
	unsigned offsets[REQUEST_LINES_MAX];
	enum initial initials[REQUEST_LINES_MAX];
	const struct request_spec spec = { .chip = lines[0]->chip->info.index,
		.n = n,
		.offsets = offsets,
		.settings = settings,
		.initials = initials,
		.event_buffer = event_buffer };
	struct request *request;
	int r = prepare_lines(n, lines);

	if (r < 0)
		return r;

	request = make(daemon, n, lines, offsets);
	if (!request)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++)
		initials[i] = lines[i]->value == LOG_VALUE_NULL ? INITIAL_KEEP
			      : lines[i]->value			? INITIAL_1
								: INITIAL_0;
	r = daemon->ops->adopt(daemon->backend, fd, &spec, settings, &request->backend);
	if (r == 0)
		r = loop_add(&daemon->loop, &request->source, fd, EPOLLIN, dispatch);
	if (r < 0) {
		if (request->backend) {
			request->backend->fd = -1;
			daemon->ops->release(request->backend);
		}
		free(request);
		return r;
	}
	request->generation = generation;
	attach(request, settings);
	gather_note(&daemon->gather, request);
	return 0;
}

/* What holds for an output ends with it; while its chip is gone it goes on. NULL: the daemon ends.
 */
static void let_go(struct line *line, const char *change)
{
	output_cancel_revert(line);
	if (!change) {
		on_time_forget(line);
		return;
	}
	(void)on_time_note(line, 0);
	claim_lose(line, change);
}

int request_adopt_unknown(
	struct daemon *daemon, int fd, size_t n, struct line *const *lines, const char *stored_as)
{
	struct line_settings settings[REQUEST_LINES_MAX];
	struct request *request;
	uint64_t bits = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		settings[i] = line_default_settings;
	r = request_adopt(daemon, fd, next_generation(daemon), n, lines, settings,
		daemon->config->kernel_buffer);
	if (r < 0)
		return r;

	request = lines[0]->request;
	request->uncounted = true;
	(void)daemon->ops->get(request->backend, all_lines(request), &bits);
	for (size_t i = 0; i < n; i++) {
		lines[i]->value = (bits >> i) & 1;
		lines[i]->line_seqno = 0;
	}
	/* The manager does not keep one descriptor under two names. */
	fdstore_forget(&daemon->fdstore, stored_as);
	leave_to_the_next(request);
	correct_values(request);
	return 0;
}

/* Line i of a request has other settings now. */
static void changed(struct request *request, size_t i, const struct line_settings *settings,
	enum initial initial)
{
	struct line *line = request->lines[i];
	const uint64_t bit = UINT64_C(1) << i;
	uint64_t bits = 0;

	if (settings->direction != line->settings.direction) {
		output_cancel_revert(line);
		(void)on_time_note(line, 0);
	}
	/* The levels that these stand for are the same. */
	if (settings->active_low != line->settings.active_low) {
		line->revert.value ^= 1;
		if (line->wanted != LOG_VALUE_NULL)
			line->wanted ^= 1;
	}
	line->settings = *settings;
	if (request->daemon->ops->get(request->backend, bit, &bits) == 0)
		line->value = (bits & bit) != 0;
	if (settings->direction == DIRECTION_OUTPUT && initial != INITIAL_KEEP)
		line->value = initial == INITIAL_1;
	line_keep(line);
	output_keep_revert(line);
	on_time_found(line);
}

int request_change(struct request *request, uint64_t which, const struct line_settings *settings,
	const enum initial *initials)
{
	struct line_settings all[REQUEST_LINES_MAX];
	enum initial values[REQUEST_LINES_MAX];
	int r;

	for (size_t i = 0; i < request->n; i++) {
		const struct line *line = request->lines[i];
		const bool is_meant = (which >> i) & 1;

		all[i] = is_meant ? settings[i] : line->settings;
		values[i] = is_meant ? initials[i] : line->value ? INITIAL_1 : INITIAL_0;
	}
	request_drain(request); /* what was queued belongs to the settings before */
	r = request->daemon->ops->reconfigure(request->backend, all, values);
	if (r < 0)
		return r;

	for (size_t i = 0; i < request->n; i++)
		if ((which >> i) & 1)
			changed(request, i, &all[i], values[i]);
	correct_values(request);
	return 0;
}

int request_reconfigure(struct request *request, struct line *line,
	const struct line_settings *settings, enum initial initial)
{
	const unsigned i = line->request_index;
	const bool turns = settings->direction != line->settings.direction;
	struct line_settings all[REQUEST_LINES_MAX];
	enum initial initials[REQUEST_LINES_MAX];
	int r;

	all[i] = *settings;
	initials[i] = initial;
	r = request_change(request, UINT64_C(1) << i, all, initials);
	if (r < 0)
		return r;

	if (turns)
		claim_lose(line, "reconfigured");
	event_line(line, "reconfigured");
	return 0;
}

void request_free(struct request *request, const char *change)
{
	const bool gone = change && strcmp(change, "gone") == 0;

	request_drain(request);
	for (size_t i = 0; gone && i < request->n; i++)
		if (line_is_input(request->lines[i]) &&
			request->lines[i]->settings.edges != EDGES_NONE)
			event_lost(request->lines[i], "unplug", LOG_COUNT_UNKNOWN, LOG_VALUE_NULL);
	for (size_t i = 0; i < request->n; i++)
		if (!gone)
			let_go(request->lines[i], change);
		else if (output_cancel_revert(request->lines[i])) /* it comes back without it */
			request->lines[i]->wanted = request->lines[i]->revert.value;
	detach(request);
	close_request(request);
	for (size_t i = 0; i < request->n; i++) {
		if (gone)
			request->lines[i]->unavailable = -ENODEV;
		if (request->lines[i]->kept)
			line_keep(request->lines[i]); /* no longer held, but wanted */
		if (change)
			event_line(request->lines[i], change);
	}
	free(request);
}

static int read_level(struct line *line, uint8_t *ret_value)
{
	const struct backend_ops *ops = line->chip->daemon->ops;
	const uint64_t bit = UINT64_C(1) << line->request_index;
	uint64_t bits = 0;
	int r = ops->get(line->request->backend, bit, &bits);

	if (r == 0)
		*ret_value = (bits & bit) != 0;
	return r;
}

int line_refresh(struct line *line)
{
	uint8_t level = 0;

	if (line_is_output(line))
		return 0;

	/* An edge between the drain and the reading is in the queue by the next try. */
	for (int i = 0; i < 3; i++) {
		int r;

		request_drain(line->request);
		r = read_level(line, &level);
		if (r == -ENODATA)
			return 0; /* only its edges are known, as of a feed */
		if (r < 0)
			return r;
		if (level == line->value)
			return 0;
	}
	if (sees_both_edges(line))
		event_lost(line, "merged", LOG_COUNT_UNKNOWN, level);
	line->value = level;
	return 0;
}

int line_get(struct line *line, uint8_t *ret_value)
{
	int r;

	if (line_is_output(line))
		return read_level(line, ret_value);

	r = line_refresh(line);
	if (r == 0)
		*ret_value = line->value;
	return r;
}
