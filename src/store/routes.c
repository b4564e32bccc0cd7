/* DNS routes in the database. */
#include "culvert/store/routes.h"

#include "statement.h"

/* Says whether the tunnel lives and belongs to the account of the zone. */
static bool tunnel_fits(struct database *db, const struct store_route_new *what, bool *fits,
                        struct error *err)
{
    int64_t count = 0;
    struct statement *st = statement_open(db,
                                          "SELECT count(*) FROM tunnels AS t JOIN zones AS z "
                                          "ON z.account_id = t.account_id "
                                          "WHERE t.id = ?1 AND t.deleted_ms IS NULL AND z.id = ?2",
                                          err);
    if (!st)
        return false;
    statement_bind_uuid(st, 1, &what->tunnel_id);
    statement_bind_text(st, 2, what->zone_id);
    if (!statement_number(st, &count, err))
        return false;
    *fits = count > 0;
    return true;
}

/* The tunnel that has the name now. OK, NONE or FAILED. */
static enum store_result find_owner(struct database *db, struct span hostname, struct uuid *owner,
                                    struct error *err)
{
    struct statement *st =
        statement_open(db, "SELECT tunnel_id FROM dns_routes WHERE hostname = ?1", err);
    if (!st)
        return STORE_FAILED;
    statement_bind_text(st, 1, hostname);
    enum step step = statement_step(st, err);
    enum store_result result = step == STEP_DONE ? STORE_NONE : STORE_FAILED;
    if (step == STEP_ROW)
        result = statement_uuid(st, 0, owner) ? STORE_OK : store_broken_row("dns_routes", err);
    statement_close(st);
    return result;
}

static bool has_room(struct database *db, struct error *err)
{
    int64_t count = 0;
    struct statement *st = statement_open(db, "SELECT count(*) FROM dns_routes", err);
    if (!st || !statement_number(st, &count, err))
        return false;
    return count < STORE_ROUTES_MAX ||
           error_set(err, ERROR_LIMIT, 0, "there are %d routes already", STORE_ROUTES_MAX);
}

static bool write_route(struct database *db, const char *sql, const struct store_route_new *what,
                        struct error *err)
{
    struct statement *st = statement_open(db, sql, err);
    if (!st)
        return false;
    statement_bind_text(st, 1, what->hostname);
    statement_bind_text(st, 2, what->zone_id);
    statement_bind_uuid(st, 3, &what->tunnel_id);
    statement_bind_int(st, 4, what->now_ms);
    return statement_run(st, NULL, err);
}

static enum store_route_put put_inside(struct database *db, const struct store_route_new *what,
                                       struct error *err)
{
    static const char insert[] =
        "INSERT INTO dns_routes (hostname, zone_id, tunnel_id, created_ms, changed_ms) "
        "VALUES (?1, ?2, ?3, ?4, ?4)";
    static const char update[] = "UPDATE dns_routes SET zone_id = ?2, tunnel_id = ?3, "
                                 "changed_ms = ?4 WHERE hostname = ?1";
    bool fits = false;
    if (!tunnel_fits(db, what, &fits, err))
        return STORE_ROUTE_FAILED;
    if (!fits)
        return STORE_ROUTE_NO_TUNNEL;
    struct uuid owner;
    enum store_result found = find_owner(db, what->hostname, &owner, err);
    if (found == STORE_FAILED)
        return STORE_ROUTE_FAILED;
    if (found == STORE_NONE)
        return has_room(db, err) && write_route(db, insert, what, err) ? STORE_ROUTE_NEW
                                                                       : STORE_ROUTE_FAILED;
    if (uuid_equal(&owner, &what->tunnel_id))
        return STORE_ROUTE_UNCHANGED;
    if (!what->overwrite)
        return STORE_ROUTE_EXISTS;
    return write_route(db, update, what, err) ? STORE_ROUTE_UPDATED : STORE_ROUTE_FAILED;
}

enum store_route_put store_routes_put(struct database *db, const struct store_route_new *what,
                                      struct error *err)
{
    if (!transaction_begin(db, err))
        return STORE_ROUTE_FAILED;
    enum store_route_put result = put_inside(db, what, err);
    bool keep = result == STORE_ROUTE_NEW || result == STORE_ROUTE_UPDATED;
    return transaction_end(db, keep, err) ? result : STORE_ROUTE_FAILED;
}

enum store_result store_routes_remove_tunnel(struct database *db, const struct uuid *tunnel_id,
                                             size_t *removed, struct error *err)
{
    int64_t changed = 0;
    struct statement *st = statement_open(db, "DELETE FROM dns_routes WHERE tunnel_id = ?1", err);
    if (!st)
        return STORE_FAILED;
    statement_bind_uuid(st, 1, tunnel_id);
    if (!statement_run(st, &changed, err))
        return STORE_FAILED;
    *removed = (size_t)changed;
    return STORE_OK;
}

static bool read_row(struct statement *st, struct store_route *route)
{
    route->created_ms = statement_int(st, 3);
    route->changed_ms = statement_int(st, 4);
    return statement_copy_text(st, 0, route->hostname, sizeof route->hostname) &&
           statement_copy_text(st, 1, route->zone_id, sizeof route->zone_id) &&
           statement_uuid(st, 2, &route->tunnel_id);
}

static bool make_room(struct store_route_list *list, size_t *cap, struct error *err)
{
    if (list->count < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 64;
    struct store_route *items = reallocarray(list->items, more, sizeof *items);
    if (!items)
        return error_memory(err);
    list->items = items;
    *cap = more;
    return true;
}

static enum store_result read_all(struct statement *st, struct store_route_list *list,
                                  struct error *err)
{
    size_t cap = 0;
    enum step step;
    while ((step = statement_step(st, err)) == STEP_ROW) {
        if (!make_room(list, &cap, err))
            return STORE_FAILED;
        if (!read_row(st, &list->items[list->count]))
            return store_broken_row("dns_routes", err);
        list->count++;
    }
    return step == STEP_DONE ? STORE_OK : STORE_FAILED;
}

enum store_result store_routes_list(struct database *db, struct store_route_list *list,
                                    struct error *err)
{
    *list = (struct store_route_list){0};
    struct statement *st =
        statement_open(db,
                       "SELECT hostname, zone_id, tunnel_id, created_ms, changed_ms "
                       "FROM dns_routes ORDER BY hostname",
                       err);
    if (!st)
        return STORE_FAILED;
    enum store_result result = read_all(st, list, err);
    statement_close(st);
    if (result != STORE_OK)
        store_route_list_release(list);
    return result;
}

void store_route_list_release(struct store_route_list *list)
{
    free(list->items);
    *list = (struct store_route_list){0};
}
