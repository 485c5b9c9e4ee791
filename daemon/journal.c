/* SPDX-License-Identifier: MIT */

#include "journal.h"

#include <endian.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MESSAGE_BYTES 4096

static int journal_fd = -1;
static struct sockaddr_un address;

bool journal_is_behind(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void journal_open(const char *path)
{
	if (strlen(path) >= sizeof(address.sun_path) || journal_fd >= 0)
		return;

	address.sun_family = AF_UNIX;
	(void)strcpy(address.sun_path, path);
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* NAME=value, or, since a newline would end it, NAME, the length and the value. Returns the bytes
 * written, 0 when there is no room. */
static size_t put_field(const struct journal_field *field, char *to, size_t room)
{
	const size_t name = strlen(field->name), value = strlen(field->value);
	const uint64_t length = htole64(value);

	if (name + 1 + sizeof(length) + value + 1 > room)
		return 0;
	if (!strchr(field->value, '\n'))
		return (size_t)sprintf(to, "%s=%s\n", field->name, field->value);

	memcpy(to, field->name, name);
	to[name] = '\n';
	memcpy(to + name + 1, &length, sizeof(length));
	memcpy(to + name + 1 + sizeof(length), field->value, value);
	to[name + 1 + sizeof(length) + value] = '\n';
	return name + 1 + sizeof(length) + value + 1;
}

bool journal_send(const struct journal_field *fields, size_t n)
{
	char message[MESSAGE_BYTES];
	size_t bytes = 0;

	if (journal_fd < 0)
		return false;

	for (size_t i = 0; i < n; i++)
		if (fields[i].value && fields[i].value[0])
			bytes += put_field(&fields[i], message + bytes, sizeof(message) - bytes);
	return sendto(journal_fd, message, bytes, MSG_NOSIGNAL, (const struct sockaddr *)&address,
		       sizeof(address)) >= 0;
}
