/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The inside of the simulated backend, shared by sim.c (the backend, its chips) and sim_request.c
 * (lines and requests).
 */

#include "backend.h"

#define SIM_EVENTS_MAX 1024 /* of one request, as in the kernel */

struct sim_request;

struct sim_line {
	char name[BACKEND_NAME_BYTES];
	struct line_settings settings; /* never DIRECTION_ANY */
	bool level;		       /* physical */
	bool stable;		       /* the level that counts while there is a debounce */
	uint64_t due_ns; /* when `level` is the stable one, unless it changes; 0: it is already */
	bool driven, outside; /* simulate drives it, to this level: its bias does not count */
	bool changed;	      /* its offset waits in the chip's pipe */
	int feed;	      /* where its events come from, -1: here; not owned */
	struct sim_request *request; /* NULL: free */
	uint32_t line_seqno;	     /* of the newest event in this request */
};

struct sim_chip {
	struct chip_info info;
	bool present;
	int fd;			/* epoll of the next two; all -1: scan has not found the chip yet */
	int watch_fd;		/* pipe of the offsets that changed */
	int timer_fd;		/* expires when a line's level has been stable for long enough */
	int write_fd;		/* the other end of the pipe, -1: the chip is not there */
	uint64_t expiry_ns;	/* of timer_fd, no later than any line's due_ns; 0: not armed */
	struct sim_line *lines; /* info.n_lines of them; owned */
};

/* The chip if it is there and scan has found it, else NULL. */
struct sim_chip *sim_chip_get(struct backend *backend, unsigned index);
/* Has the chip's fd report the line. */
void sim_line_changed(struct sim_chip *chip, struct sim_line *line);
/* Has the chip's fd call for sim_line_settle at that time, or before. */
void sim_chip_expire_at(struct sim_chip *chip, uint64_t due_ns);

/* As at the start; name and feed stay. */
void sim_line_reset(struct sim_line *line);
/* An input's level from outside; its request gets the edge, at once or after its debounce. */
void sim_line_drive(struct sim_line *line, bool level);
/* A level that has been there for the debounce counts from now on; its request gets the edge. */
void sim_line_settle(struct sim_line *line);
/* Its chip is gone: the fd of its request reports what waits, then the hang-up. */
void sim_line_lose(struct sim_line *line);

/* The rows of backend_sim that work on requests. */
int sim_request(
	struct backend *backend, const struct request_spec *spec, struct backend_request **ret);
void sim_release(struct backend_request *request);
int sim_get(struct backend_request *request, uint64_t mask, uint64_t *ret_bits);
int sim_set(struct backend_request *request, uint64_t mask, uint64_t bits);
int sim_reconfigure(struct backend_request *request, const struct line_settings *settings,
	const enum initial *initials);
