/* Tables by character width; YAML as the field's tools print it. */
#include "culvert/cli/output.h"

#include "culvert/base/utf8.h"
#include "culvert/config/yaml.h"

enum {
    YAML_DEPTH_MAX = 8, /* our documents have four levels */
    YAML_INDENT = 4,
};

bool output_format_parse(const char *text, enum output_format *format, struct error *err)
{
    static const struct {
        const char *text;
        enum output_format format;
    } formats[] = {{"", OUTPUT_TEXT}, {"json", OUTPUT_JSON}, {"yaml", OUTPUT_YAML}};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(text, formats[i].text) == 0) {
            *format = formats[i].format;
            return true;
        }
    }
    return error_set(err, ERROR_INVALID, 0, "the output format \"%.40s\" is neither json nor yaml",
                     text);
}

/* ---- YAML ---- */

/* Would it be read back as this text without quotes? */
static bool is_plain(struct span text)
{
    if (text.len == 0 || span_find(text, '\n') < text.len)
        return false;
    struct yml *file = yml_parse(text, "", NULL);
    const struct yml_node *root = file ? yml_root(file) : NULL;
    bool plain = root && yml_kind(root) == YML_TEXT && span_equal(yml_text(root), text) &&
                 text.data[0] != '"' && text.data[0] != '\'';
    yml_free(file);
    return plain;
}

/* In double quotes; control characters by number. */
static bool put_quoted(struct buf *out, struct span text)
{
    bool ok = buf_put_char(out, '"');
    for (size_t i = 0; ok && i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            ok = buf_put_char(out, '\\') && buf_put_char(out, (char)c);
        else if (c < 0x20 || c == 0x7F)
            ok = buf_printf(out, "\\x%02X", c);
        else
            ok = buf_put_char(out, (char)c);
    }
    return ok && buf_put_char(out, '"');
}

/* Points in time and everything that is no text stay plain. */
static bool put_scalar(struct buf *out, const struct doc *value)
{
    struct span text;
    if (!doc_as_text(value, &text))
        return doc_format(value, DOC_COMPACT, out);
    struct yml *file = yml_parse(text, "", NULL);
    bool is_date = file && yml_root(file) && yml_kind(yml_root(file)) == YML_DATE;
    yml_free(file);
    return is_date || is_plain(text) ? buf_put_span(out, text) : put_quoted(out, text);
}

/* A list or map that is being written. */
struct level {
    const struct doc *doc;
    size_t at;
    size_t indent;
};

static bool is_empty(const struct doc *value)
{
    return doc_count(value) == 0;
}

static bool is_nested(const struct doc *value)
{
    return doc_kind(value) == DOC_ARRAY || doc_kind(value) == DOC_OBJECT;
}

static bool put_indent(struct buf *out, size_t indent)
{
    return buf_printf(out, "%*s", (int)indent, "");
}

/* One element or member up to its value; *child: the value, if it is nested and not empty. */
static bool put_item(struct buf *out, struct level *level, bool *inline_map,
                     const struct doc **child)
{
    const char *key = NULL;
    bool is_list = doc_kind(level->doc) == DOC_ARRAY;
    const struct doc *value =
        is_list ? doc_at(level->doc, level->at) : doc_member(level->doc, level->at, &key);
    level->at++;
    /* The first member of a map in a list stands behind the dash. */
    if (*inline_map)
        *inline_map = false;
    else if (!put_indent(out, level->indent))
        return false;
    if (!(is_list ? buf_put_span(out, SPAN("-")) : buf_printf(out, "%s:", key)))
        return false;
    bool nested = is_nested(value);
    *child = nested && !is_empty(value) ? value : NULL;
    if (!nested)
        return buf_put_char(out, ' ') && put_scalar(out, value) && buf_put_char(out, '\n');
    if (!*child)
        return buf_put_span(out, doc_kind(value) == DOC_ARRAY ? SPAN(" []\n") : SPAN(" {}\n"));
    *inline_map = is_list;
    return buf_put_char(out, is_list ? ' ' : '\n');
}

static bool put_yaml(struct buf *out, const struct doc *root)
{
    struct level levels[YAML_DEPTH_MAX] = {{root, 0, 0}};
    size_t depth = 1;
    bool inline_map = false;
    if (!is_nested(root) || is_empty(root))
        return doc_format(root, DOC_COMPACT, out) && buf_put_char(out, '\n');
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        const struct doc *child = NULL;
        if (level->at == doc_count(level->doc)) {
            depth--;
            continue;
        }
        bool in_list = doc_kind(level->doc) == DOC_ARRAY;
        size_t indent = level->indent;
        if (!put_item(out, level, &inline_map, &child))
            return false;
        if (!child)
            continue;
        if (depth == YAML_DEPTH_MAX)
            return false;
        indent = in_list ? indent + 2 : YAML_INDENT * (indent / YAML_INDENT + 1);
        levels[depth++] = (struct level){child, 0, indent};
    }
    return true;
}

bool output_put_doc(struct buf *out, const struct doc *doc, enum output_format format)
{
    if (format == OUTPUT_YAML)
        return put_yaml(out, doc);
    return doc_format(doc, DOC_INDENT, out) && buf_put_char(out, '\n');
}

/* ---- tables ---- */

bool output_table_add(struct output_table *table, struct span text)
{
    char **cells = realloc(table->cells, (table->count + 1) * sizeof *cells);
    if (!cells)
        return false;
    table->cells = cells;
    cells[table->count] = span_dup(text);
    if (!cells[table->count])
        return false;
    table->count++;
    return true;
}

/* Characters, as a terminal has them for most scripts. */
static size_t width_of(struct span text)
{
    size_t width = 0;
    while (text.len > 0) {
        size_t len = utf8_first(text);
        text = span_skip(text, len ? len : 1);
        width++;
    }
    return width;
}

bool output_table_put(const struct output_table *table, struct buf *out)
{
    size_t widths[OUTPUT_COLUMNS_MAX] = {0};
    size_t count = table->count - table->count % table->columns;
    for (size_t i = 0; i < count; i++) {
        size_t width = width_of(span_of(table->cells[i]));
        size_t *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < count; i++) {
        struct span cell = span_of(table->cells[i]);
        size_t column = i % table->columns;
        if (!buf_put_span(out, cell) || !put_indent(out, widths[column] + 1 - width_of(cell)))
            return false;
        if (column + 1 == table->columns && !buf_put_char(out, '\n'))
            return false;
    }
    return true;
}

void output_table_release(struct output_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->count = 0;
}
