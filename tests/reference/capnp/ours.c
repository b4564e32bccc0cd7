/* Flat values to our messages and back. */
#include "ours.h"

#include "culvert/rpc/message.h"
#include "culvert/rpc/registration.h"

static struct ours_bytes out_of(struct span s)
{
    return (struct ours_bytes){s.data, s.len};
}

static struct span into(struct ours_bytes b)
{
    return span_make(b.data, b.len);
}

static bool decode_params(const struct capnp_struct *content, struct ours_values *values,
                          struct error *err)
{
    struct registration_params params;
    if (!registration_params_read(content, &params, err))
        return false;
    values->account = out_of(params.account_tag);
    values->secret = out_of(params.tunnel_secret);
    values->version = out_of(params.version);
    values->arch = out_of(params.arch);
    values->local_ip = out_of(params.local_ip);
    memcpy(values->tunnel, params.tunnel_id.bytes, OURS_ID_SIZE);
    memcpy(values->client, params.client_id.bytes, OURS_ID_SIZE);
    values->index = params.index;
    values->attempts = params.attempts;
    values->quality = params.compression_quality;
    values->replace = params.replace_existing;
    values->feature_count = params.feature_count;
    for (size_t i = 0; i < params.feature_count; i++)
        values->features[i] = out_of(params.features[i]);
    return true;
}

static void encode_params(const struct ours_values *values, struct registration_params *params)
{
    *params = (struct registration_params){
        .account_tag = into(values->account),
        .tunnel_secret = into(values->secret),
        .version = into(values->version),
        .arch = into(values->arch),
        .local_ip = into(values->local_ip),
        .index = (uint8_t)values->index,
        .attempts = (uint8_t)values->attempts,
        .compression_quality = (uint8_t)values->quality,
        .replace_existing = values->replace,
        .feature_count = values->feature_count,
    };
    memcpy(params->tunnel_id.bytes, values->tunnel, OURS_ID_SIZE);
    memcpy(params->client_id.bytes, values->client, OURS_ID_SIZE);
    for (size_t i = 0; i < values->feature_count; i++)
        params->features[i] = into(values->features[i]);
}

static bool decode_result(const struct capnp_struct *content, struct ours_values *values,
                          struct error *err)
{
    struct registration_result result;
    if (!registration_result_read(content, &result, err))
        return false;
    values->result = result.outcome;
    if (result.outcome == REGISTRATION_REFUSED) {
        values->text = out_of(result.refusal.cause);
        values->retry_after = result.refusal.retry_after_ns;
        values->result_flag = result.refusal.should_retry;
    } else {
        values->text = out_of(result.details.location);
        values->result_flag = result.details.is_remotely_managed;
        memcpy(values->uuid, result.details.uuid.bytes, OURS_ID_SIZE);
    }
    return true;
}

static void encode_result(const struct ours_values *values, struct registration_result *result)
{
    *result = (struct registration_result){
        .outcome = (uint16_t)values->result,
        .refusal = {into(values->text), values->retry_after, values->result_flag},
        .details = {.location = into(values->text), .is_remotely_managed = values->result_flag},
    };
    memcpy(result->details.uuid.bytes, values->uuid, OURS_ID_SIZE);
}

static bool decode_payload(const struct rpc_payload *payload, struct ours_values *values,
                           struct error *err)
{
    struct span json = SPAN_NONE;
    if (payload->is_capability != (values->content == OURS_CAPABILITY))
        return error_set(err, ERROR_PROTOCOL, 0, "content and capability are mistaken");
    switch (values->content) {
    case OURS_NOTHING:
        return true;
    case OURS_PARAMS:
        return decode_params(&payload->content, values, err);
    case OURS_CONFIGURATION:
        if (!registration_configuration_read(&payload->content, &json, err))
            return false;
        values->json = out_of(json);
        return true;
    case OURS_RESULT:
        return decode_result(&payload->content, values, err);
    case OURS_CAPABILITY:
        values->capability = payload->capability;
        return true;
    }
    return false;
}

static bool decode_call(const struct rpc_call *call, struct ours_values *values, struct error *err)
{
    values->id = call->question;
    values->target = call->target.kind;
    values->target_id = call->target.id;
    values->interface_id = call->interface_id;
    values->method = call->method;
    return decode_payload(&call->params, values, err);
}

static bool decode_return(const struct rpc_return *ret, struct ours_values *values,
                          struct error *err)
{
    values->id = ret->answer;
    values->flag = ret->release_params;
    values->outcome = ret->outcome;
    values->exception = ret->exception.type;
    values->reason = out_of(ret->exception.reason);
    return ret->outcome != RPC_RESULTS || decode_payload(&ret->results, values, err);
}

static bool decode_message(const struct rpc_message *message, struct ours_values *values,
                           struct error *err)
{
    values->kind = message->kind;
    switch (message->kind) {
    case RPC_UNIMPLEMENTED:
        values->unknown_tag = message->unimplemented.tag;
        values->id = message->unimplemented.id;
        return true;
    case RPC_ABORT:
        values->exception = message->abort.type;
        values->reason = out_of(message->abort.reason);
        return true;
    case RPC_CALL:
        return decode_call(&message->call, values, err);
    case RPC_RETURN:
        return decode_return(&message->ret, values, err);
    case RPC_FINISH:
        values->id = message->finish.question;
        values->flag = message->finish.release_results;
        return true;
    case RPC_RELEASE:
        values->id = message->release.id;
        values->count = message->release.count;
        return true;
    case RPC_BOOTSTRAP:
        values->id = message->bootstrap.question;
        return true;
    case RPC_OTHER:
        break;
    }
    return error_set(err, ERROR_PROTOCOL, 0, "a message of no known kind");
}

bool ours_decode(const char *data, size_t len, struct ours_values *values, char why[OURS_WHY_SIZE])
{
    struct capnp_message reader;
    struct rpc_message message;
    struct error err = {0};
    *values = (struct ours_values){.content = values->content};
    bool ok = rpc_message_decode(span_make(data, len), &reader, &message, &err) &&
              decode_message(&message, values, &err);
    (void)snprintf(why, OURS_WHY_SIZE, "%s", err.text);
    return ok;
}

/* What the contents of a payload borrow. */
struct contents {
    struct registration_params params;
    struct registration_result result;
    struct span json;
};

static void encode_payload(const struct ours_values *values, struct contents *contents,
                           struct rpc_payload *payload)
{
    *payload = (struct rpc_payload){.write = registration_nothing_write};
    switch (values->content) {
    case OURS_NOTHING:
        return;
    case OURS_PARAMS:
        encode_params(values, &contents->params);
        payload->write = registration_params_write;
        payload->value = &contents->params;
        return;
    case OURS_CONFIGURATION:
        contents->json = into(values->json);
        payload->write = registration_configuration_write;
        payload->value = &contents->json;
        return;
    case OURS_RESULT:
        encode_result(values, &contents->result);
        payload->write = registration_result_write;
        payload->value = &contents->result;
        return;
    case OURS_CAPABILITY:
        payload->is_capability = true;
        payload->capability = values->capability;
        return;
    }
}

static void encode_message(const struct ours_values *values, struct contents *contents,
                           struct rpc_message *message)
{
    struct rpc_exception exception = {(uint16_t)values->exception, into(values->reason)};
    *message = (struct rpc_message){.kind = (enum rpc_kind)values->kind};
    switch (message->kind) {
    case RPC_UNIMPLEMENTED:
        message->unimplemented = (struct rpc_unknown){(uint16_t)values->unknown_tag, values->id};
        break;
    case RPC_ABORT:
        message->abort = exception;
        break;
    case RPC_CALL:
        message->call = (struct rpc_call){
            .question = values->id,
            .target = {(uint16_t)values->target, values->target_id, false},
            .interface_id = values->interface_id,
            .method = (uint16_t)values->method,
        };
        encode_payload(values, contents, &message->call.params);
        break;
    case RPC_RETURN:
        message->ret = (struct rpc_return){
            .answer = values->id,
            .release_params = values->flag,
            .outcome = (uint16_t)values->outcome,
            .exception = exception,
        };
        encode_payload(values, contents, &message->ret.results);
        break;
    case RPC_FINISH:
        message->finish.question = values->id;
        message->finish.release_results = values->flag;
        break;
    case RPC_RELEASE:
        message->release.id = values->id;
        message->release.count = values->count;
        break;
    case RPC_BOOTSTRAP:
        message->bootstrap.question = values->id;
        break;
    case RPC_OTHER:
        break;
    }
}

size_t ours_encode(const struct ours_values *values, char *out, size_t room)
{
    struct contents contents;
    struct rpc_message message;
    struct capnp_writer writer;
    struct span bytes = SPAN_NONE;
    encode_message(values, &contents, &message);
    if (!rpc_message_encode(&message, &writer, &bytes, NULL) || bytes.len > room)
        bytes.len = 0;
    if (bytes.len > 0)
        memcpy(out, bytes.data, bytes.len);
    size_t len = bytes.len;
    capnp_write_release(&writer);
    return len;
}
