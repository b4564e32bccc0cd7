/* One address of a rule's service. */
#ifndef CULVERT_ORIGIN_SPOT_H
#define CULVERT_ORIGIN_SPOT_H

#include "culvert/ingress/rule.h"

enum {
    SPOT_ADDRESS_SIZE = 272, /* a name of 253 letters and a port fit */
    SPOT_NAME_SIZE = 512,
};

struct spot {
    const char *host;                /* borrowed from the rule */
    uint16_t port;                   /* 0: the service has none */
    char address[SPOT_ADDRESS_SIZE]; /* "192.0.2.2:8080" */
    char name[SPOT_NAME_SIZE];       /* for messages: "http://app:8080 at 192.0.2.2:8080" */
};

/* How many a service with host and port has; the first is its own. */
size_t spot_count(const struct rule *rule);
void spot_find(const struct rule *rule, size_t index, struct spot *spot);

#endif
