/* SPDX-License-Identifier: MIT */

#include "line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "duration.h"
#include "event.h"
#include "jsonw.h"
#include "kept_records.h"
#include "output.h"
#include "peer.h"
#include "request.h"
#include "use.h"
#include "watch.h"

void line_copy_name(char to[static BACKEND_NAME_BYTES], const char *from)
{
	size_t i;

	for (i = 0; i < BACKEND_NAME_BYTES - 1 && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = 0;
}

const struct line_settings line_default_settings = { .edges = EDGES_BOTH };

static struct name_space name_space(const struct daemon *daemon)
{
	return (struct name_space){
		.n = daemon->lines.n, .entries = daemon->lines.entries, .board = daemon->board
	};
}

static struct line *line_new(struct chip *chip, unsigned offset, uint32_t id)
{
	struct line *line = calloc(1, sizeof(*line));
	struct line_info info = { 0 };

	if (!line)
		return NULL;

	*line = (struct line){ .id = id,
		.chip = chip,
		.offset = offset,
		.settings = line_default_settings,
		.value = LOG_VALUE_NULL,
		.on_release = ON_RELEASE_INPUT,
		.wanted = LOG_VALUE_NULL };
	access_init_line(chip->daemon, line);
	list_init(&line->watchers);
	list_init(&line->uses);
	output_init_revert(&line->revert);
	on_time_init(&line->on_time);
	if (line_read_info(line, &info) == 0) {
		line_copy_name(line->name, info.name);
		line->taken = info.used;
	}
	return line;
}

bool line_is_absent(const struct line *line)
{
	return line->chip == &line->chip->daemon->absent;
}

static struct name_entry entry_of(const struct line *line)
{
	/* No name can be written that finds a line of no chip. */
	const bool absent = line_is_absent(line);

	return (struct name_entry){ .alias = line->config ? line->config->alias : NULL,
		.name = line->name,
		.chip_name = absent ? "\1" : line->chip->info.name,
		.chip_label = absent ? "\1" : line->chip->info.label,
		.offset = line->offset,
		.name_hash = name_hash(line->name),
		.alias_hash = line->config ? name_hash(line->config->alias) : 0,
		.see = line->access[ACCESS_SEE] };
}

static int grow(struct daemon *daemon, size_t n)
{
	struct line **v = reallocarray(daemon->lines.v, n, sizeof(struct line *));
	struct name_entry *entries;

	if (!v)
		return -ENOMEM;

	daemon->lines.v = v;
	entries = reallocarray(daemon->lines.entries, n, sizeof(*entries));
	if (!entries)
		return -ENOMEM;

	daemon->lines.entries = entries;
	return 0;
}

int lines_add(struct daemon *daemon, struct chip *chip, unsigned n, struct line **ret)
{
	const size_t before = daemon->lines.n;
	int r = grow(daemon, before + n);

	for (unsigned i = 0; i < n && r == 0; i++) {
		ret[i] = line_new(chip, i, (uint32_t)before + i);
		if (!ret[i])
			r = -ENOMEM;
		else
			daemon->lines.v[daemon->lines.n++] = ret[i];
	}
	if (r == 0)
		r = watch_grow(daemon);
	if (r < 0) {
		while (daemon->lines.n > before)
			free(daemon->lines.v[--daemon->lines.n]);
		watch_cut(daemon);
		return r;
	}
	for (size_t id = before; id < daemon->lines.n; id++)
		daemon->lines.entries[id] = entry_of(daemon->lines.v[id]);
	return 0;
}

/* Clients may use a line under another name before the configuration finds it: it is left to them
 * until they are done. */
static bool is_unused(const struct line *line)
{
	return !line->request && list_empty(&line->uses) && list_empty(&line->watchers);
}

/* A configured line that was not there takes the place of the line that has now been found. */
static void take_place(struct line *line, struct line *found)
{
	struct daemon *daemon = line->chip->daemon;

	line->chip = found->chip;
	line->offset = found->offset;
	line->taken = found->taken;
	memcpy(line->name, found->name, sizeof(line->name));
	line->chip->lines[line->offset] = line;
	found->chip = &daemon->absent;
	found->name[0] = 0;
}

static struct line *line_of_config(const struct daemon *daemon, const struct line_config *config)
{
	for (size_t id = 0; id < daemon->lines.n; id++)
		if (daemon->lines.v[id]->config == config)
			return daemon->lines.v[id];
	return NULL;
}

/* Whether the log's index has an event of the line, which may be older than the log itself. */
static bool is_in_log(const struct line *line)
{
	const struct log *log = &line->chip->daemon->log;
	uint64_t seq = log->head > log->entries_mask ? log->head - log->entries_mask : 1;

	for (; seq <= log->head; seq++)
		if (log_at(log, seq)->kind < LOG_LINE_KINDS &&
			log_at(log, seq)->subject == line->id)
			return true;
	return false;
}

/* A connection calls it by a name of its own, or a timer sets it. */
static bool is_referred_to(const struct line *line)
{
	const struct daemon *daemon = line->chip->daemon;

	list_for_each (link, &daemon->server.peers) {
		list_for_each (alias, &list_object(link, struct peer, link)->aliases)
			if (list_object(alias, struct line_alias, link)->line == line)
				return true;
	}
	return timers_set_line(&daemon->timers, line);
}

int line_obtain_absent(struct daemon *daemon, uint32_t from, struct line **ret)
{
	for (size_t id = from; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];

		/* What one line was must not be replayed as another's. */
		if (!line_is_absent(line) || line->config || !is_unused(line) ||
			is_referred_to(line) || is_in_log(line))
			continue;
		memset(line->evicted_seq, 0, sizeof(line->evicted_seq));
		line->line_seq = 0;
		*ret = line;
		return 0;
	}
	return lines_add(daemon, &daemon->absent, 1, ret);
}

/* Not there yet; its name can be used all the same. */
static int add_absent(struct daemon *daemon, const struct line_config *config)
{
	struct line *line;
	int r = lines_add(daemon, &daemon->absent, 1, &line);

	if (r < 0)
		return r;

	diag_line(DIAG_WARNING, config->alias,
		"line %s is configured as \"%s\", which is not there (yet)", config->alias,
		config->line);
	line->config = config;
	line->unavailable = -ENODEV;
	return 0;
}

static int configure_line(struct daemon *daemon, const struct line_config *config)
{
	const struct name_space space = name_space(daemon);
	struct line *line, *known = line_of_config(daemon, config);
	struct wire_problem problem;
	enum wire_error error;
	size_t id;

	if (known && !line_is_absent(known))
		return 0;

	error = name_resolve(&space, config->line, &id, &problem);
	if (error == WIRE_E_AMBIGUOUS_LINE && !known) {
		diag_line(DIAG_ERROR, config->alias, "%s:%u: [line %s] line: %s", config->file,
			config->file_line, config->alias, problem.message);
		return -EINVAL;
	}
	if (error != WIRE_OK)
		return known ? 0 : add_absent(daemon, config);

	line = daemon->lines.v[id];
	if (line->config && known)
		return 0; /* it has become another section's; that one has it */
	if (line->config) {
		diag_line(DIAG_ERROR, config->alias,
			"%s:%u: [line %s] and [line %s] are the same line, %s:%u", config->file,
			config->file_line, config->alias, line->config->alias,
			line->chip->info.name, line->offset);
		return -EINVAL;
	}
	if (!known)
		line->config = config;
	else if (is_unused(line))
		take_place(known, line);
	return 0;
}

/* What an adopted log's events call the line. */
static void line_name_state(const struct line *line)
{
	memset(line->state->canonical, 0, sizeof(line->state->canonical));
	memcpy(line->state->canonical, line->canonical, strlen(line->canonical));
}

void lines_name(struct daemon *daemon)
{
	const struct name_space space = name_space(daemon);

	for (size_t id = 0; id < daemon->lines.n; id++)
		daemon->lines.entries[id] = entry_of(daemon->lines.v[id]);
	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];

		line->canonical = name_canonical(&space, id, line->canonical_buffer);
		if (line->texts[0])
			(void)event_prepare_line(line);
		if (line->state)
			line_name_state(line);
	}
}

int lines_configure(struct daemon *daemon)
{
	int r = 0;

	/* `line =` is resolved without aliases, so that the order of the sections does not matter.
	 */
	for (size_t id = 0; id < daemon->lines.n; id++)
		daemon->lines.entries[id].alias = NULL;
	for (size_t i = 0; i < daemon->config->n_lines && r == 0; i++) {
		r = configure_line(daemon, &daemon->config->lines[i]);
		for (size_t id = 0; id < daemon->lines.n; id++)
			daemon->lines.entries[id].alias = NULL;
	}
	lines_name(daemon);
	access_lines_named(daemon);
	return r;
}

void lines_done(struct daemon *daemon)
{
	for (size_t id = 0; id < daemon->lines.n; id++) {
		free(daemon->lines.v[id]->texts[0]);
		free(daemon->lines.v[id]->claim); /* left to the next daemon */
		free(daemon->lines.v[id]);
	}
	free(daemon->lines.v);
	free(daemon->lines.entries);
}

void line_check_taken(struct line *line)
{
	struct line_info info;

	/* What the service manager still has of us is not taken by another. */
	if (fdstore_is_leaving(line))
		return;
	if (line->request || line_read_info(line, &info) < 0 || info.used == line->taken)
		return;

	line->taken = info.used;
	event_line(line, line->taken ? "taken" : "freed");
	if (!line->taken && line->unavailable)
		line_retry(line);
}

static enum wire_error find(struct daemon *daemon, const struct name_space *space,
	const char *written, struct line **ret, struct wire_problem *problem)
{
	size_t id;
	enum wire_error error = name_resolve(space, written, &id, problem);

	if (error == WIRE_OK)
		*ret = daemon->lines.v[id];
	return error;
}

enum wire_error line_find(const struct peer *peer, const char *written, struct line **ret,
	struct wire_problem *problem)
{
	struct name_space space = name_space(peer->daemon);

	list_for_each (link, &peer->aliases) {
		struct line_alias *alias = list_object(link, struct line_alias, link);

		if (strcmp(alias->name, written) == 0 &&
			access_may(&peer->id, alias->line, ACCESS_SEE)) {
			*ret = alias->line;
			return WIRE_OK;
		}
	}
	space.restricted = !access_sees_all(peer->daemon, &peer->id);
	space.rules = peer->id.rules;
	return find(peer->daemon, &space, written, ret, problem);
}

enum wire_error line_find_any(
	struct daemon *daemon, const char *written, struct line **ret, struct wire_problem *problem)
{
	const struct name_space space = name_space(daemon);

	return find(daemon, &space, written, ret, problem);
}

static bool is_anybodys(const struct daemon *daemon, const struct log_line_state *state)
{
	for (size_t id = 0; id < daemon->lines.n; id++)
		if (daemon->lines.v[id]->state == state)
			return true;
	return false;
}

struct log_line_state *line_find_state(struct line *line)
{
	const struct daemon *daemon = line->chip->daemon;

	for (size_t i = 0; i < daemon->n_states; i++) {
		struct log_line_state *state = &daemon->log.states[i];

		if (state->offset != line->offset || kept_find_line_of(daemon, state) != line ||
			is_anybodys(daemon, state))
			continue;
		if (log_line_now(state)->line_seq > line->line_seq)
			line->line_seq = log_line_now(state)->line_seq;
		return state;
	}
	return NULL;
}

/* Its own of before, one that no line has had yet, or one of a line that is free again. */
static struct log_line_state *take_state(struct line *wanting)
{
	struct daemon *daemon = wanting->chip->daemon;
	struct log_line_state *own = line_find_state(wanting);

	if (own)
		return own;
	if (daemon->n_states < WIRE_MAX_LINES)
		return &daemon->log.states[daemon->n_states++];

	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];
		struct log_line_state *state = line->state;

		if (!state || line->request || line->reserved)
			continue;
		line->state = NULL;
		return state;
	}
	return NULL;
}

int line_prepare(struct line *line)
{
	struct daemon *daemon = line->chip->daemon;

	if (daemon->n_held >= WIRE_MAX_LINES)
		return -ENOSPC;
	if (!line->texts[0] && event_prepare_line(line) < 0)
		return -ENOMEM;
	if (!line->state)
		line->state = take_state(line);
	if (!line->state)
		return -ENOSPC;

	memcpy(line->state->chip_name, line->chip->info.name, sizeof(line->state->chip_name));
	memcpy(line->state->chip_label, line->chip->info.label, sizeof(line->state->chip_label));
	line->state->offset = line->offset;
	line_name_state(line);
	line->reserved = true;
	return 0;
}

struct log_line_copy line_copy(const struct line *line)
{
	return (struct log_line_copy){ .line_seq = line->line_seq,
		.line_seqno = line->line_seqno,
		.generation = line->request ? line->request->generation : 0,
		.value = line->value,
		.held = line->request != NULL };
}

int line_read_info(const struct line *line, struct line_info *ret)
{
	const struct daemon *daemon = line->chip->daemon;

	if (line_is_absent(line))
		return -ENODEV;
	return daemon->ops->line_info(daemon->backend, line->chip->info.index, line->offset, ret);
}

enum wire_error line_busy(struct wire_problem *problem, const struct line *line)
{
	struct line_info info = { 0 };

	(void)line_read_info(line, &info);
	problem_field(problem, WIRE_E_BUSY, "line",
		"%s is held by another process or by the kernel, as \"%s\"; it has to let go first",
		line->canonical, info.consumer[0] ? info.consumer : "?");
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	problem->holder.is_other = true;
	line_copy_name(problem->holder.consumer, info.consumer);
	return WIRE_E_BUSY;
}

static void write_users(struct jsonw *w, const struct line *line, unsigned max_users)
{
	unsigned n = 0;

	jsonw_key(w, "users");
	jsonw_begin_array(w);
	list_for_each (link, &line->uses) {
		if (n++ < max_users)
			use_write(w, link);
	}
	jsonw_end_array(w);
	if (n > max_users)
		jsonw_member_u64(w, "more_users", n - max_users);
}

static void write_settings(
	struct jsonw *w, const struct line *line, const struct line_settings *settings)
{
	char duration[DURATION_MAX];
	bool output = settings->direction == DIRECTION_OUTPUT;

	jsonw_member_string(w, "direction", output ? "output" : "input");
	jsonw_member_bool(w, "active_low", settings->active_low);
	jsonw_member_string(w, "bias", bias_word(settings->bias));
	if (output)
		jsonw_member_string(w, "drive", drive_word(settings->drive));
	if (!line->request || output)
		return;

	jsonw_member_string(w, "edges", edges_word(settings->edges));
	if (settings->debounce_ns)
		jsonw_member_string(w, "debounce",
			duration_format(settings->debounce_ns, duration, sizeof(duration)));
	jsonw_member_u64(w, "event_buffer", line->request->backend->event_buffer);
}

void line_write_value(struct jsonw *w, const char *key, uint8_t value)
{
	jsonw_key(w, key);
	if (value == LOG_VALUE_NULL)
		jsonw_null(w);
	else
		jsonw_u64(w, value);
}

static void write_unavailable(struct jsonw *w, const struct line *line)
{
	jsonw_member_bool(w, "available", false);
	if (line_is_absent(line) && line->config)
		jsonw_member_string(w, "wanted", line->config->line);
	jsonw_member_string(w, "why",
		line_is_absent(line)	      ? "no line of this name is there yet"
		: !line->chip->available      ? "its chip is gone"
		: line->unavailable == -EXDEV ? "the lines of its group are on several chips"
					      : strerror(-line->unavailable));
}

static void write_limits(struct jsonw *w, const struct line *line)
{
	const struct line_config *config = line->config;
	char duration[DURATION_MAX];

	if (config && config->safe != SAFE_NONE)
		jsonw_member_u64(w, "safe", config->safe);
	if (config && config->max_on_ns)
		jsonw_member_string(w, "max_on",
			duration_format(config->max_on_ns, duration, sizeof(duration)));
}

void line_write(struct jsonw *w, const struct line *line, unsigned max_users)
{
	line_write_for(w, line, max_users, NULL);
}

void line_write_for(
	struct jsonw *w, const struct line *line, unsigned max_users, const struct peer_id *reader)
{
	struct line_info info = { .settings = line->config ? line->config->settings
							   : line->settings };

	struct line_settings settings;

	if (!line->request)
		(void)line_read_info(line, &info);
	settings = info.settings;

	jsonw_begin_object(w);
	jsonw_member_string(w, "line", line->canonical);
	if (line->name[0])
		jsonw_member_string(w, "name", line->name);
	jsonw_member_string(w, "chip", line->chip->info.name);
	jsonw_member_string(w, "label", line->chip->info.label);
	jsonw_member_u64(w, "offset", line->offset);
	if (line->config)
		jsonw_member_bool(w, "configured", true);
	jsonw_member_bool(w, "held", line->request != NULL);
	if (!line->chip->available || line->unavailable)
		write_unavailable(w, line);
	line_write_value(w, "value", line->value);
	if (line->request)
		settings = line->settings;
	/* Taken as it is: the kernel knows which way that is. */
	if (settings.direction == DIRECTION_ANY && line_read_info(line, &info) == 0)
		settings.direction = info.settings.direction;
	write_settings(w, line, &settings);
	if (!line->request && info.used) {
		line_copy_name(info.consumer, info.consumer);
		jsonw_member_string(w, "consumer", info.consumer);
	}
	write_limits(w, line);
	if (line->claim)
		claim_write(w, line->claim, max_users > 0);
	write_users(w, line, max_users);
	if (!access_may(reader, line, ACCESS_CONFIGURE)) /* which gives the others */
		access_write(w, line->chip->daemon, reader, line);
	jsonw_end_object(w);
}
