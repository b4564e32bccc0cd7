/* A reader of our own: jansson's takes a text whose growth failed for lack of memory as it is,
 * short or without an end. Values are put into the tree as soon as they begin, so that the root
 * holds all there is; the way down is a stack, not a recursion. */
#include "doc_read.h"

#include "culvert/base/buf.h"
#include "culvert/base/encode.h"
#include "culvert/base/utf8.h"

#include <errno.h>
#include <float.h>
#include <math.h>

enum { REPLACEMENT = 0xFFFD }; /* for what is no character */

struct reader {
    struct span text;
    size_t at;
    bool last_counts; /* of keys that come twice; and what is odd does not spoil the rest */
    json_t *root;
    json_t *stack[DOC_DEPTH_MAX]; /* objects and arrays that are open, borrowed */
    size_t depth;
    struct buf key;    /* of the member that is being read */
    struct buf string; /* the text or number that is being read; it may be a secret */
    struct error *err;
};

static bool refuse(struct reader *reader, const char *why)
{
    int line = 1;
    size_t start = 0;
    for (size_t i = 0; i < reader->at; i++)
        if (reader->text.data[i] == '\n') {
            line++;
            start = i + 1;
        }
    return error_set(reader->err, ERROR_INVALID, 0, "JSON: line %d, column %zu: %s", line,
                     reader->at - start + 1, why);
}

/* The next byte; '\0', which no JSON has outside of texts, at the end. */
static char peek(const struct reader *reader)
{
    return reader->at < reader->text.len ? reader->text.data[reader->at] : '\0';
}

static char peek_behind_space(struct reader *reader)
{
    while (peek(reader) == ' ' || peek(reader) == '\t' || peek(reader) == '\n' ||
           peek(reader) == '\r')
        reader->at++;
    return peek(reader);
}

/* ---- texts ---- */

static bool read_hex(struct reader *reader, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(peek(reader));
        if (digit < 0)
            return refuse(reader, "\\u needs four hexadecimal digits");
        *unit = *unit << 4 | (uint32_t)digit;
        reader->at++;
    }
    return true;
}

static bool put_sign(struct buf *out, uint32_t sign)
{
    char bytes[4];
    size_t len = sign < 0x80 ? 1 : sign < 0x800 ? 2 : sign < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, sign >>= 6)
        bytes[i] = (char)(0x80 | (sign & 0x3f));
    bytes[0] = (char)(marks[len] | sign);
    return buf_put(out, bytes, len);
}

/* One of the surrogates of a pair without the other. */
static bool take_half(struct reader *reader, size_t behind, uint32_t *sign)
{
    if (!reader->last_counts)
        return refuse(reader, "half a character");
    reader->at = behind;
    *sign = REPLACEMENT;
    return true;
}

/* Behind "\u". A character beyond 16 bits comes as a pair of surrogates. */
static bool read_unicode(struct reader *reader, struct buf *out)
{
    uint32_t sign;
    uint32_t low = 0;
    if (!read_hex(reader, &sign))
        return false;
    size_t behind = reader->at;
    if (sign >= 0xd800 && sign < 0xdc00) {
        if (span_starts(span_skip(reader->text, reader->at), SPAN("\\u"))) {
            reader->at += 2;
            if (!read_hex(reader, &low))
                return false;
        }
        if (low >= 0xdc00 && low <= 0xdfff)
            sign = 0x10000 + ((sign - 0xd800) << 10) + (low - 0xdc00);
        else if (!take_half(reader, behind, &sign))
            return false;
    } else if (sign >= 0xdc00 && sign < 0xe000 && !take_half(reader, behind, &sign)) {
        return false;
    }
    if (sign == 0)
        return refuse(reader, "a NUL in a text");
    return put_sign(out, sign) || error_memory(reader->err);
}

static bool read_escape(struct reader *reader, struct buf *out)
{
    static const char signs[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    char c = peek(reader);
    const char *found = c ? strchr(signs, c) : NULL;
    if (c == 'u') {
        reader->at++;
        return read_unicode(reader, out);
    }
    if (!found)
        return refuse(reader, "an unknown escape");
    reader->at++;
    return buf_put_char(out, meant[found - signs]) || error_memory(reader->err);
}

/* Bytes up to a quote or an escape, which must be UTF-8. */
static bool read_plain(struct reader *reader, struct buf *out)
{
    size_t start = reader->at;
    for (;;) {
        struct span rest = span_skip(reader->text, reader->at);
        unsigned char c = rest.len > 0 ? (unsigned char)rest.data[0] : 0;
        if (c == '"' || c == '\\')
            break;
        if (c < 0x20)
            return refuse(reader,
                          rest.len > 0 ? "a control character in a text" : "the text has no end");
        size_t len = c < 0x80 ? 1 : utf8_first(rest);
        if (len == 0)
            return refuse(reader, "not UTF-8");
        reader->at += len;
    }
    return buf_put(out, reader->text.data + start, reader->at - start) || error_memory(reader->err);
}

/* From its quote on. */
static bool read_text(struct reader *reader, struct buf *out)
{
    buf_clear(out);
    if (peek_behind_space(reader) != '"')
        return refuse(reader, "a text was expected");
    reader->at++;
    for (;;) {
        if (!read_plain(reader, out))
            return false;
        if (reader->text.data[reader->at++] == '"')
            return true;
        if (!read_escape(reader, out))
            return false;
    }
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct reader *reader)
{
    size_t start = reader->at;
    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
    return reader->at - start;
}

/* Over the number; *whole: it has neither fraction nor exponent. */
static bool skip_number(struct reader *reader, bool *whole)
{
    *whole = true;
    if (peek(reader) == '-')
        reader->at++;
    bool zero = peek(reader) == '0';
    size_t digits = skip_digits(reader);
    if (digits == 0 || (zero && digits > 1))
        return refuse(reader, "no value");
    if (peek(reader) == '.') {
        *whole = false;
        reader->at++;
        if (skip_digits(reader) == 0)
            return refuse(reader, "a fraction without digits");
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        *whole = false;
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-')
            reader->at++;
        if (skip_digits(reader) == 0)
            return refuse(reader, "an exponent without digits");
    }
    return true;
}

static json_t *memory_or(struct reader *reader, json_t *value)
{
    if (!value)
        error_memory(reader->err);
    return value;
}

static json_t *read_number(struct reader *reader)
{
    bool whole;
    size_t start = reader->at;
    if (!skip_number(reader, &whole))
        return NULL;
    buf_clear(&reader->string);
    if (!buf_put(&reader->string, reader->text.data + start, reader->at - start))
        return memory_or(reader, NULL);
    errno = 0;
    if (whole) {
        long long number = strtoll(buf_text(&reader->string), NULL, 10);
        if (errno == 0)
            return memory_or(reader, json_integer(number));
    }
    if (whole && !reader->last_counts) {
        (void)refuse(reader, "a number of more than 64 bits");
        return NULL;
    }
    double real = strtod(buf_text(&reader->string), NULL);
    if (reader->last_counts && isinf(real))
        real = real > 0 ? DBL_MAX : -DBL_MAX;
    if (isfinite(real))
        return memory_or(reader, json_real(real));
    (void)refuse(reader, "a number that is too large");
    return NULL;
}

static bool take_word(struct reader *reader, struct span word)
{
    if (!span_starts(span_skip(reader->text, reader->at), word))
        return false;
    reader->at += word.len;
    return true;
}

/* ---- values ---- */

/* What begins here: an array or object that is still empty, or a whole value. */
static json_t *begin_value(struct reader *reader)
{
    char c = peek_behind_space(reader);
    if (c == '{' || c == '[') {
        reader->at++;
        return memory_or(reader, c == '{' ? json_object() : json_array());
    }
    if (c == '"') {
        if (!read_text(reader, &reader->string))
            return NULL;
        return memory_or(reader,
                         json_stringn_nocheck(buf_text(&reader->string), reader->string.len));
    }
    if (take_word(reader, SPAN("true")))
        return json_true();
    if (take_word(reader, SPAN("false")))
        return json_false();
    if (take_word(reader, SPAN("null")))
        return json_null();
    return read_number(reader);
}

/* Takes the value over in every case. */
static bool place(struct reader *reader, json_t *value)
{
    if (reader->depth == 0) {
        reader->root = value;
        return true;
    }
    json_t *parent = reader->stack[reader->depth - 1];
    int failed = json_is_array(parent)
                     ? json_array_append_new(parent, value)
                     : json_object_set_new_nocheck(parent, buf_text(&reader->key), value);
    return failed == 0 || error_memory(reader->err);
}

static bool read_key(struct reader *reader)
{
    if (!read_text(reader, &reader->key))
        return false;
    if (!reader->last_counts &&
        json_object_get(reader->stack[reader->depth - 1], buf_text(&reader->key)))
        return refuse(reader, "a key comes twice");
    if (peek_behind_space(reader) != ':')
        return refuse(reader, "a colon was expected");
    reader->at++;
    return true;
}

/* Goes down into it, up to the place of its first value, or of its end when there is none. */
static bool enter(struct reader *reader, json_t *value, bool *is_empty)
{
    if (reader->depth == DOC_DEPTH_MAX)
        return error_set(reader->err, ERROR_LIMIT, 0, "JSON: deeper than %d levels at byte %zu",
                         DOC_DEPTH_MAX, reader->at - 1);
    reader->stack[reader->depth++] = value;
    bool is_object = json_is_object(value);
    *is_empty = peek_behind_space(reader) == (is_object ? '}' : ']');
    return *is_empty || !is_object || read_key(reader);
}

/* Behind a value: up, as far as arrays and objects end, then to the next value's place. */
static bool go_on(struct reader *reader)
{
    while (reader->depth > 0) {
        bool is_object = json_is_object(reader->stack[reader->depth - 1]);
        char c = peek_behind_space(reader);
        if (c == ',') {
            reader->at++;
            return !is_object || read_key(reader);
        }
        if (c != (is_object ? '}' : ']'))
            return refuse(reader, "a comma or the end was expected");
        reader->at++;
        reader->depth--;
    }
    return true;
}

static bool read_all(struct reader *reader)
{
    do {
        json_t *value = begin_value(reader);
        if (!value || !place(reader, value))
            return false;
        bool is_over = !json_is_object(value) && !json_is_array(value);
        if (!is_over && !enter(reader, value, &is_over))
            return false;
        if (is_over && !go_on(reader))
            return false;
    } while (reader->depth > 0);
    if (peek_behind_space(reader) != '\0' || reader->at < reader->text.len)
        return refuse(reader, "something stands behind the value");
    return true;
}

json_t *doc_read(struct span text, bool last_counts, struct error *err)
{
    struct reader reader = {.text = text, .last_counts = last_counts, .err = err};
    reader.key.limit = reader.string.limit = text.len + 1;
    bool ok = read_all(&reader);
    buf_wipe(&reader.key);
    buf_wipe(&reader.string);
    if (ok)
        return reader.root;
    json_decref(reader.root);
    return NULL;
}
