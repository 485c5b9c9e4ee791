/* SPDX-License-Identifier: MIT */
/* Help, made from the tables of commands, options and operations. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gpioctl.h"
#include "output.h"
#include "wire.h"

static void print_options(uint64_t bits)
{
	for (size_t i = 0; i < OPTION_N; i++) {
		const struct option_row *row = &option_rows[i];
		char left[40];

		if (!(bits >> i & 1))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", row->name, row->metavar ? " " : "",
			row->metavar ? row->metavar : "");
		printf("  %-22s  %s", left, row->help);
		if (row->enumeration)
			printf(": %s",
				wire_enumeration_words(wire_enumeration_find(row->enumeration)));
		putchar('\n');
	}
}

void help_overview(void)
{
	printf("usage: gpioctl [OPTION]... COMMAND [ARGUMENT]...\n\n"
	       "Reads, sets and watches GPIO lines through gpioeventd.\n\ncommands:\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-13s  %s\n", commands[i]->name, commands[i]->summary);

	printf("\noptions, before or after the command; \"--\" ends them:\n");
	print_options(OPTIONS_GLOBAL);

	printf("\nA line is named by its alias (button), its kernel name (GPIO23), chip\n"
	       "and offset (gpiochip0:23), header pin (BOARD16) or another scheme's number\n"
	       "(BCM23, WPI4). A value is 0 or 1, off or on, false or true, no or yes. A\n"
	       "time needs a unit: 10s, 500ms, 250us.\n\n"
	       "exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 denied, 5 busy,\n"
	       "6 time-out, 7 daemon unreachable, 8 events lost (--strict), 130 Ctrl-C\n\n"
	       "\"gpioctl help COMMAND\" tells more, with examples.\n");
}

const char *help_usage(const struct command *command)
{
	static char text[160];

	snprintf(text, sizeof(text), "usage: gpioctl %s [OPTION]...%s%s", command->name,
		*command->arguments ? " " : "", command->arguments);
	return text;
}

static void print_command(const struct command *command)
{
	printf("%s\n\n%s\n", help_usage(command), command->summary);
	if (command->details)
		printf("\n%s", command->details);
	if (command->options) {
		printf("\noptions:\n");
		print_options(command->options);
	}
	printf("\nexamples:\n%s", command->examples);
}

/* For `raw`: what may be asked, from the protocol's own table. */
static void print_operations(void)
{
	printf("\noperations:\n");
	for (size_t i = 0; i < WIRE_OP_N; i++) {
		printf("  %-11s  %s\n", wire_ops[i].name, wire_ops[i].what);
		for (size_t k = 0; k < wire_ops[i].n_fields; k++)
			printf("      %-11s  %s\n", wire_ops[i].fields[k].key,
				wire_ops[i].fields[k].meaning);
	}
}

int help_command(const char *name)
{
	size_t n = strlen(name), found = 0;

	for (size_t i = 0; commands[i]; i++) {
		const char *other = commands[i]->name;

		if (strncmp(other, name, n) != 0 || (other[n] && other[n] != ' '))
			continue;
		printf("%s", found++ ? "\n" : "");
		print_command(commands[i]);
		if (commands[i] == &command_raw)
			print_operations();
	}
	return found ? 0 : -ENOENT;
}

static enum status run(const struct options *options, struct strings args)
{
	(void)options;

	if (args.n == 0) {
		help_overview();
		return STATUS_OK;
	}
	if (help_command(args.v[0]) < 0) {
		complain("no command \"%s\"; see \"gpioctl help\"", args.v[0]);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "Explains gpioctl or one of its commands.",
	.examples = "  gpioctl help wait\n",
	.max_args = 2,
	.run = run,
};
