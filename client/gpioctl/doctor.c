/* SPDX-License-Identifier: MIT */
/* gpioctl doctor: runs the checks, prints what they report, and counts the problems. */
#include "doctor.h"

#include <stdarg.h>
#include <string.h>

#include "output.h"

static const struct {
	const char *name;
	bool needs_daemon;
	void (*run)(struct doctor *doctor);
} checks[] = {
	{ "socket", false, check_socket },
	{ "unit", false, check_unit },
	{ "version", true, check_version },
	{ "kernel", false, check_kernel },
	{ "devices", false, check_devices },
	{ "chips", true, check_chips },
	{ "lines", true, check_lines },
	{ "debounce", true, check_debounce },
	{ "bypass", false, check_bypass },
	{ "programs", false, check_programs },
	{ "config", false, check_config },
};

static const struct {
	const char *word, *shown;
} states[FINDING_N] = {
	[FINDING_OK] = { "ok", "ok" },
	[FINDING_NOTE] = { "note", "note" },
	[FINDING_PROBLEM] = { "problem", "PROBLEM" },
};

static void print_json(const struct doctor *doctor)
{
	char buffer[8192];
	struct jsonw w;

	jsonw_init(&w, buffer, sizeof(buffer));
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "check", doctor->check);
	jsonw_member_string(&w, "state", states[doctor->state].word);
	jsonw_member_string(&w, "message", doctor->message);
	if (*doctor->fix)
		jsonw_member_string(&w, "fix", doctor->fix);
	jsonw_end_object(&w);
	printf("%.*s\n", (int)w.n, buffer);
}

/* The fix waits for its report, and both for the next. */
static void print_pending(struct doctor *doctor)
{
	if (!doctor->pending)
		return;
	doctor->pending = false;
	if (doctor->options->json) {
		print_json(doctor);
		return;
	}
	put("%-7s  %-8s  %s\n", states[doctor->state].shown, doctor->check, doctor->message);
	if (*doctor->fix)
		put("                   fix: %s\n", doctor->fix);
}

void report(struct doctor *doctor, enum finding_state state, const char *format, ...)
{
	va_list args;

	print_pending(doctor);
	doctor->pending = true;
	doctor->state = state;
	doctor->n_problems += state == FINDING_PROBLEM;
	doctor->fix[0] = '\0';
	va_start(args, format);
	vsnprintf(doctor->message, sizeof(doctor->message), format, args);
	va_end(args);
	clean_text(doctor->message);
}

void report_fix(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(doctor->fix, sizeof(doctor->fix), format, args);
	va_end(args);
	clean_text(doctor->fix);
}

bool is_simulated(const struct doctor *doctor)
{
	return doctor->session.connection && strcmp(doctor->session.backend, "sim") == 0;
}

static enum status run(const struct options *options, struct strings args)
{
	struct options quiet = *options;
	struct doctor doctor = { .options = options,
		.path = socket_path(options),
		.clients = (gid_t)-1,
		.gone = cJSON_CreateObject(),
		.session = { .options = &quiet, .signal_fd = -1 } };

	(void)args;
	quiet.json = false; /* the daemon's replies are not what is printed */
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (checks[i].needs_daemon && !doctor.session.connection)
			continue;
		doctor.check = checks[i].name;
		checks[i].run(&doctor);
		print_pending(&doctor);
	}
	session_close(&doctor.session);
	cJSON_Delete(doctor.gone);
	if (!options->json && doctor.n_problems)
		put("%u problem%s\n", doctor.n_problems, doctor.n_problems == 1 ? "" : "s");
	else if (!options->json)
		put("nothing wrong\n");
	return doctor.n_problems ? STATUS_FAILED : STATUS_OK;
}

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "Looks for what is wrong, and says how to mend it.",
	.details = "It checks the way to the daemon, the chips, the configured lines and who\n"
		   "holds them, who may get past the daemon, and the configuration; also when\n"
		   "no daemon runs. With sudo it sees more. It ends with 1 if there is a\n"
		   "problem; a note is for who decides such things.\n",
	.examples = "  gpioctl doctor\n  gpioctl doctor --json\n",
	.options = BIT(CONFIG),
	.run = run,
};
