/* Rule, opener, exchange: what happens to a visitor's request at the connector. */
#ifndef CULVERT_CONNECTOR_REQUEST_HANDLER_H
#define CULVERT_CONNECTOR_REQUEST_HANDLER_H

#include "culvert/access/verifier.h"
#include "culvert/connector/live_config.h"
#include "culvert/http/inbound.h"
#include "culvert/observe/tunnel_metrics.h"

struct request_handler;

struct request_handler_options {
    struct loop *loop;
    struct live_config *config;     /* borrowed */
    struct verifier *verifier;      /* borrowed */
    struct tunnel_metrics *metrics; /* borrowed */
    /* Requests for it are about the connector itself and never a rule's; NULL or "": none. */
    const char *management_hostname;
};

/* The caller owns it. NULL: memory. */
struct request_handler *request_handler_new(const struct request_handler_options *options);

/* No request may run any more. NULL is allowed. */
void request_handler_free(struct request_handler *handler);

/* Takes `in` over: serves it by its rule. `index`: the HA connection, for the log. */
void request_handler_serve(struct request_handler *handler, struct inbound *in, size_t index);

/* The edge manages the rules: while there are none of any source, requests wait for its first ones,
 * within the limits of early_requests.h. */
void request_handler_expect_rules(struct request_handler *handler);

/* The live configuration changed: who waited for that is served by it. */
void request_handler_rules_changed(struct request_handler *handler);

/* Takes `in` over, a stream of kind TCP: bytes to the address in its authority, which no rule is
 * asked about. */
void request_handler_serve_flow(struct request_handler *handler, struct inbound *in, size_t index);

/* Ends all that run: 502 where nothing was sent yet, else a reset. */
void request_handler_cut(struct request_handler *handler, const struct error *why);

#endif
