/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_table.h"

/* Files stand in a folder of each test; messages are kept without the folder's name. */
static char folder[] = "/tmp/config-test-XXXXXX";
static char path[64];
static char messages[65536];
static struct config *config;

static void keep(const char *text, void *data)
{
	size_t n = strlen(folder);

	(void)data;
	if (strncmp(text, folder, n) == 0)
		text += n + 1;
	(void)snprintf(
		messages + strlen(messages), sizeof(messages) - strlen(messages), "%s\n", text);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/main.conf", folder);
}

static void teardown(void)
{
	char command[96];

	config = config_free(config);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void write_bytes(const char *name, const char *bytes, size_t n)
{
	char file[96];
	FILE *stream;

	(void)snprintf(file, sizeof(file), "%s/%s", folder, name);
	stream = fopen(file, "w");
	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(bytes, 1, n, stream), n);
	ck_assert_int_eq(fclose(stream), 0);
}

static void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static int load(void)
{
	*messages = '\0';
	config = config_free(config);
	return config_load(path, keep, NULL, &config);
}

static void accept_file(const char *text)
{
	int r;

	write_file("main.conf", text);
	r = load();
	ck_assert_msg(r == 0, "%s", messages);
	ck_assert_str_eq(messages, "");
}

/* Exactly one problem, which begins so. */
static void refuse_file(const char *text, const char *begins)
{
	write_file("main.conf", text);
	ck_assert_int_eq(load(), -EINVAL);
	ck_assert_ptr_null(config);
	ck_assert_msg(strncmp(messages, begins, strlen(begins)) == 0, "%s", messages);
	ck_assert_msg(strchr(messages, '\n')[1] == '\0', "%s", messages);
}

static void append_text(const char *text, void *data)
{
	(void)strcat(data, text);
}

/* A section with what it must have, to put one more key into. */
static const char *const begin[CONFIG_SECTION_N] = {
	[CONFIG_SECTION_DAEMON] = "[daemon]\n",
	[CONFIG_SECTION_LINE] = "[line l]\nline = x\n",
	[CONFIG_SECTION_INTERLOCK] = "[line a]\nline = x\ndirection = output\n"
				     "[line b]\nline = y\ndirection = output\n"
				     "[interlock i]\nlines = a b\n",
	[CONFIG_SECTION_CHIP] = "[chip c]\nlines = 8\n",
	[CONFIG_SECTION_SOCKET] = "[socket s]\n",
	[CONFIG_SECTION_ACCESS] = "[access a]\nusers = *\nlines = *\nverbs = see\n",
};

START_TEST(an_empty_file_gives_the_defaults)
{
	accept_file("");
	ck_assert_str_eq(config->socket, "/run/gpioeventd/gpioeventd.sock");
	ck_assert_uint_eq(config->socket_mode, 0660);
	ck_assert_ptr_eq(config->backend, &backend_gpiod);
	ck_assert_uint_eq(config->log_size, 4194304);
	ck_assert_str_eq(config->board, "");
	ck_assert_uint_eq(config->connections, 1024);
	ck_assert_uint_eq(config->connections_per_uid, 512);
	ck_assert_uint_eq(config->timers, 4096);
	ck_assert_uint_eq(config->timers_per_client, 256);
	ck_assert_uint_eq(config->kernel_buffer, 1024);
	ck_assert_uint_eq(config->n_lines, 0);
	ck_assert_uint_eq(config->n_chips, 0);
	ck_assert_str_eq(config->files[0], path);
	ck_assert_ptr_null(config->files[1]);
}
END_TEST

START_TEST(the_sockets_group_is_one_that_is_there)
{
	accept_file("[daemon]\nsocket-group = root\n");
	ck_assert_uint_eq(config->socket_gid, 0);
	refuse_file("[daemon]\nsocket-mode = 0600\nsocket-group = nosuchgroup\n",
		"main.conf:3: [daemon] socket-group: there is no group \"nosuchgroup\"; make it");
	refuse_file("[daemon]\nsocket-group = abcdefghijklmnopqrstuvwxyz012345\n",
		"main.conf:2: [daemon] socket-group: ");
}
END_TEST

START_TEST(a_line_has_its_defaults)
{
	accept_file("# a comment\n\n[line button]\nline = GPIO23\n");
	ck_assert_uint_eq(config->n_lines, 1);
	ck_assert_str_eq(config->lines[0].alias, "button");
	ck_assert_str_eq(config->lines[0].line, "GPIO23");
	ck_assert_int_eq(config->lines[0].settings.direction, DIRECTION_INPUT);
	ck_assert_int_eq(config->lines[0].settings.bias, BIAS_AS_IS);
	ck_assert_int_eq(config->lines[0].settings.drive, DRIVE_PUSH_PULL);
	ck_assert_int_eq(config->lines[0].settings.edges, EDGES_BOTH);
	ck_assert(!config->lines[0].settings.active_low);
	ck_assert_uint_eq(config->lines[0].settings.debounce_ns, 0);
	ck_assert_int_eq(config->lines[0].initial, INITIAL_KEEP);
	ck_assert_int_eq(config->lines[0].on_exit, ON_EXIT_RELEASE);
	ck_assert_str_eq(config->lines[0].group, "");
	ck_assert_str_eq(config->lines[0].file, path);
	ck_assert_uint_eq(config->lines[0].file_line, 3);
}
END_TEST

START_TEST(a_line_takes_every_key)
{
	accept_file(
		"[line led]\nline: gpiochip0:18 ; where\ndirection = output # which way\n"
		"bias=pull-up\ndrive = open-drain\nactive-low = on\ninitial = 1\non-exit = 0\n"
		"group = lamps\n[line button]\nline = J8:16\ndebounce = 1.5ms\nedges = falling");
	ck_assert_str_eq(config->lines[0].line, "gpiochip0:18");
	ck_assert_int_eq(config->lines[0].settings.direction, DIRECTION_OUTPUT);
	ck_assert_int_eq(config->lines[0].settings.bias, BIAS_PULL_UP);
	ck_assert_int_eq(config->lines[0].settings.drive, DRIVE_OPEN_DRAIN);
	ck_assert_int_eq(config->lines[0].settings.edges, EDGES_NONE);
	ck_assert(config->lines[0].settings.active_low);
	ck_assert_int_eq(config->lines[0].initial, INITIAL_1);
	ck_assert_int_eq(config->lines[0].on_exit, ON_EXIT_0);
	ck_assert_str_eq(config->lines[0].group, "lamps");
	ck_assert_uint_eq(config->lines[1].settings.debounce_ns, 1500000);
	ck_assert_int_eq(config->lines[1].settings.edges, EDGES_FALLING);
}
END_TEST

START_TEST(simulated_chips_have_names)
{
	accept_file("[chip a]\nlines = 3\nnames = IN*\nlabel = mine\n"
		    "[chip b]\nnames = 0=BUTTON  7=LED\nlines = 8\n[chip c]\nlines = 1024\n");
	ck_assert_uint_eq(config->n_chips, 3);
	ck_assert_str_eq(config->chips[0].label, "mine");
	ck_assert_str_eq(config->chips[0].names[2], "IN2");
	ck_assert_str_eq(config->chips[1].name, "b");
	ck_assert_str_eq(config->chips[1].label, "gpioeventd-sim");
	ck_assert_str_eq(config->chips[1].names[0], "BUTTON");
	ck_assert_str_eq(config->chips[1].names[1], "");
	ck_assert_str_eq(config->chips[1].names[7], "LED");
	ck_assert_uint_eq(config->chips[2].n_lines, 1024);
}
END_TEST

START_TEST(wrong_names_of_simulated_lines_are_refused)
{
	static const char *const wrong[] = { "LED", "8=A", "-1=A", "=A", "0=", "0=A 0=B", "A* 0=B",
		"99999999999=A", "0=abcdefghijklmnopqrstuvwxyz012345",
		"abcdefghijklmnopqrstuvwxyz01*" };
	char text[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(text, sizeof(text), "[chip c]\nlines = 8\nnames = %s\n", wrong[i]);
		refuse_file(text, "main.conf:3: [chip c] names: ");
	}
	accept_file("[chip c]\nlines = 8\nnames = 0=abcdefghijklmnopqrstuvwxyz01234\n");
	accept_file("[chip c]\nlines = 1024\nnames = abcdefghijklmnopqrstuvwxyz0*\n");
	ck_assert_str_eq(config->chips[0].names[1023], "abcdefghijklmnopqrstuvwxyz01023");
}
END_TEST

/* For every key with a number: its bounds are accepted, one beyond is refused. */
START_TEST(every_bound_is_accepted_and_one_beyond_is_refused)
{
	char text[256];

	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		const char *head = row->presence == CONFIG_REQUIRED ? "[chip c]\n"
								    : begin[row->section];

		if (row->type != CONFIG_COUNT)
			continue;
		for (int64_t n = row->min - 1; n <= row->max + 1;
			n += n == row->min ? row->max - n : 1) {
			(void)snprintf(text, sizeof(text), "%s%s = %d\n", head, row->key, (int)n);
			write_file("main.conf", text);
			ck_assert_msg((load() == 0) == (n >= row->min && n <= row->max), "%s%s",
				text, messages);
		}
	}
}
END_TEST

/* Which must be there. */
static bool is_group(const struct config_row *row)
{
	return strcmp(row->key, "socket-group") == 0 ||
	       (row->section == CONFIG_SECTION_SOCKET && strcmp(row->key, "group") == 0);
}

START_TEST(text_has_its_longest_and_not_a_byte_more)
{
	char text[512], value[256];

	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		const char *head = row->presence == CONFIG_REQUIRED ? "[line l]\n"
								    : begin[row->section];

		if (row->type != CONFIG_TEXT || row->section == CONFIG_SECTION_ACCESS ||
			row->section == CONFIG_SECTION_INTERLOCK ||
			strcmp(row->key, "names") == 0 || is_group(row))
			continue;
		memset(value, 'x', sizeof(value));
		if (strcmp(row->key, "socket") == 0 || strcmp(row->key, "path") == 0)
			value[0] = '/';
		value[row->max] = '\0';
		(void)snprintf(text, sizeof(text), "%s%s = %s\n", head, row->key, value);
		accept_file(text);
		(void)snprintf(text, sizeof(text), "%s%s = %sx\n", head, row->key, value);
		write_file("main.conf", text);
		ck_assert_msg(load() == -EINVAL, "%s", text);
	}
}
END_TEST

static bool for_output(const char *key)
{
	return strcmp(key, "drive") == 0 || strcmp(key, "initial") == 0 ||
	       strcmp(key, "on-exit") == 0 || strcmp(key, "safe") == 0;
}

START_TEST(every_word_is_accepted_and_its_misspelling_gets_it_suggested)
{
	char text[256], near[64];

	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		const struct config_choice *choice = NULL;

		if (row->type != CONFIG_CHOICE && row->type != CONFIG_BACKEND)
			continue;
		while ((choice = config_choice_next(row, choice))) {
			(void)snprintf(text, sizeof(text), "%s%s%s = %s\n", begin[row->section],
				for_output(row->key) ? "direction = output\n" : "", row->key,
				choice->word);
			accept_file(text);
			if (strlen(choice->word) < 4)
				continue;
			(void)snprintf(text, sizeof(text), "%s%s = x%s\n", begin[row->section],
				row->key, choice->word);
			(void)snprintf(near, sizeof(near), "did you mean \"%s\"?", choice->word);
			write_file("main.conf", text);
			ck_assert_int_eq(load(), -EINVAL);
			ck_assert_msg(strstr(messages, near), "%s%s", text, messages);
		}
	}
}
END_TEST

START_TEST(values_of_the_wrong_form_are_refused)
{
	static const char *const wrong[] = {
		"connections = 12x",
		"connections = -1",
		"connections =",
		"connections = 0x10",
		"connections = 1 2",
		"connections = 18446744073709551617",
		"connections = +5",
		"log-size = 3M",
		"log-size = 32K",
		"log-size = 512M",
		"log-size = 4m",
		"log-size = M",
		"log-size = 4MB",
		"log-size = 17592186044416M",
		"log-size = 100000",
		"socket-mode = 0990",
		"socket-mode = rw",
		"socket-mode = 01777",
		"socket = relative",
		"socket =",
		"backend = SIM",
		"board = ../etc",
		"connections-per-uid = 1025",
	};
	char text[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(text, sizeof(text), "[daemon]\n%s\n", wrong[i]);
		refuse_file(text, "main.conf:2: [daemon] ");
	}
}
END_TEST

START_TEST(sizes_are_powers_of_two_with_a_letter_or_in_bytes)
{
	accept_file("[daemon]\nlog-size = 64K\n");
	ck_assert_uint_eq(config->log_size, 65536);
	accept_file("[daemon]\nlog-size = 65536\n");
	ck_assert_uint_eq(config->log_size, 65536);
	accept_file("[daemon]\nlog-size = 64M\n");
	ck_assert_uint_eq(config->log_size, 67108864);
}
END_TEST

START_TEST(booleans_have_four_words_each)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1", "off", "on" };
	char text[128];

	for (size_t i = 0; i < 8; i++) {
		(void)snprintf(
			text, sizeof(text), "[line l]\nline = x\nactive-low = %s\n", words[i]);
		accept_file(text);
		ck_assert_int_eq(config->lines[0].settings.active_low, i % 2);
	}
	refuse_file("[line l]\nline = x\nactive-low = yes please\n",
		"main.conf:3: [line l] active-low: \"yes please\" is not allowed; allowed is yes");
	refuse_file("[line l]\nline = x\nactive-low = Yes\n", "main.conf:3: ");
	refuse_file("[line l]\nline = x\nactive-low =\n", "main.conf:3: ");
}
END_TEST

START_TEST(durations_need_a_unit_and_have_bounds)
{
	refuse_file("[line l]\nline = x\ndebounce = 5\n",
		"main.conf:3: [line l] debounce: \"5\" is not allowed; allowed is 0s to 4000s, "
		"with a "
		"unit");
	refuse_file("[line l]\nline = x\ndebounce = 4001s\n", "main.conf:3: ");
	accept_file("[line l]\nline = x\ndebounce = 4000s\n");
	refuse_file("[line l]\nline = x\ndebounce = 5 ms\n",
		"main.conf:3: [line l] debounce: \"5 ms\" is not allowed; write it without a "
		"space, "
		"5ms\n");
	refuse_file("[line l]\nline = x\ndebounce = 5 apples\n",
		"main.conf:3: [line l] debounce: \"5 apples\" is not allowed; allowed is 0s to ");
}
END_TEST

START_TEST(settings_that_exclude_each_other_are_refused)
{
	static const char *const wrong[] = {
		"edges = both\ndirection = output",
		"debounce = 5ms\ndirection = output",
		"initial = 0",
		"drive = open-drain",
		"on-exit = 0",
		"on-exit = input",
		"direction = any",
		"on-exit = hold",
		"bias = pull-down\ndrive = open-drain\ndirection = output",
		"bias = pull-up\ndrive = open-source\ndirection = output",
		"line = *",
	};
	char text[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(text, sizeof(text), "[line l]\n%s\n%s\n", wrong[i],
			strcmp(wrong[i], "line = *") == 0 ? "" : "line = x");
		refuse_file(text, "main.conf:2: [line l] ");
	}
	accept_file("[line l]\nline = x\ndirection = output\nedges = none\ndebounce = 0ms\n");
}
END_TEST

START_TEST(aliases_that_cannot_be_are_refused)
{
	static const char *const wrong[] = { "*", "~x", "gpiochip0:23", "J8:16", "BCM23", "board16",
		"WPI4", "" };
	char text[160], alias[70];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(text, sizeof(text), "[line %s]\nline = x\n", wrong[i]);
		refuse_file(text, "main.conf:1: [line");
	}
	memset(alias, 'a', sizeof(alias));
	accept_file("[line BCM]\nline = x\n[line board]\nline = y\n[line WPI4x]\nline = z\n");
	alias[65] = '\0';
	(void)snprintf(text, sizeof(text), "[line %s]\nline = x\n", alias);
	refuse_file(text, "main.conf:1: [line aaa");
	alias[64] = '\0';
	(void)snprintf(text, sizeof(text), "[line %s]\nline = x\n", alias);
	accept_file(text);
	ck_assert_str_eq(config->lines[0].alias, alias);
}
END_TEST

START_TEST(two_aliases_of_one_line_are_refused)
{
	refuse_file("[line a]\nline = GPIO23\n[line b]\nline = GPIO23\n",
		"main.conf:4: [line b] line: GPIO23 is taken by [line a] already");
}
END_TEST

START_TEST(a_group_is_of_one_chip_and_of_one_direction)
{
	refuse_file("[line a]\nline = gpiochip0:1\ngroup = g\n"
		    "[line b]\nline = gpiochip1:1\ngroup = g\n",
		"main.conf:6: [line b] group: [line a] of the same group is on another chip; ");
	refuse_file("[line a]\nline = gpiochip1:1\ngroup = g\n"
		    "[line b]\nline = gpiochip11:1\ngroup = g\n",
		"main.conf:6: [line b] group: [line a] of the same group is on another chip; ");
	refuse_file("[line a]\nline = x\ngroup = g\ndirection = output\n"
		    "[line b]\nline = y\ngroup = g\n",
		"main.conf:7: [line b] group: [line a] of the same group is an output; ");
	refuse_file("[line a]\nline = x\ngroup = g\n"
		    "[line b]\nline = y\ngroup = g\ndirection = output\n",
		"main.conf:6: [line b] group: [line a] of the same group is an input; ");
	accept_file("[line a]\nline = gpiochip0:1\ngroup = g\n"
		    "[line b]\nline = gpiochip0:2\ngroup = g\n"
		    "[line c]\nline = pinctrl-bcm2711:3\ngroup = g\n"
		    "[line d]\nline = J8:16\ngroup = g\n[line e]\nline = gpiochip1:1\n");
}
END_TEST

START_TEST(a_rule_says_whom_it_fits_and_what_it_gives)
{
	accept_file("[access ops]\nusers = root, 20001\ngroups = root\nlines = door* relay-?\n"
		    "verbs = set, watch\n[access all]\nusers = *\nsockets = *\nverbs = admin\n");
	ck_assert_uint_eq(config->n_rules, 2);
	ck_assert_str_eq(config->rules[0].name, "ops");
	ck_assert_uint_eq(config->rules[0].n_uids, 2);
	ck_assert_uint_eq(config->rules[0].uids[0], 0);
	ck_assert_uint_eq(config->rules[0].uids[1], 20001);
	ck_assert_uint_eq(config->rules[0].n_gids, 1);
	ck_assert_str_eq(config->rules[0].sockets, "gpioeventd");
	ck_assert_uint_eq(config->rules[0].verbs, 1u << ACCESS_SET | 1u << ACCESS_WATCH);
	ck_assert(!config->rules[0].everybody && config->rules[1].everybody);
}
END_TEST

START_TEST(a_rule_that_cannot_be_meant_is_refused)
{
	static const char *const wrong[][2] = {
		{ "users = nobody-here\nlines = *\nverbs = see\n",
			"2: [access a] users: there is no user \"nobody-here\"" },
		{ "users = 4294967295\nlines = *\nverbs = see\n",
			"2: [access a] users: there is no user \"4294967295\"" },
		{ "users = 99999999999\nlines = *\nverbs = see\n",
			"2: [access a] users: there is no user \"99999999999\"" },
		{ "groups = nobody-here\nlines = *\nverbs = see\n",
			"2: [access a] groups: there is no group \"nobody-here\"" },
		{ "lines = *\nverbs = see\n", "1: [access a] users: whom does the rule fit?" },
		{ "users = *\nverbs = see\n", "1: [access a] lines: which lines?" },
		{ "users = *\nlines = ,\nverbs = see\n", "3: [access a] lines: which lines?" },
		{ "users = *\nlines = x\n", "1: [access a] verbs: the key is missing" },
		{ "users = *\nlines = x\nverbs = sea\n",
			"4: [access a] verbs: \"sea\" is not allowed; allowed is see, watch, set, "
			"configure or admin; did you mean \"see\"?" },
		{ "users = *\nlines = x\nverbs = ,\n", "4: [access a] verbs: " },
		{ "users = *\nlines = x\nverbs = admin\n",
			"3: [access a] lines: admin is not about lines" },
		{ "users = *\nlines = x\nverbs = see\nsockets = gpioevent\n",
			"5: [access a] sockets: there is no socket \"gpioevent\"" },
	};
	char text[256], begins[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(text, sizeof(text), "[access a]\n%s", wrong[i][0]);
		(void)snprintf(begins, sizeof(begins), "main.conf:%s", wrong[i][1]);
		refuse_file(text, begins);
	}
}
END_TEST

START_TEST(further_sockets_have_a_name_and_perhaps_a_path)
{
	accept_file("[socket box]\npath = /run/box/socket\nmode = 600\ngroup = root\n[socket b]\n"
		    "[access a]\nusers = *\nsockets = box,b\nlines = *\nverbs = see\n");
	ck_assert_uint_eq(config->n_sockets, 2);
	ck_assert_str_eq(config->sockets[0].name, "box");
	ck_assert_str_eq(config->sockets[0].path, "/run/box/socket");
	ck_assert_uint_eq(config->sockets[0].mode, 0600);
	ck_assert_uint_eq(config->sockets[0].gid, 0);
	ck_assert_str_eq(config->sockets[1].path, "");
	ck_assert_uint_eq(config->sockets[1].mode, 0660);
	ck_assert_int_eq((int)config->sockets[1].gid, -1);
	refuse_file(
		"[socket gpioeventd]\n", "main.conf:1: [socket gpioeventd]: this is the daemon's");
	refuse_file("[socket log]\n", "main.conf:1: [socket log]: what the daemon itself stores");
	refuse_file(
		"[socket line-1]\n", "main.conf:1: [socket line-1]: what the daemon itself stores");
	refuse_file(
		"[socket a b]\n", "main.conf:1: [socket a b]: the name must not contain spaces");
	refuse_file("[socket abcdefghijklmnopqrstuvwxyz012345]\n",
		"main.conf:1: [socket abcdefghijklmnopqrstuvwxyz012345]: the name is too long");
	refuse_file("[socket a]\npath = box\n", "main.conf:2: [socket a] path: the path must be");
	refuse_file("[daemon]\nsocket = /x\n[socket a]\npath = /x\n",
		"main.conf:4: [socket a] path: /x is another socket's path");
	refuse_file("[socket b]\npath = /x\n[socket a]\npath = /x\n",
		"main.conf:4: [socket a] path: /x is another socket's path");
	refuse_file("[socket a]\ngroup = nobody-here\n",
		"main.conf:2: [socket a] group: there is no group \"nobody-here\"");
}
END_TEST

START_TEST(there_are_60_rules_and_not_61)
{
	static char text[8192];
	size_t n = 0;

	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"[access r%d]\nusers = *\nlines = *\nverbs = see\n", i);
	accept_file(text);
	(void)snprintf(
		text + n, sizeof(text) - n, "[access r60]\nusers = *\nlines = *\nverbs = see\n");
	refuse_file(text, "main.conf:241: [access r60]: this is one access too many; 60");
}
END_TEST

START_TEST(values_in_quotes_are_refused)
{
	refuse_file("[line a]\nline = \"GPIO5\"\n",
		"main.conf:2: [line a] line: values stand without quotes; write line = GPIO5\n");
	refuse_file("[daemon]\nbackend = 'sim'\n",
		"main.conf:2: [daemon] backend: values stand without quotes; write backend = sim");
	refuse_file("[daemon]\nboard = \"\"\n", "main.conf:2: [daemon] board: values stand");
	accept_file("[line a]\nline = \"\n");
}
END_TEST

START_TEST(words_from_elsewhere_get_the_right_one_suggested)
{
	static const struct {
		const char *key, *said, *meant;
	} rows[] = {
		{ "direction", "out", "output" },
		{ "direction", "IN", "input" },
		{ "initial", "high", "1" },
		{ "initial", "off", "0" },
		{ "initial", "keeep", "keep" },
		{ "on-exit", "off", "0" },
		{ "on-exit", "on", "1" },
		{ "on-exit", "relase", "release" },
		{ "bias", "up", "pull-up" },
		{ "bias", "off", "disabled" },
	};
	char text[128], near[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "[line l]\nline = x\n%s = %s\n", rows[i].key,
			rows[i].said);
		(void)snprintf(near, sizeof(near), "; did you mean \"%s\"?\n", rows[i].meant);
		refuse_file(text, "main.conf:3: [line l] ");
		ck_assert_msg(strstr(messages, near) != NULL, "%s", messages);
	}
}
END_TEST

START_TEST(problems_are_told_in_the_order_of_the_lines)
{
	static const char *const order[] = {
		"main.conf:3: ", "main.conf:5: ", "main.conf:6: ", "main.conf:8: "
	};
	const char *at = messages;

	write_file("main.conf", "[line a]\nline = x\nedges = both\ndirection = output\n"
				"bias = z\n[daemn]\n[daemon]\nfoo = 1\n");
	ck_assert_int_eq(load(), -EINVAL);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_msg(strncmp(at, order[i], strlen(order[i])) == 0, "%s", messages);
		at = strchr(at, '\n') + 1;
	}
	ck_assert_str_eq(at, "");
}
END_TEST

START_TEST(a_group_has_64_lines_and_not_65)
{
	char text[8192] = "", one[64];

	for (unsigned i = 0; i < 65; i++) {
		if (i == 64)
			accept_file(text);
		(void)snprintf(one, sizeof(one), "[line l%u]\nline = %u\ngroup = g\n", i, i);
		(void)strcat(text, one);
	}
	refuse_file(text, "main.conf:195: [line l64] group: ");
}
END_TEST

START_TEST(there_are_1024_lines_and_not_1025)
{
	static char text[65536];
	char one[64];

	for (unsigned i = 0; i < 1025; i++) {
		if (i == 1024)
			accept_file(text);
		(void)snprintf(one, sizeof(one), "[line l%u]\nline = %u\n", i, i);
		(void)strcat(text, one);
	}
	refuse_file(text, "main.conf:2049: [line l1024]: this is one line too many; 1024");
}
END_TEST

START_TEST(shares_follow_the_whole_unless_they_are_given)
{
	accept_file("[daemon]\nconnections = 10\ntimers = 20\n");
	ck_assert_uint_eq(config->connections_per_uid, 10);
	ck_assert_uint_eq(config->timers_per_client, 20);
	refuse_file("[daemon]\nconnections = 10\nconnections-per-uid = 11\n",
		"main.conf:3: [daemon] connections-per-uid: 11 is more than there are in all; "
		"allowed is "
		"1 to 10");
	refuse_file("[daemon]\ntimers-per-client = 30\ntimers = 20\n", "main.conf:2: ");
}
END_TEST

START_TEST(unknown_sections_and_keys_suggest_the_nearest)
{
	refuse_file("[daemn]\nfoo = 1\n",
		"main.conf:1: [daemn]: there is no such section; there are "
		"[daemon], [line ALIAS], [interlock NAME], [chip NAME], [socket NAME] and "
		"[access NAME]; did you mean \"daemon\"?");
	refuse_file("[daemon]\nbackand = sim\n",
		"main.conf:2: [daemon] backand: there is no such key; did you mean \"backend\"?");
	refuse_file("[daemon]\nzzz = sim\n",
		"main.conf:2: [daemon] zzz: there is no such key; there are socket, socket-mode, ");
	refuse_file("[line]\nline = x\n", "main.conf:1: [line]: the section needs a name");
	refuse_file("[daemon x]\n", "main.conf:1: [daemon x]: the section takes no name");
	refuse_file("backend = sim\n", "main.conf:1: backend: the key stands before any section");
	refuse_file("[line b]\n", "main.conf:1: [line b] line: the key is missing");
	refuse_file("[chip b]\n", "main.conf:1: [chip b] lines: the key is missing");
}
END_TEST

START_TEST(a_limit_in_time_needs_a_safe_value_of_0)
{
	static const char line[] = "[line l]\nline = x\ndirection = output\n";
	static const struct {
		const char *keys, *problem;
	} wrong[] = {
		{ "max-on = 5s\n", "main.conf:4: [line l] max-on: what the line gets" },
		{ "max-on = 5s\nsafe = 1\n",
			"main.conf:4: [line l] max-on: when the time is over" },
		{ "max-on = 5s\nsafe = 0\non-exit = 1\n",
			"main.conf:6: [line l] on-exit: the line would be 1 without an end" },
		{ "max-on = 5s\nsafe = none\n", "main.conf:4: [line l] max-on: what" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", line, wrong[i].keys);
		refuse_file(text, wrong[i].problem);
	}
	refuse_file("[line l]\nline = x\nsafe = 0\n",
		"main.conf:3: [line l] safe: an input has no safe value");
	refuse_file("[line l]\nline = x\ndirection = output\nmax-on = 366d\nsafe = 0\n",
		"main.conf:4: [line l] max-on: ");
	(void)snprintf(text, sizeof(text), "%smax-on = 5s\nsafe = 0\n", line);
	accept_file(text);
	ck_assert_uint_eq(config->lines[0].max_on_ns, UINT64_C(5000000000));
	ck_assert_int_eq(config->lines[0].safe, SAFE_0);
}
END_TEST

#define OUTPUT(name) "[line " name "]\nline = " name "\ndirection = output\n"

START_TEST(an_interlock_is_of_outputs_that_can_keep_it)
{
	static const struct {
		const char *text, *problem;
	} wrong[] = {
		{ OUTPUT("a") "[interlock i]\nlines = a\n",
			"main.conf:5: [interlock i] lines: an interlock is of two lines or more" },
		{ OUTPUT("a") OUTPUT("b") "[interlock i]\nlines = a b c\n",
			"main.conf:8: [interlock i] lines: there is no [line c]" },
		{ OUTPUT("a") OUTPUT("b") "[interlock i]\nlines = a b a\n",
			"main.conf:8: [interlock i] lines: a is named twice" },
		{ OUTPUT("a") "[line b]\nline = b\n[interlock i]\nlines = a b\n",
			"main.conf:4: [line b] direction: in [interlock i] there are only "
			"outputs" },
		{ OUTPUT("a") OUTPUT("b") "safe = 1\n[interlock i]\nlines = a b\n",
			"main.conf:7: [line b] safe: in [interlock i] 1 may be refused" },
		{ OUTPUT("a") "initial = 1\n" OUTPUT("b") "initial = 1\n"
							  "[interlock i]\nlines = a b\n",
			"main.conf:8: [line b] initial: in [interlock i] [line a] begins with 1 "
			"too" },
		{ OUTPUT("a") "on-exit = 0\n" OUTPUT("b") "on-exit = 1\n" OUTPUT(
			  "c") "[interlock i]\nlines = a b c\n",
			"main.conf:9: [line c] on-exit: in [interlock i] [line b] or this line" },
		{ "[interlock i]\n", "main.conf:1: [interlock i] lines: the key is missing" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refuse_file(wrong[i].text, wrong[i].problem);
	accept_file(OUTPUT("a") "on-exit = 1\n" OUTPUT("b") "on-exit = 0\n" OUTPUT(
		"c") "on-exit = input\n[interlock i]\nlines = a b\n[interlock k]\nlines = c \t "
		     "a\n");
	ck_assert_uint_eq(config->lines[0].interlocks, 3);
	ck_assert_uint_eq(config->lines[1].interlocks, 1);
	ck_assert_uint_eq(config->lines[2].interlocks, 2);
	ck_assert_str_eq(config->interlocks[1].name, "k");
}
END_TEST

START_TEST(what_stands_twice_in_a_file_is_refused)
{
	refuse_file("[daemon]\nbackend = sim\nbackend = sim\n",
		"main.conf:3: [daemon] backend: the key is there already, in line 2");
	refuse_file("[line a]\nline = x\n[line a]\nbias = pull-up\n",
		"main.conf:3: [line a]: the section is there already, in line 1");
}
END_TEST

START_TEST(every_problem_is_told_in_one_run)
{
	write_file("main.conf",
		"[daemon]\nbackend = x\nfoo = 1\n[line a\n[line b]\nline = y\nbias = z\n");
	ck_assert_int_eq(load(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(messages, "main.conf:2: [daemon] backend: "));
	ck_assert_ptr_nonnull(strstr(messages, "main.conf:3: [daemon] foo: "));
	ck_assert_ptr_nonnull(strstr(messages, "main.conf:4: \"[line a\" is not a section"));
	ck_assert_ptr_nonnull(strstr(messages, "main.conf:7: [line b] bias: "));
}
END_TEST

START_TEST(a_value_does_not_go_on_in_the_next_line)
{
	refuse_file("[chip c]\nlines = 8\nnames = 0=A\n  1=B\n",
		"main.conf:4: the line begins with a "
		"space");
	refuse_file("[daemon]\n\tbackend = sim\n", "main.conf:2: the line begins with a space");
	accept_file("[daemon]\nbackend = sim\n   # an indented comment\n   \n");
}
END_TEST

START_TEST(a_line_of_197_bytes_is_read_and_one_of_198_is_refused)
{
	char text[400] = "[chip c]\nlines = 8\nnames = 0=A";
	size_t n = strlen(text), first = strlen("[chip c]\nlines = 8\n");

	memset(text + n, ' ', 300);
	memcpy(text + first + 197 - 3, "1=B\n", 5);
	accept_file(text);
	ck_assert_str_eq(config->chips[0].names[1], "B");
	memcpy(text + first + 197 - 3, " 1=B\n", 6);
	refuse_file(text, "main.conf:3: the line has 198 bytes; 197 are allowed");
}
END_TEST

START_TEST(lines_that_are_nothing_are_refused)
{
	refuse_file(
		"[daemon]\nbackend\n", "main.conf:2: this is neither key = value nor a [section]");
	refuse_file("[daemon]\n= sim\n", "main.conf:2: this is neither");
	refuse_file("[daemon]\nbackend", "main.conf:2: this is neither");
	refuse_file(
		"[daemon] x\nbackend = nothing\n", "main.conf:1: \"[daemon] x\" is not a section");
}
END_TEST

START_TEST(line_ends_and_byte_order_marks_do_not_matter)
{
	accept_file("\xef\xbb\xbf[daemon]\r\nbackend = sim\r\n[line a]\r\nline = GPIO1");
	ck_assert_ptr_eq(config->backend, &backend_sim);
	ck_assert_str_eq(config->lines[0].line, "GPIO1");
}
END_TEST

START_TEST(what_is_not_text_is_refused_once)
{
	static const char nul[] = "[daemon]\nbackend = s\0im\nbackend = \1\n";

	write_bytes("main.conf", nul, sizeof(nul) - 1);
	ck_assert_int_eq(load(), -EINVAL);
	ck_assert_str_eq(messages,
		"main.conf:2: this is not text: printable UTF-8 is allowed, without "
		"control characters\n");
	refuse_file("[daemon]\n# \xff\n", "main.conf:2: this is not text");
	refuse_file("[line \x1b[1m]\n", "main.conf:1: this is not text");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named_with_the_reason)
{
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert_str_eq(messages, "main.conf: cannot read it: No such file or directory\n");
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(load(), -EISDIR);
	ck_assert_str_eq(messages, "main.conf: cannot read it: Is a directory\n");
}
END_TEST

START_TEST(a_file_of_a_mebibyte_is_read_and_a_byte_more_is_refused)
{
	size_t n = 1048576;
	char *text = malloc(n + 1);

	memset(text, '\n', n + 1);
	write_bytes("main.conf", text, n);
	ck_assert_int_eq(load(), 0);
	write_bytes("main.conf", text, n + 1);
	ck_assert_int_eq(load(), -EFBIG);
	free(text);
}
END_TEST

static void make_drop_ins(void)
{
	char name[80];

	(void)snprintf(name, sizeof(name), "%s.d", path);
	ck_assert_int_eq(mkdir(name, 0755), 0);
}

START_TEST(drop_ins_replace_values_in_the_order_of_their_names)
{
	make_drop_ins();
	write_file("main.conf.d/20-b.conf", "[daemon]\ntimers = 3\n");
	write_file("main.conf.d/10-a.conf", "[daemon]\ntimers = 2\nconnections = 2\n"
					    "[line a]\nbias = pull-up\n[line b]\nline = y\n");
	write_file("main.conf.d/ignored", "garbage");
	write_file("main.conf.d/.hidden.conf", "garbage");
	accept_file("[daemon]\nbackend = sim\ntimers = 1\nconnections = 1\n[line a]\nline = x\n");
	ck_assert_uint_eq(config->timers, 3);
	ck_assert_uint_eq(config->connections, 2);
	ck_assert_ptr_eq(config->backend, &backend_sim);
	ck_assert_uint_eq(config->n_lines, 2);
	ck_assert_int_eq(config->lines[0].settings.bias, BIAS_PULL_UP);
	ck_assert_str_eq(config->lines[0].line, "x");
	ck_assert_str_eq(strrchr(config->files[1], '/'), "/10-a.conf");
	ck_assert_str_eq(strrchr(config->files[2], '/'), "/20-b.conf");
	ck_assert_ptr_null(config->files[3]);
}
END_TEST

START_TEST(a_problem_in_a_drop_in_names_its_file)
{
	make_drop_ins();
	write_file("main.conf.d/a.conf", "[line a]\ndirection = output\n");
	refuse_file("[line a]\nline = x\nedges = both\n", "main.conf:3: [line a] edges: ");
	write_file("main.conf.d/a.conf", "[line a]\nbias = up\n");
	refuse_file("[line a]\nline = x\n", "main.conf.d/a.conf:2: [line a] bias: ");
}
END_TEST

START_TEST(what_is_printed_is_read_back_the_same)
{
	static char first[65536], second[65536];

	accept_file(
		"[daemon]\nbackend = sim\nsocket = /tmp/x\nlog-size = 128K\nconnections = 7\n"
		"board = none\nsocket-mode = 600\n"
		"[line button]\nline = GPIO23\nbias = pull-up\nactive-low = 1\ndebounce = 1500us\n"
		"edges = rising\n[line led]\nline = GPIO18\ndirection = output\ninitial = 0\n"
		"on-exit = input\ndrive = open-drain\ngroup = g\n"
		"[chip gpiochip0]\nlines = 28\nnames = GPIO*\n[chip b]\nlines = 3\n"
		"names = 2=LAST 0=FIRST\nlabel = x\n"
		"[access a]\nusers = root\nlines = b* led\nverbs = watch, set\n"
		"[socket s]\npath = /tmp/y\nmode = 0600\n");
	config_print(config, append_text, first);
	accept_file(first);
	config_print(config, append_text, second);
	ck_assert_str_eq(first, second);
	ck_assert_uint_eq(config->log_size, 131072);
	ck_assert_uint_eq(config->n_lines, 2);
	ck_assert_uint_eq(config->n_rules, 1);
	ck_assert_str_eq(config->rules[0].lines, "b* led");
	ck_assert_uint_eq(config->n_sockets, 1);
	ck_assert_str_eq(config->sockets[0].path, "/tmp/y");
	ck_assert_str_eq(config->chips[0].names[27], "GPIO27");
	ck_assert_str_eq(config->chips[1].names[2], "LAST");
	ck_assert_int_eq(config->lines[1].settings.edges, EDGES_NONE);
	ck_assert_int_eq(config->lines[1].on_exit, ON_EXIT_INPUT);
}
END_TEST

/* A file of the source tree that this program was built in. */
static void load_from_tree(const char *file)
{
	char name[4096];
	ssize_t n = readlink("/proc/self/exe", name, sizeof(name) - 1);
	char *build;

	ck_assert_int_gt(n, 0);
	name[n] = '\0';
	build = strstr(name, "/build/");
	ck_assert_ptr_nonnull(build);
	(void)snprintf(build, sizeof(name) - (size_t)(build - name), "/%s", file);
	*messages = '\0';
	config = config_free(config);
	ck_assert_msg(config_load(name, keep, NULL, &config) == 0, "%s", messages);
}

/* Printed with a space before it, such a value was a comment when it was read back. */
START_TEST(a_value_that_begins_like_a_comment_is_read_back)
{
	static char text[65536];

	accept_file("[line a]\nline =#1\n[line b]\nline =;1\n");
	config_print(config, append_text, text);
	accept_file(text);
	ck_assert_str_eq(config->lines[0].line, "#1");
	ck_assert_str_eq(config->lines[1].line, ";1");
}
END_TEST

START_TEST(the_reference_and_the_examples_can_be_read)
{
	load_from_tree("config/gpioeventd.conf");
	ck_assert_uint_eq(config->n_lines, 0);
	load_from_tree("config/examples/simulated.conf");
	ck_assert_ptr_eq(config->backend, &backend_sim);
	ck_assert_uint_eq(config->n_lines, 2);
	load_from_tree("config/examples/raspberry-pi.conf");
	ck_assert_uint_eq(config->n_lines, 4);
}
END_TEST

START_TEST(every_key_is_explained_with_its_default)
{
	static char text[65536];
	char line[256];

	accept_file("");
	config_print(config, append_text, text);
	for (const struct config_row *row = config_rows; row < config_rows + CONFIG_ROWS_N; row++) {
		(void)snprintf(line, sizeof(line), "\n#%s =%s%s\n", row->key,
			*row->standard ? " " : "", row->standard);
		ck_assert_msg(strstr(text, line), "%s", line);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_empty_file_gives_the_defaults,
		the_sockets_group_is_one_that_is_there,
		a_line_has_its_defaults,
		a_line_takes_every_key,
		simulated_chips_have_names,
		wrong_names_of_simulated_lines_are_refused,
		every_bound_is_accepted_and_one_beyond_is_refused,
		text_has_its_longest_and_not_a_byte_more,
		every_word_is_accepted_and_its_misspelling_gets_it_suggested,
		values_of_the_wrong_form_are_refused,
		sizes_are_powers_of_two_with_a_letter_or_in_bytes,
		booleans_have_four_words_each,
		durations_need_a_unit_and_have_bounds,
		settings_that_exclude_each_other_are_refused,
		aliases_that_cannot_be_are_refused,
		two_aliases_of_one_line_are_refused,
		a_group_is_of_one_chip_and_of_one_direction,
		a_rule_says_whom_it_fits_and_what_it_gives,
		a_rule_that_cannot_be_meant_is_refused,
		further_sockets_have_a_name_and_perhaps_a_path,
		there_are_60_rules_and_not_61,
		values_in_quotes_are_refused,
		words_from_elsewhere_get_the_right_one_suggested,
		problems_are_told_in_the_order_of_the_lines,
		a_group_has_64_lines_and_not_65,
		there_are_1024_lines_and_not_1025,
		shares_follow_the_whole_unless_they_are_given,
		unknown_sections_and_keys_suggest_the_nearest,
		a_limit_in_time_needs_a_safe_value_of_0,
		an_interlock_is_of_outputs_that_can_keep_it,
		what_stands_twice_in_a_file_is_refused,
		every_problem_is_told_in_one_run,
		a_value_does_not_go_on_in_the_next_line,
		a_line_of_197_bytes_is_read_and_one_of_198_is_refused,
		lines_that_are_nothing_are_refused,
		line_ends_and_byte_order_marks_do_not_matter,
		what_is_not_text_is_refused_once,
		a_file_that_cannot_be_read_is_named_with_the_reason,
		a_file_of_a_mebibyte_is_read_and_a_byte_more_is_refused,
		drop_ins_replace_values_in_the_order_of_their_names,
		a_problem_in_a_drop_in_names_its_file,
		what_is_printed_is_read_back_the_same,
		a_value_that_begins_like_a_comment_is_read_back,
		the_reference_and_the_examples_can_be_read,
		every_key_is_explained_with_its_default,
	};
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
