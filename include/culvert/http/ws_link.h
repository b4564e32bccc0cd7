/* The server's side of a WebSocket that carries bytes, over two channels: frames come in one, ours
 * go into the other (RFC 6455). Whatever it says goes through one writer, a whole frame at a time.
 *
 * The two directions end by themselves as far as WebSocket knows how. A close frame of the client
 * ends what it says; we go on until our side is over and answer it then. Ours tells the client that
 * no more will come; what it says before it heard of that is still read. */
#ifndef CULVERT_HTTP_WS_LINK_H
#define CULVERT_HTTP_WS_LINK_H

#include "culvert/base/buf.h"
#include "culvert/http/ws_frame.h"
#include "culvert/net/channel.h"

enum {
    /* Some clients close a connection on which nothing comes for a minute, as do proxies. */
    WS_PING_MS = 54 * 1000,
    /* Payload of a frame of ours: old clients of this kind of service drop what is beyond it. */
    WS_PAYLOAD_MAX = 16 * 1024,
};

/* None of them is called before ws_link_start returned. After each the link may have been
 * stopped. */
struct ws_link_events {
    /* How many bytes of payload may be given at once; 0: none, until ws_link_run. */
    size_t (*room)(void *arg);
    void (*on_bytes)(void *arg, const void *data, size_t len);
    /* The client says no more: it sent a close frame (`by_close`), or its channel ended between two
     * messages. */
    void (*on_end)(void *arg, bool by_close);
    /* It broke the framing, or ended within a message; or there was no memory (kind SYSTEM), then
     * what was written may have a gap. Nothing is read any more. */
    void (*on_broken)(void *arg, const struct error *why);
};

/* Embedded; all zero is stopped. */
struct ws_link {
    struct channel *in, *out; /* borrowed; NULL: stopped */
    const struct ws_link_events *events;
    void *arg;
    struct ws_reader reader;
    struct buf pong;      /* its payload, while it waits for room */
    unsigned client_code; /* of its close frame */
    unsigned code;        /* of ours */
    unsigned owed;        /* frames of ours that wait for room */
    bool heard_end;       /* of the client, or of what can be read of it */
    bool heard_close, said_close;
    bool ends; /* the channel ends behind what is owed */
    struct timer ping;
    struct task run;
};

/* Begins: reads `in`, whose taker it becomes, in a later turn, and writes into `out`. False:
 * memory.
 */
bool ws_link_start(struct ws_link *link, struct loop *loop, struct channel *in, struct channel *out,
                   const struct ws_link_events *events, void *arg) MUST_CHECK;

/* There is room again. */
void ws_link_run(struct ws_link *link);

/* How much of what it is given now would pass. */
size_t ws_link_room(const struct ws_link *link);

/* Frames `data` as far as there is room; returns how much that was. Less than `len`: the channel's
 * gate is held, or it is broken. Not after ws_link_close. */
size_t ws_link_put(struct ws_link *link, const void *data, size_t len);

/* Says that no more will come: a close frame with `code`, in answer to the client's with its
 * own. */
void ws_link_close(struct ws_link *link, enum ws_code code);

/* The same, unless it was said, and ends the channel behind it, once there is room for that. */
void ws_link_finish(struct ws_link *link, enum ws_code code);

/* Has all that came been given on, to the end of a message? */
bool ws_link_is_between(const struct ws_link *link);

/* Lets go of the channels. Twice is fine. */
void ws_link_stop(struct ws_link *link);

#endif
