/* Reads answers. Every name must lie before the place that points to it, so that reading ends. */
#include "culvert/net/dns_message.h"

enum {
    HEADER_SIZE = 12,
    FLAG_RESPONSE = 0x80,  /* third byte */
    FLAG_TRUNCATED = 0x02, /* third byte */
    CODE_MASK = 0x0f,      /* fourth byte */
    TYPE_SRV = 33,
    CLASS_IN = 1,
    LABEL_MAX = 63,
    POINTER = 0xc0,
    NAME_MAX_TEXT = 253,
};

struct cursor {
    const unsigned char *data;
    size_t len;
    size_t at;
};

static bool skip(struct cursor *cursor, size_t n)
{
    if (cursor->len - cursor->at < n)
        return false;
    cursor->at += n;
    return true;
}

static bool take_u16(struct cursor *cursor, uint16_t *value)
{
    if (cursor->len - cursor->at < 2)
        return false;
    const unsigned char *p = cursor->data + cursor->at;
    *value = (uint16_t)(p[0] << 8 | p[1]);
    cursor->at += 2;
    return true;
}

/* Steps over a name without reading where its pointer leads. */
static bool skip_name(struct cursor *cursor)
{
    while (cursor->at < cursor->len) {
        unsigned char head = cursor->data[cursor->at];
        if ((head & POINTER) == POINTER)
            return skip(cursor, 2);
        if (head > LABEL_MAX || !skip(cursor, 1u + head))
            return false;
        if (head == 0)
            return true;
    }
    return false;
}

static bool is_host_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Appends one label behind a dot. False: too long, or bytes that names of hosts do not have. */
static bool put_label(char out[DNS_NAME_SIZE], size_t *used, const unsigned char *label, size_t len)
{
    size_t dot = *used > 0 ? 1 : 0;
    if (*used + dot + len > NAME_MAX_TEXT)
        return false;
    if (dot)
        out[(*used)++] = '.';
    for (size_t i = 0; i < len; i++) {
        if (!is_host_byte(label[i]))
            return false;
        out[(*used)++] = (char)label[i];
    }
    return true;
}

/* The name at `at`; each pointer leads to a place before the one where this part began. */
static bool read_name(const struct cursor *cursor, size_t at, char out[DNS_NAME_SIZE])
{
    size_t used = 0;
    size_t bound = at;
    while (at < cursor->len) {
        unsigned char head = cursor->data[at];
        if (head == 0) {
            out[used] = '\0';
            return true;
        }
        if ((head & POINTER) == POINTER) {
            if (cursor->len - at < 2)
                return false;
            size_t to = (size_t)(head & ~POINTER & 0xff) << 8 | cursor->data[at + 1];
            if (to >= bound)
                return false;
            at = bound = to;
            continue;
        }
        if (head > LABEL_MAX || cursor->len - at - 1 < head ||
            !put_label(out, &used, cursor->data + at + 1, head))
            return false;
        at += 1u + head;
    }
    return false;
}

/* One answer; *is_srv says whether `record` was filled. */
static bool take_answer(struct cursor *cursor, struct dns_srv *record, bool *is_srv)
{
    uint16_t type, class, len;
    *is_srv = false;
    if (!skip_name(cursor) || !take_u16(cursor, &type) || !take_u16(cursor, &class) ||
        !skip(cursor, 4) || !take_u16(cursor, &len) || cursor->len - cursor->at < len)
        return false;
    size_t end = cursor->at + len;
    if (type == TYPE_SRV && class == CLASS_IN) {
        if (len < 7 || !take_u16(cursor, &record->priority) || !take_u16(cursor, &record->weight) ||
            !take_u16(cursor, &record->port))
            return false;
        size_t target = cursor->at;
        if (!skip_name(cursor) || cursor->at != end || !read_name(cursor, target, record->target))
            return false;
        *is_srv = record->target[0] != '\0';
    }
    cursor->at = end;
    return true;
}

bool dns_parse_srv(struct span message, struct dns_srv *records, size_t max, size_t *count,
                   struct error *err)
{
    struct cursor cursor = {(const unsigned char *)message.data, message.len, 4};
    uint16_t questions, answers;

    *count = 0;
    if (message.len < HEADER_SIZE || !(cursor.data[2] & FLAG_RESPONSE))
        return error_set(err, ERROR_PROTOCOL, 0, "not a DNS answer");
    if (cursor.data[2] & FLAG_TRUNCATED)
        return error_set(err, ERROR_PROTOCOL, 0, "the DNS answer is cut off");
    int code = cursor.data[3] & CODE_MASK;
    if (code != 0)
        return error_set(err, ERROR_PROTOCOL, code, "DNS response code %d", code);
    if (!take_u16(&cursor, &questions) || !take_u16(&cursor, &answers))
        return error_set(err, ERROR_PROTOCOL, 0, "not a DNS answer");
    cursor.at = HEADER_SIZE;
    for (unsigned i = 0; i < questions; i++)
        if (!skip_name(&cursor) || !skip(&cursor, 4))
            return error_set(err, ERROR_PROTOCOL, 0, "the DNS question is broken");
    for (unsigned i = 0; i < answers && *count < max; i++) {
        bool is_srv;
        if (!take_answer(&cursor, &records[*count], &is_srv))
            return error_set(err, ERROR_PROTOCOL, 0, "DNS answer %u is broken", i + 1);
        *count += is_srv ? 1 : 0;
    }
    return true;
}

/* Moves one record to the front; the others keep their order. */
static void move_first(struct dns_srv *records, size_t index)
{
    struct dns_srv chosen = records[index];
    memmove(records + 1, records, index * sizeof *records);
    records[0] = chosen;
}

/* Which of the records of one priority comes first: chance in proportion to the weight; of those
 * without weight each has a small one. */
static size_t pick(const struct dns_srv *records, size_t count, uint64_t (*draw)(uint64_t below))
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += records[i].weight;
    if (sum == 0)
        return (size_t)draw(count);
    uint64_t at = draw(sum + 1);
    uint64_t running = 0;
    for (size_t i = 0; i < count; i++) {
        running += records[i].weight;
        if (running >= at)
            return i;
    }
    return count - 1;
}

/* Lower priorities first; within one, those without weight first, as RFC 2782 wants it. */
static int compare(const void *left, const void *right)
{
    const struct dns_srv *a = left;
    const struct dns_srv *b = right;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return (a->weight > 0) - (b->weight > 0);
}

void dns_order_srv(struct dns_srv *records, size_t count, uint64_t (*draw)(uint64_t below))
{
    if (count < 2)
        return;
    qsort(records, count, sizeof *records, compare);
    for (size_t i = 0; i + 1 < count; i++) {
        size_t same = 1;
        while (i + same < count && records[i + same].priority == records[i].priority)
            same++;
        move_first(records + i, pick(records + i, same, draw));
    }
}
