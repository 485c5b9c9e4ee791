/* SPDX-License-Identifier: MIT */
/* Values, printed and written. */
#include "values.h"

#include "output.h"

enum status values_print(const struct session *session, const cJSON *reply, struct strings names)
{
	const cJSON *values = member(reply, "values");
	enum status status = STATUS_OK;

	for (size_t i = 0; i < names.n; i++) {
		int value = value_of(member(values, names.v[i]));

		if (value < 0) {
			complain("%s has no value now; \"gpioctl info %s\" may tell why",
				names.v[i], names.v[i]);
			status = STATUS_FAILED;
		}
		if (session->options->json)
			continue;
		if (names.n > 1)
			put("%s=", names.v[i]);
		put("%s\n", value_word(value));
	}
	return status;
}

enum status lines_write(struct session *session, const char *op, struct strings names, int value,
	const char *pulse, struct message *ret)
{
	struct jsonw *w = request_begin(session, op);
	enum status status;

	request_strings(session, "lines", names);
	if (value >= 0)
		jsonw_member_u64(w, "value", (uint64_t)value);
	request_text(session, "pulse", pulse);

	status = session_exchange(session, ret);
	if (status)
		return status;
	if (session->options->json)
		message_print(ret);
	return reply_check(ret->tree);
}
