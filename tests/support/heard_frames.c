/* See the header. */
#include "support/heard_frames.h"

#include <stdlib.h>

enum { HEARD_MAX = 64 * 1024 * 1024 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

void heard_frames_init(struct heard_frames *heard)
{
    *heard = (struct heard_frames){.text = BUF_LIMIT(HEARD_MAX)};
    ws_reader_init(&heard->reader, false);
}

static void tell_control(struct heard_frames *heard, const struct ws_step *step)
{
    unsigned code;
    if (step->opcode != WS_CLOSE)
        must(buf_printf(&heard->text, "[%s %.*s]", step->opcode == WS_PING ? "ping" : "pong",
                        SPAN_ARG(step->payload)));
    else if (ws_close_parse(step->payload, &code))
        must(buf_printf(&heard->text, "[close %u]", code));
    else
        must(buf_put_span(&heard->text, SPAN("[bad close]")));
}

void heard_frames_take(struct heard_frames *heard, struct span bytes)
{
    char to[4096];
    struct error err;
    struct ws_step step = {.input = bytes, .to = to, .room = sizeof to};
    enum ws_verdict verdict;
    while ((verdict = ws_reader_next(&heard->reader, &step, &err)) != WS_MORE) {
        if (verdict == WS_BAD) {
            must(buf_put_span(&heard->text, SPAN("[bad]")));
            return;
        }
        if (verdict == WS_DATA)
            must(buf_put_span(&heard->text, step.payload));
        else
            tell_control(heard, &step);
    }
}

void heard_frames_release(struct heard_frames *heard)
{
    buf_release(&heard->text);
}
