/* All connections of connectors that are registered at this edge, whichever worker holds them: what
 * the REST interface lists and what tells equal connections apart. The head's, and not stored. */
#ifndef CULVERT_EDGE_DIRECTORY_H
#define CULVERT_EDGE_DIRECTORY_H

#include "culvert/base/doc.h"
#include "culvert/base/ip.h"
#include "culvert/base/list.h"
#include "culvert/base/uuid.h"

struct directory;

enum {
    DIRECTORY_TUNNELS_MAX = 10000,
    DIRECTORY_TUNNEL_CONNECTIONS_MAX = 400, /* 100 connectors with four connections */
    DIRECTORY_VERSION_SIZE = 64,
    DIRECTORY_FEATURES_SIZE = 512,
};

/* One registered HA connection, embedded by who adds and removes it. */
struct listed {
    struct link link; /* the directory's */
    struct uuid tunnel_id;
    struct uuid client_id;
    struct uuid connection_id;
    uint8_t index;
    uint8_t attempts;
    char version[DIRECTORY_VERSION_SIZE];
    char arch[DIRECTORY_VERSION_SIZE];
    char features[DIRECTORY_FEATURES_SIZE]; /* joined by commas */
    struct ip_address origin;
    int64_t opened_ms; /* unix */
};

/* The caller owns it. `location` is what the API calls the place of this edge. NULL: memory. */
struct directory *directory_new(const char *location);
void directory_free(struct directory *directory); /* NULL is allowed; all must be removed before */

/* False: a limit or memory. */
bool directory_add(struct directory *directory, struct listed *entry, struct error *err) MUST_CHECK;
void directory_remove(struct directory *directory, struct listed *entry); /* twice is fine */

/* The entry with the tunnel, connector and index of `like`; NULL: there is none. */
struct listed *directory_find(const struct directory *directory, const struct listed *like);

/* Calls `each` for the tunnel's connections, of one connector or (NULL) of all; it may remove the
 * entry that it is given. */
void directory_each(struct directory *directory, const struct uuid *tunnel_id,
                    const struct uuid *client_id, void (*each)(struct listed *entry));

size_t directory_count(const struct directory *directory);

/* What the REST interface says: an object, tunnel id -> array of connectors, each with its
 * connections under "conns". The caller owns it; NULL: memory. */
struct doc *directory_connectors(const struct directory *directory);

#endif
