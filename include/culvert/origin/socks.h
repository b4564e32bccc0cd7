/* SOCKS5 (RFC 1928), the server's words: pure, no I/O. Nobody logs in, and only CONNECT is
 * known. */
#ifndef CULVERT_ORIGIN_SOCKS_H
#define CULVERT_ORIGIN_SOCKS_H

#include "culvert/base/ip.h"

enum {
    SOCKS_NAME_MAX = 255,                           /* its length is one byte */
    SOCKS_REQUEST_MAX = 4 + 1 + SOCKS_NAME_MAX + 2, /* version, command, 0, type; name; port */
};

/* RFC 1928 chapter 6. */
enum socks_reply {
    SOCKS_SUCCEEDED = 0,
    SOCKS_DENIED = 2,
    SOCKS_NETWORK_UNREACHABLE = 3,
    SOCKS_HOST_UNREACHABLE = 4,
    SOCKS_REFUSED = 5,
    SOCKS_NO_COMMAND = 7,
};

/* One client's handshake. Embedded; all zero is its beginning. */
struct socks_server {
    bool greeted; /* the methods came */
    size_t len;
    unsigned char kept[SOCKS_REQUEST_MAX];
};

enum socks_step {
    SOCKS_MORE,      /* nothing came of it yet */
    SOCKS_GREETING,  /* answer it with socks_greet; a request follows */
    SOCKS_NO_METHOD, /* the same, and it is the end */
    SOCKS_CONNECT,   /* the request is whole */
    SOCKS_OTHER,     /* it is, and wants what is not served: SOCKS_NO_COMMAND, and the end */
    SOCKS_BAD,       /* another protocol: the end, without a word */
};

/* How many bytes may be given next; > 0 until the request is whole. No byte of what follows the
 * handshake is asked for. */
size_t socks_wants(const struct socks_server *server);

/* Takes `len` bytes, at most socks_wants. */
enum socks_step socks_feed(struct socks_server *server, const void *data, size_t len);

/* What the request asks for: its host as text (an address, or a name as it came), NUL-ended, and
 * its port. False: the name has a NUL. */
bool socks_asked(const struct socks_server *server, char host[SOCKS_NAME_MAX + 1],
                 uint16_t *port) MUST_CHECK;

/* The two bytes that answer the greeting. */
struct span socks_greet(enum socks_step step);

/* A reply with a bound address (NULL or an empty one: 0.0.0.0:0). Returns its length. */
size_t socks_reply(unsigned char out[SOCKS_REQUEST_MAX], enum socks_reply reply,
                   const struct ip_address *bound);

/* A reply that repeats what was asked for. */
size_t socks_reply_asked(const struct socks_server *server, unsigned char out[SOCKS_REQUEST_MAX],
                         enum socks_reply reply);

#endif
