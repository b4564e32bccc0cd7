/* The cuts: whole, byte by byte, in two at each place, at random. */
#include "support/h1_cuts.h"

#include "culvert/http/h1_body.h"
#include "culvert/http/h1_request.h"
#include "culvert/http/h1_response.h"
#include "harness.h"
#include "support/must.h"

#include <inttypes.h>

enum {
    RANDOM_ROUNDS = 8,
    TWO_PIECES_MAX = 512,  /* longer inputs are cut in two at some places only */
    EVERY_BYTE_MAX = 8192, /* longer ones are not shown byte by byte */
};

/* Says how long the next piece is, given what was shown and what there is. */
struct cutter {
    size_t (*next)(struct cutter *cutter, size_t shown, size_t len);
    size_t at;
    uint32_t seed;
};

static size_t cut_whole(struct cutter *cutter, size_t shown, size_t len)
{
    (void)cutter;
    (void)shown;
    return len;
}

static size_t cut_bytes(struct cutter *cutter, size_t shown, size_t len)
{
    (void)cutter;
    (void)len;
    return shown + 1;
}

static size_t cut_at(struct cutter *cutter, size_t shown, size_t len)
{
    return shown < cutter->at ? cutter->at : len;
}

static size_t cut_random(struct cutter *cutter, size_t shown, size_t len)
{
    cutter->seed = cutter->seed * 1664525u + 1013904223u;
    size_t end = shown + 1 + (cutter->seed >> 16) % 24;
    return end < len ? end : len;
}

/* A copy in memory of its exact size, so that a read past its end is seen. */
static struct span exact(struct span s, char **memory)
{
    *memory = malloc(s.len ? s.len : 1);
    if (!*memory)
        abort();
    if (s.len)
        memcpy(*memory, s.data, s.len);
    return span_make(*memory, s.len);
}

static void tell_span(struct buf *story, struct span s)
{
    must(buf_put_span(story, s));
}

static void tell_fields(struct buf *story, const struct headers *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        tell_span(story, field.name);
        must(buf_printf(story, ": "));
        tell_span(story, field.value);
        must(buf_printf(story, "\n"));
    }
}

static void tell_framing(struct buf *story, const struct h1_framing *framing)
{
    static const char *const kinds[] = {
        [H1_BODY_NONE] = "",
        [H1_BODY_LENGTH] = " length=",
        [H1_BODY_CHUNKED] = " chunked",
        [H1_BODY_UNTIL_CLOSE] = " until-close",
    };
    must(buf_printf(story, "%s", kinds[framing->body]));
    if (framing->body == H1_BODY_LENGTH)
        must(buf_printf(story, "%" PRId64, framing->length));
    must(buf_printf(story, "%s%s", framing->keep_alive ? "" : " close",
                    framing->is_lenient ? " lenient" : ""));
    if (framing->switches)
        must(buf_put_span(story, SPAN(" switches")));
    if (framing->upgrade[0])
        must(buf_printf(story, " upgrade=%s", framing->upgrade));
}

static void request_story(struct span bytes, struct cutter *cutter, struct buf *story)
{
    struct request_head head;
    struct h1_parser parser;
    struct h1_framing framing;
    struct h1_refusal why;
    enum h1_verdict verdict = H1_MORE;
    request_head_init(&head);
    h1_parser_reset(&parser, &h1_request_limits);
    for (size_t shown = 0; verdict == H1_MORE && shown < bytes.len;) {
        char *memory;
        shown = cutter->next(cutter, shown, bytes.len);
        verdict = h1_parse_request(&parser, exact(span_first(bytes, shown), &memory), &head,
                                   &framing, &why);
        free(memory);
    }
    if (verdict == H1_BAD)
        must(buf_printf(story, "refused %d %s", why.status, why.text));
    if (verdict == H1_DONE) {
        must(buf_printf(story, "%s %s", buf_text(&head.method), buf_text(&head.scheme)));
        must(buf_printf(story, "%s%s ", head.scheme.len ? "://" : "", buf_text(&head.authority)));
        tell_span(story, buf_span(&head.target));
        tell_framing(story, &framing);
        must(buf_printf(story, "%s%s\n", head.is_http10 ? " 1.0" : "",
                        head.wants_continue ? " continue" : ""));
        tell_fields(story, &head.fields);
        must(buf_printf(story, "used %zu", parser.used));
        CHECK(head.ends_here == (framing.body == H1_BODY_NONE));
        CHECK(head.length == (head.ends_here ? 0 : framing.length));
    }
    request_head_release(&head);
}

static void answer_story(struct span bytes, bool to_head, struct cutter *cutter, struct buf *story)
{
    struct response_head head;
    struct h1_parser parser;
    struct h1_framing framing;
    struct error err;
    enum h1_verdict verdict = H1_MORE;
    response_head_init(&head);
    h1_response_reset(&parser, &h1_response_limits, to_head);
    for (size_t shown = 0; verdict == H1_MORE && shown < bytes.len;) {
        char *memory;
        shown = cutter->next(cutter, shown, bytes.len);
        verdict = h1_parse_response(&parser, exact(span_first(bytes, shown), &memory), &head,
                                    &framing, &err);
        free(memory);
    }
    if (verdict == H1_BAD)
        must(buf_printf(story, "refused %s %s", error_kind_name(err.kind), err.text));
    if (verdict == H1_DONE) {
        must(buf_printf(story, "%d", head.status));
        tell_framing(story, &framing);
        if (head.ends_here && head.length != LENGTH_UNKNOWN)
            must(buf_printf(story, " (%" PRId64 ")", head.length));
        must(buf_printf(story, "\n"));
        tell_fields(story, &head.fields);
        must(buf_printf(story, "used %zu", parser.used));
        CHECK(head.ends_here == (framing.body == H1_BODY_NONE));
    }
    response_head_release(&head);
}

static void body_story(struct span bytes, bool is_answer, struct cutter *cutter, struct buf *story)
{
    struct h1_framing framing = {.body = H1_BODY_CHUNKED, .length = LENGTH_UNKNOWN};
    struct h1_body body;
    struct error err;
    enum h1_verdict verdict = H1_MORE;
    size_t done = 0;
    h1_body_init(&body, &framing, is_answer);
    for (size_t shown = 0; verdict == H1_MORE && shown < bytes.len;) {
        shown = cutter->next(cutter, shown, bytes.len);
        while (verdict == H1_MORE && done < shown) {
            char *memory;
            size_t used;
            struct span payload;
            struct span piece = exact(span_skip(span_first(bytes, shown), done), &memory);
            verdict = h1_body_feed(&body, piece, &used, &payload, &err);
            tell_span(story, payload);
            done += used;
            free(memory);
        }
    }
    must(buf_printf(story, "|"));
    tell_fields(story, &body.trailers);
    if (verdict == H1_BAD)
        must(buf_printf(story, "|refused %s %s", error_kind_name(err.kind), err.text));
    else if (verdict == H1_DONE)
        must(buf_printf(story, "|used %zu", done));
    CHECK(h1_body_is_done(&body) == (verdict == H1_DONE));
    h1_body_release(&body);
}

static void one_story(enum h1_cut what, struct span bytes, struct cutter *cutter, struct buf *story)
{
    buf_clear(story);
    if (what == H1_CUT_REQUEST)
        request_story(bytes, cutter, story);
    else if (what == H1_CUT_ANSWER || what == H1_CUT_ANSWER_TO_HEAD)
        answer_story(bytes, what == H1_CUT_ANSWER_TO_HEAD, cutter, story);
    else
        body_story(bytes, what == H1_CUT_CHUNKED_ANSWER, cutter, story);
    if (story->len == 0)
        must(buf_printf(story, "more"));
}

static void compare(enum h1_cut what, struct span bytes, struct cutter *cutter,
                    const struct buf *want)
{
    struct buf story = BUF_LIMIT(SIZE_MAX / 2);
    one_story(what, bytes, cutter, &story);
    CHECK_CASE(span_equal(buf_span(&story), buf_span(want)),
               "cut at %zu of %zu tells \"%.300s\" and not \"%.300s\"", cutter->at, bytes.len,
               buf_text(&story), buf_text(want));
    buf_release(&story);
}

void h1_cuts(enum h1_cut what, struct span bytes, struct buf *story)
{
    struct cutter whole = {.next = cut_whole};
    one_story(what, bytes, &whole, story);
    if (bytes.len <= EVERY_BYTE_MAX) {
        struct cutter single = {.next = cut_bytes};
        compare(what, bytes, &single, story);
    }
    size_t step = bytes.len / TWO_PIECES_MAX + 1;
    for (size_t at = 1; at < bytes.len; at += step) {
        struct cutter two = {.next = cut_at, .at = at};
        compare(what, bytes, &two, story);
    }
    for (uint32_t round = 0; bytes.len <= EVERY_BYTE_MAX && round < RANDOM_ROUNDS; round++) {
        struct cutter pieces = {.next = cut_random, .seed = round};
        compare(what, bytes, &pieces, story);
    }
}
