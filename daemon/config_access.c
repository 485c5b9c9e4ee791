/* SPDX-License-Identifier: MIT */
/*
 * What stands in [access] and [socket] sections, as far as it can be said without lines: users and
 * groups become numbers, so that nothing is looked up while clients wait.
 */

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_draft.h"
#include "word.h"

static void tell(struct config_draft *draft, const struct config_object *object, const char *key,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

static void tell(struct config_draft *draft, const struct config_object *object, const char *key,
	const char *format, ...)
{
	const struct config_row *row = config_row_find(object->section, key);
	char text[ACCESS_LIST_BYTES + 160];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	problems_add(
		&draft->problems, config_object_where(object, row), object->title, key, "%s", text);
}

/* A number as users and groups have it; -1 stands for none and is nobody's. */
static bool read_id(const char *word, uint32_t *ret)
{
	char *end;
	unsigned long id;

	if (word[strspn(word, "0123456789")] || strlen(word) > 10)
		return false;

	id = strtoul(word, &end, 10);
	*ret = (uint32_t)id;
	return id < UINT32_MAX;
}

static bool find_user(const char *word, uint32_t *ret)
{
	const struct passwd *user = getpwnam(word);

	if (user)
		*ret = user->pw_uid;
	return user || read_id(word, ret);
}

static bool find_group(const char *word, uint32_t *ret)
{
	const struct group *group = getgrnam(word);

	if (group)
		*ret = group->gr_gid;
	return group || read_id(word, ret);
}

_Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t), "ids");

/* The numbers of a list's users or groups; how many. */
static size_t find_ids(struct config_draft *draft, const struct config_object *object,
	const char *key, const char *list, bool (*find)(const char *word, uint32_t *ret),
	uint32_t ids[static ACCESS_IDS_MAX])
{
	char word[ACCESS_LIST_BYTES + 1];
	size_t n = 0;

	while (word_next(&list, word, sizeof(word))) {
		if (n == ACCESS_IDS_MAX) {
			tell(draft, object, key, "there are too many; %d are allowed",
				ACCESS_IDS_MAX);
			break;
		}
		if (find(word, &ids[n]))
			n++;
		else
			tell(draft, object, key,
				"there is no %.*s \"%s\"; a name or number of one is allowed%s",
				(int)strlen(key) - 1, key, word,
				find == find_user ? ", or * for everybody" : "");
	}
	return n;
}

static bool is_socket(const struct config_draft *draft, const char *word)
{
	if (strcmp(word, "*") == 0 || strcmp(word, SOCKET_MAIN) == 0)
		return true;
	for (size_t i = 0; i < draft->n_objects; i++)
		if (draft->objects[i].section == CONFIG_SECTION_SOCKET &&
			strcmp(config_object_name(&draft->objects[i]), word) == 0)
			return true;
	return false;
}

static void check_sockets(struct config_draft *draft, const struct config_object *object)
{
	const char *list = object->value.access.sockets;
	char word[ACCESS_LIST_BYTES + 1];

	while (word_next(&list, word, sizeof(word)))
		if (!is_socket(draft, word))
			tell(draft, object, "sockets",
				"there is no socket \"%s\"; the daemon's own is " SOCKET_MAIN
				", others have a section, [socket %s]",
				word, word);
}

static bool is_taken(const struct config_draft *draft, const struct config_object *object)
{
	const char *path = object->value.socket.path;

	if (strcmp(path, draft->config->socket) == 0)
		return true;
	for (const struct config_object *other = draft->objects; other < object; other++)
		if (other->section == CONFIG_SECTION_SOCKET &&
			strcmp(other->value.socket.path, path) == 0)
			return true;
	return false;
}

void config_check_socket(struct config_draft *draft, struct config_object *object)
{
	struct socket_config *config = &object->value.socket;

	if (*config->path && *config->path != '/')
		tell(draft, object, "path", "the path must be absolute; write /run/... or another");
	if (*config->path && is_taken(draft, object))
		tell(draft, object, "path", "%s is another socket's path already", config->path);
	config->gid = (gid_t)-1;
	if (*config->group && !find_group(config->group, &config->gid))
		tell(draft, object, "group",
			"there is no group \"%s\"; make it with groupadd --system %s",
			config->group, config->group);
}

void config_check_access(struct config_draft *draft, struct config_object *object)
{
	struct access_rule *rule = &object->value.access;
	const bool of_lines = rule->verbs & ~(1u << ACCESS_ADMIN);
	const char *patterns = rule->lines;
	char word[ACCESS_LIST_BYTES + 1];

	rule->everybody = word_in(rule->users, "*");
	if (!rule->everybody)
		rule->n_uids = find_ids(draft, object, "users", rule->users, find_user, rule->uids);
	rule->n_gids = find_ids(draft, object, "groups", rule->groups, find_group, rule->gids);
	if (!*rule->users && !*rule->groups)
		tell(draft, object, "users",
			"whom does the rule fit? Write users or groups; users = * is everybody");
	check_sockets(draft, object);
	if (!rule->verbs)
		return; /* missing or refused, and told */
	if (of_lines && !word_next(&patterns, word, sizeof(word)))
		tell(draft, object, "lines",
			"which lines? Write their names, or lines = * for all; only admin needs "
			"none");
	if (!of_lines && *rule->lines)
		tell(draft, object, "lines",
			"admin is not about lines; leave lines out, or add see, watch, set or "
			"configure to verbs");
}
