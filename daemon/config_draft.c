/* SPDX-License-Identifier: MIT */
/*
 * Sections and keys, as the files have them, become values with places. A section may be written in
 * several files, where a later value replaces an earlier one; twice in one file is a mistake, of a
 * section as of a key.
 */

#include "config_draft.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fdstore.h"

void *config_object_base(struct config_draft *draft, struct config_object *object)
{
	if (object->section == CONFIG_SECTION_DAEMON)
		return draft->config;
	return &object->value;
}

struct where config_object_where(const struct config_object *object, const struct config_row *row)
{
	return config_object_has(object, row) ? object->keys[row - config_rows] : object->where;
}

static void set_defaults(struct config_draft *draft, struct config_object *object)
{
	char why[CONFIG_WHY_BYTES];

	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		if (row->section != object->section || row->presence == CONFIG_REQUIRED)
			continue;
		int r = config_value_parse(
			row, row->standard, config_object_base(draft, object), why);

		assert(r == 0);
		(void)r;
	}
}

/* The index of the new object; -ENOMEM. */
static int append(struct config_draft *draft, enum config_section section, const char *name)
{
	const struct config_section_row *row = &config_sections[section];
	struct config_object *object;

	if (draft->n_objects == draft->room) {
		size_t room = draft->room ? draft->room * 2 : 8;

		object = reallocarray(draft->objects, room, sizeof(*object));
		if (!object)
			return -ENOMEM;
		draft->objects = object;
		draft->room = room;
	}
	object = &draft->objects[draft->n_objects];
	*object = (struct config_object){ .section = section };
	(void)snprintf(object->title, sizeof(object->title), "%s%s%s", row->word,
		row->argument ? " " : "", name);
	object->name_at = strlen(row->word) + (row->argument != NULL);
	set_defaults(draft, object);
	return (int)draft->n_objects++;
}

int config_draft_init(struct config_draft *draft)
{
	int r = append(draft, CONFIG_SECTION_DAEMON, "");

	draft->current = NO_OBJECT;
	return r < 0 ? r : 0;
}

static size_t find(const struct config_draft *draft, enum config_section section, const char *name)
{
	for (size_t i = 0; i < draft->n_objects; i++)
		if (draft->objects[i].section == section &&
			strcmp(config_object_name(&draft->objects[i]), name) == 0)
			return i;
	return NO_OBJECT;
}

static size_t count(const struct config_draft *draft, enum config_section section)
{
	size_t n = 0;

	for (size_t i = 0; i < draft->n_objects; i++)
		n += draft->objects[i].section == section;
	return n;
}

/* An alias that reads like gpiochip0:23 could hide another line. */
static bool looks_like_offset(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

/* What a board map gives to a number: BCM23, BOARD16, WPI4. */
static bool looks_like_pin(const char *name)
{
	static const char *const prefixes[] = { "BCM", "BOARD", "WPI" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);

		if (strncasecmp(name, prefixes[i], n) == 0 && name[n] &&
			strspn(name + n, "0123456789") == strlen(name + n))
			return true;
	}
	return false;
}

static const char *alias_wrong(const char *alias)
{
	if (strlen(alias) > WIRE_MAX_NAME_BYTES)
		return "the alias is too long; 64 bytes are allowed";
	if (strcmp(alias, "*") == 0)
		return "* means all lines and cannot be an alias";
	if (*alias == '~')
		return "an alias must not begin with ~";
	if (looks_like_offset(alias))
		return "an alias must not look like a chip and an offset";
	if (looks_like_pin(alias))
		return "an alias must not look like a pin, which BCM23, BOARD16 and WPI4 do";
	return NULL;
}

static const char *chip_wrong(const char *name)
{
	if (strlen(name) >= BACKEND_NAME_BYTES)
		return "the chip's name is too long; 31 bytes are allowed";
	if (strchr(name, ':'))
		return "a chip's name must not contain a colon";
	return NULL;
}

static const char *rule_wrong(const char *name)
{
	return strlen(name) > WIRE_MAX_NAME_BYTES ? "the name is too long; 64 bytes are allowed"
						  : NULL;
}

static const char *socket_wrong(const char *name)
{
	if (strlen(name) >= PEER_SOCKET_BYTES)
		return "the name is too long; 31 bytes are allowed";
	if (strcmp(name, SOCKET_MAIN) == 0)
		return "this is the daemon's own socket; its keys are those of [daemon]";
	if (strcmp(name, FDSTORE_LOG) == 0 || fdstore_is_line(name))
		return "what the daemon itself stores with the service manager has such a name; "
		       "choose another";
	if (strpbrk(name, " \t,:*"))
		return "the name must not contain spaces, commas, colons and stars";
	return NULL;
}

static const struct {
	const char *(*wrong)(const char *name); /* NULL: the section has no argument */
	size_t max;
} arguments[CONFIG_SECTION_N] = {
	[CONFIG_SECTION_LINE] = { alias_wrong, WIRE_MAX_LINES },
	[CONFIG_SECTION_INTERLOCK] = { rule_wrong, CONFIG_INTERLOCKS_MAX },
	[CONFIG_SECTION_CHIP] = { chip_wrong, CONFIG_CHIPS_MAX },
	[CONFIG_SECTION_SOCKET] = { socket_wrong, CONFIG_SOCKETS_MAX },
	[CONFIG_SECTION_ACCESS] = { rule_wrong, CONFIG_RULES_MAX },
};

#define SECTIONS                                                  \
	"[daemon], [line ALIAS], [interlock NAME], [chip NAME], " \
	"[socket NAME] and [access NAME]"

static void unknown_section(
	struct config_draft *draft, const struct ini_item *item, const char *word)
{
	const char *words[CONFIG_SECTION_N], *near;

	for (size_t i = 0; i < CONFIG_SECTION_N; i++)
		words[i] = config_sections[i].word;
	near = nearest_name(word, words, CONFIG_SECTION_N);
	problems_add(&draft->problems, item->where, item->section, NULL,
		"there is no such section; there are " SECTIONS "%s%s%s",
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* CONFIG_SECTION_N, and told, when the header is not right. */
static enum config_section parse_header(
	struct config_draft *draft, const struct ini_item *item, const char **ret_name)
{
	size_t n = strcspn(item->section, " \t");
	const char *name = item->section + n + strspn(item->section + n, " \t");
	const char *wrong = NULL;
	enum config_section section = 0;
	char word[INI_LINE_BYTES + 1];

	(void)snprintf(word, sizeof(word), "%.*s", (int)n, item->section);
	while (section < CONFIG_SECTION_N && strcmp(config_sections[section].word, word) != 0)
		section++;
	if (section == CONFIG_SECTION_N) {
		unknown_section(draft, item, word);
		return section;
	}
	if (!config_sections[section].argument && *name)
		wrong = "the section takes no name";
	if (config_sections[section].argument)
		wrong = *name ? arguments[section].wrong(name)
			      : "the section needs a name after the word";
	if (wrong) {
		problems_add(&draft->problems, item->where, item->section, NULL, "%s", wrong);
		return CONFIG_SECTION_N;
	}
	*ret_name = name;
	return section;
}

/* The section's object, old or new; NO_OBJECT, and told, when it cannot be. */
static size_t obtain(struct config_draft *draft, const struct ini_item *item,
	enum config_section section, const char *name)
{
	size_t index = find(draft, section, name);
	int r;

	if (index != NO_OBJECT)
		return index;
	if (count(draft, section) == arguments[section].max) {
		problems_add(&draft->problems, item->where, item->section, NULL,
			"this is one %s too many; %zu are allowed", config_sections[section].word,
			arguments[section].max);
		return NO_OBJECT;
	}
	r = append(draft, section, name);
	if (r < 0) {
		problems_add(
			&draft->problems, item->where, item->section, NULL, "%s", strerror(-r));
		return NO_OBJECT;
	}
	return (size_t)r;
}

static bool same_file(struct where before, struct where now)
{
	return before.file && strcmp(before.file, now.file) == 0;
}

static void begin_section(struct config_draft *draft, const struct ini_item *item)
{
	struct config_object *object;
	const char *name = "";
	enum config_section section;
	size_t index;

	draft->current = NO_OBJECT;
	section = parse_header(draft, item, &name);
	if (section == CONFIG_SECTION_N)
		return;
	index = obtain(draft, item, section, name);
	if (index == NO_OBJECT)
		return;

	object = &draft->objects[index];
	if (same_file(object->where, item->where)) {
		problems_add(&draft->problems, item->where, item->section, NULL,
			"the section is there already, in line %u; one is allowed in a file",
			object->where.line);
		return;
	}
	object->where = item->where;
	draft->current = index;
}

static void unknown_key(
	struct config_draft *draft, const struct ini_item *item, enum config_section section)
{
	const char *keys[CONFIG_ROWS_N], *near;
	char all[400];
	size_t n = 0, length = 0;

	for (size_t i = 0; i < CONFIG_ROWS_N; i++) {
		if (config_rows[i].section != section)
			continue;
		length += (size_t)snprintf(all + length, sizeof(all) - length, "%s%s",
			n > 0 ? ", " : "", config_rows[i].key);
		assert(length < sizeof(all));
		keys[n++] = config_rows[i].key;
	}
	near = nearest_name(item->key, keys, n);
	problems_add(&draft->problems, item->where, item->section, item->key,
		"there is no such key; %s%s%s", near ? "did you mean \"" : "there are ",
		near ? near : all, near ? "\"?" : "");
}

static void take_key(
	struct config_draft *draft, const struct ini_item *item, struct config_object *object)
{
	const struct config_row *row = config_row_find(object->section, item->key);
	char why[CONFIG_WHY_BYTES];
	struct where *given;

	if (!row) {
		unknown_key(draft, item, object->section);
		return;
	}
	given = &object->keys[row - config_rows];
	if (same_file(*given, item->where)) {
		problems_add(&draft->problems, item->where, object->title, item->key,
			"the key is there already, in line %u; once is allowed in a file",
			given->line);
		return;
	}
	*given = item->where;
	if (config_value_parse(row, item->value, config_object_base(draft, object), why) < 0)
		problems_add(&draft->problems, item->where, object->title, item->key, "%s", why);
}

void config_draft_item(const struct ini_item *item, void *data)
{
	struct config_draft *draft = data;

	if (!item->section)
		problems_add(&draft->problems, item->where, NULL, item->key,
			"the key stands before any section; there are " SECTIONS);
	else if (!item->key)
		begin_section(draft, item);
	else if (draft->current != NO_OBJECT)
		take_key(draft, item, &draft->objects[draft->current]);
}
