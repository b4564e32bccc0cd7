/* What a stream of the tunnel is for, told by two fields of its request. */
#ifndef CULVERT_TUNNEL_STREAM_KIND_H
#define CULVERT_TUNNEL_STREAM_KIND_H

#include "culvert/http/message.h"

/* The field that marks all kinds but TCP and HTTP; never passed on to an origin. */
#define STREAM_UPGRADE_FIELD "cf-cloudflared-proxy-connection-upgrade"
/* The field that marks TCP by being there and not empty. */
#define STREAM_SOURCE_FIELD "cf-cloudflared-proxy-src"
/* Starts tracing at the peer; taken off a request before it is passed on. */
#define STREAM_TRACE_FIELD "cf-trace-id"

enum stream_kind {
    STREAM_CONFIGURATION, /* an update of the connector's configuration */
    STREAM_WEBSOCKET,     /* an upgrade that becomes bytes both ways */
    STREAM_TCP,           /* bytes to the address in :authority */
    STREAM_CONTROL,       /* registration and its like */
    STREAM_HTTP,          /* everything else */
};

/* Only the first line of a field counts and values compare exactly, as at the peer. */
enum stream_kind stream_kind_of(const struct request_head *head);

/* Puts the field that marks `kind`; nothing for HTTP. For TCP its value is `source`, which must not
 * be empty; others ignore it. */
bool stream_kind_mark(struct request_head *head, enum stream_kind kind, struct span source,
                      struct error *err) MUST_CHECK;

/* Does the answer to a WebSocket stream accept it? Its status is 200, and among the `fields` that
 * were unpacked Upgrade names the protocol; 101 stands for it toward visitor and origin. */
bool stream_is_upgraded(int status, const struct headers *fields);

/* Takes off what is for the connector alone: the upgrade mark, whatever it says, and the trace. */
void stream_kind_strip(struct request_head *head);

/* "control", "http", ...: for logs. Static text. */
const char *stream_kind_name(enum stream_kind kind);

#endif
