/* Results on stdout: tables for people, JSON and YAML for programs. */
#ifndef CULVERT_CLI_OUTPUT_H
#define CULVERT_CLI_OUTPUT_H

#include "culvert/base/buf.h"
#include "culvert/base/doc.h"

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_YAML };

/* "" is OUTPUT_TEXT. False: neither json nor yaml. */
bool output_format_parse(const char *text, enum output_format *format,
                         struct error *err) MUST_CHECK;

/* Appends a document as indented JSON, or as YAML: four columns a level, lists at the left edge.
 * False: `out` is full. */
bool output_put_doc(struct buf *out, const struct doc *doc, enum output_format format) MUST_CHECK;

enum { OUTPUT_COLUMNS_MAX = 8 };

/* Rows of cells; every column is as wide as its longest cell and one blank, the last one, too.
 * Embedded; start with {.columns = n}. */
struct output_table {
    size_t columns; /* 1 ... OUTPUT_COLUMNS_MAX */
    char **cells;
    size_t count;
};

/* Adds a cell, row by row; `text` is copied. False: out of memory. */
bool output_table_add(struct output_table *table, struct span text) MUST_CHECK;

/* Appends the whole rows. False: `out` is full. */
bool output_table_put(const struct output_table *table, struct buf *out) MUST_CHECK;
void output_table_release(struct output_table *table);

#endif
