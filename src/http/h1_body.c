/* Chunked framing as a state per place in a chunk:
 *
 *   CHUNK_SIZE, perhaps CHUNK_BLANK or CHUNK_EXTENSION, CHUNK_SIZE_LF,
 *     size above 0: DATA, DATA_CR, DATA_LF, and the next CHUNK_SIZE
 *     size 0: TRAILERS, END
 *
 * The other kinds use DATA and END only. Line ends are CR LF here for everyone: a bare LF among
 * chunk sizes is how bodies are made to end in two places. */
#include "culvert/http/h1_body.h"

#include "chars.h"
#include "culvert/base/encode.h"
#include "h1_lines.h"

enum {
    SIZE_DIGITS_MAX = 16, /* a 64 bit number; zeros in front are counted, they are of no use */
};

void h1_body_init(struct h1_body *body, const struct h1_framing *framing, bool is_answer)
{
    *body = (struct h1_body){
        .kind = framing->body,
        .state = H1_BODY_DATA,
        .is_answer = is_answer,
        .line = BUF_LIMIT(H1_TRAILERS_MAX),
    };
    headers_init(&body->trailers);
    if (framing->body == H1_BODY_CHUNKED)
        body->state = H1_BODY_CHUNK_SIZE;
    else if (framing->body == H1_BODY_LENGTH && framing->length > 0)
        body->left = (uint64_t)framing->length;
    else if (framing->body != H1_BODY_UNTIL_CLOSE)
        body->state = H1_BODY_END;
}

void h1_body_release(struct h1_body *body)
{
    headers_release(&body->trailers);
    buf_release(&body->line);
}

bool h1_body_is_done(const struct h1_body *body)
{
    return body->state == H1_BODY_END;
}

bool h1_body_end_of_input(struct h1_body *body, struct error *err)
{
    if (body->kind == H1_BODY_UNTIL_CLOSE)
        body->state = H1_BODY_END;
    return body->state == H1_BODY_END || error_set(err, ERROR_NETWORK, 0, "the body was cut short");
}

bool trailer_is_allowed(struct span name)
{
    static const struct span forbidden[] = {
        SPAN_INIT("content-length"),
        SPAN_INIT("transfer-encoding"),
        SPAN_INIT("host"),
        SPAN_INIT("connection"),
        SPAN_INIT("keep-alive"),
        SPAN_INIT("proxy-connection"),
        SPAN_INIT("te"),
        SPAN_INIT("trailer"),
        SPAN_INIT("upgrade"),
        SPAN_INIT("expect"),
        SPAN_INIT("authorization"),
        SPAN_INIT("proxy-authorization"),
        SPAN_INIT("proxy-authenticate"),
        SPAN_INIT("www-authenticate"),
        SPAN_INIT("cookie"),
        SPAN_INIT("set-cookie"),
        SPAN_INIT("content-encoding"),
        SPAN_INIT("content-type"),
        SPAN_INIT("content-range"),
        SPAN_INIT("range"),
        SPAN_INIT("cache-control"),
        SPAN_INIT("pragma"),
        SPAN_INIT("max-forwards"),
        SPAN_INIT("vary"),
        SPAN_INIT("location"),
        SPAN_INIT("retry-after"),
        SPAN_INIT("if-match"),
        SPAN_INIT("if-none-match"),
        SPAN_INIT("if-modified-since"),
        SPAN_INIT("if-range"),
        SPAN_INIT("if-unmodified-since"),
        SPAN_INIT("forwarded"),
    };
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
        if (span_equal_nocase(name, forbidden[i]))
            return false;
    return true;
}

static enum h1_verdict bad(struct error *err, const char *text)
{
    (void)error_set(err, ERROR_PROTOCOL, 0, "%s", text);
    return H1_BAD;
}

/* To the visitor, an origin's excess is a broken answer like any other. */
static enum h1_verdict too_much(const struct h1_body *body, const char *text, struct error *err)
{
    (void)error_set(err, body->is_answer ? ERROR_PROTOCOL : ERROR_LIMIT, 0, "%s", text);
    return H1_BAD;
}

static enum h1_verdict read_size(struct h1_body *body, char c, struct error *err)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (body->digits++ == SIZE_DIGITS_MAX || body->left > (uint64_t)INT64_MAX >> 4)
            return bad(err, "a chunk size is too large");
        body->left = body->left << 4 | (uint64_t)digit;
        return H1_MORE;
    }
    if (body->digits == 0)
        return bad(err, "a chunk does not begin with its size");
    if (c == '\r')
        body->state = H1_BODY_CHUNK_SIZE_LF;
    else if (c == ';')
        body->state = H1_BODY_CHUNK_EXTENSION;
    else if (body->is_answer && (c == ' ' || c == '\t'))
        body->state = H1_BODY_CHUNK_BLANK;
    else
        return bad(err, "a chunk size is not a hexadecimal number");
    return H1_MORE;
}

/* Behind the size of an origin that fills it up with blanks. */
static enum h1_verdict read_blank(struct h1_body *body, char c, struct error *err)
{
    if (c == '\r')
        body->state = H1_BODY_CHUNK_SIZE_LF;
    else if (c == ';')
        body->state = H1_BODY_CHUNK_EXTENSION;
    else if (c != ' ' && c != '\t')
        return bad(err, "a chunk size is followed by something else");
    else if (body->extension_bytes++ == H1_EXTENSIONS_MAX)
        return too_much(body, "the chunk extensions are too large", err);
    return H1_MORE;
}

static enum h1_verdict read_extension(struct h1_body *body, char c, struct error *err)
{
    if (c == '\r')
        body->state = H1_BODY_CHUNK_SIZE_LF;
    else if (!char_is(c, CHAR_VALUE))
        return bad(err, "a chunk extension holds a control byte");
    else if (body->extension_bytes++ == H1_EXTENSIONS_MAX)
        return too_much(body, "the chunk extensions are too large", err);
    return H1_MORE;
}

/* One byte of the framing around the data. */
static enum h1_verdict read_framing(struct h1_body *body, char c, struct error *err)
{
    switch (body->state) {
    case H1_BODY_CHUNK_SIZE:
        return read_size(body, c, err);
    case H1_BODY_CHUNK_BLANK:
        return read_blank(body, c, err);
    case H1_BODY_CHUNK_EXTENSION:
        return read_extension(body, c, err);
    case H1_BODY_CHUNK_SIZE_LF:
        if (c != '\n')
            return bad(err, "a chunk size does not end in CR LF");
        body->digits = 0;
        body->state = body->left > 0 ? H1_BODY_DATA : H1_BODY_TRAILERS;
        return H1_MORE;
    case H1_BODY_DATA_CR:
        if (c != '\r')
            return bad(err, "a chunk is longer than its size");
        body->state = H1_BODY_DATA_LF;
        return H1_MORE;
    case H1_BODY_DATA_LF:
        if (c != '\n')
            return bad(err, "a chunk does not end in CR LF");
        body->state = H1_BODY_CHUNK_SIZE;
        return H1_MORE;
    case H1_BODY_DATA:
    case H1_BODY_TRAILERS:
    case H1_BODY_END:
        break;
    }
    return H1_MORE;
}

/* Chunks that hold next to nothing make us work for each of their bytes. */
static enum h1_verdict weigh_framing(struct h1_body *body, struct error *err)
{
    uint64_t allowed = H1_FRAMING_MAX + H1_FRAMING_FACTOR * body->payload_bytes;
    body->framing_bytes++;
    if (!body->is_answer && body->framing_bytes > allowed)
        return too_much(body, "the chunks have far more framing than payload", err);
    return H1_MORE;
}

/* A whole line of the trailer section without its LF. */
static enum h1_verdict read_trailer(struct h1_body *body, struct span line, struct error *err)
{
    struct header field;
    if (!span_ends(line, SPAN("\r")))
        return bad(err, "a trailer line ends without CR");
    line.len--;
    if (line.len == 0) {
        body->state = H1_BODY_END;
        return H1_DONE;
    }
    if (body->trailer_count++ == H1_TRAILER_COUNT_MAX)
        return too_much(body, "too many trailers", err);
    if (!h1_cut_field(line, &field) || !header_name_is_valid(field.name))
        return bad(err, "a trailer has no proper name");
    if (!header_value_is_valid(field.value))
        return bad(err, "a trailer value holds a control byte");
    if (trailer_is_allowed(field.name) &&
        !headers_add(&body->trailers, field.name, field.value, err))
        return H1_BAD;
    return H1_MORE;
}

/* Takes up to the end of one trailer line from `in`. */
static enum h1_verdict feed_trailers(struct h1_body *body, struct span in, size_t *taken,
                                     struct error *err)
{
    size_t lf = span_find(in, '\n');
    bool is_whole = lf < in.len;
    size_t take = is_whole ? lf + 1 : in.len;
    *taken = take;
    if (take > H1_TRAILERS_MAX - body->trailer_bytes)
        return too_much(body, "the trailers are too large", err);
    body->trailer_bytes += take;
    struct span line = span_first(in, lf);
    if (is_whole && body->line.len == 0)
        return read_trailer(body, line, err);
    if (!buf_put_span(&body->line, line)) {
        (void)error_memory(err);
        return H1_BAD;
    }
    if (!is_whole)
        return H1_MORE;
    enum h1_verdict verdict = read_trailer(body, buf_span(&body->line), err);
    buf_clear(&body->line);
    return verdict;
}

static enum h1_verdict feed_chunked(struct h1_body *body, struct span in, size_t *used,
                                    struct span *payload, struct error *err)
{
    enum h1_verdict verdict = H1_MORE;
    while (verdict == H1_MORE && *used < in.len) {
        struct span rest = span_skip(in, *used);
        if (body->state == H1_BODY_TRAILERS) {
            size_t taken;
            verdict = feed_trailers(body, rest, &taken, err);
            *used += taken;
            continue;
        }
        if (body->state != H1_BODY_DATA) {
            verdict = read_framing(body, rest.data[0], err);
            if (verdict == H1_MORE)
                verdict = weigh_framing(body, err);
            *used += 1;
            continue;
        }
        size_t take = rest.len < body->left ? rest.len : (size_t)body->left;
        *payload = span_first(rest, take);
        *used += take;
        body->left -= take;
        body->payload_bytes += take;
        if (body->left == 0)
            body->state = H1_BODY_DATA_CR;
        return H1_MORE;
    }
    return verdict;
}

enum h1_verdict h1_body_feed(struct h1_body *body, struct span in, size_t *used,
                             struct span *payload, struct error *err)
{
    *used = 0;
    *payload = SPAN_NONE;
    if (body->state == H1_BODY_END)
        return H1_DONE;
    if (body->kind == H1_BODY_CHUNKED)
        return feed_chunked(body, in, used, payload, err);
    size_t take = in.len;
    if (body->kind == H1_BODY_LENGTH && take > body->left)
        take = (size_t)body->left;
    *payload = span_first(in, take);
    *used = take;
    if (body->kind != H1_BODY_LENGTH)
        return H1_MORE;
    body->left -= take;
    if (body->left > 0)
        return H1_MORE;
    body->state = H1_BODY_END;
    return H1_DONE;
}
