#include "culvert/api/client.h"

#include "harness.h"
#include "support/scripted_server.h"

static struct origin_cert *make_cert(const char *endpoint, const char *api)
{
    struct origin_cert *cert = origin_cert_new(SPAN("zone"), SPAN("ac/count"), SPAN("api-token"));
    if (!cert)
        abort();
    free(cert->endpoint);
    cert->endpoint = span_dup(span_of(endpoint));
    cert->contact.api = api ? span_dup(span_of(api)) : NULL;
    return cert;
}

TEST(the_base_url_is_the_given_one_then_the_certificates_then_the_default)
{
    static const struct {
        const char *endpoint, *contact, *given;
        const char *url; /* NULL: refused */
    } cases[] = {
        {"", NULL, NULL, API_URL_DEFAULT},
        {"", "http://127.0.0.1:8080/client/v4", NULL, "http://127.0.0.1:8080/client/v4"},
        {"", "http://127.0.0.1:8080/client/v4", "https://x/y/", "https://x/y"},
        {"myedge", NULL, "HTTPS://x", "HTTPS://x"},
        {"fed", "http://127.0.0.1:8080/client/v4", "https://x/y", API_URL_FED},
        {"", NULL, "", NULL},
        {"", NULL, "ftp://x", NULL},
        {"", NULL, "x/y", NULL},
        {"", NULL, "https:///y", NULL},
        {"", NULL, "https://x/?a=b", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_cert *cert = make_cert(cases[i].endpoint, cases[i].contact);
        struct api_client_options options = {.url = cases[i].given, .cert = cert};
        struct error err = {0};
        struct api_client *client = api_client_new(&options, &err);
        CHECK_CASE((client != NULL) == (cases[i].url != NULL), "case %zu: %s", i, err.text);
        if (client && cases[i].url)
            CHECK_TEXT(api_client_url(client), cases[i].url);
        CHECK_CASE(client || strstr(err.text, "api-url"), "case %zu: %s", i, err.text);
        api_client_free(client);
        origin_cert_free(cert);
    }
}

TEST(paths_are_escaped_and_need_an_account)
{
    struct origin_cert *cert = make_cert("", NULL);
    struct api_client_options options = {.cert = cert};
    struct api_client *client = api_client_new(&options, NULL);
    struct buf path = BUF_LIMIT(API_PATH_MAX);
    struct error err = {0};
    REQUIRE(client != NULL);
    CHECK(api_client_account_path(client, &path, &err));
    CHECK(api_client_zone_path(client, &path, &err));
    CHECK_TEXT(buf_text(&path), "/accounts/ac%2Fcount/zones/zone");
    cert->account_id[0] = '\0';
    CHECK(!api_client_account_path(client, &path, &err));
    CHECK(err.kind == ERROR_DENIED && strstr(err.text, "login") != NULL);
    buf_release(&path);
    api_client_free(client);
    origin_cert_free(cert);
}

TEST(queries_are_form_encoded)
{
    struct buf path = BUF_LIMIT(100);
    CHECK(buf_put_span(&path, SPAN("/a")));
    CHECK(api_query_put(&path, "name", SPAN("a b/c&d ")));
    CHECK(api_query_put(&path, "page", SPAN("1")));
    CHECK(api_query_put(&path, "void", SPAN_NONE));
    CHECK_TEXT(buf_text(&path), "/a?name=a+b%2Fc%26d+&page=1&void=");
    buf_release(&path);
}

TEST(a_call_carries_the_token_and_its_body)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"success\":true,\"result\":\"x\"}"};
    struct scripted_server *server = scripted_server_new(answers, 1);
    struct origin_cert *cert = make_cert("", scripted_server_url(server));
    struct api_client_options options = {.cert = cert};
    struct api_client *client = api_client_new(&options, NULL);
    struct api_envelope envelope;
    struct error err = {0};
    struct doc *body = doc_object();
    CHECK(doc_put_text(body, "a", SPAN("b")));
    struct api_call call = {.method = "POST", .path = SPAN("/x?y=z"), .body = body};
    CHECK_CASE(api_client_run(client, &call, &envelope, &err), "%s", err.text);
    CHECK(envelope.result && doc_kind(envelope.result) == DOC_TEXT);
    const char *seen = scripted_server_request(server, 0);
    CHECK(strncmp(seen, "POST /x?y=z HTTP/1.1\r\n", 22) == 0);
    CHECK(strstr(seen, "\r\nAuthorization: Bearer api-token\r\n") != NULL);
    CHECK(strstr(seen, "\r\nAccept: application/json;version=1\r\n") != NULL);
    CHECK(strstr(seen, "\r\nContent-Type: application/json\r\n") != NULL);
    CHECK(strstr(seen, "\r\nUser-Agent: culvert/") != NULL);
    CHECK(strstr(seen, "\r\n\r\n{\"a\":\"b\"}") != NULL);
    api_envelope_release(&envelope);
    doc_free(body);
    api_client_free(client);
    origin_cert_free(cert);
    scripted_server_free(server);
}

TEST(an_api_that_cannot_be_reached_is_a_failed_rest_request)
{
    struct origin_cert *cert = make_cert("", "http://127.0.0.1:1/v4");
    struct api_client_options options = {.cert = cert};
    struct api_client *client = api_client_new(&options, NULL);
    struct api_call call = {.method = "GET", .path = SPAN("/x")};
    struct api_envelope envelope;
    struct error err = {0};
    CHECK(!api_client_run(client, &call, &envelope, &err));
    CHECK(err.kind == ERROR_NETWORK);
    CHECK(strstr(err.text, "REST request failed: GET http://127.0.0.1:1/v4/x: ") != NULL);
    api_envelope_release(&envelope);
    api_client_free(client);
    origin_cert_free(cert);
}
