/* HTTP/2 frames by hand (RFC 9113 4 and 6): for peers that do what no library would. */
#ifndef CULVERT_TESTS_SUPPORT_H2_WIRE_H
#define CULVERT_TESTS_SUPPORT_H2_WIRE_H

#include "culvert/base/buf.h"

enum wire_type {
    WIRE_DATA,
    WIRE_HEADERS,
    WIRE_PRIORITY,
    WIRE_RST_STREAM,
    WIRE_SETTINGS,
    WIRE_PUSH_PROMISE,
    WIRE_PING,
    WIRE_GOAWAY,
    WIRE_WINDOW_UPDATE,
    WIRE_CONTINUATION,
};

enum wire_flags {
    WIRE_END_STREAM = 0x1, /* of DATA and HEADERS; ACK of SETTINGS and PING */
    WIRE_ACK = 0x1,
    WIRE_END_HEADERS = 0x4,
    WIRE_PADDED = 0x8,
};

#define WIRE_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct wire_frame {
    uint8_t type, flags;
    uint32_t stream;
    struct span payload;
};

/* Appends a frame. */
void wire_put(struct buf *to, const struct wire_frame *frame);

/* Appends a field to a header block: a literal, never indexed, without Huffman coding. */
void wire_put_field(struct buf *block, const char *name, struct span value);

/* Appends HEADERS with END_HEADERS and `flags`; `fields`: names and values in turn, up to NULL. */
void wire_put_headers(struct buf *to, uint32_t stream, uint8_t flags, const char *const *fields);
void wire_put_data(struct buf *to, uint32_t stream, uint8_t flags, struct span bytes);
/* SETTINGS with one entry; id 0: with none. */
void wire_put_settings(struct buf *to, uint16_t id, uint32_t value);
void wire_put_ack(struct buf *to);
/* RST_STREAM or WINDOW_UPDATE: four bytes of payload. */
void wire_put_number(struct buf *to, enum wire_type type, uint32_t stream, uint32_t number);
void wire_put_goaway(struct buf *to, uint32_t last_stream, uint32_t code);

/* Takes the next whole frame from the front of `bytes`, passing over a preface; false: there is
 * none. */
bool wire_take(struct span *bytes, struct wire_frame *frame);

/* The number in a RST_STREAM, WINDOW_UPDATE or GOAWAY frame. */
uint32_t wire_number(const struct wire_frame *frame);

/* How many frames of that type for that stream lie in `bytes`; `last` (may be NULL) is the last. */
size_t wire_count(struct span bytes, enum wire_type type, uint32_t stream, struct wire_frame *last);

#endif
