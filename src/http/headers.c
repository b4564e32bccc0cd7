/* Fields lie one behind the other in `bytes`, in order; a slot says where. What is removed is
 * marked first and squeezed out afterwards, so that names may point into the list while it is
 * searched. */
#include "culvert/http/headers.h"

#include "chars.h"

struct header_slot {
    uint32_t at; /* of the name; the value follows it */
    uint32_t name_len;
    uint32_t value_len;
    bool is_gone;
};

/* Apart from its owner, which has lists that are empty most of the time. */
struct header_list {
    struct buf bytes;
    size_t cap;
    struct header_slot slots[];
};

enum { SLOTS_FIRST = 16, SPARE_MAX = 64 * 1024 /* that an empty list keeps */ };

void headers_init(struct headers *headers)
{
    *headers = (struct headers){0};
}

void headers_release(struct headers *headers)
{
    if (headers->list)
        buf_release(&headers->list->bytes);
    free(headers->list);
    headers_init(headers);
}

void headers_clear(struct headers *headers)
{
    if (headers->list && headers->list->bytes.cap > SPARE_MAX)
        buf_release(&headers->list->bytes);
    headers->count = 0;
    if (headers->list)
        buf_clear(&headers->list->bytes);
}

size_t headers_bytes(const struct headers *headers)
{
    return headers->list ? headers->list->bytes.len : 0;
}

/* Room for another field's slot. */
static bool grow(struct headers *headers, struct error *err)
{
    size_t had = headers->list ? headers->list->cap : 0;
    if (headers->count < had)
        return true;
    size_t cap = had ? had * 2 : SLOTS_FIRST;
    struct header_list *list =
        realloc(headers->list, sizeof *list + cap * sizeof(struct header_slot));
    if (!list)
        return error_memory(err);
    if (had == 0)
        list->bytes = (struct buf)BUF_LIMIT(HEADERS_BYTES_MAX);
    list->cap = cap;
    headers->list = list;
    return true;
}

bool headers_add(struct headers *headers, struct span name, struct span value, struct error *err)
{
    size_t room = HEADERS_BYTES_MAX - headers_bytes(headers);
    if (name.len > room || value.len > room - name.len)
        return error_set(err, ERROR_LIMIT, 0, "fields above %d bytes", HEADERS_BYTES_MAX);
    if (headers->count >= HEADERS_COUNT_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d fields", HEADERS_COUNT_MAX);
    if (!grow(headers, err))
        return false;
    struct header_list *list = headers->list;
    char *to = buf_room(&list->bytes, name.len + value.len);
    if (!to)
        return error_memory(err);
    if (name.len)
        memcpy(to, name.data, name.len);
    if (value.len)
        memcpy(to + name.len, value.data, value.len);
    list->slots[headers->count++] = (struct header_slot){
        .at = (uint32_t)list->bytes.len,
        .name_len = (uint32_t)name.len,
        .value_len = (uint32_t)value.len,
    };
    buf_added(&list->bytes, name.len + value.len);
    return true;
}

bool headers_set(struct headers *headers, struct span name, struct span value, struct error *err)
{
    headers_remove(headers, name);
    return headers_add(headers, name, value, err);
}

struct header headers_at(const struct headers *headers, size_t index)
{
    const struct header_slot *slot = &headers->list->slots[index];
    const char *name = headers->list->bytes.data + slot->at;
    return (struct header){
        .name = span_make(name, slot->name_len),
        .value = span_make(name + slot->name_len, slot->value_len),
    };
}

/* The first field of that name at or after `from`; headers->count: none. */
static size_t find_from(const struct headers *headers, size_t from, struct span name)
{
    size_t i = from;
    while (i < headers->count && (headers->list->slots[i].name_len != name.len ||
                                  !span_equal_nocase(headers_at(headers, i).name, name)))
        i++;
    return i;
}

bool headers_find(const struct headers *headers, struct span name, struct span *value)
{
    size_t i = find_from(headers, 0, name);
    if (i == headers->count)
        return false;
    *value = headers_at(headers, i).value;
    return true;
}

bool headers_has(const struct headers *headers, struct span name)
{
    return find_from(headers, 0, name) < headers->count;
}

size_t headers_count_of(const struct headers *headers, struct span name)
{
    size_t n = 0;
    for (size_t i = find_from(headers, 0, name); i < headers->count;
         i = find_from(headers, i + 1, name))
        n++;
    return n;
}

/* Squeezes the marked fields out. */
static void sweep(struct headers *headers)
{
    struct header_list *list = headers->list;
    size_t kept = 0;
    size_t end = 0;
    for (size_t i = 0; i < headers->count; i++) {
        struct header_slot slot = list->slots[i];
        if (slot.is_gone)
            continue;
        size_t len = (size_t)slot.name_len + slot.value_len;
        if (slot.at != end)
            memmove(list->bytes.data + end, list->bytes.data + slot.at, len);
        slot.at = (uint32_t)end;
        list->slots[kept++] = slot;
        end += len;
    }
    headers->count = kept;
    list->bytes.len = end;
    list->bytes.data[end] = '\0';
}

void headers_remove_if(struct headers *headers, bool (*unwanted)(struct header field, void *arg),
                       void *arg)
{
    bool any = false;
    for (size_t i = 0; i < headers->count; i++) {
        struct header_slot *slot = &headers->list->slots[i];
        slot->is_gone = unwanted(headers_at(headers, i), arg);
        any = any || slot->is_gone;
    }
    if (any)
        sweep(headers);
}

void headers_remove(struct headers *headers, struct span name)
{
    size_t i = find_from(headers, 0, name);
    if (i == headers->count)
        return;
    for (; i < headers->count; i = find_from(headers, i + 1, name))
        headers->list->slots[i].is_gone = true;
    sweep(headers);
}

bool headers_has_token(const struct headers *headers, struct span name, struct span token)
{
    for (size_t i = find_from(headers, 0, name); i < headers->count;
         i = find_from(headers, i + 1, name)) {
        struct span rest = headers_at(headers, i).value;
        struct span member;
        while (span_cut(&rest, ',', &member))
            if (span_equal_nocase(span_trim(member), token))
                return true;
    }
    return false;
}

bool headers_join(const struct headers *headers, struct span name, struct buf *out)
{
    size_t start = out->len;
    for (size_t i = find_from(headers, 0, name); i < headers->count;
         i = find_from(headers, i + 1, name)) {
        if (out->len > start && !buf_put_span(out, SPAN(", ")))
            return false;
        if (!buf_put_span(out, headers_at(headers, i).value))
            return false;
    }
    return true;
}

void headers_move(struct headers *to, struct headers *from)
{
    headers_release(to);
    *to = *from;
    headers_init(from);
}

bool headers_copy(struct headers *to, const struct headers *from, struct error *err)
{
    for (size_t i = 0; i < from->count; i++) {
        struct header field = headers_at(from, i);
        if (!headers_add(to, field.name, field.value, err))
            return false;
    }
    return true;
}

bool header_name_is_valid(struct span name)
{
    return name.len > 0 && chars_span(name, CHAR_TOKEN) == name.len;
}

bool header_value_is_valid(struct span value)
{
    return chars_are_value(value);
}

void header_canonical_name(struct span name, char *out)
{
    bool is_first = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (is_first && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (!is_first && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        is_first = c == '-';
        out[i] = c;
    }
}
