/* Makes messages of the JSON that stands beside the recorded bytes. */
#include "support/rpc_vector.h"

#include "culvert/base/doc.h"
#include "culvert/base/encode.h"
#include "culvert/base/file.h"
#include "harness.h"

enum { VECTOR_MAX = 64 << 10 };

const char *const rpc_vector_names[] = {
    "01-bootstrap.connector",
    "02-bootstrap-return.edge",
    "03-register.connector",
    "04-register-return-ok.edge",
    "05-finish-bootstrap.connector",
    "06-finish-register.connector",
    "07-update-local-configuration.connector",
    "08-update-local-configuration-return.edge",
    "09-finish-update-local-configuration.connector",
    "10-unregister.connector",
    "11-unregister-return.edge",
    "12-finish-unregister.connector",
    "13-release.connector",
    "14-abort.connector",
    "20-register-return-dup.edge",
    "21-register-return-unauthorized.edge",
    "22-register-return-retry.edge",
    "23-register-return-permanent.edge",
    "24-register-return-exception.edge",
    "25-register-return-canceled.edge",
    "26-register-return-odd.edge",
    "27-abort.edge",
    NULL,
};

static bool load_file(const char *name, const char *ending, struct buf *out)
{
    char path[128];
    struct error err = {0};
    (void)snprintf(path, sizeof path, "rpc/%s.%s", name, ending);
    bool ok = file_read(vector_path(path), out, &err);
    CHECK_CASE(ok, "%s", err.text);
    return ok;
}

bool rpc_vector_bytes(const char *name, struct buf *bytes)
{
    struct buf text = BUF_LIMIT(VECTOR_MAX);
    bool ok = load_file(name, "hex", &text);
    struct span rest = buf_span(&text);
    struct span line;
    while (ok && span_cut(&rest, '\n', &line))
        ok = hex_decode(line, bytes);
    buf_release(&text);
    return ok;
}

/* The typed members of the JSON; what is absent stays as it is. */

static bool text(const struct doc *doc, const char *key, struct span *out)
{
    return doc_read_text(doc, key, out, NULL);
}

static bool flag(const struct doc *doc, const char *key, bool *out)
{
    return doc_read_bool(doc, key, out, NULL);
}

static uint32_t number(const struct doc *doc, const char *key)
{
    int64_t value = 0;
    CHECK_CASE(doc_read_int(doc, key, &value, NULL), "%s is no number", key);
    return (uint32_t)value;
}

static bool bytes_of(const struct doc *doc, const char *key, struct buf *out)
{
    struct span digits = SPAN_NONE;
    return text(doc, key, &digits) && hex_decode(digits, out);
}

static bool uuid_of(const struct doc *doc, const char *key, struct uuid *uuid)
{
    struct span digits = SPAN_NONE;
    return text(doc, key, &digits) && uuid_parse(digits, uuid);
}

static bool load_params(const struct doc *doc, struct rpc_vector *vector)
{
    struct registration_params *params = &vector->params;
    params->index = (uint8_t)number(doc, "connIndex");
    params->compression_quality = (uint8_t)number(doc, "compressionQuality");
    params->attempts = (uint8_t)number(doc, "numPreviousAttempts");
    const struct doc *features = doc_get(doc, "features");
    params->feature_count = doc_count(features);
    for (size_t i = 0; i < params->feature_count; i++)
        if (!doc_as_text(doc_at(features, i), &params->features[i]))
            return false;
    if (!bytes_of(doc, "tunnelSecret", &vector->secret) ||
        !bytes_of(doc, "originLocalIp", &vector->local_ip))
        return false;
    params->tunnel_secret = buf_span(&vector->secret);
    params->local_ip = buf_span(&vector->local_ip);
    return text(doc, "accountTag", &params->account_tag) &&
           uuid_of(doc, "tunnelId", &params->tunnel_id) &&
           uuid_of(doc, "clientId", &params->client_id) && text(doc, "version", &params->version) &&
           text(doc, "arch", &params->arch) &&
           flag(doc, "replaceExisting", &params->replace_existing);
}

static bool load_call(const struct doc *doc, struct rpc_vector *vector)
{
    struct rpc_call *call = &vector->message.call;
    const struct doc *target = doc_get(doc, "target");
    bool promised = doc_get(target, "promisedAnswer") != NULL;
    *call = (struct rpc_call){
        .question = number(doc, "questionId"),
        .target = {.kind = promised ? RPC_TARGET_ANSWER : RPC_TARGET_CAPABILITY,
                   .id = number(target, promised ? "promisedAnswer" : "importedCap")},
        .interface_id = REGISTRATION_INTERFACE,
        .method = (uint16_t)number(doc, "methodId"),
        .params = {.write = registration_nothing_write},
    };
    switch (call->method) {
    case REGISTRATION_REGISTER:
        call->params.write = registration_params_write;
        call->params.value = &vector->params;
        return load_params(doc, vector);
    case REGISTRATION_UPDATE_LOCAL_CONFIGURATION:
        call->params.write = registration_configuration_write;
        call->params.value = &vector->json;
        return text(doc, "config", &vector->json);
    default:
        return true;
    }
}

static bool load_result(const struct doc *doc, struct rpc_vector *vector)
{
    struct registration_result *result = &vector->result;
    result->outcome = (uint16_t)number(doc, "resultTag");
    if (result->outcome == REGISTRATION_ACCEPTED)
        return uuid_of(doc, "uuid", &result->details.uuid) &&
               text(doc, "locationName", &result->details.location) &&
               flag(doc, "tunnelIsRemotelyManaged", &result->details.is_remotely_managed);
    return text(doc, "cause", &result->refusal.cause) &&
           flag(doc, "shouldRetry", &result->refusal.should_retry) &&
           doc_read_int(doc, "retryAfter", &result->refusal.retry_after_ns, NULL);
}

static bool load_return(const struct doc *doc, struct rpc_vector *vector)
{
    struct rpc_return *ret = &vector->message.ret;
    const struct doc *capability = doc_get(doc, "capability");
    *ret = (struct rpc_return){
        .answer = number(doc, "answerId"),
        .outcome = (uint16_t)number(doc, "which"),
        .results = {.write = registration_nothing_write},
    };
    if (!flag(doc, "releaseParamCaps", &ret->release_params))
        return false;
    if (ret->outcome == RPC_EXCEPTION)
        return text(doc, "reason", &ret->exception.reason);
    if (capability) {
        ret->results =
            (struct rpc_payload){.is_capability = true, .capability = number(capability, "id")};
        return true;
    }
    if (!doc_get(doc, "resultTag"))
        return true;
    ret->results.write = registration_result_write;
    ret->results.value = &vector->result;
    return load_result(doc, vector);
}

static bool load_message(const struct doc *doc, struct rpc_vector *vector)
{
    static const struct {
        struct span name;
        enum rpc_kind kind;
    } kinds[] = {
        {SPAN_INIT("bootstrap"), RPC_BOOTSTRAP}, {SPAN_INIT("call"), RPC_CALL},
        {SPAN_INIT("return"), RPC_RETURN},       {SPAN_INIT("finish"), RPC_FINISH},
        {SPAN_INIT("release"), RPC_RELEASE},     {SPAN_INIT("abort"), RPC_ABORT},
    };
    struct rpc_message *message = &vector->message;
    struct span name = SPAN_NONE;
    if (!text(doc, "message", &name))
        return false;
    message->kind = RPC_OTHER;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (span_equal(kinds[i].name, name))
            message->kind = kinds[i].kind;
    switch (message->kind) {
    case RPC_BOOTSTRAP:
        message->bootstrap.question = number(doc, "questionId");
        return true;
    case RPC_CALL:
        return load_call(doc, vector);
    case RPC_RETURN:
        return load_return(doc, vector);
    case RPC_FINISH:
        message->finish.question = number(doc, "questionId");
        return flag(doc, "releaseResultCaps", &message->finish.release_results);
    case RPC_RELEASE:
        message->release.id = number(doc, "id");
        message->release.count = number(doc, "referenceCount");
        return true;
    case RPC_ABORT:
        return text(doc, "reason", &message->abort.reason);
    case RPC_UNIMPLEMENTED:
    case RPC_OTHER:
        return false;
    }
    return false;
}

bool rpc_vector_load(struct rpc_vector *vector, const char *name)
{
    struct buf json = BUF_LIMIT(VECTOR_MAX);
    struct error err = {0};
    *vector = (struct rpc_vector){
        .bytes = BUF_LIMIT(VECTOR_MAX),
        .secret = BUF_LIMIT(VECTOR_MAX),
        .local_ip = BUF_LIMIT(VECTOR_MAX),
    };
    bool ok = rpc_vector_bytes(name, &vector->bytes) && load_file(name, "json", &json);
    if (ok)
        vector->doc = doc_parse(buf_span(&json), &err);
    ok = vector->doc && load_message(doc_get(vector->doc, "decoded"), vector);
    CHECK_CASE(ok, "%s: the vector cannot be read: %s", name, err.text);
    buf_release(&json);
    return ok;
}

void rpc_vector_release(struct rpc_vector *vector)
{
    doc_free(vector->doc);
    buf_release(&vector->bytes);
    buf_release(&vector->secret);
    buf_release(&vector->local_ip);
}
