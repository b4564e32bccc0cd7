/* Why a peer was cut off: one name for each limit on what it may cost us. The names are those of
 * the metric's label and of the table in docs/security.md. */
#ifndef CULVERT_HTTP_ABUSE_H
#define CULVERT_HTTP_ABUSE_H

#include <stddef.h>

enum abuse {
    ABUSE_NONE,
    ABUSE_SILENT,       /* no request began in time */
    ABUSE_READ_PACE,    /* it took too little of its answers */
    ABUSE_OUT_QUEUE,    /* it made us say much and took nothing */
    ABUSE_H1_HEAD_TIME, /* a head took too long */
    ABUSE_H1_HEAD_SIZE, /* a request line, a head, or too many fields */
    ABUSE_H1_MALFORMED, /* a head or a chunk that can be read in two ways */
    ABUSE_H1_BODY_PACE, /* a body came too slowly */
    ABUSE_H1_CHUNKS,    /* extensions, or more framing than payload */
    ABUSE_H1_TRAILERS,  /* too many or too large */
    ABUSE_H2_PROTOCOL,  /* the framing itself is broken */
    ABUSES
};

/* "h2_protocol", "h2_resets"; "none" for what is no abuse. Static. */
const char *abuse_name(enum abuse abuse);

#endif
