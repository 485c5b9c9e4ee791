/* SPDX-License-Identifier: MIT */
/* gpioeventd: from the command line to the running daemon. Exit status 0, 1 for a failure, 2 for
 * usage and configuration. */

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "daemon.h"
#include "diag.h"
#include "journal.h"
#include "notify.h"
#include "options.h"

#define EXIT_USAGE 2

static void report(const char *message, void *data)
{
	(void)data;
	diag_error("%s", message);
}

static void put(const char *text, void *data)
{
	(void)data;
	(void)fputs(text, stdout);
}

/* A reload may put another configuration in the place of the first. */
static int run(const struct options *options, struct config **config)
{
	static struct daemon daemon;
	int r = daemon_start(&daemon, options, *config);

	if (r < 0)
		return 1;

	diag_info("serving %s with the %s backend", (*config)->socket, (*config)->backend->name);
	notify_ready();
	r = daemon_run(&daemon);
	notify_stopping();
	daemon_stop(&daemon);
	*config = daemon.config;
	return r < 0;
}

/* Says so when all is right: silence would leave open which file was read. */
static int check(const struct config *config)
{
	char summary[4096 + 128];

	if (config_check_lines(config, report, NULL) < 0)
		return EXIT_USAGE;
	(void)puts(config_summary(config, summary, sizeof(summary)));
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;
	struct config *config = NULL;
	int r;

	diag_init(JOURNAL_SOCKET);
	r = options_parse(&options, argc, argv);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : 0;
	if (options_load(&options, report, NULL, &config) < 0)
		return EXIT_USAGE;

	if (options.print_config)
		config_print(config, put, NULL);
	else if (config_check_chosen(config, report, NULL) < 0)
		r = EXIT_USAGE;
	else
		r = options.check ? check(config) : run(&options, &config);
	config_free(config);
	return r;
}
