/* One service at several addresses: an opener in front of one opener for each of them. */
#ifndef CULVERT_ORIGIN_SPREAD_H
#define CULVERT_ORIGIN_SPREAD_H

#include "culvert/net/loop.h"
#include "culvert/origin/health_board.h"
#include "culvert/proxy/opener.h"

struct spread;
struct tunnel_metrics;

struct spread_member {
    const char *address; /* for the log: "192.0.2.2:8080" */
    struct opener *opener;
    void *object; /* of the opener; released with the spread */
    void (*release)(void *object);
};

/* What is not copied is borrowed and outlives the spread. */
struct spread_options {
    struct loop *loop;
    const char *name;                 /* of the service, for the log */
    size_t rule;                      /* its number */
    size_t count;                     /* of addresses; > 0 */
    const struct health_board *board; /* NULL: nobody checks */
    struct tunnel_metrics *metrics;   /* NULL: nobody counts */
};

/* Without members: each has to be put. The caller owns it. NULL: memory. */
struct spread *spread_new(const struct spread_options *options, struct error *err);

/* Takes the member over, copies the address. False: memory; the member is released. */
bool spread_put(struct spread *spread, const struct spread_member *member,
                struct error *err) MUST_CHECK;

/* Its opener, which lives as long; all members have to be there. Which address takes a request:
 * roster.h. One that could not be connected, or that broke before an answer began although nothing
 * of the body was taken and the request may be repeated, is tried once more at another address. */
struct opener *spread_opener(struct spread *spread);

/* All outbounds must be closed. NULL is allowed. */
void spread_free(struct spread *spread);

#endif
