/* Why a peer was cut off: one name for each limit on what it may cost us. The names are those of
 * the metric's label and of the table in docs/security.md. */
#ifndef CULVERT_HTTP_ABUSE_H
#define CULVERT_HTTP_ABUSE_H

#include <stddef.h>

enum abuse {
    ABUSE_NONE,
    ABUSE_H2_PROTOCOL, /* the framing itself is broken */
    ABUSES
};

/* "h2_protocol", "h2_resets"; "none" for what is no abuse. Static. */
const char *abuse_name(enum abuse abuse);

#endif
