/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Replies that say no. The daemon's messages advise who writes requests; for people the advice is
 * put into gpioctl's own commands and options.
 */

#include <cjson/cJSON.h>

#include "gpioctl.h"

/* The status of a reply: STATUS_OK, or after telling the error, its class's. */
enum status reply_check(const cJSON *reply);
/* The same in the daemon's own words, for who speaks the protocol. */
enum status reply_check_raw(const cJSON *reply);
