/* Workers with threads that ask the head for an issuer's keys, which come over HTTP, while rules
 * change. ThreadSanitizer is the judge in its own preset. */
#include "support/scripted_server.h"
#include "support/thread_ends.h"
#include "support/token_mint.h"

#include "harness.h"

#include <time.h>

enum { VISITORS = 4, FETCHES = 64, ROUNDS = 4, EACH_ROUND = 20 };

struct bustle {
    struct thread_ends ends;
    struct thread_visitor visitors[VISITORS];
    size_t wanted;
};

/* The answers of an issuer: its key set, again and again. */
static struct scripted_server *issuer_start(struct buf *answer, const char *answers[FETCHES])
{
    struct buf keys = BUF_LIMIT(TOKEN_TEXT_MAX);
    token_mint_set((const char *const[]){"k1", NULL}, &keys);
    CHECK(buf_printf(answer,
                     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                     keys.len, buf_text(&keys)));
    for (size_t i = 0; i < FETCHES; i++)
        answers[i] = buf_text(answer);
    buf_release(&keys);
    return scripted_server_new(answers, FETCHES);
}

static void put_request(struct buf *out, const char *issuer, const char *key)
{
    char claims[160];
    (void)snprintf(claims, sizeof claims, "{\"iss\":\"%s\",\"aud\":\"aud1\",\"exp\":%lld}", issuer,
                   (long long)time(NULL) + 600);
    CHECK(buf_put_span(out, SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n"
                                 "Cookie: CF_Authorization=")));
    token_mint_usual(span_of(claims), key, out);
    CHECK(buf_put_span(out, SPAN("\r\n\r\n")));
}

static bool is_served(void *arg)
{
    struct bustle *bustle = arg;
    size_t sum = 0;
    for (size_t i = 0; i < VISITORS; i++)
        sum += atomic_load(&bustle->visitors[i].good);
    return sum >= bustle->wanted;
}

TEST(workers_judge_tokens_by_keys_of_the_head)
{
    static struct bustle bustle;
    const char *answers[FETCHES];
    struct buf answer = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct buf request = BUF_LIMIT(TOKEN_TEXT_MAX);
    char yaml[256];
    struct scripted_server *issuer = issuer_start(&answer, answers);
    thread_ends_open(&bustle.ends);
    (void)snprintf(yaml, sizeof yaml,
                   "ingress:\n  - service: http_status:204\n    originRequest:\n"
                   "      access: {required: true, issuer: '%s', audTag: [aud1]}\n",
                   scripted_server_url(issuer));
    bustle.ends.yaml = yaml;
    thread_ends_start(&bustle.ends, "");
    thread_ends_registered(&bustle.ends, 4);
    put_request(&request, scripted_server_url(issuer), "k1");
    for (size_t i = 0; i < VISITORS; i++)
        thread_visitor_start_saying(&bustle.visitors[i], &bustle.ends.at.http, buf_text(&request));
    for (int i = 0; i < ROUNDS; i++) {
        bustle.wanted += EACH_ROUND;
        thread_ends_until(&bustle.ends, is_served, &bustle);
        thread_ends_reload(&bustle.ends, "");
    }
    for (size_t i = 0; i < VISITORS; i++) {
        thread_visitor_end(&bustle.visitors[i], &bustle.ends);
        CHECK(atomic_load(&bustle.visitors[i].bad) == 0);
    }
    CHECK(scripted_server_count(issuer) >= 1);
    thread_ends_close(&bustle.ends);
    scripted_server_free(issuer);
    buf_release(&answer);
    buf_release(&request);
}
