/* SPDX-License-Identifier: MIT */

#include "manager.h"

#include <stdlib.h>
#include <systemd/sd-daemon.h>

bool manager_has_store(void)
{
	const char *places = getenv("FDSTORE");

	return getenv("NOTIFY_SOCKET") && places && strtoul(places, NULL, 10) > 0;
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
