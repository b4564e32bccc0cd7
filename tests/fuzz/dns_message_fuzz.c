/* Every target that is read is a name that fits, and ordering keeps all of them. */
#include "culvert/net/dns_message.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t first(uint64_t below)
{
    return below / 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_srv records[8];
    struct error err = {0};
    size_t count = 0;
    uint32_t ports = 0;
    if (!dns_parse_srv(span_make(data, size), records, ARRAY_LEN(records), &count, &err)) {
        assert(err.kind == ERROR_PROTOCOL);
        return 0;
    }
    assert(count <= ARRAY_LEN(records));
    for (size_t i = 0; i < count; i++) {
        size_t len = strnlen(records[i].target, DNS_NAME_SIZE);
        assert(len > 0 && len < DNS_NAME_SIZE - 2);
        ports += records[i].port;
    }
    dns_order_srv(records, count, first);
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || records[i - 1].priority <= records[i].priority);
        ports -= records[i].port;
    }
    assert(ports == 0);
    return 0;
}
