/* SPDX-License-Identifier: MIT */

#include "fdstore.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

void fdstore_init(struct fdstore *fdstore, struct daemon *daemon)
{
	*fdstore = (struct fdstore){ .daemon = daemon, .enabled = manager_has_store() };
	deadline_init(&fdstore->late, expire_late);
	list_init(&fdstore->waiting);
}

void fdstore_done(struct fdstore *fdstore)
{
	loop_clear_deadline(&fdstore->daemon->loop, &fdstore->late);
}

/* Also after the manager has answered: it may close its duplicate later. */
static bool has_left(const struct line *line)
{
	struct line_info info;

	return line->request || line_read_info(line, &info) < 0 || !info.used ||
	       strcmp(info.consumer, BACKEND_CONSUMER) != 0;
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
}

void fdstore_forget_log(struct fdstore *fdstore)
{
	fdstore_forget(fdstore, FDSTORE_LOG);
}

void fdstore_forget_request(struct fdstore *fdstore, const struct request *request)
{
	char name[MANAGER_NAME_BYTES];

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
