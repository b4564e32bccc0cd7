#include "culvert/rpc/registration.h"

#include "harness.h"
#include "support/rpc_vector.h"

/* Loads a vector and decodes its bytes. False after a failed check; release it in every case. */
static bool load(struct rpc_vector *vector, const char *name, struct capnp_message *reader,
                 struct rpc_message *message)
{
    bool ok = rpc_vector_load(vector, name) &&
              rpc_message_decode(buf_span(&vector->bytes), reader, message, NULL);
    CHECK_CASE(ok, "%s", name);
    return ok;
}

TEST(the_parameters_of_a_recorded_registration_are_read)
{
    struct rpc_vector vector;
    struct capnp_message reader;
    struct rpc_message message;
    struct registration_params got;
    const struct registration_params *want = &vector.params;
    REQUIRE(load(&vector, "03-register.connector", &reader, &message));
    REQUIRE(registration_params_read(&message.call.params.content, &got, NULL));
    CHECK_SPAN(got.account_tag, SPAN("0123456789abcdef0123456789abcdef"));
    CHECK_SPAN(got.tunnel_secret, want->tunnel_secret);
    CHECK_SIZE(got.tunnel_secret.len, 32);
    CHECK(uuid_equal(&got.tunnel_id, &want->tunnel_id));
    CHECK(uuid_equal(&got.client_id, &want->client_id));
    CHECK_SIZE(got.index, want->index);
    CHECK_SIZE(got.attempts, want->attempts);
    CHECK_SIZE(got.compression_quality, want->compression_quality);
    CHECK(got.replace_existing == want->replace_existing);
    CHECK_SPAN(got.version, SPAN("2026.8.2"));
    CHECK_SPAN(got.arch, SPAN("linux_amd64"));
    CHECK_SPAN(got.local_ip, want->local_ip);
    CHECK_SIZE(got.feature_count, 5);
    for (size_t i = 0; i < got.feature_count; i++)
        CHECK_SPAN(got.features[i], want->features[i]);
    rpc_vector_release(&vector);
}

TEST(the_results_of_recorded_registrations_are_read)
{
    static const char *const names[] = {
        "04-register-return-ok.edge",           "20-register-return-dup.edge",
        "21-register-return-unauthorized.edge", "22-register-return-retry.edge",
        "23-register-return-permanent.edge",    "26-register-return-odd.edge",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct rpc_vector vector;
        struct capnp_message reader;
        struct rpc_message message;
        struct registration_result got;
        const struct registration_result *want = &vector.result;
        REQUIRE(load(&vector, names[i], &reader, &message));
        REQUIRE(registration_result_read(&message.ret.results.content, &got, NULL));
        CHECK_CASE(got.outcome == want->outcome, "%s: outcome", names[i]);
        CHECK_SPAN(got.refusal.cause, want->refusal.cause);
        CHECK_CASE(got.refusal.should_retry == want->refusal.should_retry, "%s: retry", names[i]);
        CHECK_CASE(got.refusal.retry_after_ns == want->refusal.retry_after_ns, "%s: after",
                   names[i]);
        CHECK_CASE(uuid_equal(&got.details.uuid, &want->details.uuid), "%s: uuid", names[i]);
        CHECK_SPAN(got.details.location, want->details.location);
        CHECK_CASE(got.details.is_remotely_managed == want->details.is_remotely_managed,
                   "%s: managed", names[i]);
        rpc_vector_release(&vector);
    }
}

TEST(a_recorded_local_configuration_is_read)
{
    struct rpc_vector vector;
    struct capnp_message reader;
    struct rpc_message message;
    struct span json;
    REQUIRE(load(&vector, "07-update-local-configuration.connector", &reader, &message));
    REQUIRE(registration_configuration_read(&message.call.params.content, &json, NULL));
    CHECK_SPAN(json, vector.json);
    rpc_vector_release(&vector);
}

/* Writes `value` into a payload and opens the content again. The caller releases `writer`. */
static bool content_of(void (*write)(struct capnp_writer *, struct capnp_place, const void *),
                       const void *value, struct capnp_writer *writer, struct capnp_message *reader,
                       struct capnp_struct *content)
{
    struct span bytes;
    struct capnp_struct root;
    capnp_write_start(writer, 1 << 16);
    write(writer, capnp_write_root(writer, 0, 2), value);
    return capnp_write_finish(writer, &bytes, NULL) &&
           capnp_message_open(reader, bytes, &root, NULL) &&
           capnp_read_struct(&root, 0, content, NULL);
}

TEST(every_field_of_the_parameters_survives_the_way)
{
    struct registration_params want = {
        .account_tag = SPAN("tag"),
        .tunnel_secret = SPAN("\0secret"),
        .tunnel_id = {{1, 2, 3}},
        .client_id = {{4, 5, 6}},
        .index = 3,
        .attempts = 250,
        .compression_quality = 9,
        .replace_existing = true,
        .version = SPAN("1"),
        .feature_count = REGISTRATION_FEATURES_MAX,
    };
    for (size_t i = 0; i < want.feature_count; i++)
        want.features[i] = SPAN("feature");
    struct capnp_writer writer;
    struct capnp_message reader;
    struct capnp_struct content;
    struct registration_params got;
    REQUIRE(content_of(registration_params_write, &want, &writer, &reader, &content));
    REQUIRE(registration_params_read(&content, &got, NULL));
    CHECK_SPAN(got.account_tag, want.account_tag);
    CHECK_SPAN(got.tunnel_secret, want.tunnel_secret);
    CHECK(uuid_equal(&got.tunnel_id, &want.tunnel_id));
    CHECK(uuid_equal(&got.client_id, &want.client_id));
    CHECK_SIZE(got.index, 3);
    CHECK_SIZE(got.attempts, 250);
    CHECK_SIZE(got.compression_quality, 9);
    CHECK(got.replace_existing);
    CHECK_SPAN(got.version, want.version);
    CHECK_SPAN(got.arch, SPAN(""));
    CHECK_SPAN(got.local_ip, SPAN(""));
    CHECK_SIZE(got.feature_count, REGISTRATION_FEATURES_MAX);
    CHECK_SPAN(got.features[REGISTRATION_FEATURES_MAX - 1], SPAN("feature"));
    capnp_write_release(&writer);
}

/* Parameters that no connector sends, written by hand. */
static void write_short_ids(struct capnp_writer *writer, struct capnp_place payload,
                            const void *value)
{
    const size_t *sizes = value; /* of the tunnel id and the client id */
    struct capnp_place content = capnp_write_struct(writer, payload, 0, 1, 3);
    capnp_write_data(writer, content, 1, span_first(SPAN("0123456789abcdefg"), sizes[0]));
    struct capnp_place options = capnp_write_struct(writer, content, 2, 1, 2);
    struct capnp_place client = capnp_write_struct(writer, options, 0, 0, 4);
    capnp_write_data(writer, client, 0, span_first(SPAN("0123456789abcdefg"), sizes[1]));
}

TEST(ids_have_exactly_sixteen_bytes)
{
    static const struct {
        size_t sizes[2];
        bool ok;
    } cases[] = {
        {{16, 16}, true}, {{15, 16}, false}, {{17, 16}, false},
        {{0, 16}, false}, {{16, 15}, false}, {{16, 0}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct capnp_writer writer;
        struct capnp_message reader;
        struct capnp_struct content;
        struct registration_params params;
        struct error err = {0};
        REQUIRE(content_of(write_short_ids, cases[i].sizes, &writer, &reader, &content));
        bool ok = registration_params_read(&content, &params, &err);
        CHECK_CASE(ok == cases[i].ok, "case %zu: %s", i, err.text);
        CHECK_CASE(ok || err.kind == ERROR_PROTOCOL, "case %zu", i);
        capnp_write_release(&writer);
    }
}

static void write_many_features(struct capnp_writer *writer, struct capnp_place payload,
                                const void *value)
{
    const uint16_t *count = value;
    struct capnp_place content = capnp_write_struct(writer, payload, 0, 1, 3);
    struct capnp_place options = capnp_write_struct(writer, content, 2, 1, 2);
    struct capnp_place client = capnp_write_struct(writer, options, 0, 0, 4);
    capnp_write_data(writer, client, 0, SPAN("0123456789abcdef"));
    (void)capnp_write_pointers(writer, client, 1, *count);
}

TEST(more_features_than_the_limit_are_refused)
{
    uint16_t count = REGISTRATION_FEATURES_MAX + 1;
    struct capnp_writer writer;
    struct capnp_message reader;
    struct capnp_struct content;
    struct registration_params params;
    struct error err = {0};
    REQUIRE(content_of(write_many_features, &count, &writer, &reader, &content));
    CHECK(!registration_params_read(&content, &params, &err));
    CHECK(err.kind == ERROR_LIMIT);
    capnp_write_release(&writer);
}

static void write_answer_without_content(struct capnp_writer *writer, struct capnp_place payload,
                                         const void *value)
{
    const uint16_t *outcome = value;
    struct capnp_place content = capnp_write_struct(writer, payload, 0, 0, 1);
    struct capnp_place response = capnp_write_struct(writer, content, 0, 1, 1);
    capnp_write_u16(writer, response, 0, *outcome);
}

TEST(an_answer_without_content_is_no_refusal_for_good)
{
    static const uint16_t outcomes[] = {REGISTRATION_REFUSED, REGISTRATION_ACCEPTED};
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        struct capnp_writer writer;
        struct capnp_message reader;
        struct capnp_struct content;
        struct registration_result result;
        REQUIRE(content_of(write_answer_without_content, &outcomes[i], &writer, &reader, &content));
        CHECK(!registration_result_read(&content, &result, NULL));
        capnp_write_release(&writer);
    }
    struct capnp_struct nothing = {0};
    struct registration_result result;
    CHECK(!registration_result_read(&nothing, &result, NULL));
}

TEST(the_causes_with_a_meaning_are_recognised)
{
    CHECK(registration_cause_is_duplicate(SPAN("EDUPCONN")));
    CHECK(!registration_cause_is_duplicate(SPAN("EDUPCONN ")));
    CHECK(!registration_cause_is_duplicate(SPAN("already EDUPCONN")));
    CHECK(registration_cause_is_unauthorized(SPAN("Unauthorized: Invalid tunnel secret")));
    CHECK(registration_cause_is_unauthorized(SPAN("it is Unauthorized")));
    CHECK(!registration_cause_is_unauthorized(SPAN("unauthorized")));
    CHECK(!registration_cause_is_unauthorized(SPAN_NONE));
}
