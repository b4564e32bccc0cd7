/* The envelope around results and errors; only the API's files write answers. */
#ifndef CULVERT_SRC_EDGE_API_ANSWER_H
#define CULVERT_SRC_EDGE_API_ANSWER_H

#include "culvert/edge/api_run.h"

/* One call on its way. */
struct api_work {
    const struct api_call *call;
    const struct api_context *context;
    struct store_account account; /* whose bearer it is */
    struct api_answer *answer;
};

/* Status 200 with `result` and `info` (NULL: none); both are taken over. A `result` of NULL means
 * that memory ran out while it was made. */
void api_succeed(struct api_answer *answer, struct doc *result, struct doc *info);

/* One error. */
void api_refuse(struct api_answer *answer, int status, enum api_code code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* What the store said; keeps it for the log. */
void api_fail(struct api_answer *answer, const struct error *err);

/* PUT of a DNS route. */
void api_put_route(struct api_work *work);

#endif
