/* The counting of a peer's HTTP/2 frames: how its bytes are cut changes nothing, what is cut off
 * bears a name, and nothing stays unfinished that was never begun. */
#include "culvert/http/h2_guard.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_MAX = 16 * 1024, BEGUN_MS = 1000 };

/* Reads all of it in pieces, up to the first abuse, which it returns. */
static enum abuse read_all(struct h2_guard *guard, struct span bytes, size_t piece)
{
    enum abuse abuse = ABUSE_NONE;
    while (bytes.len > 0 && abuse == ABUSE_NONE) {
        abuse = h2_guard_read(guard, span_first(bytes, piece), BEGUN_MS);
        bytes = span_skip(bytes, piece);
    }
    return abuse;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 7, 4096};
    struct span bytes = span_make(data, size);
    for (int is_server = 0; is_server < 2; is_server++) {
        struct h2_guard whole;
        h2_guard_init(&whole, is_server, HEAD_MAX, BEGUN_MS);
        enum abuse abuse = read_all(&whole, bytes, size ? size : 1);
        assert(abuse < ABUSES);
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            struct h2_guard cut;
            h2_guard_init(&cut, is_server, HEAD_MAX, BEGUN_MS);
            enum abuse again = read_all(&cut, bytes, pieces[i]);
            assert(again == abuse);
            uint64_t since = h2_guard_unfinished_ms(&cut);
            assert(since == BEGUN_MS || since == UINT64_MAX);
            assert(abuse != ABUSE_NONE || since == h2_guard_unfinished_ms(&whole));
        }
    }
    return 0;
}
