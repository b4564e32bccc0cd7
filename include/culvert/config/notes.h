/* What is worth telling the operator about a configuration that is otherwise fine: keys nobody
 * reads, rules that can never match. The caller prints or logs them. */
#ifndef CULVERT_CONFIG_NOTES_H
#define CULVERT_CONFIG_NOTES_H

#include "culvert/base/span.h"

enum { NOTE_TEXT_MAX = 200, NOTE_HINT_MAX = 96, NOTES_MAX = 200 };

enum note_kind {
    NOTE_UNUSED_KEY,  /* of a block; text is the key alone */
    NOTE_UNKNOWN_KEY, /* of the file's top level; likewise */
    NOTE_ADVICE,      /* text is a sentence */
};

/* From 1; 0: not in a file. */
struct place {
    int line, column;
};

struct note {
    enum note_kind kind;
    struct place place;
    char text[NOTE_TEXT_MAX];
    char hint[NOTE_HINT_MAX]; /* "did you mean service?"; "" */
};

/* Embedded; all zero is empty. */
struct notes {
    struct note *all;
    size_t count;
    size_t left_out; /* beyond NOTES_MAX, or no memory for them */
};

/* `notes` NULL: nobody asks. */
void notes_add(struct notes *notes, enum note_kind kind, struct place place, const char *format,
               ...) PRINTF_LIKE(4, 5);

/* What the note that was added last may be about. */
void notes_hint(struct notes *notes, const char *format, ...) PRINTF_LIKE(2, 3);
void notes_release(struct notes *notes);

/* In the order of the file. */
void notes_sort(struct notes *notes);

#endif
