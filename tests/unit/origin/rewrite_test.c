#include "culvert/origin/rewrite.h"
#include "harness.h"

struct field {
    const char *name, *value;
};

static void fill(struct request_head *head, const struct field *fields)
{
    request_head_init(head);
    CHECK(buf_put_span(&head->method, SPAN("GET")));
    CHECK(buf_put_span(&head->authority, SPAN("app.test:8443")));
    CHECK(buf_put_span(&head->target, SPAN("/a//b/../%2F?q=a b")));
    for (size_t i = 0; fields[i].name; i++)
        CHECK(headers_add(&head->fields, span_of(fields[i].name), span_of(fields[i].value), NULL));
    head->length = 0;
    head->ends_here = true;
}

static const struct rewrite_options plain = {.connector_id = SPAN_INIT("some-uuid")};

TEST(fields_reach_the_origin_in_their_order_and_only_what_is_ours_or_for_one_hop_goes)
{
    static const struct {
        struct field sent[4], want[4];
        const char *why;
    } cases[] = {
        {{{"accept", "*/*"}, {"cookie", "a=1"}},
         {{"accept", "*/*"}, {"cookie", "a=1"}},
         "fields of the visitor are not touched"},
        {{{"x-dup", "2"}, {"x-dup", "1"}, {"X-Dup", "2"}},
         {{"x-dup", "2"}, {"x-dup", "1"}, {"X-Dup", "2"}},
         "repeated ones stay separate"},
        {{{"cf-trace-id", "f:f:0:1"}, {"x", "1"}},
         {{"x", "1"}},
         "the peer's tracing is not for origins"},
        {{{"cf-cloudflared-proxy-connection-upgrade", "other"}},
         {{NULL, NULL}},
         "the mark of the stream's kind is not for origins"},
        {{{"cf-int-x", "1"}, {"cf-proxy-x", "2"}, {"cf-ray", "3"}},
         {{"cf-int-x", "1"}, {"cf-proxy-x", "2"}, {"cf-ray", "3"}},
         "other fields of the edge are passed on"},
        {{{"connection", "x-foo"}, {"x-foo", "1"}, {"keep-alive", "5"}, {"x", "1"}},
         {{"x", "1"}},
         "they were for the last hop"},
        {{{"upgrade", "h2c"}, {"proxy-connection", "close"}, {"transfer-encoding", "chunked"}},
         {{NULL, NULL}},
         "framing is decided anew"},
        {{{"te", "trailers"}}, {{"te", "trailers"}}, "origins with trailers ask for it"},
        {{{"via", "2.0 edge"}, {"proxy-authorization", "Basic eA=="}, {"forwarded", "for=::1"}},
         {{"via", "2.0 edge"}, {"proxy-authorization", "Basic eA=="}, {"forwarded", "for=::1"}},
         "what the edge says about the way stays"},
        {{{"x-forwarded-host", "visitor.example"}},
         {{"x-forwarded-host", "visitor.example"}},
         "without another Host it is the edge's business"},
        {{{"user-agent", ""}, {"x", ""}}, {{"x", ""}}, "empty is a value, but no agent"},
        {{{"user-agent", "a"}, {"x", ""}, {"user-agent", "b"}},
         {{"user-agent", "a"}, {"x", ""}},
         "the first agent speaks"},
        {{{"user-agent", ""}, {"user-agent", "b"}, {"x", ""}},
         {{"x", ""}},
         "though it says nothing"},
        {{{"cf-warp-tag-id", "forged"}}, {{"cf-warp-tag-id", "forged"}}, "ours comes behind"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head from, to;
        struct error err;
        fill(&from, (const struct field[]){cases[i].sent[0],
                                           cases[i].sent[1],
                                           cases[i].sent[2],
                                           cases[i].sent[3],
                                           {NULL, NULL}});
        request_head_init(&to);
        REQUIRE(rewrite_request(&to, &from, &plain, &err));
        size_t n = 0;
        for (; n < ARRAY_LEN(cases[i].want) && cases[i].want[n].name; n++) {
            REQUIRE(n < to.fields.count);
            struct header got = headers_at(&to.fields, n);
            CHECK_CASE(span_equal(got.name, span_of(cases[i].want[n].name)) &&
                           span_equal(got.value, span_of(cases[i].want[n].value)),
                       "%s: field %zu is %.*s: %.*s", cases[i].why, n, SPAN_ARG(got.name),
                       SPAN_ARG(got.value));
        }
        CHECK_CASE(to.fields.count == n + 1, "%s: %zu fields", cases[i].why, to.fields.count);
        struct header last = headers_at(&to.fields, to.fields.count - 1);
        CHECK_SPAN(last.name, SPAN("Cf-Warp-Tag-Id"));
        CHECK_SPAN(last.value, SPAN("some-uuid"));
        CHECK_SPAN(buf_span(&to.target), SPAN("/a//b/../%2F?q=a b"));
        CHECK_SPAN(buf_span(&to.authority), SPAN("app.test:8443"));
        CHECK(to.ends_here && to.length == 0);
        request_head_release(&from);
        request_head_release(&to);
    }
}

TEST(another_host_moves_the_visitors_to_x_forwarded_host)
{
    struct rewrite_options options = plain;
    struct request_head from, to;
    struct span value;
    options.host = SPAN("internal.example");
    fill(&from, (const struct field[]){{"x-forwarded-host", "forged.example"}, {NULL, NULL}});
    request_head_init(&to);
    REQUIRE(rewrite_request(&to, &from, &options, NULL));
    CHECK_SPAN(buf_span(&to.authority), SPAN("internal.example"));
    CHECK_SIZE(headers_count_of(&to.fields, SPAN("x-forwarded-host")), 1);
    REQUIRE(headers_find(&to.fields, SPAN("x-forwarded-host"), &value));
    CHECK_SPAN(value, SPAN("app.test:8443"));
    request_head_release(&from);
    request_head_release(&to);
}

TEST(the_path_of_the_service_goes_before_that_of_the_request)
{
    static const struct {
        const char *prefix, *target, *want;
    } cases[] = {
        {"", "/x", "/x"},
        {"/app", "/x", "/app/x"},
        {"/app", "/", "/app/"},
        {"/app", "/?q=1", "/app/?q=1"},
        {"/a/b", "//x/./../%2e%2E/y?u=/z", "/a/b//x/./../%2e%2E/y?u=/z"},
        {"/app", "*", "*"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rewrite_options options = plain;
        struct request_head from, to;
        options.prefix = span_of(cases[i].prefix);
        fill(&from, (const struct field[]){{NULL, NULL}});
        buf_clear(&from.target);
        REQUIRE(buf_put_span(&from.target, span_of(cases[i].target)));
        request_head_init(&to);
        REQUIRE(rewrite_request(&to, &from, &options, NULL));
        CHECK_SPAN(buf_span(&to.target), span_of(cases[i].want));
        request_head_release(&from);
        request_head_release(&to);
    }
}

TEST(a_proxy_gets_the_whole_target_with_the_origins_address_and_its_own_authorization)
{
    static const struct {
        const char *host, *prefix, *target, *want;
    } cases[] = {
        {"origin.example", "", "/x?q=/1", "http://origin.example:8080/x?q=/1"},
        {"origin.example", "/app", "//x", "http://origin.example:8080/app//x"},
        {"2001:db8::1", "", "/", "http://[2001:db8::1]:8080/"},
        {"origin.example", "/app", "*", "http://origin.example:8080"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rewrite_options options = plain;
        struct request_head from, to;
        struct span value;
        options.prefix = span_of(cases[i].prefix);
        options.proxied_host = cases[i].host;
        options.proxied_port = 8080;
        options.proxy_authorization = i == 0 ? "Basic eA==" : NULL;
        fill(&from,
             (const struct field[]){{"proxy-authorization", "Basic bWluZQ=="}, {NULL, NULL}});
        buf_clear(&from.target);
        REQUIRE(buf_put_span(&from.target, span_of(cases[i].target)));
        request_head_init(&to);
        REQUIRE(rewrite_request(&to, &from, &options, NULL));
        CHECK_SPAN(buf_span(&to.target), span_of(cases[i].want));
        CHECK(to.is_for_proxy);
        CHECK_SPAN(buf_span(&to.authority), SPAN("app.test:8443"));
        CHECK_SIZE(headers_count_of(&to.fields, SPAN("Proxy-Authorization")), i == 0 ? 1 : 0);
        if (i == 0 && headers_find(&to.fields, SPAN("Proxy-Authorization"), &value))
            CHECK_SPAN(value, SPAN("Basic eA=="));
        request_head_release(&from);
        request_head_release(&to);
    }
}

TEST(a_target_that_is_too_long_behind_the_services_path_is_an_error)
{
    struct rewrite_options options = plain;
    struct request_head from, to;
    struct error err = {0};
    options.prefix = SPAN("/application");
    fill(&from, (const struct field[]){{NULL, NULL}});
    while (from.target.len < TARGET_MAX - 4)
        REQUIRE(buf_put_char(&from.target, 'x'));
    request_head_init(&to);
    CHECK(!rewrite_request(&to, &from, &options, &err));
    CHECK(err.kind == ERROR_LIMIT);
    request_head_release(&from);
    request_head_release(&to);
}

TEST(each_tag_of_the_operator_becomes_a_field)
{
    static const struct rewrite_tag tags[] = {
        {SPAN_INIT("env"), SPAN_INIT("prod")},
        {SPAN_INIT("rack"), SPAN_INIT("7, left")},
    };
    struct rewrite_options options = {SPAN(""), SPAN("id"), tags, ARRAY_LEN(tags)};
    struct request_head from, to;
    struct span value;
    fill(&from, (const struct field[]){{NULL, NULL}});
    request_head_init(&to);
    REQUIRE(rewrite_request(&to, &from, &options, NULL));
    CHECK_SIZE(to.fields.count, 3);
    REQUIRE(headers_find(&to.fields, SPAN("cf-warp-tag-env"), &value));
    CHECK_SPAN(value, SPAN("prod"));
    REQUIRE(headers_find(&to.fields, SPAN("cf-warp-tag-rack"), &value));
    CHECK_SPAN(value, SPAN("7, left"));
    request_head_release(&from);
    request_head_release(&to);
}

TEST(fields_that_do_not_fit_are_an_error_not_a_loss)
{
    struct request_head from, to;
    struct error err = {0};
    fill(&from, (const struct field[]){{NULL, NULL}});
    request_head_init(&to);
    for (size_t i = 0; i < HEADERS_COUNT_MAX; i++)
        REQUIRE(headers_add(&from.fields, SPAN("x"), SPAN("1"), NULL));
    CHECK(!rewrite_request(&to, &from, &plain, &err));
    CHECK(err.kind == ERROR_LIMIT);
    request_head_release(&from);
    request_head_release(&to);
}

TEST(a_tag_is_a_token_and_something_printable)
{
    static const struct {
        const char *text, *name, *value; /* name NULL: refused */
        const char *why;
    } cases[] = {
        {"a=b", "a", "b", "as documented"},
        {"a=b=c", "a", "b=c", "the first equals sign divides"},
        {"a= b", "a", " b", "a blank is printable"},
        {"a", NULL, NULL, "no value"},
        {"a=", NULL, NULL, "an empty value"},
        {"=b", NULL, NULL, "no name"},
        {"a b=c", NULL, NULL, "a field name has no blank"},
        {"a=b\r\nX: 1", NULL, NULL, "a second field"},
        {"", NULL, NULL, "nothing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rewrite_tag tag;
        struct error err = {0};
        bool ok = rewrite_tag_parse(span_of(cases[i].text), &tag, &err);
        CHECK_CASE(ok == (cases[i].name != NULL), "%s: \"%s\"", cases[i].why, cases[i].text);
        if (!ok) {
            CHECK(err.kind == ERROR_INVALID);
            continue;
        }
        CHECK_SPAN(tag.name, span_of(cases[i].name));
        CHECK_SPAN(tag.value, span_of(cases[i].value));
    }
}

TEST(trailers_are_announced_in_one_list_when_a_body_follows)
{
    struct request_head from, to;
    struct error err;
    struct span list = SPAN("");
    fill(&from, (const struct field[]){{"trailer", "x-sum, x-a,,x b"},
                                       {"trailer", "ETAG-x,X-A,trailer"},
                                       {"trailer", "Content-Length, transfer-encoding"},
                                       {NULL, NULL}});
    for (int with_body = 0; with_body < 2; with_body++) {
        from.ends_here = !with_body;
        request_head_init(&to);
        REQUIRE(rewrite_request(&to, &from, &plain, &err));
        CHECK(headers_find(&to.fields, SPAN("Trailer"), &list) == (with_body == 1));
        if (with_body)
            CHECK_SPAN(list, SPAN("Etag-X,X-A,X-Sum"));
        request_head_release(&to);
    }
    request_head_release(&from);
}

TEST(connect_names_a_place_and_no_resource_of_a_service)
{
    struct rewrite_options proxied = plain;
    const struct rewrite_options *all[] = {&plain, &proxied};
    proxied.proxied_host = "app.origin";
    proxied.proxied_port = 3000;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct request_head from, to;
        struct error err = {0};
        fill(&from, (const struct field[]){{NULL, NULL}});
        request_head_init(&to);
        buf_clear(&from.method);
        buf_clear(&from.target);
        CHECK(buf_put_span(&from.method, SPAN("CONNECT")));
        CHECK(!rewrite_request(&to, &from, all[i], &err));
        CHECK(err.kind == ERROR_INVALID);
        request_head_release(&from);
        request_head_release(&to);
    }
}
