/* The body of a message on its way: bytes in a channel, trailers behind them. */
#ifndef CULVERT_HTTP_BODY_H
#define CULVERT_HTTP_BODY_H

#include "culvert/http/headers.h"
#include "culvert/net/channel.h"

/* Filled by who reads it from a peer (inbound: the request's; outbound: the answer's), emptied by
 * the other end of the exchange. Trailers are whole when the channel is ended. */
struct body {
    struct channel *bytes; /* what is here when its maker closes lives to the end of that turn */
    struct headers trailers;
    int64_t length; /* LENGTH_UNKNOWN or what the head said */
    /* Trailers that the owner does not want, besides those that no trailer section may hold; set
     * when the head came, before a trailer can. NULL: none. */
    bool (*unwanted)(struct header field, void *arg);
    void *unwanted_arg;
};

/* The reader's: `trailers` are whole, those that may stay become the body's. `trailers` is empty
 * then. */
void body_take_trailers(struct body *body, struct headers *trailers);

#endif
