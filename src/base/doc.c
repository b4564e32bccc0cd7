/* JSON by jansson: a `struct doc` is its json_t. RFC 8259. */
#include "culvert/base/doc.h"

#include "doc_read.h"

#include <stdint.h>

enum {
    TEXT_MAX = 16 * 1024 * 1024, /* no document of ours comes near; it bounds the tree's memory */
};

/* jansson takes values that it does not change as json_t without const. */
static json_t *json_of(const struct doc *value)
{
    return (json_t *)(uintptr_t)value;
}

static struct doc *doc_of(json_t *value)
{
    return (struct doc *)value;
}

static struct doc *parse(struct span text, bool last_counts, struct error *err)
{
    if (text.len > TEXT_MAX) {
        error_set(err, ERROR_LIMIT, 0, "JSON: larger than %d bytes", TEXT_MAX);
        return NULL;
    }
    return doc_of(doc_read(text, last_counts, err));
}

struct doc *doc_parse(struct span text, struct error *err)
{
    return parse(text, false, err);
}

struct doc *doc_parse_last(struct span text, struct error *err)
{
    return parse(text, true, err);
}

void doc_free(struct doc *root)
{
    json_decref(json_of(root));
}

/* An array or object on the way through a tree. */
struct level {
    json_t *value;
    size_t index; /* of an array's next element */
    void *it;     /* an object's next member */
};

static struct level level_of(json_t *value)
{
    return (struct level){value, 0, json_object_iter(value)};
}

/* The next value inside; NULL at the end. */
static json_t *next_inner(struct level *level)
{
    if (json_is_array(level->value))
        return json_array_get(level->value, level->index++);
    void *it = level->it;
    level->it = it ? json_object_iter_next(level->value, it) : NULL;
    return it ? json_object_iter_value(it) : NULL;
}

static void wipe_text(json_t *text)
{
    explicit_bzero((char *)(uintptr_t)json_string_value(text), json_string_length(text));
}

/* What lies deeper than a parsed document may be is left as it is. */
static void wipe_texts(json_t *root)
{
    struct level stack[DOC_DEPTH_MAX + 1] = {level_of(root)};
    size_t depth = 1;
    while (depth > 0) {
        json_t *inner = next_inner(&stack[depth - 1]);
        if (!inner)
            depth--;
        else if (json_is_string(inner))
            wipe_text(inner);
        else if ((json_is_array(inner) || json_is_object(inner)) && depth <= DOC_DEPTH_MAX)
            stack[depth++] = level_of(inner);
    }
}

void doc_wipe(struct doc *root)
{
    if (json_is_string(json_of(root)))
        wipe_text(json_of(root));
    else
        wipe_texts(json_of(root));
    doc_free(root);
}

struct doc *doc_object(void)
{
    return doc_of(json_object());
}

struct doc *doc_array(void)
{
    return doc_of(json_array());
}

struct doc *doc_text(struct span text)
{
    return doc_of(json_stringn(text.data ? text.data : "", text.len));
}

struct doc *doc_int(int64_t number)
{
    return doc_of(json_integer(number));
}

struct doc *doc_real(double number)
{
    return doc_of(json_real(number));
}

struct doc *doc_bool(bool value)
{
    return doc_of(json_boolean(value));
}

struct doc *doc_null(void)
{
    return doc_of(json_null());
}

bool doc_put(struct doc *object, const char *key, struct doc *value)
{
    return json_object_set_new(json_of(object), key, json_of(value)) == 0;
}

bool doc_append(struct doc *array, struct doc *value)
{
    return json_array_append_new(json_of(array), json_of(value)) == 0;
}

bool doc_put_text(struct doc *object, const char *key, struct span text)
{
    return doc_put(object, key, doc_text(text));
}

bool doc_put_int(struct doc *object, const char *key, int64_t number)
{
    return doc_put(object, key, doc_int(number));
}

bool doc_put_bool(struct doc *object, const char *key, bool value)
{
    return doc_put(object, key, doc_bool(value));
}

enum doc_kind doc_kind(const struct doc *value)
{
    static const enum doc_kind kinds[] = {
        [JSON_OBJECT] = DOC_OBJECT, [JSON_ARRAY] = DOC_ARRAY, [JSON_STRING] = DOC_TEXT,
        [JSON_INTEGER] = DOC_INT,   [JSON_REAL] = DOC_REAL,   [JSON_TRUE] = DOC_BOOL,
        [JSON_FALSE] = DOC_BOOL,    [JSON_NULL] = DOC_NULL,
    };
    return value ? kinds[json_typeof(json_of(value))] : DOC_NULL;
}

const struct doc *doc_get(const struct doc *object, const char *key)
{
    return doc_of(json_object_get(json_of(object), key));
}

const struct doc *doc_next(const struct doc *object, const char **key)
{
    json_t *json = json_of(object);
    void *it =
        *key ? json_object_iter_next(json, json_object_key_to_iter(*key)) : json_object_iter(json);
    *key = it ? json_object_iter_key(it) : NULL;
    return it ? doc_of(json_object_iter_value(it)) : NULL;
}

const struct doc *doc_get_nocase(const struct doc *object, const char *key)
{
    const struct doc *found = NULL;
    const char *name = NULL;
    const struct doc *value;
    while ((value = doc_next(object, &name)))
        if (span_equal_nocase(span_of(name), span_of(key)))
            found = value;
    return found;
}

const struct doc *doc_at(const struct doc *array, size_t index)
{
    return doc_of(json_array_get(json_of(array), index));
}

size_t doc_count(const struct doc *value)
{
    const json_t *json = json_of(value);
    return json_is_object(json) ? json_object_size(json) : json_array_size(json);
}

const struct doc *doc_member(const struct doc *object, size_t index, const char **key)
{
    const char *name = NULL;
    const struct doc *value = doc_next(object, &name);
    while (value && index-- > 0)
        value = doc_next(object, &name);
    if (value && key)
        *key = name;
    return value;
}

bool doc_as_text(const struct doc *value, struct span *text)
{
    const json_t *json = json_of(value);
    if (!json_is_string(json))
        return false;
    *text = span_make(json_string_value(json), json_string_length(json));
    return true;
}

bool doc_as_int(const struct doc *value, int64_t *number)
{
    const json_t *json = json_of(value);
    if (!json_is_integer(json))
        return false;
    *number = json_integer_value(json);
    return true;
}

bool doc_as_real(const struct doc *value, double *number)
{
    const json_t *json = json_of(value);
    if (!json_is_number(json))
        return false;
    *number = json_number_value(json);
    return true;
}

bool doc_as_bool(const struct doc *value, bool *truth)
{
    const json_t *json = json_of(value);
    if (!json_is_boolean(json))
        return false;
    *truth = json_is_true(json);
    return true;
}

/* The member, NULL when it is absent or null. */
static const struct doc *get_present(const struct doc *object, const char *key)
{
    const struct doc *value = doc_get(object, key);
    return value && doc_kind(value) != DOC_NULL ? value : NULL;
}

static bool refuse(struct error *err, const char *key, const char *kind)
{
    return error_set(err, ERROR_INVALID, 0, "\"%s\" must be %s", key, kind);
}

bool doc_read_text(const struct doc *object, const char *key, struct span *text, struct error *err)
{
    const struct doc *value = get_present(object, key);
    return !value || doc_as_text(value, text) || refuse(err, key, "a text");
}

bool doc_read_int(const struct doc *object, const char *key, int64_t *number, struct error *err)
{
    const struct doc *value = get_present(object, key);
    return !value || doc_as_int(value, number) || refuse(err, key, "a whole number");
}

bool doc_read_bool(const struct doc *object, const char *key, bool *truth, struct error *err)
{
    const struct doc *value = get_present(object, key);
    return !value || doc_as_bool(value, truth) || refuse(err, key, "true or false");
}

/* jansson does not look whether a key could be written, so nothing may follow what was not. */
struct writer {
    struct buf *out;
    bool failed;
};

static int write_plain(const char *data, size_t len, void *arg)
{
    struct writer *writer = arg;
    writer->failed = writer->failed || !buf_put(writer->out, data, len);
    return writer->failed ? -1 : 0;
}

/* The three characters stand only inside of texts, so that they may be replaced everywhere. */
static int write_escaped(const char *data, size_t len, void *arg)
{
    struct writer *writer = arg;
    struct span rest = span_make(data, len);
    while (rest.len > 0 && !writer->failed) {
        size_t n = 0;
        while (n < rest.len && rest.data[n] != '<' && rest.data[n] != '>' && rest.data[n] != '&')
            n++;
        writer->failed = !buf_put(writer->out, rest.data, n) ||
                         (n < rest.len && !buf_printf(writer->out, "\\u%04x",
                                                      (unsigned)(unsigned char)rest.data[n]));
        rest = span_skip(rest, n + 1);
    }
    return writer->failed ? -1 : 0;
}

bool doc_format(const struct doc *value, enum doc_style style, struct buf *out)
{
    bool indent = style == DOC_INDENT;
    size_t flags = JSON_ENCODE_ANY | (indent ? JSON_INDENT(2) : JSON_COMPACT);
    size_t before = out->len;
    struct writer writer = {.out = out};
    if (json_dump_callback(json_of(value), indent ? write_escaped : write_plain, &writer, flags) ==
            0 &&
        !writer.failed)
        return true;
    if (out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return false;
}
