/* What a configuration says about ingress, types checked and nothing judged yet: the typed part of
 * config.yml, or a pushed JSON configuration. */
#ifndef CULVERT_INGRESS_SPEC_H
#define CULVERT_INGRESS_SPEC_H

#include "culvert/config/origin_request.h"

enum { RULES_MAX = 100 * 1000 };

/* Texts are owned and never NULL; "" means absent. */
struct rule_spec {
    char *hostname, *path, *service;
    struct origin_request origin; /* the rule's own keys only */
    struct place place, hostname_place, path_place, service_place;
};

/* Settings for TCP into the private network. */
struct warp_routing {
    int64_t connect_timeout_ns; /* 5 s */
    int64_t tcp_keep_alive_ns;  /* 30 s */
    uint64_t max_active_flows;  /* 0: any number */
};

/* What holds when nothing is written. */
struct warp_routing warp_routing_default(void);

struct ingress_spec {
    char *name;   /* of the file, for messages; "": there is none */
    char *tunnel; /* id or name */
    struct rule_spec *rules;
    size_t count;
    struct origin_request defaults; /* for all rules */
    struct warp_routing warp;
};

/* Reads the root of a file or of a pushed configuration; an absent one is an empty specification.
 * Keys of a file that nobody reads become notes, also when it fails. The caller frees it. NULL: a
 * value of another type, `err` names the place. */
struct ingress_spec *ingress_spec_read(struct value root, struct notes *notes, struct error *err);

/* The same of a flag's text, where the key for the private network is called WarpRouting. */
struct ingress_spec *ingress_spec_read_flag(struct value root, struct notes *notes,
                                            struct error *err);

void ingress_spec_free(struct ingress_spec *spec); /* NULL is allowed */

#endif
