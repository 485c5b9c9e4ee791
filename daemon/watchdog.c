/* SPDX-License-Identifier: MIT */

#include "watchdog.h"

#include "clock.h"
#include "list.h"
#include "loop.h"
#include "notify.h"

static void expire(struct deadline *deadline, uint64_t now_ns)
{
	struct watchdog *watchdog = list_object(deadline, struct watchdog, deadline);

	(void)now_ns;
	notify_alive();
	/* From now, so that after a standstill not all that was missed is made up for. It was in
	 * the heap before, so there is room for it. */
	(void)loop_set_deadline(watchdog->loop, deadline, clock_now_ns() + watchdog->period_ns);
}

int watchdog_start(struct watchdog *watchdog, struct loop *loop)
{
	*watchdog = (struct watchdog){ .loop = loop, .period_ns = notify_watchdog_ns() / 2 };
	deadline_init(&watchdog->deadline, expire);
	if (!watchdog->period_ns)
		return 0;
	return loop_set_deadline(loop, &watchdog->deadline, clock_now_ns() + watchdog->period_ns);
}

void watchdog_stop(struct watchdog *watchdog)
{
	if (watchdog->period_ns)
		loop_clear_deadline(watchdog->loop, &watchdog->deadline);
	watchdog->period_ns = 0;
}
