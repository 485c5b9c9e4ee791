/* SPDX-License-Identifier: MIT */
#pragma once

/* The command line of gpioeventd. */

#include <stdbool.h>

#include "config.h"

struct options {
	const char *config;	      /* NULL: the default path */
	const char *backend, *socket; /* NULL: as configured */
	bool check, print_config;
	size_t n_feeds;
	const char *feeds[WIRE_MAX_LINES];
};

/* Parses argv. 0 to go on; 1: --help or --version has been answered; -EINVAL: the mistake has been
 * told. */
int options_parse(struct options *options, int argc, char **argv);
/* Puts what the command line says over the configuration. 0 or -EINVAL, told. */
int options_apply(const struct options *options, struct config *config);
