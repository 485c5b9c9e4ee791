/* SPDX-License-Identifier: MIT */

#include "line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "command.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "duration.h"
#include "event.h"
#include "jsonw.h"
#include "output.h"
#include "peer.h"
#include "request.h"
#include "use.h"
#include "watch.h"

/* Names come from device trees and adapters: whatever is not plain text is shown as '?'. */
static void copy_name(char to[static BACKEND_NAME_BYTES], const char *from)
{
	size_t i;

	for (i = 0; i < BACKEND_NAME_BYTES - 1 && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = 0;
}

static struct name_space name_space(const struct daemon *daemon)
{
	return (struct name_space){
		.n = daemon->lines.n, .entries = daemon->lines.entries, .board = daemon->board
	};
}

static void compute_names(struct daemon *daemon)
{
	const struct name_space space = name_space(daemon);

	for (size_t i = 0; i < daemon->lines.n; i++) {
		struct line *line = daemon->lines.v[i];

		line->canonical = name_canonical(&space, i, line->canonical_buffer);
		if (line->texts[0])
			(void)event_prepare_line(line);
	}
}

static void line_init(struct line *line, struct chip *chip, unsigned offset, uint32_t id)
{
	struct line_info info = { 0 };

	*line = (struct line){ .id = id,
		.chip = chip,
		.offset = offset,
		.value = LOG_VALUE_NULL,
		.on_release = ON_RELEASE_INPUT };
	list_init(&line->watchers);
	list_init(&line->uses);
	output_init_revert(&line->revert);
	if (line_read_info(line, &info) == 0) {
		copy_name(line->name, info.name);
		line->taken = info.used;
	}
}

static int make_lines(struct daemon *daemon, struct chip *chip)
{
	const size_t n = daemon->lines.n + chip->info.n_lines;
	struct line **v = reallocarray(daemon->lines.v, n, sizeof(*v));
	struct name_entry *entries;

	if (v)
		daemon->lines.v = v;
	entries = reallocarray(daemon->lines.entries, n, sizeof(*entries));
	if (entries)
		daemon->lines.entries = entries;
	chip->lines = calloc(chip->info.n_lines, sizeof(*chip->lines));
	if (!v || !entries || !chip->lines)
		return -ENOMEM;

	for (unsigned i = 0; i < chip->info.n_lines; i++) {
		struct line *line = &chip->lines[i];
		uint32_t id = (uint32_t)daemon->lines.n + i;

		line_init(line, chip, i, id);
		v[id] = line;
		entries[id] = (struct name_entry){ .name = line->name,
			.chip_name = chip->info.name,
			.chip_label = chip->info.label,
			.offset = i };
	}
	daemon->lines.n = n;
	return watch_grow(daemon);
}

/* Another process has taken a line, or given it back. The info is read afresh, since by now it may have changed again. */
static void check_taken(struct line *line)
{
	struct line_info info;
	bool taken;

	if (line->request || line_read_info(line, &info) < 0)
		return;

	taken = info.used;
	if (taken == line->taken)
		return;

	line->taken = taken;
	event_line(line, taken ? "taken" : "freed");
	if (!taken && line->unavailable)
		line_retry(line);
}

static void chip_gone(struct chip *chip)
{
	diag_warning("chip %s (%s) is gone", chip->info.name, chip->info.label);
	chip->available = false;
	loop_remove(&chip->daemon->loop, &chip->source);
	for (unsigned i = 0; i < chip->info.n_lines; i++) {
		struct line *line = &chip->lines[i];

		if (line->request)
			request_free(line->request, "gone");
		else if (line->unavailable != -ENODEV)
			event_line(line, "gone"); /* not told yet by its own request */
		line->taken = false;
	}
	daemon_retry_later(chip->daemon);
}

static void dispatch_chip(struct source *source, uint32_t events)
{
	struct chip *chip = list_object(source, struct chip, source);
	struct daemon *daemon = chip->daemon;
	struct chip_event event;

	(void)events;
	/* As many as the kernel's buffer holds; more are left for the next round. */
	for (int i = 0; i < 32; i++) {
		int r = daemon->ops->chip_event(daemon->backend, chip->info.index, &event);

		if (r == 0)
			return;
		if (r < 0 || event.type == CHIP_GONE) {
			chip_gone(chip);
			return;
		}
		if (event.offset < chip->info.n_lines)
			check_taken(&chip->lines[event.offset]);
	}
}

static int listen_to_chip(struct chip *chip)
{
	struct daemon *daemon = chip->daemon;
	int fd = daemon->ops->chip_fd(daemon->backend, chip->info.index);

	return fd < 0 ? fd : loop_add(&daemon->loop, &chip->source, fd, EPOLLIN, dispatch_chip);
}

static int chip_new(struct daemon *daemon, const struct chip_info *info, struct chip **ret)
{
	struct chip *chip = calloc(1, sizeof(*chip));
	int r;

	if (!chip)
		return -ENOMEM;

	chip->daemon = daemon;
	chip->info = *info;
	copy_name(chip->info.name, info->name);
	copy_name(chip->info.label, info->label);
	chip->source.fd = -1;
	r = make_lines(daemon, chip);
	if (r < 0) {
		free(chip->lines);
		free(chip);
		return r;
	}
	*ret = chip;
	return 0;
}

static int place_for_chip(struct daemon *daemon, unsigned index)
{
	struct chip **v;

	if (index < daemon->chips.n)
		return 0;

	v = reallocarray(daemon->chips.v, index + 1, sizeof(struct chip *));
	if (!v)
		return -ENOMEM;

	memset(v + daemon->chips.n, 0, (index + 1 - daemon->chips.n) * sizeof(struct chip *));
	daemon->chips.v = v;
	daemon->chips.n = index + 1;
	return 0;
}

static void found(const struct chip_info *info, void *data)
{
	struct daemon *daemon = data;
	int r = place_for_chip(daemon, info->index);
	struct chip *chip = r < 0 ? NULL : daemon->chips.v[info->index];

	if (r == 0 && !chip)
		r = chip_new(daemon, info, &chip);
	if (r == 0)
		r = listen_to_chip(chip);
	if (r < 0) {
		diag_error("chip %s (%s) cannot be used: %s", info->name, info->label, strerror(-r));
		return;
	}
	daemon->chips.v[info->index] = chip;
	copy_name(chip->info.name, info->name);
	chip->available = true;
	diag_info("chip %s (%s): %u lines", chip->info.name, chip->info.label, chip->info.n_lines);
}

/* Lines that have come back without being wanted by anybody. */
static void tell_available(struct chip *chip)
{
	for (unsigned i = 0; i < chip->info.n_lines; i++) {
		struct line *line = &chip->lines[i];
		struct line_info info;

		line->taken = line_read_info(line, &info) == 0 && info.used;
		if (!line->config && list_empty(&line->uses))
			event_line(line, "available");
		else
			line_retry(line);
	}
}

int lines_scan(struct daemon *daemon)
{
	const size_t n_before = daemon->chips.n;
	bool *was_available = calloc(n_before + 1, sizeof(*was_available));
	int r;

	if (!was_available)
		return -ENOMEM;
	for (size_t i = 0; i < n_before; i++)
		was_available[i] = daemon->chips.v[i] && daemon->chips.v[i]->available;

	r = daemon->ops->scan(daemon->backend, found, daemon);
	compute_names(daemon);
	for (size_t i = 0; i < n_before; i++)
		if (daemon->chips.v[i] && daemon->chips.v[i]->available && !was_available[i])
			tell_available(daemon->chips.v[i]);
	free(was_available);
	return r;
}

static int configure_line(struct daemon *daemon, const struct line_config *config)
{
	const struct name_space space = name_space(daemon);
	struct wire_problem problem;
	struct line *line;
	size_t id;

	if (name_resolve(&space, config->line, &id, &problem) != WIRE_OK) {
		diag_warning("%s:%u: [line %s]: %s", config->file, config->file_line, config->alias,
			problem.message);
		return 0;
	}
	line = daemon->lines.v[id];
	if (line->config && line->config != config) {
		diag_error("%s:%u: [line %s] and [line %s] are the same line, %s:%u", config->file,
			config->file_line, config->alias, line->config->alias, line->chip->info.name,
			line->offset);
		return -EINVAL;
	}
	line->config = config;
	daemon->lines.entries[id].alias = config->alias;
	return 0;
}

int lines_configure(struct daemon *daemon)
{
	int r = 0;

	for (size_t i = 0; i < daemon->config->n_lines && r == 0; i++)
		r = configure_line(daemon, &daemon->config->lines[i]);
	compute_names(daemon);
	return r;
}

void lines_done(struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->lines.n; i++)
		free(daemon->lines.v[i]->texts[0]);
	for (size_t i = 0; i < daemon->chips.n; i++) {
		struct chip *chip = daemon->chips.v[i];

		if (!chip)
			continue;
		loop_remove(&daemon->loop, &chip->source);
		free(chip->lines);
		free(chip);
	}
	free(daemon->chips.v);
	free(daemon->lines.v);
	free(daemon->lines.entries);
}

/* A configured line may not be there yet: that is another matter than a name nobody knows. */
static enum wire_error explain_absent(
	const struct daemon *daemon, const char *written, struct wire_problem *problem)
{
	for (size_t i = 0; i < daemon->config->n_lines; i++) {
		const struct line_config *config = &daemon->config->lines[i];

		if (strcmp(config->alias, written) != 0)
			continue;
		problem_field(problem, WIRE_E_UNAVAILABLE, "line",
			"%s is configured as \"%s\", which is not there yet; it is looked for again and again",
			written, config->line);
		(void)snprintf(problem->line, sizeof(problem->line), "%s", written);
		break;
	}
	return problem->code;
}

enum wire_error line_find(struct daemon *daemon, struct list *aliases, const char *written,
	struct line **ret, struct wire_problem *problem)
{
	const struct name_space space = name_space(daemon);
	enum wire_error error;
	size_t id;

	list_for_each(link, aliases) {
		struct line_alias *alias = list_object(link, struct line_alias, link);

		if (strcmp(alias->name, written) == 0) {
			*ret = alias->line;
			return WIRE_OK;
		}
	}
	error = name_resolve(&space, written, &id, problem);
	if (error == WIRE_OK)
		*ret = daemon->lines.v[id];
	return error == WIRE_E_UNKNOWN_LINE ? explain_absent(daemon, written, problem) : error;
}

/* A place that no line has had yet, or one of a line that is free again. */
static struct log_line_state *take_state(struct daemon *daemon)
{
	if (daemon->n_states < WIRE_MAX_LINES)
		return &daemon->log.states[daemon->n_states++];

	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];
		struct log_line_state *state = line->state;

		if (!state || line->request)
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
		line->state = take_state(daemon);
	if (!line->state)
		return -ENOSPC;

	memcpy(line->state->chip_name, line->chip->info.name, sizeof(line->state->chip_name));
	memcpy(line->state->chip_label, line->chip->info.label, sizeof(line->state->chip_label));
	line->state->offset = line->offset;
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
	copy_name(problem->holder.consumer, info.consumer);
	return WIRE_E_BUSY;
}

static void write_users(struct jsonw *w, const struct line *line, unsigned max_users)
{
	unsigned n = 0;

	jsonw_key(w, "users");
	jsonw_begin_array(w);
	list_for_each(link, &line->uses) {
		if (n++ < max_users)
			use_write(w, link);
	}
	jsonw_end_array(w);
	if (n > max_users)
		jsonw_member_u64(w, "more_users", n - max_users);
}

static void write_settings(struct jsonw *w, const struct line *line, const struct line_settings *settings)
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

void line_write(struct jsonw *w, const struct line *line, unsigned max_users)
{
	struct line_info info = { 0 };
	bool known = line->request || line_read_info(line, &info) == 0;

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
		jsonw_member_bool(w, "available", false);
	call_write_value(w, "value", line->value);
	if (known)
		write_settings(w, line, line->request ? &line->settings : &info.settings);
	if (!line->request && info.used) {
		copy_name(info.consumer, info.consumer);
		jsonw_member_string(w, "consumer", info.consumer);
	}
	write_users(w, line, max_users);
	jsonw_end_object(w);
}
