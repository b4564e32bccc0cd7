/* An intrusive doubly linked list: a struct embeds a `struct link` for each list it may be in. */
#ifndef CULVERT_BASE_LIST_H
#define CULVERT_BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev, *next; /* both NULL: in no list */
};

struct list {
    struct link head;
    size_t count;
};

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Walks the links; the body must not remove others than the current one in LIST_EACH_SAFE. */
/* NOLINTBEGIN(bugprone-macro-parentheses): they are names of variables */
#define LIST_EACH(it, list)                                                                        \
    for (struct link *it = (list)->head.next; it != &(list)->head; it = it->next)
#define LIST_EACH_SAFE(it, after, list)                                                            \
    for (struct link *it = (list)->head.next, *after = it->next; it != &(list)->head;              \
         it = after, after = it->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *list)
{
    list->head.prev = list->head.next = &list->head;
    list->count = 0;
}

static inline bool link_is_in_list(const struct link *link)
{
    return link->next != NULL;
}

static inline void list_put_last(struct list *list, struct link *link)
{
    link->prev = list->head.prev;
    link->next = &list->head;
    link->prev->next = link;
    link->next->prev = link;
    list->count++;
}

static inline void list_put_first(struct list *list, struct link *link)
{
    link->prev = &list->head;
    link->next = list->head.next;
    link->prev->next = link;
    link->next->prev = link;
    list->count++;
}

/* In front of `place`, a link of the list, or its head: last. */
static inline void list_put_before(struct list *list, struct link *place, struct link *link)
{
    link->prev = place->prev;
    link->next = place;
    link->prev->next = link;
    link->next->prev = link;
    list->count++;
}

static inline void list_remove(struct list *list, struct link *link)
{
    assert(link->prev && link->next);
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
    list->count--;
}

/* The first link without removing it; NULL when empty. */
static inline struct link *list_first(const struct list *list)
{
    return list->head.next == &list->head ? NULL : list->head.next;
}

static inline struct link *list_last(const struct list *list)
{
    return list->head.prev == &list->head ? NULL : list->head.prev;
}

#endif
