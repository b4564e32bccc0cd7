/* Who made the answer on a stream of the tunnel: the origin, or the connector in its place. */
#ifndef CULVERT_TUNNEL_RESPONSE_META_H
#define CULVERT_TUNNEL_RESPONSE_META_H

#include "culvert/base/span.h"

#define RESPONSE_META_FIELD "cf-cloudflared-response-meta"

enum response_source {
    RESPONSE_FROM_ORIGIN,
    RESPONSE_FROM_CONNECTOR, /* the origin was not reached or broke: the edge owes a page */
    RESPONSE_FLOW_LIMITED,   /* from the connector: too many private flows */
    RESPONSE_TIMED_OUT,      /* from the connector: the origin took too long. Our own; whoever does
                              * not know it reads RESPONSE_FROM_CONNECTOR */
};

/* The value of the field: small JSON. Static text. */
struct span response_meta_text(enum response_source source);

/* Reads the value, however its JSON is written; unknown members are passed over. False: not JSON or
 * a source that is not known. */
bool response_meta_parse(struct span text, enum response_source *source) MUST_CHECK;

#endif
