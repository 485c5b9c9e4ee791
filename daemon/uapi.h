/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All I/O on a line request that has been made, over the kernel's <linux/gpio.h> v2 interface. The
 * fd is all that is needed, so that a request can be used by a process that did not make it. Events
 * are read from the fd with read(2). Bit i of a mask, of values and entry i of an array are the
 * i-th line of the request.
 */

#include <stddef.h>
#include <stdint.h>

#include <linux/gpio.h>

#include "settings.h"

/* -errno for an errno of the kernel's: its internal ENOTSUPP, which leaks from drivers, becomes
 * -EOPNOTSUPP. */
int uapi_error(int error);

/* 0, or -EINVAL for a combination that the kernel refuses: edges or debounce of anything but an
 * input, a drive of anything but an output, a bias without a direction, a debounce beyond 32 bits
 * of us. */
int uapi_check(const struct line_settings *settings);

/* The debounce in the kernel's unit, rounded up, so that a period never becomes none. */
uint32_t uapi_debounce_us(const struct line_settings *settings);

/* The kernel's form of the settings of n lines, `values` being those of the outputs. 0; -EINVAL as
 * uapi_check, and for DIRECTION_ANY, which newer kernels skip; -E2BIG when they differ too much. */
int uapi_line_config(size_t n, const struct line_settings *settings, uint64_t values,
	struct gpio_v2_line_config *ret);

/* Logical values of the lines in mask. */
int uapi_get(int fd, uint64_t mask, uint64_t *ret_bits);
/* -EPERM when a line in mask is an input; then nothing was set. */
int uapi_set(int fd, uint64_t mask, uint64_t bits);
/* New settings for all n lines in one call, without release; values as in uapi_line_config. */
int uapi_reconfigure(int fd, size_t n, const struct line_settings *settings, uint64_t values);
