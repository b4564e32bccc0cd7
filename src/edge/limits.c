/* Address -> failures of its minute; a list by age says whom to forget. */
#include "culvert/edge/limits.h"

#include "culvert/base/list.h"
#include "culvert/base/map.h"

struct offender {
    struct link link; /* the one that failed last stands last */
    unsigned char key[IP_KEY_SIZE];
    uint64_t since_ms;
    unsigned failures;
};

struct limits {
    struct map *by_key;
    struct list by_age;
};

struct limits *limits_new(void)
{
    struct limits *limits = calloc(1, sizeof *limits);
    if (!limits)
        return NULL;
    list_init(&limits->by_age);
    limits->by_key = map_new(LIMITS_ADDRESSES_MAX);
    if (limits->by_key)
        return limits;
    free(limits);
    return NULL;
}

void limits_free(struct limits *limits)
{
    if (!limits)
        return;
    map_free(limits->by_key, free);
    free(limits);
}

static bool is_over(const struct offender *offender, uint64_t now_ms)
{
    return now_ms - offender->since_ms >= LIMITS_WINDOW_MS;
}

static void forget_oldest(struct limits *limits)
{
    struct offender *oldest = CONTAINER_OF(list_first(&limits->by_age), struct offender, link);
    list_remove(&limits->by_age, &oldest->link);
    free(map_take(limits->by_key, span_make(oldest->key, IP_KEY_SIZE)));
}

static struct offender *remember(struct limits *limits, struct span key)
{
    struct offender *offender = calloc(1, sizeof *offender);
    if (!offender)
        return NULL;
    if (limits->by_age.count == LIMITS_ADDRESSES_MAX)
        forget_oldest(limits);
    memcpy(offender->key, key.data, IP_KEY_SIZE);
    if (map_put(limits->by_key, key, offender, NULL))
        return offender;
    free(offender);
    return NULL;
}

bool limits_failed(struct limits *limits, const struct ip_address *from, uint64_t now_ms)
{
    unsigned char bytes[IP_KEY_SIZE];
    struct span key = ip_network_key(from, bytes);
    struct offender *offender = map_find(limits->by_key, key);
    if (offender)
        list_remove(&limits->by_age, &offender->link);
    else
        offender = remember(limits, key);
    if (!offender)
        return false; /* without memory nobody is shut out */
    list_put_last(&limits->by_age, &offender->link);
    if (offender->failures == 0 || is_over(offender, now_ms)) {
        offender->since_ms = now_ms;
        offender->failures = 0;
    }
    return ++offender->failures == LIMITS_FAILURES_MAX;
}

bool limits_is_shut(const struct limits *limits, const struct ip_address *from, uint64_t now_ms)
{
    unsigned char bytes[IP_KEY_SIZE];
    const struct offender *offender = map_find(limits->by_key, ip_network_key(from, bytes));
    return offender && offender->failures >= LIMITS_FAILURES_MAX && !is_over(offender, now_ms);
}

size_t limits_count(const struct limits *limits)
{
    return limits->by_age.count;
}
