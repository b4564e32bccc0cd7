/* Packs and unpacks; what goes in and what comes out are judged by the same rules. */
#include "culvert/tunnel/user_headers.h"

#include "culvert/base/encode.h"

/* `prefix` is in lower case. */
static bool matches(struct span name, struct span prefix)
{
    if (name.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        char c = name.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != prefix.data[i] && !(c == '_' && prefix.data[i] == '-'))
            return false;
    }
    return true;
}

bool user_header_is_reserved(struct span name)
{
    static const struct span prefixes[] = {
        SPAN_INIT(":"),
        SPAN_INIT("cf-int-"),
        SPAN_INIT("cf-cloudflared-"),
        SPAN_INIT("cf-proxy-"),
    };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (matches(name, prefixes[i]))
            return true;
    return false;
}

/* The length of `n` bytes in base64 without padding. */
static size_t encoded_len(size_t n)
{
    return n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}

static bool pack_field(struct header field, struct buf *scratch, struct buf *out)
{
    buf_clear(scratch);
    char *name = buf_room(scratch, field.name.len);
    if (!name)
        return false;
    header_canonical_name(field.name, name);
    buf_added(scratch, field.name.len);
    return base64_encode(BASE64_STANDARD_RAW, buf_span(scratch), out) && buf_put_char(out, ':') &&
           base64_encode(BASE64_STANDARD_RAW, field.value, out);
}

static bool pack_all(const struct headers *fields, struct buf *scratch, struct buf *out,
                     struct error *err)
{
    size_t before = out->len;
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        if (user_header_is_reserved(field.name))
            continue;
        if (!header_name_is_valid(field.name) || !header_value_is_valid(field.value))
            return error_set(err, ERROR_INVALID, 0, "a field of the answer cannot be packed");
        size_t len = encoded_len(field.name.len) + 1 + encoded_len(field.value.len);
        bool is_first = out->len == before;
        if (out->len - before + len + !is_first > USER_HEADERS_MAX)
            return error_set(err, ERROR_LIMIT, 0,
                             "the fields of the answer take more than %d bytes", USER_HEADERS_MAX);
        if ((!is_first && !buf_put_char(out, ';')) || !pack_field(field, scratch, out))
            return error_set(err, ERROR_LIMIT, 0, "no room for the fields of the answer");
    }
    return true;
}

bool user_headers_pack(const struct headers *fields, struct buf *out, struct error *err)
{
    size_t before = out->len;
    struct buf scratch = BUF_LIMIT(HEADERS_BYTES_MAX);
    bool ok = pack_all(fields, &scratch, out, err);
    buf_release(&scratch);
    if (!ok && out->len > before) {
        out->len = before;
        out->data[before] = '\0';
    }
    return ok;
}

static bool unpack_pair(struct span pair, struct buf *scratch, struct headers *fields,
                        struct error *err)
{
    size_t colon = span_find(pair, ':');
    if (colon == pair.len || span_find(span_skip(pair, colon + 1), ':') < pair.len - colon - 1)
        return error_set(err, ERROR_PROTOCOL, 0, "a packed field has not exactly one colon");
    buf_clear(scratch);
    if (!base64_decode(BASE64_STANDARD_RAW, span_first(pair, colon), scratch))
        return error_set(err, ERROR_PROTOCOL, 0, "a packed name is not base64");
    size_t name_len = scratch->len;
    if (!base64_decode(BASE64_STANDARD_RAW, span_skip(pair, colon + 1), scratch))
        return error_set(err, ERROR_PROTOCOL, 0, "a packed value is not base64");
    struct span name = span_first(buf_span(scratch), name_len);
    struct span value = span_skip(buf_span(scratch), name_len);
    if (user_header_is_reserved(name))
        return true;
    if (!header_name_is_valid(name))
        return error_set(err, ERROR_PROTOCOL, 0, "a packed name is not a token");
    if (!header_value_is_valid(value))
        return error_set(err, ERROR_PROTOCOL, 0, "a packed value holds a control byte");
    return headers_add(fields, name, span_trim(value), err);
}

bool user_headers_unpack(struct span packed, struct headers *fields, struct error *err)
{
    struct buf scratch = BUF_LIMIT(HEADERS_BYTES_MAX);
    struct span rest = packed;
    struct span pair;
    bool ok = true;
    while (ok && span_cut(&rest, ';', &pair))
        ok = pair.len == 0 || unpack_pair(pair, &scratch, fields, err);
    buf_release(&scratch);
    return ok;
}
