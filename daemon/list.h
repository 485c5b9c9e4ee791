/* SPDX-License-Identifier: MIT */
#pragma once

/* A doubly linked ring with the links inside the objects. A link that points at itself is in no
 * list. */

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define list_object(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

/* The safe form allows the current object to be unlinked and freed, and nothing else. */
#define list_for_each(link, head) \
	for (struct list *link = (head)->next; link != (head); link = link->next)
#define list_for_each_safe(link, following, head)                                       \
	for (struct list *link = (head)->next, *following = link->next; link != (head); \
		link = following, following = link->next)

static inline void list_init(struct list *list)
{
	list->prev = list->next = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_append(struct list *list, struct list *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

/* A link that is in a list already keeps its place there: whoever waits longest comes first. */
static inline void list_append_once(struct list *list, struct list *link)
{
	if (list_empty(link))
		list_append(list, link);
}

/* Also right for a link that is in no list. */
static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* All of one list into another, which was not made yet or is empty. */
static inline void list_move(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;

	*to = *from;
	to->prev->next = to->next->prev = to;
	list_init(from);
}

/* The first link, taken off; NULL when there is none. */
static inline struct list *list_take(struct list *list)
{
	struct list *link = list->next;

	if (link == list)
		return NULL;

	list_remove(link);
	return link;
}
