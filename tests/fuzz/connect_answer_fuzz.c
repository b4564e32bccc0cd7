/* What a proxy answers to CONNECT: however the bytes are cut, the step and the end are the same. */
#include "culvert/net/connect_answer.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum connect_step feed(struct connect_answer *answer, struct span bytes, size_t cut,
                              size_t *used)
{
    enum connect_step step = CONNECT_MORE;
    *answer = (struct connect_answer){0};
    *used = 0;
    while (step == CONNECT_MORE && bytes.len > 0) {
        size_t taken;
        struct span part = span_first(bytes, cut);
        char *piece = malloc(part.len);
        assert(piece);
        memcpy(piece, part.data, part.len);
        step = connect_answer_feed(answer, span_make(piece, part.len), &taken);
        free(piece);
        assert(taken <= part.len && (taken == part.len || step != CONNECT_MORE));
        *used += taken;
        bytes = span_skip(bytes, taken);
    }
    return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct connect_answer whole;
    struct connect_answer cut;
    size_t used;
    size_t cut_used;
    enum connect_step step = feed(&whole, span_make(data, size), size + 1, &used);
    enum connect_step cut_step = feed(&cut, span_make(data, size), 1, &cut_used);
    assert(step == cut_step && used == cut_used && whole.status == cut.status);
    assert(used <= CONNECT_ANSWER_MAX);
    if (step == CONNECT_OPEN)
        assert(whole.status >= 200 && whole.status <= 299 && used >= CONNECT_START_SIZE);
    return 0;
}
