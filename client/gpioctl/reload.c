/* SPDX-License-Identifier: MIT */
/* gpioctl reload: the daemon reads its configuration again. */
#include "output.h"
#include "session.h"

static void put_strings(const char *sign, const cJSON *strings)
{
	const cJSON *string;

	cJSON_ArrayForEach(string, strings)
		put("%s%s\n", sign, cJSON_IsString(string) ? string->valuestring : "?");
}

static void put_result(const cJSON *reply)
{
	const cJSON *counts = member(reply, "counts"), *string;

	put("lines: %.0f added, %.0f removed, %.0f changed\n", member_number(counts, "added", 0),
		member_number(counts, "removed", 0), member_number(counts, "changed", 0));
	put_strings("  + ", member(reply, "added"));
	put_strings("  - ", member(reply, "removed"));
	put_strings("  ~ ", member(reply, "changed"));
	if (member_true(reply, "truncated"))
		put("  ...\n");
	put_strings("in force: ", member(reply, "keys"));
	cJSON_ArrayForEach(string, member(reply, "restart"))
		complain("%s has changed too, which needs a restart", string->valuestring);
	cJSON_ArrayForEach(string, member(reply, "waiting"))
		complain("%s cannot be taken yet; \"gpioctl info %s\" tells why",
			string->valuestring, string->valuestring);
}

static enum status run(const struct options *options, struct strings args)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);

	(void)args;
	if (status)
		return status;
	request_begin(&session, "reload");
	status = session_ask(&session, &reply);
	if (!status && !options->json)
		put_result(reply.tree);
	return status;
}

const struct command command_reload = {
	.name = "reload",
	.arguments = "",
	.summary = "Has the daemon read its configuration again; what is the same stays untouched.",
	.details =
		"Ends with 0 when the files are in force. When anything in them is wrong, or the\n"
		"hardware refuses, nothing changes, each problem is said, and it ends with 1.\n",
	.examples = "  gpioctl reload\n",
	.run = run,
};
