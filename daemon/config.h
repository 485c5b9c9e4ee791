/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration: gpioeventd.conf and its drop-ins (gpioeventd.conf.d/NAME.conf beside it, in
 * the order of their names; a later value of the same key replaces an earlier one from another
 * file), checked whole. The keys, their bounds and their defaults are the rows of config.def.
 *
 *   [daemon]      socket, socket-mode, socket-group, backend, log-size, board,
 *                 connections, connections-per-uid, timers, timers-per-client,
 *                 timers-per-uid, lines-per-uid, requests-per-uid, kernel-buffer
 *   [line ALIAS]  line (how the line is found: any spelling but an alias), direction, bias, drive,
 *                 active-low, edges, debounce, initial, on-exit, group, safe, max-on
 *   [interlock NAME]  lines: outputs of which one at a time may be 1
 *   [socket NAME] path, mode, group: further sockets, for rules of their own
 *   [access NAME] users, groups, sockets, lines, verbs: who may do what
 *   [chip NAME]   simulated chips: label, lines, names ("0=BUTTON 1=LED", or "GPIO*" for GPIO0,
 *                 GPIO1 and so on)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend.h"
#include "peer_id.h"
#include "wire.h"

#define CONFIG_CHIPS_MAX      256 /* simulated chips; 8 MiB of names */
#define CONFIG_INTERLOCKS_MAX 64  /* a bit each in line_config */

#define SOCKET_MAIN	   "gpioeventd" /* the name of the daemon's own socket */
#define CONFIG_SOCKETS_MAX 15		/* [socket] sections */
#define CONFIG_RULES_MAX   60		/* [access] sections: a bit each in access.h */
#define ACCESS_LIST_BYTES  180		/* of a list in one; a line of the file has 197 */
#define ACCESS_IDS_MAX	   64		/* users, or groups, of one */

enum on_exit { ON_EXIT_RELEASE, ON_EXIT_0, ON_EXIT_1, ON_EXIT_INPUT };
enum safe { SAFE_0, SAFE_1, SAFE_NONE };

struct line_config {
	char alias[WIRE_MAX_NAME_BYTES + 1]; /* the canonical name */
	char line[WIRE_MAX_NAME_BYTES + 1];  /* as written */
	struct line_settings settings;
	enum initial initial;
	enum on_exit on_exit;
	char group[WIRE_MAX_NAME_BYTES + 1]; /* "": a request of its own */
	enum safe safe;
	uint64_t max_on_ns;  /* 0: for ever */
	uint64_t interlocks; /* bit i: it is in config->interlocks[i] */
	const char *file;    /* where the section stands, for messages; owned by the config */
	unsigned file_line;
};

struct interlock_config {
	char name[WIRE_MAX_NAME_BYTES + 1];
	char lines[181]; /* as written: aliases between spaces */
};

enum access_verb {
	ACCESS_SEE, /* the order matters: see access.c */
	ACCESS_WATCH,
	ACCESS_SET,
	ACCESS_CONFIGURE,
	ACCESS_ADMIN, /* of the daemon; the others are of lines */
	ACCESS_VERB_N
};
#define ACCESS_LINE_VERBS ACCESS_ADMIN

struct access_rule {
	char name[WIRE_MAX_NAME_BYTES + 1];
	/* As written: words between spaces and commas. */
	char users[ACCESS_LIST_BYTES + 1], groups[ACCESS_LIST_BYTES + 1],
		sockets[ACCESS_LIST_BYTES + 1], lines[ACCESS_LIST_BYTES + 1];
	unsigned verbs; /* as written: 1 << verb */
	bool everybody; /* users = * */
	size_t n_uids, n_gids;
	uid_t uids[ACCESS_IDS_MAX];
	gid_t gids[ACCESS_IDS_MAX];
	const char *file; /* where the section stands; owned by the config */
	unsigned file_line;
};

struct socket_config {
	char name[PEER_SOCKET_BYTES];
	char path[108]; /* "": only as the service manager hands it over */
	mode_t mode;
	char group[32];	  /* as written; "": the daemon's own */
	gid_t gid;	  /* what it means; -1: the daemon's own */
	const char *file; /* where the section stands; owned by the config */
	unsigned file_line;
};

struct sim_chip_config {
	char name[BACKEND_NAME_BYTES];
	char label[BACKEND_NAME_BYTES];
	unsigned n_lines;
	char (*names)[BACKEND_NAME_BYTES]; /* n_lines of them; owned; "" unnamed */
	const char *file;		   /* where the section stands; owned by the config */
	unsigned file_line;
};

struct config {
	char socket[108];
	mode_t socket_mode;
	char socket_group[32]; /* as written; "": none was asked for */
	gid_t socket_gid;      /* what it means; -1: the daemon's own */
	const struct backend_ops *backend;
	size_t log_size;	/* bytes, power of two */
	char board[64];		/* board map to use; "" finds it by itself, "none" uses none */
	const char *board_file; /* where that is written; NULL: nowhere */
	unsigned board_file_line;
	unsigned connections, connections_per_uid, timers, timers_per_client, timers_per_uid,
		lines_per_uid, requests_per_uid, kernel_buffer;
	size_t n_lines;
	struct line_config *lines;
	size_t n_interlocks;
	struct interlock_config *interlocks;
	size_t n_sockets;
	struct socket_config *sockets; /* [socket]: those beside the daemon's own */
	size_t n_rules;
	struct access_rule *rules; /* [access]; none: see access.h */
	size_t n_chips;		   /* of the simulated backend; 0: the default chip */
	struct sim_chip_config *chips;
	char **files; /* NULL-terminated names of the files read */
	/* Command line only, `--sim-feed LINE=FD`: simulated lines whose events come from an fd. */
	size_t n_feeds;
	struct sim_feed {
		char line[WIRE_MAX_NAME_BYTES + 1];
		int fd;
	} feeds[WIRE_MAX_LINES];
};

/* Where the configuration is unless the command line says otherwise. */
const char *config_default_path(void);
/*
 * Reads `path` and its drop-ins; NULL means the default path, whose absence is no error. Every
 * problem found is told to report() as one line of text, "FILE:LINE: [section] key: what is wrong;
 * what is allowed", not only the first. 0, or -EINVAL when there was a problem, -errno when a file
 * cannot be read. *ret is written only on success.
 */
int config_load(const char *path, void (*report)(const char *message, void *data), void *data,
	struct config **ret);
/*
 * What depends on the backend, which the command line may have changed: [chip] without the
 * simulated one, a board map that is not there. 0; -EINVAL, told as by config_load.
 */
int config_check_chosen(
	const struct config *config, void (*report)(const char *message, void *data), void *data);
/*
 * With the simulated backend, whose lines are known without a start: that each configured line is
 * there, has one alias and is on its group's chip. 0; -EINVAL, told; -errno.
 */
int config_check_lines(
	const struct config *config, void (*report)(const char *message, void *data), void *data);
/* "FILE: 2 lines, 1 group: nothing wrong". Returns buffer. */
const char *config_summary(const struct config *config, char *buffer, size_t size);
struct config *config_free(struct config *config); /* accepts NULL, returns NULL */
/* The configuration in force, every key explained; with defaults, config/gpioeventd.conf. */
void config_print(
	const struct config *config, void (*put)(const char *text, void *data), void *data);
