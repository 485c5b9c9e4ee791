/* SPDX-License-Identifier: MIT */
/*
 * Loads the configuration: the file, then its drop-ins, into a draft that knows where everything is
 * written; the draft is checked whole and only then becomes a struct config. Every problem is told,
 * so that one run shows all of them.
 */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_draft.h"

#define DEFAULT_PATH SYSCONFDIR "/gpioeventd/gpioeventd.conf"

const char *config_default_path(void)
{
	return DEFAULT_PATH;
}

/* Remembers a file's name for as long as the config lives; NULL without memory. */
static const char *remember(struct config *config, const char *path)
{
	char **grown, *copy;
	size_t n = 0;

	while (config->files[n])
		n++;
	grown = reallocarray(config->files, n + 2, sizeof(*grown));
	if (!grown)
		return NULL;
	config->files = grown;
	copy = strdup(path);
	if (!copy)
		return NULL;
	grown[n] = copy;
	grown[n + 1] = NULL;
	return copy;
}

static void forget_last(struct config *config)
{
	size_t n = 0;

	while (config->files[n + 1])
		n++;
	free(config->files[n]);
	config->files[n] = NULL;
}

static int out_of_memory(struct config_draft *draft, const char *path)
{
	problems_add(&draft->problems, (struct where){ .file = path }, NULL, NULL, "%s",
		strerror(ENOMEM));
	return -ENOMEM;
}

/* -ENOENT when the file is not there; told only if it has to be. */
static int read_file(struct config_draft *draft, const char *path, bool required)
{
	const char *file = remember(draft->config, path);
	int r;

	if (!file)
		return out_of_memory(draft, path);
	draft->current = NO_OBJECT;
	r = ini_file_read(file, &draft->problems, config_draft_item, draft);
	if (r != -ENOENT)
		return r;
	forget_last(draft->config);
	if (required)
		problems_add(&draft->problems, (struct where){ .file = path }, NULL, NULL,
			"cannot read it: %s", strerror(-r));
	return r;
}

/* The first failure; the others are read all the same, so that all problems are told. */
static int first(int r, int next)
{
	return r < 0 ? r : next;
}

static int read_drop_in(struct config_draft *draft, const char *folder, const char *name)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return out_of_memory(draft, name);
	r = read_file(draft, path, true);
	free(path);
	return r;
}

static int read_folder(struct config_draft *draft, const char *folder)
{
	char **names;
	int r, result = 0;

	r = ini_folder(folder, ".conf", &names);
	if (r == -ENOTDIR)
		return 0;
	if (r < 0) {
		problems_add(&draft->problems, (struct where){ .file = folder }, NULL, NULL,
			"cannot read it: %s", strerror(-r));
		return r;
	}
	for (char **name = names; *name; name++)
		result = first(result, read_drop_in(draft, folder, *name));
	ini_folder_free(names);
	return result;
}

static int read_all(struct config_draft *draft, const char *path)
{
	bool required = path;
	char *folder;
	int r;

	if (!path)
		path = DEFAULT_PATH;
	if (asprintf(&folder, "%s.d", path) < 0)
		return out_of_memory(draft, path);
	r = read_file(draft, path, required);
	if (r == -ENOENT && !required)
		r = 0;
	r = first(r, read_folder(draft, folder));
	free(folder);
	return r;
}

static void move_line(struct config *config, const struct config_object *object)
{
	struct line_config *line = &config->lines[config->n_lines++];

	*line = object->value.line;
	(void)snprintf(line->alias, sizeof(line->alias), "%s", config_object_name(object));
	line->file = object->where.file;
	line->file_line = object->where.line;
}

static void move_interlock(struct config *config, const struct config_object *object)
{
	struct interlock_config *interlock = &config->interlocks[config->n_interlocks++];

	*interlock = object->value.interlock;
	(void)snprintf(interlock->name, sizeof(interlock->name), "%s", config_object_name(object));
}

static bool is_listed(const struct interlock_config *interlock, const char *alias)
{
	size_t n;

	for (const char *word = config_next_word(interlock->lines, &n); word;
		word = config_next_word(word + n, &n))
		if (strlen(alias) == n && strncmp(alias, word, n) == 0)
			return true;
	return false;
}

static void mark_interlocks(struct config *config)
{
	for (size_t i = 0; i < config->n_interlocks; i++)
		for (size_t k = 0; k < config->n_lines; k++)
			if (is_listed(&config->interlocks[i], config->lines[k].alias))
				config->lines[k].interlocks |= UINT64_C(1) << i;
}

static void move_chip(struct config *config, struct config_object *object)
{
	struct sim_chip_config *chip = &config->chips[config->n_chips++];

	*chip = object->value.chip.chip;
	chip->file = object->where.file;
	chip->file_line = object->where.line;
	object->value.chip.chip.names = NULL;
}

static void move_socket(struct config *config, const struct config_object *object)
{
	struct socket_config *moved = &config->sockets[config->n_sockets++];

	*moved = object->value.socket;
	(void)snprintf(moved->name, sizeof(moved->name), "%s", config_object_name(object));
	moved->file = object->where.file;
	moved->file_line = object->where.line;
}

static void move_rule(struct config *config, const struct config_object *object)
{
	struct access_rule *rule = &config->rules[config->n_rules++];

	*rule = object->value.access;
	(void)snprintf(rule->name, sizeof(rule->name), "%s", config_object_name(object));
	rule->file = object->where.file;
	rule->file_line = object->where.line;
}

/* Hands the objects of a draft without problems over to its config. */
static int finish(struct config_draft *draft)
{
	struct config *config = draft->config;
	struct where board = config_object_where(
		&draft->objects[0], config_row_find(CONFIG_SECTION_DAEMON, "board"));

	config->board_file = board.file;
	config->board_file_line = board.line;
	config->lines = calloc(draft->n_objects, sizeof(*config->lines));
	config->chips = calloc(draft->n_objects, sizeof(*config->chips));
	config->sockets = calloc(draft->n_objects, sizeof(*config->sockets));
	config->rules = calloc(draft->n_objects, sizeof(*config->rules));
	config->interlocks = calloc(draft->n_objects, sizeof(*config->interlocks));
	if (!config->lines || !config->chips || !config->sockets || !config->rules ||
		!config->interlocks)
		return -ENOMEM;
	for (size_t i = 0; i < draft->n_objects; i++) {
		if (draft->objects[i].section == CONFIG_SECTION_LINE)
			move_line(config, &draft->objects[i]);
		if (draft->objects[i].section == CONFIG_SECTION_CHIP)
			move_chip(config, &draft->objects[i]);
		if (draft->objects[i].section == CONFIG_SECTION_SOCKET)
			move_socket(config, &draft->objects[i]);
		if (draft->objects[i].section == CONFIG_SECTION_ACCESS)
			move_rule(config, &draft->objects[i]);
		if (draft->objects[i].section == CONFIG_SECTION_INTERLOCK)
			move_interlock(config, &draft->objects[i]);
	}
	mark_interlocks(config);
	return 0;
}

static int load(struct config_draft *draft, const char *path)
{
	int r;

	draft->config = calloc(1, sizeof(*draft->config));
	if (!draft->config)
		return -ENOMEM;
	draft->config->files = calloc(1, sizeof(*draft->config->files));
	if (!draft->config->files)
		return -ENOMEM;
	r = config_draft_init(draft);
	if (r < 0)
		return r;
	r = read_all(draft, path);
	config_draft_check(draft);
	if (r < 0)
		return r;
	return draft->problems.n > 0 ? -EINVAL : finish(draft);
}

static void draft_done(struct config_draft *draft)
{
	for (size_t i = 0; i < draft->n_objects; i++)
		if (draft->objects[i].section == CONFIG_SECTION_CHIP)
			free(draft->objects[i].value.chip.chip.names);
	free(draft->objects);
	(void)config_free(draft->config);
}

int config_load(const char *path, void (*report)(const char *message, void *data), void *data,
	struct config **ret)
{
	struct config_draft draft = {
		.problems = { .report = report, .data = data, .kept = true },
	};
	int r;

	r = load(&draft, path);
	problems_tell(&draft.problems);
	if (r == 0) {
		*ret = draft.config;
		draft.config = NULL;
	}
	draft_done(&draft);
	return r;
}

struct config *config_free(struct config *config)
{
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->n_chips; i++)
		free(config->chips[i].names);
	for (char **file = config->files; file && *file; file++)
		free(*file);
	free(config->files);
	free(config->interlocks);
	free(config->chips);
	free(config->sockets);
	free(config->rules);
	free(config->lines);
	free(config);
	return NULL;
}
