/* The body of an HTTP/1.1 message behind its head (RFC 9112 6 and 7): payload is pointed at, never
 * copied; chunked framing is read strictly, for requests and answers alike. */
#ifndef CULVERT_HTTP_H1_BODY_H
#define CULVERT_HTTP_H1_BODY_H

#include "culvert/http/h1_parse.h"

enum {
    H1_EXTENSIONS_MAX = 16 * 1024, /* bytes of chunk extensions in one body: nobody reads them */
    /* Bytes of sizes and line ends in a chunked request: so many, and so many more for each byte
     * of payload. A chunk of one byte has five. */
    H1_FRAMING_MAX = 64 * 1024,
    H1_FRAMING_FACTOR = 8,
    H1_TRAILERS_MAX = 16 * 1024, /* bytes of the trailer section */
    H1_TRAILER_COUNT_MAX = 256,
};

enum h1_body_state {
    H1_BODY_CHUNK_SIZE, /* digits, then what may follow them */
    H1_BODY_CHUNK_BLANK,
    H1_BODY_CHUNK_EXTENSION,
    H1_BODY_CHUNK_SIZE_LF,
    H1_BODY_DATA,
    H1_BODY_DATA_CR,
    H1_BODY_DATA_LF,
    H1_BODY_TRAILERS,
    H1_BODY_END,
};

/* Embedded. `trailers` is for others to read and take after the end, the rest is private. */
struct h1_body {
    struct headers trailers; /* without fields that must not come so late (RFC 9110 6.5.1) */
    enum h1_body_kind kind;
    enum h1_body_state state;
    bool is_answer;
    uint64_t left; /* of the body, or of the chunk */
    unsigned digits;
    size_t extension_bytes;
    uint64_t framing_bytes, payload_bytes; /* of chunks */
    size_t trailer_bytes;
    size_t trailer_count;
    struct buf line; /* the beginning of a trailer line whose end has not come */
};

/* `is_answer`: blanks behind a chunk size, which old origins send, are passed over. */
void h1_body_init(struct h1_body *body, const struct h1_framing *framing, bool is_answer);
void h1_body_release(struct h1_body *body);

/* Reads from the front of `in`: *used bytes are done with, *payload (a part of `in`, perhaps empty)
 * is what they carry. H1_MORE with *used < in.len: call again with the rest. H1_DONE may come with
 * the last payload; bytes behind *used are no part of this message. H1_BAD: kind PROTOCOL, LIMIT or
 * SYSTEM. The verdict does not depend on how the bytes are cut. */
enum h1_verdict h1_body_feed(struct h1_body *body, struct span in, size_t *used,
                             struct span *payload, struct error *err) MUST_CHECK;

/* Has all come? At once true without a body. */
bool h1_body_is_done(const struct h1_body *body);

/* The peer will send no more. True: the body ended properly, by its framing or, when that is until
 * close, now. False: it was cut short, kind NETWORK. */
bool h1_body_end_of_input(struct h1_body *body, struct error *err) MUST_CHECK;

/* May this field come as a trailer (RFC 9110 6.5.1)? Not if it frames, routes, or changes how the
 * message is read, or who sent it. */
bool trailer_is_allowed(struct span name);

#endif
