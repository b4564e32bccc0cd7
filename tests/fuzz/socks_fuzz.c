/* SOCKS5's handshake: however the bytes are cut the steps are the same, nothing is asked for beyond
 * its end, and what was asked for can be repeated. */
#include "culvert/origin/socks.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum socks_step feed(struct socks_server *server, struct span bytes, size_t cut,
                            size_t *used)
{
    enum socks_step step = SOCKS_MORE;
    *server = (struct socks_server){0};
    *used = 0;
    while (bytes.len > 0 && (step == SOCKS_MORE || step == SOCKS_GREETING)) {
        size_t wants = socks_wants(server);
        assert(wants > 0 && server->len + wants <= sizeof server->kept);
        struct span part = span_first(bytes, wants < cut ? wants : cut);
        char *piece = malloc(part.len);
        assert(piece);
        memcpy(piece, part.data, part.len);
        step = socks_feed(server, piece, part.len);
        free(piece);
        *used += part.len;
        bytes = span_skip(bytes, part.len);
    }
    return step;
}

static void check_asked(const struct socks_server *server)
{
    unsigned char out[SOCKS_REQUEST_MAX];
    char host[SOCKS_NAME_MAX + 1];
    uint16_t port;
    bool is_text = socks_asked(server, host, &port);
    assert(strlen(host) <= SOCKS_NAME_MAX);
    assert(is_text || server->kept[3] == 3);
    size_t len = socks_reply_asked(server, out, SOCKS_DENIED);
    assert(len == server->len && out[1] == SOCKS_DENIED);
    assert(memcmp(out + 3, server->kept + 3, len - 3) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct socks_server whole;
    struct socks_server cut;
    size_t used;
    size_t cut_used;
    enum socks_step step = feed(&whole, span_make(data, size), size + 1, &used);
    enum socks_step cut_step = feed(&cut, span_make(data, size), 1, &cut_used);
    assert(cut_step == step || cut_step == SOCKS_BAD || step == SOCKS_BAD || size == used);
    if (step == SOCKS_CONNECT || step == SOCKS_OTHER) {
        assert(cut_step == step && cut_used == used && socks_wants(&whole) == 0);
        check_asked(&whole);
    }
    return 0;
}
