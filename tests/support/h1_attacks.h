/* Attacks over HTTP/1.1: slow, deaf, without end, and readable in two ways. See support/attacker.h;
 * those that drip want attacker_say called again and again. */
#ifndef CULVERT_TESTS_SUPPORT_H1_ATTACKS_H
#define CULVERT_TESTS_SUPPORT_H1_ATTACKS_H

#include "support/attacker.h"

/* The table and its length. */
const struct attack *h1_attacks(size_t *count);

#endif
