/* Reads the data of tests/vectors. */
#include "support/vectors.h"

#include "culvert/base/file.h"
#include "harness.h"

enum { VECTORS_MAX = 1 << 20 };

/* JSON of ours holds no NUL; the code point 256 becomes the byte 0 when a text is read as bytes. */
static void lift_nuls(struct buf *text)
{
    static const char nul[] = "\\u0000";
    char *at = text->data;
    while (at && (at = strstr(at, nul)) != NULL)
        at[3] = '1';
}

struct doc *vectors_open(const char *name)
{
    struct buf text = BUF_LIMIT(VECTORS_MAX);
    struct error err = {0};
    struct doc *doc = NULL;
    if (file_read(vector_path(name), &text, &err)) {
        lift_nuls(&text);
        doc = doc_parse(buf_span(&text), &err);
    }
    CHECK_CASE(doc && doc_count(doc) > 0, "%s: %s", name, err.text);
    buf_release(&text);
    return doc;
}

struct span vectors_text_bytes(const struct doc *text, struct buf *out)
{
    struct span utf8 = SPAN("");
    buf_clear(out);
    if (!text || !doc_as_text(text, &utf8))
        return SPAN("");
    for (size_t i = 0; i < utf8.len; i++) {
        unsigned c = (unsigned char)utf8.data[i];
        if (c >= 0xC0 && i + 1 < utf8.len)
            c = (c & 3u) << 6 | ((unsigned char)utf8.data[++i] & 0x3Fu);
        CHECK(buf_put_char(out, (char)c));
    }
    return buf_span(out);
}

struct span vectors_bytes(const struct doc *object, const char *key, struct buf *out)
{
    return vectors_text_bytes(doc_get(object, key), out);
}
