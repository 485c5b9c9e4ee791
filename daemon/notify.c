/* SPDX-License-Identifier: MIT */

#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "diag.h"

#define PATIENCE_US 200000 /* for what the manager has to know */

static struct {
	bool looked, failed, owes_ready;
	int fd; /* -1: nobody listens */
	struct sockaddr_un address;
	socklen_t address_n;
	char counts[NOTIFY_STATUS_BYTES], text[NOTIFY_STATUS_BYTES];
} notify = { .fd = -1 };

/* A path, or a name in the abstract namespace, which is written with "@" for its NUL. */
static bool take_address(const char *name)
{
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(notify.address.sun_path))
		return false;

	notify.address.sun_family = AF_UNIX;
	memcpy(notify.address.sun_path, name, n);
	if (name[0] == '@')
		notify.address.sun_path[0] = 0;
	notify.address_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

bool notify_is_on(void)
{
	const struct timeval patience = { .tv_usec = PATIENCE_US };
	const char *name = getenv("NOTIFY_SOCKET");

	if (notify.looked || !name || !*name)
		return notify.fd >= 0;

	notify.looked = true;
	if (!take_address(name)) {
		diag_warning("NOTIFY_SOCKET=%s is no Unix socket: the service manager is told "
			     "nothing",
			name);
		return false;
	}
	notify.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify.fd >= 0)
		(void)setsockopt(notify.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return notify.fd >= 0;
}

/* Not connected, since the manager may make its socket anew. Told once when it does not work.
 * False: the manager does not read. */
static bool tell(const char *state, int flags)
{
	if (!notify_is_on() ||
		sendto(notify.fd, state, strlen(state), MSG_NOSIGNAL | flags,
			(const struct sockaddr *)&notify.address, notify.address_n) >= 0)
		return true;
	if (errno == EAGAIN)
		return false;

	if (!notify.failed)
		diag_warning("the service manager cannot be told how the daemon is: %s",
			strerror(errno));
	notify.failed = true;
	return true;
}

static bool tell_with_status(const char *state, int flags)
{
	char message[2 * NOTIFY_STATUS_BYTES + 64];

	(void)snprintf(message, sizeof(message), "%sSTATUS=%s%s%s", state, notify.counts,
		notify.counts[0] && notify.text[0] ? "; " : "", notify.text);
	return tell(message, flags);
}

/* `fd` -1: none. */
static int send_now(char *state, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = state, .iov_len = strlen(state) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!notify_is_on())
		return -ENOTCONN;
	message.msg_name = &notify.address;
	message.msg_namelen = notify.address_n;
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(notify.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int notify_store(int fd, const char *name)
{
	char state[sizeof("FDSTORE=1\nFDNAME=") + 256];

	(void)snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", name);
	return send_now(state, fd);
}

int notify_forget(const char *name)
{
	char state[sizeof("FDSTOREREMOVE=1\nFDNAME=") + 256];

	(void)snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return send_now(state, -1);
}

void notify_ready(void)
{
	notify.owes_ready = !tell_with_status("READY=1\n", MSG_DONTWAIT);
}

bool notify_owes_ready(void)
{
	return notify.owes_ready;
}

void notify_reloading(void)
{
	char state[sizeof("RELOADING=1\nMONOTONIC_USEC=18446744073709551615")];

	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		clock_now_ns() / NSEC_PER_USEC);
	(void)tell(state, MSG_DONTWAIT);
}

void notify_stopping(void)
{
	(void)tell("STOPPING=1", 0);
}

/* A newline would begin another assignment. */
static void keep(char *half, const char *text)
{
	(void)snprintf(half, NOTIFY_STATUS_BYTES, "%s", text);
	for (char *c = half; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

void notify_status_counts(const char *counts)
{
	keep(notify.counts, counts);
	(void)tell_with_status("", MSG_DONTWAIT);
}

void notify_status_text(const char *text)
{
	keep(notify.text, text);
	(void)tell_with_status("", MSG_DONTWAIT);
}

static bool read_number(const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9')
		return false;

	*ret = number;
	return true;
}

/* WATCHDOG_PID tells whether it is meant for this process or for its parent. */
uint64_t notify_watchdog_ns(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t usec, number;

	if (!interval || !notify_is_on())
		return 0;
	if (pid && (!read_number(pid, &number) || number != (uint64_t)getpid()))
		return 0;
	if (!read_number(interval, &usec) || usec == 0 || usec > UINT64_MAX / NSEC_PER_USEC) {
		diag_warning("WATCHDOG_USEC=%s is no interval; there is no watchdog", interval);
		return 0;
	}
	return usec * NSEC_PER_USEC;
}

void notify_alive(void)
{
	tell("WATCHDOG=1", MSG_DONTWAIT);
}
