/* SPDX-License-Identifier: MIT */
/*
 * gpioctl: the daemon's client for people and shells. main() finds the command in the table, checks
 * its options and arguments, runs it, and sees to it that what was printed has gone out.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpioctl.h"
#include "output.h"
#include "wire.h"

const struct command *const commands[] = {
	&command_list,
	&command_info,
	&command_get,
	&command_set,
	&command_toggle,
	&command_pulse,
	&command_claim,
	&command_release,
	&command_wait,
	&command_monitor,
	&command_log,
	&command_timer_arm,
	&command_timer_disarm,
	&command_timer_list,
	&command_simulate,
	&command_reload,
	&command_stats,
	&command_clients,
	&command_ping,
	&command_who,
	&command_doctor,
	&command_raw,
	&command_complete,
	&command_help,
	NULL,
};

/* How many arguments make up the command's name, 0 when they do not. */
static size_t name_matches(const struct command *command, const struct strings *args)
{
	const char *space = strchr(command->name, ' ');
	size_t n = space ? (size_t)(space - command->name) : strlen(command->name);

	if (args->n == 0 || strncmp(args->v[0], command->name, n) != 0 || args->v[0][n])
		return 0;
	if (!space)
		return 1;
	return args->n > 1 && strcmp(args->v[1], space + 1) == 0 ? 2 : 0;
}

const struct command *command_find(struct strings *args)
{
	for (size_t i = 0; commands[i]; i++) {
		size_t n = name_matches(commands[i], args);

		if (n > 0) {
			args->v += n;
			args->n -= n;
			return commands[i];
		}
	}
	return NULL;
}

static void complain_which(void)
{
	char names[512] = "";

	for (size_t i = 0, n = 0; commands[i] && n < sizeof(names); i++)
		n += (size_t)snprintf(
			names + n, sizeof(names) - n, "%s%s", i ? ", " : "", commands[i]->name);
	complain("which command? %s; see \"gpioctl help\"", names);
}

static enum status unknown_command(const struct strings *args)
{
	const char *names[64], *near;
	size_t n = 0;

	if (args->n == 0) {
		complain_which();
		return STATUS_USAGE;
	}
	if (strcmp(args->v[0], "timer") == 0) {
		complain("timer what? arm, disarm or list; see \"gpioctl help timer\"");
		return STATUS_USAGE;
	}

	while (commands[n] && n < sizeof(names) / sizeof(names[0])) {
		names[n] = commands[n]->name;
		n++;
	}
	near = nearest_name(args->v[0], names, n);
	if (near)
		complain("no command \"%s\"; did you mean \"%s\"?", args->v[0], near);
	else
		complain("no command \"%s\"; see \"gpioctl help\"", args->v[0]);
	return STATUS_USAGE;
}

/* Whether the command has all the options given, and its number of arguments. */
static int check_usage(const struct command *command, const struct options *options, size_t n_args)
{
	uint64_t foreign = options->given & ~(command->options | OPTIONS_GLOBAL);

	for (size_t i = 0; i < OPTION_N; i++)
		if (foreign >> i & 1)
			return complain_usage("%s has no option --%s; see \"gpioctl help %s\"",
				command->name, option_rows[i].name, command->name);
	if (n_args < command->min_args || n_args > command->max_args)
		return complain_usage("%s", help_usage(command));
	return 0;
}

static enum status run(const struct options *options)
{
	struct strings args = options->args;
	const struct command *command;

	if (options->version) {
		printf("gpioctl %s\n", GPIOEVENTD_VERSION);
		return STATUS_OK;
	}
	if (options->help) {
		if (args.n == 0)
			help_overview();
		else if (help_command(args.v[0]) < 0)
			return unknown_command(&args);
		return STATUS_OK;
	}

	command = command_find(&args);
	if (!command)
		return unknown_command(&args);
	if (check_usage(command, options, args.n) < 0)
		return STATUS_USAGE;

	return command->run(options, args);
}

/* A socket must not become descriptor 1 because a parent closed it: answers would go to the daemon.
 */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* A reader that leaves ends gpioctl quietly, whatever the parent has set. */
static void restore_sigpipe(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	struct options options;
	enum status status;

	open_standard_descriptors();
	restore_sigpipe();
	setvbuf(stdout, NULL, _IOLBF, 0);

	status = options_parse(&options, argc, argv) < 0 ? STATUS_USAGE : run(&options);
	options_done(&options);

	if (fflush(stdout) != 0 || ferror(stdout)) {
		complain("cannot write the output: %s", strerror(errno));
		return STATUS_FAILED;
	}
	return status;
}
