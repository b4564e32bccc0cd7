/* The account certificate cert.pem of the command line: which account and zone it may manage, and
 * the token of the REST API, as JSON inside of a PEM block "ARGO TUNNEL TOKEN". */
#ifndef CULVERT_TUNNEL_ORIGIN_CERT_H
#define CULVERT_TUNNEL_ORIGIN_CERT_H

#include "culvert/base/buf.h"
#include "culvert/tunnel/edge_contact.h"

enum {
    ORIGIN_CERT_MAX = 128 * 1024, /* bytes of the file: old ones hold keys and certificates, too */
    ORIGIN_CERT_FIELD_MAX = 1024, /* bytes of each field but the contact */
};

/* Plain data; the struct owns all it points to. */
struct origin_cert {
    char *zone_id;        /* never empty */
    char *account_id;     /* "" when not given: no account may be managed */
    struct buf api_token; /* a text, never empty */
    char *endpoint;       /* lower case, "" when not given; "fed" selects another API */
    struct edge_contact contact;
};

/* The caller frees the result. NULL: `err` is one sentence, kind INVALID for what the text says. */
struct origin_cert *origin_cert_parse(struct span pem, struct error *err);

/* As origin_cert_parse for the file at `path`; `err` names it. A file that others may write is
 * refused (DENIED); *readable (NULL: not asked) tells that others may read it. */
struct origin_cert *origin_cert_load(const char *path, bool *readable, struct error *err);

/* A fresh one without endpoint and contact; all is copied. NULL: out of memory. */
struct origin_cert *origin_cert_new(struct span zone_id, struct span account_id,
                                    struct span api_token);

/* Appends the PEM text. False: `out` is full or memory. */
bool origin_cert_format(const struct origin_cert *cert, struct buf *out) MUST_CHECK;

/* Writes the file with mode 0600; one that exists is replaced as a whole. */
bool origin_cert_save(const struct origin_cert *cert, const char *path,
                      struct error *err) MUST_CHECK;

/* Wipes the API token and frees everything. NULL is allowed. */
void origin_cert_free(struct origin_cert *cert);

#endif
