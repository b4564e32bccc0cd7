/* Origins of bytes with each of their allocations failing once: the request ends once, and what
 * looks whole is whole. */
#include "culvert/origin/tcp_origin.h"

#include "harness.h"
#include "support/byte_scene.h"
#include "support/scarce_memory.h"

enum { ALLOCATIONS_MAX = 1000 };

static char prefix[] = "127.0.0.0/8";
static const struct ip_rule rules[] = {{prefix, NULL, 0, true}};

/* What a client says, all of it before it is read; what it hears in the end. */
struct play {
    struct tcp_origin_options options;
    struct span said;
    bool ends;
    const char *heard;
};

static void perform(struct byte_scene *scene)
{
    if (!byte_scene_ask(scene))
        return;
    if (scene->peer_count > 0) {
        raw_peer_say(&scene->peers[0], &scene->turned, "answer");
        raw_peer_end(&scene->peers[0]);
    }
    for (int i = 0; i < 3; i++) {
        (void)byte_scene_hear(scene);
        turned_loop_pass(&scene->turned, TCP_ORIGIN_LAST_WORDS_MS);
    }
}

static void judge(struct byte_scene *scene, const struct play *play, size_t n)
{
    const char *heard = byte_scene_hear(scene);
    bool was_told = !scene->out || scene->failed || scene->done;
    CHECK_CASE(was_told, "%s, allocation %zu: no end", play->options.name, n);
    if (scene->out && scene->done && strstr(heard, "[close 1000][end]"))
        CHECK_CASE(strcmp(heard, play->heard) == 0 || strstr(heard, "\x05\x02") ||
                       strstr(heard, "\x05\x04"),
                   "%s, allocation %zu: %s", play->options.name, n, heard);
    if (!scene->out || scene->failed)
        CHECK_CASE(scene->why.kind != ERROR_NONE, "%s, allocation %zu", play->options.name, n);
}

#define ZERO "\0\0\0\0"

TEST(each_allocation_of_an_origin_of_bytes_may_fail)
{
    static const struct play plays[] = {
        {{.kind = TCP_ORIGIN_FIXED, .name = "tcp", .host = "localhost", .port = 9001},
         SPAN_INIT("\x82\x85" ZERO "hello\x89\x82" ZERO "pp\x88\x80" ZERO),
         false,
         "[pong pp]answer[close 1005][end]"},
        {{.kind = TCP_ORIGIN_PRIVATE, .name = "private"}, SPAN_INIT("hello"), true, "answer[end]"},
        {{.kind = TCP_ORIGIN_SOCKS, .name = "socks", .rules = rules, .rule_count = 1},
         SPAN_INIT("\x82\x9a" ZERO "\x05\x01\x00\x05\x01\x00\x03\x09localhost\x23\x29hello12"
                   "\x88\x80" ZERO),
         false,
         NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(plays); i++) {
        size_t n = 0;
        for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
            struct byte_scene scene;
            byte_scene_open(&scene, &plays[i].options);
            byte_scene_serve(&scene, "127.0.0.1:9001");
            CHECK(buf_put_span(&scene.head.authority, SPAN("127.0.0.1:9001")));
            byte_scene_say(&scene, plays[i].said);
            if (plays[i].ends)
                byte_scene_end(&scene);
            scarce_memory_begin(n);
            perform(&scene);
            failed = scarce_memory_end();
            if (plays[i].heard)
                judge(&scene, &plays[i], n);
            byte_scene_close(&scene);
        }
        CHECK_CASE(n > 5 && n < ALLOCATIONS_MAX, "%s: %zu", plays[i].options.name, n);
    }
}

TEST(each_allocation_of_making_an_origin_of_bytes_may_fail)
{
    struct turned_loop turned;
    size_t n = 0;
    turned_loop_init(&turned);
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        struct error err = {0};
        const struct tcp_origin_options options = {
            .kind = TCP_ORIGIN_SOCKS, .name = "socks", .rules = rules, .rule_count = 1};
        scarce_memory_begin(n);
        struct tcp_origin *origin = tcp_origin_new(turned.loop, &options, &err);
        failed = scarce_memory_end();
        CHECK_CASE((origin == NULL) == failed, "allocation %zu", n);
        tcp_origin_free(origin);
    }
    CHECK(n > 3);
    turned_loop_release(&turned);
}
