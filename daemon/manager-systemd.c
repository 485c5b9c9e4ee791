/* SPDX-License-Identifier: MIT */

#include "manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

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
