/* A server session and header blocks that go on in CONTINUATION: what is too long in them costs one
 * stream, and the tables of both ends stay the same. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"
#include "support/must.h"

enum {
    HEAD_MAX = 256 * 1024,
    LITERAL = 0x00, /* representations whose name is a string */
    INDEXED = 0x40,
    NEVER = 0x10,
    NEWEST = 0xbe, /* the entry that was put last */
    PACKED = 0x80,
};

struct scene {
    struct h2_scene two; /* the server of which is used */
    struct raw_peer peer;
    struct buf out;
};

static void send_out(struct scene *scene, size_t step)
{
    struct span rest = buf_span(&scene->out);
    while (rest.len > 0) {
        size_t n = raw_peer_put(&scene->peer, span_first(rest, step));
        rest = span_skip(rest, n);
        turned_loop_settle(&scene->two.turned);
        if (n == 0)
            break;
    }
    buf_clear(&scene->out);
    turned_loop_settle(&scene->two.turned);
}

static void begin(struct scene *scene)
{
    h2_scene_prepare(&scene->two);
    scene->two.server.options.head_max = HEAD_MAX;
    h2_end_open(&scene->two.server, &scene->two.turned, raw_peer_open(&scene->peer));
    scene->out = (struct buf)BUF_LIMIT(64 * 1024 * 1024);
    must(buf_put_span(&scene->out, SPAN(WIRE_PREFACE)));
    wire_put_settings(&scene->out, 0, 0);
    wire_put_ack(&scene->out);
    send_out(scene, 1 << 20);
}

static void end(struct scene *scene)
{
    raw_peer_close(&scene->peer);
    buf_release(&scene->out);
    h2_scene_end(&scene->two);
}

/* ---- blocks ---- */

static void put_byte(struct buf *block, unsigned byte)
{
    must(buf_put_char(block, (char)byte));
}

/* A string of `len` letters; `code` is PACKED or 0. */
static void put_string(struct buf *block, unsigned code, size_t len)
{
    put_byte(block, code | (len < 127 ? (unsigned)len : 127));
    size_t more = len - 127;
    for (; len >= 127 && more >= 128; more >>= 7)
        put_byte(block, 128 | (more & 127));
    if (len >= 127)
        put_byte(block, (unsigned)more);
    char *room = len > 0 ? buf_room(block, len) : NULL;
    if (room) {
        for (size_t i = 0; i < len; i++) /* eight "a" are five bytes when packed */
            room[i] = code == PACKED ? "\x18\xc6\x31\x8c\x63"[i % 5] : 'q';
        buf_added(block, len);
    }
}

static void put_request(struct buf *block)
{
    wire_put_field(block, ":method", SPAN("GET"));
    wire_put_field(block, ":scheme", SPAN("https"));
    wire_put_field(block, ":path", SPAN("/"));
    wire_put_field(block, ":authority", SPAN("a.example"));
}

/* "x-n: `value`", which becomes the newest entry. */
static void put_entry(struct buf *block, char value)
{
    static const unsigned char entry[] = {INDEXED, 3, 'x', '-', 'n', 1};
    must(buf_put(block, entry, sizeof entry));
    put_byte(block, (unsigned char)value);
}

/* HEADERS and CONTINUATIONs of `size` bytes each; `flags` of the first frame. */
static void put_frames(struct buf *out, uint32_t stream, const struct buf *block, size_t size,
                       unsigned flags)
{
    struct span rest = buf_span(block);
    for (bool first = true; first || rest.len > 0; first = false) {
        struct span part = span_first(rest, size);
        rest = span_skip(rest, part.len);
        const struct wire_frame frame = {
            first ? WIRE_HEADERS : WIRE_CONTINUATION,
            (uint8_t)((first ? flags : 0) | (rest.len ? 0 : WIRE_END_HEADERS)), stream, part};
        wire_put(out, &frame);
    }
}

/* A request whose block ends with `field` (empty: with nothing). */
static void ask(struct scene *scene, uint32_t stream, const struct buf *field, size_t size)
{
    struct buf block = BUF_LIMIT(16 * 1024 * 1024);
    put_request(&block);
    must(buf_put_span(&block, buf_span(field)));
    put_frames(&scene->out, stream, &block, size, WIRE_END_STREAM);
    buf_release(&block);
}

static struct span newest_of(const struct desk_request *request)
{
    struct span value = SPAN("");
    return headers_find(&request->head.fields, SPAN("x-n"), &value) ? value : SPAN("");
}

/* ---- tests ---- */

static const struct {
    const char *what;
    unsigned kind;
    bool in_name;
    unsigned code;
    size_t len;   /* as it travels */
    size_t frame; /* of CONTINUATION */
    size_t step;  /* of what the socket brings at once */
    char newest;  /* entry of the table behind it; '0': emptied */
    size_t heard; /* bytes of the value that arrive; 0: it costs its stream */
} cases[] = {
    {"a value", LITERAL, false, 0, 70000, 16384, 1 << 20, '1', 70000},
    {"a value that is never put into the table", NEVER, false, 0, 70000, 16384, 1 << 20, '1',
     70000},
    {"a value for the table", INDEXED, false, 0, 70000, 16384, 1 << 20, '0', 70000},
    {"a packed value", LITERAL, false, PACKED, 70000, 16384, 1 << 20, '1', 112000},
    {"a packed value for the table", INDEXED, false, PACKED, 70000, 16384, 1 << 20, '0', 112000},
    {"a name", LITERAL, true, 0, 70000, 16384, 1 << 20, '1', 0},
    {"a name for the table", INDEXED, true, 0, 70000, 16384, 1 << 20, '0', 0},
    {"small frames", INDEXED, false, 0, 70000, 1200, 1 << 20, '0', 70000},
    {"small reads", INDEXED, false, PACKED, 70000, 16384, 777, '0', 112000},
    {"a packed value above the limit", INDEXED, false, PACKED, 170000, 16384, 1 << 20, '0', 0},
    {"a value above it", LITERAL, false, 0, 1126400, 16384, 1 << 20, '1', 0},
};

/* Did the second of three requests bring the long value, and what is the newest entry behind it? */
static void check_arrivals(struct scene *scene, size_t i)
{
    const struct desk *desk = &scene->two.desk;
    size_t count = cases[i].heard > 0 ? 3 : 2;
    CHECK_CASE(desk->count == count, "%s: %zu requests", cases[i].what, desk->count);
    if (desk->count != count)
        return;
    CHECK_CASE(newest_of(&desk->requests[count - 1]).data[0] == cases[i].newest,
               "%s: the table's newest is another", cases[i].what);
    if (cases[i].heard == 0)
        return;
    const struct headers *fields = &desk->requests[1].head.fields;
    struct span value = headers_at(fields, 0).value;
    char letter = cases[i].code == PACKED ? 'a' : 'q';
    CHECK_CASE(fields->count == 1 && value.len == cases[i].heard, "%s: %zu bytes", cases[i].what,
               value.len);
    CHECK_CASE(value.data[0] == letter && memcmp(value.data, value.data + 1, value.len - 1) == 0,
               "%s: it arrives otherwise", cases[i].what);
}

static void check_case(size_t i)
{
    struct scene scene;
    struct buf field = BUF_LIMIT(16 * 1024 * 1024);
    begin(&scene);
    put_entry(&field, '1');
    ask(&scene, 1, &field, 1 << 14);
    buf_clear(&field);
    put_byte(&field, cases[i].kind);
    put_string(&field, cases[i].in_name ? cases[i].code : 0, cases[i].in_name ? cases[i].len : 3);
    put_string(&field, cases[i].in_name ? 0 : cases[i].code, cases[i].in_name ? 3 : cases[i].len);
    ask(&scene, 3, &field, cases[i].frame);
    buf_clear(&field);
    if (cases[i].newest == '0')
        put_entry(&field, '0'); /* the only one now */
    else
        put_byte(&field, NEWEST);
    ask(&scene, 5, &field, 1 << 14);
    send_out(&scene, cases[i].step);
    CHECK_CASE(scene.two.server.closed == 0, "%s: the session ended: %s", cases[i].what,
               scene.two.server.why.text);
    check_arrivals(&scene, i);
    struct span heard = raw_peer_hear(&scene.peer, &scene.two.turned);
    CHECK_CASE((wire_count(heard, WIRE_HEADERS, 3, NULL) == 1) == (cases[i].heard == 0),
               "%s: no answer, or one too early", cases[i].what);
    CHECK_CASE(wire_count(heard, WIRE_GOAWAY, 0, NULL) == 0, "%s: GOAWAY", cases[i].what);
    buf_release(&field);
    end(&scene);
}

TEST(a_long_value_arrives_what_is_too_long_costs_its_stream_and_the_table_stays)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_case(i);
}

/* "`letter`: `len` bytes". */
static void put_long(struct buf *block, char letter, size_t len)
{
    const unsigned char name[] = {LITERAL, 1, (unsigned char)letter};
    must(buf_put(block, name, sizeof name));
    put_string(block, 0, len);
}

TEST(long_values_come_back_to_their_own_fields)
{
    static const size_t lens[] = {3, 70000, 0, 65536, 65537, 5, 80000};
    struct scene scene;
    struct buf block = BUF_LIMIT(1024 * 1024);
    begin(&scene);
    put_byte(&block, 0x3f); /* a new size of the table, which is no field: 4096 */
    must(buf_put(&block, "\xe1\x1f", 2));
    put_request(&block);
    for (size_t i = 0; i < 3; i++)
        put_entry(&block, 'e');
    for (size_t i = 0; i < 4; i++)
        put_long(&block, (char)('a' + i), lens[i]);
    put_byte(&block, NEWEST);
    put_frames(&scene.out, 1, &block, 16384, WIRE_END_STREAM);
    buf_clear(&block);
    put_request(&block);
    for (size_t i = 4; i < ARRAY_LEN(lens); i++)
        put_long(&block, (char)('a' + i), lens[i]);
    put_frames(&scene.out, 3, &block, 16384, WIRE_END_STREAM);
    send_out(&scene, 1 << 20);
    REQUIRE(scene.two.desk.count == 2);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        const char name[] = {(char)('a' + i), '\0'};
        struct span value = SPAN_NONE;
        const struct desk_request *request = &scene.two.desk.requests[i / 4];
        CHECK_CASE(headers_find(&request->head.fields, span_of(name), &value) &&
                       value.len == lens[i],
                   "%s: %zu bytes", name, value.len);
    }
    CHECK_SIZE(headers_count_of(&scene.two.desk.requests[0].head.fields, SPAN("x-n")), 4);
    buf_release(&block);
    end(&scene);
}

/* What comes of a request whose last fields were made by hand. */
static const char *verdict_on(const struct buf *fields)
{
    struct scene scene;
    begin(&scene);
    ask(&scene, 1, fields, 16384);
    send_out(&scene, 1 << 20);
    CHECK_SIZE(scene.two.server.closed, 0);
    struct span heard = raw_peer_hear(&scene.peer, &scene.two.turned);
    const char *verdict = "nothing";
    if (scene.two.desk.count == 1)
        verdict = "taken";
    else if (wire_count(heard, WIRE_HEADERS, 1, NULL) == 1)
        verdict = "answered";
    else if (wire_count(heard, WIRE_RST_STREAM, 1, NULL) == 1)
        verdict = "reset";
    end(&scene);
    return verdict;
}

TEST(a_long_value_is_judged_as_any_other)
{
    static const char bad[] = {'\0', '\n', '\r', 0x7f};
    struct buf fields = BUF_LIMIT(1024 * 1024);
    for (size_t i = 0; i < sizeof bad; i++) {
        buf_clear(&fields);
        put_long(&fields, 'a', 70000);
        fields.data[fields.len / 2] = bad[i];
        CHECK_TEXT(verdict_on(&fields), "reset");
    }
    buf_clear(&fields);
    put_long(&fields, 'a', 70000);
    CHECK_TEXT(verdict_on(&fields), "taken");
    for (size_t i = 0; i < 3; i++)
        put_long(&fields, 'b', 70000); /* 280,000 bytes in all */
    CHECK_TEXT(verdict_on(&fields), "answered");
    buf_release(&fields);
}

TEST(a_table_that_was_emptied_has_no_older_entries)
{
    struct scene scene;
    struct buf field = BUF_LIMIT(1024 * 1024);
    begin(&scene);
    put_entry(&field, '1');
    put_byte(&field, INDEXED);
    put_string(&field, 0, 3);
    put_string(&field, 0, 70000);
    ask(&scene, 1, &field, 16384);
    buf_clear(&field);
    put_byte(&field, NEWEST);
    ask(&scene, 3, &field, 16384);
    send_out(&scene, 1 << 20);
    CHECK_SIZE(scene.two.server.closed, 1); /* nobody knows which entry that is */
    CHECK_SIZE(scene.two.desk.count, 1);
    buf_release(&field);
    end(&scene);
}

TEST(what_fits_passes_unchanged_however_it_is_cut)
{
    static const size_t sizes[] = {1, 7, 100, 5000, 16384};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct scene scene;
        struct buf fields = BUF_LIMIT(1024 * 1024);
        size_t count = sizes[i] <= 100 ? 2 : 60; /* frames are counted, too */
        begin(&scene);
        for (size_t k = 0; k < count; k++) {
            put_byte(&fields, k % 2 ? INDEXED : NEVER);
            put_string(&fields, 0, 1 + k);
            put_string(&fields, 0, sizes[i] <= 100 ? 5 : 50 * k);
        }
        ask(&scene, 1, &fields, sizes[i]);
        send_out(&scene, 1000 + i);
        CHECK_CASE(scene.two.desk.count == 1, "size %zu: %s", sizes[i], scene.two.server.why.text);
        const struct headers *got = &scene.two.desk.requests[0].head.fields;
        CHECK_SIZE(got->count, count);
        for (size_t k = 0; k < got->count; k++) {
            CHECK_SIZE(headers_at(got, k).name.len, 1 + k);
            CHECK_SIZE(headers_at(got, k).value.len, sizes[i] <= 100 ? 5 : 50 * k);
        }
        buf_release(&fields);
        end(&scene);
    }
}

TEST(padding_and_priority_of_a_block_that_goes_on_are_taken_off)
{
    static const unsigned char front[] = {4, 0, 0, 0, 0, 9}; /* padding; priority */
    enum { PRIORITY = 0x20, HALF = 10 };
    struct scene scene;
    struct buf block = BUF_LIMIT(1024);
    struct buf first = BUF_LIMIT(1024);
    begin(&scene);
    put_request(&block);
    must(buf_put(&first, front, sizeof front) && buf_put(&first, block.data, HALF) &&
         buf_put(&first, "\0\0\0\0", 4));
    wire_put(&scene.out,
             &(struct wire_frame){WIRE_HEADERS, WIRE_END_STREAM | WIRE_PADDED | PRIORITY, 1,
                                  buf_span(&first)});
    wire_put(&scene.out, &(struct wire_frame){WIRE_CONTINUATION, WIRE_END_HEADERS, 1,
                                              span_skip(buf_span(&block), HALF)});
    send_out(&scene, 3);
    REQUIRE(scene.two.desk.count == 1);
    CHECK_SPAN(buf_span(&scene.two.desk.requests[0].head.authority), SPAN("a.example"));
    buf_release(&block);
    buf_release(&first);
    end(&scene);
}

TEST(a_block_that_is_none_ends_the_session)
{
    static const struct {
        const char *what;
        uint8_t type;
        uint32_t stream;
        struct span first, second;
    } broken[] = {
        {"another frame in between", WIRE_PING, 0, SPAN_INIT("\x82"), SPAN_INIT("12345678")},
        {"another stream's", WIRE_CONTINUATION, 3, SPAN_INIT("\x82"), SPAN_INIT("\x87")},
        {"a string beyond its end", WIRE_CONTINUATION, 1, SPAN_INIT("\x82"),
         SPAN_INIT("\x40\x7e"
                   "ab")},
        {"a number without an end", WIRE_CONTINUATION, 1, SPAN_INIT("\x82"),
         SPAN_INIT("\x40\x7f\xff\xff\xff\xff\xff\xff")},
        {"an index without an end", WIRE_CONTINUATION, 1, SPAN_INIT("\x82"),
         SPAN_INIT("\xff\xff\xff\xff\xff\xff\xff\xff")},
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct scene scene;
        begin(&scene);
        wire_put(&scene.out, &(struct wire_frame){WIRE_HEADERS, 0, 1, broken[i].first});
        wire_put(&scene.out, &(struct wire_frame){broken[i].type, WIRE_END_HEADERS,
                                                  broken[i].stream, broken[i].second});
        send_out(&scene, 1 << 20);
        CHECK_CASE(scene.two.server.closed == 1, "%s", broken[i].what);
        end(&scene);
    }
}
