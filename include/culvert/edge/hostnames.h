/* Public names to tunnels: a table of one loop. An exact name goes before a wildcard, the nearest
 * wildcard ("*.b.example" before "*.example") before others; a wildcard stands for one or more
 * labels. */
#ifndef CULVERT_EDGE_HOSTNAMES_H
#define CULVERT_EDGE_HOSTNAMES_H

#include "culvert/store/routes.h"

/* Brings what a visitor calls us ("App.Example.:8443", "[::1]:80") to the form of routes: lower
 * case, no last dot, no port, no brackets; ends in a NUL. False: no host name and no address. */
bool hostname_normalise(struct span authority, char out[STORE_HOSTNAME_SIZE]) MUST_CHECK;

struct hostnames;

/* An empty table; the caller owns it. NULL: memory. */
struct hostnames *hostnames_new(void);
void hostnames_free(struct hostnames *hostnames); /* NULL is allowed */

/* Replaces all routes by these (borrowed for the call). False: memory, and all is as before. */
bool hostnames_load(struct hostnames *hostnames, const struct store_route *routes, size_t count,
                    struct error *err) MUST_CHECK;

/* The tunnel of a normalised name, borrowed until the next load; NULL: nobody has that name. */
const struct uuid *hostnames_find(const struct hostnames *hostnames, struct span name);

/* How many routes there are. */
size_t hostnames_count(const struct hostnames *hostnames);

#endif
