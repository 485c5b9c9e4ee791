/* SPDX-License-Identifier: MIT */

#include "adopt.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "adopt_log.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "event.h"
#include "hold.h"
#include "kept_records.h"
#include "line.h"
#include "request.h"
#include "request_fd.h"

#define CATCH_UP_ROUNDS 1024 /* a line that never rests must not keep us from serving */

/* The log. */

static void start_numbers(struct daemon *daemon)
{
	const struct log_header *header = daemon->log.header;

	daemon->generations = header->generations;
	daemon->server.next_peer = header->peers;
	daemon->timers.armings = (uint64_t)header->armings_1024 * 1024;
}

static int new_log(struct daemon *daemon)
{
	int r = log_init(&daemon->log, daemon->config->log_size);

	if (r < 0) {
		diag_error("the event log cannot be made: %s", strerror(-r));
		return r;
	}
	fdstore_put_log(&daemon->fdstore);
	return 0;
}

/* The configuration has another size. */
static void resize_log(struct daemon *daemon)
{
	int r = log_resize(&daemon->log, daemon->config->log_size);

	if (r < 0) {
		diag_error("the event log keeps its size: %s", strerror(-r));
		return;
	}
	fdstore_forget_log(&daemon->fdstore);
	fdstore_put_log(&daemon->fdstore);
}

int adopt_log(struct daemon *daemon)
{
	const char *why;
	int fd = inherit_take(&daemon->inherit, FDSTORE_LOG);

	if (fd < 0)
		return new_log(daemon);

	if (log_adopt(&daemon->log, fd, &why) < 0) {
		diag_warning("the event log of before is given up: %s", why);
		(void)close(fd);
		fdstore_forget_log(&daemon->fdstore);
		return new_log(daemon);
	}
	if (daemon->log.size != daemon->config->log_size)
		resize_log(daemon);
	start_numbers(daemon);
	return 0;
}

/* Requests. */

/* The lines of one request, as their records have them. */
struct lot {
	struct daemon *daemon;
	struct kept_line record; /* the one that is being read */
	uint32_t generation;
	size_t n;
	bool whole;
	struct line *lines[REQUEST_LINES_MAX];
	struct line_settings settings[REQUEST_LINES_MAX];
	unsigned event_buffer;
	bool uncounted;
};

static void add_to_lot(uint32_t handle, size_t n, void *data)
{
	struct lot *lot = data;
	const struct kept_line *record = &lot->record;
	struct line *line;

	(void)handle;
	if (n != sizeof(*record) || !record->held || record->generation != lot->generation)
		return;

	line = kept_find_line(lot->daemon, &record->line);
	lot->n++;
	if (!line || line->request || record->index >= REQUEST_LINES_MAX ||
		lot->lines[record->index]) {
		lot->whole = false;
		return;
	}
	lot->lines[record->index] = line;
	lot->settings[record->index] = record->settings;
	lot->event_buffer = record->event_buffer;
	lot->uncounted = record->uncounted;
}

/* A request counts only with all of its lines, on one chip. */
static bool find_lot(struct daemon *daemon, uint32_t generation, struct lot *ret)
{
	*ret = (struct lot){ .daemon = daemon, .generation = generation, .whole = true };
	kept_each(&daemon->log.kept, KEPT_LINE, &ret->record, sizeof(ret->record), add_to_lot, ret);
	for (size_t i = 0; i < ret->n && ret->whole; i++)
		ret->whole = i < REQUEST_LINES_MAX && ret->lines[i] &&
			     ret->lines[i]->chip == ret->lines[0]->chip;
	return ret->whole && ret->n > 0;
}

/* The kernel counts the edges of this request; of another one nothing is known. */
static void set_counts(struct line *line, uint32_t generation)
{
	const struct log_line_copy *copy = log_line_now(line->state);

	if (copy->generation == generation && copy->held) {
		line->line_seqno = copy->line_seqno;
		line->value = (uint8_t)copy->value;
	} else {
		line->line_seqno = 0;
		line->value = LOG_VALUE_NULL;
	}
}

static int adopt_request(struct daemon *daemon, int fd, uint32_t generation)
{
	struct lot lot;
	int r;

	if (!daemon->ops->adopt || !find_lot(daemon, generation, &lot))
		return -ESTALE;

	for (size_t i = 0; i < lot.n; i++) {
		r = line_prepare(lot.lines[i]);
		if (r < 0)
			return r;
		set_counts(lot.lines[i], generation);
	}
	r = request_adopt(daemon, fd, generation, lot.n, lot.lines, lot.settings, lot.event_buffer);
	for (size_t i = 0; i < lot.n && r < 0; i++)
		lot.lines[i]->value = LOG_VALUE_NULL;
	if (r == 0)
		lot.lines[0]->request->uncounted = lot.uncounted;
	return r;
}

static struct chip *find_chip(const struct daemon *daemon, const char *name)
{
	for (size_t i = 0; i < daemon->chips.n; i++)
		if (daemon->chips.v[i] && strcmp(daemon->chips.v[i]->info.name, name) == 0)
			return daemon->chips.v[i];
	return NULL;
}

/*
 * A request of another log, which was damaged or of another version: the kernel says what it is,
 * and nothing needs to move for that.
 */
static int adopt_unknown(struct daemon *daemon, const struct inherited *inherited)
{
	struct line *lines[REQUEST_LINES_MAX];
	struct request_fd_lines found;
	const struct chip *chip;
	int r = daemon->ops->adopt ? request_fd_read(inherited->fd, &found) : -ESTALE;

	if (r < 0)
		return r;
	chip = find_chip(daemon, found.chip_name);
	for (size_t i = 0; i < found.n; i++) {
		if (!chip || found.offsets[i] >= chip->info.n_lines ||
			chip->lines[found.offsets[i]]->request)
			return -ESTALE;
		lines[i] = chip->lines[found.offsets[i]];
	}
	return request_adopt_unknown(daemon, inherited->fd, found.n, lines, inherited->name);
}

/* Which line that was cannot be found out: any that is taken now may have been held, and is then
 * not to move. */
static void expect_all_configured(struct daemon *daemon)
{
	for (size_t id = 0; id < daemon->lines.n; id++)
		daemon->lines.v[id]->restored |= daemon->lines.v[id]->config != NULL;
}

static void adopt_fd(struct daemon *daemon, struct inherited *inherited)
{
	uint32_t generation;
	int r;

	if (fdstore_parse(&daemon->fdstore, inherited->name, &generation))
		r = adopt_request(daemon, inherited->fd, generation);
	else
		r = adopt_unknown(daemon, inherited);
	if (r == -EOPNOTSUPP)
		expect_all_configured(daemon);
	if (r < 0) {
		diag_notice("%s, left by an earlier daemon, is given back: %s", inherited->name,
			r == -ESTALE ? "it is not what the event log says" : strerror(-r));
		fdstore_forget(&daemon->fdstore, inherited->name);
		(void)close(inherited->fd);
	}
	inherited->fd = -1;
}

/* What the records say of a line that is wanted, held or not. */
static void restore_line(uint32_t handle, size_t n, void *data)
{
	const struct lot *lot = data;
	const struct kept_line *record = &lot->record;
	struct line *line = n == sizeof(*record) ? kept_find_line(lot->daemon, &record->line)
						 : NULL;
	uint32_t none = handle;

	if (!line || line->kept) {
		kept_drop(&lot->daemon->log.kept, &none);
		return;
	}
	line->kept = handle;
	line->settings = record->settings;
	line->on_release = (enum on_release)record->on_release;
	line->wanted = record->wanted;
	line->restored = record->held;
	adopt_state(line);
	if (!record->held || !line->state)
		return;
	line->wanted = record->settings.direction == DIRECTION_OUTPUT
			       ? (uint8_t)log_line_now(line->state)->value
			       : LOG_VALUE_NULL;
}

void adopt_lines(struct daemon *daemon)
{
	struct inherit *inherit = &daemon->inherit;
	struct lot lot = { .daemon = daemon };

	adopt_subjects(daemon);
	kept_each(
		&daemon->log.kept, KEPT_LINE, &lot.record, sizeof(lot.record), restore_line, &lot);
	for (size_t i = 0; i < inherit->n; i++)
		if (inherit->v[i].fd >= 0 && fdstore_is_line(inherit->v[i].name))
			adopt_fd(daemon, &inherit->v[i]);
	adopt_staged(daemon);
}

/* Settings. */

static bool is_wanted(const struct line *line)
{
	return line->config || !list_empty(&line->uses);
}

static bool in_group(const struct line *line, const char *group)
{
	return line->config && strcmp(line->config->group, group) == 0;
}

/* A configured group is one request, and a line without a group is one by itself. */
static bool has_the_lines_of_its_group(const struct request *request)
{
	const struct list_of_lines *all = &request->daemon->lines;
	const struct line *first = request->lines[0];
	const char *group = first->config ? first->config->group : "";
	size_t n = 0;

	for (size_t id = 0; group[0] && id < all->n; id++)
		n += in_group(all->v[id], group); /* also where it must not be: on another chip */
	if (!group[0])
		return request->n == 1;
	for (size_t i = 0; i < request->n; i++)
		if (!in_group(request->lines[i], group))
			return false;
	return request->n == n;
}

/* What was an output keeps its level, or gets it again; what becomes one begins as it is
 * configured.
 */
static enum initial initial_of(const struct line *line)
{
	if (line_is_output(line))
		return INITIAL_KEEP;
	if (line->wanted != LOG_VALUE_NULL)
		return line->wanted ? INITIAL_1 : INITIAL_0;
	return line->config->initial;
}

/* What was held with other settings than are wanted is changed in place. */
static bool bring_in_line(struct line *line)
{
	const struct line_settings *wanted = &line->config->settings;

	if (line_settings_same(&line->settings, wanted))
		return true;
	return request_reconfigure(line->request, line, wanted, initial_of(line)) == 0;
}

static bool settle_request(struct request *request)
{
	bool wanted = false;

	for (size_t i = 0; i < request->n; i++)
		wanted |= is_wanted(request->lines[i]);
	if (!wanted || !has_the_lines_of_its_group(request))
		return false;
	for (size_t i = 0; i < request->n; i++)
		if (request->lines[i]->config && !bring_in_line(request->lines[i]))
			return false;
	return true;
}

/* What is taken afresh gets the level that it had, also when that has another value now. */
static void convert_wanted(struct line *line)
{
	const bool active_low = line->config->settings.active_low;

	if (line->settings.active_low == active_low)
		return;
	line->settings.active_low = active_low;
	if (line->wanted != LOG_VALUE_NULL)
		line->wanted ^= 1;
}

/* The last word of the log may be older than the request. */
static void tell_untold(struct line *line)
{
	if (log_line_now(line->state)->generation != line->request->generation)
		event_line(line, "requested");
}

void adopt_settle(struct daemon *daemon)
{
	unsigned n = 0;

	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];

		if (line->kept && !is_wanted(line) && !line->request)
			line_forget(line);
		if (!line->request || line->request_index != 0)
			continue;
		if (settle_request(line->request)) {
			n += (unsigned)line->request->n;
			continue;
		}
		diag_line(DIAG_NOTICE, line->canonical,
			"line %s is given back: it is wanted otherwise now", line->canonical);
		for (size_t i = 0; i < line->request->n; i++)
			if (!is_wanted(line->request->lines[i]))
				line_forget(line->request->lines[i]);
		request_free(line->request, "released");
	}
	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];

		if (line->request)
			tell_untold(line);
		else if (line->config)
			convert_wanted(line);
	}
	if (n > 0)
		diag_info("%u line%s as an earlier daemon left %s", n,
			n == 1 ? " is held" : "s are held", n == 1 ? "it" : "them");
}

/* Lines that are not there any more. */

/* A configured line whose chip went meanwhile is known by its name. */
static void find_state_of_absent(struct line *line)
{
	struct daemon *daemon = line->chip->daemon;

	for (size_t i = 0; i < daemon->n_states && !line->state; i++) {
		struct log_line_state *state = &daemon->log.states[i];

		if (strcmp(state->canonical, line->canonical) != 0 || !log_line_now(state)->held)
			continue;
		line->state = state;
		line->line_seq = log_line_now(state)->line_seq;
		line->settings = line->config->settings;
		line->restored = true;
	}
}

static void tell_missing(struct line *line)
{
	const bool had_edges = line->settings.direction != DIRECTION_OUTPUT &&
			       line->settings.edges != EDGES_NONE;

	line->restored = false;
	if (line_prepare(line) < 0)
		return;

	line->reserved = false;
	if (had_edges)
		event_lost(line, line->chip->available ? "restart" : "unplug", LOG_COUNT_UNKNOWN,
			LOG_VALUE_NULL);
	event_line(line, line->chip->available ? "released" : "gone");
}

/* Nothing of what it was is to show in what somebody makes of it later. */
static void forget_unwanted(struct line *line)
{
	line->restored = false;
	line->settings = line_default_settings;
	line->wanted = LOG_VALUE_NULL;
	line->on_release = ON_RELEASE_INPUT;
	(void)on_time_note(line, 0);
	line_forget(line);
}

void adopt_missing(struct daemon *daemon)
{
	for (size_t id = 0; id < daemon->lines.n; id++) {
		struct line *line = daemon->lines.v[id];

		if (line->config && line_is_absent(line) && !line->state)
			find_state_of_absent(line);
		if (line->restored && !line->request && line->state &&
			log_line_now(line->state)->held)
			tell_missing(line);
		if (!line->request && !is_wanted(line))
			forget_unwanted(line);
	}
}

/* Catching up. */

static void compare_output(struct line *line)
{
	uint8_t level;

	if (line_get(line, &level) < 0 || level == line->value)
		return;
	line->value = level;
	event_output(line, "restart", NULL);
}

/* An open drain may read otherwise than it is driven. */
static bool reads_as_driven(const struct line *line)
{
	return line->settings.drive == DRIVE_PUSH_PULL;
}

static void compare_level(struct line *line)
{
	line->restored = false;
	if (line_is_input(line))
		(void)line_refresh(line);
	else if (line->value == LOG_VALUE_NULL || reads_as_driven(line))
		compare_output(line);
}

void adopt_catch_up(struct daemon *daemon)
{
	for (int i = 0; i < CATCH_UP_ROUNDS; i++) {
		if (loop_wait(&daemon->loop, false) < 0)
			break;
		gather_run(&daemon->gather, daemon);
		if (!gather_has_more(&daemon->gather))
			break;
	}
	for (size_t id = 0; id < daemon->lines.n; id++)
		if (daemon->lines.v[id]->request && daemon->lines.v[id]->restored)
			compare_level(daemon->lines.v[id]);
}
