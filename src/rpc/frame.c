/* Collects one message at a time; the reader of Cap'n Proto says how long it will be. */
#include "culvert/rpc/frame.h"

#include "culvert/rpc/capnp_read.h"

void frame_init(struct frame *frame)
{
    *frame = (struct frame){.bytes = BUF_LIMIT(FRAME_MESSAGE_MAX), .limit = FRAME_MESSAGE_MAX};
}

enum frame_result frame_take(struct frame *frame, struct span *input, struct span *message,
                             struct error *err)
{
    if (frame->is_handed_out)
        frame_release(frame);
    for (;;) {
        uint64_t need;
        if (!capnp_message_need(buf_span(&frame->bytes), &need, err))
            return FRAME_BROKEN;
        if (need > frame->limit) {
            error_set(err, ERROR_LIMIT, 0, "Cap'n Proto: a message of %llu bytes, over %zu",
                      (unsigned long long)need, frame->limit);
            return FRAME_BROKEN;
        }
        if (need == frame->bytes.len) {
            *message = buf_span(&frame->bytes);
            frame->is_handed_out = true;
            return FRAME_MESSAGE;
        }
        struct span part = span_first(*input, (size_t)need - frame->bytes.len);
        if (part.len == 0)
            return FRAME_MORE;
        if (!buf_put_span(&frame->bytes, part)) {
            error_memory(err);
            return FRAME_BROKEN;
        }
        *input = span_skip(*input, part.len);
    }
}

void frame_release(struct frame *frame)
{
    buf_wipe(&frame->bytes);
    frame->is_handed_out = false;
}
