#include "culvert/access/verifier.h"

#include "harness.h"
#include "support/fake_issuer.h"
#include "support/must.h"
#include "support/scarce_memory.h"
#include "support/token_mint.h"
#include "support/turned_loop.h"

/* A worker and a head on one loop, and one requirement. */
struct hall {
    struct turned_loop turned;
    struct fake_issuer issuer;
    struct worker *worker;
    struct key_store *store;
    struct verifier *verifier;
    struct access_requirement requirement;
};

struct visitor {
    struct access_check check;
    struct headers fields;
    enum access_finding finding;
    struct error why;
    size_t decided; /* later */
};

static void decided(struct access_check *check, enum access_finding finding,
                    const struct error *why)
{
    struct visitor *visitor = CONTAINER_OF(check, struct visitor, check);
    visitor->finding = finding;
    visitor->why = *why;
    visitor->decided++;
}

static void hall_open(struct hall *hall)
{
    static char team[] = "lab";
    static char none[] = "";
    static char audience[] = "aud1";
    static char *audiences[] = {audience};
    *hall = (struct hall){.requirement = {.required = true,
                                          .team_name = team,
                                          .environment = none,
                                          .issuer = none,
                                          .certs_url = none,
                                          .audiences = audiences,
                                          .audience_count = 1}};
    turned_loop_init(&hall->turned);
    fake_issuer_init(&hall->issuer, hall->turned.loop);
    hall->worker = worker_here(hall->turned.loop, NULL);
    hall->store = key_store_new(hall->turned.loop, &hall->issuer.fetcher);
    must(hall->worker && hall->store);
    const struct verifier_options options = {hall->worker, hall->worker, hall->store};
    hall->verifier = verifier_new(&options);
    must(hall->verifier != NULL);
}

static void hall_close(struct hall *hall)
{
    key_store_stop(hall->store);
    turned_loop_settle(&hall->turned);
    CHECK(verifier_is_idle(hall->verifier));
    verifier_free(hall->verifier);
    key_store_free(hall->store);
    fake_issuer_release(&hall->issuer);
    worker_free(hall->worker);
    turned_loop_release(&hall->turned);
}

static void put_token(const struct hall *hall, const char *key, struct buf *out)
{
    char claims[160];
    int64_t end = hall->turned.clock.calendar_ms / 1000 + 60;
    (void)snprintf(claims, sizeof claims,
                   "{\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"aud1\",\"exp\":%lld}",
                   (long long)end);
    token_mint_usual(span_of(claims), key, out);
}

static void judge(struct hall *hall, struct visitor *visitor)
{
    visitor->check.decided = decided;
    visitor->finding = verifier_judge(hall->verifier, &visitor->check, &hall->requirement,
                                      &visitor->fields, &visitor->why);
}

/* With a token of `key` in the field; NULL: without one. */
static void come(struct hall *hall, struct visitor *visitor, const char *key)
{
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    *visitor = (struct visitor){.decided = 0};
    headers_init(&visitor->fields);
    if (key) {
        put_token(hall, key, &token);
        must(
            headers_add(&visitor->fields, SPAN("Cf-Access-Jwt-Assertion"), buf_span(&token), NULL));
    }
    buf_release(&token);
    judge(hall, visitor);
}

static void leave(struct visitor *visitor)
{
    verifier_forget(&visitor->check);
    headers_release(&visitor->fields);
}

TEST(the_first_waits_for_keys_and_the_next_does_not)
{
    struct hall hall;
    struct visitor visitor;
    hall_open(&hall);
    come(&hall, &visitor, "k1");
    CHECK(visitor.finding == ACCESS_WAITS);
    turned_loop_settle(&hall.turned);
    CHECK(visitor.finding == ACCESS_VALID && visitor.decided == 1);
    leave(&visitor);
    come(&hall, &visitor, "k1");
    CHECK(visitor.finding == ACCESS_VALID && visitor.decided == 0);
    leave(&visitor);
    hall_close(&hall);
}

TEST(the_token_stands_in_the_first_field_or_in_a_cookie)
{
    static const struct {
        const char *why;
        const char *names[2], *values[2]; /* "%" is a token */
        bool is_valid;
        enum access_finding finding;
    } cases[] = {
        {"nothing", {0}, {0}, false, ACCESS_NO_TOKEN},
        {"the field", {"cf-access-jwt-assertion"}, {"%"}, true, ACCESS_VALID},
        {"blanks around it", {"cf-access-jwt-assertion"}, {"  % "}, true, ACCESS_VALID},
        {"an empty field", {"Cf-Access-Jwt-Assertion"}, {""}, false, ACCESS_NO_TOKEN},
        {"an empty field goes before a cookie",
         {"Cf-Access-Jwt-Assertion", "cookie"},
         {"", "CF_Authorization=%"},
         false,
         ACCESS_NO_TOKEN},
        {"only the first field counts",
         {"cf-access-jwt-assertion", "cf-access-jwt-assertion"},
         {"junk", "%"},
         false,
         ACCESS_MALFORMED},
        {"a cookie", {"Cookie"}, {"CF_Authorization=%"}, true, ACCESS_VALID},
        {"a cookie among others", {"cookie"}, {"a=b; CF_Authorization=%; c=d"}, true, ACCESS_VALID},
        {"a cookie in a second line",
         {"cookie", "cookie"},
         {"a=b", "CF_Authorization=%"},
         true,
         ACCESS_VALID},
        {"the name of a cookie has its case",
         {"cookie"},
         {"cf_authorization=%"},
         false,
         ACCESS_NO_TOKEN},
        {"a name that ends so is another",
         {"cookie"},
         {"XCF_Authorization=%"},
         false,
         ACCESS_NO_TOKEN},
        {"no value", {"cookie"}, {"CF_Authorization"}, false, ACCESS_NO_TOKEN},
        {"an empty cookie", {"cookie"}, {"CF_Authorization="}, false, ACCESS_NO_TOKEN},
        {"another field", {"authorization"}, {"Bearer %"}, false, ACCESS_NO_TOKEN},
    };
    struct hall hall;
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    hall_open(&hall);
    put_token(&hall, "k1", &token);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct visitor visitor = {.decided = 0};
        struct buf value = BUF_LIMIT(TOKEN_TEXT_MAX);
        headers_init(&visitor.fields);
        for (size_t f = 0; f < 2 && cases[i].names[f]; f++) {
            struct span text = span_of(cases[i].values[f]);
            size_t at = span_find(text, '%');
            buf_clear(&value);
            must(buf_put_span(&value, span_first(text, at)) &&
                 (at == text.len || buf_put_span(&value, buf_span(&token))) &&
                 buf_put_span(&value, span_skip(text, at + 1)) &&
                 headers_add(&visitor.fields, span_of(cases[i].names[f]), buf_span(&value), NULL));
        }
        judge(&hall, &visitor);
        turned_loop_settle(&hall.turned);
        CHECK_CASE(visitor.finding == cases[i].finding, "%s: %s", cases[i].why,
                   access_finding_name(visitor.finding));
        leave(&visitor);
        buf_release(&value);
    }
    buf_release(&token);
    hall_close(&hall);
}

TEST(a_sentence_says_why_and_never_what)
{
    struct hall hall;
    struct visitor visitor;
    hall_open(&hall);
    come(&hall, &visitor, "k2");
    turned_loop_pass(&hall.turned, KEY_STORE_INTERVAL_MS);
    CHECK(visitor.finding == ACCESS_UNKNOWN_KEY && visitor.why.kind == ERROR_DENIED);
    CHECK(strstr(visitor.why.text, "no key") && !strstr(visitor.why.text, "k2"));
    leave(&visitor);
    static char odd[] = "not.a.label";
    hall.requirement.team_name = odd;
    come(&hall, &visitor, "k1");
    CHECK(visitor.finding == ACCESS_ISSUER && strstr(visitor.why.text, "names no issuer"));
    leave(&visitor);
    hall_close(&hall);
}

TEST(who_leaves_is_not_told)
{
    struct hall hall;
    struct visitor visitor;
    hall_open(&hall);
    come(&hall, &visitor, "k1");
    verifier_forget(&visitor.check);
    verifier_forget(&visitor.check);
    turned_loop_settle(&hall.turned);
    CHECK(visitor.finding == ACCESS_WAITS && visitor.decided == 0);
    leave(&visitor);
    hall_close(&hall);
}

/* Leaves from within the decision on another. */
struct couple {
    struct visitor one, two;
};

static void takes_two_along(struct access_check *check, enum access_finding finding,
                            const struct error *why)
{
    struct visitor *one = CONTAINER_OF(check, struct visitor, check);
    struct couple *couple = CONTAINER_OF(one, struct couple, one);
    (void)finding;
    (void)why;
    one->decided++;
    verifier_forget(&couple->two.check);
}

TEST(a_decision_may_take_another_visitor_away)
{
    struct hall hall;
    struct couple couple;
    hall_open(&hall);
    come(&hall, &couple.one, "k1");
    come(&hall, &couple.two, "k1");
    couple.one.check.decided = takes_two_along;
    turned_loop_settle(&hall.turned);
    CHECK(couple.one.decided == 1 && couple.two.decided == 0);
    leave(&couple.one);
    leave(&couple.two);
    hall_close(&hall);
}

/* Brings as many issuers as there is room for, from within the decision on one. */
struct crowd {
    struct hall *hall;
    struct visitor one, others[VERIFIER_ISSUERS_MAX];
    char urls[VERIFIER_ISSUERS_MAX][32];
};

static void brings_a_crowd(struct access_check *check, enum access_finding finding,
                           const struct error *why)
{
    struct visitor *one = CONTAINER_OF(check, struct visitor, check);
    struct crowd *crowd = CONTAINER_OF(one, struct crowd, one);
    (void)why;
    one->decided++;
    one->finding = finding;
    for (size_t i = 0; i < VERIFIER_ISSUERS_MAX; i++) {
        (void)snprintf(crowd->urls[i], sizeof crowd->urls[i], "https://k%zu.test/", i);
        crowd->hall->requirement.certs_url = crowd->urls[i];
        come(crowd->hall, &crowd->others[i], "k1");
    }
}

TEST(an_issuer_whose_visitors_are_being_told_makes_no_room_for_others)
{
    struct hall hall;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    must(crowd != NULL);
    hall_open(&hall);
    crowd->hall = &hall;
    come(&hall, &crowd->one, "k1");
    crowd->one.check.decided = brings_a_crowd;
    turned_loop_settle(&hall.turned);
    CHECK(crowd->one.finding == ACCESS_VALID && crowd->one.decided == 1);
    for (size_t i = 0; i + 1 < VERIFIER_ISSUERS_MAX; i++) {
        CHECK_CASE(crowd->others[i].finding == ACCESS_VALID, "%zu: %s", i,
                   access_finding_name(crowd->others[i].finding));
        leave(&crowd->others[i]);
    }
    CHECK(crowd->others[VERIFIER_ISSUERS_MAX - 1].finding == ACCESS_NO_MEMORY);
    leave(&crowd->others[VERIFIER_ISSUERS_MAX - 1]);
    leave(&crowd->one);
    /* Now there is nobody left to tell. */
    come(&hall, &crowd->one, "k1");
    turned_loop_settle(&hall.turned);
    CHECK(crowd->one.finding == ACCESS_VALID);
    leave(&crowd->one);
    hall_close(&hall);
    free(crowd);
}

TEST(a_token_that_expires_while_it_waits_is_refused)
{
    struct hall hall;
    struct visitor visitor;
    hall_open(&hall);
    hall.issuer.is_slow = true;
    come(&hall, &visitor, "k1");
    turned_loop_settle(&hall.turned);
    hall.turned.clock.calendar_ms += 61 * 1000; /* the machine's clock is put right */
    fake_issuer_answer(&hall.issuer);
    turned_loop_settle(&hall.turned);
    CHECK(visitor.finding == ACCESS_EXPIRED);
    leave(&visitor);
    come(&hall, &visitor, "k1");
    turned_loop_settle(&hall.turned);
    CHECK(visitor.finding == ACCESS_VALID);
    leave(&visitor);
    hall_close(&hall);
}

/* One visitor before there are keys and one after; false: memory failed where it should. */
static bool play(size_t n)
{
    struct hall hall;
    struct visitor visitor[2];
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    hall_open(&hall);
    put_token(&hall, "k1", &token);
    for (size_t i = 0; i < 2; i++) {
        visitor[i] = (struct visitor){.decided = 0};
        headers_init(&visitor[i].fields);
        must(headers_add(&visitor[i].fields, SPAN("cf-access-jwt-assertion"), buf_span(&token),
                         NULL));
    }
    scarce_memory_begin(n);
    for (size_t i = 0; i < 2; i++) {
        judge(&hall, &visitor[i]);
        turned_loop_settle(&hall.turned);
    }
    bool failed = scarce_memory_end();
    turned_loop_pass(&hall.turned, 2 * KEY_STORE_INTERVAL_MS);
    for (size_t i = 0; i < 2; i++) {
        enum access_finding finding = visitor[i].finding;
        CHECK_CASE(finding == ACCESS_VALID ||
                       (failed && (finding == ACCESS_NO_MEMORY || finding == ACCESS_NO_KEYS)),
                   "allocation %zu, visitor %zu: %s", n, i, access_finding_name(finding));
        leave(&visitor[i]);
    }
    come(&hall, &visitor[0], "k1");
    turned_loop_settle(&hall.turned);
    CHECK_CASE(visitor[0].finding == ACCESS_VALID, "allocation %zu: not well again: %s", n,
               visitor[0].why.text);
    leave(&visitor[0]);
    buf_release(&token);
    hall_close(&hall);
    return failed;
}

TEST(no_memory_lets_nobody_in_keeps_nobody_for_ever_and_passes)
{
    size_t n = 0;
    while (n < 1000 && play(n))
        n++;
    CHECK(n > 20 && n < 1000);
}
