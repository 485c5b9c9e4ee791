/* SPDX-License-Identifier: MIT */

/*
 * A node is made by the kernel for root alone, and gets its owner and mode from udev a moment
 * later: hence ATTRIB. That a node goes says nothing that the chip's own fd does not say, and a
 * chip whose node changes again after the scan is scanned for again: so nothing else needs to be
 * remembered.
 */

#include "dev_watch.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define READ_BYTES 4096

int dev_watch_open(const char *directory)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	if (inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR) <
		0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static bool concerns_a_chip(const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	return event->len && !strncmp(event->name, "gpiochip", strlen("gpiochip"));
}

bool dev_watch_read(int fd)
{
	alignas(struct inotify_event) char buffer[READ_BYTES];
	ssize_t n = read(fd, buffer, sizeof(buffer));
	bool found = false;

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		found |= concerns_a_chip(event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return found;
}
