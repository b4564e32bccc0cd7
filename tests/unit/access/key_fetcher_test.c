#include "culvert/access/key_fetcher.h"

#include "culvert/token/jwks.h"
#include "harness.h"
#include "support/scripted_server.h"

#define ANSWER(status, body)                                                                       \
    "HTTP/1.1 " status " X\r\nContent-Length: " body "\r\nConnection: close\r\n\r\n"

/* A loop of its own, in real time: threads and sockets are real here. */
struct hall {
    struct loop *loop;
    struct key_fetcher *fetcher;
    struct key_request request;
    size_t done;
    bool ok;
    struct buf body;
    struct error why;
};

static void done(struct key_request *request, struct span body, const struct error *why)
{
    struct hall *hall = CONTAINER_OF(request, struct hall, request);
    hall->done++;
    hall->ok = why == NULL;
    if (why)
        hall->why = *why;
    CHECK(buf_put_span(&hall->body, body));
}

static void hall_open(struct hall *hall)
{
    *hall = (struct hall){.body = BUF_LIMIT(1 << 20), .request = {.done = done}};
    hall->loop = loop_new(&(struct loop_options){0}, NULL);
    hall->fetcher = key_fetcher_new(hall->loop);
}

static void hall_close(struct hall *hall)
{
    key_fetcher_free(hall->fetcher);
    loop_free(hall->loop);
    buf_release(&hall->body);
}

static void fetch(struct hall *hall, const char *url)
{
    hall->request.url = url;
    CHECK(key_fetcher_start(hall->fetcher, &hall->request, NULL));
    CHECK_SIZE(hall->done, 0);
    while (hall->done == 0)
        (void)loop_turn(hall->loop, 1000);
}

TEST(what_lies_behind_a_url_is_brought)
{
    static const char *const answers[] = {ANSWER("200", "2") "{}"};
    struct scripted_server *server = scripted_server_new(answers, 1);
    struct hall hall;
    hall_open(&hall);
    char url[100];
    (void)snprintf(url, sizeof url, "%s/cdn-cgi/access/certs", scripted_server_url(server));
    fetch(&hall, url);
    CHECK(hall.ok);
    CHECK_SPAN(buf_span(&hall.body), SPAN("{}"));
    CHECK(strncmp(scripted_server_request(server, 0), "GET /cdn-cgi/access/certs HTTP/1.1\r\n",
                  36) == 0);
    hall_close(&hall);
    scripted_server_free(server);
}

TEST(another_status_and_a_body_that_is_too_long_are_failures)
{
    static char long_answer[JWKS_BYTES_MAX + 200];
    int head = snprintf(long_answer, sizeof long_answer,
                        "HTTP/1.1 200 X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
                        JWKS_BYTES_MAX + 1);
    memset(long_answer + head, ' ', JWKS_BYTES_MAX + 1);
    const char *const answers[] = {ANSWER("500", "2") "{}", ANSWER("204", "0"), long_answer};
    static const enum error_kind kinds[] = {ERROR_PROTOCOL, ERROR_PROTOCOL, ERROR_LIMIT};
    struct scripted_server *server = scripted_server_new(answers, ARRAY_LEN(answers));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct hall hall;
        hall_open(&hall);
        fetch(&hall, scripted_server_url(server));
        CHECK_CASE(!hall.ok && hall.why.kind == kinds[i], "%zu: %s", i, hall.why.text);
        CHECK_SIZE(hall.body.len, 0);
        hall_close(&hall);
    }
    scripted_server_free(server);
}

TEST(nobody_listening_is_a_failure)
{
    struct hall hall;
    hall_open(&hall);
    fetch(&hall, "http://127.0.0.1:1/");
    CHECK(!hall.ok && hall.why.kind == ERROR_NETWORK);
    hall_close(&hall);
}

TEST(a_cancelled_request_is_heard_of_no_more_and_keeps_nobody)
{
    static const char *const answers[] = {NULL}; /* it never answers */
    struct scripted_server *server = scripted_server_new(answers, 1);
    struct hall hall;
    hall_open(&hall);
    hall.request.url = scripted_server_url(server);
    CHECK(key_fetcher_start(hall.fetcher, &hall.request, NULL));
    while (scripted_server_count(server) == 0)
        (void)loop_turn(hall.loop, 1);
    key_fetcher_cancel(hall.fetcher, &hall.request);
    hall_close(&hall); /* returns long before the request's own limit */
    CHECK_SIZE(hall.done, 0);
    scripted_server_free(server);
}
