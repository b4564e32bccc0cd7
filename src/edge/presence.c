/* Tunnel id -> a number for each worker. A tunnel that nobody holds has no entry. */
#include "culvert/edge/presence.h"

#include "culvert/base/map.h"
#include "culvert/edge/directory.h"

struct place {
    size_t total;
    size_t turn; /* of the next pick */
    size_t held[];
};

struct presence {
    struct map *tunnels; /* by the bytes of the id */
    size_t workers;
};

struct presence *presence_new(size_t workers)
{
    struct presence *presence = calloc(1, sizeof *presence);
    if (!presence)
        return NULL;
    presence->workers = workers;
    presence->tunnels = map_new(DIRECTORY_TUNNELS_MAX);
    if (presence->tunnels)
        return presence;
    free(presence);
    return NULL;
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    map_free(presence->tunnels, free);
    free(presence);
}

static struct place *find(const struct presence *presence, const struct uuid *tunnel_id)
{
    return map_find(presence->tunnels, uuid_span(tunnel_id));
}

static struct place *make(struct presence *presence, const struct uuid *tunnel_id)
{
    struct place *place = calloc(1, sizeof *place + presence->workers * sizeof place->held[0]);
    if (place && map_put(presence->tunnels, uuid_span(tunnel_id), place, NULL))
        return place;
    free(place);
    return NULL;
}

bool presence_set(struct presence *presence, const struct uuid *tunnel_id, size_t worker,
                  size_t connections)
{
    struct place *place = find(presence, tunnel_id);
    if (!place && connections == 0)
        return true;
    if (!place)
        place = make(presence, tunnel_id);
    if (!place)
        return false;
    place->total += connections;
    place->total -= place->held[worker];
    place->held[worker] = connections;
    if (place->total > 0)
        return true;
    free(map_take(presence->tunnels, uuid_span(tunnel_id)));
    return true;
}

size_t presence_count(const struct presence *presence, const struct uuid *tunnel_id, size_t worker)
{
    const struct place *place = find(presence, tunnel_id);
    return place ? place->held[worker] : 0;
}

/* Connections of that worker that may be picked. */
static size_t offered(const struct place *place, size_t worker, uint64_t not_these)
{
    return not_these & presence_bit(worker) ? 0 : place->held[worker];
}

int presence_pick(struct presence *presence, const struct uuid *tunnel_id, uint64_t not_these)
{
    struct place *place = find(presence, tunnel_id);
    size_t others = 0;
    for (size_t i = 0; place && i < presence->workers; i++)
        others += offered(place, i, not_these);
    if (others == 0)
        return PRESENCE_NONE;
    size_t at = place->turn++ % others;
    int worker = 0;
    for (; at >= offered(place, (size_t)worker, not_these); worker++)
        at -= offered(place, (size_t)worker, not_these);
    return worker;
}

size_t presence_tunnels(const struct presence *presence)
{
    return map_count(presence->tunnels);
}
