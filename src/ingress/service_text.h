/* How a service is shown to people; for the files of service only. */
#ifndef CULVERT_INGRESS_SERVICE_TEXT_H
#define CULVERT_INGRESS_SERVICE_TEXT_H

#include "culvert/base/url.h"

/* Appends the URL of an HTTP service, each part in one spelling. False: `out` is full. */
bool service_text_http(const struct url *url, struct buf *out) MUST_CHECK;

/* Appends scheme, host and port of a service of bytes, which is all of it that counts; `port` when
 * none is written, 0: then none. False: `out` is full. */
bool service_text_bytes(const struct url *url, uint16_t port, struct buf *out) MUST_CHECK;

#endif
