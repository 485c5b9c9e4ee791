/* SPDX-License-Identifier: MIT */

#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "config_table.h"
#include "daemon.h"
#include "diag.h"
#include "peer.h"
#include "watch.h"

#define ACCEPTS_PER_ROUND 16
#define REQUESTS_NS	  (1 * NSEC_PER_MSEC) /* of one round */
#define LISTEN_AGAIN_NS	  (100 * NSEC_PER_MSEC)

/* Who knows who has freed a descriptor: it is tried again. */
static void expire_listen_again(struct deadline *deadline, uint64_t now_ns)
{
	struct server *server = list_object(deadline, struct server, listen_again);

	(void)now_ns;
	if (server->spare_fd < 0)
		server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (server->listen_fd >= 0)
		loop_change(&server->daemon->loop, &server->listener, EPOLLIN);
}

int server_init(struct server *server, struct daemon *daemon)
{
	*server = (struct server){ .daemon = daemon,
		.listener.fd = -1,
		.listen_fd = -1,
		.lock_fd = -1,
		.spare_fd = -1,
		.marking = 1 };
	deadline_init(&server->listen_again, expire_listen_again);
	list_init(&server->peers);
	list_init(&server->closed);
	list_init(&server->ready);
	list_init(&server->flush);
	list_init(&server->behind);
	list_init(&server->watchers_of_all);
	list_init(&server->watchers_of_timers);

	server->buffer = malloc(SERVER_BUFFER);
	server->reply = malloc(WIRE_MAX_LINE_BYTES);
	server->loss_buffer = malloc(WIRE_MAX_LINE_BYTES);
	if (!server->buffer || !server->reply || !server->loss_buffer) {
		server_done(server);
		return -ENOMEM;
	}
	return 0;
}

static unsigned count_of_uid(const struct server *server, uid_t uid)
{
	unsigned n = 0;

	list_for_each (link, &server->peers)
		n += list_object(link, struct peer, link)->id.uid == uid;
	return n;
}

/* Says why, as well as one send can, and closes. */
static void refuse(struct server *server, int fd, const char *why, unsigned limit)
{
	struct wire_problem problem;
	size_t n;

	problem_set(&problem, WIRE_E_LIMIT, "%s (%u)", why, limit);
	n = command_write_error(server->reply, WIRE_MAX_LINE_BYTES, NULL, &problem);
	(void)send(fd, server->reply, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
	server->daemon->stats.refused++;
}

static void welcome(struct server *server, int fd)
{
	struct daemon *daemon = server->daemon;
	const struct config *config = daemon->config;
	struct peer_id id = { .socket = SOCKET_MAIN };
	struct peer *peer;
	int r = access_identify_socket(daemon, fd, &id);

	if (r < 0) {
		diag_warning("a connection is refused, since who it is cannot be read: %s",
			strerror(-r));
		close(fd);
		return;
	}
	if (server->n_peers >= config->connections) {
		refuse(server, fd,
			"there are as many connections as the limit `connections` allows",
			config->connections);
		return;
	}
	if (count_of_uid(server, id.uid) >= config->connections_per_uid) {
		refuse(server, fd,
			"this user has as many connections as the limit `connections-per-uid` "
			"allows",
			config->connections_per_uid);
		return;
	}

	id.peer = ++server->next_peer;
	r = peer_new(daemon, fd, &id, &peer);
	if (r < 0) {
		diag_warning("a connection cannot be taken: %s", strerror(-r));
		return;
	}
	list_append(&server->peers, &peer->link);
	server->n_peers++;
	daemon->stats.accepted++;
}

/* No fd is left: the spare one serves to accept and refuse; then wait until one is freed. */
static void refuse_for_lack_of_fds(struct server *server)
{
	int fd;

	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		refuse(server, fd, "the daemon has no file descriptor left for one more connection",
			(unsigned)server->n_peers);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop_change(&server->daemon->loop, &server->listener, 0);
	(void)loop_set_deadline(
		&server->daemon->loop, &server->listen_again, clock_now_ns() + LISTEN_AGAIN_NS);
	diag_warning("no file descriptor is left for a connection");
}

static void dispatch_listener(struct source *source, uint32_t events)
{
	struct server *server = list_object(source, struct server, listener);

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			welcome(server, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			refuse_for_lack_of_fds(server);
		else if (errno == ECONNABORTED || errno == EINTR)
			continue;
		return;
	}
}

/* Whether somebody serves the socket at this address. */
static bool is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served = fd >= 0 &&
		      (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			      errno == EAGAIN);

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
	return unlink(address->sun_path) < 0 ? -errno : 0;
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
	if (mkdir(folder, 0755) < 0 || chmod(folder, 0755) < 0) {
		int r = -errno;

		diag_error("the socket's folder %s cannot be made: %s; start as root, or choose "
			   "another path with --socket",
			folder, strerror(-r));
		return r;
	}
	return 0;
}

/* Of two daemons that start at once only one may clear the path and bind. */
static int lock_path(struct server *server, const char *path)
{
	char lock_path[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(".lock")];

	(void)snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	server->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (server->lock_fd < 0) {
		int r = -errno;

		diag_error("%s cannot be opened: %s", lock_path, strerror(-r));
		return r;
	}
	if (flock(server->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		diag_error("another gpioeventd serves %s", path);
		return -EADDRINUSE;
	}
	return 0;
}

/* Who is not root may only choose among the groups that he is in. */
static void give_to_group(const struct config *config)
{
	if (config->socket_gid == (gid_t)-1 ||
		chown(config->socket, (uid_t)-1, config->socket_gid) == 0)
		return;
	if (config->socket_group[0])
		diag_warning("%s cannot be given to the group %s: %s", config->socket,
			config->socket_group, strerror(errno));
}

/* Bound with no permission at all, so that nobody slips in before group and mode are right. */
static int bind_path(struct server *server, const struct sockaddr_un *address)
{
	const struct config *config = server->daemon->config;
	mode_t before = umask(0777);
	int r = bind(server->listen_fd, (const struct sockaddr *)address, sizeof(*address)) < 0
			? -errno
			: 0;

	(void)umask(before);
	if (r < 0)
		return r;

	server->unlink_path = true;
	give_to_group(config);
	return chmod(address->sun_path, config->socket_mode) < 0 ? -errno : 0;
}

int server_listen(struct server *server)
{
	const struct config *config = server->daemon->config;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", config->socket);
	r = make_folder(config->socket);
	if (r == 0)
		r = lock_path(server, config->socket);
	if (r == 0)
		r = clear_path(&address);
	if (r < 0)
		return r;

	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return -errno;

	r = bind_path(server, &address);
	if (r == 0 && listen(server->listen_fd, 1024) < 0)
		r = -errno;
	if (r == 0)
		r = loop_add(&server->daemon->loop, &server->listener, server->listen_fd, EPOLLIN,
			dispatch_listener);
	if (r < 0)
		diag_error("cannot listen at %s: %s", config->socket, strerror(-r));
	return r;
}

void server_stop_listening(struct server *server)
{
	if (server->listen_fd < 0)
		return;

	loop_clear_deadline(&server->daemon->loop, &server->listen_again);
	loop_remove(&server->daemon->loop, &server->listener);
	close(server->listen_fd);
	server->listen_fd = -1;
	if (server->unlink_path)
		(void)unlink(server->daemon->config->socket);
	server->unlink_path = false;
}

void server_done(struct server *server)
{
	list_for_each_safe (link, following, &server->peers)
		peer_close(list_object(link, struct peer, link));
	server_reap(server);
	server_stop_listening(server);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	/* The lock file stays: if it were removed, two daemons could each hold a lock of their own.
	 */
	if (server->lock_fd >= 0)
		close(server->lock_fd);
	free(server->buffer);
	free(server->reply);
	free(server->loss_buffer);
}

void server_run_requests(struct server *server)
{
	const uint64_t until_ns = clock_now_ns() + REQUESTS_NS;
	struct list now, *link;

	if (list_empty(&server->ready))
		return;

	/* Those that are put back belong to the next round. */
	list_move(&server->ready, &now);
	while (clock_now_ns() < until_ns && (link = list_take(&now)))
		peer_run(list_object(link, struct peer, ready_link));

	/* Edges must not wait for many busy clients either; who had no turn comes first in the next
	 * round. */
	while ((link = list_take(&server->ready)))
		list_append(&now, link);
	while ((link = list_take(&now)))
		list_append(&server->ready, link);
}

void server_flush(struct server *server)
{
	struct list now, *link;

	list_move(&server->flush, &now);
	while ((link = list_take(&now)))
		peer_flush(list_object(link, struct peer, flush_link));
}

void server_forget_peer(struct server *server, struct peer *peer)
{
	list_remove(&peer->link);
	list_append(&server->closed, &peer->link);
	server->n_peers--;
}

void server_reap(struct server *server)
{
	struct list *link;

	while ((link = list_take(&server->closed)))
		peer_free(list_object(link, struct peer, link));
}
