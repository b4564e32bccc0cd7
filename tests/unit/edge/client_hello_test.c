#include "culvert/edge/client_hello.h"

#include "culvert/base/buf.h"

#include "harness.h"

enum { HELLO_MAX = 32 * 1024 };

/* Parts of a hello; what is NULL or 0 is as it should be. */
struct parts {
    const char *extensions; /* the bytes of all, in hexadecimal; NULL: none at all */
    const char *session, *suites, *compression;
    unsigned type, version;
    size_t record; /* bytes of each record; 0: one record */
};

static void put_hex(struct buf *to, const char *hex)
{
    for (; *hex; hex += 2) {
        const char pair[] = {hex[0], hex[1], '\0'};
        REQUIRE(buf_put_char(to, (char)strtoul(pair, NULL, 16)));
    }
}

static void put_number(struct buf *to, size_t bytes, size_t n)
{
    while (bytes-- > 0)
        REQUIRE(buf_put_char(to, (char)(n >> (8 * bytes))));
}

static void put_message(struct buf *to, const struct parts *parts)
{
    struct buf body = BUF_LIMIT(HELLO_MAX);
    struct buf list = BUF_LIMIT(HELLO_MAX);
    put_hex(&body, "0303");
    for (int i = 0; i < 32; i++)
        put_hex(&body, "aa");
    put_hex(&body, parts->session ? parts->session : "00");
    put_hex(&body, parts->suites ? parts->suites : "00021301");
    put_hex(&body, parts->compression ? parts->compression : "0100");
    if (parts->extensions) {
        put_hex(&list, parts->extensions);
        put_number(&body, 2, list.len);
        REQUIRE(buf_put_span(&body, buf_span(&list)));
    }
    put_number(to, 1, parts->type ? parts->type : 1);
    put_number(to, 3, body.len);
    REQUIRE(buf_put_span(to, buf_span(&body)));
    buf_release(&body);
    buf_release(&list);
}

static void put_hello(struct buf *to, const struct parts *parts)
{
    struct buf message = BUF_LIMIT(HELLO_MAX);
    put_message(&message, parts);
    struct span rest = buf_span(&message);
    while (rest.len > 0) {
        struct span part = span_first(rest, parts->record ? parts->record : rest.len);
        put_number(to, 1, 22);
        put_number(to, 2, parts->version ? parts->version : 0x0301);
        put_number(to, 2, part.len);
        REQUIRE(buf_put_span(to, part));
        rest = span_skip(rest, part.len);
    }
    buf_release(&message);
}

/* server_name: "a.test" */
#define NAME_A                                                                                     \
    "0000000b"                                                                                     \
    "0009"                                                                                         \
    "00"                                                                                           \
    "0006"                                                                                         \
    "612e74657374"
#define OTHER "00170000"

TEST(the_name_is_found_among_the_extensions)
{
    static const struct {
        struct parts parts;
        enum client_hello said;
        const char *why;
    } cases[] = {
        {{.extensions = NAME_A}, CLIENT_HELLO_NAMED, "alone"},
        {{.extensions = OTHER NAME_A OTHER}, CLIENT_HELLO_NAMED, "among others"},
        {{.extensions = NAME_A, .record = 1}, CLIENT_HELLO_NAMED, "a record for each byte"},
        {{.extensions = NAME_A, .session = "02aabb"}, CLIENT_HELLO_NAMED, "with a session"},
        {{.extensions = OTHER}, CLIENT_HELLO_UNNAMED, "others only"},
        {{.extensions = ""}, CLIENT_HELLO_UNNAMED, "an empty list"},
        {{.extensions = NULL}, CLIENT_HELLO_UNNAMED, "no list"},
        {{.extensions = NAME_A, .type = 2}, CLIENT_HELLO_ODD, "a ServerHello"},
        {{.extensions = NAME_A, .version = 0x0201}, CLIENT_HELLO_ODD, "no TLS"},
        {{.extensions = NAME_A, .suites = "000313010000"}, CLIENT_HELLO_ODD, "half a suite"},
        {{.extensions = NAME_A, .suites = "0000"}, CLIENT_HELLO_ODD, "no suite"},
        {{.extensions = NAME_A, .compression = "00"}, CLIENT_HELLO_ODD, "no compression method"},
        {{.extensions = NAME_A, .session = "ff"}, CLIENT_HELLO_ODD, "a session too long"},
        {{.extensions = "0000000b0009000005612e74657374"}, CLIENT_HELLO_ODD, "a name too short"},
        {{.extensions = "0000000b0009000007612e74657374"}, CLIENT_HELLO_ODD, "a name too long"},
        {{.extensions = "0000000b0008000006612e74657374"}, CLIENT_HELLO_ODD, "a list too short"},
        {{.extensions = "0000000b0009010006612e74657374"}, CLIENT_HELLO_ODD, "no host name"},
        {{.extensions = "0000000b0009000006610074657374"}, CLIENT_HELLO_ODD, "a NUL in it"},
        {{.extensions = "000000050003000000"}, CLIENT_HELLO_ODD, "an empty name"},
        {{.extensions = "00000000"}, CLIENT_HELLO_ODD, "no list of names"},
        {{.extensions = "001700ff00"}, CLIENT_HELLO_ODD, "an extension beyond the end"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[CLIENT_HELLO_NAME_SIZE];
        struct buf bytes = BUF_LIMIT(HELLO_MAX);
        put_hello(&bytes, &cases[i].parts);
        enum client_hello said = client_hello_read(buf_span(&bytes), name);
        CHECK_CASE(said == cases[i].said, "%s: %d", cases[i].why, (int)said);
        CHECK_CASE(strcmp(name, said == CLIENT_HELLO_NAMED ? "a.test" : "") == 0, "%s: \"%s\"",
                   cases[i].why, name);
        buf_release(&bytes);
    }
}

TEST(a_hello_that_is_not_whole_wants_more_until_the_name_is_there)
{
    static const struct parts parts = {.extensions = OTHER NAME_A OTHER OTHER, .record = 20};
    char name[CLIENT_HELLO_NAME_SIZE];
    struct buf bytes = BUF_LIMIT(HELLO_MAX);
    put_hello(&bytes, &parts);
    size_t enough = 0;
    while (client_hello_read(span_first(buf_span(&bytes), enough), name) == CLIENT_HELLO_MORE)
        enough++;
    CHECK(enough < bytes.len);
    for (size_t len = 0; len <= bytes.len; len++) {
        enum client_hello said = client_hello_read(span_first(buf_span(&bytes), len), name);
        CHECK_CASE(said == (len < enough ? CLIENT_HELLO_MORE : CLIENT_HELLO_NAMED), "%zu", len);
    }
    CHECK_TEXT(name, "a.test");
    buf_release(&bytes);
}

TEST(what_is_no_tls_is_known_by_its_first_byte)
{
    char name[CLIENT_HELLO_NAME_SIZE];
    CHECK(client_hello_read(SPAN(""), name) == CLIENT_HELLO_MORE);
    CHECK(client_hello_read(SPAN("G"), name) == CLIENT_HELLO_ODD);
    CHECK(client_hello_read(SPAN("\x80"), name) == CLIENT_HELLO_ODD);
    CHECK(client_hello_read(SPAN("\x16\x03\x01\x00\x00"), name) == CLIENT_HELLO_ODD);
    CHECK(client_hello_read(SPAN("\x16\x03\x01\x40\x01"), name) == CLIENT_HELLO_ODD);
}
