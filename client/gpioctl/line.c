/* SPDX-License-Identifier: MIT */
/* One line's object, and what follows from it for people. */
#include "line.h"

#include <string.h>

#include "output.h"

enum status line_ask(
	struct session *session, const char *name, struct message *ret, const cJSON **ret_line)
{
	enum status status;

	request_begin(session, "lines");
	request_text(session, "line", name);
	status = session_inquire(session, ret);
	if (!status)
		*ret_line = cJSON_GetArrayItem(member(ret->tree, "lines"), 0);
	return status;
}

enum status lines_explain_edges(struct session *session, struct strings names)
{
	const struct options *o = session->options;
	bool rising = o->edge && strcmp(o->edge, "rising") == 0;

	if (o->json)
		return STATUS_OK;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(message_done) struct message reply = { 0 };
		const char *name = names.v[i], *canonical;
		const cJSON *line;
		enum status status;

		if (strcmp(name, "*") == 0)
			continue;
		status = line_ask(session, name, &reply, &line);
		if (status)
			return status;
		canonical = member_string(line, "line", name);
		if (member_true(line, "active_low") && strcmp(canonical, name) != 0)
			complain("%s is %s, active-low: %s means that the pin goes %s", name,
				canonical, rising ? "rising" : "falling", rising ? "low" : "high");
	}
	return STATUS_OK;
}
