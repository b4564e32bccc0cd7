/* Address -> what it has open and what it wasted. An address is known while it has something open,
 * and for the rest of its window when it wasted some; of the latter the oldest is forgotten. */
#include "culvert/edge/admission.h"

#include "culvert/base/map.h"

struct admission_address {
    struct link link; /* with nothing open: in `remembered`; by the time of its last end */
    unsigned char key[IP_KEY_SIZE];
    size_t open;
    uint64_t since_ms; /* its window began */
    size_t wasted;     /* in it */
};

struct admission {
    struct admission_options options;
    struct map *by_key;
    struct list remembered;
    size_t open;
};

struct admission *admission_new(const struct admission_options *options)
{
    struct admission *admission = calloc(1, sizeof *admission);
    if (!admission)
        return NULL;
    admission->options = *options;
    if (admission->options.connections == 0)
        admission->options.connections = ADMISSION_CONNECTIONS_MAX;
    list_init(&admission->remembered);
    admission->by_key = map_new(SIZE_MAX);
    if (admission->by_key)
        return admission;
    free(admission);
    return NULL;
}

void admission_free(struct admission *admission)
{
    if (!admission)
        return;
    map_free(admission->by_key, free);
    free(admission);
}

/* ---- addresses ---- */

static struct span key_of(const struct admission_address *address)
{
    return span_make(address->key, IP_KEY_SIZE);
}

static void forget(struct admission *admission, struct admission_address *address)
{
    if (link_is_in_list(&address->link))
        list_remove(&admission->remembered, &address->link);
    free(map_take(admission->by_key, key_of(address)));
}

static struct admission_address *add(struct admission *admission, struct span key, uint64_t now_ms)
{
    struct admission_address *address = calloc(1, sizeof *address);
    if (!address)
        return NULL;
    memcpy(address->key, key.data, IP_KEY_SIZE);
    address->since_ms = now_ms;
    if (map_put(admission->by_key, key, address, NULL))
        return address;
    free(address);
    return NULL;
}

static void renew_window(struct admission_address *address, uint64_t now_ms)
{
    if (now_ms - address->since_ms < ADMISSION_WINDOW_MS)
        return;
    address->since_ms = now_ms;
    address->wasted = 0;
}

/* Nothing of it is open any more. */
static void put_aside(struct admission *admission, struct admission_address *address)
{
    if (address->wasted == 0) {
        forget(admission, address);
        return;
    }
    list_put_last(&admission->remembered, &address->link);
    if (admission->remembered.count > ADMISSION_REMEMBERED_MAX)
        forget(admission,
               CONTAINER_OF(list_first(&admission->remembered), struct admission_address, link));
}

/* Those whose window is over tell nothing any more; a few a time keep up with those that come. */
static void forget_some(struct admission *admission, uint64_t now_ms)
{
    for (int i = 0; i < 2; i++) {
        struct link *first = list_first(&admission->remembered);
        struct admission_address *address = CONTAINER_OF(first, struct admission_address, link);
        if (!first || now_ms - address->since_ms < ADMISSION_WINDOW_MS)
            return;
        forget(admission, address);
    }
}

/* ---- connections ---- */

static enum abuse judge(const struct admission *admission, const struct admission_address *address,
                        const struct ip_address *from)
{
    size_t given = admission->options.connections_per_address;
    if (given == 0 && (from->len == 0 || ip_is_loopback(from)))
        return ABUSE_NONE;
    /* Who may have more open may waste more, too: behind such an address there are many. */
    size_t scale = given > ADMISSION_ADDRESS_MAX ? given / ADMISSION_ADDRESS_MAX : 1;
    if (address->wasted >= scale * ADMISSION_WASTED_MAX)
        return ABUSE_ADDRESS_WASTED;
    if (address->open >= (given > 0 ? given : ADMISSION_ADDRESS_MAX))
        return ABUSE_ADDRESS_CONNECTIONS;
    return ABUSE_NONE;
}

enum abuse admission_open(struct admission *admission, struct visit *visit,
                          const struct ip_address *from, uint64_t now_ms)
{
    unsigned char bytes[IP_KEY_SIZE];
    struct span key = ip_network_key(from, bytes);
    forget_some(admission, now_ms);
    struct admission_address *address = map_find(admission->by_key, key);
    if (!address)
        address = add(admission, key, now_ms);
    if (!address)
        return ABUSE_CONNECTIONS; /* there is no memory for one more */
    renew_window(address, now_ms);
    enum abuse abuse = judge(admission, address, from);
    if (abuse != ABUSE_NONE)
        return abuse;
    if (link_is_in_list(&address->link))
        list_remove(&admission->remembered, &address->link);
    address->open++;
    admission->open++;
    *visit = (struct visit){.address = address};
    return ABUSE_NONE;
}

void admission_closed(struct admission *admission, struct visit *visit, uint64_t now_ms)
{
    struct admission_address *address = visit->address;
    visit->address = NULL;
    admission->open--;
    address->open--;
    renew_window(address, now_ms);
    if (visit->flooded)
        address->wasted += ADMISSION_FLOOD_COST;
    else if (!visit->asked && !visit->excused)
        address->wasted++;
    if (address->open == 0)
        put_aside(admission, address);
}

bool admission_is_over(const struct admission *admission)
{
    return admission->open > admission->options.connections;
}

size_t admission_count(const struct admission *admission)
{
    return admission->open;
}

size_t admission_addresses(const struct admission *admission)
{
    return map_count(admission->by_key);
}
