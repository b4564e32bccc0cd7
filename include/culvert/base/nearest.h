/* The word that was meant by one that is not known: for "did you mean". */
#ifndef CULVERT_BASE_NEAREST_H
#define CULVERT_BASE_NEAREST_H

#include "culvert/base/span.h"

enum {
    NEAREST_DISTANCE_MAX = 2, /* letters that may differ */
    NEAREST_WORD_MAX = 48,    /* longer ones were not meant to be a word of ours */
};

/* Embedded; begin with the word in `meant` and the rest zero. */
struct nearest {
    struct span meant;
    const char *word; /* the nearest so far; NULL: none is near */
    size_t distance;  /* with `word`: letters to change, add or take away; their case is nothing */
};

/* `word` may be the one: looks whether it is nearer than those before. It is kept. */
void nearest_look(struct nearest *nearest, const char *word);

#endif
