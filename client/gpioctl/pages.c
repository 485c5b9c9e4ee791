/* SPDX-License-Identifier: MIT */
/*
 * The daemon's replies fit 64 KiB each; a list goes on where "next" says. For --json the elements
 * are cut out of the text, not printed from the tree, whose numbers are doubles.
 */
#include "pages.h"

#include <inttypes.h>
#include <string.h>

#include "output.h"

struct pages {
	struct session *session;
	const struct listing *listing;
	char after[WIRE_MAX_NAME_BYTES * 2]; /* "": from the beginning */
	bool any;			     /* an element has been printed */
};

/* Past the value that begins at p: the comma or bracket behind it. The text is known to be JSON. */
static const char *skip_value(const char *p)
{
	bool quoted = false;
	int depth = 0;

	for (; *p; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '{' || *p == '['))
			depth++;
		else if (!quoted && depth > 0 && (*p == '}' || *p == ']'))
			depth--;
		else if (!quoted && depth == 0 && (*p == ',' || *p == '}' || *p == ']'))
			break;
	}
	return p;
}

/* The text of a member of the top object, or NULL; *ret_n bytes. Keys hold no escapes. */
static const char *member_text(const char *text, const char *key, size_t *ret_n)
{
	const char *p = strchr(text, '{');

	while (p && *p && *p != '}') {
		const char *name = strchr(p, '"'), *colon, *end;

		if (!name)
			return NULL;
		colon = name + 1 + strcspn(name + 1, "\"");
		colon += strcspn(colon, ":");
		if (!*colon)
			return NULL;
		end = skip_value(colon + 1);
		if (strncmp(name + 1, key, strlen(key)) == 0 && name[1 + strlen(key)] == '"') {
			*ret_n = (size_t)(end - colon - 1);
			return colon + 1;
		}
		p = end;
	}
	return NULL;
}

static bool is_wanted(const struct listing *listing, const cJSON *element)
{
	return !listing->wanted || listing->wanted(element);
}

/* What stands between the brackets of the page's array, element by element. */
static void print_elements(struct pages *pages, const struct message *reply)
{
	size_t n;
	const char *array = member_text(reply->text, pages->listing->key, &n);
	const char *begin = array ? memchr(array, '[', n) : NULL;
	const char *end = array ? memrchr(array, ']', n) : NULL;

	const cJSON *element;

	if (!begin || !end)
		return;
	cJSON_ArrayForEach(element, member(reply->tree, pages->listing->key))
	{
		const char *text = begin + 1;

		begin = skip_value(text);
		if (!is_wanted(pages->listing, element))
			continue;
		if (pages->any)
			putchar(',');
		fwrite(text, 1, (size_t)(begin - text), stdout);
		pages->any = true;
	}
}

static enum status ask_page(struct pages *pages, struct message *ret)
{
	struct session *session = pages->session;
	enum status status;

	request_begin(session, pages->listing->op);
	request_strings(session, "lines", pages->listing->names);
	request_text(session, "after", *pages->after ? pages->after : NULL);
	status = session_exchange(session, ret);
	if (status)
		return status;

	status = reply_check(ret->tree);
	if (status) {
		/* In the midst of a list its own beginning has been printed already. */
		if (session->options->json && !*pages->after)
			message_print(ret);
		message_done(ret);
	}
	return status;
}

static void begin(const struct pages *pages)
{
	if (pages->session->options->json && !*pages->after)
		printf("{\"ok\":true,\"%s\":[", pages->listing->key);
}

static void end(const struct pages *pages, const cJSON *reply)
{
	if (pages->session->options->json)
		printf("],\"seq\":%" PRIu64 "}\n", member_u64(reply, "seq", 0));
}

static void take_elements(const struct pages *pages, const cJSON *reply)
{
	const struct listing *listing = pages->listing;
	const cJSON *element;

	cJSON_ArrayForEach(element, member(reply, listing->key)) if (is_wanted(listing, element))
		listing->each(element, listing->data);
}

enum status pages_ask(struct session *session, const struct listing *listing)
{
	struct pages pages = { .session = session, .listing = listing };
	bool more;

	do {
		_cleanup_(message_done) struct message reply = { 0 };
		const char *next;
		enum status status = ask_page(&pages, &reply);

		if (status)
			return status;
		begin(&pages);
		if (session->options->json)
			print_elements(&pages, &reply);
		else
			take_elements(&pages, reply.tree);

		next = member_string(reply.tree, "next", "");
		/* The same place twice would never end. */
		more = *next && strcmp(next, pages.after) != 0;
		snprintf(pages.after, sizeof(pages.after), "%s", next);
		if (!more)
			end(&pages, reply.tree);
	} while (more);
	return STATUS_OK;
}
