/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the configuration from the bytes of a file to the finished struct: the reader in front of
 * inih, sections and keys, every type of value, the checks of the whole, and, when it was accepted,
 * printing and reading it back.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

/* Only named by the configuration, never opened. */
const struct backend_ops backend_gpiod, backend_sim;

static int file = -1;
static char path[32];

static void put(const char *text, void *data)
{
	(void)fputs(text, data);
}

static void fill(const uint8_t *data, size_t size)
{
	if (file < 0) {
		file = memfd_create("config", MFD_CLOEXEC);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	if (file < 0 || ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
}

static void read_back(const struct config *config)
{
	struct config *again;
	char *text = NULL;
	size_t n = 0;
	FILE *stream = open_memstream(&text, &n);

	config_print(config, put, stream);
	(void)fclose(stream);
	fill((const uint8_t *)text, n);
	if (config_load(path, NULL, NULL, &again) < 0 || again->n_lines != config->n_lines)
		abort();
	(void)config_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config;

	fill(data, size);
	if (config_load(path, NULL, NULL, &config) == 0) {
		read_back(config);
		(void)config_free(config);
	}
	return 0;
}
