/* SPDX-License-Identifier: MIT */

#include "manager.h"

#include <errno.h>

bool manager_has_store(void)
{
	return false;
}

int manager_store(int fd, const char *name)
{
	(void)fd;
	(void)name;
	return -EOPNOTSUPP;
}

int manager_forget(const char *name)
{
	(void)name;
	return -EOPNOTSUPP;
}

int manager_take(void (*found)(int fd, const char *name, void *data), void *data)
{
	(void)found;
	(void)data;
	return 0;
}
