/* Fields are pulled out of the records that they lie in; nothing is copied but the name. */
#include "culvert/edge/client_hello.h"

enum {
    RECORD_HEAD = 5,
    RECORD_MAX = 16 * 1024, /* of a plaintext record */
    RECORD_HANDSHAKE = 22,
    MESSAGE_CLIENT_HELLO = 1,
    EXTENSION_SERVER_NAME = 0,
    NAME_IS_HOST = 0,
    SESSION_ID_MAX = 32,
};

struct reader {
    struct span rest;
    size_t record; /* bytes that its record has yet */
    size_t left;   /* of the message, or of what is read in it */
    enum client_hello why;
};

static bool stop(struct reader *reader, enum client_hello why)
{
    reader->why = why;
    return false;
}

static bool open_record(struct reader *reader)
{
    const char *head = reader->rest.data;
    if (reader->rest.len > 0 && head[0] != RECORD_HANDSHAKE)
        return stop(reader, CLIENT_HELLO_ODD);
    if (reader->rest.len < RECORD_HEAD)
        return stop(reader, CLIENT_HELLO_MORE);
    reader->record = (size_t)(unsigned char)head[3] << 8 | (unsigned char)head[4];
    if (head[1] != 3 || reader->record == 0 || reader->record > RECORD_MAX)
        return stop(reader, CLIENT_HELLO_ODD);
    reader->rest = span_skip(reader->rest, RECORD_HEAD);
    return true;
}

/* Takes `len` bytes of the message; `to` NULL: passes over them. */
static bool pull(struct reader *reader, unsigned char *to, size_t len)
{
    if (len > reader->left)
        return stop(reader, CLIENT_HELLO_ODD);
    reader->left -= len;
    while (len > 0) {
        if (reader->record == 0 && !open_record(reader))
            return false;
        size_t most = len < reader->record ? len : reader->record;
        struct span part = span_first(reader->rest, most);
        if (part.len == 0)
            return stop(reader, CLIENT_HELLO_MORE);
        if (to)
            memcpy(to, part.data, part.len);
        to = to ? to + part.len : NULL;
        reader->rest = span_skip(reader->rest, part.len);
        reader->record -= part.len;
        len -= part.len;
    }
    return true;
}

/* A number of `len` bytes, from `least` to `most`. */
static bool number(struct reader *reader, size_t len, size_t least, size_t most, size_t *n)
{
    unsigned char bytes[3];
    if (!pull(reader, bytes, len))
        return false;
    *n = 0;
    for (size_t i = 0; i < len; i++)
        *n = *n << 8 | bytes[i];
    return (*n >= least && *n <= most) || stop(reader, CLIENT_HELLO_ODD);
}

/* A length of `len` bytes and as many bytes as it says. */
static bool pass_over(struct reader *reader, size_t len, size_t least, size_t most)
{
    size_t n;
    return number(reader, len, least, most, &n) && pull(reader, NULL, n);
}

/* A list of one name (RFC 6066: at most one of each kind, and there is one kind). */
static bool read_name(struct reader *reader, size_t len, char name[CLIENT_HELLO_NAME_SIZE])
{
    unsigned char bytes[CLIENT_HELLO_NAME_SIZE];
    size_t n;
    reader->left = len;
    if (!number(reader, 2, 1, UINT16_MAX, &n))
        return false;
    if (n != reader->left)
        return stop(reader, CLIENT_HELLO_ODD);
    if (!number(reader, 1, NAME_IS_HOST, NAME_IS_HOST, &n) ||
        !number(reader, 2, 1, CLIENT_HELLO_NAME_SIZE - 1, &n))
        return false;
    if (n != reader->left)
        return stop(reader, CLIENT_HELLO_ODD);
    if (!pull(reader, bytes, n))
        return false;
    if (memchr(bytes, '\0', n))
        return stop(reader, CLIENT_HELLO_ODD);
    memcpy(name, bytes, n);
    name[n] = '\0';
    return stop(reader, CLIENT_HELLO_NAMED);
}

/* Each has a kind and a length. */
static bool read_extensions(struct reader *reader, char name[CLIENT_HELLO_NAME_SIZE])
{
    size_t n, kind;
    if (reader->left == 0)
        return true;
    if (!number(reader, 2, 0, UINT16_MAX, &n))
        return false;
    if (n != reader->left)
        return stop(reader, CLIENT_HELLO_ODD);
    while (reader->left > 0) {
        if (!number(reader, 2, 0, UINT16_MAX, &kind) || !number(reader, 2, 0, UINT16_MAX, &n))
            return false;
        if (n > reader->left)
            return stop(reader, CLIENT_HELLO_ODD);
        if (kind == EXTENSION_SERVER_NAME)
            return read_name(reader, n, name);
        if (!pull(reader, NULL, n))
            return false;
    }
    return true;
}

static bool read_hello(struct reader *reader, char name[CLIENT_HELLO_NAME_SIZE])
{
    enum { VERSION_AND_RANDOM = 2 + 32 };
    size_t len;
    if (!number(reader, 1, MESSAGE_CLIENT_HELLO, MESSAGE_CLIENT_HELLO, &len) ||
        !number(reader, 3, VERSION_AND_RANDOM, SIZE_MAX, &len))
        return false;
    reader->left = len;
    return pull(reader, NULL, VERSION_AND_RANDOM) && pass_over(reader, 1, 0, SESSION_ID_MAX) &&
           pass_over(reader, 2, 2, UINT16_MAX) && pass_over(reader, 1, 1, UINT8_MAX) &&
           read_extensions(reader, name);
}

enum client_hello client_hello_read(struct span bytes, char name[CLIENT_HELLO_NAME_SIZE])
{
    struct reader reader = {.rest = bytes, .left = SIZE_MAX, .why = CLIENT_HELLO_ODD};
    name[0] = '\0';
    return read_hello(&reader, name) ? CLIENT_HELLO_UNNAMED : reader.why;
}
