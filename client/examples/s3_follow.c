/* SPDX-License-Identifier: MIT */
/*
 * An LED follows a button, both edges: plain C, a socket and no library.
 *
 * One message is one line without spaces between its tokens. Quotes inside strings are escaped, so
 * "event":"edge" with its quotes cannot stand anywhere but where it is meant.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static FILE *connect_or_exit(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *stream;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    !(stream = fdopen(fd, "r"))) {
		perror(path);
		exit(1);
	}
	return stream;
}

static void send_or_exit(FILE *stream, const char *request)
{
	size_t n = strlen(request);

	if (send(fileno(stream), request, n, MSG_NOSIGNAL) != (ssize_t)n) {
		perror("send");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : getenv("GPIOEVENTD_SOCKET");
	FILE *daemon = connect_or_exit(path ? path : "/run/gpioeventd/gpioeventd.sock");
	char *line = NULL;
	size_t size = 0;

	send_or_exit(daemon, "{\"op\":\"subscribe\",\"line\":\"button\",\"events\":\"edge\"}\n");
	while (getline(&line, &size, daemon) > 0) {
		const char *value = NULL;

		if (strstr(line, "\"ok\":false")) {
			fputs(line, stderr);
			return 1;
		}
		if (strstr(line, "\"event\":\"edge\""))
			value = strstr(line, "\"value\":");
		else if (strstr(line, "\"instance\":")) /* the reply to subscribe */
			value = strstr(line, "\"button\":");
		if (value)
			send_or_exit(daemon, strchr(value, ':')[1] == '1' ?
				"{\"op\":\"set\",\"line\":\"led\",\"value\":1}\n" :
				"{\"op\":\"set\",\"line\":\"led\",\"value\":0}\n");
	}
	free(line);
	fputs("the daemon has gone\n", stderr);
	return 1;
}
