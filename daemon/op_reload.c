/* SPDX-License-Identifier: MIT */
/* reload. */

#include "access.h"
#include "command.h"
#include "daemon.h"
#include "line.h"
#include "peer.h"

#define REPLY_ROOM 256 /* for what follows the names */

static enum wire_error refused(struct call *call)
{
	const struct reload *reload = &call->daemon->reload;

	problem_set(call->problem, WIRE_E_BAD_CONFIG,
		"the configuration was refused and nothing has changed: %zu problem%s; repair and "
		"reload again",
		reload->n_problems, reload->n_problems == 1 ? "" : "s");
	call->problem->problems = reload->problems;
	call->problem->n_problems = reload->n_problems;
	return WIRE_E_BAD_CONFIG;
}

static bool is_waiting(const struct line *line)
{
	return line->config && !line->request;
}

/* False when not all did fit. */
static bool write_waiting(struct jsonw *w, const struct daemon *daemon)
{
	bool all = true;

	jsonw_key(w, "waiting");
	jsonw_begin_array(w);
	for (size_t id = 0; id < daemon->lines.n && all; id++) {
		struct jsonw mark = jsonw_mark(w);

		if (!is_waiting(daemon->lines.v[id]))
			continue;
		jsonw_string(w, daemon->lines.v[id]->canonical);
		all = !w->overflow && w->n + REPLY_ROOM <= w->size;
		if (!all)
			jsonw_rewind(w, mark);
	}
	jsonw_end_array(w);
	return all;
}

enum wire_error op_reload(struct call *call)
{
	struct daemon *daemon = call->daemon;
	struct jsonw *w = call->reply;
	enum wire_error error = access_check_any(daemon, &call->peer->id, ACCESS_ADMIN,
		"have the configuration read again", call->problem);
	bool all;

	if (error != WIRE_OK)
		return error;
	if (reload_run(daemon) < 0)
		return refused(call);

	jsonw_member_u64(w, "seq", daemon->log.head);
	all = reload_write(w, &daemon->reload, true, 2 * REPLY_ROOM);
	all &= write_waiting(w, daemon);
	if (!all)
		jsonw_member_bool(w, "truncated", true);
	return WIRE_OK;
}
