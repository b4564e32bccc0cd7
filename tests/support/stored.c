/* Stores for tests. */
#include "stored.h"

struct stored stored_open(void)
{
    struct stored s = {.place = place_make()};
    struct error err = {0};
    s.db = database_open(s.place.directory, &err);
    bool ok = s.db && store_accounts_first(s.db, 1, &s.account, &err) == STORE_OK &&
              stored_zone(s.db, s.account.id, "example.com", 1, &s.zone) == STORE_OK;
    if (!ok) {
        printf("# %s\n", err.text);
        abort();
    }
    return s;
}

void stored_close(struct stored *s)
{
    database_close(s->db);
    place_remove(&s->place);
}

struct uuid stored_id(int number)
{
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "b0000000-0000-4000-8000-0000000000%02x",
                   (unsigned)number & 0xff);
    if (!uuid_parse(span_of(text), &id))
        abort();
    return id;
}

enum store_result stored_tunnel(struct stored *s, int number, const char *name, int64_t now_ms)
{
    struct store_tunnel tunnel;
    struct store_tunnel_new what = {.account_id = s->account.id,
                                    .id = stored_id(number),
                                    .name = span_of(name),
                                    .secret = SPAN("0123456789abcdef0123456789abcdef"),
                                    .now_ms = now_ms};
    return store_tunnels_create(s->db, &what, &tunnel, NULL);
}

enum store_result stored_zone(struct database *db, const char *account_id, const char *name,
                              int64_t now_ms, struct store_zone *zone)
{
    struct error err = {0};
    struct store_zone_new what = {account_id, span_of(name), now_ms};
    enum store_result result = store_zones_put(db, &what, zone, &err);
    if (result == STORE_FAILED)
        printf("# zone %s: %s\n", name, err.text);
    return result;
}
