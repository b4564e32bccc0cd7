/* What a connector needs to serve one tunnel: as the credentials file that `tunnel create` writes
 * and as the tunnel token, which says the same in one line of base64. */
#ifndef CULVERT_TUNNEL_CREDENTIALS_H
#define CULVERT_TUNNEL_CREDENTIALS_H

#include "culvert/base/buf.h"
#include "culvert/base/uuid.h"
#include "culvert/tunnel/edge_contact.h"

enum {
    CREDENTIALS_MAX = 64 * 1024,       /* bytes of the file: a CA is the longest part */
    CREDENTIALS_TOKEN_MAX = 96 * 1024, /* characters of a token: fits one argument of a command */
    CREDENTIALS_SECRET_MAX = 4096,     /* bytes; edges make 32 */
    CREDENTIALS_ACCOUNT_MAX = 256,     /* bytes; accounts have 32 */
    CREDENTIALS_ENDPOINT_MAX = 256,    /* bytes; a short word */
};

/* Plain data; the struct owns all it points to. */
struct credentials {
    char *account_tag;     /* never NULL or empty */
    struct uuid tunnel_id; /* nil: an old file that does not say it */
    struct buf secret;     /* the bytes, at least one */
    char *endpoint;        /* the region of the edge; "" when not given */
    struct edge_contact contact;
};

/* The caller frees each result. NULL: `err` is one sentence, kind INVALID for what the text says.
 * Keys are read without case, unknown ones are ignored. */
struct credentials *credentials_parse(struct span json, struct error *err);

/* As credentials_parse for the file at `path`; `err` names it. A file that others may write is
 * refused (DENIED); *readable (NULL: not asked) tells that others may read it. */
struct credentials *credentials_load(const char *path, bool *readable, struct error *err);

/* From a tunnel token: padded standard base64, line ends in it are skipped. It must name account,
 * secret and tunnel. */
struct credentials *credentials_from_token(struct span token, struct error *err);

/* Fresh credentials without contact; `secret` is copied. NULL: out of memory. */
struct credentials *credentials_new(struct span account_tag, const struct uuid *tunnel_id,
                                    struct span secret);

/* Appends the text of the file (no line end) or of the token. False: `out` is full or memory. */
bool credentials_format(const struct credentials *creds, struct buf *out) MUST_CHECK;
bool credentials_format_token(const struct credentials *creds, struct buf *out) MUST_CHECK;

/* Wipes the secret and frees everything. NULL is allowed. */
void credentials_free(struct credentials *creds);

#endif
