/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Writes JSON into a buffer of fixed size that the caller owns. Nothing is allocated; what does not
 * fit sets `overflow`, and everything after it is dropped, so that one check at the end is enough.
 * Commas and colons are put by the writer. Integers are exact in 64 bits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSONW_DEPTH 8

struct jsonw {
	char *buffer;
	size_t size, n; /* n bytes are written; no terminating NUL */
	bool overflow;
	unsigned depth;
	bool first[JSONW_DEPTH]; /* nothing written yet at this level */
	bool after_key;
};

void jsonw_init(struct jsonw *w, char *buffer, size_t size);
void jsonw_begin_object(struct jsonw *w);
void jsonw_end_object(struct jsonw *w);
void jsonw_begin_array(struct jsonw *w);
void jsonw_end_array(struct jsonw *w);
void jsonw_key(struct jsonw *w, const char *key);
/* Values; each also as a member: jsonw_member_x(w, key, value). */
void jsonw_string(struct jsonw *w, const char *string); /* escapes; NULL writes null */
void jsonw_u64(struct jsonw *w, uint64_t number);
void jsonw_i64(struct jsonw *w, int64_t number);
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
void jsonw_raw(struct jsonw *w, const char *json, size_t n); /* one finished value */
void jsonw_member_string(struct jsonw *w, const char *key, const char *string);
void jsonw_member_u64(struct jsonw *w, const char *key, uint64_t number);
void jsonw_member_i64(struct jsonw *w, const char *key, int64_t number);
void jsonw_member_bool(struct jsonw *w, const char *key, bool value);

/*
 * The state before a part that may turn out too long: jsonw_mark, write, and jsonw_rewind when
 * overflow is set or the caller thinks better of it.
 */
struct jsonw jsonw_mark(const struct jsonw *w);
void jsonw_rewind(struct jsonw *w, struct jsonw mark);

/* Decimal digits of a number into p, at most 20 bytes; returns the end. Used by the event encoder.
 */
char *put_u64(char *p, uint64_t number);
