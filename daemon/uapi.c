/* SPDX-License-Identifier: MIT */

/*
 * The kernel's line requests, by ioctl. A configuration is default flags plus at most ten
 * attributes, each for a set of lines: the flags of the first line are the default, each further
 * set of flags is an attribute, so is each debounce period, and one carries the values of all
 * outputs.
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "uapi.h"

#define KERNEL_ENOTSUPP 524

static const uint64_t bias_flags[] = {
	[BIAS_AS_IS] = 0,
	[BIAS_DISABLED] = GPIO_V2_LINE_FLAG_BIAS_DISABLED,
	[BIAS_PULL_UP] = GPIO_V2_LINE_FLAG_BIAS_PULL_UP,
	[BIAS_PULL_DOWN] = GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN,
};

static const uint64_t drive_flags[] = {
	[DRIVE_PUSH_PULL] = 0,
	[DRIVE_OPEN_DRAIN] = GPIO_V2_LINE_FLAG_OPEN_DRAIN,
	[DRIVE_OPEN_SOURCE] = GPIO_V2_LINE_FLAG_OPEN_SOURCE,
};

static const uint64_t edge_flags[] = {
	[EDGES_NONE] = 0,
	[EDGES_RISING] = GPIO_V2_LINE_FLAG_EDGE_RISING,
	[EDGES_FALLING] = GPIO_V2_LINE_FLAG_EDGE_FALLING,
	[EDGES_BOTH] = GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING,
};

static uint64_t line_flags(const struct line_settings *settings)
{
	uint64_t flags = bias_flags[settings->bias] | drive_flags[settings->drive] |
			 edge_flags[settings->edges];

	flags |= settings->direction == DIRECTION_OUTPUT ? GPIO_V2_LINE_FLAG_OUTPUT
							 : GPIO_V2_LINE_FLAG_INPUT;
	if (settings->active_low)
		flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
	return flags;
}

static bool same_attribute(const struct gpio_v2_line_attribute *a, uint32_t id, uint64_t value)
{
	return a->id == id && (id == GPIO_V2_LINE_ATTR_ID_DEBOUNCE ? a->debounce_period_us == value
								   : a->flags == value);
}

/* Gives the line the attribute, sharing that of earlier lines where it is the same. */
static int add_attribute(
	struct gpio_v2_line_config *config, uint32_t id, uint64_t value, size_t line)
{
	struct gpio_v2_line_config_attribute *a = config->attrs;
	struct gpio_v2_line_config_attribute *end = a + config->num_attrs;

	while (a < end && !same_attribute(&a->attr, id, value))
		a++;
	if (a == end) {
		if (config->num_attrs == GPIO_V2_LINE_NUM_ATTRS_MAX)
			return -E2BIG;
		config->num_attrs++;
		a->attr.id = id;
		if (id == GPIO_V2_LINE_ATTR_ID_DEBOUNCE)
			a->attr.debounce_period_us = (uint32_t)value;
		else
			a->attr.flags = value;
	}
	a->mask |= UINT64_C(1) << line;
	return 0;
}

static int add_line(struct gpio_v2_line_config *config, const struct line_settings *settings,
	uint64_t values, size_t line)
{
	uint64_t flags = line_flags(settings);
	int r = 0;

	if (flags != config->flags)
		r = add_attribute(config, GPIO_V2_LINE_ATTR_ID_FLAGS, flags, line);
	if (r == 0 && settings->debounce_ns)
		r = add_attribute(
			config, GPIO_V2_LINE_ATTR_ID_DEBOUNCE, uapi_debounce_us(settings), line);
	if (r == 0 && settings->direction == DIRECTION_OUTPUT)
		r = add_attribute(config, GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, values, line);
	return r;
}

int uapi_error(int error)
{
	return error == KERNEL_ENOTSUPP ? -EOPNOTSUPP : -error;
}

int uapi_check(const struct line_settings *settings)
{
	bool input = settings->direction == DIRECTION_INPUT;
	bool output = settings->direction == DIRECTION_OUTPUT;

	if (!input && (settings->edges != EDGES_NONE || settings->debounce_ns))
		return -EINVAL;
	if (!output && settings->drive != DRIVE_PUSH_PULL)
		return -EINVAL;
	if (!input && !output && settings->bias != BIAS_AS_IS)
		return -EINVAL;
	if (settings->debounce_ns > UINT64_C(1000) * UINT32_MAX)
		return -EINVAL;
	return 0;
}

uint32_t uapi_debounce_us(const struct line_settings *settings)
{
	return (uint32_t)((settings->debounce_ns + 999) / 1000);
}

int uapi_line_config(size_t n, const struct line_settings *settings, uint64_t values,
	struct gpio_v2_line_config *ret)
{
	struct gpio_v2_line_config config = { 0 };
	int r;

	if (n == 0 || n > GPIO_V2_LINES_MAX)
		return -EINVAL;
	config.flags = line_flags(&settings[0]);
	for (size_t i = 0; i < n; i++) {
		if (settings[i].direction == DIRECTION_ANY)
			return -EINVAL;
		r = uapi_check(&settings[i]);
		if (r < 0)
			return r;
		r = add_line(&config, &settings[i], values, i);
		if (r < 0)
			return r;
	}
	*ret = config;
	return 0;
}

int uapi_get(int fd, uint64_t mask, uint64_t *ret_bits)
{
	struct gpio_v2_line_values values = { .mask = mask };

	if (ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0)
		return uapi_error(errno);
	*ret_bits = values.bits & mask;
	return 0;
}

int uapi_set(int fd, uint64_t mask, uint64_t bits)
{
	struct gpio_v2_line_values values = { .mask = mask, .bits = bits };

	if (ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0)
		return uapi_error(errno);
	return 0;
}

int uapi_reconfigure(int fd, size_t n, const struct line_settings *settings, uint64_t values)
{
	struct gpio_v2_line_config config;
	int r;

	r = uapi_line_config(n, settings, values, &config);
	if (r < 0)
		return r;
	if (ioctl(fd, GPIO_V2_LINE_SET_CONFIG_IOCTL, &config) < 0)
		return uapi_error(errno);
	return 0;
}
