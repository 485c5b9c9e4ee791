/* SPDX-License-Identifier: MIT */
/*
 * Options stand anywhere until "--", with their value in the same argument or the next. All are
 * known before the command is, so that `gpioctl --edge falling wait GPIO23` can be told from a
 * command named falling; whether the command takes them is checked by whoever runs it.
 */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "assignment.h"
#include "duration.h"
#include "gpioctl.h"
#include "output.h"
#include "wire.h"

const struct option_row option_rows[OPTION_N] = {
#define OPTION(NAME, member, name, TYPE, enumeration, metavar, help) \
	{ name, OPTION_TYPE_##TYPE, enumeration, metavar, help, offsetof(struct options, member) },
#include "options.def"
};

static int strings_add(struct strings *strings, const char *string)
{
	const char **v = realloc(strings->v, (strings->n + 1) * sizeof(*v));

	if (!v)
		return complain_usage("out of memory");
	strings->v = v;
	v[strings->n++] = string;
	return 0;
}

static int set_string(const struct option_row *row, char *text, void *member)
{
	if (!*text)
		return complain_usage("--%s wants a %s, which is empty", row->name, row->metavar);
	*(const char **)member = text;
	return 0;
}

static int set_number(const struct option_row *row, char *text, void *member)
{
	char *end;

	errno = 0;
	*(uint64_t *)member = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return complain_usage("--%s wants a number, not \"%s\"", row->name, text);
	return 0;
}

static int set_count(const struct option_row *row, char *text, void *member)
{
	int r = set_number(row, text, member);

	if (r == 0 && *(uint64_t *)member == 0)
		return complain_usage("--%s wants at least 1", row->name);
	return r;
}

static int set_duration(const struct option_row *row, char *text, void *member)
{
	struct duration *duration = member;
	int r = duration_parse(text, &duration->ns);

	if (r == -ERANGE)
		return complain_usage("--%s: \"%s\" is too long a time", row->name, text);
	if (r < 0 && *text && text[strspn(text, "0123456789.")] == '\0')
		return complain_usage("--%s: \"%s\" has no unit; write \"%ss\" or \"%sms\"",
			row->name, text, text, text);
	if (r < 0)
		return complain_usage(
			"--%s wants a number with a unit (ns, us, ms, s, min, h, d), not \"%s\"",
			row->name, text);

	duration->text = text;
	return 0;
}

static int set_word(const struct option_row *row, char *text, void *member)
{
	const struct wire_enumeration *words = wire_enumeration_find(row->enumeration);

	if (wire_enumeration_number(words, text) < 0)
		return complain_usage("--%s wants %s, not \"%s\"", row->name,
			wire_enumeration_words(words), text);
	*(const char **)member = text;
	return 0;
}

static int set_level(const struct option_row *row, char *text, void *member)
{
	int level = level_parse(text);

	if (level < 0)
		return complain_usage("--%s wants 0 or 1, off or on, not \"%s\"", row->name, text);
	*(int *)member = level;
	return 0;
}

static int set_list(const struct option_row *row, char *text, void *member)
{
	for (char *word; (word = strsep(&text, ","));) {
		const char *checked;
		int r = row->enumeration ? set_word(row, word, &checked)
					 : set_string(row, word, &checked);
		if (r == 0)
			r = strings_add(member, word);
		if (r < 0)
			return r;
	}
	return 0;
}

static int (*const setters[])(const struct option_row *row, char *text, void *member) = {
	[OPTION_TYPE_STRING] = set_string,
	[OPTION_TYPE_NUMBER] = set_number,
	[OPTION_TYPE_COUNT] = set_count,
	[OPTION_TYPE_DURATION] = set_duration,
	[OPTION_TYPE_WORD] = set_word,
	[OPTION_TYPE_LEVEL] = set_level,
	[OPTION_TYPE_LIST] = set_list,
};

/* Once the command is known, only what it takes is worth suggesting. */
static int unknown_option(const struct options *options, const char *written)
{
	struct strings args = options->args;
	const struct command *command = command_find(&args);
	uint64_t bits = command ? command->options | OPTIONS_GLOBAL : UINT64_MAX;
	const char *names[OPTION_N], *near;
	size_t n = 0;

	for (size_t i = 0; i < OPTION_N; i++)
		if (bits >> i & 1)
			names[n++] = option_rows[i].name;
	near = nearest_name(written, names, n);
	if (near)
		return complain_usage("no option --%s; did you mean --%s?", written, near);
	if (command)
		return complain_usage("%s has no option --%s; see \"gpioctl help %s\"",
			command->name, written, command->name);
	return complain_usage("no option --%s; see \"gpioctl help\"", written);
}

/* One option from argv[*i], which begins with "--"; moves *i when the value is the next argument.
 */
static int take_option(struct options *options, int argc, char **argv, int *i)
{
	char *name = argv[*i] + 2, *value = strchr(name, '=');
	const struct option_row *row = option_rows;

	if (value)
		*value++ = '\0';
	while (row < option_rows + OPTION_N && strcmp(row->name, name) != 0)
		row++;
	if (row == option_rows + OPTION_N)
		return unknown_option(options, name);

	options->given |= UINT64_C(1) << (row - option_rows);
	if (row->type == OPTION_TYPE_FLAG) {
		*(bool *)((char *)options + row->offset) = true;
		return value ? complain_usage("--%s takes no value", name) : 0;
	}
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value)
		return complain_usage("--%s wants a value: --%s %s", name, name, row->metavar);

	return setters[row->type](row, value, (char *)options + row->offset);
}

/* Sets *ended at "--", after which everything is an argument. */
static int take(struct options *options, int argc, char **argv, int *i, bool *ended)
{
	const char *arg = argv[*i];

	options->n_after += *ended;
	if (*ended || arg[0] != '-' || !arg[1])
		return strings_add(&options->args, arg);
	if (strcmp(arg, "--") == 0) {
		*ended = true;
		return 0;
	}
	if (strcmp(arg, "-h") == 0) {
		options->help = true;
		return 0;
	}
	if (arg[1] != '-')
		return complain_usage("no option %s; options are written out, such as --json", arg);

	return take_option(options, argc, argv, i);
}

int options_parse(struct options *options, int argc, char **argv)
{
	bool ended = false;

	*options = (struct options){ 0 };

	for (int i = 1; i < argc; i++) {
		int r = take(options, argc, argv, &i, &ended);
		if (r < 0)
			return r;
	}
	return 0;
}

void options_done(struct options *options)
{
	for (size_t i = 0; i < OPTION_N; i++)
		if (option_rows[i].type == OPTION_TYPE_LIST)
			free(((struct strings *)((char *)options + option_rows[i].offset))->v);
	free(options->args.v);
}
