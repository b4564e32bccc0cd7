/* The scanner of expressions: what its files share. */
#ifndef CULVERT_INGRESS_PATTERN_SCAN_H
#define CULVERT_INGRESS_PATTERN_SCAN_H

#include "pattern_re2.h"

struct scanner {
    struct span rest;
    struct buf *out;
    struct error *err;
    bool has_atom;      /* something stands there that a repetition may apply to */
    bool is_repeated;   /* the last thing was a repetition */
    unsigned atom_size; /* product of the counts of nested repetitions in the last atom */
    size_t depth;
    unsigned sizes[RE2_NEST_MAX + 1]; /* the largest atom_size in each open group */
};

static inline bool is_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_ascii_alnum(char c)
{
    return is_ascii_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The byte `ahead` of the next one, 0 behind the end: a NUL itself is refused beforehand. */
static inline char scan_peek(const struct scanner *s, size_t ahead)
{
    return ahead < s->rest.len ? s->rest.data[ahead] : '\0';
}

static inline void scan_skip(struct scanner *s, size_t n)
{
    s->rest = span_skip(s->rest, n);
}

/* Sets the error. Returns false. */
bool scan_refuse(struct scanner *s, const char *why);

/* Appends to the translation. */
bool scan_put(struct scanner *s, const char *text);
bool scan_put_rune(struct scanner *s, unsigned rune); /* escaped if it may mean something */

/* One character of valid UTF-8 from the front. */
unsigned scan_rune(struct scanner *s);

/* A backslash that stands for one character, in a class or outside. */
bool scan_escape(struct scanner *s, unsigned *rune);

/* "[...]", and what may stand in it and alone: "\pN" and the members of \d, \s, \w (NULL: none). */
bool scan_class(struct scanner *s);
bool scan_unicode_class(struct scanner *s, bool is_alone);
const char *scan_perl_class(char letter);

#endif
