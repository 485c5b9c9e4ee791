/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What gpioctl doctor's checks share. A check looks at one thing and reports: that it is well, a
 * note about a choice that somebody may regret, or a problem; of the last two it says the fix.
 */

#include <sys/types.h>

#include "session.h"

enum finding_state { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM, FINDING_N };

struct doctor {
	const struct options *options;
	struct session session; /* connection NULL: no daemon answers */
	const char *check;	/* the one that runs */
	const char *path;	/* of the socket */
	gid_t clients;		/* the socket's group; -1: unknown, or root's */
	cJSON *gone;		/* labels of the daemon's chips that are away */
	unsigned n_problems;

	bool pending; /* this is not printed yet */
	enum finding_state state;
	char message[1024], fix[1024];
};

/* Reports; the fix of the last report, a command or what to do. */
void report(struct doctor *doctor, enum finding_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void report_fix(struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether the daemon that answers has simulated lines, so that this machine's do not matter. */
bool is_simulated(const struct doctor *doctor);

/* The machine: doctor_machine.c. */
void check_kernel(struct doctor *doctor);
void check_devices(struct doctor *doctor);
void check_bypass(struct doctor *doctor);
void check_programs(struct doctor *doctor);
void check_config(struct doctor *doctor);
/* The way to the daemon: doctor_socket.c. */
void check_socket(struct doctor *doctor);
void check_unit(struct doctor *doctor);
/* The daemon: doctor_daemon.c; only when one answers. */
void check_version(struct doctor *doctor);
void check_chips(struct doctor *doctor);
void check_lines(struct doctor *doctor);
void check_debounce(struct doctor *doctor);
