/* Questions to the system's resolver, on threads. Numbers and the table of a test are answered by a
 * task in a later turn; a question that nobody waits for any more is freed when its thread is back.
 */
#include "culvert/net/resolver.h"

#include "culvert/base/file.h"
#include "culvert/base/random.h"
#include "culvert/net/dns_message.h"
#include "culvert/net/jobs.h"
#include "culvert/net/name_servers.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>

enum {
    ANSWER_MAX = 8 * 1024,       /* a hundred SRV records; more are not used */
    RESOLV_CONF_MAX = 64 * 1024, /* of the configuration of the system's resolver */
};

struct resolver {
    struct loop *loop;
    struct jobs *jobs; /* NULL: answers come from the table */
    const struct resolver_entry *entries;
    size_t entry_count;
};

struct lookup {
    struct resolver *resolver;
    struct job job;
    struct task answer; /* when no thread is needed */
    bool on_thread;
    char name[RESOLVER_NAME_MAX];
    uint16_t port;
    /* The result; written by the thread, then read on the loop. */
    struct error why;
    struct ip_address addresses[RESOLVER_ADDRESSES_MAX];
    struct srv_target targets[RESOLVER_TARGETS_MAX];
    size_t count;
    /* Exactly one of them is set. */
    resolved_fn *done;
    resolved_srv_fn *srv_done;
    void *arg;
};

struct resolver *resolver_new(struct loop *loop, struct jobs *jobs)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver)
        *resolver = (struct resolver){.loop = loop, .jobs = jobs};
    return resolver;
}

struct resolver *resolver_new_table(struct loop *loop, const struct resolver_entry *entries,
                                    size_t count)
{
    struct resolver *resolver = resolver_new(loop, NULL);
    if (resolver) {
        resolver->entries = entries;
        resolver->entry_count = count;
    }
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    free(resolver);
}

/* The callback is the last thing that happens to a lookup. */
static void tell(struct lookup *lookup)
{
    const struct error *why = lookup->count > 0 ? NULL : &lookup->why;
    if (why && lookup->why.kind == ERROR_NONE)
        (void)error_set(&lookup->why, ERROR_NETWORK, 0, "lookup %s: no answer", lookup->name);
    if (lookup->done)
        lookup->done(lookup->arg, lookup->addresses, lookup->count, why);
    else
        lookup->srv_done(lookup->arg, lookup->targets, lookup->count, why);
    free(lookup);
}

static void tell_from_task(void *arg)
{
    tell(arg);
}

static void tell_from_job(struct job *job, bool cancelled)
{
    struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
    if (cancelled)
        free(lookup);
    else
        tell(lookup);
}

static void forget(struct job *job)
{
    free(CONTAINER_OF(job, struct lookup, job));
}

static void keep_address(struct lookup *lookup, const struct addrinfo *info)
{
    struct ip_address *to = &lookup->addresses[lookup->count];
    if (lookup->count == RESOLVER_ADDRESSES_MAX || info->ai_addrlen > sizeof to->v6 ||
        (info->ai_family != AF_INET && info->ai_family != AF_INET6))
        return;
    memcpy(&to->any, info->ai_addr, info->ai_addrlen);
    to->len = info->ai_addrlen;
    ip_set_port(to, lookup->port);
    lookup->count++;
}

static void ask_addresses(struct job *job)
{
    struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (inet_aton(lookup->name, &(struct in_addr){0}) != 0) {
        /* "127.1", "0x7f000001": only the C library takes them for addresses */
        (void)error_set(&lookup->why, ERROR_NETWORK, 0, "lookup %s: a number is no name",
                        lookup->name);
        return;
    }
    int code = getaddrinfo(lookup->name, NULL, &hints, &list);
    if (code == EAI_SYSTEM) {
        (void)error_errno(&lookup->why, "lookup %s", lookup->name);
        return;
    }
    if (code != 0) {
        (void)error_set(&lookup->why, ERROR_NETWORK, 0, "lookup %s: %s", lookup->name,
                        gai_strerror(code));
        return;
    }
    for (const struct addrinfo *info = list; info; info = info->ai_next)
        keep_address(lookup, info);
    freeaddrinfo(list);
}

static void ask_name_servers(struct job *job)
{
    struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
    struct buf text = BUF_LIMIT(RESOLV_CONF_MAX);
    struct ip_address servers[NAME_SERVERS_MAX];
    size_t count = 0;
    /* Without the file the server is the machine's own, as for its resolver. */
    if (file_read(_PATH_RESCONF, &text, &lookup->why) || lookup->why.cause == ENOENT)
        count = name_servers_parse(buf_span(&text), servers);
    for (size_t i = 0; i < count; i++) {
        lookup->addresses[i] = servers[i];
        ip_set_port(&lookup->addresses[i], lookup->port);
    }
    lookup->count = count;
    buf_release(&text);
}

static void read_srv(struct lookup *lookup, struct span answer)
{
    struct dns_srv records[RESOLVER_TARGETS_MAX];
    size_t count;
    if (!dns_parse_srv(answer, records, ARRAY_LEN(records), &count, &lookup->why)) {
        (void)error_wrap(&lookup->why, "lookup SRV %s", lookup->name);
        return;
    }
    dns_order_srv(records, count, random_below);
    for (size_t i = 0; i < count; i++) {
        struct srv_target *target = &lookup->targets[lookup->count++];
        (void)snprintf(target->name, sizeof target->name, "%s", records[i].target);
        target->port = records[i].port;
    }
}

static void ask_srv(struct job *job)
{
    struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
    unsigned char answer[ANSWER_MAX];
    struct __res_state state = {0};

    if (res_ninit(&state) != 0) {
        (void)error_set(&lookup->why, ERROR_SYSTEM, 0, "the system's resolver cannot be set up");
        return;
    }
    int len = res_nquery(&state, lookup->name, ns_c_in, ns_t_srv, answer, sizeof answer);
    if (len < 0)
        (void)error_set(&lookup->why, ERROR_NETWORK, state.res_h_errno, "lookup SRV %s: %s",
                        lookup->name, hstrerror(state.res_h_errno));
    else
        read_srv(lookup,
                 span_make(answer, (size_t)len < sizeof answer ? (size_t)len : sizeof answer));
    res_nclose(&state);
}

static bool add_address(struct lookup *lookup, struct span text)
{
    return lookup->count < RESOLVER_ADDRESSES_MAX &&
           ip_parse(text, lookup->port, &lookup->addresses[lookup->count]);
}

static bool add_target(struct lookup *lookup, struct span text)
{
    struct srv_target *target = &lookup->targets[lookup->count];
    struct span host;
    if (lookup->count == RESOLVER_TARGETS_MAX || !ip_split_host_port(text, &host, &target->port))
        return false;
    (void)snprintf(target->name, sizeof target->name, "%.*s", SPAN_ARG(host));
    return true;
}

static void answer_from_table(struct lookup *lookup)
{
    const struct resolver *resolver = lookup->resolver;
    for (size_t i = 0; i < resolver->entry_count; i++) {
        const struct resolver_entry *entry = &resolver->entries[i];
        struct span text = span_of(entry->address);
        if (!span_equal_nocase(span_of(entry->name), span_of(lookup->name)))
            continue;
        if (lookup->done ? add_address(lookup, text) : add_target(lookup, text))
            lookup->count++;
    }
    if (lookup->count == 0)
        (void)error_set(&lookup->why, ERROR_NETWORK, 0, "lookup %s: Name or service not known",
                        lookup->name);
}

/* Without the brackets of an IPv6 address in a URL. */
static struct span bare(struct span host)
{
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        return span_make(host.data + 1, host.len - 2);
    return host;
}

bool resolver_is_number(const char *host, uint16_t port, struct ip_address *address)
{
    return ip_parse(bare(span_of(host)), port, address);
}

static struct lookup *lookup_new(struct resolver *resolver, const char *name, struct error *err)
{
    size_t len = strlen(name);
    if (len == 0 || len >= RESOLVER_NAME_MAX) {
        (void)error_set(err, ERROR_INVALID, 0, "\"%.60s\" cannot be looked up: %s", name,
                        len == 0 ? "no name" : "too long");
        return NULL;
    }
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        (void)error_memory(err);
        return NULL;
    }
    lookup->resolver = resolver;
    memcpy(lookup->name, name, len + 1);
    task_init(&lookup->answer, resolver->loop, TASK_SOON, tell_from_task, lookup);
    lookup->job = (struct job){.done = tell_from_job, .orphaned = forget};
    return lookup;
}

/* Puts the lookup on its way; NULL, and the lookup is gone, when that fails. */
static struct lookup *start(struct lookup *lookup, void (*ask)(struct job *job), struct error *err)
{
    struct resolver *resolver = lookup->resolver;
    if (lookup->count == 0 && !resolver->jobs)
        answer_from_table(lookup);
    if (lookup->count > 0 || !resolver->jobs) {
        task_post(&lookup->answer);
        return lookup;
    }
    lookup->on_thread = true;
    lookup->job.run = ask;
    if (jobs_post(resolver->jobs, &lookup->job))
        return lookup;
    (void)error_set(err, ERROR_LIMIT, 0, "lookup %s: too many questions at once", lookup->name);
    free(lookup);
    return NULL;
}

struct lookup *resolver_addresses(struct resolver *resolver, const char *host, uint16_t port,
                                  resolved_fn *done, void *arg, struct error *err)
{
    struct lookup *lookup = lookup_new(resolver, host, err);
    if (!lookup)
        return NULL;
    lookup->done = done;
    lookup->arg = arg;
    lookup->port = port;
    if (resolver_is_number(host, port, &lookup->addresses[0]))
        lookup->count = 1;
    bool is_name = strcmp(host, RESOLVER_NAME_SERVERS) != 0;
    return start(lookup, is_name ? ask_addresses : ask_name_servers, err);
}

struct lookup *resolver_srv(struct resolver *resolver, const char *name, resolved_srv_fn *done,
                            void *arg, struct error *err)
{
    struct lookup *lookup = lookup_new(resolver, name, err);
    if (!lookup)
        return NULL;
    lookup->srv_done = done;
    lookup->arg = arg;
    return start(lookup, ask_srv, err);
}

void lookup_cancel(struct lookup *lookup)
{
    if (!lookup)
        return;
    if (lookup->on_thread) {
        jobs_cancel(lookup->resolver->jobs, &lookup->job);
        return;
    }
    task_cancel(&lookup->answer);
    free(lookup);
}
