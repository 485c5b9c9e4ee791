/* SPDX-License-Identifier: MIT */
#pragma once

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */

#include <stdbool.h>
#include <stddef.h>

/* Length of the valid sequence that begins at p, 1 to 4; 0 when none does within n bytes. */
size_t utf8_sequence(const char *p, size_t n);
bool utf8_valid(const char *text, size_t n);

/* The largest length of at most max that does not split a sequence of text, which has n bytes. */
size_t utf8_cut(const char *text, size_t n, size_t max);

/* Copies as much of string as fits whole into size bytes, its NUL included. */
void utf8_copy(char *to, size_t size, const char *string);

/* Whether string has a control character: below 0x20, DEL, or U+0080 to U+009F. */
bool utf8_has_control(const char *string);
