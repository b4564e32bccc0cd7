/* What a rule points at, from the text that names it. */
#ifndef CULVERT_INGRESS_SERVICE_H
#define CULVERT_INGRESS_SERVICE_H

#include "culvert/base/span.h"

enum service_kind {
    SERVICE_HTTP,    /* http, https, ws, wss, h2c: HTTP to host and port */
    SERVICE_UNIX,    /* unix:PATH, unix+tls:PATH: HTTP over a socket */
    SERVICE_STATUS,  /* http_status:N: a fixed answer */
    SERVICE_HELLO,   /* hello_world: the built-in test site */
    SERVICE_TCP,     /* tcp, ssh, rdp, smb and every other scheme: bytes to host and port */
    SERVICE_BASTION, /* bytes to the address that the client names */
    SERVICE_SOCKS,   /* a SOCKS5 server */
};

/* Plain data; texts are owned, "" where a kind has none. */
struct service {
    enum service_kind kind;
    bool tls;      /* https, wss, unix+tls */
    bool http2;    /* h2c: HTTP/2 in clear, unasked */
    int status;    /* 100 ... 999 */
    uint16_t port; /* of HTTP and TCP */
    bool has_port; /* false: TCP of unknown scheme without one, or beyond 65535: never dialed */
    char *host;    /* name in A-labels, or address without brackets */
    char *path;    /* of the unix socket; "@name" is abstract */
    char *prefix;  /* of HTTP: stands before the path of each request; no slash at its end */
    char *text;    /* as shown to people: scheme in lower case, with the port that TCP needs */
};

enum service_option {
    SERVICE_BASTION_MODE = 1u << 0, /* what is none of the words is a bastion */
    SERVICE_WITH_PATH = 1u << 1,    /* a path in the URL is fine: it stays without effect */
};

/* Fills *service. False: `err` says what is wrong with the text; *service is released. */
bool service_parse(struct span text, unsigned options, struct service *service,
                   struct error *err) MUST_CHECK;

void service_release(struct service *service);

/* The text of --url as a service: an address, host[:port][/path], or a URL of the schemes http,
 * https, h2c, tcp, ssh, rdp, smb, whose path, query and user information are dropped. False:
 * anything else. */
bool service_parse_url_flag(struct span text, struct service *service,
                            struct error *err) MUST_CHECK;

#endif
