/* SPDX-License-Identifier: MIT */

#include "gather.h"

#include <string.h>

#include "clock.h"
#include "daemon.h"
#include "diag.h"
#include "request.h"

void gather_init(struct gather *gather)
{
	*gather = (struct gather){ 0 };
	list_init(&gather->ready);
	memset(gather->free_slots, 0xff, sizeof(gather->free_slots));
}

void gather_note(struct gather *gather, struct request *request)
{
	list_append_once(&gather->ready, &request->ready_link);
}

struct log_stage *gather_take_slot(struct gather *gather, struct daemon *daemon)
{
	for (size_t i = 0; i < sizeof(gather->free_slots) / sizeof(gather->free_slots[0]); i++) {
		int bit;

		if (!gather->free_slots[i])
			continue;

		bit = __builtin_ctzll(gather->free_slots[i]);
		gather->free_slots[i] &= gather->free_slots[i] - 1;
		return &daemon->log.stages[64 * i + (size_t)bit];
	}
	return NULL;
}

void gather_keep_slot(struct gather *gather, struct daemon *daemon, struct log_stage *stage)
{
	size_t slot = (size_t)(stage - daemon->log.stages);

	gather->free_slots[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

void gather_return_slot(struct gather *gather, struct daemon *daemon, struct log_stage *stage)
{
	size_t slot = (size_t)(stage - daemon->log.stages);

	gather->free_slots[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static bool earlier(const struct request *a, const struct request *b)
{
	return request_staged_ns(a) < request_staged_ns(b);
}

static void sift_down(struct gather *gather, size_t i)
{
	struct request *request = gather->merged[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= gather->n_merged)
			break;
		if (child + 1 < gather->n_merged &&
			earlier(gather->merged[child + 1], gather->merged[child]))
			child++;
		if (!earlier(gather->merged[child], request))
			break;
		gather->merged[i] = gather->merged[child];
		i = child;
	}
	gather->merged[i] = request;
}

static void heapify(struct gather *gather)
{
	for (size_t i = gather->n_merged / 2; i-- > 0;)
		sift_down(gather, i);
}

void gather_unheap(struct gather *gather, struct request *request)
{
	for (size_t i = 0; i < gather->n_merged; i++) {
		if (gather->merged[i] != request)
			continue;
		gather->merged[i] = gather->merged[--gather->n_merged];
		heapify(gather);
		return;
	}
}

void gather_forget(struct gather *gather, struct request *request)
{
	gather_unheap(gather, request);
	list_remove(&request->ready_link);
}

static uint64_t last_staged_ns(const struct request *request)
{
	return request->stage->events[request->stage_n - 1].timestamp_ns;
}

/*
 * Reads the ready requests once, as many as there are staging places; the others come first in the
 * next round, and what they have is ordered only among themselves. Returns up to when the order of
 * those read is certain: a request that filled its staging place may have more edges right after
 * its last one.
 */
static uint64_t read_ready(struct gather *gather)
{
	uint64_t horizon_ns = UINT64_MAX;

	while (!list_empty(&gather->ready) && gather->n_merged < LOG_STAGE_SLOTS - 1) {
		struct request *request = list_object(
			list_take(&gather->ready), struct request, ready_link);
		int n = request_stage(request);

		if (n < 0)
			request_free(request, "gone");
		if (n <= 0)
			continue;

		gather->merged[gather->n_merged++] = request;
		if (request->stage_n == LOG_STAGE_EVENTS && last_staged_ns(request) < horizon_ns)
			horizon_ns = last_staged_ns(request);
	}
	heapify(gather);
	return horizon_ns;
}

/* The usual case: one line, and no deadline among its edges. */
static void log_only(struct gather *gather, uint64_t until_ns)
{
	struct request *request = gather->merged[0];

	while (request->stage && request_staged_ns(request) <= until_ns)
		request_log_staged(request);
	if (!request->stage)
		gather->n_merged = 0;
}

static void log_first(struct gather *gather)
{
	struct request *request = gather->merged[0];

	request_log_staged(request);
	if (!request->stage)
		gather->merged[0] = gather->merged[--gather->n_merged];
	if (gather->n_merged > 1)
		sift_down(gather, 0);
}

/* What is left in the heap has edges beyond the horizon: it comes first in the next round. */
static void put_back(struct gather *gather)
{
	struct list rest, *link;

	list_init(&rest);
	while ((link = list_take(&gather->ready)))
		list_append(&rest, link);
	for (size_t i = 0; i < gather->n_merged; i++)
		list_append(&gather->ready, &gather->merged[i]->ready_link);
	while ((link = list_take(&rest)))
		list_append(&gather->ready, link);
	gather->n_merged = 0;
}

static bool edge_is_next(const struct gather *gather, uint64_t limit_ns, uint64_t deadline_ns)
{
	uint64_t at_ns;

	if (gather->n_merged == 0)
		return false;

	at_ns = request_staged_ns(gather->merged[0]);
	return at_ns <= limit_ns && at_ns <= deadline_ns;
}

void gather_run(struct gather *gather, struct daemon *daemon)
{
	const uint64_t horizon_ns = read_ready(gather);
	const uint64_t looked_ns = daemon->loop.looked_ns;
	const uint64_t due_ns = looked_ns < horizon_ns ? looked_ns : horizon_ns;

	daemon->now_ns = clock_now_ns();
	for (;;) {
		uint64_t deadline_ns = loop_next_deadline(&daemon->loop);
		struct deadline *due;

		if (edge_is_next(gather, horizon_ns, deadline_ns)) {
			if (gather->n_merged == 1)
				log_only(gather,
					horizon_ns < deadline_ns ? horizon_ns : deadline_ns);
			else
				log_first(gather);
			continue;
		}
		due = loop_take_due(&daemon->loop, due_ns);
		if (!due)
			break;
		due->expire(due, due_ns);
	}
	put_back(gather);
}
