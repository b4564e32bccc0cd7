/* From a name (or a path) to a connected conn, under TLS if asked: both families, with deadlines.
 */
#ifndef CULVERT_NET_DIAL_H
#define CULVERT_NET_DIAL_H

#include "culvert/net/conn.h"
#include "culvert/net/proxy_header.h"
#include "culvert/net/resolver.h"

struct dial;

enum {
    DIAL_STAGGER_MS = 300,    /* until the next address is tried beside a silent one (RFC 8305) */
    DIAL_SHARE_MIN_MS = 2000, /* one by one: what an address gets of connect_ms at least */
};

/* A proxy that is asked to connect us (CONNECT, RFC 9110 9.3.6). */
struct dial_proxy {
    const char *host; /* a name, or an address without brackets */
    uint16_t port;
    const char *authorization; /* the value of Proxy-Authorization; NULL: none */
};

struct dial_target {
    const char *host; /* a name or a number; NULL with unix_path */
    uint16_t port;
    const char *unix_path;            /* "@name": abstract; NULL: TCP */
    const struct ip_address *address; /* in place of host; NULL: host is resolved */
    int family;                       /* AF_INET or AF_INET6: only those addresses; 0: both */
    const struct ip_address *from;    /* local address; NULL: any */
    uint64_t connect_ms;              /* for resolving and connecting; 0: only the kernel's limit */
    int keepalive_seconds;            /* TCP keep-alive idle; < 0: off; 0: 15 */
    bool one_by_one;                  /* never two at once: each has its share of connect_ms */
    struct tls_context *tls;          /* NULL: in clear */
    const char *server_name;          /* for TLS; NULL: none */
    uint64_t tls_ms;                  /* for the handshake; 0: no limit */
    /* Which addresses may be dialed, whoever named them; asked of the very address that is dialed
     * next, so that a name cannot mean another one by then. NULL: all of them. */
    bool (*permits)(const void *arg, const struct ip_address *address);
    const void *permits_arg;          /* borrowed until the event */
    const struct dial_proxy *by;      /* with host; NULL: straight. `proxy` is for that only */
    enum proxy_version proxy;         /* the header that is said before all else */
    const struct ip_address *visitor; /* whom it names; NULL: nobody */
};

/* `cause` of a failure: the name was not resolved. Others have an errno. */
enum { DIAL_UNRESOLVED = -1 };

struct dial_events {
    /* Takes the conn over; it has no consumer yet: conn_set_events at once. */
    void (*on_connected)(void *arg, struct conn *conn);
    /* kind DENIED: no address of it may be dialed; SYSTEM: our machine is out of something. */
    void (*on_failed)(void *arg, const struct error *why);
};

/* Copies the texts of `target`; tls is kept by a reference. Exactly one event follows in a later
 * turn, after it the dial is gone. NULL: `err`, no event. `resolver` may be NULL when no name is
 * asked. */
struct dial *dial_start(struct loop *loop, struct resolver *resolver,
                        const struct dial_target *target, const struct dial_events *events,
                        void *arg, struct error *err);

/* Somebody else hears of its end. */
void dial_set_events(struct dial *dial, const struct dial_events *events, void *arg);

/* Gives up; no event follows. NULL is allowed. */
void dial_cancel(struct dial *dial);

#endif
