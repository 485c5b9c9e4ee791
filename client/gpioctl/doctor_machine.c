/* SPDX-License-Identifier: MIT */
/* The machine: what is there, who may get past the daemon, and what the configuration says. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor.h"
#include "output.h"

/* Requests of lines as the daemon makes them. */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 10

#define DEFAULT_CONFIG SYSCONFDIR "/gpioeventd/gpioeventd.conf"

void check_kernel(struct doctor *doctor)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	if (is_simulated(doctor) || uname(&name) < 0 ||
		sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return;
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR)) {
		report(doctor, FINDING_OK, "Linux %s", name.release);
		return;
	}
	report(doctor, FINDING_PROBLEM, "Linux %s is too old: the daemon needs %d.%d", name.release,
		KERNEL_MAJOR, KERNEL_MINOR);
	report_fix(doctor, "sudo apt full-upgrade, and start again");
}

static size_t count(const char *pattern)
{
	glob_t paths;
	size_t n = 0;

	if (glob(pattern, 0, NULL, &paths) == 0) {
		n = paths.gl_pathc;
		globfree(&paths);
	}
	return n;
}

void check_devices(struct doctor *doctor)
{
	size_t nodes = count("/dev/gpiochip*"), chips = count("/sys/bus/gpio/devices/gpiochip*");

	if (is_simulated(doctor)) {
		report(doctor, FINDING_OK, "the daemon's lines are simulated");
	} else if (nodes > 0) {
		report(doctor, FINDING_OK, "%zu chip%s in /dev", nodes, nodes == 1 ? "" : "s");
	} else if (doctor->session.connection) {
		report(doctor, FINDING_OK, "no chip in /dev; here the daemon is reached from");
	} else if (chips > 0) {
		report(doctor, FINDING_PROBLEM,
			"the kernel has chips, but /dev/gpiochip* is not there: a container?");
		report_fix(doctor, "give the container the folder of the daemon's socket: "
				   "--volume /run/gpioeventd:/run/gpioeventd");
	} else {
		report(doctor, FINDING_PROBLEM, "this machine has no GPIO chip");
		report_fix(doctor, "gpioeventd --backend sim --socket %s   (simulated lines)",
			doctor->path);
	}
}

/* Who else may change lines, unseen by the daemon and past its rules. */

static const struct bypass {
	const char *pattern;
	const char *fix;
} bypasses[] = {
	{ "/dev/gpiochip*", "sudo cp " DATADIR
			    "/udev/exclusive.rules /etc/udev/rules.d/99-gpioeventd.rules && sudo "
			    "udevadm control --reload && sudo udevadm trigger "
			    "--subsystem-match=gpio --settle" },
	{ "/dev/gpiomem*",
		"echo 'KERNEL==\"gpiomem*\", OWNER=\"root\", GROUP=\"root\", MODE=\"0600\"' | sudo "
		"tee /etc/udev/rules.d/99-gpiomem.rules && sudo udevadm control --reload && sudo "
		"udevadm trigger" },
	{ "/dev/mem", "sudo chmod go= /dev/mem" },
};

/* The daemon's own group may: that is what it is for. */
static bool is_for_clients(const struct doctor *doctor, const struct stat *st)
{
	const struct group *gpio = getgrnam("gpio");

	if (!(st->st_mode & S_IWGRP))
		return false;
	return st->st_gid == doctor->clients || (gpio && st->st_gid == gpio->gr_gid);
}

static void check_node(struct doctor *doctor, const struct bypass *bypass, const char *path)
{
	struct stat st;
	bool everybody;

	if (lstat(path, &st) < 0 || !S_ISCHR(st.st_mode))
		return;
	everybody = st.st_mode & S_IWOTH;
	if (!everybody && !is_for_clients(doctor, &st))
		return;
	report(doctor, FINDING_NOTE, "%s may open %s: the daemon's rules are only advice to them",
		everybody ? "all users" : "the daemon's clients", path);
	report_fix(doctor, "%s", bypass->fix);
}

void check_bypass(struct doctor *doctor)
{
	if (is_simulated(doctor))
		return;
	for (size_t i = 0; i < sizeof(bypasses) / sizeof(bypasses[0]); i++) {
		glob_t paths;

		if (glob(bypasses[i].pattern, 0, NULL, &paths) != 0)
			continue;
		for (size_t k = 0; k < paths.gl_pathc; k++)
			check_node(doctor, &bypasses[i], paths.gl_pathv[k]);
		globfree(&paths);
	}
}

/* Programs that write to the pins' registers, past the kernel. */
static const struct {
	const char *name, *fix;
} programs[] = {
	{ "pigpiod", "sudo systemctl disable --now pigpiod" },
};

static void check_program(struct doctor *doctor, const char *pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(name, sizeof(name), file))
		*name = '\0';
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(name, programs[i].name) != 0)
			continue;
		report(doctor, FINDING_PROBLEM,
			"%s (pid %s) can change lines past the kernel, unseen by the daemon", name,
			pid);
		report_fix(doctor, "%s", programs[i].fix);
	}
}

void check_programs(struct doctor *doctor)
{
	DIR *proc = is_simulated(doctor) ? NULL : opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			check_program(doctor, entry->d_name);
	if (proc)
		closedir(proc);
}

/* The configuration, by the daemon's own --check. */

/* Beside gpioctl, as in a build and where both are in one folder; else where it is installed. */
static void find_daemon(char path[static 4096])
{
	ssize_t n = readlink("/proc/self/exe", path, 4096 - 32);
	char *name;

	path[n > 0 ? n : 0] = '\0';
	name = strrchr(path, '/');
	for (int i = 0; name && i < 2; i++) {
		strcpy(name, i ? "/../sbin/gpioeventd" : "/gpioeventd");
		if (access(path, X_OK) == 0)
			return;
	}
	strcpy(path, "gpioeventd");
}

/* Its stdout and stderr, both on *ret_fd. The pid, or -errno. */
static pid_t start_check(const struct doctor *doctor, int *ret_fd)
{
	const char *config = GIVEN(doctor->options, CONFIG) ? doctor->options->config : NULL;
	char path[4096];
	char *argv[] = { path, (char[]){ "--check" }, config ? (char[]){ "--config" } : NULL,
		(char *)config, NULL };
	posix_spawn_file_actions_t actions;
	int fds[2], r;
	pid_t pid;

	find_daemon(path);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	r = posix_spawnp(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (r != 0) {
		close(fds[0]);
		return -r;
	}
	*ret_fd = fds[0];
	return pid;
}

static const struct {
	const char *before;
	enum finding_state state;
} levels[] = {
	{ "gpioeventd: error: ", FINDING_PROBLEM },
	{ "gpioeventd: warning: ", FINDING_NOTE },
	{ "", FINDING_OK },
};

/* One line that it said: a problem, or when there is none its summary. */
static void report_line(struct doctor *doctor, const char *line)
{
	size_t i = 0;

	while (strncmp(line, levels[i].before, strlen(levels[i].before)) != 0)
		i++;
	report(doctor, levels[i].state, "%s", line + strlen(levels[i].before));
	if (levels[i].state != FINDING_OK)
		report_fix(doctor, "correct it there, then: gpioctl reload");
}

static bool may_read(struct doctor *doctor, const char *config)
{
	if (access(config, R_OK) == 0 || errno != EACCES)
		return true;
	report(doctor, FINDING_NOTE, "%s may not be read by this user", config);
	report_fix(doctor, "sudo gpioctl doctor");
	return false;
}

/* The daemon's program may be missing, as in a container that has gpioctl alone. */
void check_config(struct doctor *doctor)
{
	const char *config = GIVEN(doctor->options, CONFIG) ? doctor->options->config
							    : DEFAULT_CONFIG;
	unsigned n_before = doctor->n_problems;
	char line[1024];
	pid_t pid;
	FILE *said;
	int fd = -1, status;

	if (!may_read(doctor, config))
		return;
	pid = start_check(doctor, &fd);
	said = pid < 0 ? NULL : fdopen(fd, "r");
	if (!said)
		return;
	while (fgets(line, sizeof(line), said)) {
		line[strcspn(line, "\n")] = '\0';
		report_line(doctor, line);
	}
	fclose(said);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (doctor->n_problems == n_before) {
		report(doctor, FINDING_PROBLEM, "the configuration cannot be checked");
		report_fix(doctor, "sudo gpioeventd --check");
	}
}
