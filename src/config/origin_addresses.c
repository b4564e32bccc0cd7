/* Both are judged while they are read, where their places are known. */
#include "culvert/config/origin_addresses.h"

#include "culvert/base/ip.h"

#define SECONDS(n) (INT64_C(1000000000) * (n))

enum { PATH_MAX_BYTES = 1024 };

/* ---- addresses ---- */

void origin_addresses_release(struct origin_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        free(addresses->all[i].text);
        free(addresses->all[i].host);
    }
    free(addresses->all);
    *addresses = (struct origin_addresses){0};
}

/* Letters, digits and what else stands in names and addresses; a name with other letters is written
 * in A-labels here. */
static bool is_host(struct span host)
{
    static const char others[] = "-._:%";
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return host.len > 0;
}

static bool judge_address(struct value value, struct origin_address *address, struct error *err)
{
    struct span text = span_of(address->text);
    struct span host = SPAN("");
    uint16_t port = 0;
    if (!ip_split_host_port(text, &host, &port) || !is_host(host) ||
        (port == 0 && span_ends(text, SPAN(":0"))))
        return value_fail(value, err,
                          "\"%.80s\" is no address of a service: it is written HOST or HOST:PORT",
                          address->text);
    address->host = span_dup(host);
    address->port = port;
    return address->host || error_memory(err);
}

bool origin_addresses_read(struct value list, struct origin_addresses *to, struct error *err)
{
    size_t count = value_count(list);
    if (!value_is_list(list, err))
        return false;
    if (count > ORIGIN_ADDRESSES_MAX)
        return value_fail(list, err, "more than %d addresses", ORIGIN_ADDRESSES_MAX);
    origin_addresses_release(to);
    to->all = calloc(count + 1, sizeof *to->all);
    if (!to->all)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct value value = value_at(list, i);
        struct origin_address *address = &to->all[to->count];
        bool present = false;
        if (value_is_absent(value))
            continue;
        to->count++;
        if (!value_text(value, &address->text, &present, err) ||
            !judge_address(value, address, err))
            return false;
    }
    return true;
}

bool origin_addresses_copy(struct origin_addresses *to, const struct origin_addresses *from,
                           struct error *err)
{
    origin_addresses_release(to);
    to->all = calloc(from->count + 1, sizeof *to->all);
    if (!to->all)
        return error_memory(err);
    for (size_t i = 0; i < from->count; i++) {
        struct origin_address *address = &to->all[to->count++];
        address->text = span_dup(span_of(from->all[i].text));
        address->host = span_dup(span_of(from->all[i].host));
        address->port = from->all[i].port;
        if (!address->text || !address->host)
            return error_memory(err);
    }
    return true;
}

struct doc *origin_addresses_to_doc(const struct origin_addresses *addresses)
{
    struct doc *list = doc_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < addresses->count; i++)
        ok = doc_append(list, doc_text(span_of(addresses->all[i].text)));
    if (ok)
        return list;
    doc_free(list);
    return NULL;
}

/* ---- checks ---- */

void health_check_release(struct health_check *check)
{
    free(check->path);
    *check = (struct health_check){0};
}

static const char *health_key(size_t index)
{
    static const char *const names[] = {"path",           "interval", "timeout", "healthyAfter",
                                        "unhealthyAfter", "status",   NULL};
    return names[index];
}

static const struct value_keys health_keys = {.name_at = health_key};

static bool is_target(struct span path)
{
    for (size_t i = 0; i < path.len; i++)
        if (path.data[i] <= ' ' || path.data[i] >= 0x7f || path.data[i] == '#')
            return false;
    return span_starts(path, SPAN("/")) && path.len <= PATH_MAX_BYTES;
}

static bool judge_check(struct value block, const struct health_check *check, struct error *err)
{
    if (check->path && !is_target(span_of(check->path)))
        return value_fail(value_member(block, "path"), err,
                          "the path of a check begins with a slash and holds no space, no # and no "
                          "unescaped letters");
    if (check->interval_ns < HEALTH_INTERVAL_MIN_MS * INT64_C(1000000))
        return value_fail(value_member(block, "interval"), err, "a check has to wait at least %d s",
                          HEALTH_INTERVAL_MIN_MS / 1000);
    if (check->timeout_ns <= 0)
        return value_fail(value_member(block, "timeout"), err, "a check needs time");
    if (check->healthy_after < 1 || check->healthy_after > HEALTH_STREAK_MAX)
        return value_fail(value_member(block, "healthyAfter"), err,
                          "it takes a number from 1 to %d", HEALTH_STREAK_MAX);
    if (check->unhealthy_after < 1 || check->unhealthy_after > HEALTH_STREAK_MAX)
        return value_fail(value_member(block, "unhealthyAfter"), err,
                          "it takes a number from 1 to %d", HEALTH_STREAK_MAX);
    if (check->status != 0 && (check->status < 200 || check->status > 999 || !check->path))
        return value_fail(value_member(block, "status"), err,
                          "it takes a number from 200 to 999, and a path that is asked for");
    return true;
}

bool health_check_read(struct value block, struct health_check *to, struct notes *notes,
                       struct error *err)
{
    bool present;
    health_check_release(to);
    *to = (struct health_check){.is_on = true,
                                .interval_ns = SECONDS(10),
                                .timeout_ns = SECONDS(5),
                                .healthy_after = 2,
                                .unhealthy_after = 3};
    if (!value_is_map(block, err) ||
        !value_text(value_member(block, "path"), &to->path, &present, err) ||
        !value_duration(value_member(block, "interval"), &to->interval_ns, &present, err) ||
        !value_duration(value_member(block, "timeout"), &to->timeout_ns, &present, err) ||
        !value_int(value_member(block, "healthyAfter"), &to->healthy_after, &present, err) ||
        !value_int(value_member(block, "unhealthyAfter"), &to->unhealthy_after, &present, err) ||
        !value_int(value_member(block, "status"), &to->status, &present, err))
        return false;
    value_note_unused(block, &health_keys, notes);
    return judge_check(block, to, err);
}

bool health_check_copy(struct health_check *to, const struct health_check *from, struct error *err)
{
    health_check_release(to);
    *to = *from;
    to->path = from->path ? span_dup(span_of(from->path)) : NULL;
    return !from->path || to->path || error_memory(err);
}

/* Seconds, with a fraction where there is one. */
static struct doc *seconds_to_doc(int64_t nanoseconds)
{
    if (nanoseconds % SECONDS(1) == 0)
        return doc_int(nanoseconds / SECONDS(1));
    return doc_real((double)nanoseconds / (double)SECONDS(1));
}

struct doc *health_check_to_doc(const struct health_check *check)
{
    struct doc *object = doc_object();
    bool ok = object != NULL;
    if (ok && check->path)
        ok = doc_put_text(object, "path", span_of(check->path));
    ok = ok && doc_put(object, "interval", seconds_to_doc(check->interval_ns)) &&
         doc_put(object, "timeout", seconds_to_doc(check->timeout_ns)) &&
         doc_put_int(object, "healthyAfter", check->healthy_after) &&
         doc_put_int(object, "unhealthyAfter", check->unhealthy_after);
    if (ok && check->status != 0)
        ok = doc_put_int(object, "status", check->status);
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}
