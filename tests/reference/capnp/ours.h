/* Our encoder and decoder as plain C over flat values, for a C++ program that cannot include our
 * headers. */
#ifndef CULVERT_TESTS_REFERENCE_CAPNP_OURS_H
#define CULVERT_TESTS_REFERENCE_CAPNP_OURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { OURS_ID_SIZE = 16, OURS_FEATURES_MAX = 64, OURS_WHY_SIZE = 256 };

struct ours_bytes {
    const char *data;
    size_t len;
};

enum ours_content { OURS_NOTHING, OURS_PARAMS, OURS_CONFIGURATION, OURS_RESULT, OURS_CAPABILITY };

/* The fields of any message; what a kind does not have stays zero. */
struct ours_values {
    unsigned kind; /* tag of the message */
    uint32_t id;   /* question, answer, or export */
    uint32_t count;
    bool flag; /* releases parameters or results */
    unsigned outcome;
    unsigned exception;
    struct ours_bytes reason;
    unsigned unknown_tag;

    unsigned target;
    uint32_t target_id;
    uint64_t interface_id;
    unsigned method;

    enum ours_content content;
    uint32_t capability;
    struct ours_bytes json;

    struct ours_bytes account, secret, version, arch, local_ip;
    char tunnel[OURS_ID_SIZE], client[OURS_ID_SIZE];
    unsigned index, attempts, quality;
    bool replace;
    size_t feature_count;
    struct ours_bytes features[OURS_FEATURES_MAX];

    unsigned result;
    struct ours_bytes text; /* cause or location */
    int64_t retry_after;
    bool result_flag; /* should retry, or is managed */
    char uuid[OURS_ID_SIZE];
};

/* Reads a message whose content is of the kind values->content; the bytes found are borrowed from
 * `data`. False: `why` says why not. */
bool ours_decode(const char *data, size_t len, struct ours_values *values, char why[OURS_WHY_SIZE]);

/* Writes the message to `out` and returns its length; 0 when it does not fit. */
size_t ours_encode(const struct ours_values *values, char *out, size_t room);

#ifdef __cplusplus
}
#endif

#endif
