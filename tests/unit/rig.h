/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A whole daemon in the test's own process, stepped round by round, with simulated lines and
 * clients on its real socket. Everything fails the test that fails here.
 *
 * The lines a, b and c (GPIO0 to GPIO2) are inputs fed with edges of the test's own times, x, y and
 * z (GPIO10 to GPIO12) are outputs, p and q (GPIO13, GPIO14) a group of outputs. The log is of the
 * least size. Nothing of it ever waits, except rig_wait().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon.h"
#include "options.h"

#define RIG_FEEDS 3

struct rig {
	struct daemon daemon;
	char directory[32];
	char path[64]; /* of the configuration */
	struct options options;
	char feed_options[RIG_FEEDS][16];
	int feeds[RIG_FEEDS]; /* to write to */
	uint32_t line_seqno[RIG_FEEDS];
	uint64_t edge_ns; /* of the last edge */
};

struct client {
	int fd;
	struct peer *peer;
	char *in; /* all that was received, NUL-terminated */
	size_t n, size;
	bool ended;
	/* What the daemon's sends to it may take from now on; SIZE_MAX: what the socket takes. */
	size_t budget;
};

extern struct rig rig;
extern const struct backend_ops *rig_backend; /* instead of the simulated one */

/* Keys of [daemon], sections after them, or NULL for what is said above. */
void rig_start(const char *configuration);
/* Another configuration, as rig_start(), for a reload to read. */
void rig_configure(const char *configuration);
/* Has the daemon read it: as reload_run(). */
int rig_reload(void);
/* Also closes what is connected. */
void rig_stop(void);
/* Rounds, until nothing is ready. A client that is out of budget is not ready. */
void rig_settle(void);
/* One round, which may wait for a deadline. */
void rig_wait(void);

/* Edges that wait to be read by the next round. */
void rig_edge(unsigned feed, bool rising, uint64_t after_ns);
/* The kernel dropped n edges before the next. */
void rig_skip(unsigned feed, uint32_t n);

/* The daemon's nth allocation from now on fails; 0: none. */
void rig_fail_allocation(unsigned n);
/* It has failed. */
bool rig_has_failed(void);

void client_connect(struct client *client);
void client_done(struct client *client);
/* A request's line, without its newline; it waits to be read by the next round. */
void client_send(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Reads what there is. */
void client_read(struct client *client);
/* send, settle, read; the last line received, without its newline. Valid until the next read. */
const char *client_ask(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Forgets what was received. */
void client_clear(struct client *client);

/* The number behind "key": in a line; fails the test when there is none. */
uint64_t number_in(const char *line, const char *key);
bool has_in(const char *line, const char *text);
/* The next line of what was received, cut at its newline; NULL at the end. */
char *next_line(char **rest);
