/* The parts of a URL (RFC 3986), strictly: what is not a URL is refused, nothing is repaired. The
 * parts are borrowed from the text. Beyond the RFC: bytes above 0x7F stand where letters may, and
 * path, query and fragment may hold what people forget to escape, except control bytes. */
#ifndef CULVERT_BASE_URL_H
#define CULVERT_BASE_URL_H

#include "culvert/base/buf.h"

struct url {
    struct span scheme;   /* as written; compare with url_has_scheme; "" when there is none */
    struct span userinfo; /* before "@", without it */
    struct span host;     /* still escaped, a literal address without its brackets */
    struct span port;     /* digits, of any size; "" when there is none */
    struct span path;     /* still escaped; of "mailto:x" the "x" */
    struct span query;    /* behind "?", without it */
    struct span fragment; /* behind "#", without it */
    bool has_authority;   /* "//" stood there, so host may be trusted to be one */
    bool has_userinfo;
    bool has_port; /* a colon stood behind the host, perhaps without digits */
    bool has_query;
    bool host_is_literal; /* it stood in brackets */
};

/* Refuses control bytes anywhere, a bad escape in host, path or fragment, a port that is not
 * digits, a space or a stray delimiter in the host, brackets that do not match or hold no IPv6
 * address, a colon in the first segment of a text without a scheme, and of http and https in the
 * host; elsewhere the port stands behind the last colon. False: `err` says what and where; *url is
 * undefined. */
bool url_parse(struct span text, struct url *url, struct error *err) MUST_CHECK;

/* Schemes compare without case. */
bool url_has_scheme(const struct url *url, struct span scheme);

/* The port, `fallback` when none is written. False: it is beyond 65535. */
bool url_port(const struct url *url, uint16_t fallback, uint16_t *port) MUST_CHECK;

/* Appends the host with its escapes undone. False: `out` is full. */
bool url_decode_host(const struct url *url, struct buf *out) MUST_CHECK;

#endif
