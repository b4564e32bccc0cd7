/* How to speak to an origin: the `originRequest` block of a rule or of the whole file. One table
 * knows every key; reading, inheritance and reporting walk it. */
#ifndef CULVERT_CONFIG_ORIGIN_REQUEST_H
#define CULVERT_CONFIG_ORIGIN_REQUEST_H

#include "culvert/config/origin_addresses.h"
#include "culvert/net/proxy_header.h"

/* An entry of ipRules, unjudged: only a SOCKS service asks for its truth. */
struct ip_rule {
    char *prefix; /* as written; NULL: none */
    int64_t *ports;
    size_t port_count;
    bool allow;
};

/* Who may pass: an application token of `team_name` for one of `audiences` is asked for. */
struct access_requirement {
    bool required;
    char *team_name; /* never NULL in a finished origin request, as all texts here */
    char **audiences;
    size_t audience_count;
    char *environment;
    char *issuer;    /* of the tokens, in place of the team's; "" */
    char *certs_url; /* of the issuer's keys, in place of the usual one; "" */
};

/* Durations are nanoseconds, duration_ms() makes milliseconds of them. Texts are owned. */
struct origin_request {
    int64_t connect_timeout_ns;     /* 30 s; 0: the kernel's limit; negative: fails at once */
    int64_t tls_timeout_ns;         /* 10 s; 0: none */
    int64_t tcp_keep_alive_ns;      /* 30 s idle; 0: 15 s; negative: off */
    int64_t keep_alive_timeout_ns;  /* 90 s; 0 or less: never */
    int64_t keep_alive_connections; /* 100 idle ones; 0: 2; negative: no reuse */
    char *http_host_header;         /* "": the visitor's */
    char *origin_server_name;       /* "": the service's host */
    char *ca_pool;                  /* path of a PEM file; "" */
    char *proxy_address;            /* no effect */
    uint64_t proxy_port;            /* no effect */
    char *proxy_type;               /* "socks" or without effect */
    bool no_happy_eyeballs, match_sni_to_host, no_tls_verify, disable_chunked_encoding;
    bool bastion_mode, http2_origin;
    struct ip_rule *ip_rules;
    size_t ip_rule_count;
    struct access_requirement access;
    struct origin_addresses addresses; /* beside the service's own; of a rule only */
    struct health_check health_check;  /* of all of them */
    enum proxy_version proxy_protocol; /* before each connection to the origin */
    unsigned present; /* which keys were written; a bit each, in the order of the table */
};

/* No key present, texts NULL. */
void origin_request_init(struct origin_request *request);
void origin_request_release(struct origin_request *request);

/* The defaults, no key present. False: out of memory. */
bool origin_request_set_defaults(struct origin_request *request, struct error *err) MUST_CHECK;

/* Reads a block into an initialised struct; an absent one is fine. Keys nobody knows become notes.
 * False: a value of another type, `err` names the place. */
bool origin_request_read(struct value block, struct origin_request *request, struct notes *notes,
                         struct error *err) MUST_CHECK;

/* The name of the `index`th key; NULL behind the last one. */
const char *origin_request_key(size_t index);

/* Sets one text, number or truth as if it had been written in a block: for flags of the command
 * line. `key` must be of the kind. False: out of memory. */
bool origin_request_set_text(struct origin_request *request, const char *key, struct span text,
                             struct error *err) MUST_CHECK;
void origin_request_set_duration(struct origin_request *request, const char *name,
                                 int64_t nanoseconds);
void origin_request_set_int(struct origin_request *request, const char *name, int64_t number);
void origin_request_set_bool(struct origin_request *request, const char *name, bool truth);

/* Copies into `request` each key that is present in `from` and not in `request`. An empty ipRules
 * counts as not present; access and healthCheck are taken as a whole. False: out of memory. */
bool origin_request_inherit(struct origin_request *request, const struct origin_request *from,
                            struct error *err) MUST_CHECK;

/* Same requirement? */
bool access_requirement_equal(const struct access_requirement *a,
                              const struct access_requirement *b);

/* The keys whose values differ from the defaults as a JSON object, durations in seconds. The caller
 * frees it. NULL: out of memory. */
struct doc *origin_request_to_doc(const struct origin_request *request);

/* All keys likewise, those that nobody set with their defaults. */
struct doc *origin_request_to_whole_doc(const struct origin_request *request);

#endif
