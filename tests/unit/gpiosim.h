/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Simulated chips of the kernel (gpio-sim), made through configfs. Needs root and the module. Their
 * labels begin with GPIOSIM_PREFIX.
 */

#include <stdbool.h>

#define GPIOSIM_PREFIX "gpioeventd-test-"

struct gpiosim;

/* Whether chips can be made here. */
bool gpiosim_available(void);
/* Removes what earlier, broken-off runs left. */
void gpiosim_clean(void);

/* A chip that is there, with lines named NAME0, NAME1, ...; NULL on failure, told on stderr. */
struct gpiosim *gpiosim_new(const char *name, unsigned n_lines);
/* Also takes the chip away. Accepts NULL. */
void gpiosim_free(struct gpiosim *sim);
const char *gpiosim_label(const struct gpiosim *sim);
/* Takes the chip away under its users, or brings it back. */
int gpiosim_live(struct gpiosim *sim, bool live);
/* The level of an input; returns once the kernel had time to see it as an edge of its own. */
int gpiosim_pull(struct gpiosim *sim, unsigned offset, bool up);
/* The physical level of a line, 0 or 1, -errno. */
int gpiosim_level(struct gpiosim *sim, unsigned offset);
