/* SPDX-License-Identifier: MIT */
/* The record of a line, and how lines are found by their records. */

#include <string.h>

#include "daemon.h"
#include "kept_records.h"
#include "line.h"
#include "request.h"

void kept_name_line(const struct line *line, struct kept_line_ref *ret)
{
	*ret = (struct kept_line_ref){ .offset = line->offset };
	memcpy(ret->chip_label, line->chip->info.label, sizeof(ret->chip_label));
	memcpy(ret->chip_name, line->chip->info.name, sizeof(ret->chip_name));
}

struct line *kept_find_line(const struct daemon *daemon, const struct kept_line_ref *ref)
{
	struct chip *found = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < daemon->chips.n; i++) {
		struct chip *chip = daemon->chips.v[i];

		if (!chip || strncmp(chip->info.label, ref->chip_label, sizeof(ref->chip_label)))
			continue;
		n++;
		if (!found || strncmp(chip->info.name, ref->chip_name, sizeof(ref->chip_name)) == 0)
			found = chip;
	}
	if (!found || ref->offset >= found->info.n_lines)
		return NULL;
	if (n > 1 && strncmp(found->info.name, ref->chip_name, sizeof(ref->chip_name)) != 0)
		return NULL;
	return found->lines[ref->offset];
}

struct line *kept_find_line_of(const struct daemon *daemon, const struct log_line_state *state)
{
	struct kept_line_ref ref = { .offset = state->offset };

	memcpy(ref.chip_label, state->chip_label, sizeof(ref.chip_label));
	memcpy(ref.chip_name, state->chip_name, sizeof(ref.chip_name));
	return kept_find_line(daemon, &ref);
}

void line_keep(struct line *line)
{
	const struct request *request = line->request;
	struct kept_line record = { .settings = line->settings,
		.wanted = line->wanted,
		.on_release = (uint8_t)line->on_release,
		.held = request != NULL };

	if (line_is_absent(line))
		return;

	kept_name_line(line, &record.line);
	if (request) {
		record.generation = request->generation;
		record.index = line->request_index;
		record.uncounted = request->uncounted;
		record.event_buffer = request->backend->event_buffer;
	}
	kept_put(&line->chip->daemon->log.kept, &line->kept, KEPT_LINE, &record, sizeof(record));
}

void line_forget(struct line *line)
{
	kept_drop(&line->chip->daemon->log.kept, &line->kept);
}
