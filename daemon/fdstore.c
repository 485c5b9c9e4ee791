/* SPDX-License-Identifier: MIT */

#include "fdstore.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "diag.h"
#include "hold.h"
#include "line.h"
#include "manager.h"
#include "peer.h"
#include "request.h"
#include "user.h"

#define LINE_PREFIX "line-"
#define WAIT_MS	    200
#define LATE_NS	    (5 * NSEC_PER_SEC)

static void ask(struct fdstore *fdstore);

/* Whoever waited for a line to leave has his turn. */
static void go_on(struct fdstore *fdstore)
{
	struct list *link;

	loop_clear_deadline(&fdstore->daemon->loop, &fdstore->late);
	loop_remove(&fdstore->daemon->loop, &fdstore->source);
	close(fdstore->barrier_fd);
	fdstore->barrier_fd = -1;
	if (fdstore->done < fdstore->asked)
		fdstore->done = fdstore->asked;
	if (fdstore->forgotten > fdstore->done)
		ask(fdstore);

	while ((link = list_take(&fdstore->waiting)))
		user_want_turn(list_object(link, struct peer, wait_link));
	hold_missing(fdstore->daemon);
}

static void dispatch(struct source *source, uint32_t events)
{
	(void)events;
	go_on(list_object(source, struct fdstore, source));
}

static void expire_late(struct deadline *deadline, uint64_t now_ns)
{
	(void)now_ns;
	diag_warning("the service manager does not answer; lines that were given back may be busy "
		     "for a while");
	go_on(list_object(deadline, struct fdstore, late));
}

static void ask(struct fdstore *fdstore)
{
	struct loop *loop = &fdstore->daemon->loop;

	fdstore->asked = fdstore->forgotten;
	fdstore->barrier_fd = manager_barrier();
	if (fdstore->barrier_fd >= 0 &&
		loop_add(loop, &fdstore->source, fdstore->barrier_fd, EPOLLIN, dispatch) == 0) {
		(void)loop_set_deadline(loop, &fdstore->late, clock_now_ns() + LATE_NS);
		return;
	}
	/* Nobody can say when: the kernel will say busy. */
	if (fdstore->barrier_fd >= 0)
		close(fdstore->barrier_fd);
	fdstore->barrier_fd = -1;
	fdstore->done = fdstore->asked;
}

void fdstore_wait(struct fdstore *fdstore)
{
	const uint64_t forgotten = fdstore->forgotten;
	struct pollfd poll_fd = { .fd = manager_barrier(), .events = POLLIN };

	if (poll_fd.fd < 0)
		return;
	if (poll(&poll_fd, 1, WAIT_MS) > 0)
		fdstore->done = forgotten;
	close(poll_fd.fd);
}

void fdstore_init(struct fdstore *fdstore, struct daemon *daemon)
{
	*fdstore = (struct fdstore){
		.daemon = daemon, .enabled = manager_has_store(), .source.fd = -1, .barrier_fd = -1
	};
	deadline_init(&fdstore->late, expire_late);
	list_init(&fdstore->waiting);
}

void fdstore_done(struct fdstore *fdstore)
{
	if (fdstore->barrier_fd < 0)
		return;

	loop_clear_deadline(&fdstore->daemon->loop, &fdstore->late);
	loop_remove(&fdstore->daemon->loop, &fdstore->source);
	close(fdstore->barrier_fd);
	fdstore->barrier_fd = -1;
}

static void put(const struct fdstore *fdstore, int fd, const char *name)
{
	int r;

	if (!fdstore->enabled || fdstore->left)
		return;

	r = manager_store(fd, name);
	if (r < 0)
		diag_error("%s cannot be left with the service manager, it would end with this "
			   "process: %s",
			name, strerror(-r));
}

static const char *name_of(
	const struct fdstore *fdstore, uint32_t generation, char name[static MANAGER_NAME_BYTES])
{
	(void)snprintf(name, MANAGER_NAME_BYTES, LINE_PREFIX "%016" PRIx64 "-%" PRIu32,
		fdstore->daemon->log.instance, generation);
	return name;
}

void fdstore_put_log(struct fdstore *fdstore)
{
	put(fdstore, fdstore->daemon->log.fd, FDSTORE_LOG);
}

void fdstore_put_request(struct fdstore *fdstore, const struct request *request)
{
	char name[MANAGER_NAME_BYTES];

	if (fdstore->daemon->ops->adopt)
		put(fdstore, request->backend->fd, name_of(fdstore, request->generation, name));
}

void fdstore_forget(struct fdstore *fdstore, const char *name)
{
	if (!fdstore->enabled || fdstore->left)
		return;

	(void)manager_forget(name);
	fdstore->forgotten++;
	if (fdstore->barrier_fd < 0)
		ask(fdstore);
}

void fdstore_forget_log(struct fdstore *fdstore)
{
	fdstore_forget(fdstore, FDSTORE_LOG);
}

void fdstore_forget_request(struct fdstore *fdstore, const struct request *request)
{
	char name[MANAGER_NAME_BYTES];

	if (!fdstore->daemon->ops->adopt)
		return;

	fdstore_forget(fdstore, name_of(fdstore, request->generation, name));
	for (size_t i = 0; i < request->n; i++)
		request->lines[i]->leaving = fdstore->forgotten;
}

bool fdstore_is_line(const char *name)
{
	return strncmp(name, LINE_PREFIX, strlen(LINE_PREFIX)) == 0;
}

bool fdstore_parse(const struct fdstore *fdstore, const char *name, uint32_t *ret_generation)
{
	uint64_t instance;
	char rest;

	return sscanf(name, LINE_PREFIX "%16" SCNx64 "-%" SCNu32 "%c", &instance, ret_generation,
		       &rest) == 2 &&
	       instance == fdstore->daemon->log.instance;
}
