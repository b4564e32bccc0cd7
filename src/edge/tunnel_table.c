/* A map of lists. */
#include "tunnel_table.h"

bool tunnel_table_init(struct tunnel_table *table, size_t limit)
{
    table->lists = map_new(limit);
    table->limit = limit;
    return table->lists != NULL;
}

void tunnel_table_release(struct tunnel_table *table)
{
    if (table->lists)
        map_free(table->lists, free);
    table->lists = NULL;
}

struct list *tunnel_table_find(const struct tunnel_table *table, const struct uuid *tunnel_id)
{
    return map_find(table->lists, uuid_span(tunnel_id));
}

static struct list *make(struct tunnel_table *table, const struct uuid *tunnel_id,
                         struct error *err)
{
    struct list *list = calloc(1, sizeof *list);
    if (!list) {
        error_memory(err);
        return NULL;
    }
    list_init(list);
    if (map_put(table->lists, uuid_span(tunnel_id), list, NULL))
        return list;
    free(list);
    error_set(err, ERROR_LIMIT, 0, "more than %zu tunnels are connected", table->limit);
    return NULL;
}

bool tunnel_table_add(struct tunnel_table *table, const struct uuid *tunnel_id, struct link *link,
                      struct error *err)
{
    struct list *list = tunnel_table_find(table, tunnel_id);
    if (!list)
        list = make(table, tunnel_id, err);
    if (!list)
        return false;
    list_put_last(list, link);
    table->count++;
    return true;
}

void tunnel_table_remove(struct tunnel_table *table, const struct uuid *tunnel_id,
                         struct link *link)
{
    if (!link_is_in_list(link))
        return;
    struct list *list = tunnel_table_find(table, tunnel_id);
    list_remove(list, link);
    table->count--;
    if (list->count == 0)
        free(map_take(table->lists, uuid_span(tunnel_id)));
}
