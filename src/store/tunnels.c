/* Tunnels in the database. */
#include "culvert/store/tunnels.h"

#include "statement.h"

#define COLUMNS "id, account_id, name, created_ms, coalesce(deleted_ms, 0)"

/* The conditions of a filter; LIST and COUNT share their parameters. */
#define CONDITIONS                                                                                 \
    " FROM tunnels WHERE account_id = ?1"                                                          \
    " AND (?2 = 0 OR (?2 = 1 AND deleted_ms IS NULL) OR (?2 = 2 AND deleted_ms IS NOT NULL))"      \
    " AND (?3 IS NULL OR name = ?3)"                                                               \
    " AND (?4 IS NULL OR substr(name, 1, length(?4)) = ?4)"                                        \
    " AND (?5 IS NULL OR substr(name, 1, length(?5)) <> ?5)"                                       \
    " AND (?6 IS NULL OR id = ?6)"                                                                 \
    " AND (?7 = 0 OR (created_ms <= ?7 AND (deleted_ms IS NULL OR deleted_ms > ?7)))"

static enum store_result read_row(struct statement *st, struct store_tunnel *tunnel,
                                  struct error *err)
{
    tunnel->created_ms = statement_int(st, 3);
    tunnel->deleted_ms = statement_int(st, 4);
    bool fits = statement_uuid(st, 0, &tunnel->id) &&
                statement_copy_text(st, 1, tunnel->account_id, sizeof tunnel->account_id) &&
                statement_copy_text(st, 2, tunnel->name, sizeof tunnel->name);
    return fits ? STORE_OK : store_broken_row("tunnels", err);
}

/* Reads the one row of `st` and closes it. */
static enum store_result take(struct statement *st, struct store_tunnel *tunnel, struct error *err)
{
    enum step step = statement_step(st, err);
    enum store_result result = step == STEP_DONE ? STORE_NONE : STORE_FAILED;
    if (step == STEP_ROW)
        result = read_row(st, tunnel, err);
    statement_close(st);
    return result;
}

static bool has_room(struct database *db, const char *account_id, struct error *err)
{
    int64_t count = 0;
    struct statement *st = statement_open(
        db, "SELECT count(*) FROM tunnels WHERE account_id = ?1 AND deleted_ms IS NULL", err);
    if (!st)
        return false;
    statement_bind_text(st, 1, span_of(account_id));
    if (!statement_number(st, &count, err))
        return false;
    return count < STORE_TUNNELS_MAX ||
           error_set(err, ERROR_LIMIT, 0, "there are %d tunnels already", STORE_TUNNELS_MAX);
}

static enum store_result insert(struct database *db, const struct store_tunnel_new *what,
                                struct error *err)
{
    int64_t changed = 0;
    struct statement *st =
        statement_open(db,
                       "INSERT INTO tunnels (id, account_id, name, secret, created_ms) "
                       "VALUES (?1, ?2, ?3, ?4, ?5) "
                       "ON CONFLICT (account_id, name) WHERE deleted_ms IS NULL DO NOTHING",
                       err);
    if (!st)
        return STORE_FAILED;
    statement_bind_uuid(st, 1, &what->id);
    statement_bind_text(st, 2, span_of(what->account_id));
    statement_bind_text(st, 3, what->name);
    statement_bind_bytes(st, 4, what->secret);
    statement_bind_int(st, 5, what->now_ms);
    if (!statement_run(st, &changed, err))
        return STORE_FAILED;
    return changed == 0 ? STORE_EXISTS : STORE_OK;
}

static bool is_well_formed(const struct store_tunnel_new *what, struct error *err)
{
    if (what->name.len == 0 || what->name.len > STORE_TUNNEL_NAME_MAX)
        return error_set(err, ERROR_INVALID, 0, "a tunnel's name has 1 to %d bytes",
                         STORE_TUNNEL_NAME_MAX);
    if (what->secret.len < STORE_TUNNEL_SECRET_MIN || what->secret.len > STORE_TUNNEL_SECRET_MAX)
        return error_set(err, ERROR_INVALID, 0, "a tunnel's secret has %d to %d bytes",
                         STORE_TUNNEL_SECRET_MIN, STORE_TUNNEL_SECRET_MAX);
    return true;
}

enum store_result store_tunnels_create(struct database *db, const struct store_tunnel_new *what,
                                       struct store_tunnel *tunnel, struct error *err)
{
    if (!is_well_formed(what, err) || !transaction_begin(db, err))
        return STORE_FAILED;
    enum store_result result = STORE_FAILED;
    if (has_room(db, what->account_id, err))
        result = insert(db, what, err);
    if (!transaction_end(db, result == STORE_OK, err))
        return STORE_FAILED;
    *tunnel = (struct store_tunnel){.id = what->id, .created_ms = what->now_ms};
    (void)snprintf(tunnel->account_id, sizeof tunnel->account_id, "%s", what->account_id);
    (void)snprintf(tunnel->name, sizeof tunnel->name, "%.*s", SPAN_ARG(what->name));
    return result;
}

enum store_result store_tunnels_find(struct database *db, const char *account_id,
                                     const struct uuid *id, struct store_tunnel *tunnel,
                                     struct error *err)
{
    struct statement *st = statement_open(
        db, "SELECT " COLUMNS " FROM tunnels WHERE account_id = ?1 AND id = ?2", err);
    if (!st)
        return STORE_FAILED;
    statement_bind_text(st, 1, span_of(account_id));
    statement_bind_uuid(st, 2, id);
    return take(st, tunnel, err);
}

enum store_result store_tunnels_find_name(struct database *db, const char *account_id,
                                          struct span name, struct store_tunnel *tunnel,
                                          struct error *err)
{
    struct statement *st = statement_open(db,
                                          "SELECT " COLUMNS " FROM tunnels WHERE account_id = ?1 "
                                          "AND name = ?2 AND deleted_ms IS NULL",
                                          err);
    if (!st)
        return STORE_FAILED;
    statement_bind_text(st, 1, span_of(account_id));
    statement_bind_text(st, 2, name);
    return take(st, tunnel, err);
}

enum store_result store_tunnels_secret(struct database *db, struct span account_id,
                                       const struct uuid *id, struct buf *secret, struct error *err)
{
    struct statement *st = statement_open(db,
                                          "SELECT secret FROM tunnels WHERE account_id = ?1 "
                                          "AND id = ?2 AND deleted_ms IS NULL",
                                          err);
    if (!st)
        return STORE_FAILED;
    statement_bind_text(st, 1, account_id);
    statement_bind_uuid(st, 2, id);
    enum step step = statement_step(st, err);
    enum store_result result = step == STEP_DONE ? STORE_NONE : STORE_FAILED;
    if (step == STEP_ROW && buf_put_span(secret, statement_bytes(st, 0)))
        result = STORE_OK;
    else if (step == STEP_ROW)
        error_memory(err);
    statement_close(st);
    return result;
}

static bool count_routes(struct database *db, const struct uuid *id, int64_t *count,
                         struct error *err)
{
    struct statement *st =
        statement_open(db, "SELECT count(*) FROM dns_routes WHERE tunnel_id = ?1", err);
    if (!st)
        return false;
    statement_bind_uuid(st, 1, id);
    return statement_number(st, count, err);
}

static bool remove_routes(struct database *db, const struct uuid *id, struct error *err)
{
    struct statement *st = statement_open(db, "DELETE FROM dns_routes WHERE tunnel_id = ?1", err);
    if (!st)
        return false;
    statement_bind_uuid(st, 1, id);
    return statement_run(st, NULL, err);
}

static bool mark_deleted(struct database *db, const struct store_tunnel_delete *what,
                         struct error *err)
{
    struct statement *st =
        statement_open(db, "UPDATE tunnels SET deleted_ms = ?2, secret = NULL WHERE id = ?1", err);
    if (!st)
        return false;
    statement_bind_uuid(st, 1, &what->id);
    statement_bind_int(st, 2, what->now_ms);
    return statement_run(st, NULL, err);
}

static enum store_result delete_inside(struct database *db, const struct store_tunnel_delete *what,
                                       struct store_tunnel *tunnel, struct error *err)
{
    int64_t routes = 0;
    enum store_result result = store_tunnels_find(db, what->account_id, &what->id, tunnel, err);
    if (result != STORE_OK)
        return result;
    if (tunnel->deleted_ms != 0)
        return STORE_NONE;
    if (!count_routes(db, &what->id, &routes, err))
        return STORE_FAILED;
    if (routes > 0 && !what->cascade)
        return STORE_IN_USE;
    tunnel->deleted_ms = what->now_ms;
    return remove_routes(db, &what->id, err) && mark_deleted(db, what, err) ? STORE_OK
                                                                            : STORE_FAILED;
}

enum store_result store_tunnels_delete(struct database *db, const struct store_tunnel_delete *what,
                                       struct store_tunnel *tunnel, struct error *err)
{
    if (!transaction_begin(db, err))
        return STORE_FAILED;
    enum store_result result = delete_inside(db, what, tunnel, err);
    return transaction_end(db, result == STORE_OK, err) ? result : STORE_FAILED;
}

static void bind_filter(struct statement *st, const struct store_tunnel_filter *filter)
{
    statement_bind_text(st, 1, span_of(filter->account_id));
    statement_bind_int(st, 2, filter->life);
    statement_bind_optional(st, 3, filter->name);
    statement_bind_optional(st, 4, filter->name_prefix);
    statement_bind_optional(st, 5, filter->exclude_prefix);
    if (filter->id)
        statement_bind_uuid(st, 6, filter->id);
    statement_bind_int(st, 7, filter->existed_at_ms);
}

static bool count_all(struct database *db, const struct store_tunnel_filter *filter,
                      struct store_tunnel_list *list, struct error *err)
{
    int64_t total = 0;
    struct statement *st = statement_open(db, "SELECT count(*)" CONDITIONS, err);
    if (!st)
        return false;
    bind_filter(st, filter);
    if (!statement_number(st, &total, err))
        return false;
    list->total = (uint64_t)total;
    return true;
}

static enum store_result read_page(struct statement *st, uint64_t per_page,
                                   struct store_tunnel_list *list, struct error *err)
{
    enum store_result result = STORE_OK;
    enum step step = statement_step(st, err);
    list->items = calloc(per_page, sizeof *list->items);
    if (!list->items && step != STEP_FAILED) {
        error_memory(err);
        step = STEP_FAILED;
    }
    while (result == STORE_OK && step == STEP_ROW) {
        result = read_row(st, &list->items[list->count++], err);
        step = statement_step(st, result == STORE_OK ? err : NULL);
    }
    return step == STEP_FAILED ? STORE_FAILED : result;
}

static enum store_result list_inside(struct database *db, const struct store_tunnel_filter *filter,
                                     struct store_tunnel_list *list, struct error *err)
{
    uint64_t per_page = filter->per_page;
    if (per_page < 1 || per_page > STORE_TUNNELS_PAGE_MAX)
        per_page = STORE_TUNNELS_PAGE_MAX;
    /* Behind the last possible page every page is as empty. */
    uint64_t page = filter->page < 1 ? 1 : filter->page;
    page = page > INT64_MAX / per_page ? INT64_MAX / per_page : page;
    if (!count_all(db, filter, list, err))
        return STORE_FAILED;
    struct statement *st = statement_open(
        db, "SELECT " COLUMNS CONDITIONS " ORDER BY created_ms, id LIMIT ?8 OFFSET ?9", err);
    if (!st)
        return STORE_FAILED;
    bind_filter(st, filter);
    statement_bind_int(st, 8, (int64_t)per_page);
    statement_bind_int(st, 9, (int64_t)((page - 1) * per_page));
    enum store_result result = read_page(st, per_page, list, err);
    statement_close(st);
    return result;
}

enum store_result store_tunnels_list(struct database *db, const struct store_tunnel_filter *filter,
                                     struct store_tunnel_list *list, struct error *err)
{
    *list = (struct store_tunnel_list){0};
    enum store_result result = list_inside(db, filter, list, err);
    if (result != STORE_OK)
        store_tunnel_list_release(list);
    return result;
}

void store_tunnel_list_release(struct store_tunnel_list *list)
{
    free(list->items);
    *list = (struct store_tunnel_list){0};
}
