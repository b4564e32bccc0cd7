/* The node of a YAML document and the reading of scalars; for the files of this noun only. */
#ifndef CULVERT_CONFIG_YAML_NODE_H
#define CULVERT_CONFIG_YAML_NODE_H

#include "culvert/config/yaml.h"

struct yml_entry {
    struct yml_node *key; /* NULL in a list */
    struct yml_node *value;
};

struct yml_node {
    const struct yml *document;
    struct yml_node *next; /* in the document's list of all nodes */
    enum yml_kind kind;
    bool is_open;  /* its end was not read yet */
    bool is_merge; /* a plain "<<" */
    int line, column;
    size_t weight; /* nodes seen when it is walked, itself included */
    struct yml_entry *entries;
    size_t count, cap;
    size_t text_len;
    char text[]; /* ends in a NUL */
};

/* What a scalar is: a plain one by its spelling, a quoted one a text, unless `tag` says more.
 * False: it is not spelled as its tag wants it ("!!int abc"). */
bool yml_scalar_kind(struct span text, bool is_plain, struct span tag,
                     enum yml_kind *kind) MUST_CHECK;

/* 2020-1-2, also with a time: 2020-01-02T03:04:05Z. */
bool yml_is_date(struct span text);

#endif
