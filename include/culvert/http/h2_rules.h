/* What RFC 9113 8 asks of a request, field by field, for a server whose library does not look. An
 * edge's requests are judged as the field's connector judges them: what nobody could take is
 * malformed, what is merely out of place is answered, and what can be said anew without harm
 * passes. */
#ifndef CULVERT_HTTP_H2_RULES_H
#define CULVERT_HTTP_H2_RULES_H

#include "culvert/http/message.h"

/* Of one request; all zero before its first field. */
struct h2_rules {
    const char *fault; /* what makes it malformed (8.1.1): to be reset; static; NULL: nothing yet */
    uint64_t length;   /* if `has_length` */
    unsigned char pseudo, misplaced; /* bits of the fields that came */
    bool has_regular, has_length, has_host, has_te;
};

/* The next field of its head; blanks at the ends of *value are cut off. False: it is not for those
 * who read on: a fault, or a field that has no place in HTTP/2. */
bool h2_rules_field(struct h2_rules *rules, struct span name, struct span *value) MUST_CHECK;

/* `head`: what the fields made, pseudo fields at least. False: malformed. */
bool h2_rules_head_done(struct h2_rules *rules, const struct request_head *head) MUST_CHECK;

/* A field behind the body. False: malformed. */
bool h2_rules_trailer(struct h2_rules *rules, struct span name, struct span *value) MUST_CHECK;

/* The text of the answer 400 to a head with fields that are of one hop of HTTP/1.1 (8.2.2), as the
 * field's connector says it; NULL: there is none of these. Static. */
const char *h2_rules_refusal(const struct h2_rules *rules);

#endif
