#include "culvert/tunnel/stream_kind.h"

#include "harness.h"

TEST(the_first_mark_decides_what_a_stream_is_for)
{
    static const struct {
        const char *upgrade, *second_upgrade, *source;
        enum stream_kind kind;
        const char *why;
    } cases[] = {
        {NULL, NULL, NULL, STREAM_HTTP, "no mark"},
        {"update-configuration", NULL, NULL, STREAM_CONFIGURATION, "configuration"},
        {"websocket", NULL, NULL, STREAM_WEBSOCKET, "websocket"},
        {"control-stream", NULL, NULL, STREAM_CONTROL, "control"},
        {NULL, NULL, "1", STREAM_TCP, "a source"},
        {NULL, NULL, "", STREAM_HTTP, "an empty source"},
        {"update-configuration", NULL, "1", STREAM_CONFIGURATION, "configuration before TCP"},
        {"websocket", NULL, "1", STREAM_WEBSOCKET, "websocket before TCP"},
        {"control-stream", NULL, "1", STREAM_TCP, "TCP before control"},
        {"WebSocket", NULL, NULL, STREAM_HTTP, "values compare exactly"},
        {"", NULL, NULL, STREAM_HTTP, "an empty mark"},
        {"x", "control-stream", NULL, STREAM_HTTP, "only the first value counts"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head;
        request_head_init(&head);
        const char *marks[] = {cases[i].upgrade, cases[i].second_upgrade};
        for (size_t k = 0; k < ARRAY_LEN(marks); k++)
            if (marks[k])
                CHECK(headers_add(&head.fields, SPAN("Cf-Cloudflared-Proxy-Connection-Upgrade"),
                                  span_of(marks[k]), NULL));
        if (cases[i].source)
            CHECK(headers_add(&head.fields, SPAN(STREAM_SOURCE_FIELD), span_of(cases[i].source),
                              NULL));
        CHECK_CASE(stream_kind_of(&head) == cases[i].kind, "%s", cases[i].why);
        request_head_release(&head);
    }
}

TEST(each_kind_is_recognised_by_the_mark_that_is_put_for_it)
{
    static const enum stream_kind kinds[] = {STREAM_CONFIGURATION, STREAM_WEBSOCKET, STREAM_TCP,
                                             STREAM_CONTROL, STREAM_HTTP};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct request_head head;
        request_head_init(&head);
        CHECK(stream_kind_mark(&head, kinds[i], SPAN("edge"), NULL));
        CHECK_CASE(stream_kind_of(&head) == kinds[i], "%s", stream_kind_name(kinds[i]));
        request_head_release(&head);
    }
}

TEST(what_is_for_the_connector_alone_is_taken_off)
{
    struct request_head head;
    request_head_init(&head);
    CHECK(headers_add(&head.fields, SPAN("CF-Cloudflared-Proxy-Connection-Upgrade"), SPAN("odd"),
                      NULL) &&
          headers_add(&head.fields, SPAN("cf-trace-id"), SPAN("1:2:3:4"), NULL) &&
          headers_add(&head.fields, SPAN("cf-ray"), SPAN("7f"), NULL));
    stream_kind_strip(&head);
    CHECK(head.fields.count == 1 && headers_has(&head.fields, SPAN("cf-ray")));
    request_head_release(&head);
}
