/* SPDX-License-Identifier: MIT */
/* claim, unclaim. */

#include "claim.h"
#include "command.h"
#include "daemon.h"
#include "line.h"

static struct named_lines named; /* of the request being run */

enum wire_error op_claim(struct call *call)
{
	const struct args_claim *args = &call->request->args.claim;
	const struct claim_terms terms = { .on_disconnect = (enum on_disconnect)args->on_disconnect,
		.has_on_disconnect = WIRE_GIVEN(args, claim, on_disconnect),
		.ttl_ns = args->ttl_ns,
		.max_on_ns = args->max_on_ns };
	enum wire_error error = call_name_lines(call, &args->lines, &named);

	if (error == WIRE_OK)
		error = claims_grant(call->peer, named.n, named.lines, &terms, call->problem);
	if (error != WIRE_OK)
		return error;

	jsonw_member_u64(call->reply, "seq", call->daemon->log.head);
	call_write_values(call, &named);
	return WIRE_OK;
}

enum wire_error op_unclaim(struct call *call)
{
	struct jsonw *w = call->reply;
	bool was_claimed[WIRE_MAX_LINES];
	enum wire_error error = call_name_lines(call, &call->request->args.unclaim.lines, &named);

	for (size_t i = 0; i < named.n && error == WIRE_OK; i++) {
		was_claimed[i] = named.lines[i]->claim != NULL;
		error = claim_check(named.lines[i], &call->peer->id, call->problem);
	}
	if (error != WIRE_OK)
		return error;

	for (size_t i = 0; i < named.n; i++)
		claim_lose(named.lines[i], "unclaim");
	jsonw_member_u64(w, "seq", call->daemon->log.head);
	jsonw_key(w, "was_claimed");
	jsonw_begin_object(w);
	for (size_t i = 0; i < named.n; i++)
		jsonw_member_bool(w, named.names[i], was_claimed[i]);
	jsonw_end_object(w);
	call_write_names(call, &named);
	return WIRE_OK;
}
