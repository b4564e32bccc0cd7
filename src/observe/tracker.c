/* One entry for each HA connection; whatever changes it also changes the series that show it. */
#include "culvert/observe/tracker.h"

#include "culvert/base/clock.h"

struct tracker {
    const struct clock *clock;
    char connector[UUID_TEXT_SIZE];
    bool draining;
    struct metric *ha_connections;
    struct metric_family *locations;
    struct metric_family *states;
    struct metric_family *since;
    struct metric_family *reconnects;
    size_t count;
    struct tracker_entry entries[];
};

static const char *const state_names[TRACKER_STATES] = {
    [TRACKER_IDLE] = "idle",       [TRACKER_DIALING] = "dialing",
    [TRACKER_SERVING] = "serving", [TRACKER_REGISTERING] = "registering",
    [TRACKER_CLOSED] = "closed",   [TRACKER_DRAINING] = "draining",
};

/* Unlike the peer's gauge this one counts registered connections only: 0 means nothing is served.
 */
static const struct metric_desc ha_connections = {"cloudflared_tunnel_ha_connections",
                                                  "Number of active ha connections", METRIC_GAUGE};
static const struct metric_desc server_locations = {
    "cloudflared_tunnel_server_locations",
    "Where each tunnel is connected to. 1 means current location, 0 means previous locations.",
    METRIC_GAUGE,
    {"connection_id", "edge_location"}};
static const struct metric_desc connection_state = {
    .name = "culvert_connection_state",
    .help = "State of each HA connection: 1 for the one it is in, 0 for those it has been in.",
    .kind = METRIC_GAUGE,
    .labels = {"conn_index", "state"},
    .series_max = (size_t)TRACKER_CONNECTIONS_MAX * TRACKER_STATES};
static const struct metric_desc connection_since = {
    .name = "culvert_connection_since_seconds",
    .help = "When each HA connection entered its state, in seconds since unix epoch.",
    .kind = METRIC_GAUGE,
    .labels = {"conn_index"},
    .series_max = TRACKER_CONNECTIONS_MAX};
static const struct metric_desc reconnects = {"culvert_reconnects_total",
                                              "HA connections that were lost, by reason.",
                                              METRIC_COUNTER,
                                              {"reason"}};

struct tracker *tracker_new(const struct uuid *connector, size_t count, const struct clock *clock,
                            struct metrics *metrics, struct error *err)
{
    if (count == 0 || count > TRACKER_CONNECTIONS_MAX) {
        (void)error_set(err, ERROR_INVALID, 0, "%zu HA connections: must be 1 to %d", count,
                        TRACKER_CONNECTIONS_MAX);
        return NULL;
    }
    struct tracker *tracker = calloc(1, sizeof *tracker + count * sizeof *tracker->entries);
    if (!tracker) {
        (void)error_memory(err);
        return NULL;
    }
    tracker->clock = clock;
    tracker->count = count;
    uuid_format(connector, tracker->connector);
    tracker->ha_connections = metrics_single(metrics, &ha_connections);
    tracker->locations = metrics_family(metrics, &server_locations);
    tracker->states = metrics_family(metrics, &connection_state);
    tracker->since = metrics_family(metrics, &connection_since);
    tracker->reconnects = metrics_family(metrics, &reconnects);
    for (size_t i = 0; i < count; i++)
        tracker_enter(tracker, i, TRACKER_IDLE);
    return tracker;
}

void tracker_free(struct tracker *tracker)
{
    free(tracker);
}

/* An index as the value of a label. */
static struct span index_text(size_t index, char text[24])
{
    (void)snprintf(text, 24, "%zu", index);
    return span_of(text);
}

static void show_state(struct tracker *tracker, size_t index, double value)
{
    char number[24];
    const struct span labels[] = {index_text(index, number),
                                  span_of(state_names[tracker->entries[index].state])};
    metric_set(metric_with(tracker->states, labels), value);
}

static void show_location(struct tracker *tracker, size_t index, double value)
{
    char number[24];
    const struct span labels[] = {index_text(index, number),
                                  span_of(tracker->entries[index].location)};
    if (labels[1].len)
        metric_set(metric_with(tracker->locations, labels), value);
}

void tracker_enter(struct tracker *tracker, size_t index, enum tracker_state state)
{
    if (index >= tracker->count)
        return;
    struct tracker_entry *entry = &tracker->entries[index];
    char number[24];
    const struct span label = index_text(index, number);

    show_state(tracker, index, 0);
    entry->state = state;
    entry->since_unix_ms = tracker->clock->unix_ms(tracker->clock);
    show_state(tracker, index, 1);
    metric_set(metric_with(tracker->since, &label), (double)entry->since_unix_ms / 1000);
    metric_set(tracker->ha_connections, (double)tracker_ready_count(tracker));
}

void tracker_dialing(struct tracker *tracker, size_t index, const struct ip_address *edge)
{
    if (index >= tracker->count)
        return;
    tracker->entries[index].edge = *edge;
    tracker_enter(tracker, index, TRACKER_DIALING);
}

void tracker_registered(struct tracker *tracker, size_t index, const struct uuid *connection,
                        struct span location)
{
    if (index >= tracker->count)
        return;
    struct tracker_entry *entry = &tracker->entries[index];
    show_location(tracker, index, 0);
    entry->connection = *connection;
    (void)snprintf(entry->location, sizeof entry->location, "%.*s", SPAN_ARG(location));
    show_location(tracker, index, 1);
    tracker_enter(tracker, index, TRACKER_SERVING);
}

void tracker_lost(struct tracker *tracker, size_t index, const char *reason)
{
    const struct span label = span_of(reason);
    if (index >= tracker->count)
        return;
    metric_add(metric_with(tracker->reconnects, &label), 1);
    tracker_enter(tracker, index, TRACKER_IDLE);
}

void tracker_drain(struct tracker *tracker)
{
    tracker->draining = true;
}

size_t tracker_ready_count(const struct tracker *tracker)
{
    size_t ready = 0;
    for (size_t i = 0; i < tracker->count; i++)
        ready += tracker->entries[i].state == TRACKER_SERVING;
    return ready;
}

const struct tracker_entry *tracker_at(const struct tracker *tracker, size_t index)
{
    return index < tracker->count ? &tracker->entries[index] : NULL;
}

const char *tracker_state_name(enum tracker_state state)
{
    return state_names[state];
}

bool tracker_ready_json(const struct tracker *tracker, size_t min, struct buf *out, int *status)
{
    size_t ready = tracker_ready_count(tracker);
    bool is_ready = !tracker->draining && ready >= (min ? min : 1);
    *status = is_ready ? 200 : 503;
    return buf_printf(out,
                      "{\"status\":%d,\"readyConnections\":%zu,\"connectorId\":\"%s\","
                      "\"haConnections\":%zu,\"draining\":%s}",
                      *status, ready, tracker->connector, tracker->count,
                      tracker->draining ? "true" : "false");
}
