#include "culvert/edge/directory.h"

#include "harness.h"

static struct listed entry(unsigned char tunnel, unsigned char client, uint8_t index)
{
    struct listed listed = {.tunnel_id = {{tunnel}}, .client_id = {{client}}, .index = index};
    listed.connection_id = uuid_make();
    return listed;
}

TEST(a_connection_is_found_by_tunnel_connector_and_index)
{
    static const struct {
        unsigned char tunnel, client;
        uint8_t index;
        bool found;
    } cases[] = {
        {1, 1, 0, true},  {1, 1, 1, true},  {1, 2, 0, true},
        {1, 1, 2, false}, {1, 2, 1, false}, {2, 1, 0, false},
    };
    struct directory *directory = directory_new("here");
    struct listed entries[] = {entry(1, 1, 0), entry(1, 1, 1), entry(1, 2, 0)};
    REQUIRE(directory);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        CHECK(directory_add(directory, &entries[i], NULL));
    CHECK_SIZE(directory_count(directory), ARRAY_LEN(entries));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct listed like = entry(cases[i].tunnel, cases[i].client, cases[i].index);
        CHECK_CASE((directory_find(directory, &like) != NULL) == cases[i].found, "case %zu", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        directory_remove(directory, &entries[i]);
        directory_remove(directory, &entries[i]);
    }
    CHECK_SIZE(directory_count(directory), 0);
    CHECK(!directory_find(directory, &entries[0]));
    directory_free(directory);
}

TEST(a_tunnel_has_a_bounded_number_of_connections)
{
    static struct listed entries[DIRECTORY_TUNNEL_CONNECTIONS_MAX + 1];
    struct directory *directory = directory_new("here");
    struct listed other = entry(2, 1, 0);
    struct error err = {0};
    REQUIRE(directory);
    for (size_t i = 0; i < DIRECTORY_TUNNEL_CONNECTIONS_MAX; i++) {
        entries[i] = entry(1, (unsigned char)(i / 4), (uint8_t)(i % 4));
        CHECK(directory_add(directory, &entries[i], &err));
    }
    entries[DIRECTORY_TUNNEL_CONNECTIONS_MAX] = entry(1, 200, 0);
    CHECK(!directory_add(directory, &entries[DIRECTORY_TUNNEL_CONNECTIONS_MAX], &err));
    CHECK(err.kind == ERROR_LIMIT);
    CHECK(directory_add(directory, &other, &err));
    directory_remove(directory, &other);
    for (size_t i = 0; i < DIRECTORY_TUNNEL_CONNECTIONS_MAX; i++)
        directory_remove(directory, &entries[i]);
    directory_free(directory);
}

/* How often each was met stands in its attempts. */
static void meet(struct listed *listed)
{
    listed->attempts++;
}

TEST(each_is_met_once_of_one_connector_or_of_all)
{
    struct directory *directory = directory_new("here");
    struct listed entries[] = {entry(1, 1, 0), entry(1, 2, 0), entry(1, 1, 1), entry(2, 1, 0)};
    const struct uuid tunnel = {{1}}, client = {{1}}, nobody = {{9}};
    REQUIRE(directory);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        CHECK(directory_add(directory, &entries[i], NULL));
    directory_each(directory, &tunnel, &client, meet);
    CHECK(entries[0].attempts == 1 && entries[2].attempts == 1);
    CHECK(entries[1].attempts == 0 && entries[3].attempts == 0);
    directory_each(directory, &tunnel, NULL, meet);
    CHECK(entries[0].attempts == 2 && entries[1].attempts == 1 && entries[3].attempts == 0);
    directory_each(directory, &nobody, NULL, meet);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        directory_remove(directory, &entries[i]);
    directory_free(directory);
}

TEST(the_list_for_the_api_has_a_connector_with_its_connections)
{
    struct directory *directory = directory_new("here");
    struct listed entries[] = {entry(1, 1, 0), entry(1, 2, 0), entry(1, 1, 1)};
    char id[UUID_TEXT_SIZE];
    REQUIRE(directory);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        CHECK(directory_add(directory, &entries[i], NULL));
    struct doc *all = directory_connectors(directory);
    REQUIRE(all);
    uuid_format(&entries[0].tunnel_id, id);
    const struct doc *connectors = doc_get(all, id);
    CHECK_SIZE(doc_count(connectors), 2);
    CHECK_SIZE(doc_count(doc_get(doc_at(connectors, 0), "conns")), 2);
    CHECK_SIZE(doc_count(doc_get(doc_at(connectors, 1), "conns")), 1);
    doc_free(all);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        directory_remove(directory, &entries[i]);
    directory_free(directory);
}
