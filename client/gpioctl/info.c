/* SPDX-License-Identifier: MIT */
/* gpioctl info: all that is known of a line. */
#include "output.h"
#include "pages.h"

/* Who has claimed it, and on which terms. */
static void print_claim(const cJSON *claim)
{
	char name[WHO_MAX];
	const cJSON *term;

	cJSON_ArrayForEach(term, claim)
	{
		if (cJSON_IsObject(term))
			put("%s", who(term, name));
		else
			put(", %s %s", term->string, member_string(claim, term->string, "?"));
	}
}

static void print_value(const cJSON *value)
{
	char name[WHO_MAX];
	const cJSON *item;

	if (cJSON_IsString(value))
		put("%s", value->valuestring);
	else if (cJSON_IsNumber(value))
		put("%.0f", value->valuedouble);
	else if (cJSON_IsBool(value))
		put("%s", cJSON_IsTrue(value) ? "yes" : "no");
	else if (member(value, "holder"))
		print_claim(value);
	else if (cJSON_IsObject(value))
		put("%s", who(value, name));
	else if (!cJSON_IsArray(value) || !value->child)
		put("-");
	else
		cJSON_ArrayForEach(item, value)
		{
			print_value(item);
			put("%s", item->next ? ", " : "");
		}
}

/* Whatever the daemon says, in its order and words, so that nothing is missing here. */
static void print_line(const cJSON *line, void *data)
{
	bool *after_first = data;
	const cJSON *item;

	if (*after_first)
		putchar('\n');
	*after_first = true;
	cJSON_ArrayForEach(item, line)
	{
		put("%-11s  ", item->string);
		print_value(item);
		putchar('\n');
	}
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	bool after_first = false;
	const struct listing listing = { .op = "lines",
		.key = "lines",
		.names = args,
		.each = print_line,
		.data = &after_first };
	enum status status = session_open(&session, options);

	return status ? status : pages_ask(&session, &listing);
}

const struct command command_info = {
	.name = "info",
	.arguments = "LINE...",
	.summary = "Tells all that is known of a line.",
	.examples = "  gpioctl info button\n  gpioctl info gpiochip0:23 --json\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
