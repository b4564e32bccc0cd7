/* Moves a body from its channel to a conn in HTTP/1.1's framing, as fast as the conn has room. */
#ifndef CULVERT_HTTP_H1_PUMP_H
#define CULVERT_HTTP_H1_PUMP_H

#include "culvert/http/body.h"
#include "culvert/http/h1_write.h"
#include "culvert/net/conn.h"

/* Embedded. */
struct h1_pump {
    struct conn *conn;
    struct channel *bytes; /* NULL: nothing to do */
    const struct headers *trailers;
    enum h1_body_kind kind;
    bool first_alone; /* the next byte is a chunk; set it before start */
    uint64_t taken;
    bool done; /* the end was handed to the conn */
    void (*ended)(void *arg);
    void *arg;
};

/* `ended` is called once for each start, when all was handed to the conn, perhaps from within
 * start; it must only note it and return. */
void h1_pump_init(struct h1_pump *pump, void (*ended)(void *arg), void *arg);

/* Begins; a NULL body is done at once. */
void h1_pump_start(struct h1_pump *pump, struct conn *conn, struct body *body,
                   enum h1_body_kind kind);

/* The conn has room again. */
void h1_pump_run(struct h1_pump *pump);
void h1_pump_stop(struct h1_pump *pump);
bool h1_pump_is_done(const struct h1_pump *pump);

#endif
