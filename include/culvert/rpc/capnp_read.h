/* Reads one Cap'n Proto message of 1 to CAPNP_SEGMENTS_MAX segments in place (standard framing, not
 * packed). Nothing is copied: spans point into the bytes given to capnp_message_open. Every pointer
 * is checked against its segment, and the work is bounded by depth and by a budget of words, so
 * that cycles and amplification end in an error. Null pointers read as the default of their type,
 * fields beyond the size of a received struct as zero (capnproto.org/encoding.html). */
#ifndef CULVERT_RPC_CAPNP_READ_H
#define CULVERT_RPC_CAPNP_READ_H

#include "culvert/base/span.h"

enum {
    CAPNP_WORD = 8,          /* bytes */
    CAPNP_SEGMENTS_MAX = 64, /* known peers send one; a segment costs 16 bytes of struct below */
    CAPNP_DEPTH_MAX = 64,    /* pointers from the root; the deepest field of ours stands at 8 */
    /* A message may make us visit this many times its own words. Honest ones need less than 2. */
    CAPNP_BUDGET_FACTOR = 4,
};

struct capnp_message {
    struct span segments[CAPNP_SEGMENTS_MAX];
    size_t segment_count;
    uint64_t budget; /* words that may still be visited */
};

/* A struct inside of a message; borrowed from it. All zero: the default struct. */
struct capnp_struct {
    struct capnp_message *message;
    const char *data;
    size_t data_size; /* bytes */
    size_t pointers;  /* word of the first pointer in `segment` */
    uint32_t pointer_count;
    uint32_t segment;
    unsigned depth;
};

/* The size codes of list elements that we meet, of 0 to 7. */
enum capnp_element {
    CAPNP_ELEMENT_BYTE = 2, /* Text and Data */
    CAPNP_ELEMENT_POINTER = 6,
    CAPNP_ELEMENT_COMPOSITE = 7, /* structs */
};

/* A list inside of a message; borrowed from it. All zero: the empty list. */
struct capnp_list {
    struct capnp_struct first; /* element 0 seen as a struct */
    size_t count;
    size_t step; /* words from one element to the next; 0 unless of structs or pointers */
    enum capnp_element element;
};

/* How many bytes the message has that starts with `start`, its table of segments included; while
 * `start` is too short to tell: how many bytes are needed to tell more. Always above start.len
 * unless the whole message is there. False: no message may start so (ERROR_PROTOCOL). */
bool capnp_message_need(struct span start, uint64_t *need, struct error *err) MUST_CHECK;

/* Takes exactly one whole message and finds its root. `message` and `bytes` are borrowed by all
 * that is read from it. False (ERROR_PROTOCOL): bytes are missing or left over, the message is
 * empty, its root is null or no struct. */
bool capnp_message_open(struct capnp_message *message, struct span bytes, struct capnp_struct *root,
                        struct error *err) MUST_CHECK;

/* Scalars of the data section at a byte (`bit`: at a bit); zero beyond its end. */
bool capnp_read_bit(const struct capnp_struct *from, size_t bit);
uint8_t capnp_read_u8(const struct capnp_struct *from, size_t at);
uint16_t capnp_read_u16(const struct capnp_struct *from, size_t at);
uint32_t capnp_read_u32(const struct capnp_struct *from, size_t at);
uint64_t capnp_read_u64(const struct capnp_struct *from, size_t at);

/* The pointer fields; `to` may be `from`. False (ERROR_PROTOCOL): it leads outside, is of another
 * kind, or the bounds of the message are used up. */
bool capnp_read_struct(const struct capnp_struct *from, size_t index, struct capnp_struct *to,
                       struct error *err) MUST_CHECK;
bool capnp_read_list(const struct capnp_struct *from, size_t index, struct capnp_list *to,
                     struct error *err) MUST_CHECK;
/* Text comes without its final NUL, which must be there. Null gives SPAN_NONE in both. */
bool capnp_read_text(const struct capnp_struct *from, size_t index, struct span *text,
                     struct error *err) MUST_CHECK;
bool capnp_read_data(const struct capnp_struct *from, size_t index, struct span *data,
                     struct error *err) MUST_CHECK;

/* Is the field a capability? Then *number is its place in the capability table. */
bool capnp_read_capability(const struct capnp_struct *from, size_t index, uint32_t *number);

/* Elements (index < list->count); false as above. */
bool capnp_list_struct(const struct capnp_list *list, size_t index, struct capnp_struct *to,
                       struct error *err) MUST_CHECK;
bool capnp_list_text(const struct capnp_list *list, size_t index, struct span *text,
                     struct error *err) MUST_CHECK;

#endif
