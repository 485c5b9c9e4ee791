/* SPDX-License-Identifier: MIT */
/* gpioctl who: the processes that hold lines, as a table or one object a line. */
#include <pwd.h>
#include <string.h>

#include "output.h"
#include "owner.h"

#define JSON_MAX 65536

static const struct owner_row {
	const char *word;    /* for programs */
	const char *command; /* for people, where there is no process; NULL: there is */
} owners[OWNER_N] = {
	[OWNER_NOBODY] = { "nobody", "-" },
	[OWNER_PROCESS] = { "process", NULL },
	[OWNER_ONE_OF] = { "one-of", "the kernel" },
	[OWNER_DAEMON] = { "daemon", "gpioeventd" },
	[OWNER_KERNEL] = { "kernel", "the kernel" },
	[OWNER_HIDDEN] = { "hidden", "?" },
};

static const char *user_name(uid_t uid, char buffer[static 16])
{
	const struct passwd *user = getpwuid(uid);

	snprintf(buffer, 16, "%u", (unsigned)uid);
	return user ? user->pw_name : buffer;
}

static void add_row(struct table *table, const struct place *place, const char *pid,
	const char *user, const char *command, const char *note)
{
	const char *cells[] = { place->line, pid, user, *place->consumer ? place->consumer : "-",
		command, note };

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		table_cell(table, STYLE_PLAIN, "%s", cells[i]);
}

static void add_rows(struct table *table, const struct ownership *ownership)
{
	const char *command = owners[ownership->owner].command;
	char note[NOTE_MAX], pid[16], user[16];

	for (size_t i = 0; i < ownership->holders.n; i++) {
		const struct holder *holder = &ownership->holders.v[i];

		holder_note(ownership, holder, note);
		snprintf(pid, sizeof(pid), "%d", (int)holder->pid);
		add_row(table, &ownership->place, pid, user_name(holder->uid, user),
			holder->command, note);
	}
	owner_note(ownership, note);
	if (command)
		add_row(table, &ownership->place, "-", "-", command, note);
}

static void write_holder(
	struct jsonw *w, const struct ownership *ownership, const struct holder *holder)
{
	char user[16];

	jsonw_begin_object(w);
	jsonw_member_u64(w, "pid", (uint64_t)holder->pid);
	jsonw_member_u64(w, "uid", holder->uid);
	jsonw_member_string(w, "user", user_name(holder->uid, user));
	jsonw_member_string(w, "name", holder->name);
	jsonw_member_string(w, "command", holder->command);
	jsonw_member_string(w, "role", holder_role(ownership, holder));
	jsonw_member_bool(w, "certain", holder->certain);
	jsonw_end_object(w);
}

/* As many holders as fit; a line has one or two. */
static void print_json(const struct ownership *ownership)
{
	static char buffer[JSON_MAX];
	const struct place *place = &ownership->place;
	struct jsonw w;

	jsonw_init(&w, buffer, sizeof(buffer));
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "line", place->line);
	jsonw_member_string(&w, "chip", place->chip);
	jsonw_member_u64(&w, "offset", place->offset);
	jsonw_member_string(&w, "owner", owners[ownership->owner].word);
	jsonw_member_string(&w, "consumer", place->consumer);
	jsonw_key(&w, "holders");
	jsonw_begin_array(&w);
	for (size_t i = 0; i < ownership->holders.n && w.n < sizeof(buffer) - 1024; i++)
		write_holder(&w, ownership, &ownership->holders.v[i]);
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	printf("%.*s\n", (int)w.n, buffer);
}

/* The same command again, by who may see everything. */
static void explain_root(const struct options *options, struct strings names)
{
	const char *path = socket_path(options);
	bool usual = strcmp(path, CONNECTION_DEFAULT_PATH) == 0;
	char text[1024] = "";
	size_t n = 0;

	for (size_t i = 0; i < names.n && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", names.v[i]);
	complain("root can see who it is: sudo gpioctl%s%s who%s", usual ? "" : " --socket ",
		usual ? "" : path, text);
}

static enum status run(const struct options *options, struct strings args)
{
	static const char *const titles[] = { "LINE", "PID", "USER", "CONSUMER", "COMMAND", "" };
	_cleanup_(session_close) struct session session = { .signal_fd = -1 };
	_cleanup_(table_free) struct table table = TABLE(6);
	enum status status = session_try(&session, options);
	bool hidden = false;

	if (status == STATUS_UNREACHABLE)
		session_close(&session);
	else if (status)
		return status;
	status = STATUS_OK;
	table_head(&table, titles);
	for (size_t i = 0; i < args.n && !status; i++) {
		_cleanup_(ownership_done) struct ownership ownership = { 0 };

		status = ownership_find(&session, args.v[i], &ownership);
		if (!status && options->json)
			print_json(&ownership);
		else if (!status)
			add_rows(&table, &ownership);
		hidden |= ownership.owner == OWNER_HIDDEN;
	}
	if (!options->json && table.n_cells > table.n_columns)
		table_print(&table);
	if (!status && hidden)
		status = STATUS_DENIED;
	if (status == STATUS_DENIED)
		explain_root(options, args);
	return status;
}

const struct command command_who = {
	.name = "who",
	.arguments = "LINE...",
	.summary = "Names the process that holds a line.",
	.details = "The kernel tells a consumer's name only, so the process is looked for among\n"
		   "all; those of other users are shown to root (with sudo). Without a daemon a\n"
		   "line is named as the kernel does (GPIO23), or by chip and offset.\n",
	.examples = "  gpioctl who GPIO23\n  gpioctl who button led --json\n",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
