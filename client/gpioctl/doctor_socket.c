/* SPDX-License-Identifier: MIT */
/* Whether this user reaches the daemon, and if not, at which step it fails. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "output.h"

static const char *group_name(gid_t gid, char buffer[static 16])
{
	const struct group *group = getgrgid(gid);

	snprintf(buffer, 16, "%u", (unsigned)gid);
	return group ? group->gr_name : buffer;
}

/* As the user database says, which a login reads once. */
static bool is_member(const struct passwd *user, gid_t gid)
{
	gid_t groups[256];
	int n = sizeof(groups) / sizeof(groups[0]);

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
		n = sizeof(groups) / sizeof(groups[0]);
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool runs_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static void fix_start(struct doctor *doctor)
{
	if (unit_exists() && runs_systemd())
		report_fix(doctor, "sudo systemctl enable --now gpioeventd.socket");
	else
		report_fix(doctor,
			"sudo gpioeventd   (simulated: gpioeventd --backend sim --socket %s)",
			doctor->path);
}

static void explain_denied(struct doctor *doctor, const struct stat *st)
{
	const struct passwd *user = getpwuid(geteuid());
	char buffer[16];
	const char *group = group_name(st->st_gid, buffer);

	if (!(st->st_mode & S_IWGRP) || st->st_gid == 0) {
		report(doctor, FINDING_PROBLEM, "%s is not for this user, nor for a group to join",
			doctor->path);
		report_fix(doctor, "set socket-group and socket-mode in the configuration");
	} else if (user && is_member(user, st->st_gid)) {
		report(doctor, FINDING_PROBLEM,
			"%s is for the group %s: %s is in it, but this login is older",
			doctor->path, group, user->pw_name);
		report_fix(doctor, "log out and in again, or here: newgrp %s", group);
	} else {
		report(doctor, FINDING_PROBLEM,
			"%s is for the group %s, and this user is not in it", doctor->path, group);
		report_fix(doctor, "sudo usermod -aG %s %s, then log in again", group,
			user ? user->pw_name : "$USER");
	}
}

static void explain_missing(struct doctor *doctor)
{
	report(doctor, FINDING_PROBLEM,
		"there is no socket %s: the daemon does not run, or listens "
		"elsewhere",
		doctor->path);
	fix_start(doctor);
}

static void explain_silence(struct doctor *doctor)
{
	report(doctor, FINDING_PROBLEM, "the daemon at %s does not answer", doctor->path);
	report_fix(doctor, "sudo systemctl restart gpioeventd; journalctl -u gpioeventd -n 20 "
			   "tells more");
}

static void explain(struct doctor *doctor)
{
	struct stat st;
	int error = doctor->session.connect_error;

	if (stat(doctor->path, &st) < 0) {
		if (errno != EACCES) {
			explain_missing(doctor);
			return;
		}
		report(doctor, FINDING_PROBLEM, "the folder of %s is closed to this user",
			doctor->path);
		report_fix(doctor, "sudo chmod a+x %.*s",
			(int)(strrchr(doctor->path, '/') - doctor->path), doctor->path);
	} else if (!S_ISSOCK(st.st_mode)) {
		report(doctor, FINDING_PROBLEM, "%s is no socket", doctor->path);
		report_fix(doctor, "name the socket with --socket or GPIOEVENTD_SOCKET");
	} else if (error == -EACCES || error == -EPERM) {
		explain_denied(doctor, &st);
	} else if (error == -ECONNREFUSED) {
		report(doctor, FINDING_PROBLEM, "nobody listens at %s: the daemon has ended",
			doctor->path);
		fix_start(doctor);
	} else if (error == -EAGAIN) {
		explain_silence(doctor);
	} else {
		report(doctor, FINDING_PROBLEM, "%s: %s", doctor->path, strerror(-error));
		report_fix(doctor, "name the socket with --socket or GPIOEVENTD_SOCKET");
	}
}

static void describe(struct doctor *doctor)
{
	struct stat st;
	char buffer[16];

	if (stat(doctor->path, &st) < 0)
		return;
	if (st.st_gid != 0)
		doctor->clients = st.st_gid;
	report(doctor, FINDING_OK, "%s is for %s%s; the daemon is %s with the %s backend",
		doctor->path, st.st_mode & S_IWOTH ? "everybody" : "group ",
		st.st_mode & S_IWOTH ? "" : group_name(st.st_gid, buffer), doctor->session.version,
		doctor->session.backend);
}

void check_socket(struct doctor *doctor)
{
	if (session_try(&doctor->session, doctor->session.options) == STATUS_OK) {
		describe(doctor);
		return;
	}
	session_close(&doctor->session);
	if (doctor->session.connect_error < 0)
		explain(doctor);
	else
		explain_silence(doctor);
}

/* Whether it is there after the next start of the machine. */
void check_unit(struct doctor *doctor)
{
	static const char *const links[] = {
		"/etc/systemd/system/sockets.target.wants/gpioeventd.socket",
		"/etc/systemd/system/multi-user.target.wants/gpioeventd.service"
	};

	if (!runs_systemd() || is_simulated(doctor))
		return;
	if (!unit_exists()) {
		report(doctor, FINDING_NOTE,
			"no unit is installed, so nobody starts the daemon at boot");
		report_fix(doctor, "sudo make install, in its sources");
		return;
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (faccessat(AT_FDCWD, links[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			report(doctor, FINDING_OK, "%s is enabled", strrchr(links[i], '/') + 1);
			return;
		}
	report(doctor, FINDING_NOTE, "no unit is enabled, so nobody starts the daemon at boot");
	report_fix(doctor, "sudo systemctl enable --now gpioeventd.socket");
}
