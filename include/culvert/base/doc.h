/* JSON documents over jansson: the one door to it. Typed reads name the path of what is wrong. */
#ifndef CULVERT_BASE_DOC_H
#define CULVERT_BASE_DOC_H

#include "culvert/base/buf.h"

/* A JSON value. A value read out of another one is borrowed and lives as long as its root. */
struct doc;

/* Parses one JSON text; duplicate keys are refused, depth and size are bounded. The caller frees
 * it. NULL: `err` says where. */
struct doc *doc_parse(struct span text, struct error *err);

/* The same, but of a key that stands twice in one object the last one counts: for configurations,
 * which are written for readers that do so. Oddities do not spoil the rest either: a whole number
 * beyond 64 bits is a real one, one beyond those the largest, half a character U+FFFD. */
struct doc *doc_parse_last(struct span text, struct error *err);
void doc_free(struct doc *root); /* NULL is allowed; only for roots */

/* As doc_free, but overwrites every text value first: for documents that hold a secret. */
void doc_wipe(struct doc *root);

/* New roots. NULL: out of memory. */
struct doc *doc_object(void);
struct doc *doc_array(void);
struct doc *doc_text(struct span text); /* must be UTF-8 */
struct doc *doc_int(int64_t number);
struct doc *doc_real(double number); /* finite */
struct doc *doc_bool(bool value);
struct doc *doc_null(void);

/* Puts `value` into `object` under `key` / behind the last element; takes `value` over in every
 * case (NULL: fails). Members keep the order in which they were put. */
bool doc_put(struct doc *object, const char *key, struct doc *value) MUST_CHECK;
bool doc_append(struct doc *array, struct doc *value) MUST_CHECK;

/* Short forms of doc_put. */
bool doc_put_text(struct doc *object, const char *key, struct span text) MUST_CHECK;
bool doc_put_int(struct doc *object, const char *key, int64_t number) MUST_CHECK;
bool doc_put_bool(struct doc *object, const char *key, bool value) MUST_CHECK;

enum doc_kind { DOC_NULL, DOC_BOOL, DOC_INT, DOC_REAL, DOC_TEXT, DOC_ARRAY, DOC_OBJECT };
/* NULL counts as DOC_NULL. */
enum doc_kind doc_kind(const struct doc *value);

/* The member / element, borrowed; NULL: absent (or `object` is no object). */
const struct doc *doc_get(const struct doc *object, const char *key);
/* As doc_get, ASCII letters of the key compare without case; of several the last one counts. */
const struct doc *doc_get_nocase(const struct doc *object, const char *key);
const struct doc *doc_at(const struct doc *array, size_t index);
size_t doc_count(const struct doc *value); /* elements or members; 0 for others */
/* The `index`th member in the order of the text: its key (borrowed) and value. NULL: no such. */
const struct doc *doc_member(const struct doc *object, size_t index, const char **key);
/* Walks all members in that order, in linear time: start with *key NULL, go on until it returns
 * NULL. *key is the one of the value returned. */
const struct doc *doc_next(const struct doc *object, const char **key);

/* Values; false when it is of another kind. */
bool doc_as_text(const struct doc *value, struct span *text) MUST_CHECK;
bool doc_as_int(const struct doc *value, int64_t *number) MUST_CHECK;
bool doc_as_real(const struct doc *value, double *number) MUST_CHECK; /* of whole ones too */
bool doc_as_bool(const struct doc *value, bool *truth) MUST_CHECK;

/* Typed members with a sentence: false and `err` "\"name\" must be a text" when of another kind.
 * Absent or null: the value stays as it was, true. */
bool doc_read_text(const struct doc *object, const char *key, struct span *text,
                   struct error *err) MUST_CHECK;
bool doc_read_int(const struct doc *object, const char *key, int64_t *number,
                  struct error *err) MUST_CHECK;
bool doc_read_bool(const struct doc *object, const char *key, bool *truth,
                   struct error *err) MUST_CHECK;

enum doc_style {
    DOC_COMPACT, /* no white space */
    DOC_INDENT,  /* two spaces a level; "<", ">", "&" escaped as \u003c ... */
};
/* Appends the text; false: `out` is full. */
bool doc_format(const struct doc *value, enum doc_style style, struct buf *out) MUST_CHECK;

#endif
