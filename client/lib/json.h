/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The strict door for JSON that comes in: cJSON builds the tree, but only of text that has passed
 * here. Accepted is exactly one object in valid UTF-8, within the limits, with no repeated key, no
 * byte below 0x20 anywhere (tabs and carriage returns between tokens included) and no \u0000.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The integers that every JSON library carries exactly: |n| < 2^53. */
#define JSON_INTEGER_MAX INT64_C(9007199254740991)

struct json_limits {
	unsigned depth;	   /* levels of objects and arrays, the outermost included */
	size_t n_members;  /* of the outermost object */
	size_t n_elements; /* of anything inside it; at most 1024 */
};
extern const struct json_limits json_request_limits;
extern const struct json_limits json_reply_limits; /* replies and events: one level more inside */

enum json_fault_kind {
	JSON_FAULT_UTF8,
	JSON_FAULT_SYNTAX, /* anything that is not JSON, or not an object */
	JSON_FAULT_DEPTH,
	JSON_FAULT_MEMBERS,  /* of the outermost object */
	JSON_FAULT_ELEMENTS, /* of the value of `key` */
	JSON_FAULT_REPEATED  /* `key` */
};

struct json_fault {
	enum json_fault_kind kind;
	char key[65];	   /* "" unless the kind says otherwise; cut to fit */
	char message[240]; /* for people: what is wrong and where */
};

/* Parses n bytes. 0; -EBADMSG with *fault filled; -ENOMEM. cJSON_Delete the tree. */
int json_parse(const char *text, size_t n, const struct json_limits *limits, cJSON **ret,
	struct json_fault *fault);

/* A number as an exact integer. -EINVAL: not a whole number; -ERANGE: 2^53 or more either way. */
int json_integer(const cJSON *item, int64_t *ret);

/* "a number", "an array" and so on, for messages. */
const char *json_kind(const cJSON *item);
