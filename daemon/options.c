/* SPDX-License-Identifier: MIT */

#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

enum option_code {
	OPT_CONFIG = 1,
	OPT_BACKEND,
	OPT_SOCKET,
	OPT_FEED,
	OPT_CHECK,
	OPT_PRINT,
	OPT_VERSION,
	OPT_HELP = 'h'
};

static const struct {
	struct option option;
	const char *argument, *help;
} table[] = {
	{ { "config", 1, NULL, OPT_CONFIG }, "FILE",
		"read FILE instead of " SYSCONFDIR "/gpioeventd/gpioeventd.conf" },
	{ { "backend", 1, NULL, OPT_BACKEND }, "gpiod|sim",
		"the kernel's lines, or simulated ones" },
	{ { "socket", 1, NULL, OPT_SOCKET }, "PATH", "listen at PATH" },
	{ { "sim-feed", 1, NULL, OPT_FEED }, "LINE=FD",
		"read LINE's edges from the inherited descriptor FD, as struct "
		"gpio_v2_line_event" },
	{ { "check", 0, NULL, OPT_CHECK }, NULL,
		"check the configuration, say what is wrong with it, and end" },
	{ { "print-config", 0, NULL, OPT_PRINT }, NULL,
		"print the configuration in force, every key explained, and end" },
	{ { "version", 0, NULL, OPT_VERSION }, NULL, "print the version and end" },
	{ { "help", 0, NULL, OPT_HELP }, NULL, "print this and end" },
};
#define N_OPTIONS (sizeof(table) / sizeof(table[0]))

static void print_help(void)
{
	printf("Usage: gpioeventd [OPTION]...\n"
	       "Owns the GPIO lines and broadcasts their events as lines of JSON over a Unix "
	       "socket.\n\n");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char left[40];

		(void)snprintf(left, sizeof(left), "--%s%s%s", table[i].option.name,
			table[i].argument ? " " : "", table[i].argument ? table[i].argument : "");
		printf("  %-22s %s\n", left, table[i].help);
	}
	printf("\nTry it without hardware: gpioeventd --backend sim --socket /tmp/gpio.sock\n");
}

static int take(struct options *options, int code)
{
	switch (code) {
	case OPT_CONFIG:
		options->config = optarg;
		return 0;
	case OPT_BACKEND:
		options->backend = optarg;
		return 0;
	case OPT_SOCKET:
		options->socket = optarg;
		return 0;
	case OPT_FEED:
		if (options->n_feeds == WIRE_MAX_LINES) {
			diag_error("more than %d --sim-feed", WIRE_MAX_LINES);
			return -EINVAL;
		}
		options->feeds[options->n_feeds++] = optarg;
		return 0;
	case OPT_CHECK:
		options->check = true;
		return 0;
	case OPT_PRINT:
		options->print_config = true;
		return 0;
	case OPT_VERSION:
		printf("gpioeventd %s\n", GPIOEVENTD_VERSION);
		return 1;
	case OPT_HELP:
		print_help();
		return 1;
	default: /* getopt has told it */
		(void)fprintf(stderr, "Try 'gpioeventd --help'.\n");
		return -EINVAL;
	}
}

int options_parse(struct options *options, int argc, char **argv)
{
	struct option longs[N_OPTIONS + 1] = { 0 };
	int code, r;

	*options = (struct options){ 0 };
	for (size_t i = 0; i < N_OPTIONS; i++)
		longs[i] = table[i].option;
	while ((code = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		r = take(options, code);
		if (r != 0)
			return r;
	}
	if (optind < argc) {
		diag_error("\"%s\" is no option; see gpioeventd --help", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int apply_backend(const char *word, struct config *config)
{
	static const struct backend_ops *const backends[] = { &backend_gpiod, &backend_sim };

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backends[i]->name, word) == 0) {
			config->backend = backends[i];
			return 0;
		}
	diag_error("--backend %s: allowed are gpiod and sim", word);
	return -EINVAL;
}

static int apply_feed(const char *text, struct config *config)
{
	struct sim_feed *feed = &config->feeds[config->n_feeds];
	const char *equals = strrchr(text, '=');
	char *end;
	long fd = equals ? strtol(equals + 1, &end, 10) : -1;

	if (!equals || equals == text || (size_t)(equals - text) >= sizeof(feed->line) ||
		equals[1] == 0 || *end || fd < 0 || fcntl((int)fd, F_GETFD) < 0) {
		diag_error("--sim-feed %s: expected LINE=FD, FD being an open descriptor", text);
		return -EINVAL;
	}
	memcpy(feed->line, text, (size_t)(equals - text));
	feed->line[equals - text] = 0;
	feed->fd = (int)fd;
	config->n_feeds++;
	return 0;
}

int options_apply(const struct options *options, struct config *config)
{
	int r = options->backend ? apply_backend(options->backend, config) : 0;

	for (size_t i = 0; i < options->n_feeds && r == 0; i++)
		r = apply_feed(options->feeds[i], config);
	if (r == 0 && config->n_feeds && config->backend != &backend_sim) {
		diag_error("--sim-feed needs the simulated backend");
		r = -EINVAL;
	}
	if (r < 0 || !options->socket)
		return r;

	if (!options->socket[0]) {
		diag_error("--socket needs a path");
		return -EINVAL;
	}
	if (options->socket[0] != '/') {
		diag_error("--socket %s: the path must be absolute; write /run/... or another",
			options->socket);
		return -EINVAL;
	}
	if (strlen(options->socket) >= sizeof(config->socket)) {
		diag_error("--socket %s: the path is longer than %zu bytes", options->socket,
			sizeof(config->socket) - 1);
		return -EINVAL;
	}
	(void)strcpy(config->socket, options->socket);
	return 0;
}
