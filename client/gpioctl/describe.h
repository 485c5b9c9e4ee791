/* SPDX-License-Identifier: MIT */
#pragma once

/* A line object of the protocol, in words. */

#include <stddef.h>

#include <cjson/cJSON.h>

/* What differs from the plain: "pull-up, active-low, debounce 5ms"; "-" for nothing. */
void describe_settings(const cJSON *line, char *buffer, size_t size);
/* Who uses it: clients, another process's consumer, the daemon by itself; "-" when it is free. */
void describe_users(const cJSON *line, char *buffer, size_t size);
/* "gpiochip0:23"; "GPIO99?" for a line that the configuration names and that is not there. */
void describe_place(const cJSON *line, char *buffer, size_t size);
