/* How to reach one's own edge: the member "culvert" that cert.pem, credentials files and tunnel
 * tokens carry beside the members that every program of the field knows:
 * {"api":"https://edge.example.com/client/v4","edge":["edge.example.com:7844"],"ca":"<PEM>"} */
#ifndef CULVERT_TUNNEL_EDGE_CONTACT_H
#define CULVERT_TUNNEL_EDGE_CONTACT_H

#include "culvert/base/doc.h"

enum {
    EDGE_CONTACT_EDGES_MAX = 16,     /* four connections, a few machines */
    EDGE_CONTACT_API_MAX = 2048,     /* bytes of a URL */
    EDGE_CONTACT_ADDRESS_MAX = 264,  /* a name of 253 bytes, brackets, port */
    EDGE_CONTACT_CA_MAX = 32 * 1024, /* a dozen certificates */
};

/* Plain data; each text is owned by the struct, NULL when not given. Start with {0}. */
struct edge_contact {
    char *api;                           /* base URL of the REST API, http or https */
    char *edges[EDGE_CONTACT_EDGES_MAX]; /* "host:port" */
    size_t edge_count;
    char *ca; /* PEM certificates */
};

bool edge_contact_is_empty(const struct edge_contact *contact);

/* Fills an empty contact from the member "culvert" of `root`; absent or null leaves it empty.
 * False: `err` names the member, `contact` may be partly filled. */
bool edge_contact_read(struct edge_contact *contact, const struct doc *root,
                       struct error *err) MUST_CHECK;

/* Puts the member into `root`; an empty contact puts nothing. False: out of memory. */
bool edge_contact_put(const struct edge_contact *contact, struct doc *root) MUST_CHECK;

/* Fills the empty `copy`. False: out of memory, `copy` is empty. */
bool edge_contact_copy(struct edge_contact *copy, const struct edge_contact *contact) MUST_CHECK;

/* Frees the texts and leaves an empty contact. */
void edge_contact_release(struct edge_contact *contact);

#endif
