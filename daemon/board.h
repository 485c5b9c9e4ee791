/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A board map: which header pin and which WiringPi number is which line of which chip. Maps are
 * data files, NAME.ini, looked for in /etc/gpioeventd/boards, in DATADIR/boards and, for a daemon
 * that runs from its build tree, in config/boards beside it.
 *
 *   [board]   description, model (globs for the device tree's model, separated by |),
 *             chips (labels of the header's chip, separated by spaces), header (J8)
 *   [pins]    16 = 23         header pin 16 is offset 23 of the header's chip
 *   [wpi]     4 = 23          WiringPi's 4 is offset 23
 */

#include <stdbool.h>
#include <stddef.h>

#define BOARD_PINS_MAX 128

struct board {
	char name[64];
	char description[96];
	char header[16];
	char model[256];
	char chips[8][32];
	size_t n_chips;
	int pins[BOARD_PINS_MAX]; /* header pin -> offset, -1: no GPIO */
	int wpi[BOARD_PINS_MAX];  /* WiringPi's number -> offset, -1: none */
};

/*
 * Loads the map `name`; "" finds the one whose model fits this machine, or whose chips has one of
 * the labels given. 0; -ENOENT when there is none; -EINVAL with a message told to report() as in
 * config.h.
 */
int board_load(const char *name, const char *const *labels, size_t n_labels,
	void (*report)(const char *message, void *data), void *data, struct board **ret);
/* Reads the one file, whose name ends in .ini. 0; -EINVAL, told; -errno. */
int board_read(const char *path, void (*report)(const char *message, void *data), void *data,
	struct board **ret);
/* The names of the maps there are, "a, b, c"; what does not fit is left out. Returns buffer. */
const char *board_names(char *buffer, size_t size);
struct board *board_free(struct board *board); /* accepts NULL, returns NULL */

/* Whether one of the map's globs fits the model. */
bool board_fits_model(const struct board *board, const char *model);
/* How well a map fits a machine: 0 not at all, 1 by the model, 2 by a label, 3 by both. `model` is
 * "" where there is none. */
unsigned board_rank(
	const struct board *board, const char *model, const char *const *labels, size_t n_labels);
