/* Public names to tunnels: an immutable, counted table that all workers share; a change of routes
 * makes a new one. An exact name goes before a wildcard, the nearest wildcard ("*.b.example" before
 * "*.example") before others; a wildcard stands for one or more labels. */
#ifndef CULVERT_EDGE_HOSTNAMES_H
#define CULVERT_EDGE_HOSTNAMES_H

#include "culvert/store/routes.h"

/* Brings what a visitor calls us ("App.Example.:8443", "[::1]:80") to the form of routes: lower
 * case, no last dot, no port, no brackets; ends in a NUL. False: no host name and no address. */
bool hostname_normalise(struct span authority, char out[STORE_HOSTNAME_SIZE]) MUST_CHECK;

struct hostnames;

/* A table of these routes (borrowed for the call). Who calls owns one reference. NULL: memory. */
struct hostnames *hostnames_new(const struct store_route *routes, size_t count, struct error *err);

/* Another owner; the last one to let go frees it. From any thread. */
struct hostnames *hostnames_ref(struct hostnames *hostnames);
void hostnames_unref(struct hostnames *hostnames); /* NULL is allowed */

/* The tunnel of a normalised name, borrowed as long as the table; NULL: nobody has that name. */
const struct uuid *hostnames_find(const struct hostnames *hostnames, struct span name);

/* How many routes there are. */
size_t hostnames_count(const struct hostnames *hostnames);

#endif
