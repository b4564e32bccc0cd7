/* The service http_status:N: one fixed answer for every request. */
#ifndef CULVERT_ORIGIN_STATUS_ORIGIN_H
#define CULVERT_ORIGIN_STATUS_ORIGIN_H

#include "culvert/net/loop.h"
#include "culvert/proxy/opener.h"

/* An opener by itself: give &origin.opener. Nothing is to be released; it lives until all its
 * outbounds are closed. Its answers have no fields and no body; bodies of requests stay unread. */
struct status_origin {
    struct opener opener;
    struct loop *loop;
    int status;
};

/* Prepares it. `status` is 100 ... 999. An interim one, of which is warned where rules are judged,
 * is said and followed by 200; 101 is_unasked and fails behind its head. */
void status_origin_init(struct status_origin *origin, struct loop *loop, int status);

#endif
