#include "culvert/store/accounts.h"

#include "harness.h"
#include "support/stored.h"

TEST(there_is_one_account_and_it_stays)
{
    struct stored s = stored_open();
    struct store_account again;
    CHECK_SIZE(strlen(s.account.id), 32);
    CHECK(store_accounts_first(s.db, 2000, &again, NULL) == STORE_OK);
    CHECK_TEXT(again.id, s.account.id);
    CHECK_SIZE(again.created_ms, 1);
    stored_close(&s);
}

TEST(a_zone_keeps_its_id_and_is_found_by_it)
{
    struct stored s = stored_open();
    struct store_zone zone;
    CHECK(stored_zone(s.db, s.account.id, "example.com", 6, &zone) == STORE_OK);
    CHECK_TEXT(zone.id, s.zone.id);
    CHECK_SIZE(zone.created_ms, 1);
    CHECK(store_zones_find(s.db, span_of(s.zone.id), &zone, NULL) == STORE_OK);
    CHECK_TEXT(zone.name, "example.com");
    CHECK_TEXT(zone.account_id, s.account.id);
    CHECK(store_zones_find(s.db, SPAN("0"), &zone, NULL) == STORE_NONE);
    stored_close(&s);
}

TEST(a_zone_is_chosen_by_its_name_or_as_the_first_one)
{
    struct stored s = stored_open();
    struct store_zone zone;
    CHECK(stored_zone(s.db, s.account.id, "a.example", 1, &zone) == STORE_OK);
    CHECK(store_zones_choose(s.db, s.account.id, SPAN_NONE, &zone, NULL) == STORE_OK);
    CHECK_TEXT(zone.name, "example.com");
    CHECK(store_zones_choose(s.db, s.account.id, SPAN("a.example"), &zone, NULL) == STORE_OK);
    CHECK_TEXT(zone.name, "a.example");
    CHECK(store_zones_choose(s.db, s.account.id, SPAN("b.example"), &zone, NULL) == STORE_NONE);
    CHECK(store_zones_choose(s.db, "nobody", SPAN_NONE, &zone, NULL) == STORE_NONE);
    stored_close(&s);
}

TEST(a_zone_is_of_one_account_and_has_a_lower_case_name)
{
    struct stored s = stored_open();
    const struct {
        struct store_zone_new zone;
        enum store_result result;
    } cases[] = {
        {{"somebody else", SPAN("example.com"), 1}, STORE_EXISTS},
        {{"nobody", SPAN("example.org"), 1}, STORE_FAILED},
        {{s.account.id, SPAN("Example.org"), 1}, STORE_FAILED},
        {{s.account.id, SPAN(""), 1}, STORE_FAILED},
        {{s.account.id, SPAN("example.org"), 1}, STORE_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct store_zone zone;
        enum store_result result = store_zones_put(s.db, &cases[i].zone, &zone, &err);
        CHECK_CASE(result == cases[i].result, "case %zu: %s", i, err.text);
        CHECK_CASE(result != STORE_FAILED || err.kind == ERROR_INVALID, "case %zu", i);
    }
    CHECK(database_check(s.db, NULL));
    stored_close(&s);
}

TEST(a_token_is_known_until_it_expires)
{
    struct stored s = stored_open();
    struct error err = {0};
    struct store_account account = {.id = ""};
    char forever[STORE_TOKEN_SIZE];
    char hour[STORE_TOKEN_SIZE];
    struct store_token_new what = {s.account.id, SPAN("edge cert"), 1000, 0};
    CHECK(store_tokens_create(s.db, &what, forever, &err) == STORE_OK);
    what.expires_ms = 2000;
    CHECK(store_tokens_create(s.db, &what, hour, &err) == STORE_OK);
    CHECK(strcmp(forever, hour) != 0);
    CHECK(store_tokens_check(s.db, span_of(hour), 1999, &account, &err) == STORE_OK);
    CHECK_TEXT(account.id, s.account.id);
    CHECK(store_tokens_check(s.db, span_of(hour), 2000, &account, &err) == STORE_NONE);
    CHECK(store_tokens_check(s.db, span_of(forever), INT64_MAX, &account, &err) == STORE_OK);
    what.now_ms = 2000;
    what.expires_ms = 0;
    CHECK(store_tokens_create(s.db, &what, forever, &err) == STORE_OK);
    CHECK(store_tokens_check(s.db, span_of(hour), 1999, &account, &err) == STORE_NONE);
    stored_close(&s);
}

TEST(what_is_not_a_token_is_not_known)
{
    struct stored s = stored_open();
    struct error err = {0};
    struct store_account account;
    char token[STORE_TOKEN_SIZE];
    struct store_token_new what = {s.account.id, SPAN(""), 1000, 0};
    CHECK(store_tokens_create(s.db, &what, token, &err) == STORE_OK);
    CHECK(store_tokens_check(s.db, SPAN_NONE, 1, &account, &err) == STORE_NONE);
    CHECK(store_tokens_check(s.db, span_first(span_of(token), 42), 1, &account, &err) ==
          STORE_NONE);
    token[0] = token[0] == 'A' ? 'B' : 'A';
    CHECK(store_tokens_check(s.db, span_of(token), 1, &account, &err) == STORE_NONE);
    what.account_id = "nobody";
    CHECK(store_tokens_create(s.db, &what, token, &err) == STORE_FAILED);
    CHECK(err.kind == ERROR_INVALID);
    stored_close(&s);
}
