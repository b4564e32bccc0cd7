/* What a WebSocket client hears, as text: payload of messages as it is; "[ping x]", "[pong x]",
 * "[close 1000]", "[bad]" for what is no frame. */
#ifndef CULVERT_TESTS_SUPPORT_HEARD_FRAMES_H
#define CULVERT_TESTS_SUPPORT_HEARD_FRAMES_H

#include "culvert/base/buf.h"
#include "culvert/http/ws_frame.h"

struct heard_frames {
    struct ws_reader reader;
    struct buf text;
};

void heard_frames_init(struct heard_frames *heard);
void heard_frames_take(struct heard_frames *heard, struct span bytes);
void heard_frames_release(struct heard_frames *heard);

#endif
