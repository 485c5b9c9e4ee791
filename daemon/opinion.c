/* SPDX-License-Identifier: MIT */

#include "opinion.h"

#include "duration.h"

static const char *const names[SETTING_N] = {
	[SETTING_DIRECTION] = "direction",
	[SETTING_BIAS] = "bias",
	[SETTING_DRIVE] = "drive",
	[SETTING_ACTIVE_LOW] = "active_low",
	[SETTING_EDGES] = "edges",
	[SETTING_DEBOUNCE] = "debounce",
};

const char *setting_name(enum setting setting)
{
	return names[setting];
}

uint64_t setting_get(const struct line_settings *settings, enum setting setting)
{
	const uint64_t values[SETTING_N] = {
		[SETTING_DIRECTION] = settings->direction,
		[SETTING_BIAS] = settings->bias,
		[SETTING_DRIVE] = settings->drive,
		[SETTING_ACTIVE_LOW] = settings->active_low,
		[SETTING_EDGES] = settings->edges,
		[SETTING_DEBOUNCE] = settings->debounce_ns,
	};

	return values[setting];
}

void setting_put(struct line_settings *settings, enum setting setting, uint64_t value)
{
	switch (setting) {
	case SETTING_DIRECTION:
		settings->direction = (enum direction)value;
		break;
	case SETTING_BIAS:
		settings->bias = (enum bias)value;
		break;
	case SETTING_DRIVE:
		settings->drive = (enum drive)value;
		break;
	case SETTING_ACTIVE_LOW:
		settings->active_low = value != 0;
		break;
	case SETTING_EDGES:
		settings->edges = (enum edges)value;
		break;
	case SETTING_DEBOUNCE:
		settings->debounce_ns = value;
		break;
	case SETTING_N:
		break;
	}
}

const char *setting_word(enum setting setting, uint64_t value, char *buffer)
{
	switch (setting) {
	case SETTING_DIRECTION:
		return direction_word((enum direction)value);
	case SETTING_BIAS:
		return bias_word((enum bias)value);
	case SETTING_DRIVE:
		return drive_word((enum drive)value);
	case SETTING_EDGES:
		return edges_word((enum edges)value);
	case SETTING_DEBOUNCE:
		return duration_format(value, buffer, DURATION_MAX);
	default:
		return value ? "true" : "false";
	}
}

void opinion_state(struct opinion *opinion, enum setting setting, uint64_t value)
{
	opinion->given |= 1u << setting;
	setting_put(&opinion->settings, setting, value);
}

void opinion_withdraw(struct opinion *opinion, enum setting setting)
{
	opinion->given &= ~(1u << setting);
}

void opinion_merge_request(struct opinion *opinion, const struct args_request *args)
{
	const struct {
		uint32_t bit;
		uint64_t value;
	} fields[SETTING_N] = {
		[SETTING_DIRECTION] = { WIRE_BIT_request_direction, args->direction },
		[SETTING_BIAS] = { WIRE_BIT_request_bias, args->bias },
		[SETTING_DRIVE] = { WIRE_BIT_request_drive, args->drive },
		[SETTING_ACTIVE_LOW] = { WIRE_BIT_request_active_low, args->active_low },
		[SETTING_EDGES] = { WIRE_BIT_request_edges, args->edges },
		[SETTING_DEBOUNCE] = { WIRE_BIT_request_debounce_ns, args->debounce_ns },
	};

	for (enum setting setting = 0; setting < SETTING_N; setting++) {
		if (!((args->given >> fields[setting].bit) & 1))
			continue;
		/* "any" attaches a reader to the line as it is. */
		if (((args->nulls >> fields[setting].bit) & 1) ||
			(setting == SETTING_DIRECTION && fields[setting].value == DIRECTION_ANY))
			opinion_withdraw(opinion, setting);
		else
			opinion_state(opinion, setting, fields[setting].value);
	}
}

void opinion_apply(const struct opinion *opinion, struct line_settings *settings)
{
	for (enum setting setting = 0; setting < SETTING_N; setting++)
		if (opinion_has(opinion, setting))
			setting_put(settings, setting, setting_get(&opinion->settings, setting));
}

enum setting opinion_conflict(const struct opinion *a, const struct opinion *b)
{
	const struct opinion common = { .given = a->given & b->given, .settings = a->settings };

	return opinion_differs(&common, &b->settings);
}

enum setting opinion_differs(const struct opinion *opinion, const struct line_settings *settings)
{
	enum setting setting = 0;

	while (setting < SETTING_N &&
		(!opinion_has(opinion, setting) ||
			setting_get(&opinion->settings, setting) == setting_get(settings, setting)))
		setting++;
	return setting;
}

bool line_settings_same(const struct line_settings *a, const struct line_settings *b)
{
	struct opinion all = { .given = (1u << SETTING_N) - 1, .settings = *a };

	if ((a->debounce_ns + 999) / 1000 == (b->debounce_ns + 999) / 1000)
		all.settings.debounce_ns = b->debounce_ns;
	return opinion_differs(&all, b) == SETTING_N;
}
