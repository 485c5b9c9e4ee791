/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What one user of a line says of its settings: for each either a value or nothing. The settings in
 * force are what all users together say; two that differ are a conflict.
 */

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"
#include "wire.h"

enum setting {
	SETTING_DIRECTION,
	SETTING_BIAS,
	SETTING_DRIVE,
	SETTING_ACTIVE_LOW,
	SETTING_EDGES,
	SETTING_DEBOUNCE,
	SETTING_N
};

struct opinion {
	uint32_t given; /* bit per enum setting */
	struct line_settings settings;
};

uint64_t setting_get(const struct line_settings *settings, enum setting setting);
void setting_put(struct line_settings *settings, enum setting setting, uint64_t value);
/* The field's name in a request. */
const char *setting_name(enum setting setting);
/* The value as a request would write it; `buffer` of DURATION_MAX bytes may be used. */
const char *setting_word(enum setting setting, uint64_t value, char *buffer);

static inline bool opinion_has(const struct opinion *opinion, enum setting setting)
{
	return (opinion->given >> setting) & 1;
}

void opinion_state(struct opinion *opinion, enum setting setting, uint64_t value);
void opinion_withdraw(struct opinion *opinion, enum setting setting);
/* Takes over what a `request` says, nulls included. */
void opinion_merge_request(struct opinion *opinion, const struct args_request *args);
/* Puts what is given into settings. */
void opinion_apply(const struct opinion *opinion, struct line_settings *settings);
/* The first setting of which both say something different, or SETTING_N. */
enum setting opinion_conflict(const struct opinion *a, const struct opinion *b);
/* Whether both mean the same to the kernel, which counts a debounce in microseconds. */
/* The same against settings that are fixed. */
enum setting opinion_differs(const struct opinion *opinion, const struct line_settings *settings);
bool line_settings_same(const struct line_settings *a, const struct line_settings *b);
