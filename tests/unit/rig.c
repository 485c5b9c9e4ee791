/* SPDX-License-Identifier: MIT */
/*
 * The daemon's send() and sendmsg() are this file's (-Wl,--wrap), so that a test can say to the
 * byte how much a client's socket takes; and so are its allocations, each of which may fail.
 */

#include "rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "peer.h"

struct rig rig;
const struct backend_ops *rig_backend;

#define MAX_CLIENTS 16

static struct client *clients[MAX_CLIENTS]; /* by place; NULL: free */

ssize_t __real_send(int fd, const void *bytes, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t n, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static struct client *client_of(int fd)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (clients[i] && clients[i]->peer->fd == fd)
			return clients[i];
	return NULL;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t n, int flags)
{
	struct client *client = client_of(fd);

	if (!client || client->budget == SIZE_MAX)
		return __real_send(fd, bytes, n, flags);
	if (client->budget == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (n > client->budget)
		n = client->budget;
	client->budget -= n;
	return __real_send(fd, bytes, n, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct client *client = client_of(fd);
	static char joined[1 << 20];
	size_t n = 0;

	if (!client || client->budget == SIZE_MAX)
		return __real_sendmsg(fd, message, flags);

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		memcpy(joined + n, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
		n += message->msg_iov[i].iov_len;
	}
	return __wrap_send(fd, joined, n, flags);
}

ssize_t __wrap___sendmsg64(int fd, const struct msghdr *message, int flags)
	__attribute__((alias("__wrap_sendmsg")));

/* Allocations. */

static unsigned fail_in;
static bool failed, in_round; /* Check allocates too */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

void rig_fail_allocation(unsigned n)
{
	fail_in = n;
	if (n > 0)
		failed = false;
}

bool rig_has_failed(void)
{
	return failed;
}

static bool fails(void)
{
	if (!in_round || fail_in == 0 || --fail_in > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static const char lines[] = "[line a]\nline = GPIO0\n"
			    "[line b]\nline = GPIO1\n"
			    "[line c]\nline = GPIO2\n"
			    "[line x]\nline = GPIO10\ndirection = output\n"
			    "[line y]\nline = GPIO11\ndirection = output\n"
			    "[line z]\nline = GPIO12\ndirection = output\non-exit = 1\n"
			    "[line p]\nline = GPIO13\ndirection = output\ngroup = pair\n"
			    "[line q]\nline = GPIO14\ndirection = output\ngroup = pair\n";

static void report(const char *message, void *data)
{
	(void)data;
	ck_abort_msg("%s", message);
}

void rig_configure(const char *configuration)
{
	FILE *file = fopen(rig.path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "%s[daemon]\nbackend = sim\nboard = none\nsocket = %s/socket\n%s", lines,
		rig.directory, configuration ? configuration : "log-size = 64K\n");
	fclose(file);
}

int rig_reload(void)
{
	int r;

	in_round = true;
	r = reload_run(&rig.daemon);
	in_round = false;
	return r;
}

static void make_feeds(void)
{
	for (unsigned i = 0; i < RIG_FEEDS; i++) {
		int fds[2];

		ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
		rig.feeds[i] = fds[1];
		snprintf(rig.feed_options[i], sizeof(rig.feed_options[i]), "%c=%d", 'a' + (int)i,
			fds[0]);
		rig.options.feeds[i] = rig.feed_options[i];
	}
	rig.options.n_feeds = RIG_FEEDS;
}

void rig_start(const char *configuration)
{
	struct config *config;

	rig = (struct rig){ .directory = "/tmp/gpioeventd.XXXXXX" };
	ck_assert_ptr_nonnull(mkdtemp(rig.directory));
	snprintf(rig.path, sizeof(rig.path), "%s/conf", rig.directory);
	rig.options.config = rig.path;
	rig_configure(configuration);
	make_feeds();
	ck_assert_int_eq(options_load(&rig.options, report, NULL, &config), 0);
	if (rig_backend)
		config->backend = rig_backend;
	rig.edge_ns = clock_now_ns();
	ck_assert_int_eq(daemon_start(&rig.daemon, &rig.options, config), 0);
	rig_settle();
}

static void remove_file(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", rig.directory, name);
	(void)unlink(path);
}

static void clean_up(struct config *config)
{
	for (unsigned i = 0; i < RIG_FEEDS; i++) {
		close(rig.feeds[i]);
		close(config->feeds[i].fd);
	}
	config_free(config);
	remove_file("conf");
	remove_file("socket.lock");
	(void)rmdir(rig.directory);
}

void rig_stop(void)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (clients[i])
			client_done(clients[i]);
	daemon_stop(&rig.daemon);
	clean_up(rig.daemon.config);
}

/* A socket with room keeps the loop awake while the test lets nothing through. */
static void hold_back(bool hold)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct peer *peer = clients[i] ? clients[i]->peer : NULL;

		if (!peer)
			continue;
		if (!hold)
			peer_update_interest(peer);
		else if (clients[i]->budget == 0)
			loop_change(&rig.daemon.loop, &peer->source,
				peer->source.events & ~(uint32_t)EPOLLOUT);
	}
}

static bool is_ready(void)
{
	struct pollfd poll_fd = { .fd = rig.daemon.loop.epoll_fd, .events = POLLIN };

	hold_back(true);
	return gather_has_more(&rig.daemon.gather) || server_has_more(&rig.daemon.server) ||
	       poll(&poll_fd, 1, 0) > 0;
}

/* A connection is freed at the end of its last round: it must not be looked at any more. */
static void step(void)
{
	struct list *peers = &rig.daemon.server.peers;
	int r;

	in_round = true;
	r = daemon_round(&rig.daemon);
	in_round = false;
	ck_assert_int_eq(r, 0);
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		bool lives = false;

		list_for_each (link, peers)
			lives |= clients[i] &&
				 list_object(link, struct peer, link) == clients[i]->peer;
		if (!lives)
			clients[i] = NULL;
	}
}

void rig_settle(void)
{
	hold_back(false);
	for (int rounds = 0; is_ready(); rounds++) {
		ck_assert_int_lt(rounds, 100000);
		step();
	}
}

void rig_wait(void)
{
	step();
}

void rig_edge(unsigned feed, bool rising, uint64_t after_ns)
{
	struct gpio_v2_line_event event = { .timestamp_ns = rig.edge_ns += after_ns,
		.id = rising ? GPIO_V2_LINE_EVENT_RISING_EDGE : GPIO_V2_LINE_EVENT_FALLING_EDGE,
		.offset = feed,
		.line_seqno = ++rig.line_seqno[feed] };

	ck_assert_int_eq(write(rig.feeds[feed], &event, sizeof(event)), sizeof(event));
}

void rig_skip(unsigned feed, uint32_t n)
{
	rig.line_seqno[feed] += n;
}

void client_connect(struct client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t place = 0;

	*client = (struct client){ .budget = SIZE_MAX };
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", rig.directory);
	ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	rig_settle();
	client->peer = list_object(rig.daemon.server.peers.prev, struct peer, link);
	while (clients[place])
		place++;
	clients[place] = client;
}

void client_done(struct client *client)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (clients[i] == client)
			clients[i] = NULL;
	if (client->fd >= 0)
		close(client->fd);
	free(client->in);
	*client = (struct client){ .fd = -1 };
}

static void send_all(int fd, const char *bytes, size_t n)
{
	ck_assert_int_eq(__real_send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void send_line(struct client *client, const char *format, va_list args)
{
	char line[8192];
	int n = vsnprintf(line, sizeof(line) - 1, format, args);

	ck_assert_int_lt(n, (int)sizeof(line) - 1);
	line[n] = '\n';
	send_all(client->fd, line, (size_t)n + 1);
}

void client_send(struct client *client, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	send_line(client, format, args);
	va_end(args);
}

void client_read(struct client *client)
{
	ssize_t n;

	do {
		if (client->size - client->n < 65536) {
			client->size = client->size ? 2 * client->size : 131072;
			client->in = realloc(client->in, client->size);
			ck_assert_ptr_nonnull(client->in);
		}
		n = recv(client->fd, client->in + client->n, client->size - client->n - 1,
			MSG_DONTWAIT);
		if (n > 0)
			client->n += (size_t)n;
	} while (n > 0);
	client->ended |= n == 0;
	client->in[client->n] = 0;
}

const char *client_ask(struct client *client, const char *format, ...)
{
	char *last;
	va_list args;

	va_start(args, format);
	send_line(client, format, args);
	va_end(args);
	rig_settle();
	client_read(client);
	ck_assert_uint_gt(client->n, 0);
	ck_assert_int_eq(client->in[client->n - 1], '\n');
	last = memrchr(client->in, '\n', client->n - 1);
	return last ? last + 1 : client->in;
}

void client_clear(struct client *client)
{
	client_read(client);
	client->n = 0;
}

uint64_t number_in(const char *line, const char *key)
{
	char text[80];
	const char *found;

	snprintf(text, sizeof(text), "\"%s\":", key);
	found = strstr(line, text);
	if (!found)
		ck_abort_msg("no %s in %s", key, line);
	return strtoull(found + strlen(text), NULL, 10);
}

bool has_in(const char *line, const char *text)
{
	return strstr(line, text) != NULL;
}

char *next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!end)
		return NULL;

	*end = 0;
	*rest = end + 1;
	return line;
}
