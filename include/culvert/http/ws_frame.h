/* WebSocket frames as bytes, both ends of them, and the accept value of the handshake (RFC 6455
 * 4.2.2 and 5). Pure: no I/O. Messages have no bound: their payload passes in pieces, as it comes.
 * No extension is spoken, and text is not checked for UTF-8: it is carried, not read. */
#ifndef CULVERT_HTTP_WS_FRAME_H
#define CULVERT_HTTP_WS_FRAME_H

#include "culvert/base/error.h"
#include "culvert/base/span.h"

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

/* What a close frame says (RFC 6455 7.4.1). */
enum ws_code {
    WS_CODE_NORMAL = 1000,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_NONE = 1005, /* nothing: never on the wire */
    WS_CODE_FAILED = 1011,
};

enum {
    WS_CONTROL_MAX = 125, /* payload of a control frame (RFC 6455 5.5) */
    WS_HEAD_MAX = 14,     /* the longest head: 64 bits of length and a mask */
    WS_MASK_SIZE = 4,
    WS_ACCEPT_SIZE = 29, /* 28 characters of base64 and a NUL */
};

/* Takes the peer's frames apart. Embedded; nothing is to be released. */
struct ws_reader {
    uint64_t left;       /* of the payload in hand */
    bool is_masked;      /* frames must be: the reader is a server */
    bool in_message;     /* a fragment came that was not the last */
    bool in_payload;     /* the head was read */
    unsigned char first; /* byte of the frame in hand: FIN and opcode */
    unsigned char at;    /* bytes of the mask that were used */
    unsigned char mask[WS_MASK_SIZE];
    unsigned char len;                  /* bytes in `kept` */
    unsigned char kept[WS_CONTROL_MAX]; /* of a head, then of a control frame's payload */
};

/* A server's reader asks for masked frames, a client's for plain ones (RFC 6455 5.1). */
void ws_reader_init(struct ws_reader *reader, bool is_server);

enum ws_verdict {
    WS_MORE,    /* all input was used, nothing came of it */
    WS_DATA,    /* a piece of a message: text or binary, its bytes are alike here */
    WS_CONTROL, /* a whole control frame */
    WS_BAD,     /* the peer broke the framing: nothing may be read any more */
};

struct ws_step {
    struct span input;     /* in: what has come; out: what is left of it */
    void *to;              /* in: where payload of messages is unmasked to, */
    size_t room;           /* in: at most so many bytes of it, at least one */
    enum ws_opcode opcode; /* out, of WS_CONTROL: close, ping or pong */
    struct span payload;   /* out: unmasked; of WS_DATA at `to`, else in the reader */
};

/* One step over the input. WS_BAD: kind PROTOCOL. */
enum ws_verdict ws_reader_next(struct ws_reader *reader, struct ws_step *step, struct error *err);

/* Is it between two messages: would the end of the input cut nothing? */
bool ws_reader_is_between(const struct ws_reader *reader);

/* The code of a close frame's payload, WS_CODE_NONE for an empty one. False: a payload that no peer
 * may send (RFC 6455 5.5.1 and 7.4). */
bool ws_close_parse(struct span payload, unsigned *code) MUST_CHECK;

/* The head of a whole message of `len` bytes, or of a control frame: what a server sends. Returns
 * its length. */
size_t ws_head_write(unsigned char out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len);

/* The same of a client, whose payload goes through ws_mask_apply with the same mask. */
size_t ws_head_write_masked(unsigned char out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len,
                            const unsigned char mask[WS_MASK_SIZE]);

/* Masks or unmasks `len` bytes of payload, the first of which is the `offset`th of its frame. `to`
 * may be `from`. */
void ws_mask_apply(void *to, const void *from, size_t len, const unsigned char mask[WS_MASK_SIZE],
                   size_t offset);

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key, whatever that is. False: libcrypto or memory. */
bool ws_accept(struct span key, char out[WS_ACCEPT_SIZE]) MUST_CHECK;

#endif
