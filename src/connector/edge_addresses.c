/* A short list and, for each connection, a place in it. */
#include "culvert/connector/edge_addresses.h"

#include "culvert/base/ip.h"

bool edge_addresses_add(struct edge_addresses *list, struct span text, struct error *err)
{
    struct span host;
    uint16_t port = EDGE_PORT;
    if (list->count == EDGE_ADDRESSES_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d edge addresses", EDGE_ADDRESSES_MAX);
    if (!ip_split_host_port(text, &host, &port) || host.len == 0 || host.len >= EDGE_NAME_MAX ||
        port == 0)
        return error_set(err, ERROR_INVALID, 0,
                         "edge address \"%.*s\": write it as host:port, for example 127.0.0.1:%d",
                         SPAN_ARG(span_first(text, 80)), EDGE_PORT);
    struct edge_address *address = &list->at[list->count++];
    memcpy(address->host, host.data, host.len);
    address->host[host.len] = '\0';
    address->port = port;
    return true;
}

const struct edge_address *edge_addresses_for(const struct edge_addresses *list, size_t index)
{
    if (list->count == 0)
        return NULL;
    return &list->at[(index + list->rotation[index % EDGE_INDEXES_MAX]) % list->count];
}

void edge_addresses_rotate(struct edge_addresses *list, size_t index)
{
    list->rotation[index % EDGE_INDEXES_MAX]++;
    list->failures++;
}

void edge_addresses_worked(struct edge_addresses *list)
{
    list->failures = 0;
}

bool edge_addresses_exhausted(const struct edge_addresses *list)
{
    return list->failures >= list->count;
}
