/* SPDX-License-Identifier: MIT */

#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
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

/* Where mistakes of the command line are told. */
struct complaints {
	void (*report)(const char *message, void *data);
	void *data;
};

static int refuse(const struct complaints *complaints, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(const struct complaints *complaints, const char *format, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	complaints->report(message, complaints->data);
	return -EINVAL;
}

static int apply_backend(
	const char *word, struct config *config, const struct complaints *complaints)
{
	static const struct backend_ops *const backends[] = { &backend_gpiod, &backend_sim };

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backends[i]->name, word) == 0) {
			config->backend = backends[i];
			return 0;
		}
	return refuse(complaints, "--backend %s: allowed are gpiod and sim", word);
}

static int apply_feed(const char *text, struct config *config, const struct complaints *complaints)
{
	struct sim_feed *feed = &config->feeds[config->n_feeds];
	const char *equals = strrchr(text, '=');
	char *end;
	long fd = equals ? strtol(equals + 1, &end, 10) : -1;

	if (!equals || equals == text || (size_t)(equals - text) >= sizeof(feed->line) ||
		equals[1] == 0 || *end || fd < 0 || fcntl((int)fd, F_GETFD) < 0)
		return refuse(complaints,
			"--sim-feed %s: expected LINE=FD, FD being an open descriptor", text);
	memcpy(feed->line, text, (size_t)(equals - text));
	feed->line[equals - text] = 0;
	feed->fd = (int)fd;
	config->n_feeds++;
	return 0;
}

static int apply_socket(
	const char *path, struct config *config, const struct complaints *complaints)
{
	if (!path[0])
		return refuse(complaints, "--socket needs a path");
	if (path[0] != '/')
		return refuse(complaints,
			"--socket %s: the path must be absolute; write /run/... or another", path);
	if (strlen(path) >= sizeof(config->socket))
		return refuse(complaints, "--socket %s: the path is longer than %zu bytes", path,
			sizeof(config->socket) - 1);
	(void)strcpy(config->socket, path);
	return 0;
}

/* Puts what the command line says over the configuration. 0 or -EINVAL, told. */
static int apply(
	const struct options *options, struct config *config, const struct complaints *complaints)
{
	int r = options->backend ? apply_backend(options->backend, config, complaints) : 0;

	for (size_t i = 0; i < options->n_feeds && r == 0; i++)
		r = apply_feed(options->feeds[i], config, complaints);
	if (r == 0 && config->n_feeds && config->backend != &backend_sim)
		r = refuse(complaints, "--sim-feed needs the simulated backend");
	return r == 0 && options->socket ? apply_socket(options->socket, config, complaints) : r;
}

int options_load(const struct options *options, void (*report)(const char *message, void *data),
	void *data, struct config **ret)
{
	const struct complaints complaints = { .report = report, .data = data };
	struct config *config;
	int r = config_load(options->config, report, data, &config);

	if (r < 0)
		return r;

	r = apply(options, config, &complaints);
	if (r < 0)
		(void)config_free(config);
	else
		*ret = config;
	return r;
}
