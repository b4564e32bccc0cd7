/* Heads of messages and the rules about them that no version of HTTP changes. */
#include "culvert/http/message.h"

#include "culvert/base/encode.h"

#include "chars.h"

#include <arpa/inet.h>

enum {
    SCHEME_MAX = 8,      /* "https" is the longest known */
    HOST_MAX = 255,      /* a name of the DNS with its last dot */
    PORT_DIGITS_MAX = 5, /* 65535 */
};

void request_head_init(struct request_head *head)
{
    *head = (struct request_head){
        .method = BUF_LIMIT(METHOD_MAX),
        .scheme = BUF_LIMIT(SCHEME_MAX),
        .authority = BUF_LIMIT(AUTHORITY_MAX),
        .target = BUF_LIMIT(TARGET_MAX),
    };
    headers_init(&head->fields);
}

void request_head_release(struct request_head *head)
{
    buf_release(&head->method);
    buf_release(&head->scheme);
    buf_release(&head->authority);
    buf_release(&head->target);
    headers_release(&head->fields);
}

static bool text_copy(struct buf *to, const struct buf *from)
{
    buf_clear(to);
    return buf_put_span(to, buf_span(from));
}

bool request_head_copy(struct request_head *to, const struct request_head *from, struct error *err)
{
    if (!text_copy(&to->method, &from->method) || !text_copy(&to->scheme, &from->scheme) ||
        !text_copy(&to->authority, &from->authority) || !text_copy(&to->target, &from->target))
        return error_memory(err);
    headers_clear(&to->fields);
    if (!headers_copy(&to->fields, &from->fields, err))
        return false;
    to->length = from->length;
    to->ends_here = from->ends_here;
    to->is_for_proxy = from->is_for_proxy;
    to->is_http10 = from->is_http10;
    to->is_websocket = from->is_websocket;
    to->wants_continue = from->wants_continue;
    return true;
}

bool request_is(const struct request_head *head, struct span method)
{
    return span_equal(buf_span(&head->method), method);
}

bool request_is_grpc(const struct request_head *head)
{
    const struct span grpc = SPAN("application/grpc");
    struct span type;
    return headers_find(&head->fields, SPAN("content-type"), &type) &&
           span_equal_nocase(span_first(type, grpc.len), grpc);
}

bool request_is_safe(const struct request_head *head)
{
    static const struct span methods[] = {SPAN_INIT("GET"), SPAN_INIT("HEAD"), SPAN_INIT("OPTIONS"),
                                          SPAN_INIT("TRACE")};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (request_is(head, methods[i]))
            return true;
    return false;
}

bool request_is_idempotent(const struct request_head *head)
{
    return request_is_safe(head) || request_is(head, SPAN("PUT")) ||
           request_is(head, SPAN("DELETE"));
}

struct span request_path(const struct request_head *head)
{
    struct span target = buf_span(&head->target);
    return span_first(target, span_find(target, '?'));
}

bool request_path_is_whole(const struct request_head *head)
{
    struct span path = request_path(head);
    size_t at;
    while ((at = span_find(path, '%')) < path.len) {
        path = span_skip(path, at + 1);
        if (path.len < 2 || hex_value(path.data[0]) < 0 || hex_value(path.data[1]) < 0)
            return false;
    }
    return true;
}

bool request_set_short(struct error *err)
{
    return error_set(err, ERROR_INVALID, 0,
                     "the request's body is shorter than its content-length");
}

/* Puts `part`, with every byte that is not of the class as an escape. */
static bool put_escaped(struct buf *out, struct span part, enum char_class plain)
{
    static const char digits[] = "0123456789ABCDEF";
    while (part.len > 0) {
        size_t run = chars_span(part, plain);
        if (!buf_put_span(out, span_first(part, run)))
            return false;
        part = span_skip(part, run);
        if (part.len == 0)
            break;
        unsigned char byte = (unsigned char)part.data[0];
        const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
        if (!buf_put(out, escape, sizeof escape))
            return false;
        part = span_skip(part, 1);
    }
    return true;
}

bool target_escape(struct span target, struct buf *out)
{
    size_t path_len = span_find(target, '?');
    return put_escaped(out, span_first(target, path_len), CHAR_PATH) &&
           put_escaped(out, span_skip(target, path_len), CHAR_QUERY);
}

void response_head_init(struct response_head *head)
{
    *head = (struct response_head){.length = LENGTH_UNKNOWN};
    headers_init(&head->fields);
}

void response_head_release(struct response_head *head)
{
    headers_release(&head->fields);
}

bool response_is_interim(const struct response_head *head)
{
    return head->status >= 100 && head->status < 200 && head->status != 101;
}

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

const char *status_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

static bool port_is_valid(struct span port)
{
    uint64_t number;
    return port.len > 0 && port.len <= PORT_DIGITS_MAX && port.data[0] != '0' &&
           span_to_u64(port, UINT16_MAX, &number);
}

static bool is_ip6(struct span text)
{
    char copy[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len))
        return false;
    memcpy(copy, text.data, text.len);
    return inet_pton(AF_INET6, copy, &address) == 1;
}

bool authority_is_valid(struct span authority)
{
    size_t host_len;
    if (authority.len > 0 && authority.data[0] == '[') {
        size_t end = span_find(authority, ']');
        if (end == authority.len || !is_ip6(span_make(authority.data + 1, end - 1)))
            return false;
        host_len = end + 1;
    } else {
        host_len = chars_span(authority, CHAR_HOST);
        if (host_len == 0 || host_len > HOST_MAX)
            return false;
    }
    struct span port = span_skip(authority, host_len);
    return port.len == 0 || (port.data[0] == ':' && port_is_valid(span_skip(port, 1)));
}

struct hop_by_hop {
    const struct headers *fields; /* not changed before the last question */
    bool has_connection;
    bool keep_te;
    bool keep_switch;
};

static bool is_hop_by_hop(struct header field, void *arg)
{
    static const struct span names[] = {
        SPAN_INIT("Connection"),        SPAN_INIT("Keep-Alive"), SPAN_INIT("Proxy-Connection"),
        SPAN_INIT("Transfer-Encoding"), SPAN_INIT("Trailer"),    SPAN_INIT("Upgrade"),
    };
    const struct hop_by_hop *rules = arg;
    if (rules->keep_switch && (span_equal_nocase(field.name, SPAN("Connection")) ||
                               span_equal_nocase(field.name, SPAN("Upgrade"))))
        return false;
    if (span_equal_nocase(field.name, SPAN("TE")))
        return !rules->keep_te || !span_equal_nocase(field.value, SPAN("trailers"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_equal_nocase(field.name, names[i]))
            return true;
    return rules->has_connection &&
           headers_has_token(rules->fields, SPAN("Connection"), field.name);
}

void headers_remove_hop_by_hop(struct headers *fields, bool keep_te)
{
    struct hop_by_hop rules = {fields, headers_has(fields, SPAN("Connection")), keep_te, false};
    headers_remove_if(fields, is_hop_by_hop, &rules);
}

void headers_remove_hop_by_hop_of_switch(struct headers *fields)
{
    struct hop_by_hop rules = {fields, headers_has(fields, SPAN("Connection")), false, true};
    headers_remove_if(fields, is_hop_by_hop, &rules);
}

bool headers_content_length(const struct headers *fields, int64_t *length, struct error *err)
{
    *length = LENGTH_UNKNOWN;
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        if (!span_equal_nocase(field.name, SPAN("Content-Length")))
            continue;
        struct span rest = field.value.data ? field.value : SPAN("");
        struct span member;
        while (span_cut(&rest, ',', &member)) {
            uint64_t value;
            if (!span_to_u64(span_trim(member), INT64_MAX, &value))
                return error_set(err, ERROR_PROTOCOL, 0, "Content-Length is not a length");
            if (*length != LENGTH_UNKNOWN && *length != (int64_t)value)
                return error_set(err, ERROR_PROTOCOL, 0, "Content-Length twice and not equal");
            *length = (int64_t)value;
        }
    }
    return true;
}
