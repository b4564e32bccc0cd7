/* Request heads: however the bytes are cut the verdict is one; what is understood, written and read
 * again is the same; nothing understood holds what could end it. */
#include "culvert/http/h1_request.h"
#include "culvert/http/h1_write.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct request_head head;
    struct h1_parser parser;
    struct h1_framing framing;
    struct h1_refusal why;
    enum h1_verdict verdict;
};

static void outcome_init(struct outcome *o)
{
    request_head_init(&o->head);
    h1_parser_reset(&o->parser, &h1_request_limits);
    o->verdict = H1_MORE;
}

/* Shows the first `n` bytes, in memory of their exact size. */
static void show(struct outcome *o, const uint8_t *data, size_t n)
{
    if (o->verdict != H1_MORE)
        return;
    char *copy = malloc(n ? n : 1);
    assert(copy);
    if (n)
        memcpy(copy, data, n);
    o->verdict = h1_parse_request(&o->parser, span_make(copy, n), &o->head, &o->framing, &o->why);
    free(copy);
}

static struct buf written(const struct outcome *o)
{
    struct buf out = BUF_LIMIT(1 << 20);
    struct h1_shape shape = {
        .body = o->framing.body,
        .length = o->framing.length,
        .connection = o->framing.keep_alive ? H1_CONNECTION_SILENT : H1_CONNECTION_CLOSE,
    };
    bool ok = h1_write_request(&out, &o->head, &shape, NULL);
    assert(ok);
    return out;
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    assert(a->verdict == b->verdict);
    if (a->verdict == H1_BAD)
        assert(a->why.status == b->why.status && strcmp(a->why.text, b->why.text) == 0);
    if (a->verdict != H1_DONE)
        return;
    assert(a->parser.used == b->parser.used);
    assert(strcmp(a->framing.upgrade, b->framing.upgrade) == 0);
    struct buf x = written(a);
    struct buf y = written(b);
    assert(span_equal(buf_span(&x), buf_span(&y)));
    buf_release(&x);
    buf_release(&y);
}

static void check_understood(const struct outcome *o)
{
    const struct request_head *head = &o->head;
    assert(header_name_is_valid(buf_span(&head->method)));
    assert(head->authority.len > 0 || head->is_http10);
    assert(head->authority.len == 0 || authority_is_valid(buf_span(&head->authority)));
    assert(!headers_has(&head->fields, SPAN("host")));
    assert(!headers_has(&head->fields, SPAN("connection")));
    assert(!headers_has(&head->fields, SPAN("transfer-encoding")));
    assert(headers_count_of(&head->fields, SPAN("content-length")) <= 1);
    for (size_t i = 0; i < head->fields.count; i++) {
        struct header field = headers_at(&head->fields, i);
        assert(header_name_is_valid(field.name) && header_value_is_valid(field.value));
    }
}

/* Written, read and written again. */
static void check_again(const struct outcome *o)
{
    struct outcome again;
    if (o->head.authority.len == 0)
        return; /* Host may be missing in HTTP/1.0 only, and 1.1 is written */
    struct buf first = written(o);
    outcome_init(&again);
    show(&again, (const uint8_t *)first.data, first.len);
    /* Escapes and customary names may make a head longer than a visitor may send. */
    if (again.verdict == H1_BAD) {
        assert(again.why.status == 414 || again.why.status == 431);
    } else {
        assert(again.verdict == H1_DONE && again.parser.used == first.len);
        struct buf second = written(&again);
        assert(span_equal(buf_span(&first), buf_span(&second)));
        buf_release(&second);
    }
    buf_release(&first);
    request_head_release(&again.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole;
    outcome_init(&whole);
    show(&whole, data, size);
    size_t mix = size;
    for (size_t i = 0; i < size; i++)
        mix = mix * 31 + data[i];
    for (size_t round = 0; round < 3; round++) {
        struct outcome cut;
        size_t step = round == 0 ? 1 : 1 + (mix >> (8 * round)) % (size + 1);
        if (step == 1 && size > 2048)
            continue;
        outcome_init(&cut);
        for (size_t n = step; n < size; n += step)
            show(&cut, data, n);
        show(&cut, data, size);
        compare(&whole, &cut);
        request_head_release(&cut.head);
    }
    if (whole.verdict == H1_DONE) {
        check_understood(&whole);
        check_again(&whole);
    }
    request_head_release(&whole.head);
    return 0;
}
