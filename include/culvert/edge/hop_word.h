/* What two workers of the edge say to each other beside a request that crosses a hop, and beside
 * its answer: one field each. A hop's sockets never leave the process, and both ends put and take
 * these fields themselves, so no visitor and no connector has a say in them. */
#ifndef CULVERT_EDGE_HOP_WORD_H
#define CULVERT_EDGE_HOP_WORD_H

#include "culvert/edge/visitor_request.h"

enum hop_kind {
    HOP_TUNNEL, /* for a connection of a tunnel, as it would go to the connector */
    HOP_OWN,    /* for the edge itself, as the visitor sent it */
};

struct hop_word {
    enum hop_kind kind;
    struct uuid tunnel_id;
    struct uuid avoid;      /* the connection that failed it before; nil: none */
    struct visitor visitor; /* of HOP_OWN */
};

/* Puts the word in the place of all that bears its name. */
bool hop_word_put(struct headers *fields, const struct hop_word *word,
                  struct error *err) MUST_CHECK;

/* Takes it off. False: there is none, or one that nobody here says. */
bool hop_word_take(struct headers *fields, struct hop_word *word) MUST_CHECK;

/* Why the other worker has no answer of the tunnel's: `why` as the connection itself would have
 * failed the request, `connection` the id of the one that was tried, nil when none was. */
bool hop_failure_put(struct headers *fields, const struct error *why, const struct uuid *connection,
                     struct error *err) MUST_CHECK;

/* False: the answer is no failure of the hop's. One that cannot be read has kind PROTOCOL. */
bool hop_failure_find(const struct headers *fields, struct error *why, struct uuid *connection);

/* A connector's answer may hold what it likes, but not this. */
void hop_failure_strip(struct headers *fields);

#endif
