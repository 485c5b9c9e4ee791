/* SPDX-License-Identifier: MIT */
#pragma once

/* What the daemon says of one line, asked before something is done with it. */

#include "session.h"

/*
 * Asks for the line's object; *ret_line lies in *ret, of which message_done() is due. A refusal is
 * told, and with --json printed, as the command's own would be.
 */
enum status line_ask(
	struct session *session, const char *name, struct message *ret, const cJSON **ret_line);

/*
 * For who watches lines and names the pin, not the alias: says of an active-low line that its edges
 * are not the pin's. Silent with --json, for which it asks nothing.
 */
enum status lines_explain_edges(struct session *session, struct strings names);
