/* SPDX-License-Identifier: MIT */

#include "fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "diag.h"
#include "hold.h"
#include "line.h"
#include "manager.h"
#include "notify.h"
#include "peer.h"
#include "request.h"
#include "user.h"

#define LINE_PREFIX "line-"
#define NAME_BYTES  256
#define AGAIN_NS    (20 * NSEC_PER_MSEC)
#define SAY_ALL_NS  (1 * NSEC_PER_SEC)
#define LATE_NS	    (5 * NSEC_PER_SEC)
#define WAIT_NS	    (200 * NSEC_PER_MSEC)
#define LOOK_NS	    (1 * NSEC_PER_MSEC)

/* Whoever waited has his turn. */
static void go_on(struct fdstore *fdstore)
{
	struct list *link;

	loop_clear_deadline(&fdstore->daemon->loop, &fdstore->late);
	while ((link = list_take(&fdstore->waiting)))
		user_want_turn(list_object(link, struct peer, wait_link));
	hold_missing(fdstore->daemon);
}

static void expire_late(struct deadline *deadline, uint64_t now_ns)
{
	struct fdstore *fdstore = list_object(deadline, struct fdstore, late);
	struct daemon *daemon = fdstore->daemon;

	(void)now_ns;
	diag_warning("the service manager does not let go of lines that were given back; they are "
		     "busy until it does");
	for (size_t id = 0; id < daemon->lines.n; id++)
		daemon->lines.v[id]->leaving = false;
	go_on(fdstore);
}

/* Also after the manager has answered: it may close its duplicate later. */
static bool has_left(const struct line *line)
{
	struct line_info info;

	if (line->request || line_read_info(line, &info) < 0 || !info.used)
		return true;
	/* A request that is being freed has no consumer any more, and is still in the way. */
	return info.consumer[0] && strcmp(info.consumer, BACKEND_CONSUMER) != 0;
}

bool fdstore_is_leaving(struct line *line)
{
	if (line->leaving && has_left(line)) {
		line->leaving = false;
		go_on(&line->chip->daemon->fdstore);
	}
	return line->leaving;
}

void fdstore_await(struct fdstore *fdstore, struct peer *peer)
{
	list_append_once(&fdstore->waiting, &peer->wait_link);
	if (!deadline_is_set(&fdstore->late))
		(void)loop_set_deadline(
			&fdstore->daemon->loop, &fdstore->late, clock_now_ns() + LATE_NS);
}

void fdstore_wait(struct line *line)
{
	const uint64_t until_ns = clock_now_ns() + WAIT_NS;

	while (line->leaving && !has_left(line) && clock_now_ns() < until_ns)
		(void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	line->leaving = false;
}

/* What the manager has not been told yet, since it does not read. */
struct untold {
	struct list link;
	int fd; /* a duplicate to be stored; -1: the name is to be forgotten */
	char name[NAME_BYTES];
};

static void untold_free(struct untold *untold)
{
	list_remove(&untold->link);
	if (untold->fd >= 0)
		close(untold->fd);
	free(untold);
}

static int say(int fd, const char *name)
{
	return fd >= 0 ? notify_store(fd, name) : notify_forget(name);
}

static void complain(int fd, const char *name, int r)
{
	diag_error("the service manager cannot be told to %s %s: %s", fd >= 0 ? "keep" : "forget",
		name, strerror(-r));
}

/* In order: what is to be forgotten may not have been stored yet. */
static void say_untold(struct fdstore *fdstore)
{
	list_for_each_safe (link, following, &fdstore->untold) {
		struct untold *untold = list_object(link, struct untold, link);
		int r = say(untold->fd, untold->name);

		if (r == -EAGAIN)
			return;
		if (r < 0)
			complain(untold->fd, untold->name, r);
		untold_free(untold);
	}
}

static void say_later(struct fdstore *fdstore)
{
	if (!list_empty(&fdstore->untold) && !deadline_is_set(&fdstore->again))
		(void)loop_set_deadline(
			&fdstore->daemon->loop, &fdstore->again, clock_now_ns() + AGAIN_NS);
}

static void expire_again(struct deadline *deadline, uint64_t now_ns)
{
	struct fdstore *fdstore = list_object(deadline, struct fdstore, again);

	(void)now_ns;
	say_untold(fdstore);
	say_later(fdstore);
}

static void tell(struct fdstore *fdstore, int fd, const char *name)
{
	struct untold *untold;
	int r;

	if (!fdstore->enabled || fdstore->left)
		return;

	r = list_empty(&fdstore->untold) ? say(fd, name) : -EAGAIN;
	if (r == 0)
		return;
	untold = r == -EAGAIN ? malloc(sizeof(*untold)) : NULL;
	if (!untold) {
		complain(fd, name, r);
		return;
	}
	untold->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	(void)snprintf(untold->name, sizeof(untold->name), "%s", name);
	list_append(&fdstore->untold, &untold->link);
	if (fd >= 0 && untold->fd < 0) {
		complain(fd, name, -errno);
		untold_free(untold);
	}
	say_later(fdstore);
}

void fdstore_say_all(struct fdstore *fdstore)
{
	const uint64_t until_ns = clock_now_ns() + SAY_ALL_NS;

	for (;;) {
		say_untold(fdstore);
		if (list_empty(&fdstore->untold) || clock_now_ns() >= until_ns)
			return;
		(void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	}
}

static const char *name_of(
	const struct fdstore *fdstore, uint32_t generation, char name[static NAME_BYTES])
{
	(void)snprintf(name, NAME_BYTES, LINE_PREFIX "%016" PRIx64 "-%" PRIu32,
		fdstore->daemon->log.instance, generation);
	return name;
}

void fdstore_put_log(struct fdstore *fdstore)
{
	tell(fdstore, fdstore->daemon->log.fd, FDSTORE_LOG);
}

void fdstore_put_request(struct fdstore *fdstore, const struct request *request)
{
	char name[NAME_BYTES];

	if (fdstore->daemon->ops->adopt)
		tell(fdstore, request->backend->fd, name_of(fdstore, request->generation, name));
}

void fdstore_forget(struct fdstore *fdstore, const char *name)
{
	tell(fdstore, -1, name);
}

void fdstore_forget_log(struct fdstore *fdstore)
{
	fdstore_forget(fdstore, FDSTORE_LOG);
}

void fdstore_forget_request(struct fdstore *fdstore, const struct request *request)
{
	char name[NAME_BYTES];

	if (!fdstore->daemon->ops->adopt || !fdstore->enabled || fdstore->left)
		return;

	fdstore_forget(fdstore, name_of(fdstore, request->generation, name));
	for (size_t i = 0; i < request->n; i++)
		request->lines[i]->leaving = true;
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

void fdstore_init(struct fdstore *fdstore, struct daemon *daemon)
{
	*fdstore = (struct fdstore){ .daemon = daemon, .enabled = manager_has_store() };
	deadline_init(&fdstore->late, expire_late);
	deadline_init(&fdstore->again, expire_again);
	list_init(&fdstore->waiting);
	list_init(&fdstore->untold);
}

void fdstore_done(struct fdstore *fdstore)
{
	loop_clear_deadline(&fdstore->daemon->loop, &fdstore->late);
	loop_clear_deadline(&fdstore->daemon->loop, &fdstore->again);
	list_for_each_safe (link, following, &fdstore->untold)
		untold_free(list_object(link, struct untold, link));
}
