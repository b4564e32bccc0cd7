/* Where a request carries its application token. */
#ifndef CULVERT_SRC_ACCESS_TOKEN_FIELD_H
#define CULVERT_SRC_ACCESS_TOKEN_FIELD_H

#include "culvert/http/headers.h"

/* The first Cf-Access-Jwt-Assertion; when there is no such field, the first cookie
 * CF_Authorization. Borrowed. False: there is none, or it is empty. */
bool token_field_find(const struct headers *fields, struct span *text);

#endif
