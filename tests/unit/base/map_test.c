#include "culvert/base/map.h"

#include "harness.h"

TEST(a_value_is_found_replaced_and_taken_by_its_key)
{
    struct map *map = map_new(10);
    REQUIRE(map != NULL);
    int first = 1;
    int second = 2;
    void *old = &first;
    CHECK(map_put(map, SPAN("a"), &first, &old));
    CHECK(old == NULL);
    CHECK(map_put(map, SPAN("a"), &second, &old));
    CHECK(old == &first);
    CHECK(map_find(map, SPAN("a")) == &second);
    CHECK(map_find(map, SPAN("A")) == NULL);
    CHECK(map_take(map, SPAN("a")) == &second);
    CHECK(map_take(map, SPAN("a")) == NULL);
    CHECK_SIZE(map_count(map), 0);
    map_free(map, NULL);
}

TEST(a_key_may_be_empty_or_hold_any_byte)
{
    struct map *map = map_new(10);
    REQUIRE(map != NULL);
    int values[3];
    CHECK(map_put(map, SPAN(""), &values[0], NULL));
    CHECK(map_put(map, SPAN("a\0b"), &values[1], NULL));
    CHECK(map_put(map, SPAN("a"), &values[2], NULL));
    CHECK(map_find(map, SPAN_NONE) == &values[0]);
    CHECK(map_find(map, SPAN("a\0b")) == &values[1]);
    CHECK(map_find(map, SPAN("a")) == &values[2]);
    map_free(map, NULL);
}

TEST(at_its_limit_a_map_takes_no_new_key_but_new_values)
{
    struct map *map = map_new(2);
    REQUIRE(map != NULL);
    int value;
    CHECK(map_put(map, SPAN("a"), &value, NULL));
    CHECK(map_put(map, SPAN("b"), &value, NULL));
    CHECK(!map_put(map, SPAN("c"), &value, NULL));
    CHECK(map_put(map, SPAN("b"), &value, NULL));
    CHECK(map_take(map, SPAN("a")) == &value);
    CHECK(map_put(map, SPAN("c"), &value, NULL));
    map_free(map, NULL);
}

static bool add_up(struct span key, void *value, void *arg)
{
    size_t *sum = arg;
    *sum += *(size_t *)value + 0 * key.len;
    return true;
}

static bool stop_at_three(struct span key, void *value, void *arg)
{
    (void)key;
    (void)value;
    return ++*(size_t *)arg < 3;
}

TEST(thousands_of_keys_are_all_found_and_all_walked)
{
    enum { KEYS = 5000 };
    static size_t values[KEYS];
    struct map *map = map_new(KEYS);
    REQUIRE(map != NULL);
    char key[32];
    for (size_t i = 0; i < KEYS; i++) {
        values[i] = i;
        (void)snprintf(key, sizeof key, "host-%zu.example.com", i);
        CHECK(map_put(map, span_of(key), &values[i], NULL));
    }
    for (size_t i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "host-%zu.example.com", i);
        CHECK_CASE(map_find(map, span_of(key)) == &values[i], "%s", key);
    }
    size_t sum = 0;
    map_walk(map, add_up, &sum);
    CHECK_SIZE(sum, (size_t)KEYS * (KEYS - 1) / 2);
    size_t seen = 0;
    map_walk(map, stop_at_three, &seen);
    CHECK_SIZE(seen, 3);
    map_free(map, NULL);
}

TEST(freeing_a_map_may_free_its_values)
{
    struct map *map = map_new(4);
    REQUIRE(map != NULL);
    CHECK(map_put(map, SPAN("a"), malloc(1), NULL));
    CHECK(map_put(map, SPAN("b"), malloc(1), NULL));
    map_free(map, free);
    map_free(NULL, free);
}
