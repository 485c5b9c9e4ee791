/* SPDX-License-Identifier: MIT */

#include "use.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claim.h"
#include "command.h"
#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "duration.h"
#include "hold.h"
#include "kept_records.h"
#include "line.h"
#include "output.h"
#include "peer.h"
#include "request.h"
#include "session.h"
#include "user.h"

struct use *use_find(const struct line *line, const struct peer *peer)
{
	list_for_each (link, &line->uses) {
		struct use *use = list_object(link, struct use, line_link);

		if (use->peer == peer)
			return use;
	}
	return NULL;
}

/* The connection's own use, and what the daemon keeps for it. */
static bool is_own(const struct use *use, const struct peer *peer)
{
	return use->peer == peer || (peer && !use->peer && use->id.peer == peer->id.peer);
}

static void charge(struct use *use, struct user *user)
{
	if (user)
		user_hold(user)->n_lines++;
	if (use->user)
		use->user->n_lines--;
	user_let_go(use->user);
	use->user = user;
}

/* `user` is whose use it is, also where the daemon keeps the line, with peer NULL. */
static struct use *use_new(struct line *line, struct peer *peer, struct user *user)
{
	struct use *use = calloc(1, sizeof(*use));

	if (!use)
		return NULL;

	use->line = line;
	use->peer = peer;
	if (peer)
		use->id = peer->id;
	list_append(&line->uses, &use->line_link);
	list_init(&use->peer_link);
	if (peer)
		list_append(&peer->uses, &use->peer_link);
	if (!line->config)
		charge(use, user);
	return use;
}

/* For the next daemon, after every change of it. */
static void remember(struct use *use)
{
	struct kept_use record = { .id = use->id,
		.opinion = use->opinion,
		.kept_by_daemon = !use->peer,
		.requested = use->requested,
		.watched = use->watched };

	if (line_is_absent(use->line))
		return;

	kept_name_line(use->line, &record.line);
	kept_put(&use->line->chip->daemon->log.kept, &use->kept, KEPT_USE, &record, sizeof(record));
}

static void forget(struct use *use)
{
	kept_drop(&use->line->chip->daemon->log.kept, &use->kept);
}

/* Off the lists already. */
static void destroy(struct use *use)
{
	charge(use, NULL);
	free(use);
}

static void use_free(struct use *use)
{
	forget(use);
	list_remove(&use->line_link);
	list_remove(&use->peer_link);
	destroy(use);
}

/* What the connection would say of the line once the wish is granted. */
static struct opinion wished(const struct use *use, const struct use_wish *wish)
{
	struct opinion opinion = { 0 };

	if (use)
		opinion = use->opinion;
	if (wish->args)
		opinion_merge_request(&opinion, wish->args);
	for (enum setting s = 0; wish->opinion && s < SETTING_N; s++)
		if (opinion_has(wish->opinion, s))
			opinion_state(&opinion, s, setting_get(&wish->opinion->settings, s));
	return opinion;
}

static enum wire_error conflict(struct wire_problem *problem, const struct line *line,
	enum setting setting, uint64_t have, const struct peer_id *holder)
{
	char buffer[DURATION_MAX], who[96] = "the configuration";
	const char *word = setting_word(setting, have, buffer);

	if (holder)
		(void)snprintf(who, sizeof(who), "%.64s (pid %d)",
			holder->client[0] ? holder->client : "another client", (int)holder->pid);
	problem_field(problem, WIRE_E_CONFLICT, setting_name(setting), "%s has %s %s, as %s says",
		line->canonical, setting_name(setting), word, who);
	(void)snprintf(problem->line, sizeof(problem->line), "%s", line->canonical);
	(void)snprintf(problem->have, sizeof(problem->have), "%s", word);
	problem->holder.is_client = true;
	if (holder) {
		memcpy(problem->holder.client, holder->client, sizeof(holder->client));
		problem->holder.peer = holder->peer;
		problem->holder.pid = holder->pid;
		problem->holder.uid = holder->uid;
	} else {
		(void)snprintf(
			problem->holder.client, sizeof(problem->holder.client), "configuration");
		problem->holder.pid = getpid();
		problem->holder.uid = getuid();
	}
	return WIRE_E_CONFLICT;
}

static enum wire_error check_others(const struct peer *peer, const struct line *line,
	const struct opinion *opinion, struct wire_problem *problem)
{
	list_for_each (link, &line->uses) {
		const struct use *other = list_object(link, struct use, line_link);
		enum setting setting = opinion_conflict(opinion, &other->opinion);

		if (!is_own(other, peer) && setting < SETTING_N)
			return conflict(problem, line, setting,
				setting_get(&other->opinion.settings, setting), &other->id);
	}
	return WIRE_OK;
}

/* What the connection said before and takes back. */
static uint32_t withdrawn_by(const struct use *use, const struct opinion *opinion)
{
	return use ? use->opinion.given & ~opinion->given : 0;
}

/* What everybody says together, the wish included; what is taken back is as at first, what nobody
 * ever spoke of as it is. */
static struct line_settings agree(const struct peer *peer, const struct line *line,
	const struct opinion *opinion, uint32_t withdrawn)
{
	struct line_settings settings = line->settings;

	if (settings.direction == DIRECTION_OUTPUT)
		settings.edges = line_default_settings.edges; /* should it become an input */
	for (enum setting s = 0; s < SETTING_N; s++)
		if ((withdrawn >> s) & 1)
			setting_put(&settings, s, setting_get(&line_default_settings, s));
	list_for_each (link, &line->uses) {
		const struct use *use = list_object(link, struct use, line_link);

		if (!is_own(use, peer))
			opinion_apply(&use->opinion, &settings);
	}
	opinion_apply(opinion, &settings);
	if (settings.direction == DIRECTION_OUTPUT) {
		settings.edges = EDGES_NONE;
		settings.debounce_ns = 0;
	}
	return settings;
}

/* Settings that only the other direction has. */
static enum wire_error check_sense(const struct line_settings *settings,
	const struct opinion *opinion, const struct use_wish *wish, struct wire_problem *problem)
{
	bool output = settings->direction == DIRECTION_OUTPUT;

	if (output && opinion_has(opinion, SETTING_EDGES) && opinion->settings.edges != EDGES_NONE)
		return problem_field(problem, WIRE_E_OUT_OF_RANGE, "edges",
			"an output has no edges; leave edges out or say \"none\"");
	if (output && opinion_has(opinion, SETTING_DEBOUNCE) && opinion->settings.debounce_ns)
		return problem_field(problem, WIRE_E_OUT_OF_RANGE, "debounce",
			"an output has no debounce; leave it out");
	if (!output && opinion_has(opinion, SETTING_DRIVE) &&
		opinion->settings.drive != DRIVE_PUSH_PULL)
		return problem_field(problem, WIRE_E_OUT_OF_RANGE, "drive",
			"only an output has a drive; add \"direction\":\"output\" or leave it out");
	if (!output && wish->has_initial)
		return problem_field(problem, WIRE_E_OUT_OF_RANGE, "initial",
			"only an output has an initial value; add \"direction\":\"output\" or "
			"leave it out");
	return WIRE_OK;
}

static enum wire_error check_limit(const struct peer *peer, struct wire_problem *problem)
{
	const struct config *config = peer->daemon->config;

	if (peer->user->n_lines < config->lines_per_uid)
		return WIRE_OK;
	return problem_set(problem, WIRE_E_LIMIT,
		"this user's clients use %u lines that no configuration names, the limit "
		"`lines-per-uid`; release some",
		config->lines_per_uid);
}

static enum wire_error check_free(const struct line *line, struct wire_problem *problem)
{
	if (line->request || line->unavailable || !line->chip->available)
		return WIRE_OK; /* an absent line is taken as soon as it is there */

	return line->taken ? line_busy(problem, line) : WIRE_OK;
}

enum wire_error use_check(struct peer *peer, struct line *line, const struct use_wish *wish,
	struct wire_problem *problem)
{
	const struct use *use = use_find(line, peer);
	const struct opinion opinion = wished(use, wish);
	struct line_settings settings;
	enum wire_error error;

	if (wish->has_initial && wish->initial != INITIAL_KEEP) {
		error = claim_check(line, &peer->id, problem);
		if (error != WIRE_OK)
			return error;
	}
	if (line->config) {
		enum setting setting = opinion_differs(&opinion, &line->config->settings);

		if (setting < SETTING_N)
			return conflict(problem, line, setting,
				setting_get(&line->config->settings, setting), NULL);
		return check_sense(&line->config->settings, &opinion, wish, problem);
	}
	error = use ? WIRE_OK : check_limit(peer, problem);
	if (error == WIRE_OK)
		error = check_others(peer, line, &opinion, problem);
	if (error != WIRE_OK)
		return error;

	settings = agree(peer, line, &opinion, withdrawn_by(use, &opinion));
	error = check_sense(&settings, &opinion, wish, problem);
	if (error == WIRE_OK && line->request && !line_settings_same(&settings, &line->settings))
		error = claim_check(line, &peer->id, problem);
	return error == WIRE_OK ? check_free(line, problem) : error;
}

/* The line as "any" finds it: a free output is only read. */
static void attach_as_is(const struct line *line, const struct opinion *opinion,
	const struct use_wish *wish, struct line_settings *settings)
{
	struct line_info info;

	if (line->request || !wish->args || !WIRE_GIVEN(wish->args, request, direction) ||
		wish->args->direction != DIRECTION_ANY || opinion_has(opinion, SETTING_DIRECTION))
		return;
	if (line_read_info(line, &info) < 0 || info.settings.direction != DIRECTION_OUTPUT)
		return;

	settings->direction = DIRECTION_ANY;
	settings->edges = EDGES_NONE;
}

static bool anybody_states(const struct line *line, enum setting setting)
{
	list_for_each (link, &line->uses)
		if (opinion_has(&list_object(link, struct use, line_link)->opinion, setting))
			return true;
	return false;
}

/* A line without an interrupt can still be read by those who did not ask for edges. */
static bool goes_without_edges(const struct line *line, const struct opinion *opinion,
	const struct line_settings *settings)
{
	return !settings->debounce_ns && !opinion_has(opinion, SETTING_EDGES) &&
	       !anybody_states(line, SETTING_EDGES);
}

static int take(struct line *line, const struct opinion *opinion, struct line_settings *settings,
	enum initial initial, const char *change)
{
	struct daemon *daemon = line->chip->daemon;
	int r;

	if (!line->chip->available) {
		line->settings = *settings;
		return 0; /* taken as soon as it is there */
	}
	r = request_new(daemon, 1, &line, settings, &initial, change);
	if (r == -ENXIO && goes_without_edges(line, opinion, settings)) {
		settings->edges = EDGES_NONE;
		r = request_new(daemon, 1, &line, settings, &initial, change);
	}
	return r;
}

/* The same of a line that is held, which may have needed no interrupt so far, as an output. */
static int reconfigure(struct line *line, const struct opinion *opinion,
	struct line_settings *settings, enum initial initial)
{
	int r = request_reconfigure(line->request, line, settings, initial);

	if (r == -ENXIO && goes_without_edges(line, opinion, settings)) {
		settings->edges = EDGES_NONE;
		r = request_reconfigure(line->request, line, settings, initial);
	}
	return r;
}

int use_take_again(struct line *line)
{
	struct line_settings settings = line->settings;
	const struct opinion nothing = { 0 };
	enum initial initial = INITIAL_KEEP;

	if (line->wanted != LOG_VALUE_NULL)
		initial = line->wanted ? INITIAL_1 : INITIAL_0;
	return take(line, &nothing, &settings, initial, "available");
}

static enum wire_error put_in_force(struct peer *peer, struct line *line,
	const struct use_wish *wish, const struct opinion *opinion, struct wire_problem *problem)
{
	struct line_settings settings = agree(
		peer, line, opinion, withdrawn_by(use_find(line, peer), opinion));
	enum initial initial = wish->has_initial ? wish->initial : INITIAL_KEEP;
	int r = 0;

	if (line->config) {
		settings = line->settings;
	} else if (!line->request) {
		attach_as_is(line, opinion, wish, &settings);
		r = take(line, opinion, &settings, initial, "requested");
		return r < 0 ? call_line_failed(problem, line, r, "taken") : WIRE_OK;
	} else if (!line_settings_same(&settings, &line->settings)) {
		r = reconfigure(line, opinion, &settings, initial);
		return r < 0 ? call_line_failed(problem, line, r, "changed") : WIRE_OK;
	}
	/* An output that stays one gets its initial value as any other write. */
	if (wish->has_initial && initial != INITIAL_KEEP && line_is_output(line))
		return output_set(line, initial == INITIAL_1, "request", &peer->id, problem);
	return WIRE_OK;
}

bool use_keep(struct peer *peer, struct line *line)
{
	const struct use *use = use_find(line, peer);
	struct use *kept = use_find(line, NULL);

	if (line->config)
		return true;
	if (!kept)
		kept = use_new(line, NULL, peer->user);
	if (!kept)
		return false;

	kept->id = use->id;
	charge(kept, peer->user);
	kept->requested = true;
	kept->opinion = use->opinion;
	remember(kept);
	return true;
}

enum wire_error use_grant(struct peer *peer, struct line *line, const struct use_wish *wish,
	struct wire_problem *problem)
{
	struct use *use = use_find(line, peer), *kept;
	const bool is_new = !use;
	struct opinion opinion = wished(use, wish);
	enum wire_error error = use_check(peer, line, wish, problem);

	if (error != WIRE_OK)
		return error;
	if (is_new)
		use = use_new(line, peer, peer->user);
	if (!use)
		return problem_set(problem, WIRE_E_INTERNAL, "memory is short");

	error = put_in_force(peer, line, wish, &opinion, problem);
	if (error != WIRE_OK) {
		if (is_new)
			use_free(use);
		return error;
	}
	use->id = peer->id;
	use->opinion = opinion;
	kept = use_find(line, NULL);
	if (kept && is_own(kept, peer)) {
		kept->opinion = opinion;
		remember(kept);
	}
	use->requested |= wish->request;
	use->watched |= wish->watch;
	remember(use);
	if (wish->has_on_release)
		line->on_release = wish->on_release;
	if (wish->has_initial && !line->request && wish->initial != INITIAL_KEEP)
		line->wanted = wish->initial == INITIAL_1;
	if (!line->config)
		line_keep(line);
	return WIRE_OK;
}

bool use_has_requester(const struct line *line)
{
	list_for_each (link, &line->uses)
		if (list_object(link, struct use, line_link)->requested)
			return true;
	return false;
}

/* The last requester of an output has left; `use` is what it said, already off the list. */
static void leave_output(struct line *line, struct use *use)
{
	static const struct line_settings input = { .edges = EDGES_NONE };
	const struct opinion nothing = { 0 };
	struct line_settings settings;
	bool watched = !list_empty(&line->uses);
	struct wire_problem problem;
	int r;

	if (line->on_release == ON_RELEASE_0 || line->on_release == ON_RELEASE_1)
		output_set_later(line, line->on_release == ON_RELEASE_1, "release", &use->id);
	if (line->on_release != ON_RELEASE_INPUT) {
		/* The same opinion, now the daemon's: it needs no memory. */
		use->peer = NULL;
		use->requested = true;
		use->watched = false;
		list_append(&line->uses, &use->line_link);
		remember(use);
		return;
	}

	settings = watched ? agree(NULL, line, &nothing, 0) : input;
	settings.direction = DIRECTION_INPUT;
	if (watched)
		settings.edges = EDGES_BOTH;
	settings.drive = DRIVE_PUSH_PULL;
	settings.active_low = line->settings.active_low;
	r = reconfigure(line, &nothing, &settings, INITIAL_KEEP);
	if (r < 0) {
		(void)call_line_failed(&problem, line, r, "made an input");
		output_tell_failure(line, "release", &use->id, &problem);
	}
}

/* After a use has come off the list: gives the line back when nobody is left. Frees the use unless
 * it stays. */
static void settle(struct line *line, struct use *use)
{
	if (line->config) {
		use_free(use);
		return;
	}
	if (line_is_output(line) && use->requested && !use_has_requester(line))
		leave_output(line, use);
	if (list_empty(&use->line_link))
		use_free(use);
	if (!list_empty(&line->uses))
		return;

	line->unavailable = 0;
	line->on_release = ON_RELEASE_INPUT;
	line->wanted = LOG_VALUE_NULL;
	if (line->request)
		request_free(line->request, "released");
	line_forget(line);
	line->settings = line_default_settings;
}

static void end(struct use *use)
{
	list_remove(&use->line_link);
	list_remove(&use->peer_link);
	settle(use->line, use);
}

void use_release(struct peer *peer, struct line *line)
{
	struct use *own = use_find(line, peer), *kept = use_find(line, NULL);

	if (line->claim && line->claim->owner == peer)
		claim_end(line->claim, "released");
	/* What was kept is now given up, not kept once more. */
	if (kept) {
		line->on_release = ON_RELEASE_INPUT;
		end(kept);
	}
	if (!own || !own->requested)
		return;

	own->opinion = (struct opinion){ 0 };
	if (own->watched) {
		/* Its watching goes on as a use of its own. */
		struct use *left = use_new(line, peer, peer->user);

		if (left) {
			left->watched = true;
			remember(left);
		}
	}
	end(own);
}

void use_undo(struct peer *peer, struct line *line)
{
	struct use *use = use_find(line, peer);

	if (use)
		end(use);
}

void use_unwatch(struct peer *peer, struct line *line)
{
	struct use *use = use_find(line, peer);

	if (!use || !use->watched)
		return;

	use->watched = false;
	if (use->requested)
		remember(use);
	else
		end(use);
}

void use_peer_left(struct peer *peer)
{
	struct list *link;

	while ((link = list_take(&peer->uses)))
		end(list_object(link, struct use, peer_link));
}

void use_take_over(struct peer *from, struct peer *to)
{
	struct list *link;

	while ((link = list_take(&from->uses))) {
		struct use *use = list_object(link, struct use, peer_link);

		use->peer = to;
		use->id = to->id;
		list_append(&to->uses, &use->peer_link);
		remember(use);
	}
}

struct restoring {
	struct daemon *daemon;
	struct kept_use record;
};

static void restore(uint32_t handle, size_t n, void *data)
{
	struct restoring *restoring = data;
	const struct kept_use *record = &restoring->record;
	struct daemon *daemon = restoring->daemon;
	struct line *line = kept_find_line(daemon, &record->line);
	struct peer *owner = NULL;
	struct user *user = NULL;
	struct use *use = NULL;

	if (n == sizeof(*record) && line && !record->kept_by_daemon)
		owner = session_owner(daemon, &record->id);
	if (n == sizeof(*record) && line && (owner || record->kept_by_daemon))
		user = user_get(&daemon->server, &record->id);
	if (user)
		use = use_new(line, owner, user);
	user_let_go(user);
	if (!use) {
		diag_notice("a user of %.31s:%u is forgotten: the line is not there any more",
			record->line.chip_label, record->line.offset);
		kept_drop(&daemon->log.kept, &handle);
		return;
	}
	use->id = record->id;
	use->requested = record->requested;
	use->watched = record->watched;
	use->opinion = record->opinion;
	use->kept = handle;
}

void uses_restore(struct daemon *daemon)
{
	struct restoring restoring = { .daemon = daemon };

	kept_each(&daemon->log.kept, KEPT_USE, &restoring.record, sizeof(restoring.record), restore,
		&restoring);
}

void use_forget_all(struct line *line)
{
	list_for_each_safe (link, following, &line->uses)
		use_free(list_object(link, struct use, line_link));
}

void use_write(struct jsonw *w, const struct list *link)
{
	const struct use *use = list_object(link, struct use, line_link);

	jsonw_begin_object(w);
	peer_id_write_members(w, &use->id);
	if (!use->peer)
		jsonw_member_bool(w, "keep", true);
	jsonw_end_object(w);
}
