/* The head of a request as the origin shall see it. */
#ifndef CULVERT_ORIGIN_REWRITE_H
#define CULVERT_ORIGIN_REWRITE_H

#include "culvert/http/message.h"

/* One `--tag NAME=VALUE` of the operator. */
struct rewrite_tag {
    struct span name, value;
};

/* Borrowed texts. */
struct rewrite_options {
    struct span host;         /* sent as Host, the visitor's goes to X-Forwarded-Host; "": as is */
    struct span connector_id; /* UUID as text */
    const struct rewrite_tag *tags;
    size_t tag_count;
    struct span prefix; /* put before each path; "" or "/app", without a slash at its end */
    /* Of a request that a proxy gets in clear: where it has to go, and the value of
     * Proxy-Authorization (NULL: none). NULL: no proxy does. */
    const char *proxied_host;
    uint16_t proxied_port;
    const char *proxy_authorization;
};

/* Copies `from` into the initialised `to` and changes the copy:
 *  - Host as the options say
 *  - the prefix before a target that begins with "/"; "*" stays
 *  - for a proxy, "http://host:port" before that, without "*", and Proxy-Authorization as it says
 *  - without Cf-Trace-Id, Cf-Cloudflared-Proxy-Connection-Upgrade and hop-by-hop fields, but
 *    TE: trailers, and Trailer when a body follows
 *  - without a User-Agent that is empty
 *  - Sec-WebSocket-Version is 13 when it asks for a WebSocket; the visitor's key stays
 *  - Cf-Warp-Tag-Id and one Cf-Warp-Tag-<Name> for each tag, behind any that came
 * All else stays byte for byte, the rest of the target above all; nothing is invented (no
 * User-Agent, no Accept-Encoding). False: kind LIMIT (what it becomes does not fit), INVALID
 * (CONNECT, which asks for no resource) or SYSTEM. */
bool rewrite_request(struct request_head *to, const struct request_head *from,
                     const struct rewrite_options *options, struct error *err) MUST_CHECK;

/* Reads NAME=VALUE: a token, and at least one printable character. Borrows from `text`. False: kind
 * INVALID, `err` names the tag. */
bool rewrite_tag_parse(struct span text, struct rewrite_tag *tag, struct error *err) MUST_CHECK;

#endif
