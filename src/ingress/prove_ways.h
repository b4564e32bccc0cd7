/* Requests that a rule might get, and the ways in which the same request can be written; for
 * ingress/prove only. */
#ifndef CULVERT_INGRESS_PROVE_WAYS_H
#define CULVERT_INGRESS_PROVE_WAYS_H

#include "culvert/ingress/prove.h"

enum { SAMPLE_HOST_SIZE = 260, SAMPLE_PATH_SIZE = 700 };

/* Of a URL: the host in ASCII, the path with its escapes. */
struct sample {
    char host[SAMPLE_HOST_SIZE];
    char path[SAMPLE_PATH_SIZE];
};

/* "https://HOST/PATH". */
void sample_url(const struct sample *sample, char url[PROVE_URL_MAX]);

/* Puts a path without escapes in, those that it needs added. False: it is too long. */
bool sample_set_path(struct sample *sample, struct span path) MUST_CHECK;

/* How a request may be written so that some origins take it for the same. */
struct way {
    const char *name; /* of the difference, for sentences: "written with ..." */
    bool is_of_host;  /* else of the path */
    /* False: this sample cannot be written so. */
    bool (*write)(const struct sample *sample, struct sample *out);
};

/* The `index`th way; NULL behind the last one. */
const struct way *way_at(size_t index);

#endif
