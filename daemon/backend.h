/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the daemon needs from something that has GPIO lines. Two implement it: gpiod (the kernel's
 * lines, through libgpiod 2 and the uAPI) and sim (lines in this process). The daemon never asks
 * which one it has; what only one can do is an operation that the other leaves NULL.
 *
 * A request is one or more lines of one chip that are taken, set and released together, as in the
 * kernel. Its fd carries whole `struct gpio_v2_line_event` records, is non-blocking, close-on-exec
 * and level-triggered in epoll:
 *
 *   situation                 epoll                 read(2)
 *   nothing waits             not ready             -EAGAIN
 *   n events wait             EPOLLIN till drained  whole records, in order
 *   more than the buffer      EPOLLIN               the oldest are gone, line_seqno jumps
 *   chip gone, events left    EPOLLHUP (| EPOLLIN)  those events; the kernel's are lost: -ENODEV
 *   chip gone, drained        EPOLLHUP              0 or -ENODEV
 *
 * line_seqno counts the edges of one line within one request from 1, 32 bits, and wraps. Values are
 * logical (after active-low) and so are the edge types. Times are CLOCK_MONOTONIC.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/gpio.h>

#include "settings.h"

#define BACKEND_CONSUMER   "gpioeventd" /* of our requests, as others see them */
#define BACKEND_NAME_BYTES 32		/* with the NUL, as in the kernel */
#define REQUEST_LINES_MAX  64		/* lines of one request, as in the kernel */

struct config;
struct backend;

/* A chip as found; `index` is the backend's handle for it and stays valid until backend_free. */
struct chip_info {
	unsigned index;
	char name[BACKEND_NAME_BYTES];	/* gpiochip0 */
	char label[BACKEND_NAME_BYTES]; /* pinctrl-bcm2711 */
	unsigned n_lines;
};

struct line_info {
	char name[BACKEND_NAME_BYTES];	   /* "" when the line has none */
	char consumer[BACKEND_NAME_BYTES]; /* "" when free, or when the holder gave none */
	bool used;			   /* held by somebody, this process included */
	struct line_settings settings;	   /* as the kernel reports them; never DIRECTION_ANY */
};

/* What to take. Arrays have n entries and belong to the caller. */
struct request_spec {
	unsigned chip;
	size_t n;
	const unsigned *offsets;
	const struct line_settings *settings;
	const enum initial *initials; /* of outputs; applied in the call that sets the direction */
	unsigned event_buffer;	      /* events; halved down to 16 while memory is short */
};

struct backend_request {
	const struct backend_ops *ops;
	int fd; /* owned by the request */
	unsigned chip;
	size_t n;
	unsigned offsets[REQUEST_LINES_MAX];
	unsigned event_buffer; /* what was got */
};

/* A change that a chip's fd reports. */
struct chip_event {
	enum { CHIP_LINE_CHANGED, CHIP_GONE } type;
	unsigned offset; /* CHIP_LINE_CHANGED: requested, released or reconfigured by somebody */
	struct line_info info; /* as it is now */
};

struct backend_ops {
	const char *name; /* the word of `backend =` */

	/* Opens the backend; no chip is a success. */
	int (*open)(const struct config *config, struct backend **ret);
	/* Every request is released before. Accepts NULL. */
	void (*free)(struct backend *backend);

	/*
	 * Looks for chips that are not known yet or have come back, and calls found() for each: a
	 * chip that comes back (identity.h) keeps its index, whatever its name is now. One whose
	 * going chip_event has not told yet is not found: scan again after CHIP_GONE. One that may
	 * not be opened is not found: arrival_fd tells when that changes. -errno when memory or
	 * file descriptors were short: scan again after a while.
	 */
	int (*scan)(struct backend *backend,
		void (*found)(const struct chip_info *chip, void *data), void *data);
	/* An fd that becomes ready when scan may find something, CHIP_GONE apart; owned by the
	 * backend and open as long as that; -errno: it cannot tell. */
	int (*arrival_fd)(struct backend *backend);
	/* Reads what the fd has to say, until it is not ready any more; true when scan is worth
	 * while. */
	bool (*arrived)(struct backend *backend);
	/* An fd that becomes ready when chip_event has something, or something to do; owned by the
	 * backend; -errno. */
	int (*chip_fd)(struct backend *backend, unsigned chip);
	/* 1 and one event, or 0 when nothing waits; call until then, the fd tells of the first
	 * only. After CHIP_GONE the fd is closed. Lines' own changes by this process are reported
	 * too. Levels that have been stable for their debounce may come to the requests' fds only
	 * by this call, or by get. */
	int (*chip_event)(struct backend *backend, unsigned chip, struct chip_event *ret);
	int (*line_info)(
		struct backend *backend, unsigned chip, unsigned offset, struct line_info *ret);

	/* -EBUSY held by others; -ENXIO no interrupt for edges; -ENODEV; -EINVAL; -EPERM; ... */
	int (*request)(struct backend *backend, const struct request_spec *spec,
		struct backend_request **ret);
	/*
	 * Takes up a request of these lines that an earlier process made; `fd`, which belongs to
	 * the request from then on, is all that is left of it. The settings of the specification
	 * are those that it should have, and are brought up to date with what it has; an output's
	 * initial is what it was last driven to. -ESTALE when the fd is anything else, -ENODEV when
	 * the chip has gone since; then the fd is still the caller's. NULL: requests end with the
	 * process.
	 */
	int (*adopt)(struct backend *backend, int fd, const struct request_spec *spec,
		struct line_settings *settings, struct backend_request **ret);
	/* Closes the fd and gives the lines back. Accepts NULL. */
	void (*release)(struct backend_request *request);
	/* Bit i is offsets[i]. get: of outputs the level read back; -ENODATA for a line of which
	 * only the events tell the value (--sim-feed). set: -EPERM for an input. */
	int (*get)(struct backend_request *request, uint64_t mask, uint64_t *ret_bits);
	int (*set)(struct backend_request *request, uint64_t mask, uint64_t bits);
	/* New settings for all its lines, in one call, without release; `initials` as in
	 * request_spec. */
	int (*reconfigure)(struct backend_request *request, const struct line_settings *settings,
		const enum initial *initials);

	/* Simulation; NULL elsewhere. Physical level of an input; chip away and back. */
	int (*simulate)(struct backend *backend, unsigned chip, unsigned offset, bool level);
	int (*simulate_present)(struct backend *backend, unsigned chip, bool present);
};

extern const struct backend_ops backend_gpiod;
extern const struct backend_ops backend_sim;
