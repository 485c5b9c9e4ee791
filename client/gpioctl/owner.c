/* SPDX-License-Identifier: MIT */
#include "owner.h"

#include <errno.h>
#include <string.h>

#include "describe.h"
#include "line.h"
#include "output.h"

#define PROC	     "/proc"
#define OUR_CONSUMER "gpioeventd"

static enum status place_from_daemon(struct session *session, const char *name, struct place *ret)
{
	_cleanup_(message_done) struct message reply = { 0 };
	const cJSON *line;
	enum status status = line_ask(session, name, &reply, &line);
	const char *wanted;

	if (status)
		return status;
	wanted = member_string(line, "wanted", NULL);
	if (wanted) {
		complain("%s is configured as \"%s\", which is not there", name, wanted);
		return STATUS_NOT_FOUND;
	}
	*ret = (struct place){ .offset = (unsigned)member_number(line, "offset", 0),
		.held = member_true(line, "held"),
		.simulated = strcmp(session->backend, "sim") == 0 };
	snprintf(ret->line, sizeof(ret->line), "%s", member_string(line, "line", name));
	snprintf(ret->chip, sizeof(ret->chip), "%s", member_string(line, "chip", ""));
	snprintf(ret->consumer, sizeof(ret->consumer), "%s",
		ret->held ? OUR_CONSUMER : member_string(line, "consumer", ""));
	describe_users(line, ret->users, sizeof(ret->users));
	ret->used = ret->held || member(line, "consumer");
	return STATUS_OK;
}

static enum status place_from_kernel(const char *name, struct place *ret)
{
	struct kernel_line line;
	int r = kernel_line_find(name, &line);

	if (r == -EACCES) {
		complain("the daemon does not answer, and this user may not open the chips");
		return STATUS_DENIED;
	}
	if (r < 0) {
		complain("no daemon answers, and the kernel knows %s %s",
			r == -ENOTUNIQ ? "several lines" : "no line", name);
		complain("without the daemon a line is named as the kernel does, or by chip and "
			 "offset");
		return STATUS_NOT_FOUND;
	}
	*ret = (struct place){ .offset = line.offset, .used = line.used };
	snprintf(ret->line, sizeof(ret->line), "%s", name);
	memcpy(ret->chip, line.chip, sizeof(ret->chip));
	memcpy(ret->consumer, line.consumer, sizeof(ret->consumer));
	return STATUS_OK;
}

static enum owner conclude(const struct place *place, const struct holders *holders)
{
	if (!place->used)
		return OWNER_NOBODY;
	if (holders->n && holders->v[0].certain)
		return OWNER_PROCESS;
	if (place->held)
		return OWNER_DAEMON;
	if (holders->hidden)
		return OWNER_HIDDEN;
	return holders->n ? OWNER_ONE_OF : OWNER_KERNEL;
}

/* Once one is certain the others are beside the point. */
static void drop_uncertain(struct holders *holders)
{
	while (holders->n > 1 && holders->v[0].certain && !holders->v[holders->n - 1].certain)
		holders->n--;
}

enum status ownership_find(struct session *session, const char *name, struct ownership *ret)
{
	enum status status = session->connection ? place_from_daemon(session, name, &ret->place)
						 : place_from_kernel(name, &ret->place);
	int r = 0;

	ret->holders = (struct holders){ 0 };
	if (status)
		return status;
	if (ret->place.used && !ret->place.simulated)
		r = holders_find(PROC, ret->place.chip, ret->place.offset, &ret->holders);
	if (r < 0) {
		complain("%s cannot be read: %s", PROC, strerror(-r));
		return STATUS_FAILED;
	}
	drop_uncertain(&ret->holders);
	ret->owner = conclude(&ret->place, &ret->holders);
	return STATUS_OK;
}

void ownership_done(struct ownership *ownership)
{
	holders_done(&ownership->holders);
}

static bool is_daemon(const struct holder *holder)
{
	return strcmp(holder->name, OUR_CONSUMER) == 0;
}

/* The service manager keeps the daemon's lines while it restarts. */
static bool is_keeper(const struct place *place, const struct holder *holder)
{
	return strcmp(place->consumer, OUR_CONSUMER) == 0 &&
	       (holder->pid == 1 || strcmp(holder->name, "systemd") == 0);
}

static bool daemon_is_among(const struct holders *holders)
{
	for (size_t i = 0; i < holders->n; i++)
		if (is_daemon(&holders->v[i]))
			return true;
	return false;
}

bool is_exported(const struct place *place)
{
	return strcmp(place->consumer, "sysfs") == 0;
}

const char *holder_role(const struct ownership *ownership, const struct holder *holder)
{
	return is_daemon(holder)		      ? "daemon"
	       : is_keeper(&ownership->place, holder) ? "keeper"
						      : "process";
}

void holder_note(
	const struct ownership *ownership, const struct holder *holder, char note[static NOTE_MAX])
{
	const struct place *place = &ownership->place;
	const char *text = "";

	*note = '\0';
	if (is_daemon(holder) && place->held)
		snprintf(note, NOTE_MAX, "the daemon, for %s", place->users);
	else if (is_daemon(holder))
		text = "a gpioeventd that was not asked; see --socket";
	else if (is_keeper(place, holder) && daemon_is_among(&ownership->holders))
		text = "keeps it for restarts of gpioeventd";
	else if (is_keeper(place, holder))
		text = "keeps it for gpioeventd, which does not run; "
		       "\"sudo systemctl stop gpioeventd\" frees it";
	else if (!holder->certain)
		text = "perhaps: it holds lines, and this kernel does not say which";
	if (!*note)
		snprintf(note, NOTE_MAX, "%s", text);
}

void owner_note(const struct ownership *ownership, char note[static NOTE_MAX])
{
	static const char *const notes[OWNER_N] = { [OWNER_NOBODY] = "free",
		[OWNER_ONE_OF] = "perhaps: for a driver",
		[OWNER_KERNEL] = "for the driver or hog of this name",
		[OWNER_HIDDEN] = "a process of another user, or the kernel" };
	const struct place *place = &ownership->place;
	const char *text = notes[ownership->owner];

	if (ownership->owner == OWNER_KERNEL && !*place->consumer)
		text = "the pin has another function, or serves as an interrupt";
	if (ownership->owner == OWNER_KERNEL && is_exported(place))
		text = "somebody has exported it in /sys/class/gpio";
	if (ownership->owner == OWNER_DAEMON)
		snprintf(note, NOTE_MAX, "the daemon, for %s", place->users);
	else
		snprintf(note, NOTE_MAX, "%s", text ? text : "");
}
