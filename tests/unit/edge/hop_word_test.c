#include "culvert/edge/hop_word.h"

#include "harness.h"

#define ID    "01234567-89ab-cdef-0123-456789abcdef"
#define NIL   "00000000-0000-0000-0000-000000000000"
#define FIELD SPAN("culvert-hop")

static struct uuid uuid_of(const char *text)
{
    struct uuid uuid;
    CHECK(uuid_parse(span_of(text), &uuid));
    return uuid;
}

TEST(a_word_about_a_tunnel_comes_back_as_it_was_put)
{
    const struct hop_word put = {.kind = HOP_TUNNEL, .tunnel_id = uuid_of(ID)};
    struct hop_word got;
    struct headers fields;
    struct error err;
    headers_init(&fields);
    CHECK(headers_add(&fields, SPAN("accept"), SPAN("*/*"), &err));
    REQUIRE(hop_word_put(&fields, &put, &err));
    REQUIRE(hop_word_take(&fields, &got));
    CHECK(got.kind == HOP_TUNNEL && uuid_equal(&got.tunnel_id, &put.tunnel_id));
    CHECK(uuid_is_nil(&got.avoid));
    CHECK_SIZE(fields.count, 1); /* nothing of it is left */
    headers_release(&fields);
}

TEST(a_word_about_a_visitor_comes_back_as_it_was_put)
{
    static const char *const addresses[] = {"192.0.2.7:4711", "[2001:db8::7]:4711", NULL};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct hop_word put = {.kind = HOP_OWN, .visitor = {.over_tls = i % 2 == 0}};
        struct hop_word got;
        struct headers fields;
        struct error err;
        headers_init(&fields);
        if (addresses[i])
            CHECK(ip_parse_with_port(span_of(addresses[i]), &put.visitor.address));
        REQUIRE(hop_word_put(&fields, &put, &err));
        REQUIRE(hop_word_take(&fields, &got));
        CHECK(got.kind == HOP_OWN && got.visitor.over_tls == put.visitor.over_tls);
        CHECK(got.visitor.address.len == put.visitor.address.len);
        CHECK(!addresses[i] || ip_equal(&got.visitor.address, &put.visitor.address));
        headers_release(&fields);
    }
}

TEST(what_a_visitor_put_under_the_name_of_the_word_is_gone)
{
    const struct hop_word put = {.kind = HOP_TUNNEL, .tunnel_id = uuid_of(ID)};
    struct hop_word got;
    struct headers fields;
    struct error err;
    headers_init(&fields);
    CHECK(headers_add(&fields, FIELD, SPAN("own https -"), &err));
    CHECK(headers_add(&fields, SPAN("Culvert-Hop"), SPAN("own https -"), &err));
    REQUIRE(hop_word_put(&fields, &put, &err));
    CHECK_SIZE(fields.count, 1);
    REQUIRE(hop_word_take(&fields, &got));
    CHECK(got.kind == HOP_TUNNEL && uuid_equal(&got.tunnel_id, &put.tunnel_id));
    CHECK_SIZE(fields.count, 0);
    headers_release(&fields);
}

TEST(a_word_that_nobody_says_is_refused)
{
    static const char *const words[] = {
        "",
        "tunnel",
        "tunnel " ID,
        "tunnel " ID " ",
        "tunnel " ID " " NIL " ",
        "tunnel " ID " " NIL " more",
        "tunnel x " NIL,
        "Tunnel " ID " " NIL,
        "own",
        "own https",
        "own gopher -",
        "own https 192.0.2.7",
        "own https 192.0.2.7:99999",
        "own https - -",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct hop_word got;
        struct headers fields;
        struct error err;
        headers_init(&fields);
        CHECK(headers_add(&fields, FIELD, span_of(words[i]), &err));
        CHECK_CASE(!hop_word_take(&fields, &got), "\"%s\" was taken", words[i]);
        CHECK_SIZE(fields.count, 0);
        headers_release(&fields);
    }
}

TEST(two_words_are_none)
{
    struct hop_word got;
    struct headers fields;
    struct error err;
    headers_init(&fields);
    CHECK(!hop_word_take(&fields, &got));
    CHECK(headers_add(&fields, FIELD, SPAN("own https -"), &err));
    CHECK(headers_add(&fields, FIELD, SPAN("own https -"), &err));
    CHECK(!hop_word_take(&fields, &got));
    CHECK_SIZE(fields.count, 0);
    headers_release(&fields);
}

TEST(a_failure_comes_back_with_its_kind_cause_and_connection)
{
    struct uuid id = uuid_of(ID);
    struct uuid got_id;
    struct headers fields;
    struct error put;
    struct error got;
    struct error err;
    headers_init(&fields);
    CHECK(!hop_failure_find(&fields, &got, &got_id));
    error_set(&put, ERROR_NETWORK, 8, "stream reset by the peer: CANCEL");
    REQUIRE(hop_failure_put(&fields, &put, &id, &err));
    REQUIRE(hop_failure_find(&fields, &got, &got_id));
    CHECK(got.kind == ERROR_NETWORK && got.cause == 8 && uuid_equal(&got_id, &id));
    CHECK_TEXT(got.text, put.text);
    hop_failure_strip(&fields);
    CHECK_SIZE(fields.count, 0);
    headers_release(&fields);
}

TEST(a_failure_says_nothing_that_no_field_may_hold)
{
    struct uuid id = {0};
    struct headers fields;
    struct error put;
    struct error got;
    struct error err;
    headers_init(&fields);
    error_set(&put, ERROR_PROTOCOL, -1, "the peer said \r\nx: y");
    REQUIRE(hop_failure_put(&fields, &put, &id, &err));
    CHECK(header_value_is_valid(headers_at(&fields, 0).value));
    REQUIRE(hop_failure_find(&fields, &got, &id));
    CHECK(got.kind == ERROR_PROTOCOL && got.cause == 0);
    headers_release(&fields);
}

TEST(a_failure_that_cannot_be_read_is_one_of_the_protocol)
{
    static const char *const words[] = {"",        "5",        "5 0",    "0 0 " ID,
                                        "9 0 " ID, "5 -1 " ID, "5 0 x y"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct uuid id = uuid_of(ID);
        struct headers fields;
        struct error got;
        headers_init(&fields);
        CHECK(headers_add(&fields, SPAN("culvert-hop-failed"), span_of(words[i]), &got));
        CHECK(hop_failure_find(&fields, &got, &id));
        CHECK_CASE(got.kind == ERROR_PROTOCOL && uuid_is_nil(&id), "\"%s\"", words[i]);
        headers_release(&fields);
    }
}
