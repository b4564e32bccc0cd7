/* A desk for each key set: what this worker holds of it, and who waits for another one.
 *
 *   question  worker -> home, the store answers in its time -> worker     one at most for a desk */
#include "culvert/access/verifier.h"

#include "token_field.h"

#include <assert.h>
#include <stdlib.h>

struct desk {
    struct link link;
    struct verifier *verifier;
    char *url;
    struct jwks *keys; /* NULL: none */
    uint64_t version, heard_ms;
    struct list checks;  /* that wait */
    struct list decided; /* on their way out, from within an answer */
    bool is_telling;     /* those: whoever is told may ask for a desk that is not there yet */
    bool is_out;         /* the question is with the home */
    struct worker_call call;
    struct key_ask ask;
};

struct verifier {
    struct verifier_options options;
    struct loop *loop;
    struct list desks; /* most recently used first */
};

/* ---- judging ---- */

static bool has_keys(const struct desk *desk)
{
    return desk->keys && loop_now_ms(desk->verifier->loop) - desk->heard_ms < VERIFIER_HELD_MS;
}

static const char *sentence(enum access_finding finding)
{
    switch (finding) {
    case ACCESS_ALGORITHM:
        return "the token is not signed by RS256";
    case ACCESS_ISSUER:
        return "the token is another issuer's";
    case ACCESS_EXPIRED:
        return "the token has expired, or has no end";
    case ACCESS_EARLY:
        return "the token does not hold yet";
    case ACCESS_AUDIENCE:
        return "the token is for another application";
    case ACCESS_UNKNOWN_KEY:
        return "the issuer has no key as the token names it";
    case ACCESS_SIGNATURE:
        return "the token is not signed by the issuer";
    case ACCESS_NO_KEYS:
        return "too many requests wait for the issuer's keys";
    case ACCESS_VALID:
    case ACCESS_WAITS:
    case ACCESS_NO_TOKEN:
    case ACCESS_MALFORMED:
    case ACCESS_NO_MEMORY:
    case ACCESS_FINDINGS:
        break;
    }
    return "";
}

static enum access_finding say(enum access_finding finding, struct error *why)
{
    (void)error_set(why, ERROR_DENIED, 0, "%s", sentence(finding));
    return finding;
}

static enum access_finding no_memory(struct error *why)
{
    (void)error_memory(why);
    return ACCESS_NO_MEMORY;
}

/* By the keys of a desk. NO_KEY and NOT_SIGNED may change with other keys. */
static enum access_finding judge_signature(const struct desk *desk, const struct jwt *jwt)
{
    static const enum access_finding findings[] = {
        [JWKS_SIGNED] = ACCESS_VALID,
        [JWKS_NO_KEY] = ACCESS_UNKNOWN_KEY,
        [JWKS_NOT_SIGNED] = ACCESS_SIGNATURE,
    };
    return findings[jwks_judge(desk->keys, jwt)];
}

/* All that can be told without keys, and the token to go on with when that is nothing bad. */
static enum access_finding read_token(const struct verifier *verifier,
                                      const struct access_check *check, struct access_terms *terms,
                                      struct jwt **jwt, struct error *why)
{
    struct span text;
    *jwt = NULL;
    if (!token_field_find(check->fields, &text))
        return ACCESS_NO_TOKEN;
    *jwt = jwt_parse(text, why);
    if (!*jwt)
        return why->kind == ERROR_SYSTEM ? ACCESS_NO_MEMORY : ACCESS_MALFORMED;
    if (!access_terms_make(check->requirement, terms)) {
        (void)error_set(why, ERROR_DENIED, 0, "the rule names no issuer that a token could be of");
        return ACCESS_ISSUER;
    }
    enum access_finding finding =
        access_terms_judge(terms, check->requirement, *jwt, loop_unix_ms(verifier->loop));
    return finding == ACCESS_VALID ? finding : say(finding, why);
}

/* ---- the question ---- */

static void take_answer(struct worker_call *call);

static void post(struct worker *to, struct desk *desk, void (*run)(struct worker_call *call))
{
    desk->call.run = run;
    bool posted = worker_post(to, &desk->call); /* one a desk cannot fill a mailbox */
    assert(posted);
    (void)posted;
}

static void on_answered(struct key_ask *ask)
{
    struct desk *desk = CONTAINER_OF(ask, struct desk, ask);
    post(desk->verifier->options.worker, desk, take_answer);
}

/* On the home's loop. */
static void put_question(struct worker_call *call)
{
    struct desk *desk = CONTAINER_OF(call, struct desk, call);
    if (key_store_ask(desk->verifier->options.keys, &desk->ask))
        on_answered(&desk->ask);
}

static void ask(struct desk *desk, bool wants_newer)
{
    desk->is_out = true;
    desk->ask = (struct key_ask){.url = desk->url,
                                 .version = desk->version,
                                 .wants_newer = wants_newer,
                                 .answered = on_answered};
    post(desk->verifier->options.home, desk, put_question);
}

static void move(struct access_check *check, struct list *to)
{
    list_remove(check->in, &check->link);
    check->in = to;
    list_put_last(to, &check->link);
}

/* With the keys that came. WAITS: others have to be asked for. */
static enum access_finding judge_again(const struct desk *desk, const struct access_check *check)
{
    struct access_terms terms;
    struct error why;
    struct jwt *jwt;
    if (!desk->keys)
        return ACCESS_NO_KEYS;
    enum access_finding finding = read_token(desk->verifier, check, &terms, &jwt, &why);
    bool is_readable = finding == ACCESS_VALID;
    if (is_readable)
        finding = judge_signature(desk, jwt);
    jwt_free(jwt);
    if (!is_readable || finding == ACCESS_VALID)
        return finding;
    if (!desk->ask.wants_newer)
        return ACCESS_WAITS;
    return desk->ask.why.kind == ERROR_NONE ? finding : ACCESS_NO_KEYS;
}

/* Each may take others away, or bring new ones. */
static void tell(struct desk *desk, const struct error *no_keys)
{
    struct link *first;
    desk->is_telling = true;
    while ((first = list_first(&desk->decided))) {
        struct error why = {0};
        struct access_check *check = CONTAINER_OF(first, struct access_check, link);
        if (check->finding == ACCESS_NO_KEYS)
            why = *no_keys;
        else if (check->finding == ACCESS_NO_MEMORY)
            (void)error_memory(&why);
        else
            (void)say(check->finding, &why);
        verifier_forget(check);
        check->decided(check, check->finding, &why);
    }
    desk->is_telling = false;
}

static void take_answer(struct worker_call *call)
{
    struct desk *desk = CONTAINER_OF(call, struct desk, call);
    const struct error no_keys = desk->ask.why;
    bool wants_newer = false;
    desk->is_out = false;
    jwks_unref(desk->keys);
    desk->keys = desk->ask.keys;
    desk->version = desk->ask.version;
    desk->heard_ms = loop_now_ms(desk->verifier->loop);
    LIST_EACH_SAFE (it, after, &desk->checks) {
        struct access_check *check = CONTAINER_OF(it, struct access_check, link);
        check->finding = judge_again(desk, check);
        if (check->finding == ACCESS_WAITS)
            wants_newer = true;
        else
            move(check, &desk->decided);
    }
    if (wants_newer)
        ask(desk, true);
    tell(desk, &no_keys);
}

/* ---- desks ---- */

static void desk_free(struct desk *desk)
{
    assert(!desk->is_out && desk->checks.count == 0);
    jwks_unref(desk->keys);
    free(desk->url);
    free(desk);
}

static bool make_room(struct verifier *verifier)
{
    if (verifier->desks.count < VERIFIER_ISSUERS_MAX)
        return true;
    for (struct link *it = list_last(&verifier->desks); it != &verifier->desks.head;
         it = it->prev) {
        struct desk *desk = CONTAINER_OF(it, struct desk, link);
        if (desk->is_out || desk->is_telling || desk->checks.count > 0)
            continue;
        list_remove(&verifier->desks, it);
        desk_free(desk);
        return true;
    }
    return false;
}

static struct desk *desk_new(struct verifier *verifier, const char *url)
{
    struct desk *desk = calloc(1, sizeof *desk);
    if (!desk)
        return NULL;
    desk->verifier = verifier;
    desk->url = span_dup(span_of(url));
    if (!desk->url) {
        free(desk);
        return NULL;
    }
    list_init(&desk->checks);
    list_init(&desk->decided);
    return desk;
}

/* The desk of the URL, the first of the list then. NULL: memory, or all others are in use. */
static struct desk *find(struct verifier *verifier, const char *url)
{
    LIST_EACH (it, &verifier->desks) {
        struct desk *desk = CONTAINER_OF(it, struct desk, link);
        if (strcmp(desk->url, url) != 0)
            continue;
        list_remove(&verifier->desks, it);
        list_put_first(&verifier->desks, it);
        return desk;
    }
    struct desk *desk = make_room(verifier) ? desk_new(verifier, url) : NULL;
    if (desk)
        list_put_first(&verifier->desks, &desk->link);
    return desk;
}

/* ---- the public side ---- */

struct verifier *verifier_new(const struct verifier_options *options)
{
    struct verifier *verifier = calloc(1, sizeof *verifier);
    if (!verifier)
        return NULL;
    verifier->options = *options;
    verifier->loop = worker_loop(options->worker);
    list_init(&verifier->desks);
    return verifier;
}

/* The keys that are held do not do; `finding` is what they say. */
static enum access_finding wait(struct desk *desk, struct access_check *check,
                                enum access_finding finding, struct error *why)
{
    if (desk->checks.count == VERIFIER_CHECKS_MAX)
        return say(finding, why);
    check->in = &desk->checks;
    list_put_last(&desk->checks, &check->link);
    if (!desk->is_out)
        ask(desk, finding != ACCESS_NO_KEYS);
    return ACCESS_WAITS;
}

enum access_finding verifier_judge(struct verifier *verifier, struct access_check *check,
                                   const struct access_requirement *requirement,
                                   const struct headers *fields, struct error *why)
{
    struct access_terms terms;
    struct jwt *jwt;
    check->verifier = verifier;
    check->requirement = requirement;
    check->fields = fields;
    check->in = NULL;
    enum access_finding finding = read_token(verifier, check, &terms, &jwt, why);
    struct desk *desk = finding == ACCESS_VALID ? find(verifier, terms.keys_url) : NULL;
    if (finding == ACCESS_VALID && !desk)
        finding = no_memory(why);
    else if (desk)
        finding = has_keys(desk) ? judge_signature(desk, jwt) : ACCESS_NO_KEYS;
    jwt_free(jwt);
    return !desk || finding == ACCESS_VALID ? finding : wait(desk, check, finding, why);
}

void verifier_forget(struct access_check *check)
{
    if (check->in)
        list_remove(check->in, &check->link);
    check->in = NULL;
}

bool verifier_is_idle(const struct verifier *verifier)
{
    LIST_EACH (it, &verifier->desks)
        if (CONTAINER_OF(it, struct desk, link)->is_out)
            return false;
    return true;
}

void verifier_free(struct verifier *verifier)
{
    if (!verifier)
        return;
    LIST_EACH_SAFE (it, after, &verifier->desks)
        desk_free(CONTAINER_OF(it, struct desk, link));
    free(verifier);
}
