/* SPDX-License-Identifier: MIT */
/*
 * What differs besides lines. Most keys of [daemon] are limits, which are looked up whenever they
 * are needed, so that they hold from now on; what has been used up at the start waits for a
 * restart.
 */

#include <string.h>

#include "board.h"
#include "daemon.h"
#include "reload.h"

static const char *const start_keys[] = { "socket", "socket-mode", "socket-group", "backend",
	"log-size" };

bool reload_is_live(const struct config_row *row)
{
	for (size_t i = 0; i < sizeof(start_keys) / sizeof(start_keys[0]); i++)
		if (strcmp(start_keys[i], row->key) == 0)
			return false;
	return true;
}

/* All keys of a section. */
static bool says_the_same(enum config_section section, const void *a, const void *b)
{
	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (config_rows[i].section == section && !config_value_same(&config_rows[i], a, b))
			return false;
	return true;
}

static bool is_same_chip(const struct sim_chip_config *a, const struct sim_chip_config *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->label, b->label) == 0 &&
	       a->n_lines == b->n_lines &&
	       memcmp(a->names, b->names, a->n_lines * sizeof(*a->names)) == 0;
}

static bool is_same_socket(const struct socket_config *a, const struct socket_config *b)
{
	return strcmp(a->name, b->name) == 0 && says_the_same(CONFIG_SECTION_SOCKET, a, b);
}

/* The name of a user or a group may have got another number. */
static bool is_same_rule(const struct access_rule *a, const struct access_rule *b)
{
	return strcmp(a->name, b->name) == 0 && says_the_same(CONFIG_SECTION_ACCESS, a, b) &&
	       a->n_uids == b->n_uids && a->n_gids == b->n_gids &&
	       memcmp(a->uids, b->uids, a->n_uids * sizeof(*a->uids)) == 0 &&
	       memcmp(a->gids, b->gids, a->n_gids * sizeof(*a->gids)) == 0;
}

static bool is_same_interlock(const struct interlock_config *a, const struct interlock_config *b)
{
	return strcmp(a->name, b->name) == 0 && says_the_same(CONFIG_SECTION_INTERLOCK, a, b);
}

#define ARE_SAME(is_same, a, b, n, sections)                                     \
	({                                                                       \
		bool same_ = (a)->n == (b)->n;                                   \
		for (size_t i_ = 0; same_ && i_ < (a)->n; i_++)                  \
			same_ = is_same(&(a)->sections[i_], &(b)->sections[i_]); \
		same_;                                                           \
	})

static void compare_sections(bool *differ, const struct config *a, const struct config *b)
{
	differ[CONFIG_SECTION_CHIP] = !ARE_SAME(is_same_chip, a, b, n_chips, chips);
	differ[CONFIG_SECTION_SOCKET] = !ARE_SAME(is_same_socket, a, b, n_sockets, sockets);
	differ[CONFIG_SECTION_INTERLOCK] = !ARE_SAME(
		is_same_interlock, a, b, n_interlocks, interlocks);
	differ[CONFIG_SECTION_ACCESS] = !ARE_SAME(is_same_rule, a, b, n_rules, rules);
}

static bool is_same_board(const struct board *a, const struct board *b)
{
	return a && b ? memcmp(a, b, sizeof(*a)) == 0 : a == b;
}

void reload_diff(struct daemon *daemon, const struct config *config, const struct board *board)
{
	struct reload *reload = &daemon->reload;

	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (config_rows[i].section == CONFIG_SECTION_DAEMON)
			reload->keys[i] = !config_value_same(
				&config_rows[i], daemon->config, config);
	if (!is_same_board(daemon->board, board))
		reload->keys[config_row_find(CONFIG_SECTION_DAEMON, "board") - config_rows] = true;
	compare_sections(reload->sections, daemon->config, config);
}

/* The names of the files that they stand in go with the other configuration. */
#define EXCHANGE(a, b, n, sections)                              \
	({                                                       \
		typeof((a)->sections) sections_ = (a)->sections; \
		const size_t n_ = (a)->n;                        \
                                                                 \
		(a)->sections = (b)->sections;                   \
		(a)->n = (b)->n;                                 \
		(b)->sections = sections_;                       \
		(b)->n = n_;                                     \
		for (size_t i_ = 0; i_ < (a)->n; i_++)           \
			(a)->sections[i_].file = NULL;           \
	})

void reload_keep(struct config *config, struct config *before)
{
	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (config_rows[i].section == CONFIG_SECTION_DAEMON &&
			!reload_is_live(&config_rows[i]))
			config_value_copy(&config_rows[i], config, before);
	config->socket_gid = before->socket_gid;
	EXCHANGE(config, before, n_chips, chips);
	EXCHANGE(config, before, n_sockets, sockets);
}
