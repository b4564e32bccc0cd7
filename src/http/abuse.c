/* The names of abuse, in one table. */
#include "culvert/http/abuse.h"

const char *abuse_name(enum abuse abuse)
{
    static const char *const names[ABUSES] = {
        [ABUSE_NONE] = "none",
        [ABUSE_CONNECTIONS] = "connections",
        [ABUSE_OPENING] = "opening",
        [ABUSE_ADDRESS_CONNECTIONS] = "address_connections",
        [ABUSE_ADDRESS_WASTED] = "address_wasted",
        [ABUSE_HANDSHAKE_TIME] = "handshake_time",
        [ABUSE_TLS_HELLO] = "tls_hello",
        [ABUSE_TLS_RENEGOTIATION] = "tls_renegotiation",
        [ABUSE_TLS_MESSAGES] = "tls_messages",
        [ABUSE_MISDIRECTED] = "misdirected",
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
        [ABUSE_H2_GREETING] = "h2_greeting",
        [ABUSE_H2_RESETS] = "h2_resets",
        [ABUSE_H2_FAULTS] = "h2_faults",
        [ABUSE_H2_SETTINGS] = "h2_settings",
        [ABUSE_H2_PINGS] = "h2_pings",
        [ABUSE_H2_PRIORITIES] = "h2_priorities",
        [ABUSE_H2_GOAWAYS] = "h2_goaways",
        [ABUSE_H2_UNKNOWN_FRAMES] = "h2_unknown_frames",
        [ABUSE_H2_EMPTY_FRAMES] = "h2_empty_frames",
        [ABUSE_H2_CONTINUATIONS] = "h2_continuations",
        [ABUSE_H2_HEADS] = "h2_heads",
        [ABUSE_H2_WINDOW_UPDATES] = "h2_window_updates",
        [ABUSE_H2_TINY_WINDOWS] = "h2_tiny_windows",
        [ABUSE_H2_SLOW_FRAMES] = "h2_slow_frames",
        [ABUSE_H2_UNREAD] = "h2_unread",
        [ABUSE_H2_STALLS] = "h2_stalls",
        [ABUSE_H2_IDLE] = "h2_idle",
    };
    return (size_t)abuse < ABUSES && names[abuse] ? names[abuse] : "other";
}

bool abuse_is_flood(enum abuse abuse)
{
    return (abuse >= ABUSE_H2_RESETS && abuse <= ABUSE_H2_WINDOW_UPDATES) ||
           abuse == ABUSE_TLS_RENEGOTIATION || abuse == ABUSE_TLS_MESSAGES;
}

enum abuse abuse_of_cut(enum conn_cut cut)
{
    static const enum abuse abuses[CONN_CUTS] = {
        [CONN_CUT_HANDSHAKE] = ABUSE_HANDSHAKE_TIME,
        [CONN_CUT_PACE] = ABUSE_READ_PACE,
        [CONN_CUT_QUEUE] = ABUSE_OUT_QUEUE,
        [CONN_CUT_HELLO] = ABUSE_TLS_HELLO,
        [CONN_CUT_RENEGOTIATION] = ABUSE_TLS_RENEGOTIATION,
        [CONN_CUT_MESSAGES] = ABUSE_TLS_MESSAGES,
    };
    return abuses[cut];
}
