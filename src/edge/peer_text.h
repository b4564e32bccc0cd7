/* Words of a peer that end up in logs and answers: made printable and bounded. */
#ifndef CULVERT_SRC_EDGE_PEER_TEXT_H
#define CULVERT_SRC_EDGE_PEER_TEXT_H

#include "culvert/base/span.h"

/* Keeps what is printable and neither blank nor comma, cut to `size` with its NUL. */
void peer_text_keep(char *to, size_t size, struct span text);

/* Keeps the words of a list, joined by commas; words that do not fit are left out. */
void peer_text_keep_list(char *to, size_t size, const struct span *words, size_t count);

#endif
