/* Parameters and results of the three methods by which a connector registers one connection at an
 * edge. Read functions borrow from the message; write functions fit rpc_payload.write. */
#ifndef CULVERT_RPC_REGISTRATION_H
#define CULVERT_RPC_REGISTRATION_H

#include "culvert/base/uuid.h"
#include "culvert/rpc/capnp_read.h"
#include "culvert/rpc/capnp_write.h"

#define REGISTRATION_INTERFACE UINT64_C(0xf71695ec7fe85497)

enum registration_method {
    REGISTRATION_REGISTER = 0,
    REGISTRATION_UNREGISTER = 1,
    REGISTRATION_UPDATE_LOCAL_CONFIGURATION = 2,
};

/* Connectors send five to seven; people may add their own. */
enum { REGISTRATION_FEATURES_MAX = 64 };

struct registration_params {
    struct span account_tag;
    struct span tunnel_secret; /* bytes */
    struct uuid tunnel_id;
    struct uuid client_id; /* of the connector process */
    uint8_t index;         /* of the HA connection */
    uint8_t attempts;      /* how often this index was tried since it was last up */
    uint8_t compression_quality;
    bool replace_existing;
    struct span version;
    struct span arch;     /* "linux_amd64" */
    struct span local_ip; /* 16 bytes, IPv4 is mapped; peers may send others or none */
    size_t feature_count;
    struct span features[REGISTRATION_FEATURES_MAX];
};

struct connection_details {
    struct uuid uuid;         /* of the HA connection */
    struct span location;     /* of the edge */
    bool is_remotely_managed; /* the edge keeps the configuration, it wants no local one */
};

struct registration_refusal {
    struct span cause;
    int64_t retry_after_ns;
    bool should_retry;
};

enum registration_outcome { REGISTRATION_REFUSED = 0, REGISTRATION_ACCEPTED = 1 };

struct registration_result {
    uint16_t outcome;                    /* enum registration_outcome, or a number we do not know */
    struct registration_refusal refusal; /* of REGISTRATION_REFUSED */
    struct connection_details details;   /* of REGISTRATION_ACCEPTED */
};

/* Causes with a meaning of their own. Duplicate: this connection is connected to this edge address
 * already, another address may take it. Unauthorized: the edge does not know the tunnel (yet), or
 * the secret is wrong. */
#define REGISTRATION_CAUSE_DUPLICATE    "EDUPCONN"
#define REGISTRATION_CAUSE_UNAUTHORIZED "Unauthorized"
bool registration_cause_is_duplicate(struct span cause);    /* exactly the word */
bool registration_cause_is_unauthorized(struct span cause); /* contains the word */

/* From the content of a payload. False: ERROR_PROTOCOL (a broken pointer, an id that is not of 16
 * bytes), or ERROR_LIMIT (too many features). */
bool registration_params_read(const struct capnp_struct *content,
                              struct registration_params *params, struct error *err) MUST_CHECK;
bool registration_result_read(const struct capnp_struct *content,
                              struct registration_result *result, struct error *err) MUST_CHECK;
bool registration_configuration_read(const struct capnp_struct *content, struct span *json,
                                     struct error *err) MUST_CHECK;

/* `value` is: struct registration_params, struct registration_result, struct span (JSON), NULL. */
void registration_params_write(struct capnp_writer *writer, struct capnp_place payload,
                               const void *value);
void registration_result_write(struct capnp_writer *writer, struct capnp_place payload,
                               const void *value);
void registration_configuration_write(struct capnp_writer *writer, struct capnp_place payload,
                                      const void *value);
/* A struct without fields: unregister's parameters, and results that say no more than "done". */
void registration_nothing_write(struct capnp_writer *writer, struct capnp_place payload,
                                const void *value);

#endif
