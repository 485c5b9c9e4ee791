/* SPDX-License-Identifier: MIT */

#include "access.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "diag.h"
#include "jsonw.h"
#include "line.h"
#include "list.h"
#include "names.h"
#include "peer.h"
#include "watch.h"
#include "word.h"

static const char *const verbs[ACCESS_VERB_N] = { "see", "watch", "set", "configure", "admin" };

#define BIT(verb) (1u << (verb))

/* What each verb gives: who configures a line may make it an output with a value, so that it would
 * be no use to forbid him to set it. */
static const unsigned gives[ACCESS_VERB_N] = {
	[ACCESS_SEE] = BIT(ACCESS_SEE),
	[ACCESS_WATCH] = BIT(ACCESS_SEE) | BIT(ACCESS_WATCH),
	[ACCESS_SET] = BIT(ACCESS_SEE) | BIT(ACCESS_SET),
	[ACCESS_CONFIGURE] = BIT(ACCESS_SEE) | BIT(ACCESS_WATCH) | BIT(ACCESS_SET) |
			     BIT(ACCESS_CONFIGURE),
	[ACCESS_ADMIN] = BIT(ACCESS_ADMIN),
};

static unsigned given_by(const struct access_rule *rule)
{
	unsigned given = 0;

	for (int verb = 0; verb < ACCESS_VERB_N; verb++)
		if (rule->verbs & BIT(verb))
			given |= gives[verb];
	return given;
}

/* Who fits. */

static bool came_by_main(const struct peer_id *who)
{
	return strcmp(who->socket, SOCKET_MAIN) == 0;
}

/* The groups that rules name, in order and each once, and which of them a client is in: it may be
 * in 65,536, each of which is looked for here. */
struct named_groups {
	size_t n;
	gid_t gids[CONFIG_RULES_MAX * ACCESS_IDS_MAX];
	bool has[CONFIG_RULES_MAX * ACCESS_IDS_MAX];
};

static int compare(const void *a, const void *b)
{
	const gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

static void find_named(const struct config *config, struct named_groups *named)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_rules; i++) {
		const struct access_rule *rule = &config->rules[i];

		memcpy(named->gids + n, rule->gids, rule->n_gids * sizeof(gid_t));
		n += rule->n_gids;
	}
	qsort(named->gids, n, sizeof(gid_t), compare);
	named->n = 0;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || named->gids[i] != named->gids[i - 1])
			named->gids[named->n++] = named->gids[i];
	memset(named->has, 0, named->n * sizeof(bool));
}

/* Where it stands whether the client is in the group; NULL: no rule names it. */
static bool *find_group(struct named_groups *named, gid_t gid)
{
	const gid_t *found = bsearch(&gid, named->gids, named->n, sizeof(gid_t), compare);

	return found ? &named->has[found - named->gids] : NULL;
}

static void mark(struct named_groups *named, const gid_t *groups, size_t n_groups)
{
	for (size_t i = 0; i < n_groups; i++) {
		bool *has = find_group(named, groups[i]);

		if (has)
			*has = true;
	}
}

static bool fits(
	const struct access_rule *rule, const struct peer_id *who, struct named_groups *named)
{
	if (!word_in(rule->sockets, "*") && !word_in(rule->sockets, who->socket))
		return false;
	if (rule->everybody)
		return true;

	for (size_t i = 0; i < rule->n_uids; i++)
		if (rule->uids[i] == who->uid)
			return true;
	for (size_t i = 0; i < rule->n_gids; i++)
		if (*find_group(named, rule->gids[i]))
			return true;
	return false;
}

/* Those that rules name first, which are marked. */
static void remember_groups(
	struct named_groups *named, struct peer_id *who, const gid_t *groups, size_t n_groups)
{
	who->n_groups = 0;
	for (size_t i = 0; i < n_groups; i++) {
		bool *has = find_group(named, groups[i]);

		if (!has || *has)
			continue;
		*has = true;
		if (who->n_groups < PEER_GROUPS)
			who->groups[who->n_groups++] = groups[i];
	}
	for (size_t i = 0; i < n_groups && who->n_groups < PEER_GROUPS; i++)
		if (!find_group(named, groups[i]))
			who->groups[who->n_groups++] = groups[i];
}

void access_identify(
	const struct daemon *daemon, struct peer_id *who, const gid_t *groups, size_t n_groups)
{
	static struct named_groups named; /* about 19 KiB; nothing of it is kept */
	const struct config *config = daemon->config;

	find_named(config, &named);
	if (groups)
		remember_groups(&named, who, groups, n_groups);
	else
		mark(&named, who->groups, who->n_groups);
	mark(&named, &who->gid, 1);

	who->rules_since_ns = daemon->access.since_ns;
	who->rules = 0;
	if (came_by_main(who) && (who->uid == 0 || who->uid == geteuid()))
		who->rules |= ACCESS_ALL;
	if (came_by_main(who) && config->n_rules == 0)
		who->rules |= ACCESS_OPEN;
	for (size_t i = 0; i < config->n_rules; i++)
		if (fits(&config->rules[i], who, &named))
			who->rules |= UINT64_C(1) << i;
}

/* The supplementary groups, however many. *ret_groups is the caller's to free. */
static int read_groups(int fd, gid_t **ret_groups, size_t *ret_n)
{
	socklen_t bytes = 64 * sizeof(gid_t);
	gid_t *groups = NULL;

	for (;;) {
		gid_t *grown = realloc(groups, bytes);
		const socklen_t room = bytes;

		if (!grown) {
			free(groups);
			return -ENOMEM;
		}
		groups = grown;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) == 0)
			break;
		/* The kernel says how much it takes. */
		if (errno != ERANGE || bytes <= room) {
			int r = -errno;

			free(groups);
			return r;
		}
	}
	*ret_groups = groups;
	*ret_n = bytes / sizeof(gid_t);
	return 0;
}

int access_identify_socket(const struct daemon *daemon, int fd, struct peer_id *who)
{
	struct ucred ucred;
	socklen_t bytes = sizeof(ucred);
	size_t n_groups = 0;
	gid_t *groups = NULL;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &bytes) < 0)
		return -errno;
	r = read_groups(fd, &groups, &n_groups);
	if (r < 0)
		return r;

	who->pid = ucred.pid;
	who->uid = ucred.uid;
	who->gid = ucred.gid;
	access_identify(daemon, who, groups, n_groups);
	free(groups);
	return 0;
}

uint32_t access_user_tag(const struct peer_id *who)
{
	return came_by_main(who) ? who->uid : name_hash(who->socket) ^ (who->uid * 2654435761u);
}

/* Which lines. */

static bool is_pattern(const char *word)
{
	return strpbrk(word, "*?[");
}

static bool matches(const char *pattern, const struct line *line)
{
	char text[BACKEND_NAME_BYTES + 16];

	if (fnmatch(pattern, line->canonical, 0) == 0 ||
		(line->name[0] && fnmatch(pattern, line->name, 0) == 0))
		return true;
	if (line_is_absent(line))
		return false;

	(void)snprintf(text, sizeof(text), "%s:%u", line->chip->info.name, line->offset);
	if (fnmatch(pattern, text, 0) == 0)
		return true;
	(void)snprintf(text, sizeof(text), "%s:%u", line->chip->info.label, line->offset);
	return fnmatch(pattern, text, 0) == 0;
}

static void give(struct line *line, const struct access_rule *rule, uint64_t bit)
{
	const unsigned given = given_by(rule);

	for (int verb = 0; verb < ACCESS_LINE_VERBS; verb++)
		if (given & BIT(verb))
			line->access[verb] |= bit;
}

/* One line, however it is spelled. A name that is not there may come; one that means several lines
 * gives none. */
static void give_named(
	struct daemon *daemon, const struct access_rule *rule, uint64_t bit, const char *word)
{
	struct wire_problem problem;
	struct line *line;

	if (line_find_any(daemon, word, &line, &problem) == WIRE_OK)
		give(line, rule, bit);
	else if (problem.code == WIRE_E_AMBIGUOUS_LINE)
		diag_warning("%s:%u: [access %s] lines: %s", rule->file, rule->file_line,
			rule->name, problem.message);
}

static void give_lines(struct daemon *daemon, const struct access_rule *rule, uint64_t bit)
{
	char word[ACCESS_LIST_BYTES + 1];
	const char *list = rule->lines;

	while (word_next(&list, word, sizeof(word))) {
		if (!is_pattern(word))
			give_named(daemon, rule, bit, word);
		for (size_t id = 0; is_pattern(word) && id < daemon->lines.n; id++)
			if (matches(word, daemon->lines.v[id]))
				give(daemon->lines.v[id], rule, bit);
	}
}

/* What needs no rule. */
static uint64_t always(const struct daemon *daemon)
{
	return daemon->config->n_rules ? ACCESS_ALL : ACCESS_ALL | ACCESS_OPEN;
}

void access_init_line(const struct daemon *daemon, struct line *line)
{
	for (int verb = 0; verb < ACCESS_LINE_VERBS; verb++)
		line->access[verb] = always(daemon);
}

static void find_lines(struct daemon *daemon)
{
	const struct config *config = daemon->config;

	for (size_t id = 0; id < daemon->lines.n; id++)
		access_init_line(daemon, daemon->lines.v[id]);
	for (int verb = 0; verb < ACCESS_LINE_VERBS; verb++)
		daemon->access.any[verb] = always(daemon);
	daemon->access.any[ACCESS_ADMIN] = ACCESS_ALL;

	for (size_t i = 0; i < config->n_rules; i++) {
		const uint64_t bit = UINT64_C(1) << i;
		const unsigned given = given_by(&config->rules[i]);

		for (int verb = 0; verb < ACCESS_VERB_N; verb++)
			if (given & BIT(verb))
				daemon->access.any[verb] |= bit;
		give_lines(daemon, &config->rules[i], bit);
	}
	for (size_t id = 0; id < daemon->lines.n; id++)
		daemon->lines.entries[id].see = daemon->lines.v[id]->access[ACCESS_SEE];
}

/* Of everything that a rule may name a line by. */
static uint32_t hash_of_names(const struct daemon *daemon)
{
	uint32_t hash = 2166136261u;

	for (size_t id = 0; id < daemon->lines.n; id++) {
		const struct line *line = daemon->lines.v[id];
		const uint32_t parts[] = { name_hash(line->canonical), name_hash(line->name),
			name_hash(line->chip->info.name), name_hash(line->chip->info.label),
			line->offset, line_is_absent(line) };

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			hash = (hash ^ parts[i]) * 16777619u;
	}
	return hash ? hash : 1;
}

static void update_watches(struct daemon *daemon)
{
	list_for_each (link, &daemon->server.peers) {
		struct peer *peer = list_object(link, struct peer, link);

		if (peer->watch)
			watch_access_changed(peer->watch);
	}
}

void access_lines_named(struct daemon *daemon)
{
	const uint32_t names = hash_of_names(daemon);

	if (names == daemon->access.names) {
		/* The entries are new all the same. */
		for (size_t id = 0; id < daemon->lines.n; id++)
			daemon->lines.entries[id].see = daemon->lines.v[id]->access[ACCESS_SEE];
		return;
	}
	daemon->access.names = names;
	find_lines(daemon);
	update_watches(daemon);
}

static void identify_peers(struct daemon *daemon)
{
	list_for_each (link, &daemon->server.peers) {
		struct peer *peer = list_object(link, struct peer, link);

		/* A rule may now name a group that was not remembered. */
		if (access_identify_socket(daemon, peer->fd, &peer->id) < 0)
			access_identify(daemon, &peer->id, NULL, 0);
	}
}

void access_reload(struct daemon *daemon)
{
	daemon->access.names = hash_of_names(daemon);
	daemon->access.since_ns = clock_now_ns();
	find_lines(daemon);
	identify_peers(daemon);
	update_watches(daemon);
}

/* The answers. */

/* Of who left before the rules came into force, or stays in a record of an earlier daemon. */
static uint64_t find_rules(const struct daemon *daemon, const struct peer_id *who)
{
	struct peer_id copy = *who;

	access_identify(daemon, &copy, NULL, 0);
	return copy.rules;
}

static uint64_t rules_of(const struct daemon *daemon, const struct peer_id *who)
{
	if (!who || !who->peer)
		return ACCESS_ALL;
	return who->rules_since_ns == daemon->access.since_ns ? who->rules
							      : find_rules(daemon, who);
}

bool access_may(const struct peer_id *who, const struct line *line, enum access_verb verb)
{
	return rules_of(line->chip->daemon, who) & line->access[verb];
}

bool access_may_any(const struct daemon *daemon, const struct peer_id *who, enum access_verb verb)
{
	return rules_of(daemon, who) & daemon->access.any[verb];
}

bool access_sees_all(const struct daemon *daemon, const struct peer_id *who)
{
	return rules_of(daemon, who) & always(daemon);
}

bool access_nothing_is_hidden(const struct daemon *daemon)
{
	/* Who comes by a further socket has only what a rule gives. */
	return daemon->config->n_rules == 0 && daemon->server.n_listeners <= 1;
}

bool access_sees_chip(const struct peer_id *who, const struct chip *chip)
{
	if (access_sees_all(chip->daemon, who))
		return true;
	for (unsigned i = 0; i < chip->info.n_lines; i++)
		if (access_may(who, chip->lines[i], ACCESS_SEE))
			return true;
	return false;
}

bool access_sees_timers(const struct daemon *daemon, const struct peer_id *who)
{
	return access_sees_all(daemon, who) || access_may_any(daemon, who, ACCESS_ADMIN);
}

static size_t add(char *text, size_t size, size_t n, const char *before, const char *word)
{
	if (n < size)
		n += (size_t)snprintf(text + n, size - n, "%s%s", before, word);
	return n < size ? n : size;
}

/* The rules of `who` that are in `of`, as "[access a] and [access b]"; how many. */
static unsigned name_rules(const struct daemon *daemon, uint64_t rules, char *text, size_t size)
{
	unsigned n_rules = 0;
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < daemon->config->n_rules; i++) {
		if (!((rules >> i) & 1))
			continue;
		n = add(text, size, n, n_rules ? ", [access " : "[access ",
			daemon->config->rules[i].name);
		n = add(text, size, n, "]", "");
		n_rules++;
	}
	return n_rules;
}

/* What these rules give of the line, as "see and watch". */
static void name_verbs(const struct peer_id *who, const struct line *line, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (int verb = 0; verb < ACCESS_LINE_VERBS; verb++)
		if (access_may(who, line, verb))
			n = add(text, size, n, n ? ", " : "", verbs[verb]);
}

static enum wire_error deny(const struct daemon *daemon, const struct peer_id *who,
	const struct line *line, enum access_verb verb, struct wire_problem *problem)
{
	char rules[160], has[48];
	const unsigned n = name_rules(
		daemon, rules_of(daemon, who) & line->access[ACCESS_SEE], rules, sizeof(rules));

	name_verbs(who, line, has, sizeof(has));
	if (n > 0)
		problem_field(problem, WIRE_E_DENIED, "line",
			"%s: %s of uid %u by the socket %s is missing; %s %s %s only",
			line->canonical, verbs[verb], (unsigned)who->uid, who->socket, rules,
			n == 1 ? "gives" : "give", has);
	else
		problem_field(problem, WIRE_E_DENIED, "line",
			"%s: no [access] section gives %s to uid %u by the socket %s",
			line->canonical, verbs[verb], (unsigned)who->uid, who->socket);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	return WIRE_E_DENIED;
}

enum wire_error access_check(const struct peer_id *who, const struct line *line,
	enum access_verb verb, struct wire_problem *problem)
{
	return access_may(who, line, verb) ? WIRE_OK
					   : deny(line->chip->daemon, who, line, verb, problem);
}

enum wire_error access_check_any(const struct daemon *daemon, const struct peer_id *who,
	enum access_verb verb, const char *what, struct wire_problem *problem)
{
	char rules[200];

	if (access_may_any(daemon, who, verb))
		return WIRE_OK;

	if (name_rules(daemon, rules_of(daemon, who), rules, sizeof(rules)) == 0)
		(void)snprintf(rules, sizeof(rules), "%s",
			daemon->config->n_rules ? "no [access] section" : "nothing");
	return problem_set(problem, WIRE_E_DENIED,
		"uid %u by the socket %s may not %s, which takes %s: %s fits, and does not give it",
		(unsigned)who->uid, who->socket, what, verbs[verb], rules);
}

void access_write(struct jsonw *w, const struct daemon *daemon, const struct peer_id *who,
	const struct line *line)
{
	jsonw_key(w, "access");
	jsonw_begin_array(w);
	for (int verb = 0; verb < (line ? ACCESS_LINE_VERBS : ACCESS_VERB_N); verb++)
		if (line ? access_may(who, line, verb) : access_may_any(daemon, who, verb))
			jsonw_string(w, verbs[verb]);
	jsonw_end_array(w);
}
