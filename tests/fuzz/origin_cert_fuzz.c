/* The input is tried as cert.pem, and as the JSON inside of one; what is read comes back the same.
 */
#include "culvert/base/encode.h"
#include "culvert/tunnel/origin_cert.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(struct span pem)
{
    struct buf first = BUF_LIMIT(4 * ORIGIN_CERT_MAX);
    struct buf second = BUF_LIMIT(4 * ORIGIN_CERT_MAX);
    struct error err = {0};
    struct origin_cert *cert = origin_cert_parse(pem, &err);
    assert(cert || err.kind != ERROR_NONE);
    if (cert && origin_cert_format(cert, &first)) {
        struct origin_cert *again = origin_cert_parse(buf_span(&first), &err);
        assert(again && origin_cert_format(again, &second));
        assert(span_equal(buf_span(&first), buf_span(&second)));
        origin_cert_free(again);
    }
    origin_cert_free(cert);
    buf_wipe(&first);
    buf_wipe(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf wrapped = BUF_LIMIT(ORIGIN_CERT_MAX);
    struct span input = span_make(data, size);
    try(input);
    if (buf_put_span(&wrapped, SPAN("-----BEGIN ARGO TUNNEL TOKEN-----\n")) &&
        base64_encode(BASE64_STANDARD, input, &wrapped) &&
        buf_put_span(&wrapped, SPAN("\n-----END ARGO TUNNEL TOKEN-----\n")))
        try(buf_span(&wrapped));
    buf_wipe(&wrapped);
    return 0;
}
