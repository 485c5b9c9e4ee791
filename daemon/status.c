/* SPDX-License-Identifier: MIT */

#include "status.h"

#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "daemon.h"
#include "notify.h"

#define INTERVAL_NS (1 * NSEC_PER_SEC)
#define AGAIN_NS    (50 * NSEC_PER_MSEC) /* what is owed is said again */

static struct status_counts count(const struct daemon *daemon)
{
	return (struct status_counts){ .lines = daemon->n_held,
		.clients = daemon->server.n_peers,
		.events = daemon->log.head };
}

static bool is_told(const struct daemon *daemon)
{
	const struct status_counts *told = &daemon->status.told;

	return told->events == daemon->log.head && told->clients == daemon->server.n_peers &&
	       told->lines == daemon->n_held;
}

/* It is off the heap, which is all that the next status_round() needs to know. */
static void expire(struct deadline *deadline, uint64_t now_ns)
{
	(void)deadline;
	(void)now_ns;
	if (notify_owes_ready())
		notify_ready();
}

static void tell(struct daemon *daemon, uint64_t now_ns)
{
	struct status_counts now = count(daemon);
	char text[NOTIFY_STATUS_BYTES];

	daemon->status.told = now;
	daemon->status.told_ns = now_ns;
	(void)snprintf(text, sizeof(text), "%u line%s held, %zu client%s, %" PRIu64 " event%s",
		now.lines, now.lines == 1 ? "" : "s", now.clients, now.clients == 1 ? "" : "s",
		now.events, now.events == 1 ? "" : "s");
	notify_status_counts(text);
}

void status_init(struct status *status)
{
	*status = (struct status){ 0 };
	deadline_init(&status->deadline, expire);
}

void status_start(struct daemon *daemon)
{
	daemon->status.on = notify_is_on();
	if (daemon->status.on)
		tell(daemon, clock_now_ns());
}

void status_round(struct daemon *daemon)
{
	struct status *status = &daemon->status;
	const uint64_t now_ns = daemon->loop.looked_ns, due_ns = status->told_ns + INTERVAL_NS;

	if (!status->on || deadline_is_set(&status->deadline))
		return;
	if (notify_owes_ready())
		(void)loop_set_deadline(&daemon->loop, &status->deadline, now_ns + AGAIN_NS);
	if (deadline_is_set(&status->deadline) || is_told(daemon))
		return;

	if (now_ns >= due_ns)
		tell(daemon, now_ns);
	else
		(void)loop_set_deadline(&daemon->loop, &status->deadline, due_ns);
}

void status_stop(struct daemon *daemon)
{
	loop_clear_deadline(&daemon->loop, &daemon->status.deadline);
	daemon->status.on = false;
}
