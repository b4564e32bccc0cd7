/* See the header. */
#include "support/byte_scene.h"

#include "support/scarce_memory.h"

#include <stdlib.h>

enum { HEARD_MAX = 64 * 1024 * 1024, REQUEST_ROOM = 64 * 1024 * 1024 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- the outbound's events ---- */

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
    abort();
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct byte_scene *scene = arg;
    must(scene->status == 0);
    scene->status = head->status;
    scene->answer = body;
    scarce_memory_pause();
    for (size_t i = 0; i < head->fields.count; i++) {
        struct header field = headers_at(&head->fields, i);
        must(buf_printf(&scene->fields, "%.*s: %.*s\n", SPAN_ARG(field.name),
                        SPAN_ARG(field.value)));
    }
    scarce_memory_go_on();
}

static void on_done(void *arg)
{
    struct byte_scene *scene = arg;
    must(!scene->done && !scene->failed);
    scene->done = true;
}

static void on_failed(void *arg, const struct error *why)
{
    struct byte_scene *scene = arg;
    must(!scene->done && !scene->failed);
    scene->failed = true;
    scene->why = *why;
}

static void on_half_closed(void *arg)
{
    struct byte_scene *scene = arg;
    scene->half_closed = true;
}

static const struct outbound_events events = {on_inform, on_answer, on_done, on_failed,
                                              on_half_closed};

/* ---- the scene ---- */

static void on_accept(void *arg, int fd)
{
    struct byte_scene *scene = arg;
    must(scene->peer_count < BYTE_SCENE_ORIGINS_MAX);
    scene->peers[scene->peer_count++] = (struct raw_peer){.fd = fd, .got = BUF_LIMIT(HEARD_MAX)};
}

void byte_scene_open(struct byte_scene *scene, const struct tcp_origin_options *options)
{
    static const struct resolver_entry names[] = {
        {"localhost", "127.0.0.1"},           {"both.test", "10.0.0.1"},
        {"both.test", "127.0.0.1"},           {"turned.test", "10.0.0.1"},
        {RESOLVER_NAME_SERVERS, "127.0.0.1"},
    };
    struct tcp_origin_options own = *options;
    struct error err;
    *scene = (struct byte_scene){.fields = BUF_LIMIT(4096)};
    turned_loop_init(&scene->turned);
    scene->resolver = resolver_new_table(scene->turned.loop, names, ARRAY_LEN(names));
    must(scene->resolver != NULL);
    own.resolver = scene->resolver;
    scene->is_raw = own.kind == TCP_ORIGIN_PRIVATE;
    scene->origin = tcp_origin_new(scene->turned.loop, &own, &err);
    request_head_init(&scene->head);
    must(scene->origin && buf_put_span(&scene->head.method, SPAN("GET")));
    heard_frames_init(&scene->frames);
    scene->request.bytes = channel_new(REQUEST_ROOM / 2, REQUEST_ROOM, NULL, NULL);
    must(scene->request.bytes != NULL);
}

void byte_scene_let_go(struct byte_scene *scene)
{
    outbound_close(scene->out);
    scene->out = NULL;
    scene->answer = NULL;
    turned_loop_settle(&scene->turned);
}

void byte_scene_close(struct byte_scene *scene)
{
    byte_scene_let_go(scene);
    tcp_origin_free(scene->origin);
    for (size_t i = 0; i < scene->peer_count; i++)
        raw_peer_close(&scene->peers[i]);
    turned_loop_settle(&scene->turned);
    channel_free(scene->request.bytes);
    request_head_release(&scene->head);
    resolver_free(scene->resolver);
    buf_release(&scene->fields);
    heard_frames_release(&scene->frames);
    turned_loop_release(&scene->turned);
}

void byte_scene_serve(struct byte_scene *scene, const char *at)
{
    memory_sockets_serve(&scene->turned.memory, at, on_accept, scene);
}

bool byte_scene_ask(struct byte_scene *scene)
{
    scene->out = opener_open(tcp_origin_opener(scene->origin), &scene->head, &scene->request,
                             &events, scene, &scene->why);
    turned_loop_settle(&scene->turned);
    return scene->out != NULL;
}

/* ---- the client ---- */

void byte_scene_say(struct byte_scene *scene, struct span bytes)
{
    must(channel_put(scene->request.bytes, bytes.data, bytes.len) == bytes.len);
    turned_loop_settle(&scene->turned);
}

void byte_scene_frame(struct byte_scene *scene, enum ws_opcode opcode, struct span payload)
{
    static const unsigned char mask[WS_MASK_SIZE] = {0x12, 0x34, 0x56, 0x78};
    unsigned char head[WS_HEAD_MAX];
    char *masked = malloc(payload.len + 1);
    must(masked != NULL);
    size_t len = ws_head_write_masked(head, opcode, payload.len, mask);
    ws_mask_apply(masked, payload.data, payload.len, mask, 0);
    must(channel_put(scene->request.bytes, head, len) == len);
    byte_scene_say(scene, span_make(masked, payload.len));
    free(masked);
}

void byte_scene_end(struct byte_scene *scene)
{
    channel_end(scene->request.bytes);
    turned_loop_settle(&scene->turned);
}

static void hear(struct byte_scene *scene)
{
    struct channel *bytes = scene->answer->bytes;
    struct span part;
    while ((part = channel_peek(bytes)).len > 0) {
        scarce_memory_pause();
        if (scene->is_raw)
            must(buf_put_span(&scene->frames.text, part));
        else
            heard_frames_take(&scene->frames, part);
        scarce_memory_go_on();
        channel_drop(bytes, part.len);
        turned_loop_settle(&scene->turned);
    }
    scarce_memory_pause();
    if (channel_is_done(bytes) && !span_ends(buf_span(&scene->frames.text), SPAN("[end]")))
        must(buf_put_span(&scene->frames.text, SPAN("[end]")));
    scarce_memory_go_on();
}

const char *byte_scene_hear(struct byte_scene *scene)
{
    turned_loop_settle(&scene->turned);
    if (scene->answer)
        hear(scene);
    return buf_text(&scene->frames.text);
}

struct span byte_scene_got(struct byte_scene *scene, size_t index)
{
    return raw_peer_hear(&scene->peers[index], &scene->turned);
}
