/* SPDX-License-Identifier: MIT */

#include "op_values.h"

#include <string.h>

static enum wire_error read_array(struct call *call, const struct wire_values *values,
	const struct wire_names *lines, struct line_values *ret)
{
	if (!lines || lines->n != values->n)
		return problem_field(call->problem, WIRE_E_BAD_TYPE, "values",
			"values as an array needs one entry for each of lines, each line named "
			"once: "
			"%zu values, %zu lines",
			values->n, lines ? lines->n : 0);

	memcpy(ret->values, values->v, values->n);
	return call_find_lines(call, lines, &ret->named);
}

enum wire_error op_read_values(struct call *call, const struct wire_values *values,
	const struct wire_names *lines, struct line_values *ret)
{
	const struct wire_names names = { .n = values->n, .v = values->names };

	if (values->n && !values->names[0])
		return read_array(call, values, lines, ret);
	if (lines && (lines->n || lines->all))
		return problem_field(call->problem, WIRE_E_BAD_TYPE, "values",
			"values as an object names its lines; leave line and lines out");

	memcpy(ret->values, values->v, values->n);
	return call_find_lines(call, &names, &ret->named);
}
