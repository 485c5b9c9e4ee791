/* SPDX-License-Identifier: MIT */

#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "list.h"

/* Enough for every connection and line at once, so that one wait finds all that is ready. */
#define READY_MAX 2200

static void dispatch_timer(struct source *source, uint32_t events)
{
	uint64_t expirations;

	(void)events;
	/* Read, or it stays ready for ever. What is due is found in the heap. */
	(void)!read(source->fd, &expirations, sizeof(expirations));
	list_object(source, struct loop, timer_source)->armed_ns = 0;
}

int loop_init(struct loop *loop)
{
	int r = -ENOMEM;

	*loop = (struct loop){ .epoll_fd = -1, .timer_fd = -1 };
	heap_init(&loop->deadlines);
	loop->ready = calloc(READY_MAX, sizeof(*loop->ready));
	if (!loop->ready)
		return -ENOMEM;

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->timer_fd < 0)
		r = -errno;
	else
		r = loop_add(loop, &loop->timer_source, loop->timer_fd, EPOLLIN, dispatch_timer);
	if (r < 0)
		loop_done(loop);
	return r;
}

void loop_done(struct loop *loop)
{
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	heap_done(&loop->deadlines);
	free(loop->ready);
	*loop = (struct loop){ .epoll_fd = -1, .timer_fd = -1 };
}

int loop_add(struct loop *loop, struct source *source, int fd, uint32_t events,
	void (*dispatch)(struct source *, uint32_t))
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	*source = (struct source){ .fd = fd, .events = events, .dispatch = dispatch };
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		source->fd = -1;
		return -errno;
	}
	return 0;
}

void loop_change(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (source->events == events)
		return;

	source->events = events;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void loop_remove(struct loop *loop, struct source *source)
{
	if (source->fd < 0)
		return;

	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->batch)
		loop->ready[source->batch - 1] = NULL;
	*source = (struct source){ .fd = -1 };
}

static void arm(struct loop *loop)
{
	uint64_t at_ns = loop_next_deadline(loop);
	struct itimerspec spec = { 0 };

	/* A timer set earlier than needed costs one wake-up, which is cheaper than setting it each
	 * time that the nearest deadline moves away. */
	if (at_ns == UINT64_MAX || (loop->armed_ns && loop->armed_ns <= at_ns))
		return;

	spec.it_value.tv_sec = (time_t)(at_ns / NSEC_PER_SEC);
	spec.it_value.tv_nsec = (long)(at_ns % NSEC_PER_SEC);
	if (at_ns == 0)
		spec.it_value.tv_nsec = 1; /* 0 would turn it off */
	(void)timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
	loop->armed_ns = at_ns ? at_ns : 1;
}

int loop_wait(struct loop *loop, bool wait)
{
	static struct epoll_event events[READY_MAX];
	int n;

	if (wait)
		arm(loop);
	loop->looked_ns = clock_now_ns();
	n = epoll_wait(loop->epoll_fd, events, READY_MAX, wait ? -1 : 0);
	if (wait) {
		loop->looked_ns = clock_now_ns();
		/* An edge may have come since, but before a deadline that is due by now. */
		if (loop_next_deadline(loop) <= loop->looked_ns || (n < 0 && errno == EINTR))
			n = epoll_wait(loop->epoll_fd, events, READY_MAX, 0);
	}
	if (n < 0)
		return errno == EINTR ? 0 : -errno;

	for (int i = 0; i < n; i++) {
		loop->ready[i] = events[i].data.ptr;
		loop->ready[i]->batch = (uint32_t)i + 1;
	}
	for (int i = 0; i < n; i++) {
		struct source *source = loop->ready[i];

		if (!source)
			continue; /* removed by an earlier one */

		source->batch = 0;
		source->dispatch(source, events[i].events);
	}
	return 0;
}

int loop_set_deadline(struct loop *loop, struct deadline *deadline, uint64_t at_ns)
{
	return heap_set(&loop->deadlines, deadline, at_ns);
}

void loop_clear_deadline(struct loop *loop, struct deadline *deadline)
{
	heap_clear(&loop->deadlines, deadline);
}

struct deadline *loop_take_due(struct loop *loop, uint64_t limit_ns)
{
	struct deadline *first = heap_first(&loop->deadlines);

	if (!first || first->at_ns > limit_ns)
		return NULL;

	heap_clear(&loop->deadlines, first);
	return first;
}

uint64_t loop_next_deadline(const struct loop *loop)
{
	const struct deadline *first = heap_first(&loop->deadlines);

	return first ? first->at_ns : UINT64_MAX;
}
