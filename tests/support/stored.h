/* A fresh store with its account and the zone example.com, for tests. */
#ifndef CULVERT_TESTS_SUPPORT_STORED_H
#define CULVERT_TESTS_SUPPORT_STORED_H

#include "culvert/store/routes.h"
#include "culvert/store/tunnels.h"

#include "place.h"

struct stored {
    struct test_place place;
    struct database *db;
    struct store_account account;
    struct store_zone zone;
};

/* Opens it; aborts when it cannot. */
struct stored stored_open(void);
void stored_close(struct stored *s);

/* store_zones_put with its values in a row. */
enum store_result stored_zone(struct database *db, const char *account_id, const char *name,
                              int64_t now_ms, struct store_zone *zone);

/* Makes a tunnel with the UUID b0000000-0000-4000-8000-0000000000<number>. */
enum store_result stored_tunnel(struct stored *s, int number, const char *name, int64_t now_ms);
struct uuid stored_id(int number);

#endif
