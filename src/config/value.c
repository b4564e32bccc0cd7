/* Two languages behind one set of reads. */
#include "culvert/config/value.h"

#include "culvert/base/duration.h"

#include <stdarg.h>

struct value value_of_yml(const struct yml_node *root)
{
    return (struct value){.yml = root, .key = "the file"};
}

struct value value_of_doc(const struct doc *root)
{
    return (struct value){.doc = root, .key = "the configuration"};
}

bool value_is_absent(struct value value)
{
    if (value.yml)
        return yml_kind(value.yml) == YML_NULL;
    return !value.doc || doc_kind(value.doc) == DOC_NULL;
}

bool value_fail(struct value value, struct error *err, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!value.yml)
        return error_set(err, ERROR_INVALID, 0, "%s", text);
    return error_set(err, ERROR_INVALID, 0, "%s:%d:%d: %s", yml_name(value.yml),
                     yml_line(value.yml), yml_column(value.yml), text);
}

static struct place place_of(const struct yml_node *node)
{
    return (struct place){yml_line(node), yml_column(node)};
}

struct place value_place(struct value value)
{
    return value.yml ? place_of(value.yml) : (struct place){0};
}

static const char *kind_name(struct value value)
{
    static const char *const names[] = {
        [DOC_NULL] = "nothing",  [DOC_BOOL] = "true or false", [DOC_INT] = "a whole number",
        [DOC_REAL] = "a number", [DOC_TEXT] = "a text",        [DOC_ARRAY] = "a list",
        [DOC_OBJECT] = "a map",
    };
    return value.yml ? yml_kind_name(yml_kind(value.yml)) : names[doc_kind(value.doc)];
}

static bool fail_kind(struct value value, struct error *err, const char *wanted)
{
    return value_fail(value, err, "%s must be %s, not %s", value.key, wanted, kind_name(value));
}

struct value value_member(struct value map, const char *key)
{
    struct value member = {.key = key};
    if (map.yml)
        member.yml = yml_get(map.yml, key);
    else if (map.doc)
        member.doc = doc_get_nocase(map.doc, key);
    return member;
}

bool value_is_map(struct value value, struct error *err)
{
    if (value_is_absent(value))
        return true;
    bool is_map = value.yml ? yml_kind(value.yml) == YML_MAP : doc_kind(value.doc) == DOC_OBJECT;
    return is_map || fail_kind(value, err, "a map");
}

bool value_is_list(struct value value, struct error *err)
{
    if (value_is_absent(value))
        return true;
    bool is_list = value.yml ? yml_kind(value.yml) == YML_LIST : doc_kind(value.doc) == DOC_ARRAY;
    return is_list || fail_kind(value, err, "a list");
}

size_t value_count(struct value list)
{
    if (list.yml)
        return yml_kind(list.yml) == YML_LIST ? yml_count(list.yml) : 0;
    return list.doc && doc_kind(list.doc) == DOC_ARRAY ? doc_count(list.doc) : 0;
}

struct value value_at(struct value list, size_t index)
{
    struct value element = {.key = list.key};
    if (list.yml)
        element.yml = yml_at(list.yml, index);
    else
        element.doc = doc_at(list.doc, index);
    return element;
}

bool value_text(struct value value, char **out, bool *present, struct error *err)
{
    if (value_is_absent(value))
        return true;
    struct span text;
    if (value.yml) {
        enum yml_kind kind = yml_kind(value.yml);
        if (kind == YML_LIST || kind == YML_MAP)
            return fail_kind(value, err, "a text");
        text = yml_text(value.yml);
    } else if (!doc_as_text(value.doc, &text)) {
        return fail_kind(value, err, "a text");
    }
    if (span_find(text, '\0') < text.len)
        return value_fail(value, err, "%s has a NUL in it", value.key);
    char *copy = span_dup(text);
    if (!copy)
        return error_memory(err);
    free(*out);
    *out = copy;
    *present = true;
    return true;
}

bool value_bool(struct value value, bool *out, bool *present, struct error *err)
{
    if (value_is_absent(value))
        return true;
    bool ok = value.yml ? yml_to_bool(value.yml, true, out) : doc_as_bool(value.doc, out);
    if (!ok)
        return fail_kind(value, err, "true or false without quotes");
    *present = true;
    return true;
}

bool value_int(struct value value, int64_t *out, bool *present, struct error *err)
{
    if (value_is_absent(value))
        return true;
    bool ok = value.yml ? yml_to_int(value.yml, out) : doc_as_int(value.doc, out);
    if (!ok)
        return fail_kind(value, err, "a whole number of 64 bits without quotes");
    *present = true;
    return true;
}

bool value_uint(struct value value, uint64_t *out, bool *present, struct error *err)
{
    if (value_is_absent(value))
        return true;
    int64_t number = 0;
    bool ok = false;
    if (value.yml) {
        ok = yml_to_uint(value.yml, out);
    } else if (doc_as_int(value.doc, &number) && number >= 0) {
        *out = (uint64_t)number;
        ok = true;
    }
    if (!ok)
        return fail_kind(value, err, "a whole number of 64 bits, not negative, without quotes");
    *present = true;
    return true;
}

bool value_duration(struct value value, int64_t *nanoseconds, bool *present, struct error *err)
{
    static const int64_t second = 1000000000;
    if (value_is_absent(value))
        return true;
    if (value.yml) {
        if (yml_kind(value.yml) != YML_TEXT)
            return fail_kind(value, err, "a duration such as 30s or 1m30s");
        if (!duration_parse(yml_text(value.yml), nanoseconds))
            return value_fail(value, err, "%s: \"%.40s\" is no duration such as 30s or 1m30s",
                              value.key, yml_text(value.yml).data);
    } else {
        int64_t seconds;
        if (!doc_as_int(value.doc, &seconds))
            return fail_kind(value, err, "a duration in whole seconds");
        if (seconds > INT64_MAX / second || seconds < INT64_MIN / second)
            return value_fail(value, err, "%s is too long a duration", value.key);
        *nanoseconds = seconds * second;
    }
    *present = true;
    return true;
}

bool value_keys_have(const char *(*name_at)(size_t index), struct nearest *nearest)
{
    const char *name;
    for (size_t i = 0; name_at && (name = name_at(i)); i++) {
        if (span_equal(nearest->meant, span_of(name)))
            return true;
        nearest_look(nearest, name);
    }
    return false;
}

void value_note_unused(struct value map, const struct value_keys *keys, struct notes *notes)
{
    if (!map.yml || yml_kind(map.yml) != YML_MAP)
        return;
    for (size_t i = 0; i < yml_count(map.yml); i++) {
        const struct yml_node *key = yml_key(map.yml, i);
        struct nearest here = {.meant = yml_text(key)};
        struct nearest below = here;
        if (yml_kind(key) == YML_NULL || value_keys_have(keys->name_at, &here))
            continue;
        notes_add(notes, NOTE_UNUSED_KEY, place_of(key), "%s", yml_text(key).data);
        if (value_keys_have(keys->below_at, &below))
            notes_hint(notes, "it belongs below %s", keys->below);
        else if (below.word && !here.word)
            notes_hint(notes, "%s belongs below %s", below.word, keys->below);
        else if (here.word)
            notes_hint(notes, "did you mean %s?", here.word);
    }
}
