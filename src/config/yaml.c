/* libyaml's events become a tree. Every node is owned by the document; an alias is a second pointer
 * to its node, so the tree is in truth a graph without circles, and `weight` says how large it is
 * when walked. Scalars are told apart in yaml_scalar.c. */
#include "culvert/config/yaml.h"

#include "culvert/base/encode.h"
#include "culvert/base/map.h"
#include "yaml_node.h"

#include <assert.h>
#include <yaml.h>

enum {
    ANCHORS_MAX = 10000, /* names in one file */
    ENTRIES_FIRST = 8,
};

struct yml {
    struct yml_node *root;
    struct yml_node *nodes; /* all of them, newest first */
    size_t node_count;
    char *name;
};

/* The state while events arrive. */
struct builder {
    struct yml *document;
    struct map *anchors; /* name to node */
    struct yml_node *open[YML_DEPTH_MAX];
    struct yml_node *pending_key[YML_DEPTH_MAX]; /* of the maps in `open`: waits for its value */
    size_t depth;
    struct error *err;
};

static bool fail(const struct builder *b, const yaml_mark_t *mark, const char *what)
{
    return error_set(b->err, ERROR_INVALID, 0, "%s:%zu:%zu: %s", b->document->name, mark->line + 1,
                     mark->column + 1, what);
}

static bool fail_at(const struct builder *b, const struct yml_node *node, const char *what)
{
    return error_set(b->err, ERROR_INVALID, 0, "%s:%d:%d: %s", b->document->name, node->line,
                     node->column, what);
}

static struct yml_node *add_node(struct builder *b, const yaml_mark_t *mark, struct span text)
{
    if (b->document->node_count >= YML_NODES_MAX) {
        fail(b, mark, "the file is too large");
        return NULL;
    }
    struct yml_node *node = calloc(1, sizeof *node + text.len + 1);
    if (!node) {
        error_memory(b->err);
        return NULL;
    }
    if (text.len > 0)
        memcpy(node->text, text.data, text.len);
    node->text_len = text.len;
    node->document = b->document;
    node->line = (int)mark->line + 1;
    node->column = (int)mark->column + 1;
    node->weight = 1;
    node->next = b->document->nodes;
    b->document->nodes = node;
    b->document->node_count++;
    return node;
}

static bool append(struct builder *b, struct yml_node *container, struct yml_entry entry)
{
    if (container->count == container->cap) {
        size_t cap = container->cap ? container->cap * 2 : ENTRIES_FIRST;
        struct yml_entry *entries = realloc(container->entries, cap * sizeof *entries);
        if (!entries)
            return error_memory(b->err);
        container->entries = entries;
        container->cap = cap;
    }
    container->entries[container->count++] = entry;
    container->weight += entry.value->weight + (entry.key ? entry.key->weight : 0);
    return container->weight <= YML_NODES_MAX ||
           fail_at(b, container, "too large once its aliases are resolved");
}

/* A finished node goes to where it belongs: the root, an element, a key or a value. */
static bool put(struct builder *b, struct yml_node *node, const yaml_mark_t *mark)
{
    if (b->depth == 0) {
        b->document->root = node;
        return true;
    }
    struct yml_node *container = b->open[b->depth - 1];
    struct yml_node **key = &b->pending_key[b->depth - 1];
    assert(container);
    if (container->kind == YML_LIST)
        return append(b, container, (struct yml_entry){NULL, node});
    if (!*key) {
        if (node->kind == YML_LIST || node->kind == YML_MAP)
            return fail(b, mark, "a key must be a text, not a list or a map");
        *key = node;
        return true;
    }
    struct yml_entry entry = {*key, node};
    *key = NULL;
    return append(b, container, entry);
}

static bool remember_anchor(struct builder *b, const yaml_char_t *anchor, struct yml_node *node)
{
    return !anchor || map_put(b->anchors, span_of((const char *)anchor), node, NULL) ||
           fail_at(b, node, "too many anchors");
}

/* A "<<" that merges: a plain one, or one that is told to. */
static bool is_merge(struct span text, bool is_plain, struct span tag)
{
    if (!span_equal(text, SPAN("<<")))
        return false;
    return span_equal(tag, SPAN("tag:yaml.org,2002:merge")) ||
           (is_plain && (tag.len == 0 || span_equal(tag, SPAN("!"))));
}

static bool put_scalar(struct builder *b, const yaml_event_t *event, struct span text)
{
    const yaml_mark_t *mark = &event->start_mark;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct span tag = span_of((const char *)event->data.scalar.tag);
    struct yml_node *node = add_node(b, mark, text);
    if (!node)
        return false;
    if (!yml_scalar_kind(text, is_plain, tag, &node->kind))
        return fail(b, mark, "the value is not what its tag (!!) says");
    node->is_merge = is_merge(text, is_plain, tag);
    return remember_anchor(b, event->data.scalar.anchor, node) && put(b, node, mark);
}

static bool on_scalar(struct builder *b, const yaml_event_t *event)
{
    struct span text = span_make(event->data.scalar.value, event->data.scalar.length);
    struct span tag = span_of((const char *)event->data.scalar.tag);
    if (!span_equal(tag, SPAN("tag:yaml.org,2002:binary")))
        return put_scalar(b, event, text);
    struct buf letters = BUF_LIMIT(YML_BYTES_MAX);
    struct buf bytes = BUF_LIMIT(YML_BYTES_MAX);
    bool ok = true;
    struct span line;
    while (ok && span_cut(&text, '\n', &line))
        ok = buf_put_span(&letters, line) || error_memory(b->err);
    ok = ok && (base64_decode(BASE64_STANDARD, buf_span(&letters), &bytes) ||
                fail(b, &event->start_mark, "a !!binary value that is no base64"));
    ok = ok && put_scalar(b, event, buf_span(&bytes));
    buf_release(&letters);
    buf_release(&bytes);
    return ok;
}

static bool on_alias(struct builder *b, const yaml_event_t *event)
{
    struct yml_node *node = map_find(b->anchors, span_of((const char *)event->data.alias.anchor));
    if (!node)
        return fail(b, &event->start_mark, "an alias (*) without its anchor (&)");
    if (node->is_open)
        return fail(b, &event->start_mark, "an alias inside of what it stands for");
    return put(b, node, &event->start_mark);
}

static bool on_open(struct builder *b, enum yml_kind kind, const yaml_char_t *anchor,
                    const yaml_mark_t *mark)
{
    if (b->depth == YML_DEPTH_MAX)
        return fail(b, mark, "lists and maps are nested too deeply");
    struct yml_node *node = add_node(b, mark, SPAN(""));
    if (!node || !remember_anchor(b, anchor, node))
        return false;
    node->kind = kind;
    node->is_open = true;
    b->pending_key[b->depth] = NULL;
    b->open[b->depth++] = node;
    return true;
}

/* Adds the members of `from` whose keys are not there yet. */
static bool merge_one(struct builder *b, struct yml_node *map, const struct yml_node *from,
                      struct map *keys)
{
    if (from->kind != YML_MAP)
        return fail_at(b, from, "a merge key (<<) takes a map or a list of maps");
    for (size_t i = 0; i < from->count; i++) {
        struct yml_entry entry = from->entries[i];
        struct span key = yml_text(entry.key);
        if (map_find(keys, key))
            continue;
        if (!map_put(keys, key, entry.value, NULL))
            return error_memory(b->err);
        if (!append(b, map, entry))
            return false;
    }
    return true;
}

/* Notes each key once; takes the merge key, of which there can be one, out of the list. */
static bool collect_keys(struct builder *b, struct yml_node *map, struct map *keys,
                         const struct yml_node **merged)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        struct yml_entry entry = map->entries[i];
        if (map_find(keys, yml_text(entry.key)))
            return error_set(b->err, ERROR_INVALID, 0, "%s:%d:%d: the key \"%.64s\" stands twice",
                             b->document->name, entry.key->line, entry.key->column,
                             entry.key->text);
        if (!map_put(keys, yml_text(entry.key), entry.value, NULL))
            return error_memory(b->err);
        if (entry.key->is_merge)
            *merged = entry.value;
        else
            map->entries[kept++] = entry;
    }
    map->count = kept;
    return true;
}

static bool finish_map(struct builder *b, struct yml_node *map)
{
    const struct yml_node *merged = NULL;
    struct map *keys = map_new(YML_NODES_MAX);
    if (!keys)
        return error_memory(b->err);
    bool ok = collect_keys(b, map, keys, &merged);
    if (ok && merged && merged->kind == YML_LIST) {
        for (size_t i = 0; ok && i < merged->count; i++)
            ok = merge_one(b, map, merged->entries[i].value, keys);
    } else if (ok && merged) {
        ok = merge_one(b, map, merged, keys);
    }
    map_free(keys, NULL);
    return ok;
}

static bool on_close(struct builder *b, const yaml_event_t *event)
{
    struct yml_node *node = b->open[--b->depth];
    node->is_open = false;
    if (node->kind == YML_MAP && !finish_map(b, node))
        return false;
    const yaml_mark_t mark = {0, (size_t)node->line - 1, (size_t)node->column - 1};
    (void)event;
    return put(b, node, &mark);
}

/* One event; *done at the end of the first document, or of the file. */
static bool on_event(struct builder *b, const yaml_event_t *event, bool *done)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return on_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, YML_LIST, event->data.sequence_start.anchor, &event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, YML_MAP, event->data.mapping_start.anchor, &event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(b, event);
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        *done = true;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        return true;
    }
    return true;
}

/* libyaml knows no line when bytes are no text at all, only how far it came. */
static void mark_offset(struct span text, size_t offset, yaml_mark_t *mark)
{
    *mark = (yaml_mark_t){0};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        mark->column++;
        if (text.data[i] == '\n') {
            mark->line++;
            mark->column = 0;
        }
    }
}

static bool fail_syntax(const struct builder *b, const yaml_parser_t *parser, struct span text)
{
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR)
        return error_memory(b->err);
    if (parser->error == YAML_READER_ERROR)
        mark_offset(text, parser->problem_offset, &mark);
    return fail(b, &mark, parser->problem ? parser->problem : "this is no YAML");
}

static bool build(struct builder *b, struct span text)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return error_memory(b->err);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.len);
    bool ok = true;
    bool done = false;
    while (ok && !done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            ok = fail_syntax(b, &parser, text);
            break;
        }
        ok = on_event(b, &event, &done);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}

struct yml *yml_parse(struct span text, const char *name, struct error *err)
{
    struct builder b = {.document = calloc(1, sizeof *b.document), .err = err};
    bool ok = false;
    if (!b.document) {
        error_memory(err);
        return NULL;
    }
    b.document->name = span_dup(span_of(name));
    b.anchors = map_new(ANCHORS_MAX);
    if (!b.document->name || !b.anchors)
        error_memory(err);
    else if (text.len > YML_BYTES_MAX)
        error_set(err, ERROR_LIMIT, 0, "%s: larger than %d bytes", name, YML_BYTES_MAX);
    else
        ok = build(&b, text.data ? text : SPAN(""));
    map_free(b.anchors, NULL);
    if (ok)
        return b.document;
    yml_free(b.document);
    return NULL;
}

void yml_free(struct yml *document)
{
    if (!document)
        return;
    while (document->nodes) {
        struct yml_node *node = document->nodes;
        document->nodes = node->next;
        free(node->entries);
        free(node);
    }
    free(document->name);
    free(document);
}

const struct yml_node *yml_root(const struct yml *document)
{
    return document->root;
}

enum yml_kind yml_kind(const struct yml_node *node)
{
    return node->kind;
}

struct span yml_text(const struct yml_node *node)
{
    return span_make(node->text, node->text_len);
}

size_t yml_count(const struct yml_node *node)
{
    return node->count;
}

const struct yml_node *yml_at(const struct yml_node *node, size_t index)
{
    return node->entries[index].value;
}

const struct yml_node *yml_key(const struct yml_node *map, size_t index)
{
    return map->entries[index].key;
}

const struct yml_node *yml_get(const struct yml_node *map, const char *key)
{
    for (size_t i = 0; map->kind == YML_MAP && i < map->count; i++)
        if (span_equal(yml_text(map->entries[i].key), span_of(key)))
            return map->entries[i].value;
    return NULL;
}

int yml_line(const struct yml_node *node)
{
    return node->line;
}

int yml_column(const struct yml_node *node)
{
    return node->column;
}

const char *yml_name(const struct yml_node *node)
{
    return node->document->name;
}
