/* Places of mistakes, and the limits on visitors: one table of keys. */
#include "edge_yml.h"

#include "culvert/base/duration.h"

#include <stddef.h>

enum {
    LIMIT_TIME_MIN_MS = 1000,
    LIMIT_TIME_MAX_MS = 60 * 60 * 1000, /* a longer one is none */
    LIMIT_COUNT_MAX = 1000 * 1000,      /* connections; descriptors run out before */
};

bool edge_yml_want(const struct yml_node *node, enum yml_kind kind, struct error *err)
{
    return yml_kind(node) == kind ||
           error_set(err, ERROR_INVALID, 0, "%s:%d:%d: %s is wanted here, not %s", yml_name(node),
                     yml_line(node), yml_column(node), yml_kind_name(kind),
                     yml_kind_name(yml_kind(node)));
}

bool edge_yml_refuse_key(const struct yml_node *key, struct error *err)
{
    return error_set(err, ERROR_INVALID, 0, "%s:%d:%d: there is no key \"%.40s\" here",
                     yml_name(key), yml_line(key), yml_column(key), yml_text(key).data);
}

bool edge_yml_fail(const struct yml_node *node, struct error *err)
{
    return error_wrap(err, "%s:%d:%d", yml_name(node), yml_line(node), yml_column(node));
}

static bool read_time(void *field, const struct yml_node *node, struct error *err)
{
    uint64_t *ms = field;
    int64_t ns = 0;
    if (!edge_yml_want(node, YML_TEXT, err))
        return false;
    if (!duration_parse(yml_text(node), &ns) || ns < LIMIT_TIME_MIN_MS * INT64_C(1000000) ||
        ns > LIMIT_TIME_MAX_MS * INT64_C(1000000)) {
        error_set(err, ERROR_INVALID, 0, "\"%.40s\" is no time from 1s to 1h", yml_text(node).data);
        return edge_yml_fail(node, err);
    }
    *ms = (uint64_t)ns / 1000000;
    return true;
}

static bool read_count(void *field, const struct yml_node *node, struct error *err)
{
    size_t *count = field;
    uint64_t number = 0;
    if (!edge_yml_want(node, YML_INT, err))
        return false;
    if (!yml_to_uint(node, &number) || number < 1 || number > LIMIT_COUNT_MAX) {
        error_set(err, ERROR_INVALID, 0, "%.40s is no number from 1 to %d", yml_text(node).data,
                  LIMIT_COUNT_MAX);
        return edge_yml_fail(node, err);
    }
    *count = (size_t)number;
    return true;
}

static const struct {
    const char *key;
    size_t offset;
    bool (*read)(void *field, const struct yml_node *node, struct error *err);
} keys[] = {
    {"headTimeout", offsetof(struct edge_visitor_limits, patience.head_ms), read_time},
    {"idleTimeout", offsetof(struct edge_visitor_limits, patience.idle_ms), read_time},
    {"bodyTimeout", offsetof(struct edge_visitor_limits, patience.body_ms), read_time},
    {"readTimeout", offsetof(struct edge_visitor_limits, patience.stall_ms), read_time},
    {"connections", offsetof(struct edge_visitor_limits, admission.connections), read_count},
    {"connectionsPerAddress",
     offsetof(struct edge_visitor_limits, admission.connections_per_address), read_count},
    {"connectorsPerAddress",
     offsetof(struct edge_visitor_limits, connectors.connections_per_address), read_count},
};

bool edge_yml_read_limits(struct edge_visitor_limits *limits, const struct yml_node *map,
                          struct error *err)
{
    if (!edge_yml_want(map, YML_MAP, err))
        return false;
    for (size_t i = 0; i < yml_count(map); i++) {
        size_t k = 0;
        while (k < ARRAY_LEN(keys) && !span_equal(yml_text(yml_key(map, i)), span_of(keys[k].key)))
            k++;
        if (k == ARRAY_LEN(keys))
            return edge_yml_refuse_key(yml_key(map, i), err);
        if (!keys[k].read((char *)limits + keys[k].offset, yml_at(map, i), err))
            return false;
    }
    return true;
}
