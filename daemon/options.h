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
/*
 * Reads the configuration and puts over it what the command line says. Problems are told as by
 * config_load(); *ret is written only on success.
 */
int options_load(const struct options *options, void (*report)(const char *message, void *data),
	void *data, struct config **ret);
