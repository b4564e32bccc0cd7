/* A bastion's destination: what is taken is a host and a port that lie in the text, and means the
 * same when it is written in its plain form. */
#include "culvert/base/buf.h"
#include "culvert/base/ip.h"
#include "culvert/origin/jump.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span host = SPAN_NONE;
    struct span again = SPAN_NONE;
    struct error err;
    uint16_t port;
    uint16_t again_port;
    struct buf plain = BUF_LIMIT(1 << 20);
    if (!jump_parse(span_make(data, size), &host, &port, &err)) {
        assert(err.kind == ERROR_INVALID);
        return 0;
    }
    assert(host.len > 0 && port > 0);
    bool in_text =
        host.data >= (const char *)data && host.data + host.len <= (const char *)data + size;
    assert(in_text || span_equal(host, SPAN("127.0.0.1")));
    bool is_v6 = span_find(host, ':') < host.len;
    bool ok = buf_printf(&plain, is_v6 ? "[%.*s]:%u" : "%.*s:%u", SPAN_ARG(host), port);
    if (ok && span_find(host, '\0') == host.len && span_equal(span_trim(host), host)) {
        ok = jump_parse(buf_span(&plain), &again, &again_port, &err);
        assert(ok && again_port == port && span_equal(again, host));
    }
    buf_release(&plain);
    return 0;
}
