/* One entry for each setting: the spelling that won, and what it means. Each reader of a source
 * fills only what no stronger source has filled. */
#include "culvert/config/sources.h"

#include "culvert/base/duration.h"
#include "culvert/base/encode.h"
#include "culvert/base/nearest.h"
#include "number.h"

#include <assert.h>
#include <unistd.h>

enum { VALUES_MAX = 1000 /* elements of one list */ };

struct entry {
    const struct setting *setting;
    enum source source;
    char **values; /* as spelled: one, or the elements of a list; none: the default */
    size_t count;
    bool is_withheld; /* an empty variable stands before the file's value */
    int64_t number;   /* of whole numbers, durations (nanoseconds) and truths */
    char place[SOURCES_PLACE_MAX];
};

struct sources {
    struct entry *entries; /* own ones first, then the common ones */
    size_t own_count;
    size_t count;
};

/* ---- the environment ---- */

static const char *find_in_process(const char *name, void *arg)
{
    (void)arg;
    return getenv(name);
}

static char *const *list_of_process(void *arg)
{
    (void)arg;
    return environ;
}

const struct environment *environment_process(void)
{
    static const struct environment process = {find_in_process, NULL, list_of_process};
    return &process;
}

const char *environment_get(const struct environment *environment, const char *name)
{
    const char *value = environment->find(name, environment->arg);
    return value && value[0] != '\0' ? value : NULL;
}

/* ---- values ---- */

static bool parse_bool(struct span text, int64_t *number)
{
    static const char *const truths[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const lies[] = {"0", "f", "F", "FALSE", "false", "False"};
    for (size_t i = 0; i < ARRAY_LEN(truths); i++) {
        if (span_equal(text, span_of(truths[i])) || span_equal(text, span_of(lies[i]))) {
            *number = span_equal(text, span_of(truths[i]));
            return true;
        }
    }
    return false;
}

/* Beside flags and variables "_" stands between two digits only, in files anywhere. */
static bool separates_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool follows = i > 0 && text.data[i - 1] != '_' && hex_value(text.data[i - 1]) >= 0;
        bool follows_base = i == 2 && text.data[0] == '0';
        if (text.data[i] != '_')
            continue;
        if ((!follows && !follows_base) || i + 1 == text.len || hex_value(text.data[i + 1]) < 0)
            return false;
    }
    return true;
}

static bool parse_int(struct span text, int64_t *number)
{
    bool negative;
    uint64_t magnitude;
    if (!number_parse_int(text, &negative, &magnitude) || (!negative && magnitude > INT64_MAX))
        return false;
    *number = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* What a spelling means. NULL: it is of the kind; else what it should be. */
static const char *parse(enum setting_kind kind, struct span text, int64_t *number)
{
    switch (kind) {
    case SETTING_BOOL:
        return parse_bool(text, number) ? NULL : "true or false";
    case SETTING_INT:
        return parse_int(text, number) ? NULL : "a whole number";
    case SETTING_DURATION:
        return duration_parse(text, number) ? NULL : "a duration such as 30s or 1m30s";
    case SETTING_TEXT:
    case SETTING_LIST:
        return span_find(text, '\0') == text.len ? NULL : "a text without a NUL";
    }
    return NULL;
}

static void forget(struct entry *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        explicit_bzero(entry->values[i], strlen(entry->values[i])); /* it may be a token */
        free(entry->values[i]);
    }
    free(entry->values);
    entry->values = NULL;
    entry->count = 0;
}

static bool add_value(struct entry *entry, struct span text, struct error *err)
{
    if (entry->count == VALUES_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d values", VALUES_MAX);
    char **values = realloc(entry->values, (entry->count + 1) * sizeof *values);
    if (!values)
        return error_memory(err);
    entry->values = values;
    char *copy = span_dup(text);
    if (!copy)
        return error_memory(err);
    entry->values[entry->count++] = copy;
    return true;
}

/* Takes over one spelling from `source`; false: not of the kind. */
static bool set_value(struct entry *entry, enum source source, struct span text, struct error *err)
{
    int64_t number = 0;
    const char *wanted = parse(entry->setting->kind, text, &number);
    if (!wanted && entry->setting->kind == SETTING_INT && source != SOURCE_FILE &&
        !separates_digits(text))
        wanted = "a whole number";
    if (wanted)
        return error_set(err, ERROR_INVALID, 0, "\"%.*s\" is not %s",
                         SPAN_ARG(span_first(text, 60)), wanted);
    if (entry->setting->kind != SETTING_LIST || entry->source != source)
        forget(entry);
    entry->number = number;
    entry->source = source;
    return add_value(entry, text, err);
}

struct sources *sources_new(const struct setting *own, size_t own_count, struct error *err)
{
    struct sources *sources = calloc(1, sizeof *sources);
    size_t count = own_count + settings_count();
    if (sources)
        sources->entries = calloc(count, sizeof *sources->entries);
    if (!sources || !sources->entries) {
        free(sources);
        error_memory(err);
        return NULL;
    }
    sources->own_count = own_count;
    sources->count = count;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &sources->entries[i];
        entry->setting = i < own_count ? &own[i] : settings_at(i - own_count);
        struct span fallback = span_of(entry->setting->fallback);
        bool fits = !fallback.data || !parse(entry->setting->kind, fallback, &entry->number);
        assert(fits);
    }
    return sources;
}

void sources_free(struct sources *sources)
{
    if (!sources)
        return;
    for (size_t i = 0; i < sources->count; i++)
        forget(&sources->entries[i]);
    free(sources->entries);
    free(sources);
}

const struct setting *sources_find_own(const struct sources *sources, struct span name)
{
    for (size_t i = 0; i < sources->own_count; i++)
        if (setting_is_called(sources->entries[i].setting, name))
            return sources->entries[i].setting;
    return NULL;
}

/* ---- the readers ---- */

bool sources_set_flag(struct sources *sources, const struct setting *setting, struct span value,
                      struct error *err)
{
    size_t i = 0;
    while (sources->entries[i].setting != setting)
        i++;
    return set_value(&sources->entries[i], SOURCE_FLAG, value, err) ||
           error_wrap(err, "--%s", setting->name);
}

/* The elements of a list in a variable stand between commas. */
static bool set_variable(struct entry *entry, const char *value, struct error *err)
{
    struct span rest = span_of(value);
    struct span part;
    if (entry->setting->kind != SETTING_LIST)
        return set_value(entry, SOURCE_VARIABLE, rest, err);
    while (span_cut(&rest, ',', &part))
        if (!set_value(entry, SOURCE_VARIABLE, span_trim(part), err))
            return false;
    return true;
}

bool sources_read_environment(struct sources *sources, const struct environment *environment,
                              struct error *err)
{
    for (size_t i = 0; i < sources->count; i++) {
        struct entry *entry = &sources->entries[i];
        const char *const *names = entry->setting->variables;
        for (size_t n = 0; n < SETTING_NAMES_MAX && names[n]; n++) {
            const char *value = environment->find(names[n], environment->arg);
            bool is_empty = value && value[0] == '\0';
            if (!value || entry->source >= SOURCE_VARIABLE)
                continue;
            /* An empty one is no value of these kinds, and keeps the file's away all the same. */
            if (is_empty && entry->setting->kind != SETTING_TEXT)
                entry->is_withheld = true;
            else if (!set_variable(entry, value, err))
                return error_wrap(err, "the variable %s", names[n]);
            else
                (void)snprintf(entry->place, sizeof entry->place, "%s", names[n]);
        }
    }
    return true;
}

static bool is_variable(const struct sources *sources, struct nearest *nearest)
{
    for (size_t i = 0; i < sources->count; i++) {
        const char *const *names = sources->entries[i].setting->variables;
        for (size_t n = 0; n < SETTING_NAMES_MAX && names[n]; n++) {
            if (span_equal(nearest->meant, span_of(names[n])))
                return true;
            nearest_look(nearest, names[n]);
        }
    }
    return false;
}

void sources_suspect_variables(const struct sources *sources, const struct environment *environment,
                               void (*suspect)(void *arg, struct span name, const char *meant),
                               void *arg)
{
    char *const *at = environment->all ? environment->all(environment->arg) : NULL;
    for (; at && *at; at++) {
        struct span name = span_first(span_of(*at), span_find(span_of(*at), '='));
        struct nearest nearest = {.meant = name};
        /* Names without the prefix are anybody's. */
        if (span_starts(name, SPAN("TUNNEL_")) && !is_variable(sources, &nearest) && nearest.word)
            suspect(arg, name, nearest.word);
    }
}

static bool fail_at(const struct yml_node *node, const struct entry *entry, const char *wanted,
                    struct error *err)
{
    return error_set(err, ERROR_INVALID, 0, "%s:%d:%d: %s must be %s, not %s", yml_name(node),
                     yml_line(node), yml_column(node), entry->setting->name, wanted,
                     yml_kind_name(yml_kind(node)));
}

static bool set_from_list(struct entry *entry, const struct yml_node *list, struct error *err)
{
    if (yml_kind(list) != YML_LIST)
        return fail_at(list, entry, "a list of texts", err);
    for (size_t i = 0; i < yml_count(list); i++) {
        const struct yml_node *element = yml_at(list, i);
        if (yml_kind(element) != YML_TEXT)
            return fail_at(element, entry, "a list of texts", err);
        if (!set_value(entry, SOURCE_FILE, yml_text(element), err))
            return false;
    }
    return true;
}

static bool set_from_node(struct entry *entry, const struct yml_node *node, struct error *err)
{
    static const struct {
        enum yml_kind kind;
        const char *wanted;
    } kinds[] = {
        [SETTING_BOOL] = {YML_BOOL, "true or false"},
        [SETTING_TEXT] = {YML_TEXT, "a text"},
        [SETTING_INT] = {YML_INT, "a whole number"},
        [SETTING_DURATION] = {YML_TEXT, "a duration such as 30s"},
    };
    enum setting_kind kind = entry->setting->kind;
    if (kind == SETTING_LIST)
        return set_from_list(entry, node, err);
    if (yml_kind(node) != kinds[kind].kind)
        return fail_at(node, entry, kinds[kind].wanted, err);
    return set_value(entry, SOURCE_FILE, yml_text(node), err) ||
           error_wrap(err, "%s:%d:%d: %s", yml_name(node), yml_line(node), yml_column(node),
                      entry->setting->name);
}

static const char *text_of(const struct entry *entry)
{
    if (entry->count > 0)
        return entry->values[entry->count - 1];
    return entry->setting->fallback ? entry->setting->fallback : "";
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; names && *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

bool sources_read_file(struct sources *sources, const struct yml_node *root,
                       const char *const *unread, struct error *err)
{
    for (size_t i = 0; i < sources->count; i++) {
        struct entry *entry = &sources->entries[i];
        const struct yml_node *node = yml_get(root, entry->setting->name);
        if (!(entry->setting->traits & SETTING_FILE) || entry->source != SOURCE_DEFAULT ||
            entry->is_withheld || !node || yml_kind(node) == YML_NULL ||
            is_one_of(entry->setting->name, unread))
            continue;
        if (!set_from_node(entry, node, err))
            return false;
        if (entry->setting->kind == SETTING_TEXT && text_of(entry)[0] == '\0') {
            forget(entry);
            entry->source = SOURCE_DEFAULT;
            continue;
        }
        (void)snprintf(entry->place, sizeof entry->place, "%s:%d:%d", yml_name(node),
                       yml_line(node), yml_column(node));
    }
    return true;
}

/* ---- reading ---- */

static const struct entry *find_in(const struct sources *sources, size_t from, size_t to,
                                   const char *name)
{
    for (size_t i = from; i < to; i++)
        if (strcmp(sources->entries[i].setting->name, name) == 0)
            return &sources->entries[i];
    return NULL;
}

static const struct entry *find_common(const struct sources *sources, const char *name)
{
    return find_in(sources, sources->own_count, sources->count, name);
}

static const struct entry *find(const struct sources *sources, const char *name)
{
    const struct entry *own = find_in(sources, 0, sources->own_count, name);
    const struct entry *common = find_common(sources, name);
    if (!own || (own->source != SOURCE_FLAG && common && common->source == SOURCE_FLAG &&
                 common->setting->kind == own->setting->kind))
        own = common;
    assert(own);
    return own;
}

const char *sources_text(const struct sources *sources, const char *name)
{
    const struct entry *entry = find(sources, name);
    assert(entry->setting->kind == SETTING_TEXT);
    return text_of(entry);
}

const char *sources_common_text(const struct sources *sources, const char *name)
{
    const struct entry *entry = find_common(sources, name);
    assert(entry && entry->setting->kind == SETTING_TEXT);
    return text_of(entry);
}

bool sources_bool(const struct sources *sources, const char *name)
{
    const struct entry *entry = find(sources, name);
    assert(entry->setting->kind == SETTING_BOOL);
    return entry->number != 0;
}

int64_t sources_int(const struct sources *sources, const char *name)
{
    const struct entry *entry = find(sources, name);
    assert(entry->setting->kind == SETTING_INT);
    return entry->number;
}

int64_t sources_duration(const struct sources *sources, const char *name)
{
    const struct entry *entry = find(sources, name);
    assert(entry->setting->kind == SETTING_DURATION);
    return entry->number;
}

size_t sources_list_count(const struct sources *sources, const char *name)
{
    const struct entry *entry = find(sources, name);
    assert(entry->setting->kind == SETTING_LIST);
    return entry->count;
}

const char *sources_list_at(const struct sources *sources, const char *name, size_t index)
{
    return find(sources, name)->values[index];
}

enum source sources_where(const struct sources *sources, const char *name)
{
    return find(sources, name)->source;
}

bool sources_is_set(const struct sources *sources, const char *name)
{
    return find(sources, name)->source != SOURCE_DEFAULT;
}

void sources_describe(const struct sources *sources, const char *name, char *out, size_t size)
{
    const struct entry *entry = find(sources, name);
    switch (entry->source) {
    case SOURCE_DEFAULT:
        (void)snprintf(out, size, "the default");
        break;
    case SOURCE_FLAG:
        (void)snprintf(out, size, "--%s", name);
        break;
    case SOURCE_FILE:
    case SOURCE_VARIABLE:
        (void)snprintf(out, size, "%s", entry->place);
        break;
    }
}

bool sources_spell(const struct sources *sources, size_t index, struct buf *out)
{
    const struct entry *entry = &sources->entries[sources->own_count + index];
    if (entry->source == SOURCE_DEFAULT || (entry->setting->traits & SETTING_SECRET))
        return false;
    for (size_t i = 0; i < entry->count; i++)
        if ((i > 0 && !buf_put_char(out, ',')) || !buf_put_span(out, span_of(entry->values[i])))
            return false;
    return true;
}
