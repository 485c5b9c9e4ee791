/* SPDX-License-Identifier: MIT */

#include "inherit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "manager.h"

static void found(int fd, const char *name, void *data)
{
	struct inherit *inherit = data;
	struct inherited *v = reallocarray(inherit->v, inherit->n + 1, sizeof(*v));
	char *copy = strdup(name);

	if (v)
		inherit->v = v;
	if (!v || !copy) {
		diag_error("%s was handed over and is closed: memory is short", name);
		free(copy);
		(void)close(fd);
		return;
	}
	v[inherit->n++] = (struct inherited){ .fd = fd, .name = copy };
}

int inherit_init(struct inherit *inherit)
{
	int r;

	*inherit = (struct inherit){ 0 };
	r = manager_take(found, inherit);
	if (r < 0)
		diag_error("what the service manager hands over cannot be taken: %s", strerror(-r));
	return r;
}

int inherit_take(struct inherit *inherit, const char *name)
{
	for (size_t i = 0; i < inherit->n; i++) {
		int fd = inherit->v[i].fd;

		if (fd < 0 || strcmp(inherit->v[i].name, name) != 0)
			continue;
		inherit->v[i].fd = -1;
		return fd;
	}
	return -ENOENT;
}

void inherit_done(struct inherit *inherit)
{
	for (size_t i = 0; i < inherit->n; i++) {
		if (inherit->v[i].fd >= 0) {
			diag_notice("the service manager handed over \"%s\", which nobody here "
				    "knows; it is closed",
				inherit->v[i].name);
			(void)close(inherit->v[i].fd);
		}
		free(inherit->v[i].name);
	}
	free(inherit->v);
	*inherit = (struct inherit){ 0 };
}
