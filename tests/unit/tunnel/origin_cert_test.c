#include "culvert/base/encode.h"
#include "culvert/base/file.h"
#include "culvert/tunnel/origin_cert.h"

#include "harness.h"

#include <sys/stat.h>
#include <unistd.h>

#define BEGIN "-----BEGIN ARGO TUNNEL TOKEN-----\n"
#define END   "-----END ARGO TUNNEL TOKEN-----\n"
/* {"zoneID":"z","accountID":"a","apiToken":"t","endpoint":"FED","x":1} */
#define BODY                                                                                       \
    "eyJ6b25lSUQiOiJ6IiwiYWNjb3VudElEIjoiYSIsImFwaVRva2VuIjoidCIsImVu\n"                           \
    "ZHBvaW50IjoiRkVEIiwieCI6MX0=\n"
#define GOOD BEGIN BODY END

TEST(a_certificate_is_read_from_its_block)
{
    static const char *const cases[] = {
        GOOD,
        "-----BEGIN PRIVATE KEY-----\nnot looked at\n-----END PRIVATE KEY-----\n" GOOD
        "-----BEGIN CERTIFICATE-----\nnor this\n-----END CERTIFICATE-----\n",
        "text in front\n\n" GOOD "and behind",
        "-----BEGIN ARGO TUNNEL TOKEN-----\r\n" BODY "-----END ARGO TUNNEL TOKEN-----",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct origin_cert *cert = origin_cert_parse(span_of(cases[i]), &err);
        CHECK_CASE(cert != NULL, "%zu: %s", i, err.text);
        if (!cert)
            continue;
        CHECK_TEXT(cert->zone_id, "z");
        CHECK_TEXT(cert->account_id, "a");
        CHECK_TEXT(buf_text(&cert->api_token), "t");
        CHECK_TEXT(cert->endpoint, "fed");
        CHECK(edge_contact_is_empty(&cert->contact));
        origin_cert_free(cert);
    }
}

TEST(what_is_wrong_in_a_certificate_is_one_sentence)
{
    static const struct {
        const char *pem;
        const char *sentence;
    } cases[] = {
        {"", "the file is empty"},
        {"hello\n", "no block \"ARGO TUNNEL TOKEN\""},
        {"-----BEGIN CERTIFICATE-----\neQ==\n-----END CERTIFICATE-----\n", "no block"},
        {"-----BEGIN FOO-----\ne30=\n-----END FOO-----\n", "unknown block \"FOO\""},
        {GOOD GOOD, "multiple blocks"},
        {BEGIN BODY, "block \"ARGO TUNNEL TOKEN\" has no end"},
        {BEGIN BODY "-----END FOO-----\n", "block \"ARGO TUNNEL TOKEN\" has no end"},
        {"-----BEGIN ARGO TUNNEL TOKEN-----", "block \"ARGO TUNNEL TOKEN\" has no end"},
        {BEGIN "e30\n" END, "block \"ARGO TUNNEL TOKEN\" is not valid base64"},
        {BEGIN END, "block \"ARGO TUNNEL TOKEN\": JSON: line 1"},
        {BEGIN "W10=\n" END, "block \"ARGO TUNNEL TOKEN\": JSON: not an object"},
        {BEGIN "e30=\n" END, "block \"ARGO TUNNEL TOKEN\": \"zoneID\" is missing"},
        {BEGIN "eyJ6b25lSUQiOiJ6In0=\n" END,
         "block \"ARGO TUNNEL TOKEN\": \"apiToken\" is missing"},
        {BEGIN "eyJ6b25lSUQiOjV9\n" END, "block \"ARGO TUNNEL TOKEN\": \"zoneID\" must be a text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct origin_cert *cert = origin_cert_parse(span_of(cases[i].pem), &err);
        CHECK_CASE(!cert && err.kind == ERROR_INVALID &&
                       span_starts(span_of(err.text), span_of(cases[i].sentence)),
                   "%s: %s", cases[i].pem, err.text);
        origin_cert_free(cert);
    }
}

TEST(a_saved_certificate_is_private_and_comes_back_with_its_contact)
{
    char path[] = "/tmp/culvert-cert-XXXXXX";
    int fd = mkstemp(path);
    REQUIRE(fd != -1);
    close(fd);
    struct origin_cert *cert = origin_cert_new(SPAN("zone"), SPAN("account"), SPAN("token"));
    REQUIRE(cert != NULL);
    cert->contact.api = span_dup(SPAN("https://edge.example.com/client/v4"));
    cert->contact.edges[0] = span_dup(SPAN("edge.example.com:7844"));
    cert->contact.edge_count = 1;
    struct error err = {0};
    CHECK(origin_cert_save(cert, path, &err));
    struct stat facts;
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 07777) == 0600);
    bool readable = true;
    struct origin_cert *back = origin_cert_load(path, &readable, &err);
    REQUIRE(back != NULL);
    CHECK(!readable);
    CHECK_TEXT(back->zone_id, "zone");
    CHECK_TEXT(back->account_id, "account");
    CHECK_TEXT(buf_text(&back->api_token), "token");
    CHECK_TEXT(back->contact.api, "https://edge.example.com/client/v4");
    CHECK_TEXT(back->contact.edges[0], "edge.example.com:7844");
    origin_cert_free(back);
    origin_cert_free(cert);
    CHECK(chmod(path, 0606) == 0);
    CHECK(origin_cert_load(path, NULL, &err) == NULL);
    CHECK(err.kind == ERROR_DENIED && strstr(err.text, path) != NULL);
    unlink(path);
    CHECK(origin_cert_load(path, NULL, &err) == NULL);
    CHECK(err.kind == ERROR_SYSTEM && strstr(err.text, path) != NULL);
}

TEST(a_written_block_has_lines_of_64_characters)
{
    struct origin_cert *cert = origin_cert_new(SPAN("z"), SPAN("a"), SPAN("t"));
    struct buf text = BUF_LIMIT(1000);
    REQUIRE(cert != NULL);
    CHECK(origin_cert_format(cert, &text));
    CHECK_TEXT(buf_text(&text),
               BEGIN "eyJ6b25lSUQiOiJ6IiwiYWNjb3VudElEIjoiYSIsImFwaVRva2VuIjoidCJ9\n" END);
    buf_wipe(&text);
    origin_cert_free(cert);
}

/* A case whose command ends well can read its certificate, one that fails cannot. */
static void check_vector(const struct doc *one)
{
    const struct doc *files = doc_get(one, "files_before");
    struct span name = SPAN("?");
    int64_t status = -1;
    CHECK(doc_read_text(one, "name", &name, NULL) && doc_read_int(one, "exit", &status, NULL));
    const char *key = NULL;
    const struct doc *file;
    while ((file = doc_next(files, &key))) {
        struct span pem;
        if (!span_ends(span_of(key), SPAN(".pem")) || !doc_as_text(doc_get(file, "content"), &pem))
            continue;
        struct origin_cert *cert = origin_cert_parse(pem, NULL);
        CHECK_CASE((cert != NULL) == (status == 0), "%.*s", SPAN_ARG(name));
        if (cert)
            CHECK_TEXT(buf_text(&cert->api_token), "api-token-Aa1_");
        origin_cert_free(cert);
    }
}

TEST(certificates_are_taken_and_refused_as_the_vectors_say)
{
    struct buf text = BUF_LIMIT(100000);
    REQUIRE(file_read(vector_path("api/origin-cert.json"), &text, NULL));
    struct doc *root = doc_parse(buf_span(&text), NULL);
    REQUIRE(root != NULL);
    const struct doc *cases = doc_get(root, "cases");
    CHECK(doc_count(cases) >= 8);
    for (size_t i = 0; i < doc_count(cases); i++)
        check_vector(doc_at(cases, i));
    doc_free(root);
    buf_release(&text);
}
