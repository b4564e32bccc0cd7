/* Heads as nghttp2 wants them: borrowed name-value pairs, pseudo fields first (RFC 9113 8.3). */
#include "h2_internal.h"

/* The library takes them as mutable, copies them and lower-cases its copy. */
static nghttp2_nv pair(struct span name, struct span value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.data,
        .value = (uint8_t *)(uintptr_t)(value.data ? value.data : ""),
        .namelen = name.len,
        .valuelen = value.len,
        .flags = NGHTTP2_NV_FLAG_NONE,
    };
}

static void put(struct h2_fields *fields, struct span name, struct span value)
{
    fields->nv[fields->count++] = pair(name, value);
}

static bool begin(struct h2_fields *fields, const struct headers *list, size_t more,
                  struct error *err)
{
    memset(fields, 0, sizeof *fields);
    fields->nv = calloc(list->count + more, sizeof *fields->nv);
    return fields->nv ? true : error_memory(err);
}

/* What one hop says to the other has no place in HTTP/2 (8.2.2), except "te: trailers". */
static bool is_of_http1(struct header field)
{
    static const struct span names[] = {
        SPAN_INIT("connection"),
        SPAN_INIT("keep-alive"),
        SPAN_INIT("proxy-connection"),
        SPAN_INIT("transfer-encoding"),
        SPAN_INIT("upgrade"),
        SPAN_INIT("content-length"),
        SPAN_INIT("host"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (field.name.len == names[i].len && span_equal_nocase(field.name, names[i]))
            return true;
    return field.name.len == 2 && span_equal_nocase(field.name, SPAN("te")) &&
           !span_equal_nocase(field.value, SPAN("trailers"));
}

/* What 101 says in HTTP/1.1 only: the stream is the proof (RFC 8441 5). */
static bool is_of_handshake(struct header field)
{
    return span_equal_nocase(field.name, SPAN("Sec-WebSocket-Accept"));
}

/* Without what HTTP/2 has no place for. */
static void put_list(struct h2_fields *fields, const struct headers *list, bool is_handshake)
{
    for (size_t i = 0; i < list->count; i++) {
        struct header field = headers_at(list, i);
        if (!is_of_http1(field) && !(is_handshake && is_of_handshake(field)))
            put(fields, field.name, field.value);
    }
}

static void put_length(struct h2_fields *fields, int64_t length)
{
    if (length == LENGTH_UNKNOWN)
        return;
    put(fields, SPAN("content-length"), span_from_u64((uint64_t)length, fields->length));
}

/* Methods whose meaning has a body: its absence is worth a word (RFC 9110 8.6). */
static bool says_zero(const struct request_head *head)
{
    return request_is(head, SPAN("POST")) || request_is(head, SPAN("PUT")) ||
           request_is(head, SPAN("PATCH"));
}

static bool fits(struct h2_fields *fields, const nghttp2_nv *nv, struct h2_room room,
                 enum error_kind kind, struct error *err)
{
    fields->size += nv->namelen + nv->valuelen + FIELD_OVERHEAD;
    if (nv->namelen > room.field || nv->valuelen > room.field)
        return error_set(err, kind, 0, "the field %.*s is over %zu bytes",
                         (int)(nv->namelen < 64 ? nv->namelen : 64), (const char *)nv->name,
                         room.field);
    if (fields->size > room.list)
        return error_set(err, kind, 0, "the fields are over %zu bytes", room.list);
    return true;
}

/* More than the peer has room for could cost it the connection with all its streams, not only the
 * one. */
static bool all_fit(struct h2_fields *fields, struct h2_room room, enum error_kind kind,
                    struct error *err)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (fits(fields, &fields->nv[i], room, kind, err))
            continue;
        h2_fields_release(fields);
        return false;
    }
    return true;
}

bool h2_fields_of_request(struct h2_fields *fields, const struct request_head *head,
                          struct h2_room room, struct error *err)
{
    if (!header_name_is_valid(buf_span(&head->method)))
        return error_set(err, ERROR_INVALID, 0, "the method is not a token");
    if (!begin(fields, &head->fields, 5, err))
        return false;
    put(fields, SPAN(":method"), buf_span(&head->method));
    put(fields, SPAN(":scheme"), head->scheme.len > 0 ? buf_span(&head->scheme) : SPAN("https"));
    if (head->authority.len > 0)
        put(fields, SPAN(":authority"), buf_span(&head->authority));
    put(fields, SPAN(":path"), buf_span(&head->target));
    put_list(fields, &head->fields, false);
    if (!head->ends_here || (head->length == 0 && says_zero(head)))
        put_length(fields, head->length);
    return all_fit(fields, room, ERROR_INVALID, err);
}

bool h2_fields_of_response(struct h2_fields *fields, const struct response_head *head,
                           struct h2_room room, struct error *err)
{
    if (head->status < 100 || head->status > 999)
        return error_set(err, ERROR_PROTOCOL, 0, "%d is no status", head->status);
    if (!begin(fields, &head->fields, 2, err))
        return false;
    int status = head->status == 101 ? 200 : head->status;
    put(fields, SPAN(":status"), span_from_u64((uint64_t)status, fields->status));
    put_list(fields, &head->fields, status != head->status);
    if (head->status >= 200)
        put_length(fields, head->length);
    return all_fit(fields, room, ERROR_PROTOCOL, err);
}

bool h2_fields_of_trailers(struct h2_fields *fields, const struct headers *trailers,
                           struct h2_room room, struct error *err)
{
    if (!begin(fields, trailers, 1, err))
        return false;
    put_list(fields, trailers, false);
    return all_fit(fields, room, ERROR_PROTOCOL, err);
}

void h2_fields_release(struct h2_fields *fields)
{
    free(fields->nv);
    fields->nv = NULL;
    fields->count = 0;
}
