/* SPDX-License-Identifier: MIT */
/*
 * Writes, from the rows of config.def, what is kept in the tree: `config-doc reference` is
 * config/gpioeventd.conf, `config-doc markdown` is docs/configuration.md, `config-doc dict` is the
 * fuzzer's dictionary. It needs no library.
 */

#include <stdio.h>
#include <string.h>

#include "config_table.h"

/* Only their place in the table of words is used. */
const struct backend_ops backend_gpiod, backend_sim;

static void put(const char *text, void *data)
{
	(void)fputs(text, data);
}

static int reference(void)
{
	struct config config = { 0 };
	char why[CONFIG_WHY_BYTES];

	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		if (row->section != CONFIG_SECTION_DAEMON ||
			config_value_parse(row, row->standard, &config, why) == 0)
			continue;
		(void)fprintf(stderr, "config-doc: the default of %s: %s\n", row->key, why);
		return 1;
	}
	config_print(&config, put, stdout);
	return 0;
}

static void print_key(const struct config_row *row)
{
	char allowed[CONFIG_ALLOWED_BYTES];

	(void)printf("| `%s` | ", row->key);
	if (row->presence == CONFIG_REQUIRED)
		(void)printf("must be given");
	else if (*row->standard)
		(void)printf("`%s`", row->standard);
	else
		(void)printf("empty");
	(void)printf(" | %s | %s |\n", config_allowed(row, allowed), row->help);
}

static void print_words(const struct config_row *row)
{
	const struct config_choice *choice = NULL;

	(void)printf("\n`%s`:\n\n", row->key);
	while ((choice = config_choice_next(row, choice)))
		(void)printf("- `%s`: %s\n", choice->word, choice->meaning);
}

static void print_table(enum config_section section)
{
	const struct config_section_row *head = &config_sections[section];
	const struct config_row *end = config_rows + CONFIG_ROWS_N;

	(void)printf(
		"\n## [%s%s%s]\n\n%s\n\n| key | default | allowed | meaning |\n| --- | --- | --- "
		"| --- |\n",
		head->word, head->argument ? " " : "", head->argument ? head->argument : "",
		head->what);
	for (const struct config_row *row = config_rows; row < end; row++)
		if (row->section == section)
			print_key(row);
	for (const struct config_row *row = config_rows; row < end; row++)
		if (row->section == section && config_row_has_words(row))
			print_words(row);
}

static const char head_text[] =
	"# Configuration\n"
	"\n"
	"<!-- Written by `make docs` from daemon/config.def. -->\n"
	"\n"
	"`/etc/gpioeventd/gpioeventd.conf`, or the file given with `--config`, is read first, then "
	"the\n"
	"files in the folder of the same name with `.d` after it whose names end in `.conf`, in "
	"the order\n"
	"of their names. A value there replaces the value of the same key. A key, or a section, "
	"that\n"
	"stands twice in one file is refused. No file at all means the defaults.\n"
	"\n"
	"    [daemon]\n"
	"    connections = 64        # a comment\n"
	"\n"
	"    [line button]\n"
	"    line = GPIO23\n"
	"    bias = pull-up\n"
	"    active-low = yes\n"
	"\n"
	"A comment begins with `#` or `;` at the start of a line or after a space. Values stand "
	"without\n"
	"quotes and end with their line, which has at most 197 bytes. Keys and sections begin in "
	"the first\n"
	"column. An alias has at most 64 bytes, is not `*`, does not begin with `~` and does not "
	"look like\n"
	"`chip:23`.\n"
	"\n"
	"`gpioeventd --check` reports everything that is wrong, with file and line, and what would "
	"be\n"
	"right. `gpioeventd --print-config` prints the configuration in force, each key "
	"explained.\n";

static int markdown(void)
{
	(void)fputs(head_text, stdout);
	for (enum config_section section = 0; section < CONFIG_SECTION_N; section++)
		print_table(section);
	return 0;
}

static int dict(void)
{
	(void)printf("# Written by `make docs` from daemon/config.def.\n");
	for (size_t i = 0; i < CONFIG_SECTION_N; i++)
		(void)printf("\"[%s%s]\\x0a\"\n", config_sections[i].word,
			config_sections[i].argument ? " a" : "");
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		const struct config_choice *choice = NULL;

		(void)printf("\"\\x0a%s = %s\"\n", row->key, row->standard);
		while (config_row_has_words(row) && (choice = config_choice_next(row, choice)))
			(void)printf("\"%s\"\n", choice->word);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} commands[] = {
	{ "reference", reference },
	{ "markdown", markdown },
	{ "dict", dict },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc == 2 && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run();
	(void)fprintf(stderr, "usage: config-doc reference|markdown|dict\n");
	return 2;
}
