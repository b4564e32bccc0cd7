/* What every answer of the API has around its result:
 * {"success":true,"errors":[{"code":1003,"message":"..."}],"result":...,"result_info":{...}} */
#ifndef CULVERT_API_ENVELOPE_H
#define CULVERT_API_ENVELOPE_H

#include "culvert/base/doc.h"
#include "culvert/net/fetch.h"

struct api_envelope {
    struct doc *root;                     /* owns the result; NULL: the answer had no body */
    const struct doc *result;             /* NULL: absent or null */
    bool has_result;                      /* it is there, if only as null */
    int64_t count, per_page, total_count; /* of a page; 0 when not said */
};

/* Reads an answer; success is a status of 2xx whose envelope (if there is a body) says so and has
 * no errors. The caller releases the envelope in every case. False: `err` has the codes and texts
 * of the API, else the meaning of the status; its cause is the status, its kind DENIED (401, 403),
 * INVALID (other 4xx), LIMIT (429), NETWORK (5xx) or PROTOCOL (not an envelope). */
bool api_envelope_read(const struct fetch_response *response, struct api_envelope *envelope,
                       struct error *err) MUST_CHECK;
void api_envelope_release(struct api_envelope *envelope);

#endif
