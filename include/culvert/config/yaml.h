/* A YAML file as a document whose nodes know their line and column. Only the first document of a
 * file is read. Anchors, aliases and merge keys are resolved; a key that stands twice in one map is
 * refused. The symbols say yml_, because yaml_ belongs to the library. */
#ifndef CULVERT_CONFIG_YAML_H
#define CULVERT_CONFIG_YAML_H

#include "culvert/base/span.h"

enum {
    YML_BYTES_MAX = 4 * 1024 * 1024, /* of a file: some ten thousand rules */
    YML_NODES_MAX = 500 * 1000,      /* an alias counts with all that it stands for */
    YML_DEPTH_MAX = 64,              /* lists and maps inside each other */
};

struct yml;
struct yml_node; /* borrowed, lives as long as its document */

/* What a node is to a reader without a schema (YAML 1.2 core, and dates). */
enum yml_kind {
    YML_NULL,
    YML_BOOL,
    YML_INT,
    YML_FLOAT,
    YML_DATE,
    YML_TEXT,
    YML_LIST,
    YML_MAP,
};

/* Parses one file; `name` is for messages. The caller frees the document. NULL: `err` begins with
 * "name:line:column: ". */
struct yml *yml_parse(struct span text, const char *name, struct error *err);
void yml_free(struct yml *document); /* NULL is allowed */

/* NULL: the file is empty or holds comments only. */
const struct yml_node *yml_root(const struct yml *document);

/* The kind, and its name for messages: "a text", "a list"; static text. */
enum yml_kind yml_kind(const struct yml_node *node);
const char *yml_kind_name(enum yml_kind kind);

/* A scalar as it was spelled, without quotes; "" for lists and maps. Ends in a NUL, which a text
 * may also hold inside. */
struct span yml_text(const struct yml_node *node);

/* Elements of a list, members of a map; 0 for scalars. */
size_t yml_count(const struct yml_node *node);

/* The `index`th element or value; index < yml_count. */
const struct yml_node *yml_at(const struct yml_node *node, size_t index);

/* The key of the `index`th member of a map. */
const struct yml_node *yml_key(const struct yml_node *map, size_t index);

/* The value under `key`; NULL: absent, or `map` is no map. */
const struct yml_node *yml_get(const struct yml_node *map, const char *key);

/* Where the node begins, both from 1; and the `name` given to yml_parse. */
int yml_line(const struct yml_node *node);
int yml_column(const struct yml_node *node);
const char *yml_name(const struct yml_node *node);

/* Number of an int (decimal, 0x, 0o, 0b, leading 0, "_" between digits) or float, cut to an
 * integer. False: another kind, or beyond 64 bits. */
bool yml_to_int(const struct yml_node *node, int64_t *number) MUST_CHECK;
/* The same without a sign. */
bool yml_to_uint(const struct yml_node *node, uint64_t *number) MUST_CHECK;

/* true and false; with `words` also y, yes, on, n, no, off, quoted or not. False: neither. */
bool yml_to_bool(const struct yml_node *node, bool words, bool *truth) MUST_CHECK;

#endif
