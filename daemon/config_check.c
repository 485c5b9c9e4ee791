/* SPDX-License-Identifier: MIT */
/*
 * What no value can be checked for alone: keys that exclude each other, names that must be unique,
 * shares that must fit into the whole.
 */

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "config_draft.h"

static bool is_output(const struct line_config *line)
{
	return line->settings.direction == DIRECTION_OUTPUT;
}

static bool output_with_edges(const struct line_config *line)
{
	return is_output(line) && line->settings.edges != EDGES_NONE;
}

static bool output_with_debounce(const struct line_config *line)
{
	return is_output(line) && line->settings.debounce_ns > 0;
}

static bool input_with_initial(const struct line_config *line)
{
	return !is_output(line) && line->initial != INITIAL_KEEP;
}

static bool input_with_drive(const struct line_config *line)
{
	return !is_output(line) && line->settings.drive != DRIVE_PUSH_PULL;
}

static bool input_with_exit(const struct line_config *line)
{
	return !is_output(line) && line->on_exit != ON_EXIT_RELEASE;
}

static bool input_with_safe(const struct line_config *line)
{
	return !is_output(line) && line->safe != SAFE_NONE;
}

static bool input_with_max_on(const struct line_config *line)
{
	return !is_output(line) && line->max_on_ns > 0;
}

static bool max_on_without_safe(const struct line_config *line)
{
	return is_output(line) && line->max_on_ns > 0 && line->safe == SAFE_NONE;
}

static bool max_on_with_safe_on(const struct line_config *line)
{
	return line->max_on_ns > 0 && line->safe == SAFE_1;
}

static bool max_on_with_exit_on(const struct line_config *line)
{
	return line->max_on_ns > 0 && line->on_exit == ON_EXIT_1;
}

static bool drain_pulled_down(const struct line_config *line)
{
	return line->settings.drive == DRIVE_OPEN_DRAIN && line->settings.bias == BIAS_PULL_DOWN;
}

static bool source_pulled_up(const struct line_config *line)
{
	return line->settings.drive == DRIVE_OPEN_SOURCE && line->settings.bias == BIAS_PULL_UP;
}

static bool all_lines(const struct line_config *line)
{
	return strcmp(line->line, "*") == 0;
}

static const struct line_rule {
	const char *key;
	bool (*broken)(const struct line_config *line);
	const char *what;
} line_rules[] = {
	{ "line", all_lines, "* is not a line; a section describes one line" },
	{ "edges", output_with_edges,
		"an output reports no edges; allowed is none, or leave the key out" },
	{ "debounce", output_with_debounce,
		"an output is not debounced; allowed is 0ms, or leave the key out" },
	{ "initial", input_with_initial,
		"an input has no value to begin with; allowed is keep, or direction = output" },
	{ "drive", input_with_drive,
		"an input is not driven; allowed is push-pull, or direction = output" },
	{ "on-exit", input_with_exit,
		"an input is only given back; allowed is release, or direction = output" },
	{ "safe", input_with_safe,
		"an input has no safe value; allowed is none, or direction = output" },
	{ "max-on", input_with_max_on,
		"an input is not switched on; allowed is 0ms, or direction = output" },
	{ "max-on", max_on_without_safe,
		"what the line gets when the time is over must be said; write safe = 0" },
	{ "max-on", max_on_with_safe_on,
		"when the time is over the line gets its safe value, which is 1; allowed is safe = "
		"0, or no max-on" },
	{ "on-exit", max_on_with_exit_on,
		"the line would be 1 without an end; allowed is 0, input or release, or no "
		"max-on" },
	{ "bias", drain_pulled_down,
		"an open-drain output that is pulled down is never high; allowed is as-is, "
		"disabled or pull-up" },
	{ "bias", source_pulled_up,
		"an open-source output that is pulled up is never low; allowed is as-is, disabled "
		"or "
		"pull-down" },
};

void config_tell(struct config_draft *draft, const struct config_object *object, const char *key,
	const char *what)
{
	const struct config_row *row = config_row_find(object->section, key);

	problems_add(
		&draft->problems, config_object_where(object, row), object->title, key, "%s", what);
}

static void check_rules(struct config_draft *draft, struct config_object *object)
{
	struct line_config *line = &object->value.line;

	if (is_output(line) &&
		!config_object_has(object, config_row_find(CONFIG_SECTION_LINE, "edges")))
		line->settings.edges = EDGES_NONE;
	for (size_t i = 0; i < sizeof(line_rules) / sizeof(line_rules[0]); i++)
		if (line_rules[i].broken(line))
			config_tell(draft, object, line_rules[i].key, line_rules[i].what);
}

static void check_required(struct config_draft *draft, struct config_object *object)
{
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++)
		if (row->section == object->section && row->presence == CONFIG_REQUIRED &&
			!config_object_has(object, row))
			problems_add(&draft->problems, object->where, object->title, row->key,
				"the key is missing; write for instance %s = %s", row->key,
				row->standard);
}

/* Other spellings of the same line are found when the lines themselves are known. */
static void check_line_alone(struct config_draft *draft, struct config_object *object)
{
	const char *line = object->value.line.line;

	for (const struct config_object *other = draft->objects + 1; other < object; other++) {
		if (other->section != CONFIG_SECTION_LINE || !*line ||
			strcmp(other->value.line.line, line) != 0)
			continue;
		problems_add(&draft->problems,
			config_object_where(object, config_row_find(CONFIG_SECTION_LINE, "line")),
			object->title, "line", "%s is taken by [%s] already; a line has one alias",
			line, other->title);
		return;
	}
}

/* The chip in gpiochip0:23 or pinctrl-bcm2711:23, its length in *ret_n; NULL in other spellings. */
static const char *chip_of(const char *line, size_t *ret_n)
{
	const char *colon = strrchr(line, ':');

	*ret_n = colon ? (size_t)(colon - line) : 0;
	return colon ? line : NULL;
}

static bool is_kernel_chip(const char *chip, size_t n)
{
	static const char prefix[] = "gpiochip";
	const size_t n_prefix = sizeof(prefix) - 1;

	return n > n_prefix && strncmp(chip, prefix, n_prefix) == 0 &&
	       strspn(chip + n_prefix, "0123456789") == n - n_prefix;
}

/* A name and a label may mean one chip, and J8:16 any; two names of the kernel's never do. */
static bool on_other_chip(const struct line_config *a, const struct line_config *b)
{
	size_t n_a, n_b;
	const char *one = chip_of(a->line, &n_a), *two = chip_of(b->line, &n_b);

	return one && two && is_kernel_chip(one, n_a) && is_kernel_chip(two, n_b) &&
	       (n_a != n_b || strncmp(one, two, n_a) != 0);
}

/* What one call to the kernel cannot do, with the first line of the same group. */
static void check_company(struct config_draft *draft, const struct config_object *object,
	const struct config_object *first)
{
	const struct line_config *line = &object->value.line, *other = &first->value.line;
	const char *problem = NULL;

	if (on_other_chip(line, other))
		problem = "is on another chip; the lines of a group must be of one";
	else if (is_output(line) != is_output(other))
		problem = is_output(other) ? "is an output; a group has one direction"
					   : "is an input; a group has one direction";
	if (problem)
		problems_add(&draft->problems,
			config_object_where(object, config_row_find(CONFIG_SECTION_LINE, "group")),
			object->title, "group", "[%s] of the same group %s", first->title, problem);
}

static void check_group(struct config_draft *draft, struct config_object *object)
{
	const char *group = object->value.line.group;
	const struct config_object *first = NULL;
	size_t n = 0;

	if (!*group)
		return;
	for (const struct config_object *other = draft->objects; other <= object; other++) {
		if (other->section != CONFIG_SECTION_LINE ||
			strcmp(other->value.line.group, group) != 0)
			continue;
		if (!first)
			first = other;
		n++;
	}
	if (n == REQUEST_LINES_MAX + 1)
		config_tell(
			draft, object, "group", "the group has more than 64 lines; 64 are allowed");
	if (first != object)
		check_company(draft, object, first);
}

static void check_line(struct config_draft *draft, struct config_object *object)
{
	check_rules(draft, object);
	check_line_alone(draft, object);
	check_group(draft, object);
}

static void check_chip(struct config_draft *draft, struct config_object *object)
{
	struct chip_draft *chip = &object->value.chip;
	char why[CONFIG_WHY_BYTES];
	int r;

	(void)snprintf(chip->chip.name, sizeof(chip->chip.name), "%s", config_object_name(object));
	if (strchr(chip->chip.label, ':'))
		config_tell(draft, object, "label", "a label must not contain a colon");
	if (chip->chip.n_lines == 0)
		return; /* missing or refused, and told */
	r = config_chip_names_parse(chip->names, chip->chip.n_lines, &chip->chip.names, why);
	if (r < 0)
		config_tell(draft, object, "names", r == -ENOMEM ? strerror(-r) : why);
}

/* A share that is not given follows the whole; one that is given must fit into it. */
static void check_share(struct config_draft *draft, struct config_object *object, const char *key,
	unsigned *share, unsigned whole)
{
	if (*share <= whole)
		return;
	if (!config_object_has(object, config_row_find(CONFIG_SECTION_DAEMON, key)))
		*share = whole;
	else
		problems_add(&draft->problems,
			config_object_where(object, config_row_find(CONFIG_SECTION_DAEMON, key)),
			object->title, key, "%u is more than there are in all; allowed is 1 to %u",
			*share, whole);
}

/* Raspberry Pi OS gives the users that may use the pins the group gpio. */
static void check_socket_group(struct config_draft *draft, struct config_object *object)
{
	struct config *config = draft->config;
	const struct group *group = getgrnam(*config->socket_group ? config->socket_group : "gpio");

	config->socket_gid = group ? group->gr_gid : (gid_t)-1;
	if (!group && *config->socket_group)
		problems_add(&draft->problems,
			config_object_where(
				object, config_row_find(CONFIG_SECTION_DAEMON, "socket-group")),
			object->title, "socket-group",
			"there is no group \"%s\"; make it with groupadd --system %s",
			config->socket_group, config->socket_group);
}

static void check_daemon(struct config_draft *draft, struct config_object *object)
{
	struct config *config = draft->config;

	if (*config->socket && *config->socket != '/')
		config_tell(draft, object, "socket",
			"the path must be absolute; write /run/... or another");
	if (strchr(config->board, '/'))
		config_tell(draft, object, "board",
			"this is a path; allowed is the name of a file in a boards folder, without "
			".ini");
	check_socket_group(draft, object);
	check_share(draft, object, "connections-per-uid", &config->connections_per_uid,
		config->connections);
	check_share(draft, object, "timers-per-client", &config->timers_per_client, config->timers);
	check_share(draft, object, "timers-per-uid", &config->timers_per_uid, config->timers);
}

static void (*const checks[CONFIG_SECTION_N])(
	struct config_draft *draft, struct config_object *object) = {
	[CONFIG_SECTION_DAEMON] = check_daemon,
	[CONFIG_SECTION_LINE] = check_line,
	[CONFIG_SECTION_INTERLOCK] = config_check_interlock,
	[CONFIG_SECTION_CHIP] = check_chip,
	[CONFIG_SECTION_SOCKET] = config_check_socket,
	[CONFIG_SECTION_ACCESS] = config_check_access,
};

void config_draft_check(struct config_draft *draft)
{
	for (size_t i = 0; i < draft->n_objects; i++) {
		check_required(draft, &draft->objects[i]);
		checks[draft->objects[i].section](draft, &draft->objects[i]);
	}
}
