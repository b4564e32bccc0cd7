/* Tunnels over the REST interface. Each call blocks; errors begin with "API: " and what was asked.
 */
#ifndef CULVERT_API_TUNNELS_H
#define CULVERT_API_TUNNELS_H

#include "culvert/api/client.h"
#include "culvert/api/objects.h"

enum {
    API_TUNNELS_MAX = 100000, /* in one list, over all pages */
    API_PAGES_MAX = 5000,     /* a page has 20 by default */
};

/* Tunnels with the documents that their texts lie in. Start with {0}. */
struct api_tunnels {
    struct api_tunnel *items;
    size_t count;
    struct doc *pages;
};
void api_tunnels_release(struct api_tunnels *tunnels); /* wipes tokens */

/* The same for connectors. */
struct api_connectors {
    struct api_connector *items;
    size_t count;
    struct doc *page;
};
void api_connectors_release(struct api_connectors *connectors);

/* Which tunnels to list; what is not given (data NULL, pointer NULL, 0) is no condition. */
struct api_tunnel_filter {
    bool include_deleted;
    struct span name; /* exact */
    struct span name_prefix;
    struct span exclude_prefix;
    struct span existed_at; /* RFC 3339 */
    const struct uuid *id;
    uint64_t per_page; /* 0: the API chooses */
};

/* Makes a tunnel; `secret` are its bytes. Fills one item; cause 409 when the name is taken. */
bool api_tunnels_create(const struct api_client *client, struct span name, struct span secret,
                        struct api_tunnels *tunnels, struct error *err) MUST_CHECK;

/* Reads all pages. */
bool api_tunnels_list(const struct api_client *client, const struct api_tunnel_filter *filter,
                      struct api_tunnels *tunnels, struct error *err) MUST_CHECK;

/* Reads one, also a deleted one; fills one item. */
bool api_tunnels_get(const struct api_client *client, const struct uuid *id,
                     struct api_tunnels *tunnels, struct error *err) MUST_CHECK;

/* Deletes it, with `cascade` also what depends on it. */
bool api_tunnels_delete(const struct api_client *client, const struct uuid *id, bool cascade,
                        struct error *err) MUST_CHECK;

/* Appends the tunnel token as the API gives it; the caller wipes it. */
bool api_tunnels_token(const struct api_client *client, const struct uuid *id, struct buf *token,
                       struct error *err) MUST_CHECK;

/* The connectors that serve it now. */
bool api_tunnels_connectors(const struct api_client *client, const struct uuid *id,
                            struct api_connectors *connectors, struct error *err) MUST_CHECK;

/* The id of the live tunnel `name`; every spelling of a UUID is taken as it is, without a request.
 * `unique`: several of that name are an error, else the first counts. False: cause 404 when there
 * is none. */
bool api_tunnels_resolve(const struct api_client *client, struct span name, bool unique,
                         struct uuid *id, struct error *err) MUST_CHECK;

#endif
