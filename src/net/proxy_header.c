/* Both addresses as 4 or as 16 bytes, then their two ways of writing. */
#include "culvert/net/proxy_header.h"

#include <arpa/inet.h>
#include <assert.h>

const char *proxy_version_name(enum proxy_version version)
{
    static const char *const names[] = {[PROXY_NONE] = "", [PROXY_V1] = "v1", [PROXY_V2] = "v2"};
    return names[version];
}

bool proxy_version_parse(struct span text, enum proxy_version *version)
{
    if (span_equal(text, SPAN("v1")))
        *version = PROXY_V1;
    else if (span_equal(text, SPAN("v2")))
        *version = PROXY_V2;
    else
        return false;
    return true;
}

/* What both versions say. */
struct pair {
    int family;
    unsigned char from[16], to[16];
    uint16_t from_port, to_port;
};

static bool is_v4(const struct ip_address *address)
{
    return address->any.sa_family == AF_INET;
}

/* IPv4 lies in the last four bytes of the wire's form. */
static void take(const struct ip_address *address, int family, unsigned char out[16])
{
    unsigned char wire[16];
    ip_to_wire(address, wire);
    memcpy(out, family == AF_INET ? wire + 12 : wire, family == AF_INET ? 4 : 16);
}

static void pair_up(struct pair *pair, const struct ip_address *source,
                    const struct ip_address *destination)
{
    bool has_end = destination->len > 0;
    *pair = (struct pair){.family = AF_INET6};
    if (is_v4(source) && (!has_end || is_v4(destination)))
        pair->family = AF_INET;
    take(source, pair->family, pair->from);
    pair->from_port = ip_port(source);
    if (!has_end)
        return;
    take(destination, pair->family, pair->to);
    pair->to_port = ip_port(destination);
}

static size_t write_v1(const struct pair *pair, unsigned char out[PROXY_HEADER_SIZE])
{
    char line[PROXY_HEADER_SIZE + 1];
    char from[INET6_ADDRSTRLEN];
    char to[INET6_ADDRSTRLEN];
    int len;
    if (!pair)
        len = snprintf(line, sizeof line, "PROXY UNKNOWN\r\n");
    else
        len = snprintf(
            line, sizeof line, "PROXY TCP%c %s %s %u %u\r\n", pair->family == AF_INET ? '4' : '6',
            inet_ntop(pair->family, pair->from, from, sizeof from),
            inet_ntop(pair->family, pair->to, to, sizeof to), pair->from_port, pair->to_port);
    assert(len > 0 && len <= PROXY_HEADER_SIZE);
    memcpy(out, line, (size_t)len);
    return (size_t)len;
}

static unsigned char *put(unsigned char *to, const void *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

static unsigned char *put_u16(unsigned char *to, size_t number)
{
    to[0] = (unsigned char)(number >> 8);
    to[1] = (unsigned char)(number & 0xff);
    return to + 2;
}

static size_t write_v2(const struct pair *pair, unsigned char out[PROXY_HEADER_SIZE])
{
    static const unsigned char signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
    size_t size = pair && pair->family == AF_INET ? 4 : 16;
    unsigned char *to = put(out, signature, sizeof signature);
    *to++ = pair ? 0x21 : 0x20; /* version 2, PROXY or LOCAL */
    if (!pair)
        *to++ = 0x00; /* UNSPEC */
    else
        *to++ = size == 4 ? 0x11 : 0x21; /* TCP over IPv4 or IPv6 */
    to = put_u16(to, pair ? 2 * size + 4 : 0);
    if (pair) {
        to = put(to, pair->from, size);
        to = put(to, pair->to, size);
        to = put_u16(to, pair->from_port);
        to = put_u16(to, pair->to_port);
    }
    return (size_t)(to - out);
}

size_t proxy_header_write(enum proxy_version version, const struct ip_address *source,
                          const struct ip_address *destination,
                          unsigned char out[PROXY_HEADER_SIZE])
{
    struct pair pair = {0};
    const struct pair *named = source->len > 0 ? &pair : NULL;
    if (version == PROXY_NONE)
        return 0;
    if (named)
        pair_up(&pair, source, destination);
    return version == PROXY_V1 ? write_v1(named, out) : write_v2(named, out);
}
