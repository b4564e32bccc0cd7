#include "culvert/tunnel/user_headers.h"

#include "harness.h"

static const struct {
    struct span name, value;
} plain[] = {
    {SPAN_INIT("content-length"), SPAN_INIT("2")},
    {SPAN_INIT("set-cookie"), SPAN_INIT("a=1; Path=/")},
    {SPAN_INIT("Set-Cookie"), SPAN_INIT("b=2")},
    {SPAN_INIT("ETag"), SPAN_INIT("\"x\"")},
    {SPAN_INIT("x-empty"), SPAN_INIT("")},
    {SPAN_INIT("x-latin"), SPAN_INIT("caf\xe9\ttab")},
};

TEST(fields_are_packed_in_order_and_come_back_with_customary_names)
{
    static const char *const names[] = {"Content-Length", "Set-Cookie", "Set-Cookie",
                                        "Etag",           "X-Empty",    "X-Latin"};
    struct headers fields = {0};
    struct headers back = {0};
    struct buf out = BUF_LIMIT(USER_HEADERS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        CHECK(headers_add(&fields, plain[i].name, plain[i].value, NULL));
    CHECK(user_headers_pack(&fields, &out, NULL));
    CHECK(span_starts(buf_span(&out), SPAN("Q29udGVudC1MZW5ndGg:Mg;U2V0LUNvb2tpZQ:")));
    REQUIRE(user_headers_unpack(buf_span(&out), &back, NULL));
    REQUIRE(back.count == ARRAY_LEN(plain));
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        CHECK_SPAN(headers_at(&back, i).name, span_of(names[i]));
        CHECK_SPAN(headers_at(&back, i).value, plain[i].value);
    }
    buf_release(&out);
    headers_release(&fields);
    headers_release(&back);
}

TEST(names_of_the_tunnel_itself_are_never_packed_nor_unpacked)
{
    static const char *const names[] = {"Cf-Int-Cloudflared-Tracing",
                                        "cf-cloudflared-response-meta", "CF-PROXY-x", "cf_int_x",
                                        "Cf_Cloudflared-x"};
    struct headers fields = {0};
    struct buf out = BUF_LIMIT(USER_HEADERS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CHECK_CASE(user_header_is_reserved(span_of(names[i])), "%s", names[i]);
        CHECK(headers_add(&fields, span_of(names[i]), SPAN("1"), NULL));
    }
    CHECK(headers_add(&fields, SPAN(":status"), SPAN("200"), NULL));
    CHECK(user_headers_pack(&fields, &out, NULL));
    CHECK_TEXT(buf_text(&out), ""); /* no field at all is an empty value */
    CHECK(headers_add(&fields, SPAN("cf-ray"), SPAN("1"), NULL));
    CHECK(user_headers_pack(&fields, &out, NULL));
    CHECK_TEXT(buf_text(&out), "Q2YtUmF5:MQ");
    headers_clear(&fields);
    CHECK(user_headers_unpack(SPAN("Q2YtSW50LVg:MQ;OnN0YXR1cw:MjAw"), &fields, NULL));
    CHECK_SIZE(fields.count, 0);
    buf_release(&out);
    headers_release(&fields);
}

TEST(a_packed_value_is_pairs_of_base64_or_refused)
{
    static const struct {
        struct span text;
        bool ok;
        size_t count;
        const char *why;
    } cases[] = {
        {SPAN_INIT(""), true, 0, "no field"},
        {SPAN_INIT("Q2YtUmF5:MQ"), true, 1, "one"},
        {SPAN_INIT(";;Q2YtUmF5:MQ;"), true, 1, "empty pairs"},
        {SPAN_INIT("Q2YtUmF5:"), true, 1, "an empty value"},
        {SPAN_INIT("Q2YtUmF5"), false, 0, "no colon"},
        {SPAN_INIT("Q2YtUmF5:MQ:MQ"), false, 0, "two colons"},
        {SPAN_INIT("Q2YtUmF5::"), false, 0, "two colons at the end"},
        {SPAN_INIT(":MQ"), false, 0, "an empty name"},
        {SPAN_INIT("Q2YtUmF5:MQ=="), false, 0, "padding"},
        {SPAN_INIT("Q2YtUmF5:M"), false, 0, "a lone character"},
        {SPAN_INIT("Q2YtUmF5:M_"), false, 0, "the other alphabet"},
        {SPAN_INIT("Q2Yt UmF5:MQ"), false, 0, "a blank"},
        {SPAN_INIT("QSBC:MQ"), false, 0, "a name with a space"},
        {SPAN_INIT("QTo:MQ"), false, 0, "a name with a colon"},
        {SPAN_INIT("QQ:YQ0KYg"), false, 0, "CR LF in a value"},
        {SPAN_INIT("QQ:YQBi"), false, 0, "NUL in a value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct headers fields = {0};
        struct error err = {0};
        bool ok = user_headers_unpack(cases[i].text, &fields, &err);
        CHECK_CASE(ok == cases[i].ok && (!ok || fields.count == cases[i].count), "%s",
                   cases[i].why);
        CHECK_CASE(ok || err.kind == ERROR_PROTOCOL, "%s: %s", cases[i].why, err.text);
        headers_release(&fields);
    }
}

TEST(more_than_an_edge_can_take_is_a_limit_and_leaves_nothing_behind)
{
    static char value[USER_HEADERS_MAX / 4 * 3];
    struct headers fields = {0};
    struct error err = {0};
    struct buf out = BUF_LIMIT(2 * USER_HEADERS_MAX);
    memset(value, 'v', sizeof value);
    CHECK(buf_put_span(&out, SPAN("before")));
    /* "QQ:" and the value take USER_HEADERS_MAX - 1 bytes */
    CHECK(headers_add(&fields, SPAN("a"), span_make(value, sizeof value - 3), NULL));
    CHECK(user_headers_pack(&fields, &out, NULL));
    CHECK_SIZE(out.len, 6 + USER_HEADERS_MAX - 1);
    buf_clear(&out);
    CHECK(buf_put_span(&out, SPAN("before")));
    CHECK(headers_add(&fields, SPAN("b"), SPAN(""), NULL));
    CHECK(!user_headers_pack(&fields, &out, &err));
    CHECK(err.kind == ERROR_LIMIT);
    CHECK_TEXT(buf_text(&out), "before");
    headers_clear(&fields);
    CHECK(headers_add(&fields, SPAN("a"), SPAN("x\ny"), NULL));
    CHECK(!user_headers_pack(&fields, &out, &err));
    CHECK(err.kind == ERROR_INVALID);
    buf_release(&out);
    headers_release(&fields);
}
