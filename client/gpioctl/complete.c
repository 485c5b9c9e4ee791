/* SPDX-License-Identifier: MIT */
/*
 * gpioctl complete: what may stand for a word of gpioctl's own command line. The shells' scripts in
 * completion/ ask it at each Tab and know nothing themselves. Here nothing is listed twice either:
 * commands and options are in their tables, and what is to be written for an argument or a value is
 * what the usage line calls it there, such as LINE or TIMER.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "describe.h"
#include "output.h"
#include "pages.h"

/* Who waits for a Tab waits no longer than that for the daemon. */
#define PATIENCE_S 1

struct completion {
	struct options options;	       /* how the daemon is reached */
	struct strings args;	       /* the words before that are no options */
	const struct option_row *open; /* the option whose value comes next, or NULL */
	bool ended;		       /* there was a "--" */
	const struct command *command; /* NULL: not there yet; args then begins behind it */
	const char *current;	       /* the word that is being written */
	size_t n_prefix; /* so much of it, as in "--edge=", is part of each candidate */
	bool writes;	 /* of lines, those that can be set, with a "=" */
};

static void offer(const struct completion *c, const char *word, const char *tail, const char *help)
{
	put("%.*s%s%s", (int)c->n_prefix, c->current, word, tail);
	if (help) {
		putchar('\t');
		put("%s", help);
	}
	putchar('\n');
}

/* The shell knows better: a line without a word tells what it is to look for. */
static void offer_files(struct completion *c)
{
	(void)c;
	puts("\tfiles");
}

static void offer_values(struct completion *c)
{
	offer(c, "0", "", NULL);
	offer(c, "1", "", NULL);
}

/* What the daemon lists. Nothing, if there is none. */
static void ask(
	struct completion *c, const char *what, void (*each)(const cJSON *element, void *data))
{
	_cleanup_(session_close) struct session session;
	const struct listing listing = { .op = what, .key = what, .each = each, .data = c };

	if (session_try(&session, &c->options) == STATUS_OK)
		(void)pages_ask(&session, &listing);
}

static void add_line(const cJSON *line, void *data)
{
	struct completion *c = data;
	const char *typed = c->current + c->n_prefix, *tail = c->writes ? "=" : "";
	const char *name = member_string(line, "line", ""),
		   *other = member_string(line, "name", "");
	const char *direction = member_string(line, "direction", "");
	char place[128], help[160];

	if (c->writes && member_true(line, "held") && strcmp(direction, "output") != 0)
		return;
	describe_place(line, place, sizeof(place));
	snprintf(help, sizeof(help), "%s %s", place, direction);
	offer(c, name, tail, help);
	/* The kernel's name of a line that has one of its own only for who begins to write it. */
	if (*typed && strcmp(other, name) != 0 && strncmp(other, typed, strlen(typed)) == 0)
		offer(c, other, tail, help);
}

static void offer_lines(struct completion *c)
{
	ask(c, "lines", add_line);
}

static void offer_assignments(struct completion *c)
{
	const char *equals = strrchr(c->current + c->n_prefix, '=');

	c->writes = true;
	if (!equals) {
		offer_lines(c);
		return;
	}
	c->n_prefix = (size_t)(equals + 1 - c->current);
	offer_values(c);
}

static void add_timer(const cJSON *timer, void *data)
{
	offer(data, member_string(timer, "timer", ""), "", member_string(timer, "tag", NULL));
}

static void offer_timers(struct completion *c)
{
	ask(c, "timers", add_timer);
}

static void add_chip(const cJSON *chip, void *data)
{
	offer(data, member_string(chip, "name", ""), "", member_string(chip, "label", NULL));
}

static void offer_chips(struct completion *c)
{
	ask(c, "chips", add_chip);
}

/* The first words of the commands; those of several words stand together in the table. */
static void offer_commands(struct completion *c)
{
	size_t n_last = 0;

	for (size_t i = 0; commands[i]; i++) {
		const char *name = commands[i]->name;
		size_t n = strcspn(name, " ");
		char word[32];

		if (i > 0 && n == n_last && strncmp(name, commands[i - 1]->name, n) == 0)
			continue;
		n_last = n;
		snprintf(word, sizeof(word), "%.*s", (int)n, name);
		offer(c, word, "", name[n] ? NULL : commands[i]->summary);
	}
}

static void offer_second_words(struct completion *c, const char *first)
{
	size_t n = strlen(first);

	for (size_t i = 0; commands[i]; i++)
		if (strncmp(commands[i]->name, first, n) == 0 && commands[i]->name[n] == ' ')
			offer(c, commands[i]->name + n + 1, "", commands[i]->summary);
}

/* By what usage lines call it. What is not here is the user's own: TIME, TEXT and so on. */
static const struct source {
	const char *name;
	void (*offer)(struct completion *c);
} sources[] = {
	{ "LINE", offer_lines },
	{ "LINE=VALUE", offer_assignments },
	{ "TIMER", offer_timers },
	{ "CHIP", offer_chips },
	{ "0|1", offer_values },
	{ "FILE", offer_files },
	{ "PATH", offer_files },
	{ "COMMAND", offer_commands },
};

/* Offers what a word of a usage line stands for, which may be [NAME], NAME..., NAME,... or NAME. */
static void offer_source(struct completion *c, const char *name)
{
	size_t n;

	name += *name == '[';
	n = strcspn(name, " ].,");
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (strlen(sources[i].name) == n && strncmp(sources[i].name, name, n) == 0)
			sources[i].offer(c);
}

static void offer_words(struct completion *c, const char *enumeration)
{
	const struct wire_enumeration *words = wire_enumeration_find(enumeration);
	const char *word;

	for (size_t i = 0; (word = wire_enumeration_nth(words, i)); i++)
		offer(c, word, "", NULL);
}

static void offer_option_value(struct completion *c, const struct option_row *row)
{
	const char *comma = strrchr(c->current + c->n_prefix, ',');

	if (row->type == OPTION_TYPE_LIST && comma)
		c->n_prefix = (size_t)(comma + 1 - c->current);
	if (row->enumeration)
		offer_words(c, row->enumeration);
	else if (row->metavar)
		offer_source(c, row->metavar);
}

static void offer_options(struct completion *c)
{
	uint64_t bits = OPTIONS_GLOBAL | (c->command ? c->command->options : 0);

	for (size_t i = 0; i < OPTION_N; i++)
		if (bits >> i & 1)
			offer(c, "--", option_rows[i].name, option_rows[i].help);
}

/*
 * Argument c->args.n of the command. What is repeated may stand again where what follows it may
 * begin: LINE... 0|1. Returns false if the command takes no argument there.
 */
static bool offer_argument(struct completion *c)
{
	bool repeats = false, found = false;
	const char *p = c->command->arguments;

	for (size_t at = 0; *p && *p != '-' && strncmp(p, "[-", 2) != 0; at++) {
		size_t n = strcspn(p, " ");

		repeats = repeats || memmem(p, n, "...", 3);
		if (at == c->args.n || (at < c->args.n && repeats)) {
			offer_source(c, p);
			found = true;
		}
		p += n;
		p += strspn(p, " ");
	}
	return found;
}

static void offer_current(struct completion *c)
{
	if (!c->command && c->args.n == 0)
		offer_commands(c);
	else if (!c->command && c->args.n == 1)
		offer_second_words(c, c->args.v[0]);
	else if (!c->command)
		return;
	else if (c->ended && strstr(c->command->arguments, "[-- "))
		offer_files(c); /* a command line of the user's */
	else if (!offer_argument(c) && !c->ended && !*c->current)
		offer_options(c);
}

/* The row of "--name" or "--name=value", or NULL; *ret_value is NULL without a "=". */
static const struct option_row *find_option(const char *word, const char **ret_value)
{
	size_t n = strcspn(word, "=");

	*ret_value = word[n] ? word + n + 1 : NULL;
	for (size_t i = 0; n > 2 && i < OPTION_N; i++)
		if (strlen(option_rows[i].name) == n - 2 &&
			strncmp(option_rows[i].name, word + 2, n - 2) == 0)
			return &option_rows[i];
	return NULL;
}

/* Another daemon is asked if the command line that is being written names its socket. */
static void take_value(struct completion *c, const struct option_row *row, const char *value)
{
	if (row != &option_rows[OPTION_SOCKET])
		return;
	c->options.socket = value;
	c->options.given |= BIT(SOCKET);
}

/* A word before the current one. What gpioctl would refuse is passed over. */
static void take_word(struct completion *c, const char *word)
{
	const struct option_row *row = c->open;
	const char *value;

	c->open = NULL;
	if (row) {
		take_value(c, row, word);
		return;
	}
	if (c->ended || word[0] != '-' || !word[1]) {
		c->args.v[c->args.n++] = word;
		return;
	}
	if (strcmp(word, "--") == 0) {
		c->ended = true;
		return;
	}
	row = find_option(word, &value);
	if (row && value)
		take_value(c, row, value);
	else if (row && row->type != OPTION_TYPE_FLAG)
		c->open = row;
}

static void complete(struct completion *c)
{
	const struct option_row *row;
	const char *value;

	if (c->open) {
		offer_option_value(c, c->open);
	} else if (c->ended || c->current[0] != '-') {
		offer_current(c);
	} else {
		row = find_option(c->current, &value);
		if (row && value) {
			c->n_prefix = (size_t)(value - c->current);
			offer_option_value(c, row);
		} else {
			offer_options(c);
		}
	}
}

static void give_up(int number)
{
	(void)number;
	_exit(STATUS_OK);
}

/* What has been found until then is printed already, line by line. */
static void bound_the_time(void)
{
	sigset_t set;

	signal(SIGALRM, give_up);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	alarm(PATIENCE_S);
}

static enum status run(const struct options *options, struct strings args)
{
	struct completion c = { .options = { .given = options->given & BIT(SOCKET),
					.socket = options->socket },
		.args = { .v = args.v }, /* grows no faster than it is read */
		.current = args.v[args.n - 1] };

	/* A complaint in the midst of a line that is being written would help nobody. */
	if (!freopen("/dev/null", "w", stderr))
		return STATUS_FAILED;
	bound_the_time();

	for (size_t i = 0; i + 1 < args.n; i++)
		take_word(&c, args.v[i]);
	c.command = command_find(&c.args);
	complete(&c);
	return STATUS_OK;
}

const struct command command_complete = {
	.name = "complete",
	.arguments = "-- WORD...",
	.summary = "Prints what may stand for the last word; the shells ask it at Tab.",
	.details = "The words are those behind \"gpioctl\"; the last may be empty or a beginning.\n"
		   "Prints one candidate a line, often with a tab and an explanation. A line\n"
		   "that begins with a tab says what the shell is to look for: files. The names\n"
		   "of lines, timers and chips come from the daemon; without one, or if it does\n"
		   "not answer within a second, they are left out, without a word.\n",
	.examples = "  gpioctl complete -- wait button --edge ''\n"
		    "  gpioctl complete -- timer disarm '' | cut -f 1\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
