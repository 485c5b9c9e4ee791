/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The daemon: everything it consists of, in one struct, and the order of its work. A round is one
 * wake-up:
 *
 *   1. wait, and note what is ready                                  loop.c
 *   2. read all ready lines; log edges and run deadlines by time      gather.c
 *   3. run requests, a bounded number of each connection              server.c, peer_in.c,
 * command.c
 *   4. send to each connection that has something, once               peer_out.c
 *
 * Work per source and round is bounded, so that no client and no line delays another.
 */

#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "backend.h"
#include "chip.h"
#include "config.h"
#include "fdstore.h"
#include "gather.h"
#include "inherit.h"
#include "line.h"
#include "log.h"
#include "loop.h"
#include "names.h"
#include "reload.h"
#include "server.h"
#include "stats.h"
#include "status.h"
#include "timer.h"
#include "watchdog.h"

struct board;
struct options;

struct daemon {
	struct config *config; /* owned */
	struct board *board;   /* owned; NULL: no header known */
	const struct backend_ops *ops;
	struct backend *backend;
	struct loop loop;
	struct log log;
	struct inherit inherit; /* until the end of daemon_start() */
	struct fdstore fdstore;
	struct source signals;
	int signal_fd;

	struct list_of_chips {
		size_t n;
		struct chip **v; /* by backend index; NULL where there is none yet */
	} chips;
	struct list_of_lines {
		size_t n;
		struct line **v;	    /* by id */
		struct name_entry *entries; /* by id, for names.h */
	} lines;
	struct chip absent;	/* of configured lines that are not there */
	struct source arrivals; /* the backend's word that a chip may have come */
	struct deadline retry;	/* what failed for now, and nobody tells when it would not */
	uint64_t retry_after_ns;

	struct access access;
	struct gather gather;
	struct timers timers;
	struct server server;
	struct reload reload;
	uint64_t evicted_config; /* newest config event that the log no longer holds */
	struct stats stats;
	struct status status;
	struct watchdog watchdog;
	struct wire_decoder *decoder;

	uint64_t now_ns; /* when this round began its work */
	int64_t realtime_offset_ns;
	uint32_t generations; /* requests made */
	uint32_t n_states;    /* places taken in the log's state table */
	unsigned n_held;      /* lines in use */
	bool stopping;
	bool giving_back; /* stops for good: on-exit is applied, whatever the manager keeps */
};

/* Takes `config` over on success; `options` are looked at again by each reload. Problems are told
 * through diag. 0 or -errno. */
int daemon_start(struct daemon *daemon, const struct options *options, struct config *config);
/* One wake-up. 0 or -errno. */
int daemon_round(struct daemon *daemon);
/* Runs until SIGTERM or SIGINT; 0 or -errno. */
int daemon_run(struct daemon *daemon);
/* Applies on-exit, tells the clients, closes everything; never longer than 2 s. */
void daemon_stop(struct daemon *daemon);

/* Loads the board map `name`; "" finds one that fits the chips there are. As board_load(). */
int daemon_load_board(const struct daemon *daemon, const char *name,
	void (*report)(const char *message, void *data), void *data, struct board **ret);
/* Looks for chips and lines that are missing, now. */
void daemon_look_again(struct daemon *daemon);
/* The same in a while: for what nobody tells, such as memory that was short. */
void daemon_retry_later(struct daemon *daemon);
