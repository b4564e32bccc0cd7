/* The body of a message on its way: bytes in a channel, trailers behind them. */
#ifndef CULVERT_HTTP_BODY_H
#define CULVERT_HTTP_BODY_H

#include "culvert/http/headers.h"
#include "culvert/net/channel.h"

/* Filled by who reads it from a peer (inbound: the request's; outbound: the answer's), emptied by
 * the other end of the exchange. Trailers are whole when the channel is ended. */
struct body {
    struct channel *bytes;
    struct headers trailers;
    int64_t length; /* LENGTH_UNKNOWN or what the head said */
};

#endif
