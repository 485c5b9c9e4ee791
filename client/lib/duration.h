/* SPDX-License-Identifier: MIT */
#pragma once

/* Durations as people write them: a decimal number with a unit: ns, us, ms, s, min, h, d. */

#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC  UINT64_C(1000000000)

/* "2s", "1.5ms", "250us". 0; -EINVAL without a known unit or with anything else around; -ERANGE. */
int duration_parse(const char *text, uint64_t *ret_ns);

/* The shortest exact form, such as "500ms"; buffer of DURATION_MAX bytes is always enough. */
#define DURATION_MAX 32
const char *duration_format(uint64_t ns, char *buffer, size_t size);
