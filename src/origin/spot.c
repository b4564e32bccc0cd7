/* The service's own address, then those of originRequest. */
#include "spot.h"

size_t spot_count(const struct rule *rule)
{
    return 1 + rule->origin.addresses.count;
}

void spot_find(const struct rule *rule, size_t index, struct spot *spot)
{
    spot->host = rule->service.host;
    spot->port = rule->service.port;
    if (index > 0) {
        const struct origin_address *other = &rule->origin.addresses.all[index - 1];
        spot->host = other->host;
        spot->port = other->port > 0 ? other->port : rule->service.port;
    }
    bool is_v6 = strchr(spot->host, ':') != NULL;
    (void)snprintf(spot->address, sizeof spot->address, is_v6 ? "[%.255s]:%u" : "%.255s:%u",
                   spot->host, spot->port);
    (void)snprintf(spot->name, sizeof spot->name, "%.200s at %s", rule->service.text,
                   spot->address);
}
