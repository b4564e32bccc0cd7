/* The structs of the interface: shapes and byte positions stand here and nowhere else. */
#include "culvert/rpc/registration.h"

#include <assert.h>

bool registration_cause_is_duplicate(struct span cause)
{
    return span_equal(cause, SPAN(REGISTRATION_CAUSE_DUPLICATE));
}

bool registration_cause_is_unauthorized(struct span cause)
{
    struct span word = SPAN(REGISTRATION_CAUSE_UNAUTHORIZED);
    return cause.len > 0 && memmem(cause.data, cause.len, word.data, word.len) != NULL;
}

static bool read_uuid(const struct capnp_struct *from, size_t index, struct uuid *uuid,
                      struct error *err)
{
    struct span data;
    if (!capnp_read_data(from, index, &data, err))
        return false;
    if (data.len != UUID_SIZE)
        return error_set(err, ERROR_PROTOCOL, 0, "an id of %zu bytes, not %d", data.len, UUID_SIZE);
    memcpy(uuid->bytes, data.data, UUID_SIZE);
    return true;
}

static void write_uuid(struct capnp_writer *writer, struct capnp_place to, size_t index,
                       const struct uuid *uuid)
{
    capnp_write_data(writer, to, index, span_make(uuid->bytes, UUID_SIZE));
}

static bool read_features(const struct capnp_struct *client, struct registration_params *params,
                          struct error *err)
{
    struct capnp_list list;
    if (!capnp_read_list(client, 1, &list, err))
        return false;
    if (list.count > REGISTRATION_FEATURES_MAX)
        return error_set(err, ERROR_LIMIT, 0, "%zu features, over %d", list.count,
                         REGISTRATION_FEATURES_MAX);
    params->feature_count = list.count;
    for (size_t i = 0; i < list.count; i++)
        if (!capnp_list_text(&list, i, &params->features[i], err))
            return false;
    return true;
}

static bool read_client(const struct capnp_struct *options, struct registration_params *params,
                        struct error *err)
{
    struct capnp_struct client;
    if (!capnp_read_struct(options, 0, &client, err))
        return false;
    if (!read_uuid(&client, 0, &params->client_id, err))
        return error_wrap(err, "client id");
    return read_features(&client, params, err) &&
           capnp_read_text(&client, 2, &params->version, err) &&
           capnp_read_text(&client, 3, &params->arch, err);
}

bool registration_params_read(const struct capnp_struct *content,
                              struct registration_params *params, struct error *err)
{
    struct capnp_struct auth;
    struct capnp_struct options;
    *params = (struct registration_params){.index = capnp_read_u8(content, 0)};
    if (!capnp_read_struct(content, 0, &auth, err) ||
        !capnp_read_text(&auth, 0, &params->account_tag, err) ||
        !capnp_read_data(&auth, 1, &params->tunnel_secret, err) ||
        !capnp_read_struct(content, 2, &options, err) ||
        !capnp_read_data(&options, 1, &params->local_ip, err) ||
        !read_client(&options, params, err))
        return false;
    if (!read_uuid(content, 1, &params->tunnel_id, err))
        return error_wrap(err, "tunnel id");
    params->replace_existing = capnp_read_bit(&options, 0);
    params->compression_quality = capnp_read_u8(&options, 1);
    params->attempts = capnp_read_u8(&options, 2);
    return true;
}

static void write_client(struct capnp_writer *writer, struct capnp_place options,
                         const struct registration_params *params)
{
    struct capnp_place client = capnp_write_struct(writer, options, 0, 0, 4);
    write_uuid(writer, client, 0, &params->client_id);
    assert(params->feature_count <= REGISTRATION_FEATURES_MAX);
    if (params->feature_count > 0) {
        struct capnp_place list =
            capnp_write_pointers(writer, client, 1, (uint16_t)params->feature_count);
        for (size_t i = 0; i < params->feature_count; i++)
            capnp_write_text(writer, list, i, params->features[i]);
    }
    capnp_write_text(writer, client, 2, params->version);
    capnp_write_text(writer, client, 3, params->arch);
}

void registration_params_write(struct capnp_writer *writer, struct capnp_place payload,
                               const void *value)
{
    const struct registration_params *params = value;
    struct capnp_place content = capnp_write_struct(writer, payload, 0, 1, 3);
    capnp_write_u8(writer, content, 0, params->index);

    struct capnp_place auth = capnp_write_struct(writer, content, 0, 0, 2);
    capnp_write_text(writer, auth, 0, params->account_tag);
    capnp_write_data(writer, auth, 1, params->tunnel_secret);

    write_uuid(writer, content, 1, &params->tunnel_id);

    struct capnp_place options = capnp_write_struct(writer, content, 2, 1, 2);
    capnp_write_bit(writer, options, 0, params->replace_existing);
    capnp_write_u8(writer, options, 1, params->compression_quality);
    capnp_write_u8(writer, options, 2, params->attempts);
    write_client(writer, options, params);
    capnp_write_data(writer, options, 1, params->local_ip);
}

static bool read_refusal(const struct capnp_struct *from, struct registration_refusal *refusal,
                         struct error *err)
{
    refusal->retry_after_ns = (int64_t)capnp_read_u64(from, 0);
    refusal->should_retry = capnp_read_bit(from, 64);
    return capnp_read_text(from, 0, &refusal->cause, err);
}

static bool read_details(const struct capnp_struct *from, struct connection_details *details,
                         struct error *err)
{
    details->is_remotely_managed = capnp_read_bit(from, 0);
    if (!read_uuid(from, 0, &details->uuid, err))
        return error_wrap(err, "connection id");
    return capnp_read_text(from, 1, &details->location, err);
}

bool registration_result_read(const struct capnp_struct *content,
                              struct registration_result *result, struct error *err)
{
    struct capnp_struct response;
    struct capnp_struct member;
    *result = (struct registration_result){0};
    if (!capnp_read_struct(content, 0, &response, err))
        return false;
    result->outcome = capnp_read_u16(&response, 0);
    if (result->outcome != REGISTRATION_REFUSED && result->outcome != REGISTRATION_ACCEPTED)
        return true;
    if (!capnp_read_struct(&response, 0, &member, err))
        return false;
    /* The default of the format would be a refusal for good and without a cause. */
    if (!member.message)
        return error_set(err, ERROR_PROTOCOL, 0, "an empty answer to a registration");
    return result->outcome == REGISTRATION_REFUSED ? read_refusal(&member, &result->refusal, err)
                                                   : read_details(&member, &result->details, err);
}

void registration_result_write(struct capnp_writer *writer, struct capnp_place payload,
                               const void *value)
{
    const struct registration_result *result = value;
    struct capnp_place content = capnp_write_struct(writer, payload, 0, 0, 1);
    struct capnp_place response = capnp_write_struct(writer, content, 0, 1, 1);
    capnp_write_u16(writer, response, 0, result->outcome);
    if (result->outcome == REGISTRATION_REFUSED) {
        struct capnp_place refusal = capnp_write_struct(writer, response, 0, 2, 1);
        capnp_write_u64(writer, refusal, 0, (uint64_t)result->refusal.retry_after_ns);
        capnp_write_bit(writer, refusal, 64, result->refusal.should_retry);
        capnp_write_text(writer, refusal, 0, result->refusal.cause);
    } else if (result->outcome == REGISTRATION_ACCEPTED) {
        struct capnp_place details = capnp_write_struct(writer, response, 0, 1, 2);
        capnp_write_bit(writer, details, 0, result->details.is_remotely_managed);
        write_uuid(writer, details, 0, &result->details.uuid);
        capnp_write_text(writer, details, 1, result->details.location);
    }
}

bool registration_configuration_read(const struct capnp_struct *content, struct span *json,
                                     struct error *err)
{
    return capnp_read_data(content, 0, json, err);
}

void registration_configuration_write(struct capnp_writer *writer, struct capnp_place payload,
                                      const void *value)
{
    const struct span *json = value;
    struct capnp_place content = capnp_write_struct(writer, payload, 0, 0, 1);
    capnp_write_data(writer, content, 0, *json);
}

void registration_nothing_write(struct capnp_writer *writer, struct capnp_place payload,
                                const void *value)
{
    (void)value;
    (void)capnp_write_struct(writer, payload, 0, 0, 0);
}
