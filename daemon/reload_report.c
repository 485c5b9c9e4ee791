/* SPDX-License-Identifier: MIT */
/* What a reload came to, for the operator, the reply and the event. */

#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "diag.h"
#include "notify.h"
#include "reload.h"

struct reload_counts reload_count(const struct reload *reload)
{
	struct reload_counts counts = { 0 };

	for (size_t i = 0; i < reload->plan.n; i++) {
		const struct reload_step *step = &reload->plan.steps[i];

		counts.added += !step->before;
		counts.removed += !step->after;
		counts.changed += step->before && step->after && step->differs;
	}
	return counts;
}

bool reload_changes(const struct reload *reload)
{
	const struct reload_counts counts = reload_count(reload);

	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (reload->keys[i])
			return true;
	for (size_t i = 0; i < CONFIG_SECTION_N; i++)
		if (reload->sections[i])
			return true;
	return counts.added || counts.removed || counts.changed;
}

static bool is_live_section(enum config_section section)
{
	return section == CONFIG_SECTION_ACCESS || section == CONFIG_SECTION_INTERLOCK;
}

static void tell_restart(const struct reload *reload)
{
	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (reload->keys[i] && !reload_is_live(&config_rows[i]))
			diag_warning("[daemon] %s has changed, which needs a restart",
				config_rows[i].key);
	for (size_t i = 0; i < CONFIG_SECTION_N; i++)
		if (reload->sections[i] && !is_live_section(i))
			diag_warning("the [%s] sections have changed, which needs a restart",
				config_sections[i].word);
}

/* What systemctl status shows until the next reload. */
static void tell_manager(const struct reload *reload, int r)
{
	char text[NOTIFY_STATUS_BYTES] = "";

	if (r < 0)
		(void)snprintf(text, sizeof(text), "reload refused, %zu problem%s: %s",
			reload->n_problems, reload->n_problems == 1 ? "" : "s",
			reload->n_problems ? reload->problems[0] : "memory is short");
	notify_status_text(text);
}

void reload_tell(const struct reload *reload, int r)
{
	const struct reload_counts counts = reload_count(reload);

	tell_manager(reload, r);
	if (r < 0) {
		diag_notice("the configuration in force stays as it is: %zu problem%s",
			reload->n_problems, reload->n_problems == 1 ? "" : "s");
		return;
	}
	if (reload_changes(reload))
		diag_notice("configuration reloaded; lines: %zu added, %zu removed, %zu changed",
			counts.added, counts.removed, counts.changed);
	else
		diag_info("configuration reloaded; nothing has changed");
	tell_restart(reload);
}

/* As JSON. */

static bool is_counted(const struct reload_step *step, int kind)
{
	const bool is_added = !step->before, is_removed = !step->after;

	return kind == 0   ? is_added
	       : kind == 1 ? is_removed
			   : !is_added && !is_removed && step->differs;
}

static bool fits(struct jsonw *w, size_t room)
{
	return !w->overflow && w->n + room <= w->size;
}

/* The names of one kind; false when they did not all fit. */
static bool write_names(
	struct jsonw *w, const char *key, const struct reload *reload, int kind, size_t room)
{
	bool all = true;

	jsonw_key(w, key);
	jsonw_begin_array(w);
	for (size_t i = 0; i < reload->plan.n && all; i++) {
		const struct reload_step *step = &reload->plan.steps[i];
		const struct line_config *config = step->after ? step->after : step->before;
		struct jsonw mark = jsonw_mark(w);

		if (!is_counted(step, kind))
			continue;
		jsonw_string(w, config->alias);
		all = fits(w, room);
		if (!all)
			jsonw_rewind(w, mark);
	}
	jsonw_end_array(w);
	return all;
}

/* What differs and is in force, or waits for a restart. */
static void write_keys(struct jsonw *w, const char *name, const struct reload *reload, bool live)
{
	char section[32];

	jsonw_key(w, name);
	jsonw_begin_array(w);
	for (size_t i = 0; i < CONFIG_ROWS_N; i++)
		if (reload->keys[i] && reload_is_live(&config_rows[i]) == live)
			jsonw_string(w, config_rows[i].key);
	for (size_t i = 0; i < CONFIG_SECTION_N; i++) {
		if (!reload->sections[i] || is_live_section(i) != live)
			continue;
		(void)snprintf(section, sizeof(section), "[%s]", config_sections[i].word);
		jsonw_string(w, section);
	}
	jsonw_end_array(w);
}

bool reload_write(struct jsonw *w, const struct reload *reload, bool with_names, size_t room)
{
	static const char *const kinds[] = { "added", "removed", "changed" };
	const struct reload_counts counts = reload_count(reload);
	bool all = true;

	jsonw_key(w, "counts");
	jsonw_begin_object(w);
	jsonw_member_u64(w, "added", counts.added);
	jsonw_member_u64(w, "removed", counts.removed);
	jsonw_member_u64(w, "changed", counts.changed);
	jsonw_end_object(w);
	write_keys(w, "keys", reload, true);
	write_keys(w, "restart", reload, false);
	for (int kind = 0; kind < 3 && with_names; kind++)
		all &= write_names(w, kinds[kind], reload, kind, room);
	return all;
}
