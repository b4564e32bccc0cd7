/* The proxies that the environment names for what we ask of origins: HTTP_PROXY, HTTPS_PROXY and
 * NO_PROXY, or in lower case. */
#ifndef CULVERT_CONFIG_OUTGOING_PROXY_H
#define CULVERT_CONFIG_OUTGOING_PROXY_H

#include "culvert/config/sources.h"

struct outgoing_proxy {
    char *text; /* for people, without a password */
    char *host; /* a name, or an address without brackets */
    uint16_t port;
    char *authorization; /* the value of Proxy-Authorization; NULL: none */
    bool is_spoken;      /* false: of a scheme other than http, which nobody here speaks */
};

struct outgoing_proxies;

/* The caller owns it. A value that is no URL is an error, as if it were of another scheme: `err`
 * names the variable. NULL: that, or memory. */
struct outgoing_proxies *outgoing_proxies_new(const struct environment *environment,
                                              struct error *err);
void outgoing_proxies_free(struct outgoing_proxies *proxies); /* NULL is allowed */

/* By which one an origin is asked, under TLS or not; NULL: straight. Never one for localhost and
 * for loopback addresses. Lives as long as `proxies` (NULL: there are none). */
const struct outgoing_proxy *outgoing_proxies_find(const struct outgoing_proxies *proxies, bool tls,
                                                   const char *host, uint16_t port);

#endif
