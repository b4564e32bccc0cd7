/* The input is the answer of an API: a byte that chooses the status, then the body. Whatever it is,
 * it is taken or refused with a sentence, and so are the objects in its result. */
#include "culvert/api/envelope.h"
#include "culvert/api/objects.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_objects(const struct doc *value)
{
    struct api_tunnel tunnel;
    struct api_connector connector;
    struct error err = {0};
    if (api_tunnel_read(value, &tunnel, &err)) {
        char text[API_TIME_SIZE];
        struct api_time again;
        api_time_format(&tunnel.created_at, API_TIME_EXACT, text);
        assert(api_time_parse(span_of(text), &again));
        assert(api_time_compare(&again, &tunnel.created_at) == 0);
    } else {
        assert(err.kind != ERROR_NONE);
    }
    api_tunnel_release(&tunnel);
    if (api_connector_read(value, &connector, &err))
        api_connector_release(&connector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 204, 302, 400, 401, 404, 409, 500};
    if (size == 0)
        return 0;
    struct fetch_response response = {.status = statuses[data[0] % ARRAY_LEN(statuses)],
                                      .media_type = "application/json",
                                      .body = BUF_LIMIT(FETCH_BODY_MAX)};
    struct api_envelope envelope;
    struct error err = {0};
    assert(buf_put(&response.body, data + 1, size - 1));
    if (api_envelope_read(&response, &envelope, &err)) {
        read_objects(envelope.result);
        for (size_t i = 0; envelope.result && i < doc_count(envelope.result); i++)
            read_objects(doc_at(envelope.result, i));
    } else {
        assert(err.kind != ERROR_NONE && err.text[0] != '\0');
    }
    api_envelope_release(&envelope);
    fetch_response_release(&response);
    return 0;
}
