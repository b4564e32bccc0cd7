/* Streams of bytes as the peer was recorded with them (vectors/origin): what the edge and the
 * origin saw, except for what we want to be otherwise. */
#include "culvert/http/ws_frame.h"
#include "culvert/origin/tcp_origin.h"
#include "culvert/tunnel/user_headers.h"

#include "harness.h"
#include "support/byte_origin.h"
#include "support/ends.h"
#include "support/heard_frames.h"
#include "support/lone_connector.h"
#include "support/vectors.h"

#include <stdlib.h>

enum { STEP_MS = 150, TEXT_LIMIT = 256 * 1024 };

/* What differs, and why: chapter 17's row, or the "Better" of a chapter. Besides, an end has a
 * close frame in front of it (12.2): 1000 unless the text here says another. NULL: as recorded. */
static const struct {
    const char *name, *heard, *got;
    const char *why;
} wanted[] = {
    {"text-frame-dropped", "BANNER\necho:textecho:after", "textafter", "row 12"},
    {"edge-ends-stream", "BANNER\necho:x[close 1000][end]", NULL, "row 9"},
    {"plain-get-ended", "BANNER\n[close 1000][end]", NULL, "row 9"},
    {"fragmented", "BANNER\necho:part1echo:part2", NULL, "row 10: passed on as it comes"},
    {"frame-20000-truncated-to-16384", "BANNER\necho:zzz... 20000", "zzz... 20000", "row 10"},
    {"origin-half-close-ends-all", NULL, "halfafter", "row 9"},
    {"unmasked-frame-refused", "BANNER\n[close 1002][end]", NULL, "12.2: 1002 for bad frames"},
    {"reserved-opcode", "BANNER\n[close 1002][end]", NULL, "12.2: the same"},
    {"not-a-frame", "BANNER\n[close 1002][end]", NULL, "12.2: the same"},
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- the parties ---- */

struct scene {
    struct lone_connector lone;
    struct byte_origin origin;
    bool is_raw;
};

static struct snapshot *recorded_rules(void)
{
    struct doc *configs = vectors_open("origin/configs.json");
    struct span text = SPAN_NONE;
    must(doc_read_text(configs, "streams", &text, NULL));
    struct snapshot *snapshot = ends_rules(text.data);
    doc_free(configs);
    return snapshot;
}

static void scene_open(struct scene *scene)
{
    static const struct resolver_entry names[] = {{"localhost", "127.0.0.1"}};
    struct lone_connector *lone = &scene->lone;
    lone_connector_open(lone);
    snapshot_unref(lone->snapshot);
    lone->snapshot = lone->options.snapshot = recorded_rules();
    resolver_free(lone->resolver);
    lone->resolver = resolver_new_table(lone->loop, names, ARRAY_LEN(names));
    lone->options.connections = 1;
    must(lone->resolver != NULL);
    byte_origin_open(&scene->origin, lone->loop, &lone->memory, "127.0.0.1:28010");
    lone_connector_start(lone);
    lone_connector_pass(lone, STEP_MS);
    must(fake_edge_registered(&lone->edge) == 1);
}

static void scene_close(struct scene *scene)
{
    byte_origin_close(&scene->origin);
    lone_connector_close(&scene->lone);
}

/* ---- the edge's part ---- */

/* "zzz...(20000 bytes)" is shortened. */
static void put_text(struct buf *to, const struct doc *value, int64_t len)
{
    struct buf bytes = BUF_LIMIT(TEXT_LIMIT);
    struct span text = vectors_text_bytes(value, &bytes);
    const char *cut = text.len > 0 ? memmem(text.data, text.len, "...(", 4) : NULL;
    size_t shown = cut ? (size_t)(cut - text.data) : text.len;
    size_t whole = cut ? strtoul(cut + 4, NULL, 10) : text.len;
    if (cut && len > 0)
        whole = (size_t)len;
    must(buf_put_span(to, span_first(text, shown)));
    while (cut && shown++ < whole)
        must(buf_put_char(to, cut[-1]));
    buf_release(&bytes);
}

static void put_bytes(struct buf *to, const struct doc *object, const char *key)
{
    int64_t len = 0;
    must(doc_read_int(object, "len", &len, NULL));
    put_text(to, doc_get(object, key), len);
}

static void say_frame(struct ask *ask, const struct doc *frame)
{
    static const unsigned char mask[WS_MASK_SIZE] = {0xa1, 0xb2, 0xc3, 0xd4};
    unsigned char head[WS_HEAD_MAX];
    struct buf payload = BUF_LIMIT(TEXT_LIMIT);
    int64_t opcode = 0;
    bool is_masked = true;
    bool is_last = true;
    must(doc_read_int(frame, "opcode", &opcode, NULL) &&
         doc_read_bool(frame, "masked", &is_masked, NULL) &&
         doc_read_bool(frame, "fin", &is_last, NULL));
    put_bytes(&payload, frame, "payload");
    size_t len = is_masked ? ws_head_write_masked(head, (enum ws_opcode)opcode, payload.len, mask)
                           : ws_head_write(head, (enum ws_opcode)opcode, payload.len);
    if (!is_last)
        head[0] &= 0x7f;
    if (is_masked && payload.len > 0)
        ws_mask_apply(payload.data, payload.data, payload.len, mask, 0);
    ask_put(ask, span_make(head, len));
    ask_put(ask, buf_span(&payload));
    buf_release(&payload);
}

static void say(struct ask *ask, const struct doc *part)
{
    bool ends = false;
    struct buf bytes = BUF_LIMIT(TEXT_LIMIT);
    must(doc_read_bool(part, "end_stream", &ends, NULL));
    put_bytes(&bytes, part, doc_get(part, "raw") ? "raw" : "data");
    if (doc_get(part, "opcode"))
        say_frame(ask, part);
    else
        ask_put(ask, buf_span(&bytes));
    if (ends)
        ask_end(ask);
    buf_release(&bytes);
}

static bool is_true(const struct doc *object, const char *key)
{
    bool truth = false;
    must(doc_read_bool(object, key, &truth, NULL));
    return truth;
}

static void play(struct scene *scene, const struct doc *recorded, struct ask *ask)
{
    const struct doc *fields = doc_get(recorded, "edge_headers");
    const struct doc *parts = doc_get(recorded, "edge_sends");
    bool stays = is_true(recorded, "leaves_stream_open");
    struct span host = SPAN_NONE;
    ask_init(ask, "GET", "/");
    buf_clear(&ask->head.authority);
    must(doc_read_text(recorded, "host", &host, NULL) && buf_put_span(&ask->head.authority, host) &&
         buf_put_span(&ask->head.scheme, SPAN("https")));
    for (size_t i = 0; i < doc_count(fields); i++) {
        struct span name;
        struct span value;
        must(doc_as_text(doc_at(doc_at(fields, i), 0), &name) &&
             doc_as_text(doc_at(doc_at(fields, i), 1), &value) &&
             headers_add(&ask->head.fields, name, value, NULL));
    }
    if (stays || doc_count(parts) > 0)
        ask_announce(ask, LENGTH_UNKNOWN);
    must(ask_send(ask, &scene->lone.edge.connections[0].opener));
    for (size_t i = 0; i < doc_count(parts); i++) {
        lone_connector_pass(&scene->lone, STEP_MS);
        say(ask, doc_at(parts, i));
    }
    if (!stays && doc_count(parts) > 0)
        ask_end(ask);
    lone_connector_pass(&scene->lone, 2 * TCP_ORIGIN_CLOSE_MS);
}

/* ---- comparing ---- */

static void put_end(struct buf *text, bool in_frames)
{
    struct span said = buf_span(text);
    if (in_frames && !span_ends(said, SPAN("]")) && !buf_put_span(text, SPAN("[close 1000]")))
        abort();
    must(buf_put_span(text, SPAN("[end]")));
}

/* Bytes of an answer as text. A success of SOCKS5 tells the local address, which a pair in memory
 * does not have. */
static void read_frames(struct scene *scene, struct span bytes, struct buf *text)
{
    struct heard_frames heard;
    if (scene->is_raw) {
        must(buf_put_span(text, bytes));
        return;
    }
    heard_frames_init(&heard);
    heard_frames_take(&heard, bytes);
    char *success = heard.text.len > 0
                        ? memmem(heard.text.data, heard.text.len, "\x05\0\0\x01\x7f\0\0\x01", 8)
                        : NULL;
    if (success)
        memset(success + 4, 0, 6);
    must(buf_put_span(text, buf_span(&heard.text)));
    heard_frames_release(&heard);
}

static void expect_heard(struct scene *scene, const struct doc *frames, struct buf *text)
{
    struct buf bytes = BUF_LIMIT(TEXT_LIMIT);
    bool ended = false;
    for (size_t i = 1; i < doc_count(frames); i++) {
        put_bytes(&bytes, doc_at(frames, i), "data");
        ended = ended || is_true(doc_at(frames, i), "end");
    }
    read_frames(scene, buf_span(&bytes), text);
    if (ended)
        put_end(text, !scene->is_raw);
    buf_release(&bytes);
}

static void expect_got(const struct doc *saw, struct buf *text)
{
    for (size_t i = 0; i < doc_count(saw); i++) {
        const struct doc *event = doc_at(saw, i);
        struct span name;
        if (doc_as_text(doc_at(event, 0), &name) && span_equal(name, SPAN("data")))
            put_text(text, doc_at(event, 1), 0);
    }
}

/* "zzz... N" stands for N of them. */
static bool is_long(struct span text, const char *want)
{
    const char *dots = strstr(want, "zzz... ");
    size_t before = dots ? (size_t)(dots - want) : 0;
    if (!dots || text.len != before + strtoul(dots + 7, NULL, 10) ||
        memcmp(text.data, want, before) != 0)
        return false;
    for (size_t i = before; i < text.len; i++)
        if (text.data[i] != 'z')
            return false;
    return true;
}

static void compare(const char *name, const char *what, struct span got, struct span want)
{
    if (want.len > 0 && memmem(want.data, want.len, "zzz... ", 7)) {
        CHECK_CASE(is_long(got, want.data), "%s: %s: %zu bytes", name, what, got.len);
        return;
    }
    CHECK_CASE(span_equal(got, want), "%s: %s: \"%.*s\", not \"%.*s\"", name, what,
               SPAN_ARG(span_first(got, 200)), SPAN_ARG(span_first(want, 200)));
}

static void compare_head(const char *name, const struct ask *ask, const struct doc *frame)
{
    const struct doc *fields = doc_get(frame, "fields");
    const struct doc *user = doc_get(frame, "user");
    struct headers unpacked;
    struct span packed = SPAN_NONE;
    headers_init(&unpacked);
    CHECK_CASE(headers_find(&ask->got.fields, SPAN(USER_HEADERS_FIELD), &packed) == (user != NULL),
               "%s: the packed field", name);
    must(user_headers_unpack(packed, &unpacked, NULL));
    CHECK_CASE(unpacked.count == doc_count(user), "%s: %zu fields", name, unpacked.count);
    for (size_t i = 0; i < doc_count(fields) + doc_count(user); i++) {
        bool plain = i < doc_count(fields);
        const struct doc *field = plain ? doc_at(fields, i) : doc_at(user, i - doc_count(fields));
        struct span key = SPAN_NONE;
        struct span want = SPAN_NONE;
        struct span got = SPAN_NONE;
        char status[SPAN_U64_SIZE];
        must(doc_as_text(doc_at(field, 0), &key) && doc_as_text(doc_at(field, 1), &want));
        if (span_equal(key, SPAN(":status")))
            got = span_from_u64((uint64_t)ask->status, status);
        else if (span_equal(key, SPAN("content-length")))
            got = span_from_u64((uint64_t)ask->got.length, status);
        else
            (void)headers_find(plain ? &ask->got.fields : &unpacked, key, &got);
        CHECK_CASE(span_equal(got, want), "%s: %.*s is %.*s", name, SPAN_ARG(key), SPAN_ARG(got));
    }
    headers_release(&unpacked);
}

static void compare_case(struct scene *scene, const struct doc *recorded, struct ask *ask)
{
    const struct doc *frames = doc_get(recorded, "edge_received");
    struct buf want = BUF_LIMIT(TEXT_LIMIT);
    struct buf got = BUF_LIMIT(TEXT_LIMIT);
    struct buf at_origin = BUF_LIMIT(TEXT_LIMIT);
    struct span name = SPAN_NONE;
    must(doc_read_text(recorded, "name", &name, NULL));
    compare_head(name.data, ask, doc_at(frames, 0));
    expect_heard(scene, frames, &want);
    expect_got(doc_get(recorded, "origin_saw"), &at_origin);
    read_frames(scene, buf_span(&ask->text), &got);
    if (ask->done && ask->status == 200)
        must(buf_put_span(&got, SPAN("[end]")));
    struct span heard = buf_span(&want);
    struct span origin = buf_span(&at_origin);
    if (ask->status != 200)
        heard = SPAN("");
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (!span_equal(name, span_of(wanted[i].name)) || scene->is_raw)
            continue;
        heard = wanted[i].heard ? span_of(wanted[i].heard) : heard;
        origin = wanted[i].got ? span_of(wanted[i].got) : origin;
    }
    compare(name.data, "the edge heard", buf_span(&got), heard);
    compare(name.data, "the origin got", buf_span(&scene->origin.got), origin);
    CHECK_CASE((scene->origin.accepted > 0) == (doc_count(doc_get(recorded, "origin_saw")) > 0),
               "%s: accepted", name.data);
    buf_release(&want);
    buf_release(&got);
    buf_release(&at_origin);
}

static void replay(const char *file, bool is_raw, size_t count)
{
    struct doc *cases = vectors_open(file);
    REQUIRE(cases != NULL);
    CHECK_SIZE(doc_count(cases), count);
    for (size_t i = 0; i < doc_count(cases); i++) {
        struct scene scene = {.is_raw = is_raw};
        struct ask ask;
        scene_open(&scene);
        play(&scene, doc_at(cases, i), &ask);
        compare_case(&scene, doc_at(cases, i), &ask);
        ask_close(&ask);
        lone_connector_pass(&scene.lone, STEP_MS);
        CHECK_CASE(scene.origin.open == 0, "case %zu of %s: not closed", i, file);
        ask_release(&ask);
        scene_close(&scene);
    }
    doc_free(cases);
}

TEST(recorded_streams_of_tcp_behind_websocket)
{
    replay("origin/tcp-over-websocket.json", false, 19);
}

TEST(recorded_streams_of_a_bastion)
{
    replay("origin/bastion.json", false, 15);
}

TEST(recorded_streams_of_socks)
{
    replay("origin/socks.json", false, 23);
}

TEST(recorded_streams_into_the_private_network)
{
    replay("origin/warp-tcp.json", true, 9);
}
