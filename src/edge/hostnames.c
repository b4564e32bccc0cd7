/* One map of names as they are written in routes; a lookup asks for the name, then for "*" and each
 * shorter rest of it. */
#include "culvert/edge/hostnames.h"

#include "culvert/base/ip.h"
#include "culvert/base/map.h"
#include "culvert/base/refs.h"

struct hostnames {
    struct refs refs;
    struct map *by_name; /* to places in `tunnels` */
    struct uuid *tunnels;
};

/* Labels of letters, digits, "-" and "_", none of them empty (RFC 1035; "_" as in practice). */
static bool copy_labels(struct span host, char out[STORE_HOSTNAME_SIZE])
{
    if (host.len > 0 && host.data[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len >= STORE_HOSTNAME_SIZE)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool ends_label = c == '.' && i > 0 && i + 1 < host.len && host.data[i - 1] != '.';
        if (!ends_label && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
            c != '_')
            return false;
        out[i] = c;
    }
    out[host.len] = '\0';
    return true;
}

bool hostname_normalise(struct span authority, char out[STORE_HOSTNAME_SIZE])
{
    struct span host;
    struct ip_address address;
    uint16_t port = 0;
    if (!ip_split_host_port(authority, &host, &port))
        return false;
    if (!ip_parse(host, 0, &address))
        return copy_labels(host, out);
    char text[IP_TEXT_SIZE];
    ip_format_bare(&address, text);
    (void)snprintf(out, STORE_HOSTNAME_SIZE, "%s", text);
    return true;
}

static void destroy(struct hostnames *hostnames)
{
    map_free(hostnames->by_name, NULL);
    free(hostnames->tunnels);
    free(hostnames);
}

struct hostnames *hostnames_new(const struct store_route *routes, size_t count, struct error *err)
{
    struct hostnames *hostnames = calloc(1, sizeof *hostnames);
    error_memory(err);
    if (!hostnames)
        return NULL;
    refs_init(&hostnames->refs);
    hostnames->by_name = map_new(STORE_ROUTES_MAX);
    hostnames->tunnels = calloc(count + 1, sizeof *hostnames->tunnels);
    bool ok = hostnames->by_name && hostnames->tunnels;
    for (size_t i = 0; ok && i < count; i++) {
        hostnames->tunnels[i] = routes[i].tunnel_id;
        ok = map_put(hostnames->by_name, span_of(routes[i].hostname), &hostnames->tunnels[i], NULL);
    }
    if (ok)
        return hostnames;
    destroy(hostnames);
    return NULL;
}

struct hostnames *hostnames_ref(struct hostnames *hostnames)
{
    refs_take(&hostnames->refs);
    return hostnames;
}

void hostnames_unref(struct hostnames *hostnames)
{
    if (hostnames && refs_drop(&hostnames->refs))
        destroy(hostnames);
}

const struct uuid *hostnames_find(const struct hostnames *hostnames, struct span name)
{
    char rest[STORE_HOSTNAME_SIZE];
    const struct uuid *found = map_find(hostnames->by_name, name);
    if (found || name.len >= sizeof rest)
        return found;
    memcpy(rest, name.data ? name.data : "", name.len);
    for (size_t i = 1; !found && i < name.len; i++) {
        if (rest[i] != '.')
            continue;
        rest[i - 1] = '*';
        found = map_find(hostnames->by_name, span_make(rest + i - 1, name.len - i + 1));
    }
    return found;
}

size_t hostnames_count(const struct hostnames *hostnames)
{
    return map_count(hostnames->by_name);
}
