/* Why a peer was cut off: one name for each limit on what it may cost us. The names are those of
 * the metric's label and of the table in docs/security.md. */
#ifndef CULVERT_HTTP_ABUSE_H
#define CULVERT_HTTP_ABUSE_H

#include "culvert/net/conn.h"

enum abuse {
    ABUSE_NONE,
    ABUSE_CONNECTIONS,         /* too many in total: the one idle for the longest went */
    ABUSE_OPENING,             /* too many that do not begin to speak: the oldest went */
    ABUSE_ADDRESS_CONNECTIONS, /* too many from one address */
    ABUSE_ADDRESS_WASTED,      /* too many from one address that ended without a request */
    ABUSE_HANDSHAKE_TIME,      /* a TLS handshake took too long */
    ABUSE_TLS_HELLO,           /* a handshake of too many bytes */
    ABUSE_TLS_RENEGOTIATION,   /* asked for inside of a TLS 1.2 connection */
    ABUSE_TLS_MESSAGES,        /* records that carry no data: key updates, alerts, empty ones */
    ABUSE_MISDIRECTED,         /* a name that the certificate of the connection is not for */

    ABUSE_SILENT,            /* no request began in time */
    ABUSE_READ_PACE,         /* it took too little of its answers */
    ABUSE_OUT_QUEUE,         /* it made us say much and took nothing */
    ABUSE_H1_HEAD_TIME,      /* a head took too long */
    ABUSE_H1_HEAD_SIZE,      /* a request line, a head, or too many fields */
    ABUSE_H1_MALFORMED,      /* a head or a chunk that can be read in two ways */
    ABUSE_H1_BODY_PACE,      /* a body came too slowly */
    ABUSE_H1_CHUNKS,         /* extensions, or more framing than payload */
    ABUSE_H1_TRAILERS,       /* too many or too large */
    ABUSE_H2_PROTOCOL,       /* the framing itself is broken */
    ABUSE_H2_GREETING,       /* no SETTINGS behind the preface */
    ABUSE_H2_RESETS,         /* streams that it reset, or made us refuse */
    ABUSE_H2_FAULTS,         /* requests under way that it made us reset */
    ABUSE_H2_SETTINGS,       /* SETTINGS frames, acknowledgements too */
    ABUSE_H2_PINGS,          /* PING frames, answers too */
    ABUSE_H2_PRIORITIES,     /* PRIORITY frames */
    ABUSE_H2_GOAWAYS,        /* GOAWAY frames */
    ABUSE_H2_UNKNOWN_FRAMES, /* frames of types that we do not know */
    ABUSE_H2_EMPTY_FRAMES,   /* frames that carry nothing and end nothing */
    ABUSE_H2_CONTINUATIONS,  /* a head in too many frames, or too many bytes */
    ABUSE_H2_HEADS,          /* a head that unpacks to far more than we take */
    ABUSE_H2_WINDOW_UPDATES, /* WINDOW_UPDATE frames, measured by what we send */
    ABUSE_H2_TINY_WINDOWS,   /* windows that cut what we send into crumbs */
    ABUSE_H2_SLOW_FRAMES,    /* half a frame, or half a head, and then nothing */
    ABUSE_H2_UNREAD,         /* our answers to its frames pile up unread */
    ABUSE_H2_STALLS,         /* a stream whose window or body stands still (the stream ends) */
    ABUSE_H2_IDLE,           /* no request for long, whatever it pings */
    ABUSES
};

/* "h2_protocol", "h2_resets"; "none" for what is no abuse. Static. */
const char *abuse_name(enum abuse abuse);

/* Is it work made on purpose, which no slow line, no crowd and no patience explains? */
bool abuse_is_flood(enum abuse abuse);

/* The limit that ended a connection below HTTP. */
enum abuse abuse_of_cut(enum conn_cut cut);

#endif
