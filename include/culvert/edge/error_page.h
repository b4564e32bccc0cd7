/* One small clear page for what the edge itself has to say, as HTML, JSON or text by Accept. */
#ifndef CULVERT_EDGE_ERROR_PAGE_H
#define CULVERT_EDGE_ERROR_PAGE_H

#include "culvert/http/reply.h"

struct error_page {
    int status;
    const char *title;  /* "No such host" */
    const char *advice; /* one sentence: what a person may do */
    const char *ray;    /* the id in log and page */
};

/* Answers `in` and lets go of it: takes it over. 503 gets Retry-After. */
void error_page_send(struct loop *loop, struct inbound *in, const struct error_page *page);

/* The same for an exchange: `in` stays its owner's, `body` is kept by the caller until `in` is
 * closed. Returns the status; 0: only a reset was possible. */
int error_page_answer(struct inbound *in, const struct error_page *page, struct body *body);

#endif
