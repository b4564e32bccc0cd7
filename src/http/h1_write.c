/* Heads as bytes: checked first, then put together. */
#include "culvert/http/h1_write.h"

#include "chars.h"
#include "culvert/http/h1_body.h"

#include <inttypes.h>

static bool full(struct error *err)
{
    return error_set(err, ERROR_LIMIT, 0, "no room for the head");
}

static bool is_one_of(struct span name, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name.len == names[i].len && span_equal_nocase(name, names[i]))
            return true;
    return false;
}

/* Methods whose requests are understood to have no body when none is announced. */
static bool is_get_like(const struct request_head *head)
{
    static const struct span methods[] = {
        SPAN_INIT("GET"),    SPAN_INIT("HEAD"),     SPAN_INIT("OPTIONS"), SPAN_INIT("TRACE"),
        SPAN_INIT("DELETE"), SPAN_INIT("PROPFIND"), SPAN_INIT("SEARCH"),
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (request_is(head, methods[i]))
            return true;
    return false;
}

/* Those whose content has a meaning of its own: that there is none is said even when all ask for
 * is another protocol. */
static bool is_post_like(const struct request_head *head)
{
    return request_is(head, SPAN("POST")) || request_is(head, SPAN("PUT")) ||
           request_is(head, SPAN("PATCH"));
}

static struct h1_shape websocket_shape(const struct request_head *head)
{
    bool says_length = is_post_like(head);
    return (struct h1_shape){
        .body = says_length ? H1_BODY_LENGTH : H1_BODY_NONE,
        .length = says_length ? 0 : LENGTH_UNKNOWN,
        .connection = H1_CONNECTION_UPGRADE,
        .upgrade = SPAN("websocket"),
    };
}

struct h1_shape h1_request_shape(const struct request_head *head)
{
    if (head->is_websocket)
        return websocket_shape(head);
    if (!head->ends_here && head->length == LENGTH_UNKNOWN)
        return (struct h1_shape){
            .body = H1_BODY_CHUNKED, .length = LENGTH_UNKNOWN, .first_alone = is_get_like(head)};
    struct h1_shape shape = {.body = H1_BODY_LENGTH, .length = head->ends_here ? 0 : head->length};
    if (shape.length == 0 && is_get_like(head))
        shape = (struct h1_shape){.body = H1_BODY_NONE, .length = LENGTH_UNKNOWN};
    return shape;
}

static bool status_has_no_body(int status)
{
    return status < 200 || status == 204;
}

struct h1_shape h1_response_shape(const struct response_head *head, bool to_head, bool to_http10)
{
    struct h1_shape shape = {.body = H1_BODY_NONE, .length = head->length};
    if (status_has_no_body(head->status))
        shape.length = LENGTH_UNKNOWN;
    else if (head->length != LENGTH_UNKNOWN)
        shape.body = H1_BODY_LENGTH;
    else if (!to_head && head->status != 304)
        shape.body = to_http10 ? H1_BODY_UNTIL_CLOSE : H1_BODY_CHUNKED;
    if (shape.body == H1_BODY_UNTIL_CLOSE)
        shape.connection = H1_CONNECTION_CLOSE;
    return shape;
}

static bool put_field(struct buf *out, struct header field, struct error *err)
{
    if (!header_name_is_valid(field.name))
        return error_set(err, ERROR_INVALID, 0, "a field name is not a token");
    if (!header_value_is_valid(field.value))
        return error_set(err, ERROR_INVALID, 0, "a field value holds a control byte");
    size_t len = field.name.len + field.value.len + strlen(": \r\n");
    char *to = buf_room(out, len);
    if (!to)
        return full(err);
    header_canonical_name(field.name, to);
    to += field.name.len;
    *to++ = ':';
    *to++ = ' ';
    if (field.value.len)
        memcpy(to, field.value.data, field.value.len);
    to += field.value.len;
    *to++ = '\r';
    *to++ = '\n';
    buf_added(out, len);
    return true;
}

static bool put_shape(struct buf *out, const struct h1_shape *shape, struct error *err)
{
    static const char *const connections[] = {
        [H1_CONNECTION_SILENT] = "",
        [H1_CONNECTION_KEEP_ALIVE] = "Connection: keep-alive\r\n",
        [H1_CONNECTION_CLOSE] = "Connection: close\r\n",
        [H1_CONNECTION_UPGRADE] = "Connection: Upgrade\r\n",
    };
    if (shape->body == H1_BODY_CHUNKED &&
        !buf_put_span(out, SPAN("Transfer-Encoding: chunked\r\n")))
        return full(err);
    if (shape->body == H1_BODY_LENGTH &&
        !buf_printf(out, "Content-Length: %" PRId64 "\r\n", shape->length))
        return full(err);
    if (!buf_put_span(out, span_of(connections[shape->connection])))
        return full(err);
    if (shape->connection != H1_CONNECTION_UPGRADE)
        return true;
    if (shape->upgrade.len == 0)
        return error_set(err, ERROR_INVALID, 0, "an upgrade to nothing");
    return put_field(out, (struct header){SPAN("Upgrade"), shape->upgrade}, err);
}

/* Trailers have a place behind chunks only: no other body has them announced. */
static bool put_fields(struct buf *out, const struct headers *fields, enum h1_body_kind body,
                       struct error *err)
{
    static const struct span owned[] = {
        SPAN_INIT("Host"),       SPAN_INIT("Content-Length"), SPAN_INIT("Transfer-Encoding"),
        SPAN_INIT("Connection"), SPAN_INIT("Keep-Alive"),     SPAN_INIT("Proxy-Connection"),
        SPAN_INIT("Upgrade"),
    };
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        bool is_for_chunks = span_equal_nocase(field.name, SPAN("Trailer"));
        if (is_one_of(field.name, owned, ARRAY_LEN(owned)) ||
            (is_for_chunks && body != H1_BODY_CHUNKED))
            continue;
        if (!put_field(out, field, err))
            return false;
    }
    return buf_put_span(out, SPAN("\r\n")) || full(err);
}

/* Host goes out with anything an operator may write into it, but never with what could end it or
 * name a second one. */
static bool host_is_writable(struct span host)
{
    for (size_t i = chars_span(host, CHAR_HOST); i < host.len; i++)
        if (!char_is(host.data[i], CHAR_TARGET) || strchr(",/?@\\", host.data[i]))
            return false;
    return true;
}

static bool check_request(const struct request_head *head, const struct h1_shape *shape,
                          struct error *err)
{
    struct span target = buf_span(&head->target);
    if (!header_name_is_valid(buf_span(&head->method)))
        return error_set(err, ERROR_INVALID, 0, "the method is not a token");
    bool is_asterisk = span_equal(target, SPAN("*"));
    struct span begins = head->is_for_proxy ? SPAN("http://") : SPAN("/");
    if (!is_asterisk && !span_starts(target, begins))
        return error_set(err, ERROR_INVALID, 0, "the target does not begin with a slash");
    if (!host_is_writable(buf_span(&head->authority)))
        return error_set(err, ERROR_INVALID, 0, "the authority cannot be a Host");
    if (shape->body == H1_BODY_UNTIL_CLOSE)
        return error_set(err, ERROR_INVALID, 0, "a request cannot end by closing");
    return true;
}

/* Takes back what a failed writer has put. Returns false. */
static bool take_back(struct buf *out, size_t len)
{
    if (out->len > len) {
        out->len = len;
        out->data[len] = '\0';
    }
    return false;
}

bool h1_write_request(struct buf *out, const struct request_head *head,
                      const struct h1_shape *shape, struct error *err)
{
    size_t before = out->len;
    if (!check_request(head, shape, err))
        return false;
    struct header host = {SPAN("Host"), buf_span(&head->authority)};
    bool has_line = buf_put_span(out, buf_span(&head->method)) && buf_put_char(out, ' ') &&
                    target_escape(buf_span(&head->target), out) &&
                    buf_put_span(out, SPAN(" HTTP/1.1\r\n"));
    if (!has_line)
        (void)full(err);
    if (!has_line || !put_field(out, host, err) || !put_shape(out, shape, err) ||
        !put_fields(out, &head->fields, shape->body, err))
        return take_back(out, before);
    return true;
}

bool h1_write_response(struct buf *out, const struct response_head *head,
                       const struct h1_shape *shape, struct error *err)
{
    size_t before = out->len;
    if (head->status < 100 || head->status > 999)
        return error_set(err, ERROR_INVALID, 0, "the status is not three digits");
    struct h1_shape allowed = *shape;
    if (status_has_no_body(head->status))
        allowed.body = H1_BODY_NONE;
    bool has_line =
        buf_printf(out, "HTTP/1.1 %d %s\r\n", head->status, status_reason(head->status));
    if (!has_line)
        (void)full(err);
    if (!has_line || !put_shape(out, &allowed, err) ||
        !put_fields(out, &head->fields, allowed.body, err))
        return take_back(out, before);
    return true;
}

struct span h1_chunk_head(size_t size, char room[H1_CHUNK_HEAD_MAX])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = H1_CHUNK_HEAD_MAX;
    room[--at] = '\n';
    room[--at] = '\r';
    do {
        room[--at] = digits[size & 15];
        size >>= 4;
    } while (size > 0);
    return span_make(room + at, H1_CHUNK_HEAD_MAX - at);
}

bool h1_write_last_chunk(struct buf *out, const struct headers *trailers, struct error *err)
{
    size_t before = out->len;
    if (!buf_put_span(out, SPAN("0\r\n")))
        return full(err);
    for (size_t i = 0; trailers && i < trailers->count; i++) {
        struct header field = headers_at(trailers, i);
        if (trailer_is_allowed(field.name) && !put_field(out, field, err))
            return take_back(out, before);
    }
    if (!buf_put_span(out, SPAN("\r\n"))) {
        (void)full(err);
        return take_back(out, before);
    }
    return true;
}
