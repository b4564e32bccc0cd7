/* The names of abuse, in one table. */
#include "culvert/http/abuse.h"

const char *abuse_name(enum abuse abuse)
{
    static const char *const names[ABUSES] = {
        [ABUSE_NONE] = "none",
        [ABUSE_SILENT] = "silent",
        [ABUSE_READ_PACE] = "read_pace",
        [ABUSE_OUT_QUEUE] = "out_queue",
        [ABUSE_H1_HEAD_TIME] = "h1_head_time",
        [ABUSE_H1_HEAD_SIZE] = "h1_head_size",
        [ABUSE_H1_MALFORMED] = "h1_malformed",
        [ABUSE_H1_BODY_PACE] = "h1_body_pace",
        [ABUSE_H1_CHUNKS] = "h1_chunks",
        [ABUSE_H1_TRAILERS] = "h1_trailers",
        [ABUSE_H2_PROTOCOL] = "h2_protocol",
    };
    return (size_t)abuse < ABUSES && names[abuse] ? names[abuse] : "other";
}
