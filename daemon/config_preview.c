/* SPDX-License-Identifier: MIT */
/*
 * What can be said of a configuration only when the command line has had its say: which backend,
 * so which chips there are. Simulated lines are all known, so that each name can be looked up
 * without starting anything; it is done with the daemon's own name finder and on the same lines.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "config.h"
#include "names.h"
#include "problems.h"
#include "word.h"

/* The lines of a backend that is open only to look at. */
struct preview {
	const struct config *config;
	struct problems problems;
	struct backend *backend;
	size_t n_chips;
	struct chip_info chips[CONFIG_CHIPS_MAX];
	struct line_info *infos;	   /* n_entries of them, for the names */
	struct name_entry *entries;	   /* in the order of the chips and offsets */
	const struct line_config **owners; /* by entry; NULL: not configured */
	size_t n_entries;
	struct board *board;
};

static void tell_of_line(
	struct preview *preview, const struct line_config *line, const char *key, const char *text)
{
	char title[WIRE_MAX_NAME_BYTES + 8];

	(void)snprintf(title, sizeof(title), "line %s", line->alias);
	problems_add(&preview->problems,
		(struct where){ .file = line->file, .line = line->file_line }, title, key, "%s",
		text);
}

static void check_chips(const struct config *config, struct problems *problems)
{
	for (size_t i = 0; i < config->n_chips; i++) {
		const struct sim_chip_config *chip = &config->chips[i];
		char title[BACKEND_NAME_BYTES + 8];

		(void)snprintf(title, sizeof(title), "chip %s", chip->name);
		problems_add(problems,
			(struct where){ .file = chip->file, .line = chip->file_line }, title, NULL,
			"the chip is a simulated one; write backend = sim in [daemon], or leave "
			"the section out");
	}
}

static void check_board(const struct config *config, struct problems *problems)
{
	struct where where = { .file = config->board_file, .line = config->board_file_line };
	struct board *board = NULL;
	char names[512];
	int r;

	if (!*config->board || strcmp(config->board, "none") == 0)
		return;
	r = board_load(config->board, NULL, 0, problems->report, problems->data, &board);
	(void)board_free(board);
	if (r == -ENOENT)
		problems_add(problems, where, "daemon", "board",
			"there is no board map \"%s\"; there are %s and none", config->board,
			board_names(names, sizeof(names)));
	else if (r < 0)
		problems_add(problems, where, "daemon", "board",
			"the board map \"%s\" cannot be used", config->board);
}

int config_check_chosen(
	const struct config *config, void (*report)(const char *message, void *data), void *data)
{
	struct problems problems = { .report = report, .data = data, .kept = true };

	if (config->backend != &backend_sim)
		check_chips(config, &problems);
	check_board(config, &problems);
	problems_tell(&problems);
	return problems.n > 0 ? -EINVAL : 0;
}

static void found_chip(const struct chip_info *chip, void *data)
{
	struct preview *preview = data;

	if (preview->n_chips == CONFIG_CHIPS_MAX)
		return;
	preview->chips[preview->n_chips++] = *chip;
	preview->n_entries += chip->n_lines;
}

static int name_entries(struct preview *preview)
{
	size_t n = 0;

	for (size_t i = 0; i < preview->n_chips; i++) {
		const struct chip_info *chip = &preview->chips[i];

		for (unsigned offset = 0; offset < chip->n_lines; offset++, n++) {
			int r = preview->config->backend->line_info(
				preview->backend, chip->index, offset, &preview->infos[n]);

			if (r < 0)
				return r;
			preview->entries[n] = (struct name_entry){
				.name = preview->infos[n].name,
				.chip_name = chip->name,
				.chip_label = chip->label,
				.offset = offset,
			};
		}
	}
	return 0;
}

static void load_board(struct preview *preview)
{
	const char *labels[CONFIG_CHIPS_MAX];

	for (size_t i = 0; i < preview->n_chips; i++)
		labels[i] = preview->chips[i].label;
	(void)board_load(preview->config->board, labels, preview->n_chips, preview->problems.report,
		preview->problems.data, &preview->board);
}

static int preview_open(struct preview *preview)
{
	const struct backend_ops *ops = preview->config->backend;
	int r = ops->open(preview->config, &preview->backend);

	if (r == 0)
		r = ops->scan(preview->backend, found_chip, preview);
	if (r < 0)
		return r;

	preview->infos = calloc(preview->n_entries + 1, sizeof(*preview->infos));
	preview->entries = calloc(preview->n_entries + 1, sizeof(*preview->entries));
	preview->owners = calloc(preview->n_entries + 1, sizeof(*preview->owners));
	if (!preview->infos || !preview->entries || !preview->owners)
		return -ENOMEM;
	load_board(preview);
	return name_entries(preview);
}

static void preview_close(struct preview *preview)
{
	if (preview->backend)
		preview->config->backend->free(preview->backend);
	free(preview->infos);
	free(preview->entries);
	free(preview->owners);
	(void)board_free(preview->board);
}

/* The chip of the first line of the group; NULL when this is the first. */
static const struct name_entry *first_of_group(const struct preview *preview,
	const struct line_config *line, const struct line_config **ret_first)
{
	const struct name_entry *entry = NULL;

	for (size_t i = 0; i < preview->n_entries; i++) {
		const struct line_config *other = preview->owners[i];

		if (!other || other >= line || strcmp(other->group, line->group) != 0 ||
			(entry && other > *ret_first))
			continue;
		entry = &preview->entries[i];
		*ret_first = other;
	}
	return entry;
}

static void check_group(
	struct preview *preview, const struct line_config *line, const struct name_entry *entry)
{
	const struct line_config *first = NULL;
	const struct name_entry *other = *line->group ? first_of_group(preview, line, &first)
						      : NULL;
	char text[WIRE_MAX_NAME_BYTES + 160];

	if (!other || other->chip_name == entry->chip_name)
		return;
	(void)snprintf(text, sizeof(text),
		"[line %s] of the same group is on another chip, %s and not %s; the lines of a "
		"group must be of one",
		first->alias, other->chip_name, entry->chip_name);
	tell_of_line(preview, line, "group", text);
}

static void check_line(struct preview *preview, const struct line_config *line)
{
	const struct name_space space = {
		.n = preview->n_entries,
		.entries = preview->entries,
		.board = preview->board,
	};
	char text[2 * WIRE_MAX_NAME_BYTES + 160];
	struct wire_problem problem;
	const struct name_entry *entry;
	size_t index;

	if (name_resolve(&space, line->line, &index, &problem) != WIRE_OK) {
		tell_of_line(preview, line, "line", problem.message);
		return;
	}
	entry = &preview->entries[index];
	if (preview->owners[index]) {
		(void)snprintf(text, sizeof(text),
			"%s is %s:%u, which is taken by [line %s] already; a line has one alias",
			line->line, entry->chip_name, entry->offset, preview->owners[index]->alias);
		tell_of_line(preview, line, "line", text);
		return;
	}
	preview->owners[index] = line;
	check_group(preview, line, entry);
}

/* A name that may come later, as of an adapter, cannot come to simulated chips. */
static void check_rule(struct preview *preview, const struct access_rule *rule)
{
	const struct name_space space = {
		.n = preview->n_entries,
		.entries = preview->entries,
		.board = preview->board,
	};
	const char *list = rule->lines;
	char word[ACCESS_LIST_BYTES + 1], title[WIRE_MAX_NAME_BYTES + 8];
	struct wire_problem problem;
	size_t index;

	(void)snprintf(title, sizeof(title), "access %s", rule->name);
	while (word_next(&list, word, sizeof(word)))
		if (!strpbrk(word, "*?[") &&
			name_resolve(&space, word, &index, &problem) != WIRE_OK)
			problems_add(&preview->problems,
				(struct where){ .file = rule->file, .line = rule->file_line },
				title, "lines", "%s", problem.message);
}

/* Rules name lines by their aliases, too. */
static void check_rules(struct preview *preview)
{
	for (size_t i = 0; i < preview->n_entries; i++)
		if (preview->owners[i])
			preview->entries[i].alias = preview->owners[i]->alias;
	for (size_t i = 0; i < preview->config->n_rules; i++)
		check_rule(preview, &preview->config->rules[i]);
}

static int look_at_lines(struct preview *preview)
{
	int r = preview_open(preview);

	if (r < 0)
		return r;

	for (size_t i = 0; i < preview->config->n_lines; i++)
		check_line(preview, &preview->config->lines[i]);
	check_rules(preview);
	problems_tell(&preview->problems);
	return preview->problems.n > 0 ? -EINVAL : 0;
}

int config_check_lines(
	const struct config *config, void (*report)(const char *message, void *data), void *data)
{
	struct preview *preview;
	int r;

	/* The kernel's lines may come and go; whether they are there is seen at the start. */
	if (config->backend != &backend_sim)
		return 0;

	preview = calloc(1, sizeof(*preview));
	if (!preview)
		return -ENOMEM;
	preview->config = config;
	preview->problems = (struct problems){ .report = report, .data = data, .kept = true };
	r = look_at_lines(preview);
	preview_close(preview);
	free(preview);
	return r;
}

static size_t count_groups(const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_lines; i++) {
		size_t first = 0;

		while (strcmp(config->lines[first].group, config->lines[i].group) != 0)
			first++;
		n += first == i && *config->lines[i].group;
	}
	return n;
}

const char *config_summary(const struct config *config, char *buffer, size_t size)
{
	size_t n_groups = count_groups(config), n_files = 0;
	char files[64] = "", groups[64] = "";

	while (config->files[n_files])
		n_files++;
	if (n_files > 1)
		(void)snprintf(files, sizeof(files), " and %zu more file%s", n_files - 1,
			n_files > 2 ? "s" : "");
	if (n_groups > 0)
		(void)snprintf(
			groups, sizeof(groups), ", %zu group%s", n_groups, n_groups > 1 ? "s" : "");
	(void)snprintf(buffer, size, "%s%s: %zu line%s%s: nothing wrong",
		n_files > 0 ? config->files[0] : "no file", files, config->n_lines,
		config->n_lines == 1 ? "" : "s", groups);
	return buffer;
}
