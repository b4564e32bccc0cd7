/* Message boundaries on a byte stream: bytes come in pieces of any size, whole Cap'n Proto messages
 * go out. Holds at most one message, and only as much of it as has arrived. */
#ifndef CULVERT_RPC_FRAME_H
#define CULVERT_RPC_FRAME_H

#include "culvert/base/buf.h"

/* Bytes of one message with its framing. Registrations take below 1 KiB; a local configuration of
 * ten thousand ingress rules fits. */
enum { FRAME_MESSAGE_MAX = 1 << 20 };

struct frame {
    struct buf bytes;
    size_t limit;       /* of one message; FRAME_MESSAGE_MAX unless the owner sets a smaller one */
    bool is_handed_out; /* `bytes` is the message given last */
};

enum frame_result {
    FRAME_MORE,    /* all bytes were taken, the message is not whole yet */
    FRAME_MESSAGE, /* here is one; call again for what is behind it */
    FRAME_BROKEN,  /* no message can start so: give up the stream */
};

void frame_init(struct frame *frame);

/* Takes from the front of `input` what the next message needs. `message` stays good until the next
 * call, which wipes it: messages carry secrets. `err` is set when BROKEN: ERROR_PROTOCOL for a
 * framing that no message has, ERROR_LIMIT for a message over the limit, or ERROR_SYSTEM.
 */
enum frame_result frame_take(struct frame *frame, struct span *input, struct span *message,
                             struct error *err) MUST_CHECK;

/* Wipes and frees what it holds. */
void frame_release(struct frame *frame);

#endif
