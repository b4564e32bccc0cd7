/* Answers of origins: however the bytes are cut the verdict is one; what was understood, perhaps
 * leniently, is written so that nobody needs lenience to read it the same way. */
#include "culvert/http/h1_response.h"
#include "culvert/http/h1_write.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct response_head head;
    struct h1_parser parser;
    struct h1_framing framing;
    struct error err;
    enum h1_verdict verdict;
};

static void outcome_init(struct outcome *o, bool to_head)
{
    response_head_init(&o->head);
    h1_response_reset(&o->parser, &h1_response_limits, to_head);
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
    o->verdict = h1_parse_response(&o->parser, span_make(copy, n), &o->head, &o->framing, &o->err);
    free(copy);
}

static void compare_fields(const struct headers *a, const struct headers *b)
{
    assert(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert(span_equal_nocase(headers_at(a, i).name, headers_at(b, i).name));
        assert(span_equal(headers_at(a, i).value, headers_at(b, i).value));
    }
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    assert(a->verdict == b->verdict);
    if (a->verdict == H1_BAD)
        assert(a->err.kind == b->err.kind && strcmp(a->err.text, b->err.text) == 0);
    if (a->verdict != H1_DONE)
        return;
    assert(a->parser.used == b->parser.used && a->head.status == b->head.status);
    assert(a->head.length == b->head.length && a->head.ends_here == b->head.ends_here);
    assert(a->framing.body == b->framing.body && a->framing.length == b->framing.length);
    assert(a->framing.keep_alive == b->framing.keep_alive);
    assert(a->framing.is_lenient == b->framing.is_lenient);
    compare_fields(&a->head.fields, &b->head.fields);
}

static void check_again(struct outcome *o, bool to_head)
{
    struct outcome again;
    if (o->head.status < 100 || o->head.status == 101)
        return; /* nobody is given the first, and the second is more than a head */
    struct buf out = BUF_LIMIT(1 << 20);
    struct h1_shape shape = h1_response_shape(&o->head, to_head, false);
    bool ok = h1_write_response(&out, &o->head, &shape, NULL);
    assert(ok);
    outcome_init(&again, to_head);
    show(&again, (const uint8_t *)out.data, out.len);
    if (again.verdict == H1_BAD) {
        assert(again.err.kind == ERROR_LIMIT); /* line ends may have made it longer */
    } else {
        assert(again.verdict == H1_DONE && again.parser.used == out.len);
        assert(!again.framing.is_lenient && again.head.status == o->head.status);
        assert(again.head.length == o->head.length || o->head.status == 204);
        headers_remove(&o->head.fields, SPAN("content-length"));
        headers_remove(&again.head.fields, SPAN("content-length"));
        compare_fields(&o->head.fields, &again.head.fields);
    }
    buf_release(&out);
    response_head_release(&again.head);
}

static void run(const uint8_t *data, size_t size, bool to_head)
{
    struct outcome whole;
    outcome_init(&whole, to_head);
    show(&whole, data, size);
    size_t mix = size;
    for (size_t i = 0; i < size; i++)
        mix = mix * 31 + data[i];
    for (size_t round = 0; round < 3; round++) {
        struct outcome cut;
        size_t step = round == 0 ? 1 : 1 + (mix >> (8 * round)) % (size + 1);
        if (step == 1 && size > 2048)
            continue;
        outcome_init(&cut, to_head);
        for (size_t n = step; n < size; n += step)
            show(&cut, data, n);
        show(&cut, data, size);
        compare(&whole, &cut);
        response_head_release(&cut.head);
    }
    if (whole.verdict == H1_DONE) {
        assert(!(whole.framing.keep_alive && whole.framing.is_lenient));
        check_again(&whole, to_head);
    }
    response_head_release(&whole.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size, false);
    run(data, size, true);
    return 0;
}
