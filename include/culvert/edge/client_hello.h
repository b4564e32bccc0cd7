/* The name in a TLS ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2; server_name: RFC 6066 3), read
 * before anybody shakes hands. Pure and strict; what it cannot read somebody else refuses. */
#ifndef CULVERT_EDGE_CLIENT_HELLO_H
#define CULVERT_EDGE_CLIENT_HELLO_H

#include "culvert/base/span.h"

enum { CLIENT_HELLO_NAME_SIZE = 256 };

enum client_hello {
    CLIENT_HELLO_MORE, /* so far so good, but the name did not come yet */
    CLIENT_HELLO_NAMED,
    CLIENT_HELLO_UNNAMED, /* it asks for no name */
    CLIENT_HELLO_ODD,     /* no ClientHello */
};

/* `bytes`: what came since the connection began, of one or more records. The name is as it was
 * sent, without a NUL in it, and ends in one. */
enum client_hello client_hello_read(struct span bytes, char name[CLIENT_HELLO_NAME_SIZE]);

#endif
