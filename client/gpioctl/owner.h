/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who has a line. The daemon tells where the line is and what it does with it itself; the kernel
 * tells only a consumer's name, so the process is looked for in /proc, which for those of other
 * users takes root.
 */

#include "holders.h"
#include "kernel_line.h"
#include "session.h"

enum owner {
	OWNER_NOBODY,
	OWNER_PROCESS, /* those of `holders` */
	OWNER_ONE_OF,  /* one of them, or the kernel: it does not say */
	OWNER_DAEMON,  /* and its process could not be seen */
	OWNER_KERNEL,
	OWNER_HIDDEN, /* somebody whom this user may not see */
	OWNER_N
};

struct place {
	char line[2 * WIRE_MAX_NAME_BYTES];
	char chip[KERNEL_NAME_BYTES];
	unsigned offset;
	char consumer[KERNEL_NAME_BYTES];
	char users[512]; /* of the daemon's */
	bool used;
	bool held;	/* by the daemon that was asked */
	bool simulated; /* no line of the kernel's, whatever its chip is called */
};

struct ownership {
	struct place place;
	struct holders holders;
	enum owner owner;
};

/* Asks the daemon, or without a connection the kernel. ownership_done() is due in any case. */
enum status ownership_find(struct session *session, const char *name, struct ownership *ret);
void ownership_done(struct ownership *ownership);

/* By somebody who wrote to /sys/class/gpio/export, which no process need hold any more. */
bool is_exported(const struct place *place);

#define NOTE_MAX 640
/* What a holder is beside its command, "" for nothing; and the same of an owner without a process.
 */
void holder_note(
	const struct ownership *ownership, const struct holder *holder, char note[static NOTE_MAX]);
void owner_note(const struct ownership *ownership, char note[static NOTE_MAX]);
/* "process", "daemon", "keeper": the service manager that keeps lines for the daemon. */
const char *holder_role(const struct ownership *ownership, const struct holder *holder);
