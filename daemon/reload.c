/* SPDX-License-Identifier: MIT */

#include "reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "board.h"
#include "claim.h"
#include "daemon.h"
#include "diag.h"
#include "event.h"
#include "hold.h"
#include "line.h"
#include "notify.h"
#include "options.h"
#include "output.h"
#include "reload_apply.h"
#include "request.h"
#include "use.h"
#include "watch.h"

/* Problems. */

/* Said to the operator, and kept for the reply. */
static void report(const char *message, void *data)
{
	struct reload *reload = data;
	char **grown = reallocarray(
		reload->problems, reload->n_problems + 1, sizeof(*reload->problems));

	diag_error("%s", message);
	if (!grown)
		return;
	reload->problems = grown;
	grown[reload->n_problems] = strdup(message);
	if (grown[reload->n_problems])
		reload->n_problems++;
}

static void forget(struct reload *reload)
{
	for (size_t i = 0; i < reload->n_problems; i++)
		free(reload->problems[i]);
	free(reload->problems);
	reload_plan_free(&reload->plan);
	(void)config_free(reload->before);
	*reload = (struct reload){ .options = reload->options };
}

void reload_done(struct reload *reload)
{
	forget(reload);
}

/* Reading. */

static bool has_read(const struct config *config, const char *file)
{
	for (char **read = config->files; *read; read++)
		if (strcmp(*read, file) == 0)
			return true;
	return false;
}

/* The default file need not be there; but one that was there and is not any more is a mistake, or
 * about to be written. */
static int check_files(const struct daemon *daemon, const struct config *config)
{
	const char *file = config_default_path();
	struct problems problems = { .report = report, .data = (void *)&daemon->reload };

	if (!has_read(daemon->config, file) || has_read(config, file))
		return 0;
	problems_add(&problems, (struct where){ .file = file }, NULL, NULL,
		"the file is gone; it was there when it was read last");
	return -EINVAL;
}

static void report_board(const char *message, void *data)
{
	(void)data;
	diag_warning("%s", message);
}

/* config_check_chosen() has seen to it that a map that was asked for is there. */
static int load_board(const struct daemon *daemon, const struct config *config, struct board **ret)
{
	int r;

	if (strcmp(config->board, "none") == 0)
		return 0;
	r = daemon_load_board(daemon, config->board, report_board, NULL, ret);
	return config->board[0] ? r : 0;
}

static int load(struct daemon *daemon, struct config **ret_config, struct board **ret_board)
{
	struct reload *reload = &daemon->reload;
	struct config *config;
	int r = options_load(reload->options, report, reload, &config);

	if (r < 0)
		return r;

	r = config_check_chosen(config, report, reload);
	if (r == 0)
		r = check_files(daemon, config);
	if (r == 0)
		r = load_board(daemon, config, ret_board);
	if (r < 0)
		(void)config_free(config);
	else
		*ret_config = config;
	return r;
}

/* In force. */

/* A pulse has no later. */
static void end_pulse(struct line *line)
{
	if (deadline_is_set(&line->revert.deadline))
		output_end_pulse(line);
}

/* Nobody can name it any more. */
static void forget_watchers(struct line *line)
{
	while (!list_empty(&line->watchers))
		watch_unset_line(
			list_object(line->watchers.next, struct watch_entry, line_link)->watch,
			line);
}

/* Still under its name, so that who knows it by that is told. */
static void let_go(struct line *line, const struct line_config *before)
{
	end_pulse(line);
	claim_leave(line, "reload");
	hold_apply_on_exit(line, before->on_exit, "reload");
}

static void forget_line(struct line *line)
{
	line->unavailable = 0;
	line->wanted = LOG_VALUE_NULL;
	line->owed = false;
	line->on_release = ON_RELEASE_INPUT;
	line->settings = line_default_settings;
	line_forget(line);
	use_forget_all(line);
	if (line_is_absent(line))
		forget_watchers(line);
}

static void leave_lot(const struct reload_step *steps, size_t n)
{
	struct request *request = steps[0].line->request;

	for (size_t i = 0; i < n; i++)
		steps[i].line->config = NULL;
	if (request)
		request_free(request, "released");
	else
		event_line(steps[0].line, "released");
	for (size_t i = 0; i < n; i++)
		forget_line(steps[i].line);
}

/* What goes off goes off first, for the sake of interlocks. */
static void let_all_go(const struct reload_plan *plan)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < plan->n; i++) {
			const struct reload_step *step = &plan->steps[i];

			if (step->leaves && (step->before->on_exit == ON_EXIT_1) == (pass == 1))
				let_go(step->line, step->before);
		}
}

static void leave(const struct reload_plan *plan)
{
	let_all_go(plan);
	for (size_t i = 0; i < plan->n_lots; i++) {
		const struct reload_lot *lot = &plan->lots[i];

		if (plan->steps[lot->begin].leaves)
			leave_lot(&plan->steps[lot->begin], lot->n);
	}
}

static void exchange(struct daemon *daemon, struct config *config, struct board *board)
{
	struct reload *reload = &daemon->reload;

	reload_keep(config, daemon->config);
	reload->before = daemon->config;
	daemon->config = config;
	(void)board_free(daemon->board);
	daemon->board = board;
	for (size_t i = 0; i < reload->plan.n; i++) {
		const struct reload_step *step = &reload->plan.steps[i];

		if (step->leaves)
			continue;
		step->line->config = step->after;
		if (line_is_absent(step->line))
			step->line->unavailable = -ENODEV;
		if (!step->line->request)
			step->line->settings = step->settings;
	}
	lines_name(daemon);
	access_reload(daemon);
}

static void tell_held_off(const struct reload_step *step)
{
	const char *name = step->line->canonical;

	if (step->excluded_by && line_is_output(step->line))
		diag_line(DIAG_WARNING, name,
			"%s begins with 0 and not with 1, since %s of the same interlock is 1",
			name, step->excluded_by->canonical);
}

/* Between two requests of an input nobody was listening. */
static void tell_line(const struct reload_step *step)
{
	struct line *line = step->line;

	if (step->leaves)
		return;
	if (step->before)
		claim_keep_safe(line, step->before->safe);
	if (line->settings.direction != DIRECTION_OUTPUT) /* also of one whose chip is gone */
		claim_lose(line, "reconfigured");
	tell_held_off(step);
	if (!step->told)
		return;
	event_line(line, line->request && !step->was_held ? "requested" : "reconfigured");
	if (step->old_group && line_is_input(line) && line->settings.edges != EDGES_NONE)
		event_lost(line, "reload", LOG_COUNT_UNKNOWN, line->value);
}

static void put_in_force(struct daemon *daemon, struct config *config, struct board *board)
{
	const struct reload_plan *plan = &daemon->reload.plan;

	if (reload_changes(&daemon->reload))
		event_config(daemon);
	leave(plan);
	exchange(daemon, config, board);
	for (size_t i = 0; i < plan->n; i++)
		tell_line(&plan->steps[i]);
	claims_reload(daemon);
}

static int apply(struct daemon *daemon, struct config *config, struct board *board)
{
	struct reload *reload = &daemon->reload;
	struct reload_plan *plan = &reload->plan;
	int r;

	reload_diff(daemon, config, board);
	plan->problems = (struct problems){ .report = report, .data = reload, .kept = true };
	r = reload_plan_make(plan, daemon, config, board);
	if (r == 0)
		r = reload_apply(plan);
	if (r == -ENOMEM)
		report("memory is short", reload);
	problems_tell(&plan->problems);
	if (r == 0)
		put_in_force(daemon, config, board);
	return r;
}

int reload_run(struct daemon *daemon)
{
	struct reload *reload = &daemon->reload;
	struct config *config = NULL;
	struct board *board = NULL;
	int r;

	forget(reload);
	notify_reloading();
	r = load(daemon, &config, &board);
	if (r == 0)
		r = apply(daemon, config, board);
	if (r < 0) {
		reload_plan_free(&reload->plan);
		reload->plan = (struct reload_plan){ 0 };
		(void)board_free(board);
		(void)config_free(config);
	}
	reload_tell(reload, r);
	notify_ready();
	return r < 0 ? -EINVAL : 0;
}
