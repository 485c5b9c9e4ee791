/* SPDX-License-Identifier: MIT */
/* gpioctl list: a table of the lines, or of the chips. */
#include "describe.h"
#include "output.h"
#include "pages.h"

static void add_line(const cJSON *line, void *data)
{
	struct table *table = data;
	int value = value_of(member(line, "value"));
	bool available = !cJSON_IsFalse(member(line, "available"));
	char text[512];

	table_cell(table, STYLE_PLAIN, "%s", member_string(line, "line", "?"));
	describe_place(line, text, sizeof(text));
	table_cell(table, STYLE_PLAIN, "%s", text);
	table_cell(table, STYLE_PLAIN, "%s", member_string(line, "direction", "-"));
	if (available)
		table_cell(table, value == 1 ? STYLE_ONE : STYLE_PLAIN, "%s", value_word(value));
	else
		table_cell(table, STYLE_BAD, "none");
	describe_settings(line, text, sizeof(text));
	table_cell(table, STYLE_PLAIN, "%s", text);
	describe_users(line, text, sizeof(text));
	table_cell(table, STYLE_PLAIN, "%s", text);
}

/* By this daemon's clients, by another process, or by what the configuration wants. */
static bool is_in_use(const cJSON *line)
{
	return member_true(line, "held") || member_true(line, "configured") ||
	       *member_string(line, "consumer", "");
}

static enum status list_lines(struct session *session, struct strings names)
{
	static const char *const titles[] = { "LINE", "PLACE", "DIRECTION", "VALUE", "SETTINGS",
		"USED BY" };
	_cleanup_(table_free) struct table table = TABLE(6);
	const struct listing listing = { .op = "lines",
		.key = "lines",
		.names = names,
		.wanted = session->options->held ? is_in_use : NULL,
		.each = add_line,
		.data = &table };
	enum status status;

	table_head(&table, titles);
	status = pages_ask(session, &listing);
	if (!status && !session->options->json)
		table_print(&table);
	return status;
}

static enum status list_chips(struct session *session)
{
	static const char *const titles[] = { "CHIP", "LABEL", "LINES", "STATE" };
	_cleanup_(message_done) struct message reply = { 0 };
	_cleanup_(table_free) struct table table = TABLE(4);
	const cJSON *chip;
	enum status status;

	request_begin(session, "chips");
	status = session_ask(session, &reply);
	if (status || session->options->json)
		return status;

	table_head(&table, titles);
	cJSON_ArrayForEach(chip, member(reply.tree, "chips"))
	{
		table_cell(&table, STYLE_PLAIN, "%s", member_string(chip, "name", "?"));
		table_cell(&table, STYLE_PLAIN, "%s", member_string(chip, "label", ""));
		table_cell(&table, STYLE_PLAIN, "%.0f", member_number(chip, "lines", 0));
		if (member_true(chip, "available"))
			table_cell(&table, STYLE_PLAIN, "present");
		else
			table_cell(&table, STYLE_BAD, "gone");
	}
	table_print(&table);
	return STATUS_OK;
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	enum status status;

	if (options->held && options->chips) {
		complain("--held goes with lines, not with --chips");
		return STATUS_USAGE;
	}

	status = session_open(&session, options);
	if (status)
		return status;
	return options->chips ? list_chips(&session) : list_lines(&session, args);
}

const struct command command_list = {
	.name = "list",
	.arguments = "[LINE]...",
	.summary = "Lists the lines: where they are, how they are set, who uses them.",
	.details = "\"-\" for a value: the line is free or held by another process. Settings\n"
		   "that are usual are left out.\n",
	.examples = "  gpioctl list\n  gpioctl list button led\n  gpioctl list --held\n  gpioctl "
		    "list --chips\n"
		    "  gpioctl list --json | jq -r '.lines[] | select(.held) | .line'\n",
	.options = BIT(HELD) | BIT(CHIPS),
	.max_args = ARGS_ANY,
	.run = run,
};
