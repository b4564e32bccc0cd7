/* Sessions that do not ask whether their peer lives: what TCP delivers tells it. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"

#include <stdlib.h>

/* A client whose server greets, and then is played by hand. */
struct quiet {
    struct turned_loop turned;
    struct h2_scene scene;
    struct raw_peer peer;
    struct outbound *out;
    size_t failed;
};

static void on_failed(void *arg, const struct error *why)
{
    struct quiet *quiet = arg;
    CHECK(why->kind == ERROR_NETWORK);
    quiet->failed++;
}

static void begin(struct quiet *quiet)
{
    static const struct outbound_events events = {.on_failed = on_failed};
    static const char settings[] = "\0\0\0\4\0\0\0\0\0";
    struct request_head head;
    *quiet = (struct quiet){.out = NULL};
    turned_loop_init(&quiet->turned);
    quiet->scene.client.scene = &quiet->scene;
    quiet->scene.client.options = (struct h2_options){.is_quiet = true, .head_max = 64 * 1024};
    h2_end_open(&quiet->scene.client, &quiet->turned, raw_peer_open(&quiet->peer));
    CHECK_SIZE(raw_peer_put(&quiet->peer, span_make(settings, sizeof settings - 1)), 9);
    turned_loop_settle(&quiet->turned);
    request_head_init(&head);
    CHECK(buf_put_span(&head.method, SPAN("GET")) && buf_put_span(&head.target, SPAN("/")));
    head.ends_here = true;
    quiet->out = h2_session_open(quiet->scene.client.session, &head, NULL, &events, quiet, NULL);
    CHECK(quiet->out != NULL);
    request_head_release(&head);
    turned_loop_settle(&quiet->turned);
}

static void end(struct quiet *quiet)
{
    outbound_close(quiet->out);
    h2_end_close(&quiet->scene.client);
    raw_peer_close(&quiet->peer);
    turned_loop_pass(&quiet->turned, 5 * 1000);
    turned_loop_release(&quiet->turned);
}

TEST(a_peer_that_takes_what_it_is_sent_may_be_silent_and_hears_no_ping)
{
    struct quiet quiet;
    begin(&quiet);
    (void)raw_peer_hear(&quiet.peer, &quiet.turned);
    size_t heard = quiet.peer.got.len;
    CHECK(heard > 0);
    for (int i = 0; i < 100; i++) {
        turned_loop_pass(&quiet.turned, 30 * 1000);
        (void)raw_peer_hear(&quiet.peer, &quiet.turned);
    }
    CHECK_SIZE(quiet.peer.got.len, heard);
    CHECK_SIZE(quiet.scene.client.closed, 0);
    end(&quiet);
}

TEST(a_peer_that_takes_nothing_of_what_it_is_sent_is_lost_within_a_minute_or_so)
{
    struct quiet quiet;
    begin(&quiet);
    turned_loop_pass(&quiet.turned, H2_SETTINGS_LIMIT_MS + H2_PING_AFTER_MS - 1000);
    CHECK_SIZE(quiet.scene.client.closed, 0);
    turned_loop_pass(&quiet.turned, 2 * 1000);
    CHECK_SIZE(quiet.scene.client.closed, 1);
    CHECK(quiet.scene.client.why.kind == ERROR_TIMEOUT && quiet.failed == 1);
    end(&quiet);
}

TEST(a_silent_peer_is_asked_where_nothing_else_is_said)
{
    struct h2_scene scene;
    h2_scene_prepare(&scene);
    scene.server.options.is_quiet = true;
    h2_scene_open(&scene);
    size_t written = scene.turned.memory.bytes_written;
    turned_loop_pass(&scene.turned, H2_PING_AFTER_MS + 1000);
    CHECK(scene.turned.memory.bytes_written > written);
    h2_scene_end(&scene);
}
