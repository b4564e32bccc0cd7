/* Whole numbers in files, variables and flags: decimal, 0x, 0o, 0b, leading 0, "_" between digits;
 * for the files of this room. */
#ifndef CULVERT_CONFIG_NUMBER_H
#define CULVERT_CONFIG_NUMBER_H

#include "culvert/base/span.h"

/* Longer spellings are no numbers of 64 bits. */
enum { NUMBER_TEXT_MAX = 96 };

bool number_is_digit(char c);

/* A copy without "_"; false: too long or empty. */
bool number_copy(struct span text, char out[NUMBER_TEXT_MAX]) MUST_CHECK;

/* Sign and magnitude of an integer of at most 64 bits; at most 2^63 when negative. */
bool number_parse_int(struct span text, bool *negative, uint64_t *magnitude) MUST_CHECK;

#endif
