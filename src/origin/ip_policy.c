/* A list that is walked: it has a few entries, and a dial follows. */
#include "culvert/origin/ip_policy.h"

#include <stdlib.h>

struct entry {
    int family;              /* 0: it cannot be read, every address fits */
    unsigned char bytes[16]; /* of the prefix, four of them for IPv4 */
    unsigned bits;
    uint16_t *ports; /* NULL: all */
    size_t port_count;
    bool allow;
};

struct ip_policy {
    size_t count;
    struct entry entries[];
};

enum { MAPPED_BITS = 96 }; /* of ::ffff:0:0/96, in which IPv4 lies */

static size_t bytes_of(const struct ip_address *address, const unsigned char **bytes)
{
    if (address->any.sa_family == AF_INET) {
        *bytes = (const unsigned char *)&address->v4.sin_addr;
        return sizeof address->v4.sin_addr;
    }
    *bytes = (const unsigned char *)&address->v6.sin6_addr;
    return sizeof address->v6.sin6_addr;
}

/* ADDRESS/BITS. */
static bool read_prefix(struct span text, struct entry *entry)
{
    struct span number = span_first(text, span_find(text, '/'));
    struct ip_address ip;
    uint64_t bits;
    if (number.len == text.len || !ip_parse(number, 0, &ip) ||
        !span_to_u64(span_skip(text, number.len + 1), ip.any.sa_family == AF_INET6 ? 128 : 32,
                     &bits))
        return false;
    if (ip.any.sa_family == AF_INET6 && bits >= MAPPED_BITS) {
        ip_unmap(&ip);
        if (ip.any.sa_family == AF_INET)
            bits -= MAPPED_BITS;
    }
    const unsigned char *bytes;
    size_t len = bytes_of(&ip, &bytes);
    memcpy(entry->bytes, bytes, len);
    entry->family = ip.any.sa_family;
    entry->bits = (unsigned)bits;
    return true;
}

static bool fill(struct entry *entry, const struct ip_rule *rule)
{
    bool good = rule->prefix && read_prefix(span_of(rule->prefix), entry);
    entry->allow = rule->allow;
    if (rule->port_count > 0)
        entry->ports = calloc(rule->port_count, sizeof *entry->ports);
    if (rule->port_count > 0 && !entry->ports)
        return false;
    entry->port_count = rule->port_count;
    for (size_t i = 0; i < rule->port_count; i++) {
        good = good && rule->ports[i] > 0 && rule->ports[i] <= UINT16_MAX;
        entry->ports[i] = (uint16_t)rule->ports[i];
    }
    if (good)
        return true;
    entry->family = 0;
    entry->allow = false;
    entry->port_count = 0;
    return true;
}

struct ip_policy *ip_policy_new(const struct ip_rule *rules, size_t count, struct error *err)
{
    struct ip_policy *policy = calloc(1, sizeof *policy + count * sizeof policy->entries[0]);
    if (!policy) {
        error_memory(err);
        return NULL;
    }
    policy->count = count;
    for (size_t i = 0; i < count; i++) {
        if (fill(&policy->entries[i], &rules[i]))
            continue;
        error_memory(err);
        ip_policy_free(policy);
        return NULL;
    }
    return policy;
}

void ip_policy_free(struct ip_policy *policy)
{
    for (size_t i = 0; policy && i < policy->count; i++)
        free(policy->entries[i].ports);
    free(policy);
}

static bool has_port(const struct entry *entry, uint16_t port)
{
    for (size_t i = 0; i < entry->port_count; i++)
        if (entry->ports[i] == port)
            return true;
    return entry->port_count == 0;
}

static bool fits(const struct entry *entry, const struct ip_address *address)
{
    const unsigned char *bytes;
    if (entry->family == 0)
        return true;
    if (entry->family != address->any.sa_family || !has_port(entry, ip_port(address)))
        return false;
    (void)bytes_of(address, &bytes);
    size_t whole = entry->bits / 8;
    unsigned rest = entry->bits % 8;
    return memcmp(bytes, entry->bytes, whole) == 0 &&
           (rest == 0 || ((bytes[whole] ^ entry->bytes[whole]) >> (8 - rest)) == 0);
}

/* The address that is reached by it. */
static struct ip_address meant(const struct ip_address *address)
{
    struct ip_address real = *address;
    ip_unmap(&real);
    if (real.any.sa_family == AF_INET && real.v4.sin_addr.s_addr == htonl(INADDR_ANY))
        real.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (real.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&real.v6.sin6_addr))
        real.v6.sin6_addr = in6addr_loopback;
    return real;
}

static bool first_allows(const struct ip_policy *policy, const struct ip_address *address)
{
    for (size_t i = 0; i < policy->count; i++)
        if (fits(&policy->entries[i], address))
            return policy->entries[i].allow;
    return false;
}

bool ip_policy_permits(const void *policy, const struct ip_address *address)
{
    const struct ip_address reached = meant(address);
    struct ip_address asked = *address;
    ip_unmap(&asked);
    return first_allows(policy, &reached) && first_allows(policy, &asked);
}
