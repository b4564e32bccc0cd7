/* Addresses as text and as bytes. RFC 4291 chapter 2.2, RFC 4007 chapter 11 for zones. */
#include "culvert/base/ip.h"

#include <arpa/inet.h>
#include <net/if.h>

/* The index of a zone: a number or the name of an interface here; 0: neither. */
static uint32_t zone_index(struct span zone)
{
    char name[IF_NAMESIZE];
    uint64_t number;
    if (span_to_u64(zone, UINT32_MAX, &number))
        return (uint32_t)number;
    if (zone.len == 0 || zone.len >= sizeof name)
        return 0;
    memcpy(name, zone.data, zone.len);
    name[zone.len] = '\0';
    return if_nametoindex(name);
}

/* inet_pton for text that does not end in a NUL. */
static bool read_number(int family, struct span text, void *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || span_find(text, '\0') != text.len)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, out) == 1;
}

bool ip_parse(struct span text, uint16_t port, struct ip_address *address)
{
    struct ip_address read = {.len = 0};
    if (read_number(AF_INET, text, &read.v4.sin_addr)) {
        read.v4.sin_family = AF_INET;
        read.v4.sin_port = htons(port);
        read.len = sizeof read.v4;
        *address = read;
        return true;
    }
    read = (struct ip_address){.len = sizeof read.v6};
    size_t percent = span_find(text, '%');
    if (!read_number(AF_INET6, span_first(text, percent), &read.v6.sin6_addr))
        return false;
    if (percent < text.len) {
        read.v6.sin6_scope_id = zone_index(span_skip(text, percent + 1));
        if (read.v6.sin6_scope_id == 0)
            return false;
    }
    read.v6.sin6_family = AF_INET6;
    read.v6.sin6_port = htons(port);
    *address = read;
    return true;
}

static bool read_port(struct span text, uint16_t *port)
{
    uint64_t number;
    if (!span_to_u64(text, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

/* An IPv6 address, its zone not looked at. */
static bool is_v6(struct span text)
{
    struct in6_addr ignored;
    return read_number(AF_INET6, span_first(text, span_find(text, '%')), &ignored);
}

/* "[v6]" or "[v6]:port". */
static bool split_bracketed(struct span text, struct span *host, uint16_t *port)
{
    size_t end = span_find(text, ']');
    struct span inside = span_skip(span_first(text, end), 1);
    struct span rest = span_skip(text, end + 1);
    if (end == text.len || !is_v6(inside))
        return false;
    if (rest.len > 0 && (rest.data[0] != ':' || !read_port(span_skip(rest, 1), port)))
        return false;
    *host = inside;
    return true;
}

bool ip_split_host_port(struct span text, struct span *host, uint16_t *port)
{
    if (text.len > 0 && text.data[0] == '[')
        return split_bracketed(text, host, port);
    if (span_find(text, '[') != text.len || span_find(text, ']') != text.len)
        return false;
    size_t colon = span_find(text, ':');
    struct span rest = span_skip(text, colon + 1);
    if (span_find(rest, ':') != rest.len) {
        if (!is_v6(text))
            return false;
        *host = text;
        return true;
    }
    if (colon < text.len && !read_port(rest, port))
        return false;
    *host = span_first(text, colon);
    return true;
}

bool ip_parse_with_port(struct span text, struct ip_address *address)
{
    struct span host = SPAN_NONE;
    uint16_t port = 0;
    bool bracketed = text.len > 0 && text.data[0] == '[';
    size_t end = bracketed ? span_find(text, ']') + 1 : span_find(text, ':');
    if (end >= text.len || !ip_split_host_port(text, &host, &port))
        return false;
    struct ip_address read;
    if (!ip_parse(host, port, &read) || (read.any.sa_family == AF_INET6) != bracketed)
        return false;
    *address = read;
    return true;
}

void ip_format_bare(const struct ip_address *address, char out[IP_TEXT_SIZE])
{
    out[0] = '\0';
    if (address->len == 0)
        return;
    if (address->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address->v4.sin_addr, out, IP_TEXT_SIZE);
        return;
    }
    (void)inet_ntop(AF_INET6, &address->v6.sin6_addr, out, IP_TEXT_SIZE);
    if (address->v6.sin6_scope_id != 0) {
        char name[IF_NAMESIZE];
        size_t len = strlen(out);
        if (if_indextoname(address->v6.sin6_scope_id, name))
            (void)snprintf(out + len, IP_TEXT_SIZE - len, "%%%s", name);
        else
            (void)snprintf(out + len, IP_TEXT_SIZE - len, "%%%u",
                           (unsigned)address->v6.sin6_scope_id);
    }
}

void ip_format(const struct ip_address *address, char out[IP_TEXT_SIZE])
{
    char bare[IP_TEXT_SIZE];
    ip_format_bare(address, bare);
    /* An address with its zone has at most 62 characters; the compiler wants to read it. */
    if (address->len == 0)
        out[0] = '\0';
    else if (address->any.sa_family == AF_INET6)
        (void)snprintf(out, IP_TEXT_SIZE, "[%.70s]:%u", bare, (unsigned)ip_port(address));
    else
        (void)snprintf(out, IP_TEXT_SIZE, "%.70s:%u", bare, (unsigned)ip_port(address));
}

void ip_to_wire(const struct ip_address *address, unsigned char out[16])
{
    memset(out, 0, 16);
    if (address->len == 0)
        return;
    if (address->any.sa_family == AF_INET6) {
        memcpy(out, &address->v6.sin6_addr, 16);
        return;
    }
    out[10] = out[11] = 0xff;
    memcpy(out + 12, &address->v4.sin_addr, 4);
}

static const unsigned char v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

void ip_unmap(struct ip_address *address)
{
    unsigned char wire[16];
    uint16_t port = ip_port(address);
    if (address->len == 0 || address->any.sa_family != AF_INET6)
        return;
    ip_to_wire(address, wire);
    if (memcmp(wire, v4_mapped, sizeof v4_mapped) != 0)
        return;
    memset(address, 0, sizeof *address);
    address->v4.sin_family = AF_INET;
    memcpy(&address->v4.sin_addr, wire + sizeof v4_mapped, 4);
    address->len = sizeof address->v4;
    ip_set_port(address, port);
}

uint16_t ip_port(const struct ip_address *address)
{
    if (address->len == 0)
        return 0;
    return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

void ip_set_port(struct ip_address *address, uint16_t port)
{
    if (address->len == 0)
        return;
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
    if (a->len == 0 || b->len == 0)
        return a->len == b->len;
    if (a->any.sa_family != b->any.sa_family || ip_port(a) != ip_port(b))
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0 &&
           a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

bool ip_is_loopback(const struct ip_address *address)
{
    static const unsigned char v6_loopback[16] = {[15] = 1};
    unsigned char wire[16];
    ip_to_wire(address, wire);
    if (memcmp(wire, v4_mapped, sizeof v4_mapped) == 0)
        return wire[12] == 127;
    return memcmp(wire, v6_loopback, sizeof v6_loopback) == 0;
}

struct span ip_network_key(const struct ip_address *address, unsigned char key[IP_KEY_SIZE])
{
    enum { NETWORK_SIZE = 8 };
    ip_to_wire(address, key);
    if (memcmp(key, v4_mapped, sizeof v4_mapped) != 0)
        memset(key + NETWORK_SIZE, 0, IP_KEY_SIZE - NETWORK_SIZE);
    return span_make(key, IP_KEY_SIZE);
}
