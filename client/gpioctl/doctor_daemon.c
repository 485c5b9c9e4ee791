/* SPDX-License-Identifier: MIT */
/* What the daemon itself says of its chips and lines. */
#include <glob.h>
#include <string.h>

#include "doctor.h"
#include "output.h"
#include "owner.h"
#include "pages.h"

void check_version(struct doctor *doctor)
{
	const char *version = doctor->session.version;

	if (strcmp(version, GPIOEVENTD_VERSION) == 0) {
		report(doctor, FINDING_OK, "gpioctl and the daemon are both %s", version);
		return;
	}
	report(doctor, FINDING_PROBLEM,
		"gpioctl is %s and the daemon %s: it has not been restarted "
		"since the upgrade",
		GPIOEVENTD_VERSION, version);
	report_fix(doctor, "sudo systemctl restart gpioeventd");
}

static const cJSON *find_chip(const cJSON *chips, const char *name)
{
	const cJSON *chip;

	cJSON_ArrayForEach(
		chip, chips) if (strcmp(member_string(chip, "name", ""), name) == 0) return chip;
	return NULL;
}

/* Those that this machine has and the daemon could not open. */
static void check_unknown_chips(struct doctor *doctor, const cJSON *chips)
{
	glob_t paths;

	if (is_simulated(doctor) || glob("/sys/bus/gpio/devices/gpiochip*", 0, NULL, &paths) != 0)
		return;
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		const char *name = strrchr(paths.gl_pathv[i], '/') + 1;

		if (member_true(find_chip(chips, name), "available"))
			continue;
		report(doctor, FINDING_PROBLEM, "%s is there, and the daemon may not open it",
			name);
		report_fix(doctor,
			"sudo udevadm trigger --subsystem-match=gpio --settle; ls -l "
			"/dev/%s shows whose it is",
			name);
	}
	globfree(&paths);
}

void check_chips(struct doctor *doctor)
{
	_cleanup_(message_done) struct message reply = { 0 };
	const cJSON *chips, *chip;
	int n = 0;

	request_begin(&doctor->session, "chips");
	if (session_ask(&doctor->session, &reply))
		return;
	chips = member(reply.tree, "chips");
	cJSON_ArrayForEach(chip, chips)
	{
		const char *label = member_string(chip, "label", "?");

		n += member_true(chip, "available");
		if (member_true(chip, "available"))
			continue;
		cJSON_AddTrueToObject(doctor->gone, label);
		report(doctor, FINDING_PROBLEM, "the chip %s is gone, and its lines with it",
			label);
		report_fix(doctor, "plug it in again; they are taken when it is back");
	}
	check_unknown_chips(doctor, chips);
	report(doctor, FINDING_OK, "the daemon has %d chip%s", n, n == 1 ? "" : "s");
}

/* A line that is wanted and could not be taken. */

static void explain_process(
	struct doctor *doctor, const char *line, const struct holder *holder, const char *role)
{
	report(doctor, FINDING_PROBLEM, "%s is held by process %d: %s", line, (int)holder->pid,
		holder->command);
	if (strcmp(role, "keeper") == 0)
		report_fix(
			doctor, "sudo systemctl stop gpioeventd, which frees what is kept for it");
	else
		report_fix(doctor, "end that program: sudo kill %d", (int)holder->pid);
}

static void explain_owner(struct doctor *doctor, const char *line, const struct ownership *owner)
{
	const struct holder *first = owner->holders.v;
	const char *consumer = owner->place.consumer;

	if (owner->owner == OWNER_PROCESS) {
		explain_process(doctor, line, first, holder_role(owner, first));
	} else if (owner->owner == OWNER_KERNEL && is_exported(&owner->place)) {
		report(doctor, FINDING_PROBLEM, "%s has been exported in /sys/class/gpio", line);
		report_fix(doctor,
			"echo NUMBER | sudo tee /sys/class/gpio/unexport, with the number "
			"of one of the gpioNUMBER there");
	} else if (owner->owner == OWNER_KERNEL) {
		report(doctor, FINDING_PROBLEM, "%s is held by the kernel, as \"%s\"", line,
			consumer);
		report_fix(doctor, "take that driver out of the device tree, on a Raspberry Pi its "
				   "dtoverlay out of config.txt, and start again");
	} else {
		report(doctor, FINDING_PROBLEM, "%s is held by somebody, as \"%s\"", line,
			consumer);
		report_fix(doctor, "sudo gpioctl who %s tells by whom", line);
	}
}

static void explain_line(struct doctor *doctor, const cJSON *line)
{
	_cleanup_(ownership_done) struct ownership owner = { 0 };
	const char *name = member_string(line, "line", "?");
	const char *wanted = member_string(line, "wanted", NULL);

	if (wanted) {
		report(doctor, FINDING_PROBLEM,
			"%s is configured as \"%s\", and no line is called so", name, wanted);
		report_fix(doctor, "gpioctl list shows the names; then correct [line %s]", name);
	} else if (member(line, "consumer") &&
		   ownership_find(&doctor->session, name, &owner) == STATUS_OK &&
		   owner.owner != OWNER_NOBODY) {
		explain_owner(doctor, name, &owner);
	} else {
		report(doctor, FINDING_PROBLEM, "%s cannot be taken: %s", name,
			member_string(line, "why", "nobody knows why"));
		report_fix(
			doctor, "gpioctl info %s shows where it is; correct [line %s]", name, name);
	}
}

struct census {
	struct doctor *doctor;
	unsigned n_held, n_debounced;
	char debounced[512];
};

static bool is_wanted(const cJSON *line)
{
	return member_true(line, "configured") || member_string(line, "why", NULL) ||
	       member_true(line, "held");
}

/* Asking for the holder goes over the connection that the list comes from, between its pages. */
static void check_line(const cJSON *line, void *data)
{
	struct census *census = data;

	census->n_held += member_true(line, "held");
	if (member(census->doctor->gone, member_string(line, "label", "")))
		return;
	if (cJSON_IsFalse(member(line, "available")) &&
		(member_true(line, "configured") || member(line, "users")->child))
		explain_line(census->doctor, line);
}

void check_lines(struct doctor *doctor)
{
	struct census census = { .doctor = doctor };
	const struct listing listing = { .op = "lines",
		.key = "lines",
		.wanted = is_wanted,
		.each = check_line,
		.data = &census };

	if (pages_ask(&doctor->session, &listing) == STATUS_OK)
		report(doctor, FINDING_OK, "the daemon holds %u line%s", census.n_held,
			census.n_held == 1 ? "" : "s");
}

static void note_debounce(const cJSON *line, void *data)
{
	struct census *census = data;
	const char *debounce = member_string(line, "debounce", NULL);
	size_t n = strlen(census->debounced);

	if (!debounce)
		return;
	snprintf(census->debounced + n, sizeof(census->debounced) - n, "%s%s %s",
		census->n_debounced++ ? ", " : "", member_string(line, "line", "?"), debounce);
}

void check_debounce(struct doctor *doctor)
{
	struct census census = { .doctor = doctor };
	const struct listing listing = {
		.op = "lines", .key = "lines", .each = note_debounce, .data = &census
	};

	if (pages_ask(&doctor->session, &listing) != STATUS_OK)
		return;
	if (census.n_debounced)
		report(doctor, FINDING_OK, "by the %s: %s",
			is_simulated(doctor) ? "simulation" : "kernel", census.debounced);
	else
		report(doctor, FINDING_OK, "no line has one");
}
