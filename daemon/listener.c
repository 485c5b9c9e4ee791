/* SPDX-License-Identifier: MIT */

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config_table.h"
#include "daemon.h"
#include "diag.h"
#include "server.h"

#define ACCEPTS_PER_ROUND 16
#define BACKLOG		  1024

static void dispatch(struct source *source, uint32_t events)
{
	struct listener *listener = list_object(source, struct listener, source);

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_ROUND && listener->fd >= 0; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			server_welcome(listener->server, fd, listener->name);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			server_lacks_fds(listener->server, listener);
		else if (errno == ECONNABORTED || errno == EINTR)
			continue;
		else if (errno != EAGAIN)
			server_cannot_accept(listener->server, errno);
		return;
	}
}

/* What to do about a path where nothing can be made. */
static const char *advice(int error)
{
	static const struct {
		int error;
		const char *text;
	} table[] = {
		{ ENOSPC, "make room in its folder, df -h and df -i show what is full, or choose "
			  "another path" },
		{ EDQUOT, "make room in its folder, or choose another path" },
		{ EROFS, "choose a path that can be written" },
		{ EACCES, "start as root, or choose another path" },
		{ EPERM, "start as root, or choose another path" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].error == error)
			return table[i].text;
	return "choose another path";
}

static int report(const char *what, const char *path, int error)
{
	diag_error("%s%s cannot be made: %s; %s", what, path, strerror(error), advice(error));
	return -error;
}

/* Whether somebody serves the socket at this address, be it of another type. */
static bool is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served = fd >= 0 &&
		      (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			      errno == EAGAIN || errno == EPROTOTYPE);

	if (fd >= 0)
		close(fd);
	return served;
}

/* Makes the path free: a socket that nobody serves is left from a daemon that was killed. */
static int clear_path(const struct sockaddr_un *address)
{
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		diag_error("%s is there and is not a socket", address->sun_path);
		return -EEXIST;
	}
	if (is_served(address)) {
		diag_error("another program serves %s", address->sun_path);
		return -EADDRINUSE;
	}
	if (unlink(address->sun_path) == 0)
		return 0;

	diag_error("%s is left from another daemon and cannot be removed: %s", address->sun_path,
		strerror(errno));
	return -EEXIST;
}

/* Whether the path is the one that is in force when nobody says anything. */
static bool is_default_path(const char *path)
{
	return strcmp(path, config_row_find(CONFIG_SECTION_DAEMON, "socket")->standard) == 0;
}

/* The default path's folder is made, since /run is empty after each boot. Told if it fails. */
static int make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (!slash || slash == path)
		return 0;

	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (access(folder, F_OK) == 0 || errno != ENOENT)
		return 0;
	if (!is_default_path(path)) {
		diag_error("the socket's folder %s is missing; make it with mkdir -p %s, or choose "
			   "another path with --socket",
			folder, folder);
		return -ENOENT;
	}
	/* The umask may be a strict one, and clients must get in. */
	if (mkdir(folder, 0755) < 0 || chmod(folder, 0755) < 0)
		return report("the socket's folder ", folder, errno);
	return 0;
}

/* Of two daemons that start at once only one may clear the path and bind. */
static int lock_path(struct listener *listener, const char *path)
{
	char lock_path[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(".lock")];

	(void)snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	listener->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (listener->lock_fd < 0)
		return report("the socket's lock ", lock_path, errno);
	if (flock(listener->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		diag_error("another gpioeventd serves %s", path);
		return -EADDRINUSE;
	}
	return 0;
}

/* Who is not root may only choose among the groups that he is in. By then the path may be a link
 * that the folder's owner has put there. */
static void give_to_group(const struct socket_config *config)
{
	if (config->gid == (gid_t)-1 || lchown(config->path, (uid_t)-1, config->gid) == 0)
		return;
	if (config->group[0])
		diag_warning("%s cannot be given to the group %s: %s", config->path, config->group,
			strerror(errno));
}

/*
 * The mode is the socket's own before it has a path, so that no path has to be followed afterwards:
 * who has the folder, as a container, could put a link there. Nobody slips in before the group is
 * right, since nothing listens yet.
 */
static int bind_path(struct listener *listener, const struct socket_config *config,
	const struct sockaddr_un *address)
{
	mode_t before = umask(0);
	int r = 0;

	if (fchmod(listener->fd, config->mode) < 0 ||
		bind(listener->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		r = -errno;
	(void)umask(before);
	if (r < 0)
		return r;

	listener->unlink_path = true;
	give_to_group(config);
	return 0;
}

static int open_path(struct listener *listener, const struct socket_config *config)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	(void)snprintf(listener->path, sizeof(listener->path), "%s", config->path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", config->path);
	r = make_folder(config->path);
	if (r == 0)
		r = lock_path(listener, config->path);
	if (r == 0)
		r = clear_path(&address);
	if (r < 0)
		return r;

	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = listener->fd < 0 ? -errno : bind_path(listener, config, &address);
	return r < 0 ? report("the socket ", config->path, -r) : 0;
}

/* A listening Unix stream socket that does not wait. */
static bool is_usable(int fd)
{
	int domain = 0, type = 0, listens = 0;
	socklen_t bytes = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) == 0 && listens &&
	       fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0;
}

/* The first that was handed over under the name and can be used, or -1. */
static int take_inherited(struct inherit *inherit, const char *name)
{
	int fd;

	while ((fd = inherit_take(inherit, name)) >= 0) {
		if (is_usable(fd))
			return fd;
		diag_error("what was handed over as the socket %s is no listening Unix stream "
			   "socket; it is closed",
			name);
		(void)close(fd);
	}
	return -1;
}

struct socket_config listener_main(const struct config *config)
{
	struct socket_config own = {
		.name = SOCKET_MAIN, .mode = config->socket_mode, .gid = config->socket_gid
	};

	(void)snprintf(own.path, sizeof(own.path), "%s", config->socket);
	(void)snprintf(own.group, sizeof(own.group), "%s", config->socket_group);
	return own;
}

int listener_open(
	struct listener *listener, struct server *server, const struct socket_config *config)
{
	int r = 0;

	*listener = (struct listener){ .server = server, .source.fd = -1, .fd = -1, .lock_fd = -1 };
	(void)snprintf(listener->name, sizeof(listener->name), "%s", config->name);
	listener->fd = take_inherited(&server->daemon->inherit, config->name);
	if (listener->fd < 0 && !config->path[0]) {
		diag_warning("the socket %s was not handed over and has no path; nobody can "
			     "connect by it",
			config->name);
		return 0;
	}
	if (listener->fd < 0)
		r = open_path(listener, config);
	if (r < 0)
		listener_close(listener);
	return r;
}

int listener_listen(struct listener *listener)
{
	struct loop *loop = &listener->server->daemon->loop;
	int r = 0;

	if (listener->fd < 0)
		return 0;
	if (listener->unlink_path && listen(listener->fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		r = loop_add(loop, &listener->source, listener->fd, EPOLLIN, dispatch);
	if (r < 0) {
		diag_error("cannot listen at the socket %s: %s", listener->name, strerror(-r));
		listener_close(listener);
	}
	return r;
}

void listener_pause(struct listener *listener, bool pause)
{
	if (listener->fd >= 0)
		loop_change(
			&listener->server->daemon->loop, &listener->source, pause ? 0 : EPOLLIN);
}

void listener_close(struct listener *listener)
{
	if (listener->fd >= 0) {
		loop_remove(&listener->server->daemon->loop, &listener->source);
		close(listener->fd);
	}
	listener->fd = -1;
	if (listener->unlink_path)
		(void)unlink(listener->path);
	listener->unlink_path = false;
	/* The lock file stays: if it were removed, two daemons could each hold a lock of their own.
	 */
	if (listener->lock_fd >= 0)
		close(listener->lock_fd);
	listener->lock_fd = -1;
}
