/* The service hello_world: a small site inside the connector, to see that a tunnel works. */
#ifndef CULVERT_ORIGIN_HELLO_ORIGIN_H
#define CULVERT_ORIGIN_HELLO_ORIGIN_H

#include "culvert/net/loop.h"
#include "culvert/proxy/opener.h"

/* An opener by itself: give &origin.opener. Nothing is to be released; it lives until all its
 * outbounds are closed.
 *
 *   /uptime    {"startTime": RFC 3339, "uptime": "1m30s"}
 *   /_health   ok
 *   /sse       0, 1, 2 as events of text/event-stream, one per ?freq=DURATION (10s)
 *   /ws        a WebSocket that gives messages back; 400 to anything else
 *   all else   a page that shows the request */
struct hello_origin {
    struct opener opener;
    struct loop *loop;
    int64_t started_ms; /* unix */
};

/* Prepares it; the uptime counts from here. */
void hello_origin_init(struct hello_origin *origin, struct loop *loop);

#endif
