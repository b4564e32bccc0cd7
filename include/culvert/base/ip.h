/* Addresses, ports and prefixes: parsing, comparing, printing. Numbers only, no names. */
#ifndef CULVERT_BASE_IP_H
#define CULVERT_BASE_IP_H

#include "culvert/base/span.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* A socket address of either family. */
struct ip_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t len; /* 0: none */
};

/* Room for "[v6%zone]:port" and a NUL. */
enum { IP_TEXT_SIZE = 80 };

/* A bare address without brackets, "127.0.0.1" or "::1"; strict decimal parts. */
bool ip_parse(struct span text, uint16_t port, struct ip_address *address) MUST_CHECK;

/* "127.0.0.1:80" or "[::1]:80". */
bool ip_parse_with_port(struct span text, struct ip_address *address) MUST_CHECK;

/* Splits "host:port", "[v6]:port", ":port", "host"; a bare IPv6 address is a host. *port is as
 * before when there is none. `host` comes without brackets. False: bad port, or brackets that do
 * not match. */
bool ip_split_host_port(struct span text, struct span *host, uint16_t *port) MUST_CHECK;

/* "127.0.0.1:80"; with IP_TEXT_BARE only the address. */
void ip_format(const struct ip_address *address, char out[IP_TEXT_SIZE]);
void ip_format_bare(const struct ip_address *address, char out[IP_TEXT_SIZE]);

/* The 16 bytes of the wire: IPv4 is mapped (::ffff:a.b.c.d). */
void ip_to_wire(const struct ip_address *address, unsigned char out[16]);

/* Whom to hold to account for what comes from an address: itself, in IPv6 all of its network of 64
 * bits, from which a home or a rented machine chooses freely. Returns a span of `key`. */
enum { IP_KEY_SIZE = 16 };
struct span ip_network_key(const struct ip_address *address, unsigned char key[IP_KEY_SIZE]);

/* ::ffff:a.b.c.d, as a socket of both families says it, becomes a.b.c.d; others stay. */
void ip_unmap(struct ip_address *address);

/* In the order of the host; 0 for an empty address. */
uint16_t ip_port(const struct ip_address *address);
void ip_set_port(struct ip_address *address, uint16_t port);
bool ip_equal(const struct ip_address *a, const struct ip_address *b); /* address and port */
bool ip_is_loopback(const struct ip_address *address);

#endif
