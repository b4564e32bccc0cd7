/* DNS routes: which tunnel answers for a host name. */
#ifndef CULVERT_STORE_ROUTES_H
#define CULVERT_STORE_ROUTES_H

#include "culvert/base/uuid.h"
#include "culvert/store/accounts.h"

enum { STORE_ROUTES_MAX = 100000 }; /* all are read into memory at start */

struct store_route {
    char hostname[STORE_HOSTNAME_SIZE]; /* lower case, no final dot, or "*." and such a name */
    char zone_id[STORE_ID_SIZE];
    struct uuid tunnel_id;
    int64_t created_ms;
    int64_t changed_ms;
};

/* A host name to be routed; the caller has checked and normalised it. All borrowed. */
struct store_route_new {
    struct span hostname;
    struct span zone_id;
    struct uuid tunnel_id;
    bool overwrite; /* may take the name from another tunnel */
    int64_t now_ms;
};

enum store_route_put {
    STORE_ROUTE_FAILED, /* `err` says why; LIMIT when there are too many */
    STORE_ROUTE_NEW,
    STORE_ROUTE_UPDATED,   /* it was another tunnel's */
    STORE_ROUTE_UNCHANGED, /* it was this tunnel's already */
    STORE_ROUTE_EXISTS,    /* it is another tunnel's, and not `overwrite` */
    STORE_ROUTE_NO_TUNNEL, /* no live tunnel of the zone's account has that id */
};

/* Routes the name to the tunnel, if that may be: see above. */
enum store_route_put store_routes_put(struct database *db, const struct store_route_new *what,
                                      struct error *err) MUST_CHECK;

/* Removes all routes of the tunnel; *removed says how many. OK or FAILED. */
enum store_result store_routes_remove_tunnel(struct database *db, const struct uuid *tunnel_id,
                                             size_t *removed, struct error *err) MUST_CHECK;

struct store_route_list {
    struct store_route *items; /* by host name */
    size_t count;
};

/* Fills `list` with every route, the caller releases it. OK or FAILED. */
enum store_result store_routes_list(struct database *db, struct store_route_list *list,
                                    struct error *err) MUST_CHECK;
void store_route_list_release(struct store_route_list *list);

#endif
