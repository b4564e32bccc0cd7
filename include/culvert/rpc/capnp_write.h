/* Builds one Cap'n Proto message of one segment, framing included. Objects lie in the order in
 * which they are written, each right behind the last. Failure is sticky: after it every call does
 * nothing, and capnp_write_finish says what it was (capnproto.org/encoding.html). */
#ifndef CULVERT_RPC_CAPNP_WRITE_H
#define CULVERT_RPC_CAPNP_WRITE_H

#include "culvert/base/buf.h"

struct capnp_writer {
    struct buf bytes;
    enum error_kind failed; /* ERROR_NONE while all is well */
};

/* A struct inside of the message being written, or one element of a list. Plain data; it stays
 * good while the message grows. */
struct capnp_place {
    size_t at; /* its first byte in `bytes` */
    uint16_t data_words;
    uint16_t pointer_count;
};

/* Starts a message of at most `limit` bytes in all, with an empty root of that shape. End with
 * capnp_write_release, whatever failed. */
void capnp_write_start(struct capnp_writer *writer, size_t limit);
struct capnp_place capnp_write_root(struct capnp_writer *writer, uint16_t data_words,
                                    uint16_t pointer_count);

/* Scalars at a byte (`bit`: at a bit) of the data section, which must be large enough. */
void capnp_write_bit(struct capnp_writer *writer, struct capnp_place to, size_t bit, bool value);
void capnp_write_u8(struct capnp_writer *writer, struct capnp_place to, size_t at, uint8_t value);
void capnp_write_u16(struct capnp_writer *writer, struct capnp_place to, size_t at, uint16_t value);
void capnp_write_u32(struct capnp_writer *writer, struct capnp_place to, size_t at, uint32_t value);
void capnp_write_u64(struct capnp_writer *writer, struct capnp_place to, size_t at, uint64_t value);

/* An empty struct of that shape in pointer field `index`. */
struct capnp_place capnp_write_struct(struct capnp_writer *writer, struct capnp_place to,
                                      size_t index, uint16_t data_words, uint16_t pointer_count);

/* `count` null pointers in field `index`. They are filled as the pointer fields of the place. */
struct capnp_place capnp_write_pointers(struct capnp_writer *writer, struct capnp_place to,
                                        size_t index, uint16_t count);

/* `count` structs of the shape `element`, whose `at` does not matter. Returns the first element;
 * the next ones follow it. No element: the list is there and empty. */
struct capnp_place capnp_write_structs(struct capnp_writer *writer, struct capnp_place to,
                                       size_t index, uint32_t count, struct capnp_place element);

/* Text gets its final NUL. Empty ones stay null pointers, which read the same. */
void capnp_write_text(struct capnp_writer *writer, struct capnp_place to, size_t index,
                      struct span text);
void capnp_write_data(struct capnp_writer *writer, struct capnp_place to, size_t index,
                      struct span data);

/* Capability `number` of the capability table. */
void capnp_write_capability(struct capnp_writer *writer, struct capnp_place to, size_t index,
                            uint32_t number);

/* The finished bytes, borrowed until the next call. False: over the limit (ERROR_LIMIT) or out of
 * memory. */
bool capnp_write_finish(struct capnp_writer *writer, struct span *bytes,
                        struct error *err) MUST_CHECK;

/* Wipes and frees the memory: messages carry secrets. */
void capnp_write_release(struct capnp_writer *writer);

#endif
