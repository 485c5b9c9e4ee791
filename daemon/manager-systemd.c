/* SPDX-License-Identifier: MIT */

#include "manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

bool manager_has_store(void)
{
	const char *places = getenv("FDSTORE");

	return getenv("NOTIFY_SOCKET") && places && strtoul(places, NULL, 10) > 0;
}

int manager_store(int fd, const char *name)
{
	char state[sizeof("FDSTORE=1\nFDNAME=") + MANAGER_NAME_BYTES];
	int r;

	(void)snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", name);
	r = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	return r < 0 ? r : 0;
}

int manager_forget(const char *name)
{
	char state[sizeof("FDSTOREREMOVE=1\nFDNAME=") + MANAGER_NAME_BYTES];
	int r;

	(void)snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	r = sd_notify(0, state);
	return r < 0 ? r : 0;
}

/* The manager closes what comes with BARRIER=1 when it is its turn. */
int manager_barrier(void)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;

	r = sd_pid_notify_with_fds(0, 0, "BARRIER=1", &ends[1], 1);
	(void)close(ends[1]);
	if (r <= 0) {
		(void)close(ends[0]);
		return r < 0 ? r : -EOPNOTSUPP;
	}
	return ends[0];
}

int manager_take(void (*found)(int fd, const char *name, void *data), void *data)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		found(SD_LISTEN_FDS_START + i, names[i], data);
		free(names[i]);
	}
	free(names);
	return n < 0 ? n : 0;
}
