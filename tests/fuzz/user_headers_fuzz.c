/* Packed fields: what can be unpacked is made of proper fields, and packed and unpacked again it is
 * the same. */
#include "culvert/tunnel/user_headers.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct headers *fields)
{
    struct buf out = BUF_LIMIT(1 << 20);
    struct headers again = {0};
    struct error err;
    bool packed = user_headers_pack(fields, &out, &err);
    assert(packed ? out.len <= USER_HEADERS_MAX : err.kind == ERROR_LIMIT && out.len == 0);
    bool ok = user_headers_unpack(buf_span(&out), &again, NULL);
    assert(ok && again.count == (packed ? fields->count : 0));
    for (size_t i = 0; packed && i < fields->count; i++) {
        assert(span_equal_nocase(headers_at(fields, i).name, headers_at(&again, i).name));
        assert(span_equal(headers_at(fields, i).value, headers_at(&again, i).value));
    }
    buf_release(&out);
    headers_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct headers fields = {0};
    struct error err = {0};
    if (user_headers_unpack(span_make(data, size), &fields, &err)) {
        for (size_t i = 0; i < fields.count; i++) {
            struct header field = headers_at(&fields, i);
            assert(header_name_is_valid(field.name) && header_value_is_valid(field.value));
            assert(!user_header_is_reserved(field.name));
        }
        check_again(&fields);
    } else {
        assert(err.kind == ERROR_PROTOCOL || err.kind == ERROR_LIMIT);
    }
    headers_release(&fields);
    return 0;
}
