/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The event loop: epoll, level-triggered, and one timerfd for all deadlines. It only finds out what
 * is ready: `dispatch` of a source notes what there is to do, and the daemon does it in its own
 * order afterwards (edges and deadlines by time, then requests, then sending).
 *
 * A source may be removed by any dispatch, also while it is itself among the ready ones.
 */

#include <stdbool.h>
#include <stdint.h>

#include "heap.h"

struct source {
	int fd;		 /* not owned */
	uint32_t events; /* interest as epoll knows it */
	uint32_t batch;	 /* index + 1 among the ready ones not dispatched yet; 0: not there */
	void (*dispatch)(struct source *source, uint32_t events);
};

struct loop {
	int epoll_fd, timer_fd;
	struct source timer_source;
	struct heap deadlines;
	uint64_t armed_ns;  /* what the timerfd is set to; 0: off */
	uint64_t looked_ns; /* what was ready then has been dispatched */
	struct source **ready;
	uint32_t n_ready;
};

int loop_init(struct loop *loop); /* on failure nothing is left behind */
void loop_done(struct loop *loop);

/* The fd must stay open until the source is removed. 0 or -errno. */
int loop_add(struct loop *loop, struct source *source, int fd, uint32_t events,
	void (*dispatch)(struct source *, uint32_t));
/* No system call when the interest stays the same. */
void loop_change(struct loop *loop, struct source *source, uint32_t events);
/* No effect on a source that was never added (fd < 0). */
void loop_remove(struct loop *loop, struct source *source);

/*
 * Waits until something is ready or a deadline is due, not at all if !wait, and dispatches.
 * Deadlines up to looked_ns may then be taken without passing an edge that was there before. 0 or
 * -errno.
 */
int loop_wait(struct loop *loop, bool wait);

int loop_set_deadline(struct loop *loop, struct deadline *deadline, uint64_t at_ns);
void loop_clear_deadline(struct loop *loop, struct deadline *deadline);
/* Takes the nearest deadline off if it is due at limit_ns or before, else NULL. */
struct deadline *loop_take_due(struct loop *loop, uint64_t limit_ns);
/* UINT64_MAX when there is none. */
uint64_t loop_next_deadline(const struct loop *loop);
