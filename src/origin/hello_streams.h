/* The two pages of hello_world that go on: events, and an echo. */
#ifndef CULVERT_ORIGIN_HELLO_STREAMS_H
#define CULVERT_ORIGIN_HELLO_STREAMS_H

#include "culvert/http/outbound.h"
#include "culvert/net/loop.h"

/* "0", "1", "2" as Server-Sent Events, one each period, until it is closed; a reader who is behind
 * misses ticks. `to_head`: the request was HEAD, which gets the head alone. NULL: memory. */
struct outbound *hello_sse_open(struct loop *loop, uint64_t period_ms, bool to_head,
                                const struct outbound_events *events, void *arg, struct error *err);

enum { HELLO_MESSAGE_MAX = 32 * 1024 };

/* Accepts the WebSocket of `head`, which has a Sec-WebSocket-Key; gives each message back in one
 * frame of its kind, answers pings, and ends with the client or at a message above
 * HELLO_MESSAGE_MAX. `in` is what the client sends: borrowed. NULL: memory. */
struct outbound *hello_echo_open(struct loop *loop, const struct request_head *head,
                                 struct channel *in, const struct outbound_events *events,
                                 void *arg, struct error *err);

#endif
