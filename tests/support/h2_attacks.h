/* Attacks over HTTP/2 (RFC 9113 10.5 and what was found since). See support/attacker.h. */
#ifndef CULVERT_TESTS_SUPPORT_H2_ATTACKS_H
#define CULVERT_TESTS_SUPPORT_H2_ATTACKS_H

#include "support/attacker.h"

/* The table and its length. */
const struct attack *h2_attacks(size_t *count);

#endif
