/* Tunnels: their names, secrets and life. Which connectors serve them is not stored: that is known
 * only while they are connected. */
#ifndef CULVERT_STORE_TUNNELS_H
#define CULVERT_STORE_TUNNELS_H

#include "culvert/base/buf.h"
#include "culvert/base/uuid.h"
#include "culvert/store/accounts.h"

enum {
    STORE_TUNNEL_NAME_MAX = 255,    /* bytes */
    STORE_TUNNEL_SECRET_MIN = 32,   /* bytes */
    STORE_TUNNEL_SECRET_MAX = 1024, /* bytes */
    STORE_TUNNELS_MAX = 10000,      /* live ones of an account */
    STORE_TUNNELS_PAGE_MAX = 1000,  /* in one answer */
};

struct store_tunnel {
    struct uuid id;
    char account_id[STORE_ID_SIZE];
    char name[STORE_TUNNEL_NAME_MAX + 1];
    int64_t created_ms;
    int64_t deleted_ms; /* 0: it lives */
};

/* A tunnel to be made; all borrowed. */
struct store_tunnel_new {
    const char *account_id;
    struct uuid id;
    struct span name; /* UTF-8, not empty */
    struct span secret;
    int64_t now_ms;
};

/* OK and the tunnel, EXISTS when a live one of the account has the name, FAILED (LIMIT, INVALID).
 */
enum store_result store_tunnels_create(struct database *db, const struct store_tunnel_new *what,
                                       struct store_tunnel *tunnel, struct error *err) MUST_CHECK;

/* The tunnel of the account, also a deleted one. OK, NONE or FAILED. */
enum store_result store_tunnels_find(struct database *db, const char *account_id,
                                     const struct uuid *id, struct store_tunnel *tunnel,
                                     struct error *err) MUST_CHECK;

/* The live tunnel of the account with that name. OK, NONE or FAILED. */
enum store_result store_tunnels_find_name(struct database *db, const char *account_id,
                                          struct span name, struct store_tunnel *tunnel,
                                          struct error *err) MUST_CHECK;

/* Appends the secret of a live tunnel of the account; the caller wipes it. OK, NONE or FAILED. */
enum store_result store_tunnels_secret(struct database *db, struct span account_id,
                                       const struct uuid *id, struct buf *secret,
                                       struct error *err) MUST_CHECK;

/* Marks it deleted, forgets its secret and, with `cascade`, its routes. OK and the tunnel, NONE
 * (also when deleted before), IN_USE when it has routes and not `cascade`, FAILED. */
struct store_tunnel_delete {
    const char *account_id;
    struct uuid id;
    bool cascade;
    int64_t now_ms;
};
enum store_result store_tunnels_delete(struct database *db, const struct store_tunnel_delete *what,
                                       struct store_tunnel *tunnel, struct error *err) MUST_CHECK;

/* Which tunnels to list: every condition that is given must hold. */
enum store_tunnel_life { STORE_TUNNELS_ALL, STORE_TUNNELS_LIVE, STORE_TUNNELS_DELETED };
struct store_tunnel_filter {
    const char *account_id;
    enum store_tunnel_life life;
    struct span name;           /* the conditions on names: data NULL means not given */
    struct span name_prefix;    /* of bytes, as are all comparisons */
    struct span exclude_prefix; /* its name does not begin with it */
    const struct uuid *id;      /* NULL: not given */
    int64_t existed_at_ms;      /* made by then and not yet deleted; 0: not given */
    uint64_t page;              /* 1 ... */
    uint64_t per_page;          /* 1 ... STORE_TUNNELS_PAGE_MAX; others are cut to that range */
};

struct store_tunnel_list {
    struct store_tunnel *items; /* the page, oldest first */
    size_t count;
    uint64_t total; /* on all pages */
};

/* Fills `list`, the caller releases it. OK (also when nothing fits) or FAILED. */
enum store_result store_tunnels_list(struct database *db, const struct store_tunnel_filter *filter,
                                     struct store_tunnel_list *list, struct error *err) MUST_CHECK;
void store_tunnel_list_release(struct store_tunnel_list *list);

#endif
