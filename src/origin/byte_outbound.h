/* A connection to an origin whose bytes are the two directions of an upgrade: raw, or as payload of
 * WebSocket frames, perhaps with SOCKS5 in front. */
#ifndef CULVERT_ORIGIN_BYTE_OUTBOUND_H
#define CULVERT_ORIGIN_BYTE_OUTBOUND_H

#include "culvert/origin/ip_policy.h"
#include "culvert/origin/line.h"
#include "culvert/origin/tcp_origin.h"

/* What all outbounds of one opener have in common; outlives them. */
struct byte_route {
    struct loop *loop;
    const struct tcp_origin_options *options;
    struct origin_line *line;       /* in which all wait who dial */
    const struct ip_policy *policy; /* NULL: every address may be dialed */
    void (*closed)(void *arg);      /* an outbound was closed */
    void *arg;
};

/* The parameters of opener_open. */
struct byte_request {
    const struct request_head *head; /* is asked for its method and its Sec-WebSocket-Key */
    struct body *body;
    const struct outbound_events *events;
    void *arg;
};

/* Dials `host`, a name or a number that is borrowed for the call; NULL: where the client says in
 * SOCKS5. `closed` is called in the end if this succeeds. */
struct outbound *byte_outbound_open(const struct byte_route *route,
                                    const struct byte_request *request, const char *host,
                                    uint16_t port, struct error *err);

#endif
