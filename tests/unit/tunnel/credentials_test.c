#include "culvert/base/encode.h"
#include "culvert/base/file.h"
#include "culvert/tunnel/credentials.h"

#include "harness.h"

#include <errno.h>
#include <unistd.h>

#define ACCOUNT "\"AccountTag\":\"acc\""
#define SECRET  "\"TunnelSecret\":\"AAECAw==\""
#define TUNNEL  "\"TunnelID\":\"b0000000-0000-4000-8000-000000000001\""
#define CA      "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n"
#define CONTACT                                                                                    \
    "\"culvert\":{\"api\":\"http://127.0.0.1:8080/client/v4\",\"edge\":[\"127.0.0.1:7844\","       \
    "\"[::1]:7844\"],\"ca\":\"" CA "\"}"

static const char ours[] = "{" ACCOUNT "," SECRET "," TUNNEL ",\"Endpoint\":\"\"," CONTACT "}";

TEST(a_credentials_file_is_read_and_written_again_byte_by_byte)
{
    static const char theirs[] = "{" ACCOUNT "," SECRET "," TUNNEL ",\"Endpoint\":\"\"}";
    static const char *const cases[] = {theirs, ours};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct credentials *creds = credentials_parse(span_of(cases[i]), NULL);
        REQUIRE(creds != NULL);
        CHECK_TEXT(creds->account_tag, "acc");
        CHECK_SPAN(buf_span(&creds->secret), SPAN("\0\1\2\3"));
        CHECK(edge_contact_is_empty(&creds->contact) == (i == 0));
        struct buf text = BUF_LIMIT(CREDENTIALS_MAX);
        CHECK(credentials_format(creds, &text));
        CHECK_TEXT(buf_text(&text), cases[i]);
        buf_wipe(&text);
        credentials_free(creds);
    }
}

TEST(keys_are_read_without_case_and_old_files_may_lack_the_tunnel)
{
    struct credentials *creds = credentials_parse(
        SPAN("{\"accounttag\":\"acc\",\"TUNNELSECRET\":\"AAECAw==\",\"TunnelName\":\"x\"}"), NULL);
    REQUIRE(creds != NULL);
    CHECK(uuid_is_nil(&creds->tunnel_id));
    CHECK_TEXT(creds->endpoint, "");
    credentials_free(creds);
}

TEST(what_is_wrong_in_a_credentials_file_is_one_sentence)
{
    static const struct {
        const char *json;
        const char *sentence;
    } cases[] = {
        {"", "JSON: line 1"},
        {"[]", "JSON: not an object"},
        {"{" SECRET "}", "\"AccountTag\" is missing"},
        {"{\"AccountTag\":\"\"," SECRET "}", "\"AccountTag\" is missing"},
        {"{\"AccountTag\":5," SECRET "}", "\"AccountTag\" must be a text"},
        {"{" ACCOUNT "}", "\"TunnelSecret\" is missing"},
        {"{" ACCOUNT ",\"TunnelSecret\":\"\"}", "\"TunnelSecret\" is missing"},
        {"{" ACCOUNT ",\"TunnelSecret\":\"AAECAw\"}", "\"TunnelSecret\" is not padded"},
        {"{" ACCOUNT ",\"TunnelSecret\":\"-_-_\"}", "\"TunnelSecret\" is not padded"},
        {"{" ACCOUNT "," SECRET ",\"TunnelID\":\"web\"}", "\"TunnelID\" is not a UUID"},
        {"{" ACCOUNT "," SECRET ",\"Endpoint\":[]}", "\"Endpoint\" must be a text"},
        {"{" ACCOUNT "," SECRET ",\"culvert\":1}", "\"culvert\" must be an object"},
        {"{" ACCOUNT "," SECRET ",\"culvert\":{\"api\":\"ftp://x\"}}", "\"culvert\": \"api\" must"},
        {"{" ACCOUNT "," SECRET ",\"culvert\":{\"api\":\"http://x y\"}}",
         "\"culvert\": \"api\" has"},
        {"{" ACCOUNT "," SECRET ",\"culvert\":{\"edge\":\"x:1\"}}", "\"culvert\": \"edge\" must"},
        {"{" ACCOUNT "," SECRET ",\"culvert\":{\"edge\":[\"x:1\",\"x\"]}}",
         "\"culvert\": \"edge\"[1] must"},
        {"{" ACCOUNT "," SECRET ",\"culvert\":{\"edge\":[\":1\"]}}", "\"culvert\": \"edge\"[0]"},
        {"{" ACCOUNT "," SECRET ",\"culvert\":{\"ca\":\"x\"}}", "\"culvert\": \"ca\" must be PEM"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct credentials *creds = credentials_parse(span_of(cases[i].json), &err);
        CHECK_CASE(!creds && err.kind == ERROR_INVALID, "%s", cases[i].json);
        CHECK_CASE(span_starts(span_of(err.text), span_of(cases[i].sentence)), "%s: %s",
                   cases[i].json, err.text);
        credentials_free(creds);
    }
}

TEST(bounds_of_the_fields_are_kept)
{
    struct buf json = BUF_LIMIT(2 * CREDENTIALS_MAX);
    struct error err = {0};
    CHECK(buf_printf(&json, "{\"AccountTag\":\"%0*d\"," SECRET "}", CREDENTIALS_ACCOUNT_MAX, 1));
    struct credentials *creds = credentials_parse(buf_span(&json), &err);
    CHECK(creds != NULL);
    credentials_free(creds);
    buf_clear(&json);
    CHECK(
        buf_printf(&json, "{\"AccountTag\":\"%0*d\"," SECRET "}", CREDENTIALS_ACCOUNT_MAX + 1, 1));
    CHECK(credentials_parse(buf_span(&json), &err) == NULL);
    CHECK_TEXT(err.text, "\"AccountTag\" is longer than 256 bytes");
    buf_release(&json);
}

/* The base64 of `json`, in `token`. */
static struct span token_of(const char *json, struct buf *token)
{
    buf_clear(token);
    CHECK(base64_encode(BASE64_STANDARD, span_of(json), token));
    return buf_span(token);
}

TEST(a_token_must_name_account_secret_and_tunnel)
{
    static const struct {
        const char *json;
        const char *sentence;
    } cases[] = {
        {"{}", "tunnel token: \"a\" is missing"},
        {"{\"a\":\"x\"}", "tunnel token: \"s\" is missing"},
        {"{\"a\":\"x\",\"s\":\"AA==\"}", "tunnel token: \"t\" is missing"},
        {"{\"a\":\"x\",\"s\":\"AA==\",\"t\":\"x\"}", "tunnel token: \"t\" is not a UUID"},
        {"{\"a\":\"x\",\"s\":\"AB==\",\"t\":\"x\"}", "tunnel token: \"s\" is not padded"},
        {"a", "tunnel token: JSON: line 1"},
    };
    struct buf token = BUF_LIMIT(1000);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct credentials *creds = credentials_from_token(token_of(cases[i].json, &token), &err);
        CHECK_CASE(!creds && span_starts(span_of(err.text), span_of(cases[i].sentence)), "%s: %s",
                   cases[i].json, err.text);
        credentials_free(creds);
    }
    buf_wipe(&token);
}

TEST(a_token_is_standard_base64_with_padding_and_may_be_folded)
{
    static const char json[] = "{\"a\":\"?>?>\",\"s\":\"AAECAw==\",\"t\":"
                               "\"b0000000-0000-4000-8000-000000000001\",\"e\":\"xy\"}";
    struct buf token = BUF_LIMIT(1000);
    struct buf folded = BUF_LIMIT(1000);
    struct span text = token_of(json, &token);
    CHECK(buf_printf(&folded, "%.*s\r\n%.*s\n", 10, text.data, (int)text.len - 10, text.data + 10));
    struct credentials *creds = credentials_from_token(buf_span(&folded), NULL);
    REQUIRE(creds != NULL);
    CHECK_TEXT(creds->endpoint, "xy");
    buf_clear(&folded);
    CHECK(credentials_format_token(creds, &folded));
    CHECK_SPAN(buf_span(&folded), text);
    credentials_free(creds);

    struct error err = {0};
    CHECK(span_ends(text, SPAN("=")));
    CHECK(credentials_from_token(span_first(text, text.len - 1), &err) == NULL);
    CHECK(strstr(err.text, "base64") != NULL);
    buf_clear(&folded);
    CHECK(buf_put_char(&folded, ' ') && buf_put_span(&folded, text));
    CHECK(credentials_from_token(buf_span(&folded), &err) == NULL);
    CHECK(strstr(err.text, "base64") != NULL);
    buf_wipe(&token);
    buf_wipe(&folded);
}

TEST(a_token_carries_how_to_reach_our_edge)
{
    struct credentials *creds = credentials_parse(span_of(ours), NULL);
    REQUIRE(creds != NULL);
    struct buf token = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    CHECK(credentials_format_token(creds, &token));
    struct credentials *back = credentials_from_token(buf_span(&token), NULL);
    REQUIRE(back != NULL);
    CHECK_TEXT(back->contact.api, "http://127.0.0.1:8080/client/v4");
    CHECK_SIZE(back->contact.edge_count, 2);
    CHECK_TEXT(back->contact.edges[1], "[::1]:7844");
    CHECK_TEXT(back->contact.ca, creds->contact.ca);
    struct edge_contact copy = {0};
    CHECK(edge_contact_copy(&copy, &back->contact));
    CHECK_TEXT(copy.edges[0], "127.0.0.1:7844");
    edge_contact_release(&copy);
    CHECK(edge_contact_is_empty(&copy));
    buf_wipe(&token);
    credentials_free(back);
    credentials_free(creds);
}

TEST(loading_names_the_file_in_every_fault)
{
    char path[] = "/tmp/culvert-credentials-XXXXXX.pem";
    int fd = mkstemps(path, 4);
    REQUIRE(fd != -1);
    close(fd);
    static const struct {
        const char *json;
        mode_t mode;
        enum error_kind kind;
        const char *word;
    } cases[] = {
        {"-----BEGIN", 0600, ERROR_INVALID, "a certificate is not meant here"},
        {"{" ACCOUNT "," SECRET "}", 0622, ERROR_DENIED, "others may write it"},
        {"{" ACCOUNT "," SECRET "}", 0644, ERROR_NONE, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        bool readable = false;
        CHECK(file_replace(path, span_of(cases[i].json), cases[i].mode, NULL));
        struct credentials *creds = credentials_load(path, &readable, &err);
        CHECK_CASE(err.kind == cases[i].kind && strstr(err.text, cases[i].word), "%s", err.text);
        CHECK((creds != NULL) == (cases[i].kind == ERROR_NONE));
        CHECK(creds == NULL || readable);
        CHECK(creds != NULL || strstr(err.text, path) != NULL);
        credentials_free(creds);
    }
    unlink(path);
    struct error err = {0};
    CHECK(credentials_load(path, NULL, &err) == NULL);
    CHECK(err.kind == ERROR_SYSTEM && err.cause == ENOENT && strstr(err.text, path) != NULL);
}

/* What the command prints for the token that the server of this case returned. */
static void check_vector(const struct doc *one)
{
    const struct doc *exchanges = doc_get(one, "exchanges");
    const struct doc *last = doc_at(exchanges, doc_count(exchanges) - 1);
    const struct doc *json = doc_get(doc_get(last, "response"), "json");
    struct span name = SPAN("?");
    struct span given = SPAN_NONE;
    struct span printed = SPAN_NONE;
    CHECK(doc_read_text(one, "name", &name, NULL) && doc_read_text(one, "stdout", &printed, NULL));
    if (!doc_as_text(doc_get(json, "result"), &given))
        return;
    struct credentials *creds = credentials_from_token(given, NULL);
    struct buf token = BUF_LIMIT(1000);
    bool refused = span_equal(name, SPAN("token-not-base64"));
    CHECK_CASE((creds == NULL) == refused, "%.*s", SPAN_ARG(name));
    if (creds && printed.len > 0) {
        CHECK(credentials_format_token(creds, &token));
        CHECK(buf_put_char(&token, '\n'));
        CHECK_SPAN(buf_span(&token), printed);
    }
    credentials_free(creds);
    buf_wipe(&token);
}

TEST(tokens_are_printed_as_the_vectors_say)
{
    struct buf text = BUF_LIMIT(100000);
    REQUIRE(file_read(vector_path("api/token.json"), &text, NULL));
    struct doc *root = doc_parse(buf_span(&text), NULL);
    REQUIRE(root != NULL);
    const struct doc *cases = doc_get(root, "cases");
    CHECK(doc_count(cases) >= 6);
    for (size_t i = 0; i < doc_count(cases); i++)
        check_vector(doc_at(cases, i));
    doc_free(root);
    buf_release(&text);
}
