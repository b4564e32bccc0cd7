/* Origins of bytes: a fixed place, the place that a request names (bastion, private network), or
 * the one that its client asks for in SOCKS5. Their answer is always 101: what follows are bytes
 * both ways, in WebSocket frames (RFC 6455) for all but the private network. */
#ifndef CULVERT_ORIGIN_TCP_ORIGIN_H
#define CULVERT_ORIGIN_TCP_ORIGIN_H

#include "culvert/config/origin_request.h"
#include "culvert/net/dial.h"
#include "culvert/origin/flows.h"
#include "culvert/proxy/opener.h"

struct tcp_origin;

enum tcp_origin_kind {
    TCP_ORIGIN_FIXED,   /* host and port of the service */
    TCP_ORIGIN_BASTION, /* Cf-Access-Jump-Destination of the request */
    TCP_ORIGIN_SOCKS,   /* what its client asks for */
    TCP_ORIGIN_PRIVATE, /* its authority, a number and a port, TCP_ORIGIN_DNS for a DNS server of
                         * ours; raw bytes */
};

/* The address that clients of the private network ask for names. */
#define TCP_ORIGIN_DNS "[2606:4700:cf1:2000::1]:53"

enum {
    TCP_ORIGIN_DNS_MAX = 10, /* servers in place of the system's; who gives more is refused, as
                              * elsewhere */
    /* A client that said its last word waits so long for an origin that says nothing more, */
    TCP_ORIGIN_LAST_WORDS_MS = 5 * 1000,
    /* and an origin that said its own so long for a client that says nothing and does not answer
     * the close frame: it answers at once, or it is no WebSocket client. Both from the last
     * byte. */
    TCP_ORIGIN_CLOSE_MS = 2 * 1000,
    /* A client of SOCKS5 says within so long where it wants to go: programs say it at once. */
    TCP_ORIGIN_GREETING_MS = 60 * 1000,
    /* Dials under way of one that goes to many places (to one: ORIGIN_DIALS_MAX). Some that do not
     * answer must not hold up all others, and a scan is no flood. */
    TCP_ORIGIN_DIALS_MAX = 512,
};

struct tcp_origin_options {
    enum tcp_origin_kind kind;
    const char *name; /* for messages: "ssh://localhost:22" */
    const char *host; /* of FIXED: a name or an address */
    uint16_t port;    /* of FIXED; 0: it is never dialed */
    bool greets; /* FIXED, BASTION: clients speak SOCKS5, and what they ask for is passed over */
    enum proxy_version proxy; /* of FIXED: names the visitor to the origin first */
    uint64_t connect_ms;      /* 0: only the kernel's limit */
    uint64_t stall_ms;        /* as conn_set_stall_limit; 0: none */
    int keepalive_seconds;    /* as in dial.h */
    bool one_by_one;          /* as in dial.h */
    /* Which addresses may be dialed, as they are when the name is resolved. No entry: none may for
     * SOCKS, else all. */
    const struct ip_rule *rules;
    size_t rule_count;
    struct flows *flows; /* of PRIVATE: counts them; NULL: nobody does */
    uint64_t flows_max;  /* 0: any number */
    /* Of PRIVATE: one of them at random is TCP_ORIGIN_DNS; count 0: the system's own. They outlive
     * it. */
    const struct ip_address *dns;
    size_t dns_count;
    struct resolver *resolver;
    struct budget *budget; /* may be NULL */
};

/* Copies the texts and rules; `loop`, flows, resolver and budget are borrowed and outlive it. The
 * caller owns it. NULL: memory. */
struct tcp_origin *tcp_origin_new(struct loop *loop, const struct tcp_origin_options *options,
                                  struct error *err);

/* Its opener, which lives as long. Any request is taken for one that wants the bytes, a plain GET
 * too. Nothing of its body is read before the answer; the answer comes when the origin is
 * connected, of SOCKS at once. With a Sec-WebSocket-Key it has the fields of RFC 6455 4.2.2, else
 * none.
 *
 * How its directions end, in frames: a close frame of the client, or the end of its body, ends what
 * goes to the origin; what the origin says after that is still delivered, then the close frame is
 * answered. The origin's end becomes a close frame (1000) and the end of the answer's body; what
 * the client says until it answers that is still delivered. A connection that breaks becomes 1011,
 * bad frames 1002.
 *
 * on_failed: TIMEOUT and NETWORK (dialing, the wait for it, and raw bytes that broke off), INVALID
 * (the request names no place), DENIED (the rules), LIMIT (flows, and who waits to dial). */
struct opener *tcp_origin_opener(struct tcp_origin *origin);

/* All outbounds of its opener must be closed by then. NULL is allowed. */
void tcp_origin_free(struct tcp_origin *origin);

#endif
