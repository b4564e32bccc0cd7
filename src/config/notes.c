/* A bounded list; losing a note is no failure. */
#include "culvert/config/notes.h"

#include <stdarg.h>

void notes_add(struct notes *notes, enum note_kind kind, struct place place, const char *format,
               ...)
{
    if (!notes)
        return;
    if (!notes->all)
        notes->all = calloc(NOTES_MAX, sizeof *notes->all);
    if (!notes->all || notes->count == NOTES_MAX) {
        notes->left_out++;
        return;
    }
    struct note *note = &notes->all[notes->count++];
    *note = (struct note){.kind = kind};
    note->place = place;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

void notes_hint(struct notes *notes, const char *format, ...)
{
    if (!notes || notes->count == 0 || notes->left_out > 0)
        return;
    struct note *note = &notes->all[notes->count - 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(note->hint, sizeof note->hint, format, args);
    va_end(args);
}

void notes_release(struct notes *notes)
{
    free(notes->all);
    *notes = (struct notes){0};
}

static int compare(const void *a, const void *b)
{
    const struct note *left = a;
    const struct note *right = b;
    if (left->place.line != right->place.line)
        return left->place.line < right->place.line ? -1 : 1;
    return (left->place.column > right->place.column) - (left->place.column < right->place.column);
}

void notes_sort(struct notes *notes)
{
    if (notes->count > 1)
        qsort(notes->all, notes->count, sizeof *notes->all, compare);
}
