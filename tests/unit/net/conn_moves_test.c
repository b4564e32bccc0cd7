/* What goes from a channel into a connection: as its block, or as a copy. */
#include "culvert/net/channel.h"
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_scene.h"

static void fill(struct channel *bytes, struct buf *said, size_t len)
{
    char piece[CHANNEL_BLOCK];
    for (size_t i = 0; i < sizeof piece; i++)
        piece[i] = (char)('a' + (said->len + i) % 23);
    REQUIRE(len <= sizeof piece && channel_put(bytes, piece, len) == len);
    REQUIRE(buf_put(said, piece, len));
}

TEST(bytes_of_a_channel_leave_in_their_order_whether_their_blocks_move_or_not)
{
    static const size_t pieces[] = {1, CHANNEL_BLOCK, 300, 2000, CHANNEL_BLOCK, 7};
    static const size_t steps[] = {1, 100 * 1000, 5, CHANNEL_BLOCK, 3};
    struct conn_scene scene;
    struct budget budget = {.limit = 1 << 30};
    struct buf said = BUF_LIMIT(200 * 1000);
    conn_scene_begin(&scene);
    budget.loop = scene.turned.loop;
    struct channel *bytes = channel_new(CHANNEL_LOW, CHANNEL_BULK, NULL, &budget);
    REQUIRE(bytes);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        fill(bytes, &said, pieces[i]);
    for (size_t i = 0; channel_len(bytes) > 0; i++) {
        size_t before = channel_len(bytes);
        size_t len = steps[i % ARRAY_LEN(steps)];
        size_t most = len;
        REQUIRE(conn_put_from(scene.ear.conn, bytes, &len));
        CHECK(len > 0 && len <= most);
        CHECK_SIZE(channel_len(bytes), before - len);
        CHECK_SIZE(budget.used, before - len);
        if (i % 2)
            conn_scene_rest(&scene);
    }
    CHECK_SPAN(conn_scene_hear(&scene), buf_span(&said));
    channel_free(bytes);
    buf_release(&said);
    conn_scene_end(&scene);
}

TEST(pieces_of_a_few_bytes_share_a_block)
{
    struct conn_scene scene;
    struct buf said = BUF_LIMIT(4096);
    conn_scene_begin(&scene);
    struct channel *bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    REQUIRE(bytes);
    for (int i = 0; i < 1000; i++) {
        size_t len = 1;
        fill(bytes, &said, 1);
        REQUIRE(conn_put_from(scene.ear.conn, bytes, &len) && len == 1);
    }
    CHECK_SIZE(conn_queued(scene.ear.conn), 1000);
    CHECK_SPAN(conn_scene_hear(&scene), buf_span(&said));
    CHECK_SIZE(scene.turned.memory.writes, 1);
    channel_free(bytes);
    buf_release(&said);
    conn_scene_end(&scene);
}

TEST(what_a_connection_does_not_take_stays_in_the_channel)
{
    struct conn_scene scene;
    struct buf said = BUF_LIMIT(4096);
    size_t len = 10;
    conn_scene_begin(&scene);
    struct channel *bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    REQUIRE(bytes);
    fill(bytes, &said, 10);
    conn_end(scene.ear.conn);
    CHECK(!conn_put_from(scene.ear.conn, bytes, &len));
    CHECK_SIZE(channel_len(bytes), 10);
    channel_free(bytes);
    buf_release(&said);
    conn_scene_end(&scene);
}
