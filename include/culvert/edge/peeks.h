/* Connections whose visitor has not said yet which name it wants: looks at their first bytes,
 * without taking any, until it is known. */
#ifndef CULVERT_EDGE_PEEKS_H
#define CULVERT_EDGE_PEEKS_H

#include "culvert/edge/handover.h"

struct peeks;

enum {
    HANDOVER_PEEK_MAX = 16 * 1024, /* bytes that are looked at */
    HANDOVER_PEEK_MS = 5 * 1000,   /* for the name to come */
    HANDOVER_LOOKS_MAX = 64,       /* at one connection; one for each piece that comes */
    HANDOVER_PEEKS_MAX = 4096,     /* connections at a time; then the oldest is LATE */
};

enum peek_end {
    PEEK_NAMED,
    PEEK_UNNAMED, /* the bytes name nobody, are none of a visitor's, or are too many or too small */
    PEEK_LATE,    /* time, the visitor said no more, the oldest of too many, memory, peeks_end */
};

struct peeks_options {
    struct loop *loop;
    uint64_t limit_ms; /* for the name, if it is shorter than HANDOVER_PEEK_MS; 0: it is not */
    /* `name` is that of a route or of the edge; "" unless PEEK_NAMED. The handover is the callee's
     * again; inside of peeks_take only if there is no memory to wait, or too many do. */
    void (*told)(void *arg, struct handover *handover, enum peek_end end, const char *name);
    void *arg;
};

/* The caller owns it. NULL: memory. */
struct peeks *peeks_new(const struct peeks_options *options);

/* Looks at the connection: under TLS at its ClientHello, in clear at its first head. */
void peeks_take(struct peeks *peeks, struct handover *handover, bool is_tls);

/* The connection that has waited for the longest, which is the caller's again and not told. NULL:
 * there is none. */
struct handover *peeks_shed(struct peeks *peeks);

/* Waits for nobody any more: all are told PEEK_LATE. */
void peeks_end(struct peeks *peeks);

/* Connections that are looked at. */
size_t peeks_count(const struct peeks *peeks);

/* It has ended. NULL is allowed. */
void peeks_free(struct peeks *peeks);

#endif
