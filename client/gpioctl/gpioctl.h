/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of gpioctl share: exit statuses and the table of commands. Functions that return
 * an `enum status` have already said on stderr what went wrong.
 */

#include <stddef.h>
#include <stdint.h>

#include "options.h"

#define _cleanup_(f) __attribute__((cleanup(f)))

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3,
	STATUS_DENIED = 4,
	STATUS_BUSY = 5,
	STATUS_TIMEOUT = 6,
	STATUS_UNREACHABLE = 7,
	STATUS_LOST = 8,
	STATUS_INTERRUPTED = 130, /* by Ctrl-C, as a shell reports it */
	STATUS_TERMINATED = 143,
};

#define ARGS_ANY SIZE_MAX

struct command {
	const char *name;      /* one word, or two as in "timer arm" */
	const char *arguments; /* for the usage line */
	const char *summary;
	const char *details;  /* ends with a newline */
	const char *examples; /* each on a line of its own, ends with a newline */
	uint64_t options;     /* bits of those that it takes beside the global ones */
	size_t min_args, max_args;
	enum status (*run)(const struct options *options, struct strings args);
};

/* The table, NULL at its end. */
extern const struct command *const commands[];

/*
 * The command that the first words name; args then begins behind them. NULL: none, args unchanged.
 */
const struct command *command_find(struct strings *args);

extern const struct command command_list, command_info, command_get, command_set, command_toggle,
	command_pulse, command_claim, command_release, command_log, command_monitor, command_wait,
	command_timer_arm, command_timer_disarm, command_timer_list, command_simulate,
	command_reload, command_stats, command_clients, command_ping, command_raw, command_who,
	command_doctor, command_complete, command_help;

/* "usage: gpioctl ..." of a command, without a newline; owned by the next call. */
const char *help_usage(const struct command *command);
/* The overview, or the help of each command of that name ("timer" has three). -ENOENT: none. */
void help_overview(void);
int help_command(const char *name);
