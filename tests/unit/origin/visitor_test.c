#include "culvert/origin/visitor.h"

#include "harness.h"

TEST(the_visitor_is_who_the_edge_says_and_nobody_else)
{
    static const struct {
        const char *first, *second, *want, *why;
    } cases[] = {
        {"203.0.113.9", NULL, "app 203.0.113.9", "an address"},
        {"2001:DB8::9", NULL, "app 2001:db8::9", "as it is written usually"},
        {NULL, NULL, "app ", "nobody says"},
        {"203.0.113.9", "198.51.100.1", "app ", "two voices"},
        {"203.0.113.9, 198.51.100.1", NULL, "app ", "a list"},
        {"visitor.example", NULL, "app ", "a name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct headers fields;
        headers_init(&fields);
        if (cases[i].first)
            REQUIRE(headers_add(&fields, SPAN("cf-connecting-ip"), span_of(cases[i].first), NULL));
        if (cases[i].second)
            REQUIRE(headers_add(&fields, SPAN("Cf-Connecting-IP"), span_of(cases[i].second), NULL));
        char *key = visitor_key(&fields, "app");
        REQUIRE(key);
        CHECK_CASE(strcmp(key, cases[i].want) == 0, "%s: %s", cases[i].why, key);
        free(key);
        headers_release(&fields);
    }
}
