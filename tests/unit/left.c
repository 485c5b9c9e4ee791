/* SPDX-License-Identifier: MIT */

#include "left.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "manager.h"
#include "rig.h"

static int left_fd = -1, left_line_fd = -1;
static char left_line_name[64];

bool manager_has_store(void)
{
	return false;
}

int manager_take(void (*found)(int fd, const char *name, void *data), void *data)
{
	if (left_fd >= 0)
		found(left_fd, "log", data);
	if (left_line_fd >= 0)
		found(left_line_fd, left_line_name, data);
	left_fd = left_line_fd = -1;
	return 0;
}

static void copy_range(int to, int from, off_t at, size_t n)
{
	const off_t end = at + (off_t)n;

	ck_assert_int_eq(lseek(to, at, SEEK_SET), at);
	while (at < end)
		ck_assert_int_gt(sendfile(to, from, &at, (size_t)(end - at)), 0);
}

int left_copy(void)
{
	const size_t n = rig.daemon.log.header->total_bytes;
	int fd = memfd_create("left", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	copy_range(fd, rig.daemon.log.fd, 0, n);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	return fd;
}

void left_mix(int fd, int records)
{
	struct log_header header;

	ck_assert_int_eq(pread(records, &header, sizeof(header), 0), sizeof(header));
	copy_range(fd, records, (off_t)header.kept_at, (size_t)header.n_kept * header.kept_bytes);
	copy_range(fd, records, offsetof(struct log_header, kept_used), sizeof(header.kept_used));
}

void left_hand_over(int fd)
{
	left_fd = fd;
}

void left_hand_over_line(int fd, const char *name)
{
	left_line_fd = fd;
	snprintf(left_line_name, sizeof(left_line_name), "%s", name);
}
