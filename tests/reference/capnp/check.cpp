// Thousands of random messages, each way: the reference implementation writes and we read, we write
// and it reads. Ends with 1 at the first value that differs.
#include "ours.h"

#include "registration.capnp.h"

#include <capnp/capability.h>
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace
{

enum { ABORT = 1, CALL = 2, RETURN = 3, FINISH = 4, RELEASE = 6, BOOTSTRAP = 8, UNIMPLEMENTED = 0 };
enum { RESULTS = 0, EXCEPTION = 1, CANCELED = 2 };

const unsigned SEED = 20260;
const int MESSAGES = 10000;       // each way
const unsigned SEGMENTS_MAX = 64; // our reader takes no more
const size_t MESSAGE_MAX = 1 << 20;

// ---- Random values -----------------------------------------------------------------------------

class Values
{
  public:
    explicit Values(unsigned seed) : random(seed)
    {
    }

    uint64_t below(uint64_t n)
    {
        return std::uniform_int_distribution<uint64_t>(0, n - 1)(random);
    }

    // A number with many or few bits.
    uint64_t number(int bits)
    {
        return random() >> (64 - 1 - below(bits)) & (bits == 64 ? UINT64_MAX : (1ull << bits) - 1);
    }

    // The values of one message. Its texts live until the next one is made.
    ours_values make()
    {
        static const unsigned kinds[] = {UNIMPLEMENTED, ABORT,  CALL,   CALL,    CALL,     RETURN,
                                         RETURN,        RETURN, FINISH, RELEASE, BOOTSTRAP};
        ours_values values = {};
        texts.clear();
        values.kind = kinds[below(sizeof kinds / sizeof *kinds)];
        if (values.kind != ABORT)
            values.id = (uint32_t)number(32);
        switch (values.kind) {
        case UNIMPLEMENTED:
            values.unknown_tag = (unsigned)below(2) ? BOOTSTRAP : CALL;
            break;
        case ABORT:
            make_exception(values);
            break;
        case CALL:
            make_call(values);
            break;
        case RETURN:
            make_return(values);
            break;
        case FINISH:
            values.flag = below(2);
            break;
        case RELEASE:
            values.count = (uint32_t)number(32);
            break;
        }
        return values;
    }

  private:
    ours_bytes bytes(bool is_text)
    {
        static const size_t most[] = {1, 8, 9, 40, 300, 3000};
        std::string text(below(most[below(6)]), '\0');
        for (char &c : text)
            c = (char)(is_text ? 1 + below(255) : below(256));
        texts.push_back(text);
        return {texts.back().data(), texts.back().size()};
    }

    void make_id(char id[OURS_ID_SIZE])
    {
        for (int i = 0; i < OURS_ID_SIZE; i++)
            id[i] = (char)below(256);
    }

    void make_exception(ours_values &values)
    {
        values.exception = (unsigned)number(16);
        values.reason = bytes(true);
    }

    void make_params(ours_values &values)
    {
        values.account = bytes(true);
        values.secret = bytes(false);
        values.version = bytes(true);
        values.arch = bytes(true);
        values.local_ip = bytes(false);
        make_id(values.tunnel);
        make_id(values.client);
        values.index = (unsigned)below(256);
        values.attempts = (unsigned)below(256);
        values.quality = (unsigned)below(256);
        values.replace = below(2);
        values.feature_count = below(below(4) ? 6 : OURS_FEATURES_MAX + 1);
        for (size_t i = 0; i < values.feature_count; i++)
            values.features[i] = bytes(true);
    }

    void make_call(ours_values &values)
    {
        values.target = (unsigned)below(2);
        values.target_id = (uint32_t)number(32);
        values.interface_id = number(64);
        values.method = (unsigned)number(16);
        values.content = (ours_content)below(3);
        if (values.content == OURS_PARAMS)
            make_params(values);
        if (values.content == OURS_CONFIGURATION)
            values.json = bytes(false);
    }

    void make_return(ours_values &values)
    {
        static const ours_content contents[] = {OURS_NOTHING, OURS_RESULT, OURS_CAPABILITY};
        values.flag = below(2);
        values.outcome = (unsigned)below(3);
        if (values.outcome == EXCEPTION)
            make_exception(values);
        if (values.outcome != RESULTS)
            return;
        values.content = contents[below(3)];
        if (values.content == OURS_CAPABILITY)
            values.capability = (uint32_t)number(32);
        if (values.content != OURS_RESULT)
            return;
        values.result = (unsigned)below(2);
        values.text = bytes(true);
        values.result_flag = below(2);
        if (values.result == 0)
            values.retry_after = (int64_t)number(64);
        else
            make_id(values.uuid);
    }

    std::mt19937_64 random;
    std::deque<std::string> texts;
};

// ---- The reference writes ----------------------------------------------------------------------

capnp::Text::Reader text_of(const ours_bytes &b)
{
    return capnp::Text::Reader(b.data, b.len); // std::string keeps the final NUL
}

capnp::Data::Reader data_of(const ours_bytes &b)
{
    return capnp::Data::Reader((const capnp::byte *)b.data, b.len);
}

capnp::Data::Reader id_of(const char id[OURS_ID_SIZE])
{
    return capnp::Data::Reader((const capnp::byte *)id, OURS_ID_SIZE);
}

void build_exception(reference::Exception::Builder to, const ours_values &values)
{
    to.setReason(text_of(values.reason));
    to.setType((uint16_t)values.exception);
}

void build_client(reference::Client::Builder to, const ours_values &values)
{
    to.setId(id_of(values.client));
    auto orphanage = capnp::Orphanage::getForMessageContaining(to);
    auto features = orphanage.newOrphan<capnp::List<capnp::Text>>((unsigned)values.feature_count);
    for (unsigned i = 0; i < values.feature_count; i++)
        features.get().set(i, text_of(values.features[i]));
    to.adoptFeatures(kj::mv(features));
    to.setVersion(text_of(values.version));
    to.setArch(text_of(values.arch));
}

// Orphans are written before what points at them, often in another segment: that is how double far
// pointers come about.
template <typename T, typename Fill> capnp::Orphan<T> orphan(capnp::Orphanage orphanage, Fill fill)
{
    auto made = orphanage.newOrphan<T>();
    fill(made.get());
    return made;
}

void build_params(reference::Params::Builder to, const ours_values &values, bool use_orphans)
{
    to.setIndex((uint8_t)values.index);
    auto fill_auth = [&](reference::Auth::Builder auth) {
        auth.setAccount(text_of(values.account));
        auth.setSecret(data_of(values.secret));
    };
    auto fill_client = [&](reference::Client::Builder client) { build_client(client, values); };
    auto orphanage = capnp::Orphanage::getForMessageContaining(to);
    if (use_orphans)
        to.adoptAuth(orphan<reference::Auth>(orphanage, fill_auth));
    else
        fill_auth(to.initAuth());
    to.setTunnel(id_of(values.tunnel));
    auto options = to.initOptions();
    options.setReplace(values.replace);
    options.setQuality((uint8_t)values.quality);
    options.setAttempts((uint8_t)values.attempts);
    options.setLocalIp(data_of(values.local_ip));
    if (use_orphans)
        options.adoptClient(orphan<reference::Client>(orphanage, fill_client));
    else
        fill_client(options.initClient());
}

void build_result(reference::Result::Builder to, const ours_values &values)
{
    auto response = to.initResponse();
    if (values.result == 0) {
        auto refusal = response.initRefusal();
        refusal.setCause(text_of(values.text));
        refusal.setRetryAfter(values.retry_after);
        refusal.setShouldRetry(values.result_flag);
    } else {
        auto details = response.initDetails();
        details.setUuid(id_of(values.uuid));
        details.setLocation(text_of(values.text));
        details.setIsManaged(values.result_flag);
    }
}

// The root must be imbued with a table of capabilities; which one it is does not matter, since only
// its place in the table goes into the message.
void build_capability(reference::Payload::Builder to, const ours_values &values)
{
    to.getContent().setAs<capnp::Capability>(
        capnp::Capability::Client(KJ_EXCEPTION(FAILED, "never called")));
    auto orphanage = capnp::Orphanage::getForMessageContaining(to);
    auto table = orphanage.newOrphan<capnp::List<reference::Capability>>(1);
    table.get()[0].setHosted(values.capability);
    to.adoptCapabilities(kj::mv(table));
}

void build_payload(reference::Payload::Builder to, const ours_values &values, bool use_orphans)
{
    switch (values.content) {
    case OURS_NOTHING:
        to.getContent().initAs<reference::Nothing>();
        break;
    case OURS_PARAMS:
        build_params(to.getContent().initAs<reference::Params>(), values, use_orphans);
        break;
    case OURS_CONFIGURATION:
        to.getContent().initAs<reference::Configuration>().setJson(data_of(values.json));
        break;
    case OURS_RESULT:
        build_result(to.getContent().initAs<reference::Result>(), values);
        break;
    case OURS_CAPABILITY:
        build_capability(to, values);
        break;
    }
}

void build_call(reference::Call::Builder to, const ours_values &values, bool use_orphans)
{
    to.setQuestion(values.id);
    to.setInterface(values.interface_id);
    to.setMethod((uint16_t)values.method);
    auto target = to.initTarget();
    if (values.target == 0)
        target.setCapability(values.target_id);
    else
        target.initPromised().setQuestion(values.target_id);
    build_payload(to.initParams(), values, use_orphans);
}

void build_return(reference::Return::Builder to, const ours_values &values)
{
    to.setQuestion(values.id);
    to.setReleaseParams(values.flag);
    if (values.outcome == RESULTS)
        build_payload(to.initResults(), values, false);
    else if (values.outcome == EXCEPTION)
        build_exception(to.initException(), values);
    else
        to.setCanceled();
}

void build_unimplemented(reference::Message::Builder to, const ours_values &values)
{
    if (values.unknown_tag == CALL)
        to.initCall().setQuestion(values.id);
    else
        to.initBootstrap().setQuestion(values.id);
}

void build(reference::Message::Builder to, const ours_values &values, bool use_orphans)
{
    switch (values.kind) {
    case UNIMPLEMENTED:
        build_unimplemented(to.initUnimplemented(), values);
        break;
    case ABORT:
        build_exception(to.initAbort(), values);
        break;
    case CALL:
        build_call(to.initCall(), values, use_orphans);
        break;
    case RETURN:
        build_return(to.initAnswer(), values);
        break;
    case FINISH: {
        auto finish = to.initFinish();
        finish.setQuestion(values.id);
        finish.setReleaseResults(values.flag);
        break;
    }
    case RELEASE: {
        auto release = to.initRelease();
        release.setId(values.id);
        release.setCount(values.count);
        break;
    }
    case BOOTSTRAP:
        to.initBootstrap().setQuestion(values.id);
        break;
    }
}

// ---- The reference reads -----------------------------------------------------------------------

template <typename T> ours_bytes bytes_of(T reader)
{
    return {(const char *)reader.begin(), reader.size()};
}

bool copy_id(capnp::Data::Reader from, char id[OURS_ID_SIZE])
{
    if (from.size() != OURS_ID_SIZE)
        return false;
    memcpy(id, from.begin(), OURS_ID_SIZE);
    return true;
}

void read_exception(reference::Exception::Reader from, ours_values &values)
{
    values.exception = from.getType();
    values.reason = bytes_of(from.getReason());
}

bool read_params(reference::Params::Reader from, ours_values &values)
{
    auto options = from.getOptions();
    auto client = options.getClient();
    auto features = client.getFeatures();
    values.account = bytes_of(from.getAuth().getAccount());
    values.secret = bytes_of(from.getAuth().getSecret());
    values.version = bytes_of(client.getVersion());
    values.arch = bytes_of(client.getArch());
    values.local_ip = bytes_of(options.getLocalIp());
    values.index = from.getIndex();
    values.attempts = options.getAttempts();
    values.quality = options.getQuality();
    values.replace = options.getReplace();
    values.feature_count = features.size();
    if (features.size() > OURS_FEATURES_MAX)
        return false;
    for (unsigned i = 0; i < features.size(); i++)
        values.features[i] = bytes_of(features[i]);
    return copy_id(from.getTunnel(), values.tunnel) && copy_id(client.getId(), values.client);
}

bool read_result(reference::Result::Reader from, ours_values &values)
{
    auto response = from.getResponse();
    if (response.isRefusal()) {
        auto refusal = response.getRefusal();
        values.text = bytes_of(refusal.getCause());
        values.retry_after = refusal.getRetryAfter();
        values.result_flag = refusal.getShouldRetry();
        return true;
    }
    auto details = response.getDetails();
    values.result = 1;
    values.text = bytes_of(details.getLocation());
    values.result_flag = details.getIsManaged();
    return copy_id(details.getUuid(), values.uuid);
}

bool read_payload(reference::Payload::Reader from, ours_values &values)
{
    auto content = from.getContent();
    switch (values.content) {
    case OURS_NOTHING:
        return content.isStruct() && from.getCapabilities().size() == 0;
    case OURS_PARAMS:
        return read_params(content.getAs<reference::Params>(), values);
    case OURS_CONFIGURATION:
        values.json = bytes_of(content.getAs<reference::Configuration>().getJson());
        return true;
    case OURS_RESULT:
        return read_result(content.getAs<reference::Result>(), values);
    case OURS_CAPABILITY:
        values.capability = from.getCapabilities()[0].getHosted();
        return content.isCapability() && from.getCapabilities().size() == 1;
    }
    return false;
}

bool read_call(reference::Call::Reader from, ours_values &values)
{
    auto target = from.getTarget();
    values.id = from.getQuestion();
    values.interface_id = from.getInterface();
    values.method = from.getMethod();
    values.target = target.isPromised();
    values.target_id =
        target.isPromised() ? target.getPromised().getQuestion() : target.getCapability();
    return from.getResultsTo().isCaller() && !from.getPassOn() &&
           read_payload(from.getParams(), values);
}

bool read_return(reference::Return::Reader from, ours_values &values)
{
    values.id = from.getQuestion();
    values.flag = from.getReleaseParams();
    values.outcome = from.which();
    if (from.isException())
        read_exception(from.getException(), values);
    return !from.isResults() || read_payload(from.getResults(), values);
}

bool read(reference::Message::Reader from, ours_values &values)
{
    values.kind = from.which();
    switch (values.kind) {
    case UNIMPLEMENTED: {
        auto unknown = from.getUnimplemented();
        values.unknown_tag = unknown.which();
        values.id = unknown.isCall() ? unknown.getCall().getQuestion()
                                     : unknown.getBootstrap().getQuestion();
        return true;
    }
    case ABORT:
        read_exception(from.getAbort(), values);
        return true;
    case CALL:
        return read_call(from.getCall(), values);
    case RETURN:
        return read_return(from.getAnswer(), values);
    case FINISH:
        values.id = from.getFinish().getQuestion();
        values.flag = from.getFinish().getReleaseResults();
        return true;
    case RELEASE:
        values.id = from.getRelease().getId();
        values.count = from.getRelease().getCount();
        return true;
    case BOOTSTRAP:
        values.id = from.getBootstrap().getQuestion();
        return true;
    }
    return false;
}

// ---- The comparison ----------------------------------------------------------------------------

bool same(const ours_bytes &a, const ours_bytes &b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// The name of the first field that differs; nullptr when none does.
const char *difference(const ours_values &a, const ours_values &b)
{
#define FIELD(name)                                                                                \
    if (a.name != b.name)                                                                          \
    return #name
#define BYTES(name)                                                                                \
    if (!same(a.name, b.name))                                                                     \
    return #name
#define ID(name)                                                                                   \
    if (memcmp(a.name, b.name, OURS_ID_SIZE) != 0)                                                 \
    return #name
    FIELD(kind);
    FIELD(id);
    FIELD(count);
    FIELD(flag);
    FIELD(outcome);
    FIELD(exception);
    BYTES(reason);
    FIELD(unknown_tag);
    FIELD(target);
    FIELD(target_id);
    FIELD(interface_id);
    FIELD(method);
    FIELD(capability);
    BYTES(json);
    BYTES(account);
    BYTES(secret);
    BYTES(version);
    BYTES(arch);
    BYTES(local_ip);
    ID(tunnel);
    ID(client);
    FIELD(index);
    FIELD(attempts);
    FIELD(quality);
    FIELD(replace);
    FIELD(feature_count);
    for (size_t i = 0; i < a.feature_count; i++)
        BYTES(features[i]);
    FIELD(result);
    BYTES(text);
    FIELD(retry_after);
    FIELD(result_flag);
    ID(uuid);
    return nullptr;
}

void fail(const char *who, int round, const ours_values &values, const char *what)
{
    printf("%s, message %d of seed %u, kind %u, content %d: %s\n", who, round, SEED, values.kind,
           (int)values.content, what);
    exit(1);
}

struct Counts {
    int messages = 0;
    int of_several_segments = 0;
    int over_our_limits = 0;
};

void check_our_reader(int round, const ours_values &want, Values &random, Counts &counts)
{
    // Small first segments that do not grow make far pointers of all kinds.
    unsigned words = (unsigned)(1 + random.below(random.below(4) ? 16 : 512));
    auto strategy = random.below(2) ? capnp::AllocationStrategy::FIXED_SIZE
                                    : capnp::AllocationStrategy::GROW_HEURISTICALLY;
    capnp::MallocMessageBuilder builder(words, strategy);
    capnp::BuilderCapabilityTable table;
    build(table.imbue(builder.initRoot<reference::Message>()), want, random.below(2));

    auto flat = capnp::messageToFlatArray(builder);
    auto bytes = flat.asChars();
    size_t segments = builder.getSegmentsForOutput().size();
    bool fits = segments <= SEGMENTS_MAX && bytes.size() <= MESSAGE_MAX;
    ours_values got = {};
    char why[OURS_WHY_SIZE];
    got.content = want.content;
    bool ok = ours_decode(bytes.begin(), bytes.size(), &got, why);
    if (ok != fits)
        fail("our reader", round, want, ok ? "took a message over its limits" : why);
    const char *what = ok ? difference(want, got) : nullptr;
    if (what)
        fail("our reader", round, want, what);
    counts.messages++;
    counts.of_several_segments += segments > 1;
    counts.over_our_limits += !fits;
}

void check_our_writer(int round, const ours_values &want, std::vector<capnp::word> &room)
{
    size_t len = ours_encode(&want, (char *)room.data(), room.size() * sizeof(capnp::word));
    if (len == 0 || len % sizeof(capnp::word) != 0)
        fail("our writer", round, want, "no whole words");
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(room.data(), len / sizeof(capnp::word)));
    ours_values got = {};
    got.content = want.content;
    if (!read(reader.getRoot<reference::Message>(), got))
        fail("our writer", round, want, "the reference finds another content");
    const char *what = difference(want, got);
    if (what)
        fail("our writer", round, want, what);
}

} // namespace

int main()
{
    Values values(SEED);
    Counts counts;
    std::vector<capnp::word> room(MESSAGE_MAX / sizeof(capnp::word));
    for (int round = 0; round < MESSAGES; round++) {
        check_our_reader(round, values.make(), values, counts);
        check_our_writer(round, values.make(), room);
    }
    printf("%d messages each way; of those we read %d had several segments, %d were over our "
           "limits and refused\n",
           counts.messages, counts.of_several_segments, counts.over_our_limits);
    return counts.of_several_segments > MESSAGES / 10 ? 0 : 1;
}
