#include "culvert/net/fetch.h"

#include "harness.h"
#include "support/scripted_server.h"

#define OK_JSON                                                                                    \
    "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n"    \
    "Connection: close\r\n\r\n{}"
#define REDIRECT(status, where)                                                                    \
    "HTTP/1.1 " status " Look\r\nLocation: " where                                                 \
    "\r\nContent-Length: 4\r\nConnection: close\r\n\r\nover"

static const struct fetch_field fields[] = {
    {"Authorization", SPAN_INIT("Bearer secret")},
    {"Content-Type", SPAN_INIT("application/json")},
};

/* Runs a request against the server; the caller releases the response. */
static bool fetch(const char *method, const char *url, struct span body,
                  struct fetch_response *response, struct error *err)
{
    struct fetch_request request = {.method = method,
                                    .url = url,
                                    .fields = fields,
                                    .field_count = ARRAY_LEN(fields),
                                    .body = body,
                                    .timeout_ms = 5000};
    return fetch_run(&request, response, err);
}

TEST(a_request_carries_its_fields_and_body_and_brings_status_type_and_body)
{
    static const char *const answers[] = {OK_JSON};
    struct scripted_server *server = scripted_server_new(answers, 1);
    struct fetch_response response;
    struct error err = {0};
    char url[100];
    (void)snprintf(url, sizeof url, "%s/a?b=c", scripted_server_url(server));
    CHECK_CASE(fetch("PUT", url, SPAN("[1]"), &response, &err), "%s", err.text);
    CHECK_SIZE(response.status, 200);
    CHECK_TEXT(response.media_type, "application/json");
    CHECK_SPAN(buf_span(&response.body), SPAN("{}"));
    const char *seen = scripted_server_request(server, 0);
    CHECK(strncmp(seen, "PUT /a?b=c HTTP/1.1\r\n", 21) == 0);
    CHECK(strstr(seen, "\r\nAuthorization: Bearer secret\r\n") != NULL);
    CHECK(strstr(seen, "\r\nContent-Type: application/json\r\n") != NULL);
    CHECK(strstr(seen, "\r\nAccept-Encoding: gzip\r\n") != NULL);
    CHECK(strstr(seen, "\r\n\r\n[1]") != NULL);
    fetch_response_release(&response);
    scripted_server_free(server);
}

TEST(any_status_is_an_answer)
{
    static const char *const answers[] = {
        "HTTP/1.1 503 No\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy",
        "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n",
    };
    struct scripted_server *server = scripted_server_new(answers, 2);
    struct fetch_response response;
    CHECK(fetch("GET", scripted_server_url(server), SPAN_NONE, &response, NULL));
    CHECK_SIZE(response.status, 503);
    CHECK_TEXT(response.media_type, "");
    CHECK_TEXT(buf_text(&response.body), "busy");
    fetch_response_release(&response);
    CHECK(fetch("DELETE", scripted_server_url(server), SPAN_NONE, &response, NULL));
    CHECK_SIZE(response.status, 204);
    CHECK_SIZE(response.body.len, 0);
    CHECK(strstr(scripted_server_request(server, 1), "Content-Type") == NULL);
    fetch_response_release(&response);
    scripted_server_free(server);
}

TEST(a_redirect_becomes_a_get_or_repeats_the_request_by_its_status)
{
    static const struct {
        const char *redirect;
        const char *method, *next;
        bool repeats_body;
    } cases[] = {
        {REDIRECT("301", "/b"), "POST", "GET /b ", false},
        {REDIRECT("302", "/b"), "PUT", "GET /b ", false},
        {REDIRECT("303", "b"), "DELETE", "GET /b ", false},
        {REDIRECT("307", "/b"), "POST", "POST /b ", true},
        {REDIRECT("308", "/b"), "PATCH", "PATCH /b ", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const answers[] = {cases[i].redirect, OK_JSON};
        struct scripted_server *server = scripted_server_new(answers, 2);
        struct fetch_response response;
        struct error err = {0};
        CHECK_CASE(
            fetch(cases[i].method, scripted_server_url(server), SPAN("[1]"), &response, &err),
            "%s: %s", cases[i].method, err.text);
        const char *seen = scripted_server_request(server, 1);
        CHECK_CASE(strncmp(seen, cases[i].next, strlen(cases[i].next)) == 0, "%s", seen);
        CHECK_CASE((strstr(seen, "\r\n\r\n[1]") != NULL) == cases[i].repeats_body, "%s", seen);
        CHECK_CASE((strstr(seen, "Content-Type") != NULL) == cases[i].repeats_body, "%s", seen);
        CHECK_CASE(strstr(seen, "Bearer secret") != NULL, "%s", seen);
        CHECK_TEXT(buf_text(&response.body), "{}");
        fetch_response_release(&response);
        scripted_server_free(server);
    }
}

TEST(credentials_do_not_go_to_another_host)
{
    static const char *const other_answers[] = {OK_JSON};
    struct scripted_server *other = scripted_server_new(other_answers, 1);
    char redirect[200];
    (void)snprintf(redirect, sizeof redirect,
                   "HTTP/1.1 307 Look\r\nLocation: %s/x\r\nContent-Length: 0\r\n\r\n",
                   scripted_server_url(other));
    const char *const answers[] = {redirect};
    struct scripted_server *server = scripted_server_new(answers, 1);
    struct fetch_response response;
    CHECK(fetch("POST", scripted_server_url(server), SPAN("[1]"), &response, NULL));
    CHECK(strstr(scripted_server_request(server, 0), "Bearer secret") != NULL);
    const char *seen = scripted_server_request(other, 0);
    CHECK(strncmp(seen, "POST /x ", 8) == 0);
    CHECK(strstr(seen, "Bearer") == NULL);
    CHECK(strstr(seen, "\r\nContent-Type: application/json\r\n") != NULL);
    fetch_response_release(&response);
    scripted_server_free(server);
    scripted_server_free(other);
}

TEST(redirects_end_after_ten_and_stay_with_http)
{
    const char *answers[12];
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        answers[i] = REDIRECT("302", "/again");
    struct scripted_server *server = scripted_server_new(answers, ARRAY_LEN(answers));
    struct fetch_response response;
    struct error err = {0};
    CHECK(!fetch("GET", scripted_server_url(server), SPAN_NONE, &response, &err));
    CHECK(err.kind == ERROR_PROTOCOL && strstr(err.text, "10 redirects") != NULL);
    CHECK_SIZE(scripted_server_count(server), 11);
    fetch_response_release(&response);
    scripted_server_free(server);

    static const char *const away[] = {REDIRECT("302", "file:///etc/passwd")};
    server = scripted_server_new(away, 1);
    CHECK(!fetch("GET", scripted_server_url(server), SPAN_NONE, &response, &err));
    CHECK(err.kind == ERROR_PROTOCOL && strstr(err.text, "file:///etc/passwd") != NULL);
    fetch_response_release(&response);
    scripted_server_free(server);
}

TEST(a_fault_is_named_with_the_url_and_its_kind)
{
    static const char *const answers[] = {"", "nonsense\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"};
    struct scripted_server *server = scripted_server_new(answers, 3);
    struct fetch_response response;
    static const enum error_kind kinds[] = {ERROR_NETWORK, ERROR_PROTOCOL, ERROR_PROTOCOL};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct error err = {0};
        CHECK(!fetch("GET", scripted_server_url(server), SPAN_NONE, &response, &err));
        CHECK_CASE(err.kind == kinds[i], "%zu: %s", i, err.text);
        CHECK_CASE(strstr(err.text, scripted_server_url(server)) != NULL, "%s", err.text);
        fetch_response_release(&response);
    }
    scripted_server_free(server);
}

TEST(a_body_over_the_limit_is_a_fault)
{
    static char answer[FETCH_BODY_MAX + 200];
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    memset(answer, 'x', sizeof answer - 1);
    memcpy(answer, head, sizeof head - 1);
    const char *const answers[] = {answer};
    struct scripted_server *server = scripted_server_new(answers, 1);
    struct fetch_response response;
    struct error err = {0};
    CHECK(!fetch("GET", scripted_server_url(server), SPAN_NONE, &response, &err));
    CHECK_CASE(err.kind == ERROR_LIMIT, "%s", err.text);
    fetch_response_release(&response);
    scripted_server_free(server);
}

TEST(a_request_may_have_a_smaller_limit_of_its_own)
{
    static const char *const answers[] = {OK_JSON, OK_JSON};
    struct scripted_server *server = scripted_server_new(answers, 2);
    for (size_t max = 1; max <= 2; max++) {
        struct fetch_request request = {
            .method = "GET", .url = scripted_server_url(server), .body_max = max};
        struct fetch_response response;
        struct error err = {0};
        bool ok = fetch_run(&request, &response, &err);
        CHECK_CASE(ok == (max == 2), "%zu: %s", max, err.text);
        CHECK(ok || (err.kind == ERROR_LIMIT && strstr(err.text, "larger than 1 bytes")));
        fetch_response_release(&response);
    }
    scripted_server_free(server);
}

TEST(a_request_that_nobody_wants_any_more_ends)
{
    static const char *const answers[] = {NULL};
    struct scripted_server *server = scripted_server_new(answers, 1);
    atomic_bool stop = true;
    struct fetch_request request = {.method = "GET",
                                    .url = scripted_server_url(server),
                                    .timeout_ms = 60 * 1000,
                                    .stop = &stop};
    struct fetch_response response;
    struct error err = {0};
    CHECK(!fetch_run(&request, &response, &err)); /* not by its limit, which is a minute away */
    CHECK_CASE(err.kind == ERROR_NETWORK, "%s", err.text);
    fetch_response_release(&response);
    scripted_server_free(server);
}

TEST(a_server_that_does_not_answer_is_given_up_at_the_deadline)
{
    static const char *const answers[] = {NULL};
    struct scripted_server *server = scripted_server_new(answers, 1);
    struct fetch_request request = {
        .method = "GET", .url = scripted_server_url(server), .timeout_ms = 50};
    struct fetch_response response;
    struct error err = {0};
    CHECK(!fetch_run(&request, &response, &err));
    CHECK_CASE(err.kind == ERROR_TIMEOUT, "%s", err.text);
    fetch_response_release(&response);
    scripted_server_free(server);
}

TEST(what_cannot_be_asked_is_refused_before_it_is_sent)
{
    static const struct fetch_field injected[] = {{"X-A", SPAN_INIT("a\r\nX-B: b")}};
    struct fetch_request cases[] = {
        {.method = "GET", .url = "http://127.0.0.1:1/", .fields = injected, .field_count = 1},
        {.method = "GET", .url = "ftp://127.0.0.1/"},
        {.method = "GET", .url = "http://user:password@127.0.0.1:1/"},
        {.method = "GET", .url = "http://"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch_response response;
        struct error err = {0};
        CHECK(!fetch_run(&cases[i], &response, &err));
        CHECK_CASE(err.kind == ERROR_INVALID, "%zu: %s", i, err.text);
        fetch_response_release(&response);
    }
}
