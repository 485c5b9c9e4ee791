/* SPDX-License-Identifier: MIT */
/*
 * bare SOCKET FEED: what the daemon is compared with. A loop that waits, reads records from the
 * descriptor FEED and makes one send for each connection, of as many bytes for each record as the
 * first one says in its padding. It knows nothing of lines, values, numbers or JSON, and keeps
 * nothing.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/gpio.h>

#define PEERS_MAX 2048
#define EVENTS	  64

static int peers[PEERS_MAX], n_peers;
static char text[64 * 1024];
static uint32_t text_size;

/* So many bytes for a message that the reader can count them by their ends. */
static void write_text(uint32_t size)
{
	memset(text, 'x', sizeof(text));
	for (size_t at = size; at <= sizeof(text); at += size)
		text[at - 1] = '\n';
	text_size = size;
}

static void broadcast(int feed)
{
	struct gpio_v2_line_event events[EVENTS];
	ssize_t n = read(feed, events, sizeof(events));

	if (n <= 0)
		exit(0);
	if (events[0].padding[0] != text_size)
		write_text(events[0].padding[0]);
	for (int i = 0; i < n_peers; i++)
		(void)send(peers[i], text, (size_t)n / sizeof(events[0]) * text_size,
			MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, PEERS_MAX) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void watch(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		perror("epoll_ctl");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	int listener, feed, epoll_fd = epoll_create1(0);

	if (argc != 3)
		return 2;

	listener = listen_at(argv[1]);
	feed = atoi(argv[2]);
	watch(epoll_fd, listener);
	watch(epoll_fd, feed);
	for (;;) {
		struct epoll_event events[8];
		int n = epoll_wait(epoll_fd, events, 8, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == feed)
				broadcast(feed);
			else if (n_peers < PEERS_MAX)
				peers[n_peers++] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	}
}
