/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer. Invariant: everything in the buffer is whole; what does not fit is not written
 * at all, and after the first such piece nothing is, so that n never has to be taken back.
 */

#include "jsonw.h"

#include <assert.h>
#include <string.h>

#include "utf8.h"

static const char two_digits[] = "00010203040506070809"
				 "10111213141516171819"
				 "20212223242526272829"
				 "30313233343536373839"
				 "40414243444546474849"
				 "50515253545556575859"
				 "60616263646566676869"
				 "70717273747576777879"
				 "80818283848586878889"
				 "90919293949596979899";

static const uint64_t powers_of_ten[20] = { 0, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
	100000000, 1000000000, UINT64_C(10000000000), UINT64_C(100000000000),
	UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000),
	UINT64_C(1000000000000000), UINT64_C(10000000000000000), UINT64_C(100000000000000000),
	UINT64_C(1000000000000000000), UINT64_C(10000000000000000000) };

/* From the bits, each 1233 / 4096 of a digit; one more when the number is not below that power. */
static unsigned count_digits(uint64_t number)
{
	unsigned n = (64 - (unsigned)__builtin_clzll(number | 1)) * 1233 >> 12;

	return n + (number >= powers_of_ten[n]);
}

/* Written from its end, in place: a copy of unknown length costs a call. */
char *put_u64(char *p, uint64_t number)
{
	char *const end = p + count_digits(number);

	for (p = end; number >= 100; number /= 100) {
		p -= 2;
		memcpy(p, two_digits + 2 * (number % 100), 2);
	}
	if (number >= 10)
		memcpy(p - 2, two_digits + 2 * number, 2);
	else
		p[-1] = (char)('0' + number);
	return end;
}

static void put(struct jsonw *w, const char *bytes, size_t n)
{
	if (w->overflow || n > w->size - w->n) {
		w->overflow = true;
		return;
	}
	memcpy(w->buffer + w->n, bytes, n);
	w->n += n;
}

static void put_byte(struct jsonw *w, char byte)
{
	put(w, &byte, 1);
}

/* What comes between this value or key and the one before it. */
static void separate(struct jsonw *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->depth == 0)
		return;
	if (!w->first[w->depth - 1])
		put_byte(w, ',');
	w->first[w->depth - 1] = false;
}

static void begin(struct jsonw *w, char bracket)
{
	assert(w->depth < JSONW_DEPTH);
	separate(w);
	put_byte(w, bracket);
	w->first[w->depth++] = true;
}

static void end(struct jsonw *w, char bracket)
{
	assert(w->depth > 0 && !w->after_key);
	w->depth--;
	put_byte(w, bracket);
}

static void put_escaped(struct jsonw *w, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	static const char short_form[0x60] = {
		['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't',
	};
	char escape[6] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] };

	if (short_form[byte]) {
		escape[1] = short_form[byte];
		put(w, escape, 2);
	} else {
		put(w, escape, 6);
	}
}

/* Length of the run of bytes from p that are written as they are. */
static size_t plain_run(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		unsigned char byte = (unsigned char)p[i];
		size_t length = byte < 0x80 ? 1 : utf8_sequence(p + i, n - i);

		if (byte < 0x20 || byte == '"' || byte == '\\' || length == 0)
			break;
		i += length;
	}
	return i;
}

/*
 * Bytes that are no UTF-8 become U+FFFD: the kernel allows any bytes in the names of lines, and one
 * such name must not make a whole reply unreadable.
 */
static void put_string(struct jsonw *w, const char *string)
{
	size_t n = strlen(string);

	put_byte(w, '"');
	for (size_t i = 0; i < n && !w->overflow;) {
		size_t run = plain_run(string + i, n - i);

		put(w, string + i, run);
		i += run;
		if (i == n)
			break;
		if ((unsigned char)string[i] < 0x80)
			put_escaped(w, (unsigned char)string[i]);
		else
			put(w, "\xef\xbf\xbd", 3);
		i++;
	}
	put_byte(w, '"');
}

void jsonw_init(struct jsonw *w, char *buffer, size_t size)
{
	*w = (struct jsonw){ .buffer = buffer, .size = size };
}

void jsonw_begin_object(struct jsonw *w)
{
	begin(w, '{');
}

void jsonw_end_object(struct jsonw *w)
{
	end(w, '}');
}

void jsonw_begin_array(struct jsonw *w)
{
	begin(w, '[');
}

void jsonw_end_array(struct jsonw *w)
{
	end(w, ']');
}

void jsonw_key(struct jsonw *w, const char *key)
{
	assert(w->depth > 0 && !w->after_key);
	separate(w);
	put_string(w, key);
	put_byte(w, ':');
	w->after_key = true;
}

void jsonw_string(struct jsonw *w, const char *string)
{
	if (!string) {
		jsonw_null(w);
		return;
	}
	separate(w);
	put_string(w, string);
}

void jsonw_u64(struct jsonw *w, uint64_t number)
{
	char digits[20];

	jsonw_raw(w, digits, (size_t)(put_u64(digits, number) - digits));
}

void jsonw_i64(struct jsonw *w, int64_t number)
{
	char digits[21], *p = digits;

	if (number < 0)
		*p++ = '-';
	p = put_u64(p, number < 0 ? -(uint64_t)number : (uint64_t)number);
	jsonw_raw(w, digits, (size_t)(p - digits));
}

void jsonw_bool(struct jsonw *w, bool value)
{
	if (value)
		jsonw_raw(w, "true", 4);
	else
		jsonw_raw(w, "false", 5);
}

void jsonw_null(struct jsonw *w)
{
	jsonw_raw(w, "null", 4);
}

void jsonw_raw(struct jsonw *w, const char *json, size_t n)
{
	separate(w);
	put(w, json, n);
}

void jsonw_member_string(struct jsonw *w, const char *key, const char *string)
{
	jsonw_key(w, key);
	jsonw_string(w, string);
}

void jsonw_member_u64(struct jsonw *w, const char *key, uint64_t number)
{
	jsonw_key(w, key);
	jsonw_u64(w, number);
}

void jsonw_member_i64(struct jsonw *w, const char *key, int64_t number)
{
	jsonw_key(w, key);
	jsonw_i64(w, number);
}

void jsonw_member_bool(struct jsonw *w, const char *key, bool value)
{
	jsonw_key(w, key);
	jsonw_bool(w, value);
}

struct jsonw jsonw_mark(const struct jsonw *w)
{
	return *w;
}

void jsonw_rewind(struct jsonw *w, struct jsonw mark)
{
	*w = mark;
}
