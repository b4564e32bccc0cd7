/* The table of the keys of an origin request; for the files of this noun only. */
#ifndef CULVERT_CONFIG_ORIGIN_REQUEST_KEYS_H
#define CULVERT_CONFIG_ORIGIN_REQUEST_KEYS_H

#include "culvert/config/origin_request.h"

enum origin_key_kind {
    KIND_DURATION,
    KIND_INT,
    KIND_UINT,
    KIND_BOOL,
    KIND_TEXT,
    KIND_IP_RULES,
    KIND_ACCESS,
    KIND_ADDRESSES,
    KIND_HEALTH_CHECK,
    KIND_PROXY_PROTOCOL,
};

struct origin_key {
    const char *name;
    enum origin_key_kind kind;
    size_t offset;
    int64_t number;   /* default of numbers */
    const char *text; /* default of texts */
};

/* The `index`th key; NULL behind the last one. Its bit in `present` is BIT(index). */
const struct origin_key *origin_key_at(size_t index);

/* The member of `request` that the key is about. */
void *origin_key_member(struct origin_request *request, const struct origin_key *key);

/* Frees the lists of a block. */
void origin_request_free_ip_rules(struct origin_request *request);
void access_requirement_release(struct access_requirement *access);

#endif
